{#- What differs between engines and has no cross-database macro in dbt. A missing branch fails to compile. -#}

{% macro type_of(name) %}
    {#- A type that differs between engines, from the variable `<name>_type`. -#}
    {{ return(var(name ~ "_type")[target.type]) }}
{% endmacro %}

{% macro type_wall_time() %}
    {#- A clock reading without a zone; `timestamp` on BigQuery is an instant. -#}
    {{ return(type_of("wall_time")) }}
{% endmacro %}


{% macro type_decimal(precision, scale) %}
    {#- In a cast. BigQuery knows numeric there, and precision and scale only in the declaration of a column. -#}
    {{ return(adapter.dispatch("type_decimal", "nyc_taxi")(precision, scale)) }}
{% endmacro %}

{% macro duckdb__type_decimal(precision, scale) %}
    {{ return("decimal(" ~ precision ~ ", " ~ scale ~ ")") }}
{% endmacro %}

{% macro postgres__type_decimal(precision, scale) %}
    {{ return("decimal(" ~ precision ~ ", " ~ scale ~ ")") }}
{% endmacro %}

{% macro bigquery__type_decimal(precision, scale) %}
    {{ return("numeric") }}
{% endmacro %}


{% macro spark__type_decimal(precision, scale) %}
    {{ return("decimal(" ~ precision ~ ", " ~ scale ~ ")") }}
{% endmacro %}


{% macro string_value(text) %}
    {#- A text as a literal, whatever is in it. -#}
    {{ return(adapter.dispatch("string_value", "nyc_taxi")(text)) }}
{% endmacro %}

{% macro default__string_value(text) %}
    {{ return("'" ~ text | replace("\0", "") | replace("'", "''") ~ "'") }}
{% endmacro %}

{% macro bigquery__string_value(text) %}
    {#- A backslash begins an escape there, and a literal ends with its line. -#}
    {{ return("'" ~ text | replace("\\", "\\\\") | replace("'", "\\'") | replace("\n", "\\n") | replace("\r", "\\r") ~ "'") }}
{% endmacro %}


{% macro spark__string_value(text) %}
    {{ return("'" ~ text | replace("\0", "") | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{% endmacro %}


{% macro engine_version() %}
    {#- The version of the engine as it tells it; none on BigQuery, which has none. -#}
    {{ return(adapter.dispatch("engine_version", "nyc_taxi")()) }}
{% endmacro %}

{% macro duckdb__engine_version() %}
    {{ return(run_query("select ltrim(version(), 'v')").rows[0][0]) }}
{% endmacro %}

{% macro postgres__engine_version() %}
    {{ return(run_query("show server_version").rows[0][0]) }}
{% endmacro %}

{% macro bigquery__engine_version() %}
    {{ return(none) }}
{% endmacro %}


{% macro spark__engine_version() %}
    {{ return(run_query("select split(version(), ' ')[0]").rows[0][0]) }}
{% endmacro %}


{% macro row_fingerprint(columns) %}
    {#- A 64-bit number that equal rows share; nulls equal nulls. Only ever a first sieve: equality is checked on the columns. -#}
    {{ return(adapter.dispatch("row_fingerprint", "nyc_taxi")(columns)) }}
{% endmacro %}

{% macro duckdb__row_fingerprint(columns) %}
    {{ return("hash(" ~ columns | join(", ") ~ ")") }}
{% endmacro %}

{% macro postgres__row_fingerprint(columns) %}
    {{ return("hash_record_extended(row(" ~ columns | join(", ") ~ "), 0)") }}
{% endmacro %}

{% macro bigquery__row_fingerprint(columns) %}
    {{ return("farm_fingerprint(to_json_string(struct(" ~ columns | join(", ") ~ ")))") }}
{% endmacro %}


{% macro spark__row_fingerprint(columns) %}
    {{ return("xxhash64(" ~ columns | join(", ") ~ ")") }}
{% endmacro %}


{% macro seconds_between(start, end) %}
    {#- Whole seconds, from second to second; dbt.datediff differs in type between adapters, and on Postgres is many times slower. -#}
    {{ return(adapter.dispatch("seconds_between", "nyc_taxi")(start, end)) }}
{% endmacro %}

{% macro duckdb__seconds_between(start, end) %}
    {{ return("cast(" ~ dbt.datediff(start, end, "second") ~ " as " ~ dbt.type_bigint() ~ ")") }}
{% endmacro %}

{% macro bigquery__seconds_between(start, end) %}
    {{ return("cast(" ~ dbt.datediff(start, end, "second") ~ " as " ~ dbt.type_bigint() ~ ")") }}
{% endmacro %}

{% macro postgres__seconds_between(start, end) %}
    {{ return("cast(extract(epoch from date_trunc('second', " ~ end ~ ") - date_trunc('second', " ~ start ~ ")) as bigint)") }}
{% endmacro %}


{% macro spark__seconds_between(start, end) %}
    {#- The session's time zone is UTC, so a wall time becomes an instant and back without a change of clocks. -#}
    {{ return("(unix_seconds(cast(" ~ end ~ " as timestamp)) - unix_seconds(cast(" ~ start ~ " as timestamp)))") }}
{% endmacro %}


{% macro first_of_month(date) %}
    {#- The first day of a date's month, as a date; dbt.date_trunc makes a timestamp of it on BigQuery, whose zone is not ours. -#}
    {{ return(adapter.dispatch("first_of_month", "nyc_taxi")(date)) }}
{% endmacro %}

{% macro default__first_of_month(date) %}
    {{ return("cast(date_trunc('month', " ~ date ~ ") as date)") }}
{% endmacro %}

{% macro bigquery__first_of_month(date) %}
    {{ return("date_trunc(" ~ date ~ ", month)") }}
{% endmacro %}


{% macro integer_quotient(dividend, divisor) %}
    {#- dividend / divisor of two whole numbers that are not negative, without the remainder. -#}
    {{ return(adapter.dispatch("integer_quotient", "nyc_taxi")(dividend, divisor)) }}
{% endmacro %}

{% macro duckdb__integer_quotient(dividend, divisor) %}
    {{ return("(" ~ dividend ~ ") // (" ~ divisor ~ ")") }}
{% endmacro %}

{% macro postgres__integer_quotient(dividend, divisor) %}
    {{ return("(" ~ dividend ~ ") / (" ~ divisor ~ ")") }}
{% endmacro %}

{% macro bigquery__integer_quotient(dividend, divisor) %}
    {{ return("div((" ~ dividend ~ "), (" ~ divisor ~ "))") }}
{% endmacro %}


{% macro spark__integer_quotient(dividend, divisor) %}
    {{ return("((" ~ dividend ~ ") div (" ~ divisor ~ "))") }}
{% endmacro %}


{% macro ratio(numerator, denominator) %}
    {#-
        numerator / denominator as decimal(18, 4), halves away from zero; null where the denominator is null or 0. Both may
        have up to three decimals. In whole numbers throughout: doubles and decimals round differently from engine to engine.
    -#}
    {%- set dividend = "abs(cast((" ~ numerator ~ ") * 1000 as " ~ dbt.type_bigint() ~ "))" -%}
    {%- set divisor = "abs(cast(nullif(" ~ denominator ~ ", 0) * 1000 as " ~ dbt.type_bigint() ~ "))" -%}
    {%- set ten_thousandths = integer_quotient("20000 * " ~ dividend ~ " + " ~ divisor, "2 * " ~ divisor) -%}
    {{ return(
        "cast(case when (" ~ numerator ~ " < 0) <> (" ~ denominator ~ " < 0) then -1 else 1 end * cast("
        ~ ten_thousandths ~ " as " ~ type_decimal(18, 0) ~ ") * cast('0.0001' as " ~ type_decimal(4, 4) ~ ") as " ~ type_decimal(18, 4) ~ ")"
    ) }}
{% endmacro %}


{% macro lat_lon(latitude, longitude) %}
    {#- A point as the text "40.691830,-74.174000", which map tools read; of decimals with six digits. Null without a point. -#}
    {{ return(adapter.dispatch("lat_lon", "nyc_taxi")(latitude, longitude)) }}
{% endmacro %}

{% macro default__lat_lon(latitude, longitude) %}
    {{ return(dbt.concat([dbt.cast(latitude, dbt.type_string()), "','", dbt.cast(longitude, dbt.type_string())])) }}
{% endmacro %}

{% macro bigquery__lat_lon(latitude, longitude) %}
    {#- A cast would drop zeros at the end. -#}
    {{ return("format('%.6f,%.6f', " ~ latitude ~ ", " ~ longitude ~ ")") }}
{% endmacro %}


{% macro count_distinct_numbers(column) %}
    {#- count(distinct column) for row numbers; exact, by whatever takes least memory. -#}
    {{ return(adapter.dispatch("count_distinct_numbers", "nyc_taxi")(column)) }}
{% endmacro %}

{% macro duckdb__count_distinct_numbers(column) %}
    {#- One bit a row: 3 MB for TLC's largest file, where a set of 160 million keys does not fit in 2 GB. -#}
    {{ return("bit_count(bitstring_agg(" ~ column ~ "))") }}
{% endmacro %}

{% macro postgres__count_distinct_numbers(column) %}
    {{ return("count(distinct " ~ column ~ ")") }}
{% endmacro %}

{% macro bigquery__count_distinct_numbers(column) %}
    {{ return("count(distinct " ~ column ~ ")") }}
{% endmacro %}


{% macro spark__count_distinct_numbers(column) %}
    {{ return("count(distinct " ~ column ~ ")") }}
{% endmacro %}


{% macro refresh_statistics() %}
    {#- post-hook: what the planner needs to know of a table that was just written, where the engine does not see to it. -#}
    {{ return(adapter.dispatch("refresh_statistics", "nyc_taxi")()) }}
{% endmacro %}

{% macro duckdb__refresh_statistics() %}{% endmacro %}

{% macro bigquery__refresh_statistics() %}{% endmacro %}

{% macro spark__refresh_statistics() %}{% endmacro %}

{% macro postgres__refresh_statistics() %}
    {% if model.config.materialized in ("table", "incremental") %}analyze {{ this }}{% endif %}
{% endmacro %}
