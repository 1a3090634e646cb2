{#-
    The incremental strategy `by_file`: the files that changed go out of the table and come in again, in one transaction.
    It deletes by the changed slice, not by the keys of the new rows: a restated file may have none. DuckDB and Postgres
    delete and insert; BigQuery does both in one merge, whose condition prunes the partitions.
-#}

{% macro in_slice_to_build() %}
    {#- What a model by file has to select: everything, or, where the model stands already, its changed slice. -#}
    {% if flags.FULL_REFRESH or not is_incremental() %}{{ return("1 = 1") }}{% endif %}
    {{ return(in_files(changed_files(model.name, model.config.meta.files_from))) }}
{% endmacro %}


{% macro in_changed_slice() %}
    {#- What a model has to delete before it selects again: its changed files, or all of it. -#}
    {% if flags.FULL_REFRESH or not model.config.meta.files_from %}{{ return("1 = 1") }}{% endif %}
    {{ return(in_files(changed_files(model.name, model.config.meta.files_from))) }}
{% endmacro %}


{% macro get_incremental_by_file_sql(arg_dict) %}
    {% set columns = get_quoted_csv(arg_dict["dest_columns"] | map(attribute="name")) %}
    delete from {{ arg_dict["target_relation"] }} where {{ in_changed_slice() }};
    insert into {{ arg_dict["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}


{#- For `by_file` the new rows are a view: a table would write every row twice. The contract is checked all the same. -#}

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


{% macro is_by_file() %}
    {{ return(config.get("incremental_strategy") == "by_file") }}
{% endmacro %}


{#- dbt-bigquery knows its own strategies only; these two let one more through. -#}

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
