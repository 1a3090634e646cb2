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
        dispatching_base_num as dispatching_base_number,
        affiliated_base_number,
        pickup_datetime as pickup_at,
        dropoff_datetime as dropoff_at,
        pulocationid as pickup_zone_id,
        dolocationid as dropoff_zone_id,
        sr_flag as shared_ride_flag
    from source
)

select * from renamed
