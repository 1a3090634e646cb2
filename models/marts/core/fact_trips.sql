{{ config(materialized="incremental", meta={"files_from": "int_reversal_pairs"}) }}

{%- set is_known = code_lists({
    "zone_id": ref("dim_zones"),
    "hvfhs_license_number": ref("dim_hvfhs_licensees"),
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
        trips.service_type,
        trips.file_month,
        trips.source_row,
        cast(trips.pickup_at as date) as pickup_date,
        {{ select_trip_columns("trips", {
            "pickup_zone_id": known_member("trips.pickup_zone_id", is_known.zone_id, var("unknown_zone_id")),
            "dropoff_zone_id": known_member("trips.dropoff_zone_id", is_known.zone_id, var("unknown_zone_id")),
            "hvfhs_license_number": "cast(" ~ known_member(
                "trips.hvfhs_license_number", is_known.hvfhs_license_number, "'" ~ var("unknown_license_number") ~ "'",
                "trips.service_type = 'HVFHV'", "'" ~ var("not_applicable_license_number") ~ "'"
            ) ~ " as " ~ type_of("hvfhs_license") ~ ")",
            "vendor_id": known_member("trips.vendor_id", is_known.vendor_id, var("unknown_vendor_id"), "trips.is_metered"),
            "rate_code_id": known_member("trips.rate_code_id", is_known.rate_code_id, var("unknown_rate_code_id"), "trips.is_metered"),
            "payment_type_id": known_member("trips.payment_type_id", is_known.payment_type_id, var("unknown_payment_type_id"), "trips.is_metered"),
            "trip_type_id": known_member("trips.trip_type_id", is_known.trip_type_id, var("unknown_trip_type_id"), "trips.service_type = 'Green'"),
        }) }},
        cast(trips.trip_duration_seconds as integer) as trip_duration_seconds,
        trips.net_extra_amount,
        trips.net_mta_tax_amount,
        trips.net_congestion_surcharge_amount,
        trips.expected_total_amount,
        trips.fare_residual_amount,
        trips.fare_check,
        trips.wait_seconds,
        trips.is_store_and_forward,
        trips.is_shared_ride,
        trips.is_shared_ride_requested,
        trips.is_wheelchair_requested,
        trips.is_wheelchair_accessible,
        trips.is_access_a_ride,
        {% for flag in flag_columns() %}
        trips.{{ flag }},
        {% endfor %}
        trips.reversal_twin_trip_id
    from trips
)

select * from final
