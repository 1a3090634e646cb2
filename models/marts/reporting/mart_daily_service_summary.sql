{{ config(materialized="incremental", meta={"files_from": "fact_trips", "slice": "day"}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
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
        trips.pickup_date,
        {{ trip_measures() }},
        {{ money_sum("fare_amount") }},
        {{ money_sum("tip_amount") }},
        {{ money_sum("total_amount") }},
        {{ card_measures() }}
    from trips
    inner join payment_types on trips.payment_type_id = payment_types.payment_type_id
    group by trips.service_type, trips.pickup_date
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["pickup_date", "service_type"]) }} as daily_service_summary_id,
        pickup_date,
        service_type,
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
        fare_amount,
        tip_amount,
        total_amount,
        card_trip_count,
        card_fare_amount,
        card_tip_amount,
        {{ ratio("card_tip_amount", "card_fare_amount") }} as card_tip_share
    from summed
)

select * from final
