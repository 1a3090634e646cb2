{{ config(materialized="incremental", meta={"files_from": "lake"}) }}

{%- set twin_key = row_fingerprint([
    "service_type", "file_month", "vendor_id", "pickup_at", "dropoff_at", "pickup_zone_id", "dropoff_zone_id", "abs(total_amount)"
]) %}
{%- set is_metered_in_slice = is_metered_service() ~ " and pickup_at is not null and " ~ in_slice_to_build() %}

-- The trips are read twice, on purpose: a CTE that two others read is kept, and all trips do not fit in memory.
with shared_keys as (
    select {{ twin_key }} as twin_key
    from {{ ref("int_trips_unioned") }}
    where {{ is_metered_in_slice }}
    group by {{ twin_key }}
    having count(*) > 1
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
        {{ twin_key }} as twin_key
    from {{ ref("int_trips_unioned") }}
    where {{ is_metered_in_slice }}
),

twins as (
    select keyed.*
    from keyed
    inner join shared_keys on keyed.twin_key = shared_keys.twin_key
)

select * from twins
