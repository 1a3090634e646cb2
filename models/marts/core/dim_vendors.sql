with codes as (
    select * from {{ ref("vendors") }}
),

final as (
    select
        vendor_id,
        vendor_name,
        is_documented
    from codes
)

select * from final
