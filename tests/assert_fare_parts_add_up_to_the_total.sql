-- Every amount counted once, in columns that mean the same for all vendors: net parts and what is not itemised make up the total.
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
    and service_type <> 'FHV'
    and total_amount is not null
    and (
        total_amount <> expected_total_amount + fare_residual_amount
        or total_amount
        <> coalesce(fare_amount, 0)
        + net_extra_amount
        + net_mta_tax_amount
        + coalesce(tip_amount, 0)
        + coalesce(tolls_amount, 0)
        + coalesce(improvement_surcharge_amount, 0)
        + net_congestion_surcharge_amount
        + coalesce(airport_fee_amount, 0)
        + coalesce(cbd_congestion_fee_amount, 0)
        + coalesce(ehail_fee_amount, 0)
        + case when fare_check = 'congestion_unitemised' then 0 else fare_residual_amount end
    )
