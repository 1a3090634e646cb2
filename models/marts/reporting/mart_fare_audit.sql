{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

{% set amounts = ["total_amount", "expected_total_amount", "fare_residual_amount", "congestion_surcharge_amount", "net_congestion_surcharge_amount"] %}

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

by_check as (
    select
        service_type,
        file_month,
        vendor_id,
        is_app_dispatched,
        fare_check,
        count(*) as row_count,
        {{ sums(amounts) }}
    from trips
    group by service_type, file_month, vendor_id, is_app_dispatched, fare_check
),

summed as (
    select
        by_check.service_type,
        by_check.file_month,
        by_check.vendor_id,
        by_check.is_app_dispatched,
        {% for amount in amounts %}
        cast(sum(by_check.{{ amount }}) as {{ type_decimal(18, 2) }}) as {{ amount }},
        {% endfor %}
        {% for check in fare_checks() %}
        cast(sum(case when by_check.fare_check = '{{ check }}' then by_check.row_count else 0 end) as {{ dbt.type_bigint() }}) as {{ check }}_row_count,
        cast(sum(case when by_check.fare_check = '{{ check }}' then by_check.total_amount else 0 end) as {{ type_decimal(18, 2) }}) as {{ check }}_total_amount,
        cast(sum(case when by_check.fare_check = '{{ check }}' then by_check.fare_residual_amount else 0 end) as {{ type_decimal(18, 2) }}) as {{ check }}_residual_amount,
        {% endfor %}
        cast(sum(by_check.row_count) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when checks.is_explained then by_check.row_count else 0 end) as {{ dbt.type_bigint() }}) as explained_row_count
    from by_check
    inner join checks on by_check.fare_check = checks.fare_check
    group by by_check.service_type, by_check.file_month, by_check.vendor_id, by_check.is_app_dispatched
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
        {% for check in fare_checks() %}
        summed.{{ check }}_row_count,
        summed.{{ check }}_total_amount,
        summed.{{ check }}_residual_amount,
        {% endfor %}
        {% for amount in amounts %}
        summed.{{ amount }},
        {% endfor %}
        summed.row_count,
        summed.explained_row_count,
        {{ ratio("summed.explained_row_count", "summed.row_count") }} as explained_share
    from summed
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
