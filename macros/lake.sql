{#-
    DuckDB reads the lake in place: a folder, or a bucket (`filesystems` in profiles.yml). Each command of dbt begins with a
    look at the manifest, and sees the lake as it was then until its end, whoever publishes meanwhile. The other engines
    hold a copy, brought by `taxi load`.
-#}

{% macro read_lake() %}
    {{ return(adapter.dispatch("read_lake", "nyc_taxi")()) }}
{% endmacro %}

{% macro postgres__read_lake() %}
{% endmacro %}

{% macro bigquery__read_lake() %}
{% endmacro %}

{% macro duckdb__read_lake() %}
    {#- Not for `dbt docs generate`, which reads no row: writing the file would make the next build begin anew. -#}
    {% if execute and flags.WHICH != "generate" %}
    {% set manifest = source("lake", "manifest") %}
    {% if not adapter.check_schema_exists(manifest.database, manifest.schema) %}
        {% do run_query("create schema " ~ manifest.without_identifier()) %}
    {% endif %}
    {% do run_query(record_sql(manifest, "manifest.jsonl", {
        "load_id": "varchar", "service_type": "varchar", "file_month": "date", "source_file": "varchar",
        "source_sha256": "varchar", "source_bytes": "bigint", "source_format": "varchar", "row_count": "bigint",
        "unparseable_count": "bigint", "total_amount": "decimal(18, 2)", "is_synthetic": "boolean",
        "ingested_at": "timestamp", "superseded_at": "timestamp", "zone_shapes_sha256": "varchar", "zone_method": "integer",
    })) %}
    {% do run_query(record_sql(source("lake", "restatements"), "restatements.jsonl", {
        "load_id_before": "varchar", "load_id_after": "varchar", "service_type": "varchar", "file_month": "date",
        "pickup_zone_id": "integer", "rows_before": "bigint", "rows_after": "bigint", "unchanged_count": "bigint",
        "altered_count": "bigint", "moved_out_count": "bigint", "moved_in_count": "bigint", "gone_count": "bigint",
        "added_count": "bigint", "total_amount_before": "decimal(18, 2)", "total_amount_after": "decimal(18, 2)",
    })) %}
    {% set current = run_query(
        "select lower(service_type) as service, strftime(file_month, '%Y-%m-%d') as month, load_id from " ~ manifest
        ~ " where superseded_at is null order by 1, 2"
    ).rows %}
    {% for service in ["yellow", "green", "fhv", "fhvhv"] %}
        {% set label = "hvfhv" if service == "fhvhv" else service %}
        {% set files = [] %}
        {% for row in current if row[0] == label %}
            {% do files.append(lake_location(service ~ "/file_month=" ~ row[1] ~ "/" ~ row[2] ~ ".parquet")) %}
        {% endfor %}
        {#- The one without rows last: DuckDB takes the first file for the size of all of them, and would put 160 million
            trips on the side of a join that has to fit in memory. -#}
        {% do files.append(lake_location(service ~ "/no_rows/part.parquet")) %}
        {#- By name: partitions that an earlier version wrote lack the newest columns, which are null there. -#}
        create or replace view {{ source("lake", service) }} as
        select * from read_parquet([{{ files | join(", ") }}], union_by_name = true, hive_partitioning = false);
    {% endfor %}
    create or replace view {{ source("lake", "stream_events") }} as {{ stream_events_sql() }};
    {% endif %}
{% endmacro %}


{% macro stream_events_sql() %}
    {#-
        The events of the last hours: of the files that hold one of them. What is older can neither be in a window that is
        shown, nor make an event late for one.
    -#}
    {% set columns = {
        "kafka_partition": "integer", "kafka_offset": "bigint", "event_id": "varchar", "event_at": "timestamp",
        "service_type": "varchar", "pickup_zone_id": "integer", "total_amount": "decimal(12, 2)",
    } %}
    {% set record = lake_location("stream.jsonl") %}
    {% set files = {} %}
    {% if run_query("select count(*) from glob(" ~ record ~ ")").rows[0][0] %}
        {% set newest = run_query(
            "with batches as (select topic, file, try_cast(last_event_at as timestamp) as last_event_at from read_json(" ~ record
            ~ ", format = 'newline_delimited', columns = {topic: 'varchar', file: 'varchar', last_event_at: 'varchar'}))"
            ~ " select topic, file from batches where file <> '' and last_event_at >= (select max(last_event_at) from batches)"
            ~ " - interval " ~ var("live_hours") ~ " hour order by topic, file"
        ).rows %}
        {% for row in newest %}
            {% do files.update({row[0]: files.get(row[0], []) + [lake_location(row[1])]}) %}
        {% endfor %}
    {% endif %}
    {% set parts = [] %}
    {% for topic, locations in files.items() %}
        {% do parts.append(
            "select " ~ string_value(topic) ~ " as topic, " ~ columns | join(", ") ~ " from read_parquet([" ~ locations | join(", ")
            ~ "], hive_partitioning = false) where event_id is not null"
        ) %}
    {% endfor %}
    {% if not parts %}
        {% set nothing = ["cast(null as varchar) as topic"] %}
        {% for column, type in columns.items() %}{% do nothing.append("cast(null as " ~ type ~ ") as " ~ column) %}{% endfor %}
        {% do parts.append("select " ~ nothing | join(", ") ~ " where false") %}
    {% endif %}
    {{ return(parts | join(" union all ")) }}
{% endmacro %}


{% macro record_sql(relation, name, columns) %}
    {#- A record of the lake as a table; what a later version adds to it is passed over. -#}
    {% set types = [] %}
    {% for column, type in columns.items() %}{% do types.append(column ~ ": '" ~ type ~ "'") %}{% endfor %}
    {{ return(
        "create or replace table " ~ relation ~ " as select * from read_json(" ~ lake_location(name)
        ~ ", format = 'newline_delimited', columns = {" ~ types | join(", ") ~ "})"
    ) }}
{% endmacro %}


{% macro lake_location(name) %}
    {#- A file of the lake as a SQL literal. Its folder's own name is no pattern: [ and * are escaped for DuckDB's glob. -#}
    {% set folder = (env_var("TAXI_DATA_DIR", "") or "data") ~ "/lake" %}
    {% set root = env_var("TAXI_LAKE_URL", "") | replace("file://", "") or folder %}
    {{ return("'" ~ (root ~ "/" ~ name) | replace("'", "''") | replace("[", "[[]") | replace("*", "[*]") ~ "'") }}
{% endmacro %}
