{{ config(materialized="incremental", meta={"files_from": "int_metered_twins"}) }}

with twins as (
    select * from {{ ref("int_metered_twins") }}
    where {{ in_slice_to_build() }}
),

trips as (
    select * from {{ ref("int_trips_unioned") }}
    where
        {{ is_metered_service() }}
        -- Of a value that could not be read nobody can say that it equals another.
        and unreadable_fields is null
        and {{ in_slice_to_build() }}
),

-- Equal rows have equal totals: few twins do, and only for these all columns are read.
repeated_totals as (
    select
        twin_key,
        total_amount
    from twins
    group by twin_key, total_amount
    having count(*) > 1
),

candidates as (
    select twins.trip_id
    from twins
    inner join repeated_totals
        on
            twins.twin_key = repeated_totals.twin_key
            and twins.total_amount is not distinct from repeated_totals.total_amount
),

numbered as (
    select
        trips.trip_id,
        trips.service_type,
        trips.file_month,
        row_number() over (
            partition by trips.service_type, trips.file_month, {% for column in trip_columns() %}trips.{{ column }}{{ ", " if not loop.last }}{% endfor %}
            order by trips.source_row
        ) as occurrence
    from trips
    inner join candidates on trips.trip_id = candidates.trip_id
),

duplicates as (
    select
        trip_id,
        service_type,
        file_month
    from numbered
    where occurrence > 1
)

select * from duplicates
