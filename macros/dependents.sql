{#-
    What others have built on our tables. Postgres drops it together with a table that dbt swaps for a new one. A table that others
    depend on is therefore kept and gets its new rows by delete and insert, full refresh included; what cannot be kept is refused by name
    before the first statement. Elsewhere a view finds its tables by name, and outlives them.
-#}

{% macro dependents() %}
    {#- Rows of (schema, relation, dependent): every object of others that depends on a relation of this project. -#}
    {{ return(adapter.dispatch("dependents", "nyc_taxi")() if execute else []) }}
{% endmacro %}

{% macro default__dependents() %}
    {{ return([]) }}
{% endmacro %}

{% macro postgres__dependents() %}
    {% set schemas, names = [target.schema, file_ledger().schema] | map("replace", "'", "''") | list, [] %}
    {% for node in graph.nodes.values() if node.resource_type in ("model", "seed") %}{% do names.append(node.alias) %}{% endfor %}
    {% set query %}
        select distinct
            ours_in.nspname as schema_name,
            ours.relname as relation_name,
            regexp_replace(pg_describe_object(depends.classid, depends.objid, depends.objsubid), '^rule \S+ on ', '') as dependent
        from pg_depend as depends
        inner join pg_class as ours on depends.refclassid = cast('pg_class' as regclass) and depends.refobjid = ours.oid
        inner join pg_namespace as ours_in on ours.relnamespace = ours_in.oid
        left join pg_rewrite as rule on depends.classid = cast('pg_rewrite' as regclass) and depends.objid = rule.oid
        left join pg_class as view on rule.ev_class = view.oid
        left join pg_namespace as view_in on view.relnamespace = view_in.oid
        where
            depends.deptype = 'n'
            and ours_in.nspname in ('{{ schemas | join("', '") }}')
            and ours.relname in ('{{ names | join("', '") }}')
            and not coalesce(view_in.nspname like 'pg\_temp%', false)
            and not coalesce(
                view_in.nspname in ('{{ schemas | join("', '") }}')
                and regexp_replace(view.relname, '__dbt_(tmp|backup)$', '') in ('{{ names | join("', '") }}'),
                false
            )
        order by 1, 2, 3
    {% endset %}
    {{ return(run_query(query).rows | list) }}
{% endmacro %}


{% macro dependents_of(relation) %}
    {% set found = [] %}
    {% for schema, name, dependent in dependents() if schema == relation.schema and name == relation.identifier %}
        {% do found.append(dependent) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{% macro refuse_to_drop_dependents() %}
    {% set refused = [] %}
    {% set found = dependents() if flags.WHICH in ("build", "run") else [] %}
    {% for node in (graph.nodes.values() if found else []) if node.resource_type == "model" and node.unique_id in selected_resources %}
        {% set relation = api.Relation.create(node.database, node.schema, node.alias) %}
        {% for schema, name, dependent in found if schema == node.schema and name == node.alias %}
            {% if node.config.materialized == "view" or not has_columns_of_contract(relation, node) %}
                {% do refused.append(dependent ~ " (reads " ~ schema ~ "." ~ name ~ ")") %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% if refused %}
        {% do exceptions.raise_compiler_error(
            "This build replaces relations that others depend on, and Postgres would drop what depends on them: " ~ refused | join(", ")
            ~ ". Drop it yourself and create it again after the build; what reads facts, dimensions and marts is kept as long as their columns stay"
        ) %}
    {% endif %}
{% endmacro %}


{% macro has_columns_of_contract(relation, node) %}
    {% if not node.config.contract.enforced %}{{ return(true) }}{% endif %}
    {% set queries = ["select * from " ~ relation ~ " where false", get_empty_schema_sql(node.columns)] %}
    {% set described = [] %}
    {% for query in queries %}
        {% set columns = [] %}
        {% for column in adapter.get_column_schema_from_query(query) %}{% do columns.append(column.name ~ " " ~ column.data_type) %}{% endfor %}
        {% do described.append(columns | sort) %}
    {% endfor %}
    {{ return(described[0] == described[1]) }}
{% endmacro %}
