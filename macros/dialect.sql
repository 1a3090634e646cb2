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
