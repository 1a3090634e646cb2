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
        {{ select_sums_of_daily_measures() }}
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
        {{ ratio("trip_distance_miles", "distance_trip_count") }} as avg_trip_distance_miles,
        {{ ratio("trip_duration_seconds", "duration_trip_count") }} as avg_trip_duration_seconds,
        {% for column in daily_measures() %}
        {{ column }},
        {% endfor %}
        {{ ratio("card_tip_amount", "card_fare_amount") }} as card_tip_share
    from summed
)

select * from final
