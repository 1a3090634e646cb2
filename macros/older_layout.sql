{#-
    Until 2026-11 every relation was in one schema: the target's, which was `main` on DuckDB. The ledger in that place tells such a
    warehouse. It is not built on, so that no table exists twice: a full refresh writes the relations to their schemas and drops the old ones.
-#}

{% macro refuse_older_layout() %}
    {% set schema = older_schema() if execute and flags.WHICH in ("build", "run", "seed", "snapshot", "test") else none %}
    {% if schema is not none and not flags.FULL_REFRESH %}
        {% do exceptions.raise_compiler_error(
            "Schema " ~ schema ~ " holds tables of an older version of this project or of its profile. "
            ~ "Run `taxi build --full-refresh`: it builds them in their new schemas, then drops the old ones"
        ) %}
    {% elif schema is not none %}
        {% for node in nodes_moved_from(schema) if node.resource_type == "snapshot" and node.unique_id in selected_resources %}
            {#- A snapshot is never built anew: its history goes with it, and dbt, which looked before, is told that it is there. -#}
            {% do adapter.cache_added(api.Relation.create(node.database, node.schema, node.alias, type="table")) %}
            create schema if not exists {{ adapter.quote(node.schema) }};
            create table if not exists {{ node.relation_name }} as select * from {{ older_relation(schema, node.alias) }};
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro drop_older_layout() %}
    {% set schema = older_schema() if execute and flags.FULL_REFRESH else none %}
    {% if schema is not none %}
        {% set unbuilt = [] %}
        {% for node in nodes_moved_from(schema) %}
            {% if load_relation(api.Relation.create(node.database, node.schema, node.alias)) is none %}
                {% do unbuilt.append(node.name) %}
            {% else %}
                {% do adapter.drop_relation(older_relation(schema, node.alias)) %}
            {% endif %}
        {% endfor %}
        {% if not unbuilt %}
            {% for table in (node_states(), file_ledger()) if older_relation(schema, table.identifier) is not none %}
                {% do adapter.drop_relation(older_relation(schema, table.identifier)) %}
            {% endfor %}
            {% if schema != target.schema %}drop schema if exists {{ adapter.quote(schema ~ "_test_failures") }} cascade{% endif %}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro older_schema() %}
    {#- The schema in which everything was, when its ledger is still there. -#}
    {{ return(adapter.dispatch("older_schema", "nyc_taxi")()) }}
{% endmacro %}

{% macro default__older_schema() %}
    {{ return(target.schema if older_relation(target.schema, file_ledger().identifier) is not none else none) }}
{% endmacro %}

{% macro duckdb__older_schema() %}
    {{ return("main" if older_relation("main", file_ledger().identifier) is not none else default__older_schema()) }}
{% endmacro %}


{% macro spark__older_schema() %}
    {#- No older version built there. -#}
    {{ return(none) }}
{% endmacro %}


{% macro nodes_moved_from(schema) %}
    {% set moved = [] %}
    {% for node in graph.nodes.values() if node.resource_type in ("model", "seed", "snapshot") and node.schema != schema %}
        {% if older_relation(schema, node.alias) is not none %}{% do moved.append(node) %}{% endif %}
    {% endfor %}
    {{ return(moved) }}
{% endmacro %}


{% macro older_relation(schema, name) %}
    {#- A relation in the schema in which everything was; none when there is no such relation. -#}
    {{ return(adapter.dispatch("older_relation", "nyc_taxi")(schema, name)) }}
{% endmacro %}

{% macro default__older_relation(schema, name) %}
    {{ return(adapter.get_relation(target.database, schema, name)) }}
{% endmacro %}

{% macro duckdb__older_relation(schema, name) %}
    {#-
        Not by dbt's cache, which knows the schemas of today and opens a transaction for another one. A profile of that time
        names no schema: what was built with it by today's project is in `main` and `main_internal`.
    -#}
    {% set schemas = [schema] if schema == target.schema else [schema, schema ~ "_internal"] %}
    {% set found = run_query(
        "select table_schema, lower(table_type) from information_schema.tables where table_catalog = '" ~ target.database
        ~ "' and table_schema in ('" ~ schemas | join("', '") ~ "') and table_name = '" ~ name ~ "'"
    ).rows %}
    {% if not found %}{{ return(none) }}{% endif %}
    {{ return(api.Relation.create(target.database, found[0][0], name, type="view" if found[0][1] == "view" else "table")) }}
{% endmacro %}
