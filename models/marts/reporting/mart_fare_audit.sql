{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where
        {{ is_metered_service() }}
        and {{ in_slice_to_build() }}
),

checks as (
    select
        fare_check,
        is_explained
    from {{ ref("dim_fare_checks") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
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
        {{ dbt_utils.generate_surrogate_key(["summed.file_month", "summed.service_type", "summed.vendor_id", "summed.is_app_dispatched"]) }} as fare_audit_id,
        summed.file_month,
        cast(summed.service_type as {{ dbt.type_string() }}) as service_type,
        summed.vendor_id,
        summed.is_app_dispatched,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        summed.row_count,
        summed.explained_row_count,
        {{ ratio("summed.explained_row_count", "summed.row_count") }} as explained_share,
        {% for check in fare_checks() %}
        summed.{{ check }}_row_count,
        summed.{{ check }}_total_amount,
        summed.{{ check }}_residual_amount,
        {% endfor %}
        summed.total_amount,
        summed.expected_total_amount,
        summed.fare_residual_amount,
        summed.congestion_surcharge_amount,
        summed.net_congestion_surcharge_amount
    from summed
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
