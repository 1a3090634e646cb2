-- Per file and license: rows, trips, dollars and seconds of mart_market_share and mart_hvfhv_fare_audit are those of the fact.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}
{% set counted = ["row_count", "trip_count", "total_amount", "driver_pay_amount", "wait_seconds"] %}

with fact as (
    select
        cast(service_type as {{ dbt.type_string() }}) as service_type,
        file_month,
        cast(hvfhs_license_number as {{ dbt.type_string() }}) as hvfhs_license_number,
        count(*) as row_count,
        sum(case when is_voided then 0 else 1 end) as trip_count,
        sum(total_amount) as total_amount,
        sum(driver_pay_amount) as driver_pay_amount,
        sum(case when wait_seconds >= 0 then wait_seconds end) as wait_seconds,
        sum(case when not is_amount_implausible then sales_tax_amount end) as sales_tax_amount
    from {{ ref("fact_trips") }}
    where {{ is_unverified }}
    group by service_type, file_month, hvfhs_license_number
),

mart as (
    select
        service_type,
        file_month,
        hvfhs_license_number,
        sum(row_count) as row_count,
        sum(trip_count) as trip_count,
        sum(coalesce(metered_revenue_amount, rider_payment_amount)) as total_amount,
        sum(driver_pay_amount) as driver_pay_amount,
        sum(wait_seconds) as wait_seconds
    from {{ ref("mart_market_share") }}
    where {{ is_unverified }}
    group by service_type, file_month, hvfhs_license_number
),

audit as (
    select
        service_type,
        file_month,
        hvfhs_license_number,
        sales_tax_amount
    from {{ ref("mart_hvfhv_fare_audit") }}
    where {{ is_unverified }}
)

select
    coalesce(fact.service_type, mart.service_type) as service_type,
    coalesce(fact.file_month, mart.file_month) as file_month,
    coalesce(fact.hvfhs_license_number, mart.hvfhs_license_number) as hvfhs_license_number,
    fact.row_count as fact_rows,
    mart.row_count as mart_rows,
    fact.total_amount as fact_total_amount,
    mart.total_amount as mart_total_amount
from fact
full outer join mart
    on
        fact.service_type = mart.service_type
        and fact.file_month = mart.file_month
        and fact.hvfhs_license_number = mart.hvfhs_license_number
left join audit
    on
        fact.service_type = audit.service_type
        and fact.file_month = audit.file_month
        and fact.hvfhs_license_number = audit.hvfhs_license_number
where
    {{ any_differs("fact", "mart", counted) }}
    or (fact.service_type = 'HVFHV' and fact.sales_tax_amount is distinct from audit.sales_tax_amount)
