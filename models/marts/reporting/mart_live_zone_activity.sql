with events as (
    select * from {{ ref("int_live_events") }}
),

newest as (
    select {{ dbt.dateadd("hour", -var("live_hours"), "max(event_at)") }} as shown_from_at
    from events
),

zones as (
    select
        zone_id,
        zone_label,
        borough
    from {{ ref("dim_zones") }}
),

zoned as (
    select
        events.service_type,
        events.total_amount,
        events.window_start_at,
        events.window_end_at,
        events.is_repeat,
        events.is_late,
        events.is_too_late,
        events.is_window_closed,
        coalesce(zones.zone_id, {{ var("unknown_zone_id") }}) as pickup_zone_id
    from events
    cross join newest
    left join zones on events.pickup_zone_id = zones.zone_id
    where events.window_start_at >= newest.shown_from_at
),

counted as (
    select
        service_type,
        window_start_at,
        window_end_at,
        pickup_zone_id,
        cast(sum(case when not is_repeat and not is_too_late then 1 else 0 end) as {{ dbt.type_bigint() }}) as trip_count,
        cast(sum(case when not is_repeat and not is_too_late then total_amount end) as {{ type_decimal(18, 2) }}) as total_amount,
        cast(sum(case when not is_repeat and is_late and not is_too_late then 1 else 0 end) as {{ dbt.type_bigint() }}) as late_trip_count,
        cast(sum(case when not is_repeat and is_too_late then 1 else 0 end) as {{ dbt.type_bigint() }}) as too_late_trip_count,
        cast(sum(case when is_repeat then 1 else 0 end) as {{ dbt.type_bigint() }}) as repeated_event_count,
        min(case when is_window_closed then 1 else 0 end) = 1 as is_closed
    from zoned
    group by service_type, window_start_at, window_end_at, pickup_zone_id
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["counted.window_start_at", "counted.service_type", "counted.pickup_zone_id"]) }} as live_zone_activity_id,
        counted.window_start_at,
        counted.window_end_at,
        counted.service_type,
        counted.pickup_zone_id,
        zones.zone_label as pickup_zone,
        zones.borough as pickup_borough,
        counted.trip_count,
        counted.total_amount,
        counted.late_trip_count,
        counted.too_late_trip_count,
        counted.repeated_event_count,
        counted.is_closed
    from counted
    inner join zones on counted.pickup_zone_id = zones.zone_id
)

select * from final
