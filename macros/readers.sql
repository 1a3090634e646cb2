{#- TAXI_BI_ROLE: dbt's `grants` let it read the tables of the marts; what that takes beside them, and the check of its name, is here. -#}

{% macro let_readers_in() %}
    {% set role = env_var("TAXI_BI_ROLE", "") if execute else "" %}
    {{ return(adapter.dispatch("let_readers_in", "nyc_taxi")(role) if role else "") }}
{% endmacro %}

{% macro duckdb__let_readers_in(role) %}
    {#- A file, without roles. -#}
{% endmacro %}

{% macro spark__let_readers_in(role) %}
    {% do exceptions.raise_compiler_error(
        "TAXI_BI_ROLE: Spark's own catalog has no rights to grant. Unset the variable, and give readers access to the warehouse's folder"
    ) %}
{% endmacro %}

{% macro postgres__let_readers_in(role) %}
    {% if not run_query("select 1 from pg_roles where rolname = '" ~ role | replace("'", "''") ~ "'").rows %}
        {% do exceptions.raise_compiler_error(
            "TAXI_BI_ROLE: this server has no role " ~ role ~ ". Create it (`create role ... login`), name another one, or unset the variable"
        ) %}
    {% endif %}
    {% if adapter.check_schema_exists(target.database, target.schema) %}
        grant usage on schema {{ adapter.quote(target.schema) }} to {{ adapter.quote(role) }}
    {% endif %}
{% endmacro %}

{% macro bigquery__let_readers_in(role) %}
    {% if not modules.re.fullmatch("(user|group|serviceAccount):[^\\s\"'`\\\\@]+@[^\\s\"'`\\\\@]+|domain:[\\w.-]+", role) %}
        {% do exceptions.raise_compiler_error(
            "TAXI_BI_ROLE: " ~ role ~ " is no principal of Google Cloud. Write user:, group:, serviceAccount: and an address, or domain: and a domain, "
            ~ "such as group:analysts@example.org; or unset the variable"
        ) %}
    {% endif %}
{% endmacro %}
