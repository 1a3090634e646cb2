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


{% macro rule_rows(seed) %}
    {#-
        The rows of a rule table, read when the model is compiled, as dictionaries: a join would look up every trip. A unit test gives them
        as the variable of the seed's name, because its inputs are no tables.
    -#}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% if seed.is_cte %}{{ return(var(seed.identifier | replace("__dbt__cte__", ""), [])) }}{% endif %}
    {#- `dbt compile` and `dbt docs` work on an empty warehouse; a build without its rules does not. -#}
    {% if flags.WHICH not in ["build", "run"] and load_relation(seed) is none %}{{ return([]) }}{% endif %}
    {% set rules = [] %}
    {% for row in run_query("select * from " ~ seed).rows %}{% do rules.append(row.dict()) %}{% endfor %}
    {{ return(rules) }}
{% endmacro %}


{% macro rule_applies(rule) %}
    {#- Whether a trip is one that a row of fare_rules or unitemized_charges is about: what the row leaves empty does not matter. -#}
    {% set conditions = ["service_type = cast(" ~ string_value(rule.service_type) ~ " as " ~ type_of("service_type") ~ ")"] %}
    {% if rule.get("vendor_id") is not none %}{% do conditions.append("vendor_id = " ~ rule.vendor_id) %}{% endif %}
    {% if rule.get("amount") is not none %}
        {% do conditions.append("unitemized_amount = cast('" ~ rule.amount ~ "' as " ~ type_decimal(12, 2) ~ ")") %}
    {% endif %}
    {% if rule.get("is_app_dispatched") is not none %}
        {% do conditions.append(("" if rule.is_app_dispatched else "not ") ~ "is_app_dispatched") %}
    {% endif %}
    {% if rule.get("is_card") is not none %}
        {% do conditions.append("payment_type_id " ~ ("=" if rule.is_card else "<>") ~ " " ~ var("card_payment_type_id")) %}
    {% endif %}
    {% if rule.get("valid_from") is not none %}
        {% do conditions.append("pickup_at >= " ~ days_from("cast('" ~ rule.valid_from ~ "' as date)", 0)) %}
    {% endif %}
    {% if rule.get("valid_to") is not none %}
        {% do conditions.append("pickup_at < " ~ days_from("cast('" ~ rule.valid_to ~ "' as date)", 1)) %}
    {% endif %}
    {#- A surcharge that has a part of its own is not missing. -#}
    {% set parts = {"congestion_unitemized": "congestion_surcharge_amount", "improvement_unitemized": "improvement_surcharge_amount"} %}
    {% set part = parts.get(rule.get("fare_check")) %}
    {% if part %}{% do conditions.append("coalesce(" ~ part ~ ", 0) = 0") %}{% endif %}
    {{ return(conditions | join(" and ")) }}
{% endmacro %}


{% macro any_rule_applies(rules) %}
    {#- Whether a trip is one that any of the rules is about; never null. -#}
    {% set conditions = [] %}
    {% for rule in rules %}{% do conditions.append(rule_applies(rule)) %}{% endfor %}
    {{ return("case when " ~ (conditions | join(" or ") or "1 = 0") ~ " then true else false end") }}
{% endmacro %}
