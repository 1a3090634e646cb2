{{ config(materialized="incremental", meta={"files_from": "int_reversal_pairs"}) }}

{%- set is_known = code_lists({
    "zone_id": ref("dim_zones"),
    "vendor_id": ref("dim_vendors"),
    "rate_code_id": ref("dim_rate_codes"),
    "payment_type_id": ref("dim_payment_types"),
    "trip_type_id": ref("dim_trip_types"),
}) %}

with trips as (
    select * from {{ ref("int_trip_fares") }}
    where
        reject_reason is null
        and {{ in_slice_to_build() }}
),

final as (
    select
        trips.trip_id,
        cast(trips.service_type as {{ type_of("service_type") }}) as service_type,
        trips.file_month,
        trips.source_row,
        cast(trips.pickup_at as date) as pickup_date,
        trips.pickup_at,
        trips.dropoff_at,
        {{ known_member("trips.pickup_zone_id", is_known.zone_id, var("unknown_zone_id")) }} as pickup_zone_id,
        {{ known_member("trips.dropoff_zone_id", is_known.zone_id, var("unknown_zone_id")) }} as dropoff_zone_id,
        {{ known_member("trips.vendor_id", is_known.vendor_id, var("unknown_vendor_id"), "trips.is_metered") }} as vendor_id,
        {{ known_member("trips.rate_code_id", is_known.rate_code_id, var("unknown_rate_code_id"), "trips.is_metered") }} as rate_code_id,
        {{ known_member("trips.payment_type_id", is_known.payment_type_id, var("unknown_payment_type_id"), "trips.is_metered") }} as payment_type_id,
        {{ known_member("trips.trip_type_id", is_known.trip_type_id, var("unknown_trip_type_id"), "trips.service_type = 'Green'") }} as trip_type_id,
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
        cast(trips.fare_check as {{ type_of("fare_check") }}) as fare_check,
        trips.dispatching_base_number,
        trips.affiliated_base_number,
        trips.request_source,
        trips.is_store_and_forward,
        trips.is_shared_ride,
        trips.is_app_dispatched,
        trips.is_voided,
        trips.is_unmatched_reversal,
        trips.is_distance_implausible,
        trips.is_amount_implausible,
        trips.is_partly_unreadable,
        trips.is_duration_clock_adjusted,
        trips.is_dropoff_dummy,
        trips.reversal_twin_trip_id
    from trips
)

select * from final
