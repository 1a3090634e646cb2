with codes as (
    select * from {{ ref("bases") }}
),

final as (
    select
        base_number,
        hvfhs_license_number
    from codes
)

select * from final
