{{ config(materialized="incremental", meta={"files_from": ["rejected_trips", "fact_file_completeness"]}) }}

with rejected as (
    select * from {{ ref("rejected_trips") }}
    where {{ in_slice_to_build() }}
),

zones as (
    select zone_id from {{ ref("dim_zones") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

counted as (
    select
        rejected.file_month,
        rejected.service_type,
        coalesce(zones.zone_id, {{ var("unknown_zone_id") }}) as pickup_zone_id,
        rejected.reject_reason,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(rejected.total_amount) as {{ type_decimal(18, 2) }}) as total_amount
    from rejected
    left join zones on rejected.pickup_zone_id = zones.zone_id
    group by 1, 2, 3, 4
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["counted.file_month", "counted.service_type", "counted.pickup_zone_id", "counted.reject_reason"]) }} as monthly_rejects_id,
        counted.file_month,
        counted.service_type,
        counted.pickup_zone_id,
        counted.reject_reason,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        counted.row_count,
        counted.total_amount
    from counted
    left join completeness
        on
            counted.service_type = completeness.service_type
            and counted.file_month = completeness.file_month
)

select * from final
