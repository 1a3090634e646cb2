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


{% macro is_by_file() %}
    {{ return(config.get("incremental_strategy") == "by_file") }}
{% endmacro %}
