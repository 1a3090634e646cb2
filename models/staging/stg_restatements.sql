with source as (
    select * from {{ source("lake", "restatements") }}
),

final as (
    select
        load_id_before,
        load_id_after,
        service_type,
        file_month,
        pickup_zone_id,
        rows_before,
        rows_after,
        unchanged_count,
        altered_count,
        moved_out_count,
        moved_in_count,
        gone_count,
        added_count,
        total_amount_before,
        total_amount_after
    from source
)

select * from final
