-- Per file: the manifest's row count, the rows in the lake, and accepted plus rejected rows are one number.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with counted as (
    select
        service_type,
        file_month,
        row_count as manifest_rows,
        0 as lake_rows,
        0 as accepted_rows,
        0 as rejected_rows
    from {{ ref("stg_ingested_files") }}
    where superseded_at is null and {{ is_unverified }}

    union all

    select
        service_type,
        file_month,
        0 as manifest_rows,
        count(*) as lake_rows,
        0 as accepted_rows,
        0 as rejected_rows
    from {{ ref("int_trips_unioned") }}
    where {{ is_unverified }}
    group by service_type, file_month

    union all

    select
        service_type,
        file_month,
        0 as manifest_rows,
        0 as lake_rows,
        count(*) as accepted_rows,
        0 as rejected_rows
    from {{ ref("fact_trips") }}
    where {{ is_unverified }}
    group by service_type, file_month

    union all

    select
        service_type,
        file_month,
        0 as manifest_rows,
        0 as lake_rows,
        0 as accepted_rows,
        count(*) as rejected_rows
    from {{ ref("rejected_trips") }}
    where {{ is_unverified }}
    group by service_type, file_month
),

by_file as (
    select
        service_type,
        file_month,
        sum(manifest_rows) as manifest_rows,
        sum(lake_rows) as lake_rows,
        sum(accepted_rows) as accepted_rows,
        sum(rejected_rows) as rejected_rows
    from counted
    group by service_type, file_month
)

select *
from by_file
where
    manifest_rows <> lake_rows
    or lake_rows <> accepted_rows + rejected_rows
