{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where
        {{ is_metered_service() }}
        and not is_voided
        and {{ in_slice_to_build() }}
),

payment_types as (
    select
        payment_type_id,
        is_card
    from {{ ref("dim_payment_types") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

rated as (
    select
        trips.service_type,
        trips.file_month,
        trips.pickup_zone_id,
        trips.fare_amount,
        trips.tip_amount,
        {{ tip_rate_band("trips.tip_amount", "trips.fare_amount") }} as tip_rate_band
    from trips
    inner join payment_types on trips.payment_type_id = payment_types.payment_type_id
    where payment_types.is_card
),

summed as (
    select
        file_month,
        service_type,
        pickup_zone_id,
        tip_rate_band,
        cast(count(*) as {{ dbt.type_bigint() }}) as card_trip_count,
        cast(sum(fare_amount) as {{ type_decimal(18, 2) }}) as card_trip_fare_amount,
        cast(sum(tip_amount) as {{ type_decimal(18, 2) }}) as card_trip_tip_amount
    from rated
    group by file_month, service_type, pickup_zone_id, tip_rate_band
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["summed.file_month", "summed.service_type", "summed.pickup_zone_id", "summed.tip_rate_band"]) }} as monthly_tip_rates_id,
        summed.file_month,
        cast(summed.service_type as {{ dbt.type_string() }}) as service_type,
        summed.pickup_zone_id,
        summed.tip_rate_band,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        summed.card_trip_count,
        summed.card_trip_fare_amount,
        summed.card_trip_tip_amount
    from summed
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
