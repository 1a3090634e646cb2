{#-
    A record of each run, in tables that no build replaces: `runs`, `run_nodes` and `run_files` of the source `ops`, whose yml states their
    columns once. The row is there before the first node runs, so a killed run is one without an end. What only `taxi` knows comes by dbt's
    variables DBT_ENV_CUSTOM_ENV_TAXI_*; a `dbt build` by hand has nulls there.
-#}

{% macro record_run_start() %}
    {% if execute and flags.WHICH in ("build", "run", "seed", "snapshot", "test", "retry") %}
        {% set runs = source("ops", "runs") %}
        {% if not adapter.check_schema_exists(runs.database, runs.schema) %}
            {% do adapter.create_schema(runs) %}
        {% endif %}
        {% for table in graph.sources.values() if table.source_name == "ops" %}
            {% set definitions = [] %}
            {% for column in table.columns.values() %}
                {% do definitions.append(adapter.quote(column.name) ~ " " ~ type_of_record(column.data_type)) %}
            {% endfor %}
            {{ run_or_return("create table if not exists " ~ table.relation_name ~ " (" ~ definitions | join(", ") ~ ")" ~ partitions_of_records() ~ ";") }}
        {% endfor %}
        {{ insert_records("runs", [record_of_start()]) }}
        {{ run_or_return(record_changed_files()) }}
    {% endif %}
{% endmacro %}


{% macro record_of_start() %}
    {{ return({
        "run_id": run_id(), "step": "build", "command": dbt_metadata_envs.get("TAXI_COMMAND") or dbt_command(),
        "target": target.name, "schema_name": target.schema, "started_at": run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "dbt_invocation": invocation_id, "project_version": dbt_metadata_envs.get("TAXI_VERSION"),
        "project_commit": dbt_metadata_envs.get("TAXI_COMMIT"), "dbt_version": dbt_version,
        "adapter_version": dbt_metadata_envs.get("TAXI_ADAPTER_VERSION"), "engine_version": engine_version()
    }) }}
{% endmacro %}


{% macro partitions_of_records() %}
    {{ return(adapter.dispatch("partitions_of_records", "nyc_taxi")()) }}
{% endmacro %}

{% macro default__partitions_of_records() %}
    {{ return("") }}
{% endmacro %}

{% macro spark__partitions_of_records() %}
    {#- A step of a run is a partition, which one statement swaps: Parquet knows no update. -#}
    {{ return(" using parquet partitioned by (run_id, step)") }}
{% endmacro %}


{% macro record_changed_files() %}
    {#- The files that the lake holds in another version than fact_trips: what this run is there for, also where the run before was killed. -#}
    insert into {{ source("ops", "run_files") }} (run_id, step, service_type, file_month, load_id, status, row_count, total_amount)
    select
        {{ string_value(run_id()) }},
        'build',
        coalesce(lake_files.service_type, built_files.service_type),
        coalesce(lake_files.file_month, built_files.file_month),
        lake_files.load_id,
        case when lake_files.load_id is null then 'removed' when built_files.load_id is null then 'new' else 'restated' end,
        manifest.row_count,
        manifest.total_amount
    from (select * from {{ files_held_by("lake") }}) as lake_files
    full outer join (select * from {{ files_held_by(verified_model()) }}) as built_files
        on
            lake_files.service_type = built_files.service_type
            and lake_files.file_month = built_files.file_month
    left join {{ source("lake", "manifest") }} as manifest
        on
            lake_files.load_id = manifest.load_id
            and manifest.superseded_at is null
    where coalesce(lake_files.load_id, '') <> coalesce(built_files.load_id, '');
{% endmacro %}


{% macro record_run_end(results) %}
    {% if execute and flags.WHICH in ("build", "run", "seed", "snapshot", "test", "retry") %}
        {% set nodes = [] %}
        {% set built = [] %}
        {% set scanned = [] %}
        {% for result in results if result.node.resource_type in types_with_a_state() + ["unit_test"] %}
            {% set response = result.adapter_response or {} %}
            {% set is_test = result.node.resource_type == "test" %}
            {% if response.get("bytes_processed") is not none %}{% do scanned.append(response.get("bytes_processed")) %}{% endif %}
            {% if not is_test and result.status | string == "success" %}{% do built.append(result.node.unique_id) %}{% endif %}
            {% do nodes.append({
                "run_id": run_id(), "step": "build", "node": result.node.unique_id, "name": result.node.name,
                "kind": result.node.resource_type | string, "status": result.status | string, "seconds": result.execution_time | round(3),
                "affected_row_count": response.get("rows_affected"), "bytes_processed": response.get("bytes_processed"),
                "failing_row_count": result.failures if is_test else none,
                "failing_rows": result.node.relation_name if is_test and result.node.config.store_failures and result.failures else none,
                "message": sentence_of(result)
            }) %}
        {% endfor %}
        {% if nodes %}{{ insert_records("run_nodes", nodes) }}{% endif %}
        {% set statuses = nodes | map(attribute="status") | list %}
        {% set failed = statuses | select("in", ["fail", "error", "runtime error"]) | list | length %}
        {% set ended = {
            "ended_at": "cast('" ~ modules.datetime.datetime.utcnow() ~ "' as " ~ type_wall_time() ~ ")",
            "exit_code": 1 if failed else 0,
            "changed_file_count": "(select count(*) from " ~ source("ops", "run_files") ~ " where run_id = " ~ string_value(run_id()) ~ " and step = 'build')",
            "built_count": built | length,
            "passed_count": statuses | select("eq", "pass") | list | length,
            "warned_count": statuses | select("eq", "warn") | list | length,
            "failed_count": failed,
            "skipped_count": statuses | select("eq", "skipped") | list | length,
            "bytes_processed": scanned | sum if scanned else "null",
        } %}
        {% do ended.update(totals_after_build()) %}
        {{ record_end(ended) }}
    {% endif %}
{% endmacro %}


{% macro record_end(values) %}
    {#- Put values, as SQL, into the row of this build. -#}
    {{ return(adapter.dispatch("record_end", "nyc_taxi")(values)) }}
{% endmacro %}

{% macro default__record_end(values) %}
    update {{ source("ops", "runs") }} set
    {% for column, value in values.items() %}
        {{ column }} = {{ value }}{{ "," if not loop.last }}
    {% endfor %}
    where run_id = {{ string_value(run_id()) }} and step = 'build';
{% endmacro %}

{% macro spark__record_end(values) %}
    {% set row, selected = record_of_start(), [] %}
    {% for column, value in values.items() %}{% do selected.append(value ~ " as " ~ column) %}{% endfor %}
    {% set found = run_query("select " ~ selected | join(", ")) %}
    {% for column in values %}{% do row.update({column: found.rows[0][loop.index0]}) %}{% endfor %}
    {% do run_query("alter table " ~ source("ops", "runs") ~ " drop if exists partition (run_id = " ~ string_value(run_id()) ~ ", step = 'build')") %}
    {{ insert_records("runs", [row]) }}
{% endmacro %}


{% macro totals_after_build() %}
    {#- What the tables hold, from the ledger, the manifest and the smallest mart that has all trips: nothing large is read. -#}
    {% set held %}
        from {{ source("lake", "manifest") }}
        where superseded_at is null and load_id in (select load_id from {{ file_ledger() }} where model = '{{ verified_model() }}')
    {% endset %}
    {#- Two sums: rider payments of HVFHV are never added to metered money. -#}
    {% set totals = {
        "file_count": "(select count(*) " ~ held ~ ")",
        "row_count": "(select sum(row_count) " ~ held ~ ")",
        "metered_total_amount": "(select sum(total_amount) " ~ held ~ " and service_type <> 'HVFHV')",
        "rider_total_amount": "(select sum(total_amount) " ~ held ~ " and service_type = 'HVFHV')",
    } %}
    {% set mart = graph.nodes.values() | selectattr("name", "eq", "mart_daily_service_summary") | first %}
    {% set summary = load_relation(api.Relation.create(mart.database, mart.schema, mart.alias)) %}
    {% if summary is not none %}
        {% do totals.update({
            "accepted_count": "(select sum(row_count) from " ~ summary ~ ")",
            "metered_revenue_amount": "(select sum(metered_revenue_amount) from " ~ summary ~ ")",
            "rider_payment_amount": "(select sum(rider_payment_amount) from " ~ summary ~ ")",
        }) %}
    {% endif %}
    {{ return(totals) }}
{% endmacro %}


{% macro sentence_of(result) %}
    {#- What is wrong with a node, as `taxi build` prints it; of a data test what it found, in the words of the project. -#}
    {% if result.status | string in ("success", "pass") %}{{ return(none) }}{% endif %}
    {% if result.node.resource_type != "test" or result.status | string not in ("fail", "warn") %}{{ return((result.message or "") | trim or none) }}{% endif %}
    {% set found = "{:,}".format(result.failures or 0) %}
    {% if result.node.config.fail_calc != "count(*)" %}{{ return(found ~ " " ~ result.node.description) }}{% endif %}
    {% set rows = found ~ (" row" if result.failures == 1 else " rows") %}
    {{ return(rows ~ ", " ~ result.node.description if result.node.description else rows ~ " contradict this") }}
{% endmacro %}


{% macro run_id() %}
    {{ return(dbt_metadata_envs.get("TAXI_RUN_ID") or run_started_at.strftime("%Y%m%d-%H%M%S") ~ "-" ~ invocation_id[:6]) }}
{% endmacro %}


{% macro dbt_command() %}
    {#- The command in words, of the options that say what is built; --vars is left out, because it may hold anything. -#}
    {% set words = ["dbt", flags.WHICH] %}
    {% for option in ("select", "exclude") %}
        {% set chosen = invocation_args_dict.get(option) %}
        {% if chosen %}{% do words.append("--" ~ option ~ " " ~ (chosen if chosen is string else chosen | join(" "))) %}{% endif %}
    {% endfor %}
    {% if flags.FULL_REFRESH %}{% do words.append("--full-refresh") %}{% endif %}
    {{ return(words | join(" ")) }}
{% endmacro %}


{% macro insert_records(name, records) %}
    {#- Rows of a table of the source `ops`, as dictionaries by column; what one lacks is null. No macro is called for a plain cell: that takes 0.1 ms. -#}
    {% set table = graph.sources.values() | selectattr("source_name", "eq", "ops") | selectattr("name", "eq", name) | first %}
    {% set columns = [] %}
    {% for column in table.columns.values() %}
        {% set decimals = modules.re.findall("[0-9]+", column.data_type) %}
        {% set cast_type = type_decimal(decimals[0], decimals[1]) if decimals else type_of_record(column.data_type) %}
        {% do columns.append((column.name, column.data_type, cast_type)) %}
    {% endfor %}
    {% set statement %}
    insert into {{ table.relation_name }} ({{ columns | map(attribute=0) | join(", ") }}) values
    {% for record in records %}
    (
        {%- for name, type, cast_type in columns -%}
        {%- set value = record[name] -%}
        {%- if value is none or value is undefined -%}null
        {%- elif type == "bigint" -%}{{ value | int }}
        {%- elif type == "text" -%}{{ "'" ~ value ~ "'" if modules.re.fullmatch("[^'\\\\\\n\\r\\0]*", value | string) else string_value(value | string) }}
        {%- else -%}cast('{{ value }}' as {{ cast_type }})
        {%- endif -%}{{ ", " if not loop.last }}
        {%- endfor -%}
    ){{ "," if not loop.last else ";" }}
    {% endfor %}
    {% endset %}
    {{ run_or_return(statement) }}
{% endmacro %}


{% macro run_or_return(statement) %}
    {#- One statement of a hook that has several: most engines take them all in one text, Spark one after the other. -#}
    {{ return(adapter.dispatch("run_or_return", "nyc_taxi")(statement)) }}
{% endmacro %}

{% macro default__run_or_return(statement) %}
    {{ return(statement) }}
{% endmacro %}

{% macro spark__run_or_return(statement) %}
    {% if execute %}{% do run_query(statement | trim | trim(";")) %}{% endif %}
{% endmacro %}


{% macro type_of_record(type) %}
    {#- A type of the yml as the engine calls it; numbers and dates are called the same everywhere. -#}
    {% set names = {"text": dbt.type_string(), "bigint": dbt.type_bigint(), "timestamp": type_wall_time()} %}
    {{ return(names.get(type, type)) }}
{% endmacro %}
