-- Where and when do trips begin? The five busiest known pickup zones of each hour of the day, by service.
-- Whole months and parts of months are ranked apart (month_completeness): an excerpt may hold one day only.
with trips as (
    select
        service_type,
        file_month,
        pickup_zone_id,
        cast(extract(hour from pickup_at) as integer) as pickup_hour
    from {{ ref("fact_trips") }}
    where
        not is_voided
        and pickup_zone_id <> {{ var("unknown_zone_id") }}
),

files as (
    select
        service_type,
        file_month,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

counted as (
    select
        trips.service_type,
        files.month_completeness,
        trips.pickup_hour,
        trips.pickup_zone_id,
        count(*) as trip_count
    from trips
    inner join files
        on
            trips.service_type = files.service_type
            and trips.file_month = files.file_month
    group by trips.service_type, files.month_completeness, trips.pickup_hour, trips.pickup_zone_id
),

ranked as (
    select
        service_type,
        month_completeness,
        pickup_hour,
        pickup_zone_id,
        trip_count,
        row_number() over (
            partition by service_type, month_completeness, pickup_hour
            order by trip_count desc, pickup_zone_id asc
        ) as zone_rank
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
        ranked.month_completeness,
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
order by service_type, month_completeness, pickup_hour, zone_rank
