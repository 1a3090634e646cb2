-- Per file: the marts by hour, by payment and by pair of zones hold the rows, trips and dollars of rpt_trips_daily, which another claim ties
-- to the fact, the one of tips the fact's card trips, the one of rejects the rows of rejected_trips.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with report as (
    select
        service_type,
        file_month,
        {{ sums(["row_count", "trip_count", "total_amount"]) }}
    from {{ ref("rpt_trips_daily") }}
    where {{ is_unverified }}
    group by service_type, file_month
),

card as (
    select
        trips.service_type,
        trips.file_month,
        count(*) as trip_count,
        sum(trips.tip_amount) as total_amount
    from {{ ref("fact_trips") }} as trips
    inner join {{ ref("dim_payment_types") }} as payment_types on trips.payment_type_id = payment_types.payment_type_id
    where
        payment_types.is_card
        and not trips.is_voided
        and {{ is_unverified }}
    group by trips.service_type, trips.file_month
),

rejected as (
    select
        service_type,
        file_month,
        count(*) as row_count,
        sum(total_amount) as total_amount
    from {{ ref("rejected_trips") }}
    where {{ is_unverified }}
    group by service_type, file_month
),

expected as (
    select
        'mart_hourly_borough_trips' as mart,
        service_type,
        file_month,
        row_count,
        trip_count,
        null as total_amount
    from report
    union all
    select
        'mart_monthly_payment_mix' as mart,
        service_type,
        file_month,
        row_count,
        trip_count,
        total_amount
    from report
    where {{ is_metered_service() }}
    union all
    select
        'mart_monthly_zone_flows' as mart,
        service_type,
        file_month,
        row_count,
        trip_count,
        total_amount
    from report
    union all
    select
        'mart_monthly_tip_rates' as mart,
        service_type,
        file_month,
        null as row_count,
        trip_count,
        total_amount
    from card
    union all
    select
        'mart_monthly_rejects' as mart,
        service_type,
        file_month,
        row_count,
        null as trip_count,
        total_amount
    from rejected
),

held as (
    select
        'mart_hourly_borough_trips' as mart,
        service_type,
        file_month,
        row_count,
        trip_count,
        null as total_amount
    from {{ ref("mart_hourly_borough_trips") }}
    union all
    select
        'mart_monthly_payment_mix' as mart,
        service_type,
        file_month,
        row_count,
        trip_count,
        total_amount
    from {{ ref("mart_monthly_payment_mix") }}
    union all
    select
        'mart_monthly_zone_flows' as mart,
        service_type,
        file_month,
        row_count,
        trip_count,
        total_amount
    from {{ ref("mart_monthly_zone_flows") }}
    union all
    select
        'mart_monthly_tip_rates' as mart,
        service_type,
        file_month,
        null as row_count,
        card_trip_count as trip_count,
        card_trip_tip_amount as total_amount
    from {{ ref("mart_monthly_tip_rates") }}
    union all
    select
        'mart_monthly_rejects' as mart,
        service_type,
        file_month,
        row_count,
        null as trip_count,
        total_amount
    from {{ ref("mart_monthly_rejects") }}
),

actual as (
    select
        mart,
        service_type,
        file_month,
        sum(row_count) as row_count,
        sum(trip_count) as trip_count,
        sum(total_amount) as total_amount
    from held
    where {{ is_unverified }}
    group by mart, service_type, file_month
)

select
    coalesce(expected.mart, actual.mart) as mart,
    coalesce(expected.service_type, actual.service_type) as service_type,
    coalesce(expected.file_month, actual.file_month) as file_month,
    expected.row_count as expected_rows,
    actual.row_count as mart_rows
from expected
full outer join actual
    on
        expected.mart = actual.mart
        and expected.service_type = actual.service_type
        and expected.file_month = actual.file_month
where {{ any_differs("expected", "actual", ["row_count", "trip_count", "total_amount"]) }}
