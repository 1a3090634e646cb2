-- A warning, not a failure: a code that TLC has not used before loads as the unknown member until its seed has it.
{{ config(severity="warn", tags=["unverified_files"]) }}
{% set dimensions = {
    "hvfhs_license_number": "dim_hvfhs_licensees",
    "vendor_id": "dim_vendors", "payment_type_id": "dim_payment_types", "rate_code_id": "dim_rate_codes", "trip_type_id": "dim_trip_types"
} %}

with combined as (
    select
        {{ dimensions | join(", ") }},
        count(*) as row_count
    from {{ ref("int_trips_unioned") }}
    where {{ in_unverified_files() }}
    group by {{ dimensions | join(", ") }}
)

{% for column, dimension in dimensions.items() %}
select
    '{{ column }}' as code_list,
    cast(combined.{{ column }} as {{ dbt.type_string() }}) as new_code,
    sum(combined.row_count) as row_count
from combined
left join {{ ref(dimension) }} as members on combined.{{ column }} = members.{{ column }}
where
    combined.{{ column }} is not null
    and members.{{ column }} is null
group by combined.{{ column }}
{{ "union all" if not loop.last }}
{% endfor %}
