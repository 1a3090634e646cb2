{% macro seconds_between(start, end) %}
    {#- Whole seconds; dbt.datediff alone counts boundaries and differs in type between adapters. -#}
    cast({{ dbt.datediff(start, end, "second") }} as {{ dbt.type_bigint() }})
{%- endmacro %}


{% macro days_from(day, days) %}
    {#- The midnight `days` days after the date `day`, as wall time. -#}
    cast({{ dbt.dateadd("day", days, day) }} as {{ dbt.type_timestamp() }})
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


{% macro known_member(given, member, unknown_id, applies="true") %}
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
