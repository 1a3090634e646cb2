{{ config(materialized="incremental", meta={"files_from": "int_exact_duplicates"}) }}

with recursive twins as (
    select * from {{ ref("int_metered_twins") }}
    where {{ in_slice_to_build() }}
),

duplicates as (
    select trip_id from {{ ref("int_exact_duplicates") }}
),

trips as (
    select twins.*
    from twins
    left join duplicates on twins.trip_id = duplicates.trip_id
    where duplicates.trip_id is null
),

reversals as (
    select * from trips
    where total_amount < 0
),

originals as (
    select * from trips
    where total_amount > 0
),

-- The key is a fingerprint; the columns decide.
candidates as (
    select
        reversals.service_type,
        reversals.file_month,
        reversals.twin_key,
        reversals.trip_id as reversal_trip_id,
        originals.trip_id as original_trip_id,
        abs(originals.source_row - reversals.source_row) as row_distance,
        case when originals.source_row > reversals.source_row then 0 else 1 end as stands_before
    from reversals
    inner join originals
        on
            reversals.twin_key = originals.twin_key
            and reversals.service_type = originals.service_type
            and reversals.file_month = originals.file_month
            and reversals.vendor_id is not distinct from originals.vendor_id
            and reversals.pickup_at = originals.pickup_at
            and reversals.dropoff_at is not distinct from originals.dropoff_at
            and reversals.pickup_zone_id is not distinct from originals.pickup_zone_id
            and reversals.dropoff_zone_id is not distinct from originals.dropoff_zone_id
            and reversals.total_amount = -originals.total_amount
),

-- Nearest rows first; of two at the same distance, the twin behind the reversal, where TLC puts it.
ranked as (
    select
        candidates.*,
        row_number() over (
            partition by twin_key
            order by row_distance, stands_before, original_trip_id
        ) as pair_rank
    from candidates
),

-- One to one: walk the candidates of a key in that order and take each whose two rows are both still free.
walk as (
    select
        service_type,
        file_month,
        twin_key,
        pair_rank,
        reversal_trip_id,
        original_trip_id,
        1 as is_pair,
        {{ dbt.concat(["' '", dbt.cast("reversal_trip_id", dbt.type_string()), "' '", dbt.cast("original_trip_id", dbt.type_string()), "' '"]) }}
            as taken_trip_ids
    from ranked
    where pair_rank = 1

    union all

    select
        ranked.service_type,
        ranked.file_month,
        ranked.twin_key,
        ranked.pair_rank,
        ranked.reversal_trip_id,
        ranked.original_trip_id,
        {{ is_free("ranked.reversal_trip_id", "walk.taken_trip_ids") }} * {{ is_free("ranked.original_trip_id", "walk.taken_trip_ids") }} as is_pair,
        case
            when {{ is_free("ranked.reversal_trip_id", "walk.taken_trip_ids") }} * {{ is_free("ranked.original_trip_id", "walk.taken_trip_ids") }} = 1
                then {{ dbt.concat(["walk.taken_trip_ids", dbt.cast("ranked.reversal_trip_id", dbt.type_string()), "' '", dbt.cast("ranked.original_trip_id", dbt.type_string()), "' '"]) }}
            else walk.taken_trip_ids
        end as taken_trip_ids
    from walk
    inner join ranked
        on
            walk.twin_key = ranked.twin_key
            and walk.pair_rank + 1 = ranked.pair_rank
),

pairs as (
    select
        reversal_trip_id as trip_id,
        service_type,
        file_month,
        original_trip_id as twin_trip_id
    from walk
    where is_pair = 1

    union all

    select
        original_trip_id as trip_id,
        service_type,
        file_month,
        reversal_trip_id as twin_trip_id
    from walk
    where is_pair = 1
)

select * from pairs
