-- Per file, to the cent: the manifest's total is that of staging, and each amount in staging is in rpt_trips_daily, which another claim
-- ties to fact_trips, or in rejected_trips.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with manifest as (
    select
        service_type,
        file_month,
        total_amount
    from {{ ref("stg_ingested_files") }}
    where superseded_at is null and total_amount is not null and {{ is_unverified }}
),

staged_rows as (
    {% for service in ["yellow", "green", "fhvhv"] %}
    select
        service_type,
        file_month,
        {{ select_union_columns(service, kind="money") }}
    from {{ ref("stg_" ~ service ~ "_tripdata") }}
    where {{ is_unverified }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

staged as (
    select
        service_type,
        file_month,
        {{ sums(money_columns()) }}
    from staged_rows
    group by service_type, file_month
),

accepted_and_rejected as (
    select
        service_type,
        file_month,
        {{ money_columns() | join(", ") }}
    from {{ ref("rpt_trips_daily") }}
    where {{ is_unverified }}

    union all

    select
        service_type,
        file_month,
        {{ money_columns() | join(", ") }}
    from {{ ref("rejected_trips") }}
    where {{ is_unverified }}
),

built as (
    select
        service_type,
        file_month,
        {{ sums(money_columns()) }}
    from accepted_and_rejected
    group by service_type, file_month
)

select
    coalesce(manifest.service_type, staged.service_type, built.service_type) as service_type,
    coalesce(manifest.file_month, staged.file_month, built.file_month) as file_month,
    manifest.total_amount as manifest_total_amount,
    staged.total_amount as staged_total_amount,
    built.total_amount as built_total_amount
from staged
full outer join built
    on
        staged.service_type = built.service_type
        and staged.file_month = built.file_month
full outer join manifest
    on
        staged.service_type = manifest.service_type
        and staged.file_month = manifest.file_month
where
    {{ any_differs("staged", "built", money_columns()) }}
    or coalesce(manifest.total_amount, 0) <> coalesce(staged.total_amount, 0)
