with codes as (
    select * from {{ ref("fare_checks") }}
),

final as (
    select
        fare_check,
        check_order,
        is_explained,
        description
    from codes
)

select * from final
