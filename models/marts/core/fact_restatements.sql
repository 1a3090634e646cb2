with changes as (
    select * from {{ ref("stg_restatements") }}
),

zones as (
    select zone_id from {{ ref("dim_zones") }}
),

zoned as (
    select
        changes.load_id_before,
        changes.load_id_after,
        changes.service_type,
        changes.file_month,
        coalesce(zones.zone_id, {{ var("unknown_zone_id") }}) as pickup_zone_id,
        changes.rows_before,
        changes.rows_after,
        changes.unchanged_count,
        changes.altered_count,
        changes.moved_out_count,
        changes.moved_in_count,
        changes.gone_count,
        changes.added_count,
        changes.total_amount_before,
        changes.total_amount_after
    from changes
    left join zones on changes.pickup_zone_id = zones.zone_id
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["load_id_before", "load_id_after", "pickup_zone_id"]) }} as restatement_id,
        load_id_before,
        load_id_after,
        service_type,
        file_month,
        pickup_zone_id,
        cast(sum(rows_before) as {{ dbt.type_bigint() }}) as rows_before,
        cast(sum(rows_after) as {{ dbt.type_bigint() }}) as rows_after,
        cast(sum(unchanged_count) as {{ dbt.type_bigint() }}) as unchanged_count,
        cast(sum(altered_count) as {{ dbt.type_bigint() }}) as altered_count,
        cast(sum(moved_out_count) as {{ dbt.type_bigint() }}) as moved_out_count,
        cast(sum(moved_in_count) as {{ dbt.type_bigint() }}) as moved_in_count,
        cast(sum(gone_count) as {{ dbt.type_bigint() }}) as gone_count,
        cast(sum(added_count) as {{ dbt.type_bigint() }}) as added_count,
        cast(sum(total_amount_before) as {{ type_decimal(18, 2) }}) as total_amount_before,
        cast(sum(total_amount_after) as {{ type_decimal(18, 2) }}) as total_amount_after
    from zoned
    group by load_id_before, load_id_after, service_type, file_month, pickup_zone_id
)

select * from final
