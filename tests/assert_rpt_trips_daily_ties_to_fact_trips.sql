-- Per month and service: rows, trips and every amount of rpt_trips_daily are those of the fact.
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
    where {{ is_unverified }}
    group by service_type, file_month
),

report as (
    select
        service_type,
        file_month,
        sum(row_count) as row_count,
        sum(trip_count) as trip_count,
        {{ sums(money_columns()) }}
    from {{ ref("rpt_trips_daily") }}
    where {{ is_unverified }}
    group by service_type, file_month
)

select
    coalesce(fact.service_type, report.service_type) as service_type,
    coalesce(fact.file_month, report.file_month) as file_month,
    fact.total_amount as fact_total_amount,
    report.total_amount as report_total_amount
from fact
full outer join report
    on
        fact.service_type = report.service_type
        and fact.file_month = report.file_month
where {{ any_differs("fact", "report", ["row_count", "trip_count"] + money_columns()) }}
