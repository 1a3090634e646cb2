-- Per file: the mart's rows and money are those of the fact and of the rejected rows, and every check has one row.
{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with built as (
    select
        service_type,
        file_month,
        1 as source_rows,
        1 as accepted_rows,
        0 as rejected_rows,
        case when is_voided then 1 else 0 end as voided_rows,
        case when is_app_dispatched then 1 else 0 end as dispatched_rows,
        case when is_unmatched_reversal then total_amount end as unmatched_amount,
        cast(null as {{ type_decimal(12, 2) }}) as rejected_amount
    from {{ ref("fact_trips") }}
    where {{ is_unverified }}

    union all

    select
        service_type,
        file_month,
        1 as source_rows,
        0 as accepted_rows,
        1 as rejected_rows,
        0 as voided_rows,
        0 as dispatched_rows,
        cast(null as {{ type_decimal(12, 2) }}) as unmatched_amount,
        total_amount as rejected_amount
    from {{ ref("rejected_trips") }}
    where {{ is_unverified }}
),

{% set measures = [
    "source_rows", "accepted_rows", "rejected_rows", "voided_rows", "dispatched_rows", "unmatched_amount", "rejected_amount"
] %}

expected as (
    select
        service_type,
        file_month,
        (select count(*) from {{ ref("dim_data_quality_checks") }}) as check_rows,
        {{ sums(measures) }}
    from built
    group by service_type, file_month
),

mart as (
    select
        service_type,
        file_month,
        count(*) as check_rows,
        max(case when check_kind = 'reject' then checked_row_count end) as source_rows,
        max(case when check_kind <> 'reject' then checked_row_count end) as accepted_rows,
        sum(case when check_kind = 'reject' then row_count else 0 end) as rejected_rows,
        sum(case when check_code = 'is_voided' then row_count end) as voided_rows,
        sum(case when check_code = 'is_app_dispatched' then row_count end) as dispatched_rows,
        sum(case when check_code = 'is_unmatched_reversal' then total_amount end) as unmatched_amount,
        sum(case when check_kind = 'reject' then total_amount end) as rejected_amount
    from {{ ref("mart_data_quality") }}
    where {{ is_unverified }}
    group by service_type, file_month
)

select
    coalesce(expected.service_type, mart.service_type) as service_type,
    coalesce(expected.file_month, mart.file_month) as file_month,
    expected.check_rows as expected_check_rows,
    mart.check_rows as mart_check_rows,
    expected.source_rows as expected_source_rows,
    mart.source_rows as mart_source_rows,
    expected.rejected_rows as expected_rejected_rows,
    mart.rejected_rows as mart_rejected_rows,
    expected.rejected_amount as expected_rejected_amount,
    mart.rejected_amount as mart_rejected_amount
from expected
full outer join mart
    on
        expected.service_type = mart.service_type
        and expected.file_month = mart.file_month
where {{ any_differs("expected", "mart", ["check_rows"] + measures) }}
