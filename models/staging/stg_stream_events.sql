with source as (
    select * from {{ source("lake", "stream_events") }}
),

final as (
    select
        topic,
        kafka_partition,
        kafka_offset,
        event_id,
        event_at,
        service_type,
        pickup_zone_id,
        total_amount
    from source
)

select * from final
