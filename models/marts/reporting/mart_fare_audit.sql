{{ config(materialized="incremental", meta={"files_from": "fact_trips"}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where
        service_type <> 'FHV'
        and {{ in_slice_to_build() }}
),

checks as (
    select
        fare_check,
        is_explained
    from {{ ref("dim_fare_checks") }}
),

summed as (
    select
        trips.service_type,
        trips.file_month,
        trips.vendor_id,
        trips.is_app_dispatched,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when checks.is_explained then 1 else 0 end) as {{ dbt.type_bigint() }}) as explained_row_count,
        {% for check in fare_checks() %}
        cast(sum(case when trips.fare_check = '{{ check }}' then 1 else 0 end) as {{ dbt.type_bigint() }}) as {{ check }}_row_count,
        cast(sum(case when trips.fare_check = '{{ check }}' then trips.total_amount else 0 end) as {{ type_decimal(18, 2) }}) as {{ check }}_total_amount,
        cast(sum(case when trips.fare_check = '{{ check }}' then trips.fare_residual_amount else 0 end) as {{ type_decimal(18, 2) }}) as {{ check }}_residual_amount,
        {% endfor %}
        {{ money_sum("total_amount") }},
        {{ money_sum("expected_total_amount") }},
        {{ money_sum("fare_residual_amount") }},
        {{ money_sum("congestion_surcharge_amount") }},
        {{ money_sum("net_congestion_surcharge_amount") }}
    from trips
    inner join checks on trips.fare_check = checks.fare_check
    group by trips.service_type, trips.file_month, trips.vendor_id, trips.is_app_dispatched
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["file_month", "service_type", "vendor_id", "is_app_dispatched"]) }} as fare_audit_id,
        file_month,
        service_type,
        vendor_id,
        is_app_dispatched,
        row_count,
        explained_row_count,
        {{ ratio("explained_row_count", "row_count") }} as explained_share,
        {% for check in fare_checks() %}
        {{ check }}_row_count,
        {{ check }}_total_amount,
        {{ check }}_residual_amount,
        {% endfor %}
        total_amount,
        expected_total_amount,
        fare_residual_amount,
        congestion_surcharge_amount,
        net_congestion_surcharge_amount
    from summed
)

select * from final
