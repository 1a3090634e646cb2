-- FHV files give no fares: money is null there, never 0.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

{% for relation in ["fact_trips", "rejected_trips"] %}
select
    service_type,
    file_month,
    trip_id
from {{ ref(relation) }}
where
    service_type = 'FHV'
    and {{ is_unverified }}
    and coalesce({{ money_columns() | join(", ") }}) is not null
union all
{% endfor %}
select
    service_type,
    pickup_date as file_month,
    cast(null as {{ dbt.type_bigint() }}) as trip_id
from {{ ref("mart_daily_service_summary") }}
where
    service_type = 'FHV'
    and coalesce(fare_amount, tip_amount, total_amount, card_fare_amount, card_tip_amount) is not null
