{{ config(materialized="incremental", meta={"files_from": "int_metered_twins"}) }}

with twins as (
    select * from {{ ref("int_metered_twins") }}
    where {{ in_slice_to_build() }}
),

numbered as (
    select
        trip_id,
        service_type,
        file_month,
        row_number() over (
            partition by service_type, file_month, {{ metered_columns() | join(", ") }}
            order by source_row
        ) as occurrence
    from twins
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
