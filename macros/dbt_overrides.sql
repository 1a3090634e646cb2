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


{#- `by_file` on Spark, whose adapter knows its own strategies only, as BigQuery's. -#}

{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) %}
    {{ return("by_file" if is_by_file() else dbt.dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format)) }}
{% endmacro %}


{% macro dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) %}
    {% if strategy == "by_file" %}
        {{ return(spark_by_file(target, source)) }}
    {% else %}
        {{ return(dbt.dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates)) }}
    {% endif %}
{% endmacro %}


{#-
    A table empty first, then its rows: Spark refuses to create a table where a killed `create table as` has left files. A killed insert leaves
    a table that the next run drops, or, by file, fills from its ledger.
-#}

{% macro spark__create_table_as(temporary, relation, compiled_code, language="sql") %}
    {% if temporary or config.get("file_format") != "parquet" %}
        {{ return(dbt.spark__create_table_as(temporary, relation, compiled_code, language)) }}
    {% endif %}
    {% if config.get("incremental_strategy") == "by_file" and model.config.materialized == "incremental" %}
        {% do forget_ledger_entries(model.name) %}
    {% endif %}
    {% do run_query(dbt.spark__create_table_as(false, relation, "select * from (" ~ compiled_code ~ "\n) as nothing where false", language)) %}
    insert into table {{ relation }} by name select * from (
    {{ compiled_code }}
    ) as new_rows
{% endmacro %}


{#- dbt-spark leaves the order out, and what the ledger compares must not change with it: no issue is known. -#}

{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) %}
    {{ return("array_join(sort_array(collect_list(" ~ measure ~ ")), " ~ delimiter_text ~ ")") }}
{% endmacro %}


{#- `text` in a contract is Spark's string. -#}

{% macro spark__get_empty_schema_sql(columns) %}
    {% set own = {} %}
    {% for name, column in columns.items() %}
        {% do own.update({name: dict(column, data_type="string" if column["data_type"] == "text" else column["data_type"])}) %}
    {% endfor %}
    {{ return(dbt.default__get_empty_schema_sql(own)) }}
{% endmacro %}


{#- dbt-spark writes quotes of a seed unescaped, and an empty cell as the word None. -#}

{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types = model["config"].get("column_types", {}) %}
    {% for chunk in agate_table.rows | batch(1000) %}
        {% set lines = [] %}
        {% for row in chunk %}
            {% set cells = [] %}
            {% for name in agate_table.column_names %}
                {% set value = row[loop.index0] %}
                {% set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) %}
                {% set literal = "null" if value is none else string_value(value | string) %}
                {% do cells.append("cast(" ~ literal ~ " as " ~ ("string" if type == "text" else type) ~ ")") %}
            {% endfor %}
            {% do lines.append("(" ~ cells | join(", ") ~ ")") %}
        {% endfor %}
        {% do run_query("insert into " ~ this.render() ~ " values " ~ lines | join(", ")) %}
    {% endfor %}
    {{ return("") }}
{% endmacro %}
