with source as (
    select * from {{ source("lake", "manifest") }}
),

final as (
    select
        load_id,
        service_type,
        file_month,
        source_file,
        source_sha256,
        source_bytes,
        source_format,
        row_count,
        unparseable_count,
        total_amount,
        is_synthetic,
        ingested_at,
        superseded_at,
        zone_shapes_sha256,
        zone_method
    from source
)

select * from final
