{#- The measures of the reporting marts, defined once: money is summed over all rows, trips count only what was not voided. -#}

{% macro trip_measures() %}
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when trips.is_voided then 0 else 1 end) as {{ dbt.type_bigint() }}) as trip_count,
        cast(sum(case when trips.is_voided then 1 else 0 end) as {{ dbt.type_bigint() }}) as voided_row_count,
        cast(sum(case when trips.is_app_dispatched and not trips.is_voided then 1 else 0 end) as {{ dbt.type_bigint() }}) as app_dispatched_trip_count,
        cast(sum(case when not trips.is_voided then trips.passenger_count end) as {{ dbt.type_bigint() }}) as passenger_count,
        cast(count(case when not trips.is_voided then trips.trip_distance_miles end) as {{ dbt.type_bigint() }}) as distance_trip_count,
        cast(sum(case when not trips.is_voided then trips.trip_distance_miles end) as {{ type_decimal(18, 3) }}) as trip_distance_miles,
        cast(count(case when not trips.is_voided then trips.trip_duration_seconds end) as {{ dbt.type_bigint() }}) as duration_trip_count,
        cast(sum(case when not trips.is_voided then trips.trip_duration_seconds end) as {{ dbt.type_bigint() }}) as trip_duration_seconds
{%- endmacro %}


{% macro money_sum(column) %}
    cast(sum(trips.{{ column }}) as {{ type_decimal(18, 2) }}) as {{ column }}
{%- endmacro %}


{% macro card_measures() %}
        cast(sum(case when payment_types.is_card and not trips.is_voided then 1 else 0 end) as {{ dbt.type_bigint() }}) as card_trip_count,
        cast(sum(case when payment_types.is_card then trips.fare_amount end) as {{ type_decimal(18, 2) }}) as card_fare_amount,
        cast(sum(case when payment_types.is_card then trips.tip_amount end) as {{ type_decimal(18, 2) }}) as card_tip_amount
{%- endmacro %}


{% macro sums(columns) %}
    {%- for column in columns %}sum({{ column }}) as {{ column }}{{ ", " if not loop.last }}{% endfor %}
{%- endmacro %}


{% macro any_differs(one, other, columns) %}
    {%- for column in columns %}{{ one }}.{{ column }} is distinct from {{ other }}.{{ column }}{{ " or " if not loop.last }}{% endfor %}
{%- endmacro %}


{% macro fare_checks() %}
    {#- The codes of the seed fare_checks: mart_fare_audit has three columns for each. -#}
    {{ return(["ok", "congestion_unitemised", "ehail_fee", "vendor_unreconciled", "unexplained"]) }}
{% endmacro %}
