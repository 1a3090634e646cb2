-- trip_id = service code, year and month of the file, row in the file.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

{% for relation in ["fact_trips", "rejected_trips"] %}
select
    trip_id,
    service_type,
    file_month,
    source_row
from {{ ref(relation) }}
where
    {{ is_unverified }}
    and trip_id
    <> case service_type when 'Yellow' then 1 when 'Green' then 2 when 'FHV' then 3 when 'HVFHV' then 4 end * 1000000000000000
    + cast(extract(year from file_month) * 100 + extract(month from file_month) as {{ dbt.type_bigint() }}) * 1000000000
    + source_row
{{ "union all" if not loop.last }}
{% endfor %}
