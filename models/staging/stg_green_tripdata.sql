with source as (
    select * from {{ source("lake", "green") }}
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
        vendorid as vendor_id,
        lpep_pickup_datetime as pickup_at,
        lpep_dropoff_datetime as dropoff_at,
        store_and_fwd_flag as store_and_forward_flag,
        ratecodeid as rate_code_id,
        pulocationid as pickup_zone_id,
        dolocationid as dropoff_zone_id,
        passenger_count,
        trip_distance as trip_distance_miles,
        payment_type as payment_type_id,
        trip_type as trip_type_id,
        fare_amount,
        extra as extra_amount,
        mta_tax as mta_tax_amount,
        tip_amount,
        tolls_amount,
        improvement_surcharge as improvement_surcharge_amount,
        congestion_surcharge as congestion_surcharge_amount,
        cbd_congestion_fee as cbd_congestion_fee_amount,
        ehail_fee as ehail_fee_amount,
        total_amount,
        request_source
    from source
)

select * from renamed
