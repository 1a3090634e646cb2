-- Per month and service: rows, trips and every amount of the mart are those of the table that it adds up.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with report as (
    select
        service_type,
        file_month,
        {{ sums(["row_count", "trip_count"] + money_columns()) }}
    from {{ ref("rpt_trips_daily") }}
    where service_type <> 'FHV' and {{ is_unverified }}
    group by service_type, file_month
),

mart as (
    select
        service_type,
        revenue_month as file_month,
        {{ sums(["row_count", "trip_count"] + money_columns()) }}
    from {{ ref("mart_monthly_zone_revenue") }}
    where {{ is_unverified }}
    group by service_type, revenue_month
)

select
    coalesce(report.service_type, mart.service_type) as service_type,
    coalesce(report.file_month, mart.file_month) as file_month,
    report.total_amount as report_total_amount,
    mart.total_amount as mart_total_amount
from report
full outer join mart
    on
        report.service_type = mart.service_type
        and report.file_month = mart.file_month
where {{ any_differs("report", "mart", ["row_count", "trip_count"] + money_columns()) }}
