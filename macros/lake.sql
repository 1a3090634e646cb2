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
    {% endif %}
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
