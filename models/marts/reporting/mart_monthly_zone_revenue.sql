{{ config(materialized="incremental", meta={"files_from": "rpt_trips_daily"}) }}

with daily as (
    select * from {{ ref("rpt_trips_daily") }}
    where
        service_type <> 'FHV'
        and {{ in_slice_to_build() }}
),

summed as (
    select
        service_type,
        file_month,
        pickup_zone_id,
        official_row_share,
        month_completeness,
        {{ sums_of_daily(daily_measures()) }}
    from daily
    group by service_type, file_month, pickup_zone_id, official_row_share, month_completeness
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["file_month", "service_type", "pickup_zone_id"]) }} as monthly_zone_revenue_id,
        file_month,
        file_month as revenue_month,
        service_type,
        pickup_zone_id,
        official_row_share,
        month_completeness,
        row_count,
        trip_count,
        voided_row_count,
        app_dispatched_trip_count,
        passenger_count,
        distance_trip_count,
        trip_distance_miles,
        {{ ratio("trip_distance_miles", "distance_trip_count") }} as avg_trip_distance_miles,
        duration_trip_count,
        trip_duration_seconds,
        {{ ratio("trip_duration_seconds", "duration_trip_count") }} as avg_trip_duration_seconds,
        {% for column in money_columns() %}
        {{ column }},
        {% endfor %}
        card_trip_count,
        card_fare_amount,
        card_tip_amount,
        {{ ratio("card_tip_amount", "card_fare_amount") }} as card_tip_share
    from summed
)

select * from final
