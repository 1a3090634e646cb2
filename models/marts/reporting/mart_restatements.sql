with changes as (
    select * from {{ ref("fact_restatements") }}
),

versions as (
    select * from {{ ref("fact_file_versions") }}
),

final as (
    select
        changes.restatement_id,
        changes.service_type,
        changes.file_month,
        changes.load_id_before,
        changes.load_id_after,
        version_before.version_number as version_number_before,
        version_after.version_number as version_number_after,
        version_before.ingested_at as ingested_at_before,
        version_after.ingested_at as ingested_at_after,
        version_after.is_current,
        version_after.is_synthetic,
        changes.pickup_zone_id,
        changes.rows_before,
        changes.rows_after,
        changes.unchanged_count,
        changes.altered_count,
        changes.moved_out_count,
        changes.moved_in_count,
        changes.gone_count,
        changes.added_count,
        changes.total_amount_before,
        changes.total_amount_after,
        cast(
            case
                when version_after.total_amount is not null
                    then coalesce(changes.total_amount_after, 0) - coalesce(changes.total_amount_before, 0)
            end as {{ type_decimal(18, 2) }}
        ) as total_amount_change
    from changes
    inner join versions as version_before on changes.load_id_before = version_before.load_id
    inner join versions as version_after on changes.load_id_after = version_after.load_id
)

select * from final
