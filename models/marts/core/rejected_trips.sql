{{ config(materialized="incremental", meta={"files_from": "int_reversal_pairs"}) }}

with trips as (
    select * from {{ ref("int_trips") }}
    where
        reject_reason is not null
        and {{ in_slice_to_build() }}
),

final as (
    select
        trip_id,
        cast(service_type as {{ dbt.type_string() }}) as service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        reject_reason,
        raw_line,
        {{ select_trip_columns("trips") }},
        cast(trip_duration_seconds as {{ dbt.type_bigint() }}) as trip_duration_seconds
    from trips
)

select * from final
