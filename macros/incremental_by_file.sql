{#-
    The incremental strategy `by_file`: the files that changed go out of the table and come in again, in one transaction.
    It deletes by the changed slice, not by the keys of the new rows: a restated file may have none. DuckDB and Postgres
    delete and insert; BigQuery does both in one merge, whose condition prunes the partitions. Spark's Parquet tables have neither
    transactions nor deletes: see spark_by_file.
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


{% macro spark_by_file(target, source) %}
    {#-
        Forget in the ledger, change the table, record in the ledger (post-hook): whatever kills a run between two of these, the ledger claims
        too little, and the next run does it again. What changed is known before anything is forgotten: `source`, a view, has it as literals.
        A file that was forgotten so, and has left the lake before the next run, is in no ledger: the table itself tells of it.
        Plain dynamic overwriting would be wrong: a file that leaves no row would keep its old ones.
    -#}
    {% set columns = get_quoted_csv(adapter.get_columns_in_relation(target) | map(attribute="name")) %}
    {% set files = changed_files(model.name, model.config.meta.files_from) + files_of_no_ledger(target) %}
    {% if not files %}{{ return("select 'nothing has changed' as by_file") }}{% endif %}
    {% if config.get("file_format") != "parquet" %}
        {#- Delta and Iceberg change a table at once or not at all, so nothing is forgotten first. No test runs this: it needs a jar on the cluster. -#}
        merge into {{ target }} as held
        using {{ source }} as new_rows
        on false
        when not matched then insert ({{ columns }}) values ({{ columns }})
        when not matched by source and {{ in_files(files) }} then delete
    {% elif config.get("partition_by") %}
        {% do replace_ledger_entries(model.name, files_held_by(model.name), "not " ~ in_files(files)) %}
        {% for file in files %}
            {#- Added first: a killed insert can leave files in the folder of a partition that the catalog does not know, and so does not drop. -#}
            {% set partition = " partition (service_type = '" ~ file[0] ~ "', file_month = date'" ~ file[1] ~ "')" %}
            {% do run_query("alter table " ~ target ~ " add if not exists" ~ partition) %}
            {% do run_query("alter table " ~ target ~ " drop" ~ partition) %}
        {% endfor %}
        insert into table {{ target }} by name select {{ columns }} from {{ source }}
    {% else %}
        {#- Small: the rows that stay beside the new ones, then in one statement over the old. -#}
        {% set rebuilt = target.incorporate(path={"identifier": target.identifier ~ "__rebuilt"}) %}
        {% do run_query("drop table if exists " ~ rebuilt) %}
        {% do run_query("create table " ~ rebuilt ~ " using parquet as select " ~ columns ~ " from " ~ target ~ " where false") %}
        {% do run_query("insert into table " ~ rebuilt ~ " by name select " ~ columns ~ " from " ~ target ~ " where not " ~ in_files(files)
            ~ " union all select " ~ columns ~ " from " ~ source) %}
        {% do forget_ledger_entries(model.name) %}
        {% do run_query("insert overwrite table " ~ target ~ " by name select " ~ columns ~ " from " ~ rebuilt) %}
        {% do run_query("drop table " ~ rebuilt) %}
        select 'written' as by_file
    {% endif %}
{% endmacro %}


{% macro files_of_no_ledger(target) %}
    {#- (service_type, file_month) of the files that the table has rows of and that neither its own ledger nor that of its sources names. -#}
    {% set query %}
        select distinct held.service_type, held.file_month
        from {{ target }} as held
        left anti join {{ files_held_by(model.name) }}
            on held.service_type = held_files.service_type and held.file_month = held_files.file_month
        left anti join {{ files_held_by(model.config.meta.files_from) }}
            on held.service_type = held_files.service_type and held.file_month = held_files.file_month
    {% endset %}
    {{ return(run_query(query).rows | list) }}
{% endmacro %}
