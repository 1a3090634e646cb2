with codes as (
    select * from {{ ref("hvfhs_licensees") }}
),

final as (
    select
        hvfhs_license_number,
        licensee_name
    from codes
)

select * from final
