{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
),

zones as (
    select
        zone_id,
        borough,
        borough_label
    from {{ ref("dim_zones") }}
),

days as (
    select
        date_day,
        iso_day_of_week
    from {{ ref("dim_dates") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

counted as (
    select
        trips.file_month,
        trips.service_type,
        zones.borough as pickup_borough,
        zones.borough_label as pickup_borough_label,
        days.iso_day_of_week,
        cast(extract(hour from trips.pickup_at) as integer) as pickup_hour,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when trips.is_voided then 0 else 1 end) as {{ dbt.type_bigint() }}) as trip_count,
        {{ speed_measures() }}
    from trips
    inner join zones on trips.pickup_zone_id = zones.zone_id
    inner join days on trips.pickup_date = days.date_day
    group by 1, 2, 3, 4, 5, 6
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["counted.file_month", "counted.service_type", "counted.pickup_borough", "counted.iso_day_of_week", "counted.pickup_hour"]) }} as hourly_borough_trips_id,
        counted.file_month,
        cast(counted.service_type as {{ dbt.type_string() }}) as service_type,
        counted.pickup_borough,
        counted.pickup_borough_label,
        counted.iso_day_of_week,
        counted.pickup_hour,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        counted.row_count,
        counted.trip_count,
        counted.speed_trip_count,
        counted.speed_distance_miles,
        counted.speed_duration_seconds
    from counted
    left join completeness
        on
            counted.service_type = completeness.service_type
            and counted.file_month = completeness.file_month
)

select * from final
