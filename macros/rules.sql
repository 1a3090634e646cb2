{% macro fill_in_variables(text) %}
    {#- The words of a rule with its thresholds: '{max_distance_miles}' becomes the value of that variable. -#}
    {% set filled = namespace(text=text) %}
    {% for name in [
        "file_month_tolerance_days", "dropoff_cut_seconds", "max_duration_hours", "max_distance_miles", "max_amount_dollars", "fhv_dummy_dropoff_from",
        "max_reported_duration_difference_seconds", "max_wait_hours",
        "unknown_zone_id", "unknown_vendor_id", "unknown_rate_code_id", "unknown_payment_type_id", "unknown_trip_type_id", "unknown_license_number"
    ] %}
        {% set filled.text = "replace(" ~ filled.text ~ ", '{" ~ name ~ "}', '" ~ var(name) ~ "')" %}
    {% endfor %}
    {{ return(filled.text) }}
{% endmacro %}


{% macro trip_flag_conditions() %}
    {#- What the fact has to say for each code of the seed trip_flags. -#}
    {{ return({
        "is_app_dispatched": "is_app_dispatched",
        "is_voided": "is_voided",
        "is_unmatched_reversal": "is_unmatched_reversal",
        "is_distance_implausible": "is_distance_implausible",
        "is_amount_implausible": "is_amount_implausible",
        "is_partly_unreadable": "is_partly_unreadable",
        "is_duration_clock_adjusted": "is_duration_clock_adjusted",
        "is_dropoff_dummy": "is_dropoff_dummy",
        "is_pickup_point_outside_zones": "is_pickup_point_outside_zones",
        "is_dropoff_point_outside_zones": "is_dropoff_point_outside_zones",
        "is_prearranged": "is_prearranged",
        "is_wait_implausible": "is_wait_implausible",
        "is_duration_contradicted": "is_duration_contradicted",
        "is_fare_zero": "is_fare_zero",
        "is_fare_negative": "is_fare_negative",
        "is_fare_missing": "is_fare_missing",
        "is_wait_clock_adjusted": "is_wait_clock_adjusted",
        "dropoff_cut": "dropoff_at < pickup_at and not is_duration_clock_adjusted",
        "pickup_zone_unknown": "pickup_zone_id = " ~ var("unknown_zone_id"),
        "dropoff_zone_unknown": "dropoff_zone_id = " ~ var("unknown_zone_id"),
        "vendor_unknown": "vendor_id = " ~ var("unknown_vendor_id"),
        "rate_code_unknown": "rate_code_id = " ~ var("unknown_rate_code_id"),
        "payment_type_unknown": "payment_type_id = " ~ var("unknown_payment_type_id"),
        "trip_type_unknown": "trip_type_id = " ~ var("unknown_trip_type_id"),
        "license_unknown": "hvfhs_license_number = '" ~ var("unknown_license_number") ~ "'"
    }) }}
{% endmacro %}


{% macro flag_columns() %}
    {#- The flags of int_trips that the seed trip_flags describes, by name. -#}
    {% set flags = [] %}
    {% for code, condition in trip_flag_conditions().items() if code == condition %}{% do flags.append(code) %}{% endfor %}
    {{ return(flags) }}
{% endmacro %}
