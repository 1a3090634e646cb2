{{ config(materialized="incremental", meta={"files_from": "fact_trips"}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where
        service_type <> 'FHV'
        and {{ in_slice_to_build() }}
),

payment_types as (
    select
        payment_type_id,
        is_card
    from {{ ref("dim_payment_types") }}
),

summed as (
    select
        trips.service_type,
        trips.file_month,
        trips.pickup_zone_id,
        {{ trip_measures() }},
        {% for column in money_columns() %}
        {{ money_sum(column) }},
        {% endfor %}
        {{ card_measures() }}
    from trips
    inner join payment_types on trips.payment_type_id = payment_types.payment_type_id
    group by trips.service_type, trips.file_month, trips.pickup_zone_id
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["file_month", "service_type", "pickup_zone_id"]) }} as monthly_zone_revenue_id,
        file_month,
        file_month as revenue_month,
        service_type,
        pickup_zone_id,
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
