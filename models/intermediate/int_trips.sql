with trips as (
    select * from {{ ref("int_trips_unioned") }}
),

exact_duplicates as (
    select trip_id from {{ ref("int_exact_duplicates") }}
),

reversal_pairs as (
    select
        trip_id,
        twin_trip_id
    from {{ ref("int_reversal_pairs") }}
),

-- The few rows that others of their file decide on, in one list: each trip is looked up once.
singled_out as (
    select
        trip_id,
        true as is_exact_duplicate,
        cast(null as {{ dbt.type_bigint() }}) as reversal_twin_trip_id
    from exact_duplicates

    union all

    select
        trip_id,
        false as is_exact_duplicate,
        twin_trip_id as reversal_twin_trip_id
    from reversal_pairs
),

-- The facts that the rules are about, one at a time.
observed as (
    select
        trips.*,
        {{ is_metered_service("trips.service_type") }} as is_metered,
        trips.service_type = 'HVFHV' as is_high_volume,
        coalesce(
            trips.service_type = 'FHV'
            and trips.dropoff_at >= cast('{{ var("fhv_dummy_dropoff_from") }}' as {{ type_wall_time() }}),
            false
        ) as is_dropoff_dummy,
        {{ seconds_between("trips.pickup_at", "trips.dropoff_at") }} as clock_seconds,
        {{ seconds_between("trips.request_at", "trips.pickup_at") }} as request_seconds,
        {{ dbt.datediff("trips.file_month", "cast(trips.pickup_at as date)", "day") }} as days_into_month,
        coalesce(singled_out.is_exact_duplicate, false) as is_exact_duplicate,
        singled_out.reversal_twin_trip_id
    from trips
    left join singled_out on trips.trip_id = singled_out.trip_id
),

-- A clock that goes back while a trip runs makes it an hour short; both readings lie in the hour that occurs twice.
clocked as (
    select
        observed.*,
        case
            when
                clock_seconds < 0
                and {{ is_in_repeated_hour("pickup_at") }}
                and {{ is_in_repeated_hour("dropoff_at") }}
                then true
            else false
        end as is_duration_clock_adjusted,
        case
            when
                request_seconds < 0
                and {{ is_in_repeated_hour("request_at") }}
                and {{ is_in_repeated_hour("pickup_at") }}
                then true
            else false
        end as is_wait_clock_adjusted
    from observed
),

repaired as (
    select
        clocked.*,
        case
            when is_dropoff_dummy then null
            when is_duration_clock_adjusted then clock_seconds + 3600
            when clock_seconds between -{{ var("dropoff_cut_seconds") }} and -1 then 0
            else clock_seconds
        end as duration_seconds,
        case when is_wait_clock_adjusted then request_seconds + 3600 else request_seconds end as wait_seconds,
        coalesce(trip_distance_miles not between 0 and {{ var("max_distance_miles") }}, false) as is_distance_implausible,
        {{ any_beyond(money_columns(), var("max_amount_dollars")) }} as is_amount_implausible,
        coalesce(abs(request_seconds) > {{ var("max_wait_hours") }} * 3600, false) as is_wait_implausible
    from clocked
),

final as (
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        -- The first rule that applies, in the order of the seed reject_reasons.
        case
            when raw_line is not null then 'unparseable'
            when pickup_at is null then 'pickup_missing'
            when
                -- Nearly every pickup lies in the first 28 days of its month and needs no calendar.
                days_into_month not between 0 and 27
                and (
                    pickup_at < {{ days_from("file_month", -var("file_month_tolerance_days")) }}
                    or pickup_at >= {{ days_from("cast(" ~ dbt.dateadd("month", 1, "file_month") ~ " as date)", var("file_month_tolerance_days")) }}
                )
                then 'pickup_outside_file_month'
            when duration_seconds < 0 then 'dropoff_before_pickup'
            when duration_seconds > {{ var("max_duration_hours") }} * 3600 then 'duration_over_24h'
            when is_exact_duplicate then 'exact_duplicate'
        end as reject_reason,
        {{ select_trip_columns("repaired", {
            "dropoff_at": "case when not is_dropoff_dummy then dropoff_at end",
            "trip_distance_miles": "cast(case when not is_distance_implausible then trip_distance_miles end as " ~ type_decimal(12, 3) ~ ")",
            "dispatching_base_number": "upper(trim(dispatching_base_number))",
            "affiliated_base_number": "upper(trim(affiliated_base_number))",
            "originating_base_number": "upper(trim(originating_base_number))",
            "hvfhs_license_number": "upper(trim(hvfhs_license_number))",
        }) }},
        duration_seconds as trip_duration_seconds,
        cast(case when not is_wait_implausible then wait_seconds end as integer) as wait_seconds,
        is_metered,
        {{ yes_or_no("store_and_forward_flag") }} as is_store_and_forward,
        case
            when is_high_volume then coalesce({{ yes_or_no("shared_match_flag") }}, false)
            when not is_metered then coalesce(shared_ride_flag = 1, false)
        end as is_shared_ride,
        {{ yes_or_no("shared_request_flag") }} as is_shared_ride_requested,
        {{ yes_or_no("wheelchair_request_flag") }} as is_wheelchair_requested,
        {{ yes_or_no("wheelchair_match_flag") }} as is_wheelchair_accessible,
        {{ yes_or_no("access_a_ride_flag") }} as is_access_a_ride,
        is_metered and passenger_count is null and rate_code_id is null and raw_line is null as is_app_dispatched,
        reversal_twin_trip_id is not null as is_voided,
        coalesce(is_metered and total_amount < 0 and reversal_twin_trip_id is null, false) as is_unmatched_reversal,
        is_distance_implausible,
        is_amount_implausible,
        unreadable_fields is not null as is_partly_unreadable,
        is_duration_clock_adjusted,
        is_dropoff_dummy,
        pickup_zone_id is null and (pickup_longitude is not null or pickup_latitude is not null) as is_pickup_point_outside_zones,
        dropoff_zone_id is null and (dropoff_longitude is not null or dropoff_latitude is not null) as is_dropoff_point_outside_zones,
        coalesce(wait_seconds < 0, false) and not is_wait_implausible as is_prearranged,
        is_wait_implausible,
        coalesce(abs(reported_duration_seconds - duration_seconds) > {{ var("max_reported_duration_difference_seconds") }}, false) as is_duration_contradicted,
        coalesce(is_high_volume and fare_amount = 0, false) as is_fare_zero,
        coalesce(is_high_volume and fare_amount < 0, false) as is_fare_negative,
        is_high_volume and fare_amount is null and total_amount is not null as is_fare_missing,
        is_wait_clock_adjusted,
        reversal_twin_trip_id
    from repaired
)

select * from final
