-- Per month, service and vendor: rows, money and every check of the mart are those of the fact.
{{ config(tags=["unverified_files"]) }}
{% set counted = ["row_count", "total_amount", "fare_residual_amount"] %}
{% set is_unverified = in_unverified_files() %}

with fact as (
    select
        service_type,
        file_month,
        vendor_id,
        fare_check,
        count(*) as row_count,
        sum(total_amount) as total_amount,
        sum(fare_residual_amount) as fare_residual_amount
    from {{ ref("fact_trips") }}
    where {{ is_metered_service() }} and {{ is_unverified }}
    group by service_type, file_month, vendor_id, fare_check
),

mart as (
    {% for check in fare_checks() %}
    select
        service_type,
        file_month,
        vendor_id,
        '{{ check }}' as fare_check,
        sum({{ check }}_row_count) as row_count,
        sum({{ check }}_total_amount) as total_amount,
        sum({{ check }}_residual_amount) as fare_residual_amount
    from {{ ref("mart_fare_audit") }}
    where {{ is_unverified }}
    group by service_type, file_month, vendor_id
    having sum({{ check }}_row_count) > 0
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    coalesce(fact.service_type, mart.service_type) as service_type,
    coalesce(fact.file_month, mart.file_month) as file_month,
    coalesce(fact.vendor_id, mart.vendor_id) as vendor_id,
    coalesce(fact.fare_check, mart.fare_check) as fare_check,
    fact.row_count as fact_rows,
    mart.row_count as mart_rows
from fact
full outer join mart
    on
        fact.service_type = mart.service_type
        and fact.file_month = mart.file_month
        and fact.vendor_id = mart.vendor_id
        and fact.fare_check = mart.fare_check
where {{ any_differs("fact", "mart", counted) }}
