with yellow as (
    select * from {{ ref("stg_yellow_tripdata") }}
),

green as (
    select * from {{ ref("stg_green_tripdata") }}
),

fhv as (
    select * from {{ ref("stg_fhv_tripdata") }}
),

unioned as (
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        unreadable_fields,
        vendor_id,
        pickup_at,
        dropoff_at,
        pickup_zone_id,
        dropoff_zone_id,
        rate_code_id,
        payment_type_id,
        cast(null as integer) as trip_type_id,
        store_and_forward_flag,
        request_source,
        passenger_count,
        trip_distance_miles,
        fare_amount,
        extra_amount,
        mta_tax_amount,
        tip_amount,
        tolls_amount,
        improvement_surcharge_amount,
        congestion_surcharge_amount,
        airport_fee_amount,
        cbd_congestion_fee_amount,
        cast(null as {{ type_decimal(12, 2) }}) as ehail_fee_amount,
        total_amount,
        cast(null as {{ dbt.type_string() }}) as dispatching_base_number,
        cast(null as {{ dbt.type_string() }}) as affiliated_base_number,
        cast(null as integer) as shared_ride_flag
    from yellow

    union all

    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        unreadable_fields,
        vendor_id,
        pickup_at,
        dropoff_at,
        pickup_zone_id,
        dropoff_zone_id,
        rate_code_id,
        payment_type_id,
        trip_type_id,
        store_and_forward_flag,
        request_source,
        passenger_count,
        trip_distance_miles,
        fare_amount,
        extra_amount,
        mta_tax_amount,
        tip_amount,
        tolls_amount,
        improvement_surcharge_amount,
        congestion_surcharge_amount,
        cast(null as {{ type_decimal(12, 2) }}) as airport_fee_amount,
        cbd_congestion_fee_amount,
        ehail_fee_amount,
        total_amount,
        cast(null as {{ dbt.type_string() }}) as dispatching_base_number,
        cast(null as {{ dbt.type_string() }}) as affiliated_base_number,
        cast(null as integer) as shared_ride_flag
    from green

    union all

    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        unreadable_fields,
        cast(null as integer) as vendor_id,
        pickup_at,
        dropoff_at,
        pickup_zone_id,
        dropoff_zone_id,
        cast(null as integer) as rate_code_id,
        cast(null as integer) as payment_type_id,
        cast(null as integer) as trip_type_id,
        cast(null as {{ dbt.type_string() }}) as store_and_forward_flag,
        cast(null as {{ dbt.type_string() }}) as request_source,
        cast(null as integer) as passenger_count,
        cast(null as {{ type_decimal(12, 3) }}) as trip_distance_miles,
        cast(null as {{ type_decimal(12, 2) }}) as fare_amount,
        cast(null as {{ type_decimal(12, 2) }}) as extra_amount,
        cast(null as {{ type_decimal(12, 2) }}) as mta_tax_amount,
        cast(null as {{ type_decimal(12, 2) }}) as tip_amount,
        cast(null as {{ type_decimal(12, 2) }}) as tolls_amount,
        cast(null as {{ type_decimal(12, 2) }}) as improvement_surcharge_amount,
        cast(null as {{ type_decimal(12, 2) }}) as congestion_surcharge_amount,
        cast(null as {{ type_decimal(12, 2) }}) as airport_fee_amount,
        cast(null as {{ type_decimal(12, 2) }}) as cbd_congestion_fee_amount,
        cast(null as {{ type_decimal(12, 2) }}) as ehail_fee_amount,
        cast(null as {{ type_decimal(12, 2) }}) as total_amount,
        dispatching_base_number,
        affiliated_base_number,
        shared_ride_flag
    from fhv
)

select * from unioned
