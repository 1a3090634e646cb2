{{ config(materialized="incremental", meta={"files_from": "rejected_trips"}) }}

with rejected as (
    select * from {{ ref("rejected_trips") }}
    where {{ in_slice_to_build() }}
),

zones as (
    select zone_id from {{ ref("dim_zones") }}
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
        {{ dbt_utils.generate_surrogate_key(["file_month", "service_type", "pickup_zone_id", "reject_reason"]) }} as monthly_rejects_id,
        file_month,
        service_type,
        pickup_zone_id,
        reject_reason,
        row_count,
        total_amount
    from counted
)

select * from final
