{#- What differs between engines and has no cross-database macro in dbt. A missing branch fails to compile. -#}

{% macro row_fingerprint(columns) %}
    {#- A 64-bit number that equal rows share; nulls equal nulls. Only ever a first sieve: equality is checked on the columns. -#}
    {{ return(adapter.dispatch("row_fingerprint", "nyc_taxi")(columns)) }}
{% endmacro %}

{% macro duckdb__row_fingerprint(columns) %}
    {{ return("hash(" ~ columns | join(", ") ~ ")") }}
{% endmacro %}


{% macro ratio(numerator, denominator, scale=4) %}
    {#- numerator / denominator as decimal(18, scale); null where the denominator is null or 0. -#}
    {{ return(adapter.dispatch("ratio", "nyc_taxi")(numerator, denominator, scale)) }}
{% endmacro %}

{% macro duckdb__ratio(numerator, denominator, scale) %}
    {{ return("cast(round(cast(" ~ numerator ~ " as double) / nullif(" ~ denominator ~ ", 0), " ~ scale ~ ") as decimal(18, " ~ scale ~ "))") }}
{% endmacro %}


{% macro count_distinct_numbers(column) %}
    {#- count(distinct column) for row numbers; exact, by whatever takes least memory. -#}
    {{ return(adapter.dispatch("count_distinct_numbers", "nyc_taxi")(column)) }}
{% endmacro %}

{% macro duckdb__count_distinct_numbers(column) %}
    {#- One bit a row: 3 MB for TLC's largest file, where a set of 160 million keys does not fit in 2 GB. -#}
    {{ return("bit_count(bitstring_agg(" ~ column ~ "))") }}
{% endmacro %}
