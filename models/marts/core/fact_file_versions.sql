with versions as (
    select * from {{ ref("stg_ingested_files") }}
),

final as (
    select
        load_id,
        service_type,
        file_month,
        cast(row_number() over (
            partition by service_type, file_month
            order by ingested_at, load_id
        ) as {{ dbt.type_int() }}) as version_number,
        superseded_at is null as is_current,
        source_file,
        source_format,
        source_sha256,
        source_bytes,
        row_count,
        unparseable_count,
        total_amount,
        is_synthetic,
        ingested_at,
        superseded_at
    from versions
)

select * from final
