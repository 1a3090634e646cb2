{{ config(materialized="incremental", meta={"files_from": "int_reversal_pairs"}) }}

with trips as (
    select * from {{ ref("int_trip_fares") }}
    where
        reject_reason is null
        and {{ in_slice_to_build() }}
),

zones as (
    select zone_id from {{ ref("dim_zones") }}
),

vendors as (
    select vendor_id from {{ ref("dim_vendors") }}
),

payment_types as (
    select payment_type_id from {{ ref("dim_payment_types") }}
),

rate_codes as (
    select rate_code_id from {{ ref("dim_rate_codes") }}
),

trip_types as (
    select trip_type_id from {{ ref("dim_trip_types") }}
),

final as (
    select
        trips.trip_id,
        trips.service_type,
        trips.file_month,
        trips.source_row,
        trips.source_file,
        trips.ingested_at,
        cast(trips.pickup_at as date) as pickup_date,
        trips.pickup_at,
        trips.dropoff_at,
        coalesce(pickup_zones.zone_id, {{ var("unknown_zone_id") }}) as pickup_zone_id,
        coalesce(dropoff_zones.zone_id, {{ var("unknown_zone_id") }}) as dropoff_zone_id,
        {{ known_member("vendors.vendor_id", var("unknown_vendor_id"), "trips.is_metered") }} as vendor_id,
        {{ known_member("rate_codes.rate_code_id", var("unknown_rate_code_id"), "trips.is_metered") }} as rate_code_id,
        {{ known_member("payment_types.payment_type_id", var("unknown_payment_type_id"), "trips.is_metered") }} as payment_type_id,
        {{ known_member("trip_types.trip_type_id", var("unknown_trip_type_id"), "trips.service_type = 'Green'") }} as trip_type_id,
        trips.passenger_count,
        trips.trip_distance_miles,
        cast(trips.trip_duration_seconds as integer) as trip_duration_seconds,
        trips.fare_amount,
        trips.extra_amount,
        trips.mta_tax_amount,
        trips.tip_amount,
        trips.tolls_amount,
        trips.improvement_surcharge_amount,
        trips.congestion_surcharge_amount,
        trips.airport_fee_amount,
        trips.cbd_congestion_fee_amount,
        trips.ehail_fee_amount,
        trips.total_amount,
        trips.net_extra_amount,
        trips.net_mta_tax_amount,
        trips.net_congestion_surcharge_amount,
        trips.expected_total_amount,
        trips.fare_residual_amount,
        trips.fare_check,
        trips.dispatching_base_number,
        trips.affiliated_base_number,
        trips.request_source,
        trips.is_store_and_forward,
        trips.is_shared_ride,
        trips.is_app_dispatched,
        trips.is_voided,
        trips.is_unmatched_reversal,
        trips.is_distance_implausible,
        trips.is_duration_clock_adjusted,
        trips.is_dropoff_dummy,
        trips.reversal_twin_trip_id
    from trips
    left join zones as pickup_zones on trips.pickup_zone_id = pickup_zones.zone_id
    left join zones as dropoff_zones on trips.dropoff_zone_id = dropoff_zones.zone_id
    left join vendors on trips.vendor_id = vendors.vendor_id
    left join rate_codes on trips.rate_code_id = rate_codes.rate_code_id
    left join payment_types on trips.payment_type_id = payment_types.payment_type_id
    left join trip_types on trips.trip_type_id = trip_types.trip_type_id
)

select * from final
