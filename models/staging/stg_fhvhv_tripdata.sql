with source as (
    select * from {{ source("lake", "fhvhv") }}
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
        {{ select_lake_columns("fhvhv") }}
    from source
)

select * from renamed
