{#-
    DuckDB and Spark read the lake in place: a folder, or a bucket (`filesystems` in profiles.yml; a connector of the cluster).
    Each command of dbt begins with a look at the manifest, and sees the lake as it was then until its end, whoever publishes
    meanwhile. The other engines hold a copy, brought by `taxi load`.
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
    {% for name, columns in records_of_lake().items() %}
        {% do run_query(record_sql(source("lake", name), name ~ ".jsonl", columns)) %}
    {% endfor %}
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
    {% set columns = columns_of_events() %}
    {% set record = lake_location("stream.jsonl") %}
    {% set files = {} %}
    {% if run_query("select count(*) from glob(" ~ record ~ ")").rows[0][0] %}
        {% set newest = run_query(
            "with batches as (select topic, file, try_cast(last_event_at as timestamp) as last_event_at from read_json(" ~ record
            ~ ", format = 'newline_delimited', columns = {topic: 'varchar', file: 'varchar', last_event_at: 'varchar'}))"
            ~ " select topic, file from batches where last_event_at >= (select max(last_event_at) from batches)"
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


{% macro spark__read_lake() %}
    {#- The records as tables, and a view per service on the files that the manifest names. No table of Spark owns a file of the lake. -#}
    {% if execute and flags.WHICH != "generate" %}
    {% set manifest = source("lake", "manifest") %}
    {% do create_schema_once(manifest) %}
    {% for name, columns in records_of_lake().items() %}
        {% set stored, fields, selected = [], [], [] %}
        {% for column, type in columns.items() %}
            {% set own = {"varchar": "string", "timestamp": type_wall_time()}.get(type, type) %}
            {% do stored.append(column ~ " " ~ own) %}
            {% do fields.append(column ~ " string") %}
            {% do selected.append("cast(line." ~ column ~ " as " ~ own ~ ") as " ~ column) %}
        {% endfor %}
        {% do run_query("create table if not exists " ~ source("lake", name) ~ " (" ~ stored | join(", ") ~ ") using parquet") %}
        {#- As text, each field a string and then cast: Spark cannot tell the types of an empty file. -#}
        {% do run_query(
            "insert overwrite table " ~ source("lake", name) ~ " select " ~ selected | join(", ") ~ " from (select from_json(value, '"
            ~ fields | join(", ") ~ "') as line from text.`" ~ lake_glob(name ~ ".jsonl") ~ "`) as lines"
        ) %}
    {% endfor %}
    {% set current = run_query(
        "select lower(service_type) as service, date_format(file_month, 'yyyy-MM-dd') as month, load_id from " ~ manifest
        ~ " where superseded_at is null order by 1, 2"
    ).rows %}
    {% for service in ["yellow", "green", "fhv", "fhvhv"] %}
        {% set label = "hvfhv" if service == "fhvhv" else service %}
        {% set files = ["no_rows/part.parquet"] %}
        {% for row in current if row[0] == label %}
            {% do files.append("file_month=" ~ row[1] ~ "/" ~ row[2] ~ ".parquet") %}
        {% endfor %}
        {#- A pattern of files, and not a folder: Spark would take file_month from the folder's name. By name: an earlier version's lack columns. -#}
        {% do run_query(
            "create or replace view " ~ source("lake", service) ~ " as select * from parquet.`"
            ~ lake_glob(service) ~ "/{" ~ files | join(",") ~ "}` with (mergeSchema = 'true')"
        ) %}
    {% endfor %}
    {% do run_query("create or replace view " ~ source("lake", "stream_events") ~ " as " ~ spark_stream_events_sql()) %}
    {% endif %}
{% endmacro %}


{% macro spark_stream_events_sql() %}
    {#- As `stream_events_sql`. Where there is no stream there is no record, and Spark refuses a path without a file: the manifest is read, too. -#}
    {% set columns = columns_of_events() %}
    {% set newest = run_query(
        "with lines as (select from_json(value, 'topic string, file string, last_event_at string') as line from text.`"
        ~ lake_glob("") ~ "{manifest,stream}.jsonl`), batches as (select line.topic, line.file, cast(line.last_event_at as "
        ~ type_wall_time() ~ ") as last_event_at from lines where line.topic is not null)"
        ~ " select topic, file from batches where last_event_at >= (select max(last_event_at) from batches)"
        ~ " - interval " ~ var("live_hours") ~ " hours order by topic, file"
    ).rows %}
    {% set files = {} %}
    {% for row in newest %}
        {% do files.update({row[0]: files.get(row[0], []) + [row[1]]}) %}
    {% endfor %}
    {% set parts = [] %}
    {% for topic, names in files.items() %}
        {% do parts.append(
            "select " ~ string_value(topic) ~ " as topic, " ~ columns | join(", ") ~ " from parquet.`" ~ lake_glob("") ~ "{" ~ names | join(",")
            ~ "}` where event_id is not null"
        ) %}
    {% endfor %}
    {% if not parts %}
        {% set nothing = ["cast(null as string) as topic"] %}
        {% for column, type in columns.items() %}
            {% set own = {"varchar": "string", "timestamp": type_wall_time()}.get(type, type) %}
            {% do nothing.append("cast(null as " ~ own ~ ") as " ~ column) %}
        {% endfor %}
        {% do parts.append("select " ~ nothing | join(", ") ~ " where false") %}
    {% endif %}
    {{ return(parts | join(" union all ")) }}
{% endmacro %}


{% macro columns_of_events() %}
    {#- What the live view needs of an event, with DuckDB's types. -#}
    {{ return({
        "kafka_partition": "integer", "kafka_offset": "bigint", "event_id": "varchar", "event_at": "timestamp",
        "service_type": "varchar", "pickup_zone_id": "integer", "total_amount": "decimal(12, 2)",
    }) }}
{% endmacro %}


{% macro create_schema_once(relation) %}
    {#- Not `if not exists`: Hive logs a stack trace where the schema exists. -#}
    {% if not adapter.check_schema_exists(relation.database, relation.schema) %}
        {% do run_query("create schema " ~ relation.schema) %}
    {% endif %}
{% endmacro %}


{% macro records_of_lake() %}
    {#- The columns of what the lake has on record, with DuckDB's types. -#}
    {{ return({
        "manifest": {
            "load_id": "varchar", "service_type": "varchar", "file_month": "date", "source_file": "varchar",
            "source_sha256": "varchar", "source_bytes": "bigint", "source_format": "varchar", "row_count": "bigint",
            "unparseable_count": "bigint", "total_amount": "decimal(18, 2)", "is_synthetic": "boolean",
            "ingested_at": "timestamp", "superseded_at": "timestamp", "zone_shapes_sha256": "varchar", "zone_method": "integer",
        },
        "restatements": {
            "load_id_before": "varchar", "load_id_after": "varchar", "service_type": "varchar", "file_month": "date",
            "pickup_zone_id": "integer", "rows_before": "bigint", "rows_after": "bigint", "unchanged_count": "bigint",
            "altered_count": "bigint", "moved_out_count": "bigint", "moved_in_count": "bigint", "gone_count": "bigint",
            "added_count": "bigint", "total_amount_before": "decimal(18, 2)", "total_amount_after": "decimal(18, 2)",
        },
    }) }}
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
    {{ return("'" ~ (lake_root() ~ "/" ~ name) | replace("'", "''") | replace("[", "[[]") | replace("*", "[*]") ~ "'") }}
{% endmacro %}


{% macro lake_root() %}
    {{ return(env_var("TAXI_LAKE_URL", "") | replace("file://", "") or (env_var("TAXI_DATA_DIR", "") or "data") ~ "/lake") }}
{% endmacro %}


{% macro lake_glob(name) %}
    {#-
        A place in the lake within Spark's backticks, with what is a pattern to Hadoop escaped. Spark's own folder is not the project's:
        `taxi` gives an absolute path. Buckets go by the cluster's connector, which is s3a on everything but EMR.
    -#}
    {% set escaped = modules.re.sub("([\\[\\]{}*?,\\\\])", "\\\\\\1", lake_root() ~ "/" ~ name) %}
    {{ return(modules.re.sub("^s3://", "s3a://", escaped) | replace("`", "``")) }}
{% endmacro %}
