-- Where and when do trips begin? The five busiest known pickup zones of each hour of the day, by service.
with trips as (
    select
        service_type,
        pickup_zone_id,
        cast(extract(hour from pickup_at) as integer) as pickup_hour
    from {{ ref("fact_trips") }}
    where
        not is_voided
        and pickup_zone_id <> {{ var("unknown_zone_id") }}
),

counted as (
    select
        service_type,
        pickup_hour,
        pickup_zone_id,
        count(*) as trip_count
    from trips
    group by service_type, pickup_hour, pickup_zone_id
),

ranked as (
    select
        service_type,
        pickup_hour,
        pickup_zone_id,
        trip_count,
        row_number() over (partition by service_type, pickup_hour order by trip_count desc, pickup_zone_id asc) as zone_rank
    from counted
),

zones as (
    select
        zone_id,
        borough,
        zone_label
    from {{ ref("dim_zones") }}
),

final as (
    select
        ranked.service_type,
        ranked.pickup_hour,
        ranked.zone_rank,
        zones.borough,
        zones.zone_label,
        ranked.trip_count
    from ranked
    inner join zones on ranked.pickup_zone_id = zones.zone_id
    where ranked.zone_rank <= 5
)

select * from final
order by service_type, pickup_hour, zone_rank
