{{ config(materialized="incremental", meta={"files_from": "lake"}) }}

with trips as (
    select * from {{ ref("int_trips_unioned") }}
    where
        service_type <> 'FHV'
        and pickup_at is not null
        and {{ in_slice_to_build() }}
),

keyed as (
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        vendor_id,
        pickup_at,
        dropoff_at,
        pickup_zone_id,
        dropoff_zone_id,
        total_amount,
        {{ row_fingerprint([
            "service_type", "file_month", "vendor_id", "pickup_at", "dropoff_at", "pickup_zone_id", "dropoff_zone_id", "abs(total_amount)"
        ]) }} as twin_key
    from trips
),

shared_keys as (
    select twin_key
    from keyed
    group by twin_key
    having count(*) > 1
),

twins as (
    select keyed.*
    from keyed
    inner join shared_keys on keyed.twin_key = shared_keys.twin_key
)

select * from twins
