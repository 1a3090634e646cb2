-- Every amount counted once, in columns that mean the same for all vendors: net parts and what is not itemized make up the total.
{{ config(tags=["unverified_files"]) }}
select
    trip_id,
    service_type,
    file_month,
    total_amount,
    expected_total_amount,
    fare_residual_amount
from {{ ref("fact_trips") }}
where
    {{ in_unverified_files() }}
    and {{ is_metered_service() }}
    and total_amount is not null
    and (
        total_amount <> expected_total_amount + fare_residual_amount
        or total_amount
        <> net_extra_amount
        + net_mta_tax_amount
        + net_congestion_surcharge_amount
        {% for charge in charge_columns(["yellow", "green"]) if charge not in ["extra_amount", "mta_tax_amount", "congestion_surcharge_amount"] %}
        + coalesce({{ charge }}, 0)
        {% endfor %}
        + case when fare_check = 'congestion_unitemized' then 0 else fare_residual_amount end
    )
