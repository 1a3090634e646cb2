{#-
    Incremental by file. The ledger `file_ledger` holds, for each incremental model, the load_id of every
    file whose rows the model holds, and for fact_file_completeness the verdict in its place. Versions flow down the models:
    'lake' is what the lake's manifest says when a run starts, and each model compares itself with the model, or the models, that
    it reads from (meta.files_from). So a partial selection, a failed node or a killed run can never mark a file as loaded
    downstream of where it really is.
-#}

{% macro file_ledger() %}
    {{ return(api.Relation.create(database=target.get("database"), schema=generate_schema_name("internal") | trim, identifier="file_ledger")) }}
{% endmacro %}


{% macro record_lake_files() %}
    {% if execute %}{{ return(adapter.dispatch("record_lake_files", "nyc_taxi")()) }}{% endif %}
{% endmacro %}

{% macro default__record_lake_files() %}
    {% if not adapter.check_schema_exists(file_ledger().database, file_ledger().schema) %}
        create schema {{ file_ledger().without_identifier() }};
    {% endif %}
    create table if not exists {{ file_ledger() }} (
        model {{ dbt.type_string() }}, service_type {{ dbt.type_string() }}, file_month date, load_id {{ dbt.type_string() }}
    );
    {{ replace_ledger_entries("lake", source("lake", "manifest"), "superseded_at is null") }}
{% endmacro %}

{% macro spark__record_lake_files() %}
    {% do create_schema_once(file_ledger()) %}
    {#- A partition per model: what one statement swaps. -#}
    {% do run_query(
        "create table if not exists " ~ file_ledger()
        ~ " (service_type string, file_month date, load_id string, model string) using parquet partitioned by (model)"
    ) %}
    {% do replace_ledger_entries("lake", source("lake", "manifest"), "superseded_at is null") %}
{% endmacro %}


{% macro forget_verified_files() %}
    {% if model.config.materialized == "incremental" and (flags.FULL_REFRESH or not is_incremental()) %}
        {{ forget_ledger_entries("tests") }}
    {% endif %}
{% endmacro %}


{% macro forget_ledger_entries(entry) %}
    {{ return(adapter.dispatch("forget_ledger_entries", "nyc_taxi")(entry)) }}
{% endmacro %}

{% macro default__forget_ledger_entries(entry) %}
    delete from {{ file_ledger() }} where model = '{{ entry }}';
{% endmacro %}

{% macro spark__forget_ledger_entries(entry) %}
    {% do write_ledger_entries(entry, []) %}
{% endmacro %}


{% macro record_loaded_files() %}
    {% if model.config.meta.files_from %}
        {{ replace_ledger_entries(model.name, files_held_by(model.config.meta.files_from), "1 = 1") }}
    {% endif %}
{% endmacro %}


{% macro record_judged_files() %}
    {#-
        The version of a verdict is the verdict: a model that follows fact_file_completeness as well as the trips is built again
        for the files whose verdict or share has changed, such as after a change of the seeds, and for no others.
    -#}
    {% set share = "coalesce(" ~ dbt.cast("official_row_share", dbt.type_string()) ~ ", '')" %}
    {% set version = dbt.concat(["month_completeness", "' '", share]) %}
    {{ replace_ledger_entries(model.name, "(select service_type, file_month, " ~ version ~ " as load_id from " ~ this ~ ") as judged_files", "1 = 1") }}
{% endmacro %}


{% macro record_verified_files(results) %}
    {% if execute and flags.WHICH in ("build", "test") %}
        {% set passed = results | selectattr("status", "in", ["pass", "warn"]) | map(attribute="node.unique_id") | list %}
        {% set failed = results | selectattr("status", "in", ["fail", "error"]) | map(attribute="node.unique_id") | list %}
        {% set missing = [] %}
        {% for node in graph.nodes.values() if node.resource_type == "test" and "unverified_files" in node.tags and node.unique_id not in passed %}
            {% do missing.append(node.unique_id) %}
        {% endfor %}
        {% if not missing %}
            {{ replace_ledger_entries("tests", file_ledger(), "model = '" ~ verified_model() ~ "'") }}
        {% elif var("check") == "all" and failed | select("in", missing) | list %}
            {#- Some file that had passed does not any more: no file counts as verified until all have passed again. -#}
            {{ forget_ledger_entries("tests") }}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro replace_ledger_entries(entry, files, condition) %}
    {#- What the ledger says of one model becomes what `files` holds under a condition. -#}
    {{ return(adapter.dispatch("replace_ledger_entries", "nyc_taxi")(entry, files, condition)) }}
{% endmacro %}

{% macro default__replace_ledger_entries(entry, files, condition) %}
    delete from {{ file_ledger() }} where model = '{{ entry }}';
    insert into {{ file_ledger() }} (model, service_type, file_month, load_id)
    select '{{ entry }}', service_type, file_month, load_id
    from {{ files }}
    where {{ condition }};
{% endmacro %}

{% macro bigquery__replace_ledger_entries(entry, files, condition) %}
    {#- One statement: atomic without a transaction, and models that end at the same time wait for each other. -#}
    merge into {{ file_ledger() }} as ledger
    using (select '{{ entry }}' as model, service_type, file_month, load_id from {{ files }} where {{ condition }}) as entries
    on false
    when not matched by source and ledger.model = '{{ entry }}' then delete
    when not matched then insert (model, service_type, file_month, load_id) values (model, service_type, file_month, load_id);
{% endmacro %}


{% macro spark__replace_ledger_entries(entry, files, condition) %}
    {#- Read, then written as literals: Spark does not overwrite a table that it reads. -#}
    {% if execute %}
        {% do write_ledger_entries(entry, run_query("select service_type, file_month, load_id from " ~ files ~ " where " ~ condition).rows) %}
    {% endif %}
{% endmacro %}

{% macro write_ledger_entries(entry, rows) %}
    {#- Spark's: one statement swaps the model's partition. A process killed within it leaves the partition empty: the ledger claims too little. -#}
    {% set values = [] %}
    {% for row in rows %}{% do values.append("('" ~ row[0] ~ "', date'" ~ row[1] ~ "', '" ~ row[2] ~ "')") %}{% endfor %}
    {% set entries = "select /*+ coalesce(1) */ * from values " ~ values | join(", ") ~ " as entries(service_type, file_month, load_id)" if values
        else "select cast(null as string), cast(null as date), cast(null as string) where false" %}
    {% if execute %}{% do run_query("insert overwrite table " ~ file_ledger() ~ " partition (model = '" ~ entry ~ "') " ~ entries) %}{% endif %}
{% endmacro %}


{% macro files_held_by(files_from) %}
    {#-
        The files that a model holds, in which version. For several models, the versions of all of them in one text: it
        changes when any of them changes, is built for the first time or loses the file.
    -#}
    {% if files_from is string %}
        {{ return("(select service_type, file_month, load_id from " ~ file_ledger() ~ " where model = '" ~ files_from ~ "') as held_files") }}
    {% endif %}
    {% set version = dbt.concat(["model", "' '", "load_id"]) %}
    {% set held_files %}
        (
            select service_type, file_month, {{ dbt.listagg(version, "', '", "order by model") }} as load_id
            from {{ file_ledger() }}
            where model in ('{{ files_from | join("', '") }}')
            group by service_type, file_month
        ) as held_files
    {% endset %}
    {{ return(held_files) }}
{% endmacro %}


{% macro changed_files(model_name, files_from, or_none_of_own=false) %}
    {#-
        (service_type, file_month) of every file that `files_from` holds in another version than `model_name`: new, restated or gone.
        With `or_none_of_own` also a row of nulls where `model_name` holds no file at all: one statement instead of two for each data test.
    -#}
    {% set query %}
        with upstream_files as (
            select * from {{ files_held_by(files_from) }}
        ),

        own_files as (
            select * from {{ files_held_by(model_name) }}
        )

        select
            coalesce(upstream_files.service_type, own_files.service_type) as service_type,
            coalesce(upstream_files.file_month, own_files.file_month) as file_month
        from upstream_files
        full outer join own_files
            on
                upstream_files.service_type = own_files.service_type
                and upstream_files.file_month = own_files.file_month
        where coalesce(upstream_files.load_id, '') <> coalesce(own_files.load_id, '')
        {% if or_none_of_own %}
            union all
            select cast(null as {{ dbt.type_string() }}) as service_type, cast(null as date) as file_month
            from (select count(*) as file_count from own_files) as own_count
            where file_count = 0
        {% endif %}
        order by 1, 2
    {% endset %}
    {{ return(run_query(query).rows | list if execute else []) }}
{% endmacro %}


{% macro in_files(files) %}
    {#- A condition on service_type and file_month with literal dates, so that every engine prunes what it need not read. -#}
    {% set services = [] %}
    {% for service_type, group in files | groupby(0) %}
        {% set months = [] %}
        {% for file in group %}{% do months.append("cast('" ~ file[1] ~ "' as date)") %}{% endfor %}
        {% do services.append("(service_type = '" ~ service_type ~ "' and file_month in (" ~ months | join(", ") ~ "))") %}
    {% endfor %}
    {{ return("(" ~ services | join(" or ") ~ ")" if services else "1 = 0") }}
{% endmacro %}


{% macro verified_model() %}
    {{ return("fact_trips") }}
{% endmacro %}


{% macro unverified_files() %}
    {#-
        The files that some data test has yet to pass on. None stands for every file: no list of conditions then slows
        the scan. `--vars 'check: all'` asks for it, and a table that was built anew.
    -#}
    {% if not execute or var("check") == "all" or load_relation(file_ledger()) is none %}{{ return(none) }}{% endif %}
    {% set files = changed_files("tests", verified_model(), or_none_of_own=true) %}
    {{ return(none if files | selectattr(0, "none") | list else files) }}
{% endmacro %}


{% macro in_unverified_files() %}
    {% set files = unverified_files() %}
    {{ return("1 = 1" if files is none else in_files(files)) }}
{% endmacro %}
