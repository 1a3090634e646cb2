{{ config(materialized="incremental", meta={"files_from": "fact_trips"}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["file_month", "service_type", "pickup_date", "pickup_zone_id"]) }} as daily_zone_trips_id,
        file_month,
        service_type,
        pickup_date,
        pickup_zone_id,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(case when is_voided then 0 else 1 end) as {{ dbt.type_bigint() }}) as trip_count,
        cast(sum(total_amount) as {{ type_decimal(18, 2) }}) as total_amount
    from trips
    group by file_month, service_type, pickup_date, pickup_zone_id
)

select * from final
