-- HVFHV files give no total: in fact_trips and rejected_trips it is the sum of what the passenger paid, without the driver's pay.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}
{% set parts = charge_columns(["fhvhv"]) %}
{% set terms = [] %}
{% for part in parts %}{% do terms.append("coalesce(" ~ part ~ ", 0)") %}{% endfor %}

{% for relation in ["fact_trips", "rejected_trips"] %}
select
    service_type,
    file_month,
    trip_id,
    total_amount
from {{ ref(relation) }}
where
    service_type = 'HVFHV'
    and {{ is_unverified }}
    and total_amount is distinct from case when coalesce({{ parts | join(", ") }}) is not null then {{ terms | join(" + ") }} end
{{ "union all" if not loop.last }}
{% endfor %}
