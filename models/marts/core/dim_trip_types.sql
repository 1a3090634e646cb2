with codes as (
    select * from {{ ref("trip_types") }}
),

final as (
    select
        trip_type_id,
        trip_type_name
    from codes
)

select * from final
