-- Per month and service: rows, trips and every amount of the mart are those of the fact.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with fact as (
    select
        service_type,
        file_month,
        count(*) as row_count,
        sum(case when is_voided then 0 else 1 end) as trip_count,
        {{ sums(money_columns()) }}
    from {{ ref("fact_trips") }}
    where service_type <> 'FHV' and {{ is_unverified }}
    group by service_type, file_month
),

mart as (
    select
        service_type,
        revenue_month as file_month,
        sum(row_count) as row_count,
        sum(trip_count) as trip_count,
        {{ sums(money_columns()) }}
    from {{ ref("mart_monthly_zone_revenue") }}
    where {{ is_unverified }}
    group by service_type, revenue_month
)

select
    coalesce(fact.service_type, mart.service_type) as service_type,
    coalesce(fact.file_month, mart.file_month) as file_month,
    fact.total_amount as fact_total_amount,
    mart.total_amount as mart_total_amount
from fact
full outer join mart
    on
        fact.service_type = mart.service_type
        and fact.file_month = mart.file_month
where {{ any_differs("fact", "mart", ["row_count", "trip_count"] + money_columns()) }}
