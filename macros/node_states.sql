{#-
    The state of every table and every test in a warehouse: `node_states` has one row per seed, model, snapshot and data test, with how it
    ended when it last ran. What a run is about to do is written down as `running` before it starts, so a killed run is seen; a test
    whose table was built again without it becomes `outdated`. Pages and exports are written only of a warehouse in which all have passed.
-#}

{% macro node_states() %}
    {{ return(file_ledger().incorporate(path={"identifier": "node_states"})) }}
{% endmacro %}


{% macro record_running_nodes() %}
    {% if execute and flags.WHICH in ("build", "run", "seed", "snapshot", "test", "retry") %}
        {% set running = [] %}
        {% for node in nodes_with_a_state() if node.unique_id in selected_resources %}
            {% do running.append((node.unique_id, "running", 0)) %}
        {% endfor %}
        {{ run_or_return(
            "create table if not exists " ~ node_states() ~ " (node " ~ dbt.type_string() ~ ", status " ~ dbt.type_string() ~ ", failures "
            ~ dbt.type_bigint() ~ ", changed_at " ~ dbt.type_string() ~ ");"
        ) }}
        {% if running %}{{ replace_node_states(running) }}{% endif %}
    {% endif %}
{% endmacro %}


{% macro record_node_states(results) %}
    {% if execute %}
        {% set ended = [] %}
        {% set built = [] %}
        {% set seen = [] %}
        {% for result in results if result.node.resource_type in types_with_a_state() %}
            {% do ended.append((result.node.unique_id, result.status | string, result.failures or 0)) %}
            {% do seen.append(result.node.unique_id) %}
            {% if result.node.resource_type != "test" %}{% do built.append(result.node.unique_id) %}{% endif %}
        {% endfor %}
        {% for node in nodes_with_a_state() if node.resource_type == "test" and node.unique_id not in seen %}
            {% if node.depends_on.nodes | select("in", built) | list %}{% do ended.append((node.unique_id, "outdated", 0)) %}{% endif %}
        {% endfor %}
        {% if ended %}{{ replace_node_states(ended) }}{% endif %}
    {% endif %}
{% endmacro %}


{% macro types_with_a_state() %}
    {{ return(["seed", "model", "snapshot", "test"]) }}
{% endmacro %}


{% macro nodes_with_a_state() %}
    {{ return(graph.nodes.values() | selectattr("resource_type", "in", types_with_a_state()) | list) }}
{% endmacro %}


{% macro replace_node_states(states) %}
    {#- The rows of these nodes become these; rows of nodes that the project no longer has go. `states`: unique id, status, failing rows. -#}
    {{ return(adapter.dispatch("replace_node_states", "nyc_taxi")(states)) }}
{% endmacro %}

{% macro default__replace_node_states(states) %}
    delete from {{ node_states() }}
    where node in ('{{ states | map(attribute=0) | join("', '") }}')
        or node not in ('{{ nodes_with_a_state() | map(attribute="unique_id") | join("', '") }}');
    insert into {{ node_states() }} (node, status, failures, changed_at) values
    {% for node, status, failures in states %}
    ('{{ node }}', '{{ status }}', {{ failures }}, '{{ modules.datetime.datetime.utcnow() }}'){{ "," if not loop.last else ";" }}
    {% endfor %}
{% endmacro %}

{% macro bigquery__replace_node_states(states) %}
    {#- One statement, which is atomic without a transaction. -#}
    merge into {{ node_states() }} as states
    using (
        select * from unnest([
            {% for node, status, failures in states %}
            struct(
                '{{ node }}' as node, '{{ status }}' as status, {{ failures }} as failures,
                '{{ modules.datetime.datetime.utcnow() }}' as changed_at
            ){{ "," if not loop.last }}
            {% endfor %}
        ])
    ) as new_states
    on states.node = new_states.node
    when matched then update set status = new_states.status, failures = new_states.failures, changed_at = new_states.changed_at
    when not matched then insert (node, status, failures, changed_at) values (node, status, failures, changed_at)
    when not matched by source and states.node not in ('{{ nodes_with_a_state() | map(attribute="unique_id") | join("', '") }}') then delete;
{% endmacro %}

{% macro spark__replace_node_states(states) %}
    {#- All rows in one statement. A process killed within it leaves none, and nothing is published until the next build has written them. -#}
    {% set kept, values, now = {}, [], modules.datetime.datetime.utcnow() %}
    {% for row in run_query("select node, status, failures, changed_at from " ~ node_states()).rows %}{% do kept.update({row[0]: row}) %}{% endfor %}
    {% for node, status, failures in states %}{% do kept.update({node: (node, status, failures, now)}) %}{% endfor %}
    {% for node in nodes_with_a_state() if node.unique_id in kept %}
        {% set row = kept[node.unique_id] %}
        {% do values.append("('" ~ row[0] ~ "', '" ~ row[1] ~ "', " ~ (row[2] | int) ~ ", '" ~ row[3] ~ "')") %}
    {% endfor %}
    {% do run_query("insert overwrite table " ~ node_states() ~ " values " ~ values | join(", ")) %}
{% endmacro %}
