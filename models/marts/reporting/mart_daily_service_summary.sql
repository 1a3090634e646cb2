{{ config(meta={"files_from": "rpt_trips_daily"}) }}

with daily as (
    select * from {{ ref("rpt_trips_daily") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

-- A day at the edge of a month is in two files.
summed as (
    select
        service_type,
        pickup_date,
        {{ select_sums_of_daily_measures() }}
    from daily
    group by service_type, pickup_date
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["summed.pickup_date", "summed.service_type"]) }} as daily_service_summary_id,
        summed.pickup_date,
        summed.service_type,
        cast(case when completeness.file_month is null then 0 else completeness.official_row_share end as {{ type_decimal(18, 4) }}) as official_row_share,
        coalesce(completeness.month_completeness, 'part') as month_completeness,
        summed.row_count,
        summed.trip_count,
        summed.voided_row_count,
        summed.app_dispatched_trip_count,
        summed.passenger_count,
        summed.distance_trip_count,
        summed.trip_distance_miles,
        {{ ratio("summed.trip_distance_miles", "summed.distance_trip_count") }} as avg_trip_distance_miles,
        summed.duration_trip_count,
        summed.trip_duration_seconds,
        {{ ratio("summed.trip_duration_seconds", "summed.duration_trip_count") }} as avg_trip_duration_seconds,
        summed.wait_trip_count,
        summed.wait_seconds,
        summed.fare_amount,
        summed.tip_amount,
        summed.total_amount,
        summed.driver_pay_amount,
        summed.metered_revenue_amount,
        summed.rider_payment_amount,
        summed.card_trip_count,
        summed.card_fare_amount,
        summed.card_tip_amount,
        {{ ratio("summed.card_tip_amount", "summed.card_fare_amount") }} as card_tip_share
    from summed
    left join completeness
        on
            summed.service_type = completeness.service_type
            and {{ first_of_month("summed.pickup_date") }} = completeness.file_month
)

select * from final
