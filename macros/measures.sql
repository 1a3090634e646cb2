{#- The measures of the reporting marts, defined once: money is summed over all rows, trips count only what was not voided. -#}

{% macro daily_measures() %}
    {#-
        What rpt_trips_daily adds up and marts that are sums of it add up again: {column: [type, aggregate over trips]}. The service is in
        every `group by`, so what depends on it is asked once a group.
    -#}
    {% set is_trip = "not trips.is_voided" %}
    {% set trip_count = "sum(case when trips.is_voided then 0 else 1 end)" %}
    {% set is_metered = is_metered_service("trips.service_type") %}
    {% set is_card = "trips.payment_type_id = " ~ var("card_payment_type_id") %}
    {% set money = type_decimal(18, 2) %}
    {% set measures = {
        "row_count": [dbt.type_bigint(), "count(*)"],
        "trip_count": [dbt.type_bigint(), trip_count],
        "metered_trip_count": [
            dbt.type_bigint(),
            "case when " ~ is_metered ~ " then count(case when " ~ is_trip ~ " then trips.total_amount end) else 0 end"
        ],
        "voided_row_count": [dbt.type_bigint(), "count(*) - " ~ trip_count],
        "app_dispatched_trip_count": [dbt.type_bigint(), "sum(case when trips.is_app_dispatched and " ~ is_trip ~ " then 1 else 0 end)"],
        "passenger_count": [dbt.type_bigint(), "sum(case when " ~ is_trip ~ " then trips.passenger_count end)"],
        "distance_trip_count": [dbt.type_bigint(), "count(case when " ~ is_trip ~ " then trips.trip_distance_miles end)"],
        "trip_distance_miles": [type_decimal(18, 3), "sum(case when " ~ is_trip ~ " then trips.trip_distance_miles end)"],
        "duration_trip_count": [dbt.type_bigint(), "count(case when " ~ is_trip ~ " then trips.trip_duration_seconds end)"],
        "trip_duration_seconds": [dbt.type_bigint(), "sum(case when " ~ is_trip ~ " then trips.trip_duration_seconds end)"],
        "wait_trip_count": [dbt.type_bigint(), "sum(case when trips.wait_seconds >= 0 and " ~ is_trip ~ " then 1 else 0 end)"],
        "wait_seconds": [dbt.type_bigint(), "sum(case when trips.wait_seconds >= 0 and " ~ is_trip ~ " then trips.wait_seconds end)"],
    } %}
    {% for column in money_columns() %}{% do measures.update({column: [money, "sum(trips." ~ column ~ ")"]}) %}{% endfor %}
    {% do measures.update({
        "metered_revenue_amount": [money, "case when " ~ is_metered ~ " then sum(trips.total_amount) end"],
        "rider_payment_amount": [money, "case when trips.service_type = 'HVFHV' then sum(trips.total_amount) end"],
        "card_trip_count": [dbt.type_bigint(), "sum(case when " ~ is_card ~ " and " ~ is_trip ~ " then 1 else 0 end)"],
        "card_fare_amount": [money, "sum(case when " ~ is_card ~ " then trips.fare_amount end)"],
        "card_tip_amount": [money, "sum(case when " ~ is_card ~ " then trips.tip_amount end)"],
    }) %}
    {{ return(measures) }}
{% endmacro %}


{% macro select_daily_measures() %}
    {#- The measures over trips. -#}
    {%- for column, measure in daily_measures().items() %}
        cast({{ measure[1] }} as {{ measure[0] }}) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{% macro select_sums_of_daily_measures() %}
    {#- The measures over rows of rpt_trips_daily. -#}
    {%- for column, measure in daily_measures().items() %}
        cast(sum({{ column }}) as {{ measure[0] }}) as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{% macro tip_rate_bands() %}
    {#- Bands of the tip over the fare, in percent, in their order: the lower bound belongs to the band, the upper does not. -#}
    {{ return(["0", "0-5", "5-10", "10-15", "15-20", "20-25", "25-30", "30-35", "35-40", "40+", "no fare"]) }}
{% endmacro %}


{% macro tip_rate_band(tip, fare) %}
    {#- By products and not by a quotient: a rate of exactly 20 % falls into the same band on every engine. -#}
    {% set bands = tip_rate_bands() %}
        case
            when {{ fare }} is null or {{ fare }} <= 0 then '{{ bands[10] }}'
            {% for lower in range(40, 0, -5) %}
            when {{ tip }} * 100 >= {{ fare }} * {{ lower }} then '{{ bands[lower // 5 + 1] }}'
            {% endfor %}
            when {{ tip }} > 0 then '{{ bands[1] }}'
            else '{{ bands[0] }}'
        end
{%- endmacro %}


{% macro speed_measures() %}
    {#- Mean speed is all miles over all hours of these trips, never a mean of speeds. -#}
    {% set is_counted = "not trips.is_voided and trips.trip_distance_miles * 3600 between trips.trip_duration_seconds * " ~ var("min_speed_mph")
        ~ " and trips.trip_duration_seconds * " ~ var("max_speed_mph") ~ " and trips.trip_duration_seconds > 0" %}
        cast(sum(case when {{ is_counted }} then 1 else 0 end) as {{ dbt.type_bigint() }}) as speed_trip_count,
        cast(sum(case when {{ is_counted }} then trips.trip_distance_miles end) as {{ type_decimal(18, 3) }}) as speed_distance_miles,
        cast(sum(case when {{ is_counted }} then trips.trip_duration_seconds end) as {{ dbt.type_bigint() }}) as speed_duration_seconds
{%- endmacro %}


{% macro sums(columns) %}
    {%- for column in columns %}sum({{ column }}) as {{ column }}{{ ", " if not loop.last }}{% endfor %}
{%- endmacro %}


{% macro any_differs(one, other, columns) %}
    {%- for column in columns %}{{ one }}.{{ column }} is distinct from {{ other }}.{{ column }}{{ " or " if not loop.last }}{% endfor %}
{%- endmacro %}


{% macro fare_checks() %}
    {#- The codes of the seed fare_checks: mart_fare_audit has three columns for each. -#}
    {{ return(["ok", "congestion_unitemized", "improvement_unitemized", "ehail_fee", "vendor_unreconciled", "unexplained"]) }}
{% endmacro %}
