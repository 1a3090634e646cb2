{% macro days_from(day, days) %}
    {#- The midnight `days` days after the date `day`, as wall time. -#}
    cast({{ dbt.dateadd("day", days, day) }} as {{ type_wall_time() }})
{%- endmacro %}


{% macro is_in_repeated_hour(instant) %}
    {#-
        Is the wall time within the hour that occurs twice when the clocks go back: 01:00 to 02:00 on the first
        Sunday of November (Energy Policy Act of 2005, in force since 2007; 2007-11-04 is such a Sunday).
    -#}
    (
        extract(month from {{ instant }}) = 11
        and extract(day from {{ instant }}) <= 7
        and extract(hour from {{ instant }}) = 1
        and mod(cast({{ dbt.datediff("cast('2007-11-04' as date)", "cast(" ~ instant ~ " as date)", "day") }} as integer), 7) = 0
    )
{%- endmacro %}


{% macro known_member(member, unknown_id, applies) %}
    {#- The code as the dimension knows it: TLC's own id for unknown when missing or new, "not applicable" where the service has no such attribute. -#}
    case when {{ applies }} then coalesce({{ member }}, {{ unknown_id }}) else {{ var("not_applicable_id") }} end
{%- endmacro %}


{% macro money_columns() %}
    {#- Every amount that TLC publishes; total_amount is the sum that counts. -#}
    {{ return([
        "fare_amount", "extra_amount", "mta_tax_amount", "tip_amount", "tolls_amount", "improvement_surcharge_amount",
        "congestion_surcharge_amount", "airport_fee_amount", "cbd_congestion_fee_amount", "ehail_fee_amount", "total_amount"
    ]) }}
{% endmacro %}


{% macro metered_columns() %}
    {#- Every column that a yellow or green file gives, without the lineage that ingest stamps. -#}
    {{ return([
        "vendor_id", "pickup_at", "dropoff_at", "pickup_zone_id", "dropoff_zone_id", "rate_code_id", "payment_type_id",
        "trip_type_id", "store_and_forward_flag", "request_source", "passenger_count", "trip_distance_miles"
    ] + money_columns()) }}
{% endmacro %}


{% macro is_free(trip_id, taken_trip_ids) %}
    {#- 1 while the trip is not in the blank-separated list of ids, else 0. -#}
    case when {{ dbt.position(dbt.concat(["' '", dbt.cast(trip_id, dbt.type_string()), "' '"]), taken_trip_ids) }} = 0 then 1 else 0 end
{%- endmacro %}
