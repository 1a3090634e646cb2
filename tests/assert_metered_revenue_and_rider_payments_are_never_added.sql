-- Every row of a mart with both measures has one of them at most, and that one is its total.
{% for mart in ["rpt_trips_daily", "mart_monthly_zone_revenue", "mart_daily_service_summary"] %}
select
    '{{ mart }}' as mart,
    service_type,
    total_amount,
    metered_revenue_amount,
    rider_payment_amount
from {{ ref(mart) }}
where
    metered_revenue_amount is distinct from case when {{ is_metered_service() }} then total_amount end
    or rider_payment_amount is distinct from case when service_type = 'HVFHV' then total_amount end
{{ "union all" if not loop.last }}
{% endfor %}
