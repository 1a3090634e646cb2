-- Per day and service, over every day that a file to verify can reach into.
with fact as (
    select
        service_type,
        pickup_date,
        count(*) as row_count,
        sum(case when is_voided then 0 else 1 end) as trip_count,
        sum(total_amount) as total_amount
    from {{ ref("fact_trips") }}
    where {{ in_fact_of_unverified_days() }}
    group by service_type, pickup_date
),

mart as (
    select
        service_type,
        pickup_date,
        row_count,
        trip_count,
        total_amount
    from {{ ref("mart_daily_service_summary") }}
    where {{ in_days_of_unverified_files() }}
)

select
    coalesce(fact.service_type, mart.service_type) as service_type,
    coalesce(fact.pickup_date, mart.pickup_date) as pickup_date,
    fact.total_amount as fact_total_amount,
    mart.total_amount as mart_total_amount
from fact
full outer join mart
    on
        fact.service_type = mart.service_type
        and fact.pickup_date = mart.pickup_date
where {{ any_differs("fact", "mart", ["row_count", "trip_count", "total_amount"]) }}
