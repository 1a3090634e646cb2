{#-
    Everything of dbt's own that this project replaces, each with what would make it unnecessary. A test finds any other.
-#}

{#-
    `by_file`, the project's incremental strategy, on BigQuery: the adapter knows its own strategies only; these two let one more through.
    Unnecessary with custom strategies on BigQuery: dbt-labs/dbt-adapters#2167.
-#}

{% macro dbt_bigquery_validate_get_incremental_strategy(config) %}
    {{ return("by_file" if is_by_file() else dbt.dbt_bigquery_validate_get_incremental_strategy(config)) }}
{% endmacro %}


{% macro bq_generate_incremental_build_sql(
    strategy, tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns, tmp_relation_exists, copy_partitions,
    incremental_predicates
) %}
    {% if strategy == "by_file" %}
        {% set new_rows = "(select * from " ~ tmp_relation ~ ")" if tmp_relation_exists else "(" ~ sql ~ ")" %}
        {{ return(get_insert_overwrite_merge_sql(target_relation, new_rows, dest_columns, [in_changed_slice()])) }}
    {% else %}
        {{ return(dbt.bq_generate_incremental_build_sql(
            strategy, tmp_relation, target_relation, sql, unique_key, partition_by, partitions, dest_columns, tmp_relation_exists,
            copy_partitions, incremental_predicates
        )) }}
    {% endif %}
{% endmacro %}


{#-
    For `by_file` the new rows are a view: a table would write every row twice. The contract is checked all the same.
    Unnecessary with `tmp_relation_type: view`, which Snowflake has (dbt-labs/dbt-snowflake#402), on DuckDB and Postgres.
-#}

{% macro duckdb__create_table_as(temporary, relation, compiled_code, language="sql", partitioned_by=none, sorted_by=none) %}
    {% if temporary and is_by_file() %}
        {{ create_view_of_new_rows(relation.include(database=false, schema=false), compiled_code) }}
    {% else %}
        {{ return(dbt.duckdb__create_table_as(temporary, relation, compiled_code, language, partitioned_by, sorted_by)) }}
    {% endif %}
{% endmacro %}


{% macro postgres__create_table_as(temporary, relation, sql) %}
    {% if temporary and is_by_file() %}
        {{ create_view_of_new_rows(relation, sql) }}
    {% else %}
        {{ return(dbt.postgres__create_table_as(temporary, relation, sql)) }}
    {% endif %}
{% endmacro %}


{% macro create_view_of_new_rows(relation, sql) %}
    {% if config.get("contract").enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
    create temporary view {{ relation }} as {{ sql }}
{% endmacro %}


{#-
    Postgres drops what others have built on a table when dbt replaces it, and dbt will not change that (dbt-labs/dbt-core#2185). A table
    that others depend on stays, and all its rows are replaced.
-#}

{% macro should_full_refresh() %}
    {{ return(dbt.should_full_refresh() and not dependents_of(this)) }}
{% endmacro %}


{% materialization table, adapter="postgres" %}
    {{ return(dbt.materialization_incremental_default() if dependents_of(this) else dbt.materialization_table_default()) }}
{% endmaterialization %}


{#- dbt's check of a contract casts null to each type, and BigQuery takes no precision and scale in a cast. No issue is known. -#}

{% macro bigquery__get_empty_schema_sql(columns) %}
    {% set plain = {} %}
    {% for name, column in columns.items() %}
        {% do plain.update({name: dict(column, data_type=modules.re.sub("\\s*\\(.*\\)", "", column["data_type"]))}) %}
    {% endfor %}
    {{ return(dbt.bigquery__get_empty_schema_sql(plain)) }}
{% endmacro %}


{#- Names of roles in quotes, as dbt has them where it revokes: dbt-labs/dbt-postgres#55. -#}

{% macro postgres__get_grant_sql(relation, privilege, grantees) %}
    {% set names = [] %}
    {% for grantee in grantees %}{% do names.append(adapter.quote(grantee)) %}{% endfor %}
    grant {{ privilege }} on {{ relation.render() }} to {{ names | join(", ") }}
{% endmacro %}


{#- dbt's documented hook for `where` of a data test, with one placeholder: __unverified_files__. -#}

{% macro get_where_subquery(relation) %}
    {% set where = config.get("where", "") %}
    {% if not where %}{{ return(relation) }}{% endif %}
    {% if "__unverified_files__" in where %}
        {% set where = where | replace("__unverified_files__", in_unverified_files()) %}
    {% endif %}
    {{ return("(select * from " ~ relation ~ " where " ~ where ~ ") dbt_subquery") }}
{% endmacro %}
