with zones as (
    select
        locationid as zone_id,
        borough,
        zone as zone_name,
        service_zone
    from {{ ref("taxi_zone_lookup") }}
),

points as (
    select
        location_id as zone_id,
        cast(latitude as {{ type_decimal(9, 6) }}) as latitude,
        cast(longitude as {{ type_decimal(9, 6) }}) as longitude,
        cast(area_sq_miles as {{ type_decimal(9, 6) }}) as area_sq_miles
    from {{ ref("zone_points") }}
),

names as (
    select
        borough,
        zone_name,
        count(*) as zones_of_that_name
    from zones
    group by borough, zone_name
),

final as (
    select
        zones.zone_id,
        zones.borough,
        case zones.borough
            when 'EWR' then 'Newark Airport'
            when 'N/A' then 'Outside of NYC'
            else zones.borough
        end as borough_label,
        zones.zone_name,
        case
            when zones.zone_id = {{ var("unknown_zone_id") }} then 'Unknown zone'
            when names.zones_of_that_name > 1
                then {{ dbt.concat(["zones.zone_name", "' ('", dbt.cast("zones.zone_id", dbt.type_string()), "')'"]) }}
            else zones.zone_name
        end as zone_label,
        zones.service_zone,
        points.latitude,
        points.longitude,
        points.area_sq_miles,
        zones.zone_id in (1, 132, 138) as is_airport,
        zones.zone_id = {{ var("unknown_zone_id") }} as is_unknown
    from zones
    inner join names
        on
            zones.borough = names.borough
            and zones.zone_name = names.zone_name
    left join points on zones.zone_id = points.zone_id
)

select * from final
