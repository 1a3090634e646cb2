with source as (
    select * from {{ source("lake", "fhv") }}
),

renamed as (
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        unreadable_fields,
        {{ select_lake_columns("fhv") }}
    from source
)

select * from renamed
