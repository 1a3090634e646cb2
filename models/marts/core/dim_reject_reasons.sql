with codes as (
    select * from {{ ref("reject_reasons") }}
),

final as (
    select
        reject_reason,
        rule_order,
        description
    from codes
)

select * from final
