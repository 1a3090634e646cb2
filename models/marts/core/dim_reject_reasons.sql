with codes as (
    select * from {{ ref("reject_reasons") }}
),

final as (
    select
        reject_reason,
        rule_order,
        services,
        {{ fill_in_variables("description") }} as description
    from codes
)

select * from final
