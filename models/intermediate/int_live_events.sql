{#-
    A partition's watermark is the latest event_at that has come before in the partition. A zone of a service is in one
    partition, so what is late does not depend on how fast the others are read, by how many consumers and in which files.
-#}

{%- set minute_of_day = "cast(extract(hour from event_at) * 60 + extract(minute from event_at) as " ~ dbt.type_bigint() ~ ")" %}
{%- set windows_before = integer_quotient(minute_of_day, var("live_window_minutes")) %}

with events as (
    select * from {{ ref("stg_stream_events") }}
),

watched as (
    select
        events.*,
        row_number() over (
            partition by event_id
            order by kafka_offset, kafka_partition, topic
        ) as delivery_number,
        max(event_at) over (
            partition by topic, kafka_partition
            order by kafka_offset
            rows between unbounded preceding and 1 preceding
        ) as watermark_at,
        max(event_at) over (partition by topic, kafka_partition) as last_watermark_at,
        cast(event_at as date) as event_date,
        {{ windows_before }} * {{ var("live_window_minutes") }} as window_minute_of_day
    from events
),

windowed as (
    select
        watched.*,
        cast({{ dbt.dateadd("minute", "window_minute_of_day", days_from("event_date", 0)) }} as {{ type_wall_time() }}) as window_start_at
    from watched
),

ended as (
    select
        windowed.*,
        cast({{ dbt.dateadd("minute", var("live_window_minutes"), "window_start_at") }} as {{ type_wall_time() }}) as window_end_at,
        cast({{ dbt.dateadd("minute", var("live_window_minutes") + var("live_lateness_minutes"), "window_start_at") }} as {{ type_wall_time() }}) as window_closed_at
    from windowed
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
        total_amount,
        window_start_at,
        window_end_at,
        delivery_number > 1 as is_repeat,
        coalesce(watermark_at >= window_end_at, false) as is_late,
        coalesce(watermark_at >= window_closed_at, false) as is_too_late,
        last_watermark_at >= window_closed_at as is_window_closed
    from ended
)

select * from final
