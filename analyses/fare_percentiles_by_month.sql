-- How high are the highest fares, month by month? The value at or below which 90, 95 and 97 % of the fares lie.
-- month_completeness says how whole each month is: a part of a month is not the month.
-- Discrete percentiles by rank, the same on every engine; app-dispatched, voided and non-positive fares stay out.
with trips as (
    select
        service_type,
        file_month,
        fare_amount
    from {{ ref("fact_trips") }}
    where
        not is_voided
        and not is_app_dispatched
        and fare_amount > 0
),

counted as (
    select
        service_type,
        file_month,
        fare_amount,
        count(*) as trip_count
    from trips
    group by service_type, file_month, fare_amount
),

cumulated as (
    select
        service_type,
        file_month,
        fare_amount,
        sum(trip_count) over (partition by service_type, file_month order by fare_amount) as trips_up_to_here,
        sum(trip_count) over (partition by service_type, file_month) as trips_in_month
    from counted
),

files as (
    select
        service_type,
        file_month,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

percentiles as (
    select
        service_type,
        file_month,
        min(case when trips_up_to_here * 100 >= trips_in_month * 90 then fare_amount end) as fare_p90_amount,
        min(case when trips_up_to_here * 100 >= trips_in_month * 95 then fare_amount end) as fare_p95_amount,
        min(case when trips_up_to_here * 100 >= trips_in_month * 97 then fare_amount end) as fare_p97_amount,
        max(trips_in_month) as trip_count
    from cumulated
    group by service_type, file_month
),

final as (
    select
        percentiles.service_type,
        percentiles.file_month,
        percentiles.fare_p90_amount,
        percentiles.fare_p95_amount,
        percentiles.fare_p97_amount,
        percentiles.trip_count,
        files.month_completeness
    from percentiles
    inner join files
        on
            percentiles.service_type = files.service_type
            and percentiles.file_month = files.file_month
)

select * from final
order by service_type, file_month
