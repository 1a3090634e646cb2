{% macro days_from(day, days) %}
    {#- The midnight `days` days after the date `day`, as wall time. -#}
    cast({{ dbt.dateadd("day", days, day) }} as {{ type_wall_time() }})
{%- endmacro %}


{% macro is_in_repeated_hour(instant) %}
    {#-
        Is the wall time within the hour that occurs twice when the clocks go back: 01:00 to 02:00 on the first
        Sunday of November (Energy Policy Act of 2005, in force since 2007; 2007-11-04 is such a Sunday).
    -#}
    (
        extract(month from {{ instant }}) = 11
        and extract(day from {{ instant }}) <= 7
        and extract(hour from {{ instant }}) = 1
        and mod(cast({{ dbt.datediff("cast('2007-11-04' as date)", "cast(" ~ instant ~ " as date)", "day") }} as integer), 7) = 0
    )
{%- endmacro %}


{% macro code_lists(dimensions) %}
    {#-
        The keys of dimensions as literals, so that no row is joined to six code lists: {column: condition with `{}` for the code}.
        `dimensions`: {key column: relation}. Where a dimension is no table yet, or is the input of a unit test, its keys are asked for in a subquery.
    -#}
    {% set known = {} %}
    {% for key, relation in dimensions.items() %}
        {% if execute and not relation.is_cte and load_relation(relation) is not none %}
            {% set members = run_query("select " ~ key ~ " from " ~ relation ~ " order by 1").columns[0].values() | list %}
            {% set runs = [] %}
            {% for id in members | reject("string") | map("int") %}
                {% if runs and runs[-1][1] == id - 1 %}{% do runs.append([runs.pop()[0], id]) %}{% else %}{% do runs.append([id, id]) %}{% endif %}
            {% endfor %}
            {% set conditions = [] %}
            {% for first, last in runs %}{% do conditions.append("{} between " ~ first ~ " and " ~ last) %}{% endfor %}
            {% for code in members | select("string") %}{% do conditions.append("{} = '" ~ code ~ "'") %}{% endfor %}
            {% do known.update({key: "(" ~ (conditions | join(" or ") or "1 = 0") ~ ")"}) %}
        {% else %}
            {% do known.update({key: "{} in (select " ~ key ~ " from " ~ relation ~ ")"}) %}
        {% endif %}
    {% endfor %}
    {{ return(known) }}
{% endmacro %}


{% macro known_member(code, is_known, unknown_id, applies="", not_applicable=var("not_applicable_id")) %}
    {#- The code as its dimension has it: TLC's own id for unknown when missing or new, "not applicable" where the service has no such attribute. -#}
    case{% if applies %} when not ({{ applies }}) then {{ not_applicable }}{% endif %}
        when {{ is_known | replace("{}", code) }} then {{ code }} else {{ unknown_id }}
    end
{%- endmacro %}


{% macro is_metered_service(service_type="service_type") %}
    {#- Whether a row is of a service with a taximeter: only its files have vendors, rate codes, payment types, reversals. -#}
    {{ return(service_type ~ " in ('Yellow', 'Green')") }}
{%- endmacro %}


{% macro service_in_file_names(service_type) %}
    {#- The service as TLC's file names have it: yellow, green, fhv, fhvhv. -#}
    {{ return("case when " ~ service_type ~ " = 'HVFHV' then 'fhvhv' else lower(" ~ service_type ~ ") end") }}
{%- endmacro %}


{% macro trip_columns(service=none, kind=none) %}
    {#- Names of the columns that TLC's files give, in order: all, those of a service, those of a kind such as money. -#}
    {% set names = [] %}
    {% for name, column in var("trip_columns").items() if (service is none or service in column) and kind in [none, column.kind] %}
        {% do names.append(name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{% macro money_columns() %}
    {#- Every amount that TLC publishes; total_amount is the sum that counts. -#}
    {{ return(trip_columns(kind="money")) }}
{% endmacro %}


{% macro charge_columns(services) %}
    {#- The amounts that make up total_amount in the files of some services. -#}
    {% set names = [] %}
    {% for name in money_columns() if name != "total_amount" and "outside_total" not in var("trip_columns")[name] %}
        {% if services | select("in", var("trip_columns")[name]) | list %}{% do names.append(name) %}{% endif %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{% macro yes_or_no(flag) %}
    {#- TLC's Y and N as a boolean, null where the file leaves the flag blank; the 1 of older files is a Y. -#}
    case when {{ flag }} in ('Y', '1') then true when {{ flag }} = 'N' then false end
{%- endmacro %}


{% macro select_lake_columns(service) %}
    {#- The columns of a service's lake under this project's names; degrees as decimals, because BigQuery compares no doubles. #}
    {%- for name in trip_columns(service) %}
        {%- set lake_name = var("trip_columns")[name][service][0] %}
        {%- set is_degrees = var("trip_columns")[name].kind == "degrees" %}
        {%- set value = "cast(" ~ lake_name ~ " as " ~ type_decimal(18, 9) ~ ")" if is_degrees else lake_name %}
        {{ value }}{{ " as " ~ name if name != value }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{% macro select_union_columns(service, kind=none) %}
    {#- The columns of all services, or those of a kind, null where this one has none. -#}
    {%- set types = {
        "code": "integer", "time": type_wall_time(), "money": type_decimal(12, 2), "miles": type_decimal(12, 3),
        "degrees": type_decimal(18, 9), "text": dbt.type_string()
    } %}
    {%- for name, column in var("trip_columns").items() if kind in [none, column.kind] %}
        {{ name if service in column else "cast(null as " ~ types[column.kind] ~ ") as " ~ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{% macro select_trip_columns(relation, replace={}) %}
    {#-
        The columns that TLC's files give, in order, without those that int_trips turns into flags. `replace`: {column: expression}
        for those that a rule changes; the others are as the relation has them.
    -#}
    {%- for name, column in var("trip_columns").items() if "becomes" not in column %}
        {{ replace.get(name, relation ~ "." ~ name) }}{{ " as " ~ name if name in replace }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{% macro any_beyond(columns, limit) %}
    {#- Whether the absolute value of any of the columns exceeds a limit; nulls do not. -#}
    ({% for column in columns %}coalesce(abs({{ column }}), 0) > {{ limit }}{{ " or " if not loop.last }}{% endfor %})
{%- endmacro %}


{% macro is_free(trip_id, taken_trip_ids) %}
    {#- 1 while the trip is not in the blank-separated list of ids, else 0. -#}
    case when {{ dbt.position(dbt.concat(["' '", dbt.cast(trip_id, dbt.type_string()), "' '"]), taken_trip_ids) }} = 0 then 1 else 0 end
{%- endmacro %}
