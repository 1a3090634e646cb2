-- Per file and amount, to the cent: what staging holds is what fact_trips and rejected_trips hold together.
{% set relations = {"stg_yellow_tripdata": 1, "stg_green_tripdata": 1, "fact_trips": -1, "rejected_trips": -1} %}
{% set not_in_staging = {"stg_yellow_tripdata": ["ehail_fee_amount"], "stg_green_tripdata": ["airport_fee_amount"]} %}

with summed as (
    {% for relation, sign in relations.items() %}
    select
        service_type,
        file_month,
        {% for column in money_columns() %}
        {% if column in not_in_staging.get(relation, []) %}
        0
        {% else %}
        {{ sign }} * coalesce(sum({{ column }}), 0)
        {% endif %} as {{ column }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref(relation) }}
    where {{ in_unverified_files() }}
    group by service_type, file_month
    {{ "union all" if not loop.last }}
    {% endfor %}
),

by_file as (
    select
        service_type,
        file_month,
        {% for column in money_columns() %}
        sum({{ column }}) as missing_{{ column }}{{ "," if not loop.last }}
        {% endfor %}
    from summed
    group by service_type, file_month
)

select *
from by_file
where
    {% for column in money_columns() %}
    {{ "or " if not loop.first }}missing_{{ column }} <> 0
    {% endfor %}
