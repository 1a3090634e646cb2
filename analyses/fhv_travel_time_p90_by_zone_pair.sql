-- How long does an FHV ride between two zones take on a bad day? 90th percentile of the travel time by month and zone pair.
-- Both zones known, at least min_trips_of_pair trips a pair, so that one odd trip does not make the figure.
-- month_completeness says how whole each month is: a part of a month is not the month.
with trips as (
    select
        file_month,
        pickup_zone_id,
        dropoff_zone_id,
        trip_duration_seconds
    from {{ ref("fact_trips") }}
    where
        service_type = 'FHV'
        and trip_duration_seconds is not null
        and pickup_zone_id <> {{ var("unknown_zone_id") }}
        and dropoff_zone_id <> {{ var("unknown_zone_id") }}
),

counted as (
    select
        file_month,
        pickup_zone_id,
        dropoff_zone_id,
        trip_duration_seconds,
        count(*) as trip_count
    from trips
    group by file_month, pickup_zone_id, dropoff_zone_id, trip_duration_seconds
),

cumulated as (
    select
        file_month,
        pickup_zone_id,
        dropoff_zone_id,
        trip_duration_seconds,
        sum(trip_count) over (partition by file_month, pickup_zone_id, dropoff_zone_id order by trip_duration_seconds) as trips_up_to_here,
        sum(trip_count) over (partition by file_month, pickup_zone_id, dropoff_zone_id) as trips_of_pair
    from counted
),

pairs as (
    select
        file_month,
        pickup_zone_id,
        dropoff_zone_id,
        max(trips_of_pair) as trip_count,
        min(case when trips_up_to_here * 100 >= trips_of_pair * 90 then trip_duration_seconds end) as travel_time_p90_seconds
    from cumulated
    where trips_of_pair >= {{ var("min_trips_of_pair") }}
    group by file_month, pickup_zone_id, dropoff_zone_id
),

zones as (
    select
        zone_id,
        zone_label
    from {{ ref("dim_zones") }}
),

files as (
    select
        file_month,
        month_completeness
    from {{ ref("fact_file_completeness") }}
    where service_type = 'FHV'
),

final as (
    select
        pairs.file_month,
        pickup_zones.zone_label as pickup_zone_label,
        dropoff_zones.zone_label as dropoff_zone_label,
        pairs.trip_count,
        pairs.travel_time_p90_seconds,
        files.month_completeness
    from pairs
    inner join files on pairs.file_month = files.file_month
    inner join zones as pickup_zones on pairs.pickup_zone_id = pickup_zones.zone_id
    inner join zones as dropoff_zones on pairs.dropoff_zone_id = dropoff_zones.zone_id
)

select * from final
order by travel_time_p90_seconds desc, pickup_zone_label asc, dropoff_zone_label asc
