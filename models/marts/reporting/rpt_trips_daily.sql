{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
),

zones as (
    select
        zone_id,
        borough,
        borough_label,
        zone_label,
        service_zone,
        latitude,
        longitude,
        is_airport
    from {{ ref("dim_zones") }}
),

dates as (
    select
        date_day,
        iso_day_of_week,
        day_name,
        is_weekend
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

summed as (
    select
        trips.service_type,
        trips.file_month,
        trips.pickup_date,
        trips.pickup_zone_id,
        {{ select_daily_measures() }}
    from trips
    group by trips.service_type, trips.file_month, trips.pickup_date, trips.pickup_zone_id
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["summed.file_month", "summed.pickup_date", "summed.service_type", "summed.pickup_zone_id"]) }} as trips_daily_id,
        summed.pickup_date,
        dates.iso_day_of_week,
        dates.day_name,
        dates.is_weekend,
        summed.file_month,
        summed.file_month as revenue_month,
        cast(summed.service_type as {{ dbt.type_string() }}) as service_type,
        summed.pickup_zone_id,
        zones.zone_label as pickup_zone,
        zones.borough as pickup_borough,
        zones.borough_label as pickup_borough_label,
        zones.service_zone as pickup_service_zone,
        {{ lat_lon("zones.latitude", "zones.longitude") }} as pickup_location,
        zones.is_airport as is_airport_pickup,
        {% for column in daily_measures() %}
        summed.{{ column }},
        {% endfor %}
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness
    from summed
    inner join zones on summed.pickup_zone_id = zones.zone_id
    inner join dates on summed.pickup_date = dates.date_day
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
