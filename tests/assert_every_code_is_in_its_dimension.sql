-- A warning, not a failure: a code that TLC has not used before loads as the unknown member until its seed has it.
{{ config(severity="warn", tags=["unverified_files"]) }}
{% set dimensions = {
    "hvfhs_license_number": "dim_hvfhs_licensees",
    "vendor_id": "dim_vendors", "payment_type_id": "dim_payment_types", "rate_code_id": "dim_rate_codes", "trip_type_id": "dim_trip_types"
} %}
{% set is_unverified = in_unverified_files() %}

{% for column, dimension in dimensions.items() %}
select
    '{{ column }}' as code_list,
    cast(trips.{{ column }} as {{ dbt.type_string() }}) as new_code,
    count(*) as row_count
from {{ ref("int_trips_unioned") }} as trips
left join {{ ref(dimension) }} as members on trips.{{ column }} = members.{{ column }}
where
    {{ is_unverified }}
    and trips.{{ column }} is not null
    and members.{{ column }} is null
group by new_code
{{ "union all" if not loop.last }}
{% endfor %}
