{{ config(materialized="incremental", meta={"files_from": "int_reversal_pairs"}) }}

with trips as (
    select * from {{ ref("int_trips") }}
    where
        reject_reason is not null
        and {{ in_slice_to_build() }}
),

final as (
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        reject_reason,
        raw_line,
        pickup_at,
        dropoff_at,
        cast(trip_duration_seconds as {{ dbt.type_bigint() }}) as trip_duration_seconds,
        pickup_zone_id,
        dropoff_zone_id,
        vendor_id,
        rate_code_id,
        payment_type_id,
        trip_type_id,
        passenger_count,
        trip_distance_miles,
        fare_amount,
        extra_amount,
        mta_tax_amount,
        tip_amount,
        tolls_amount,
        improvement_surcharge_amount,
        congestion_surcharge_amount,
        airport_fee_amount,
        cbd_congestion_fee_amount,
        ehail_fee_amount,
        total_amount,
        dispatching_base_number,
        affiliated_base_number,
        request_source
    from trips
)

select * from final
