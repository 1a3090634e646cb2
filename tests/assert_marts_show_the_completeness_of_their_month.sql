-- Looks at all rows: a verdict changes with the seeds, without a new file.
{% set marts = [
    "mart_monthly_zone_revenue", "mart_fare_audit", "mart_monthly_payment_mix", "mart_monthly_rejects", "rpt_trips_daily",
    "mart_hourly_borough_trips", "mart_monthly_tip_rates", "mart_monthly_zone_flows", "mart_market_share", "mart_hvfhv_fare_audit",
    "mart_data_quality"
] %}
with shown as (
    {% for mart in marts %}
    select distinct
        '{{ mart }}' as mart,
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref(mart) }}
    union all
    {% endfor %}
    select distinct
        'mart_daily_service_summary' as mart,
        service_type,
        {{ first_of_month("pickup_date") }} as file_month,
        official_row_share,
        month_completeness
    from {{ ref("mart_daily_service_summary") }}
)

select
    shown.mart,
    shown.service_type,
    shown.file_month,
    shown.month_completeness,
    shown.official_row_share,
    completeness.month_completeness as expected_completeness,
    completeness.official_row_share as expected_share
from shown
left join {{ ref("fact_file_completeness") }} as completeness
    on
        shown.service_type = completeness.service_type
        and shown.file_month = completeness.file_month
where
    shown.month_completeness <> coalesce(completeness.month_completeness, 'part')
    or (
        completeness.file_month is not null
        and shown.official_row_share is distinct from completeness.official_row_share
    )
