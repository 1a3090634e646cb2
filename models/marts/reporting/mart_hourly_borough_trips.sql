{{ config(materialized="incremental", meta={"files_from": "fact_trips"}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
),

zones as (
    select
        zone_id,
        borough
    from {{ ref("dim_zones") }}
),

days as (
    select
        date_day,
        iso_day_of_week
    from {{ ref("dim_dates") }}
),

counted as (
    select
        trips.file_month,
        trips.service_type,
        zones.borough as pickup_borough,
        days.iso_day_of_week,
        cast(extract(hour from trips.pickup_at) as integer) as pickup_hour,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when trips.is_voided then 0 else 1 end) as {{ dbt.type_bigint() }}) as trip_count
    from trips
    inner join zones on trips.pickup_zone_id = zones.zone_id
    inner join days on trips.pickup_date = days.date_day
    group by 1, 2, 3, 4, 5
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["file_month", "service_type", "pickup_borough", "iso_day_of_week", "pickup_hour"]) }} as hourly_borough_trips_id,
        file_month,
        service_type,
        pickup_borough,
        iso_day_of_week,
        pickup_hour,
        row_count,
        trip_count
    from counted
)

select * from final
