{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where
        {{ is_metered_service() }}
        and {{ in_slice_to_build() }}
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
        file_month,
        service_type,
        pickup_zone_id,
        payment_type_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when is_voided then 0 else 1 end) as {{ dbt.type_bigint() }}) as trip_count,
        cast(sum(total_amount) as {{ type_decimal(18, 2) }}) as total_amount
    from trips
    group by file_month, service_type, pickup_zone_id, payment_type_id
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["summed.file_month", "summed.service_type", "summed.pickup_zone_id", "summed.payment_type_id"]) }} as monthly_payment_mix_id,
        summed.file_month,
        cast(summed.service_type as {{ dbt.type_string() }}) as service_type,
        summed.pickup_zone_id,
        summed.payment_type_id,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        summed.row_count,
        summed.trip_count,
        summed.total_amount
    from summed
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
