-- Per day and service: rows, trips and every amount of the mart are those of the table that it adds up, in every file.
with report as (
    select
        service_type,
        pickup_date,
        sum(row_count) as row_count,
        sum(trip_count) as trip_count,
        {{ sums(["fare_amount", "tip_amount", "total_amount"]) }}
    from {{ ref("rpt_trips_daily") }}
    group by service_type, pickup_date
),

mart as (
    select
        service_type,
        pickup_date,
        row_count,
        trip_count,
        fare_amount,
        tip_amount,
        total_amount
    from {{ ref("mart_daily_service_summary") }}
)

select
    coalesce(report.service_type, mart.service_type) as service_type,
    coalesce(report.pickup_date, mart.pickup_date) as pickup_date,
    report.total_amount as report_total_amount,
    mart.total_amount as mart_total_amount
from report
full outer join mart
    on
        report.service_type = mart.service_type
        and report.pickup_date = mart.pickup_date
where {{ any_differs("report", "mart", ["row_count", "trip_count", "fare_amount", "tip_amount", "total_amount"]) }}
