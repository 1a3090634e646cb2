{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "rejected_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
),

flagged as (
    select
        service_type,
        file_month,
        {% for code, condition in trip_flag_conditions().items() %}
        {{ condition }}{{ " as " ~ code if code != condition }},
        {% endfor %}
        total_amount
    from trips
),

-- Few combinations of flags occur: rows are added up once per combination, and those once per flag.
combined as (
    select
        service_type,
        file_month,
        {% for code in trip_flag_conditions() %}
        {{ code }},
        {% endfor %}
        count(*) as row_count,
        sum(total_amount) as total_amount
    from flagged
    group by service_type, file_month, {{ trip_flag_conditions() | join(", ") }}
),

accepted as (
    select
        service_type,
        file_month,
        {% for code, condition in trip_flag_conditions().items() %}
        cast(sum(case when {{ code }} then row_count else 0 end) as {{ dbt.type_bigint() }}) as {{ code }}_row_count,
        cast(sum(case when {{ code }} then total_amount end) as {{ type_decimal(18, 2) }}) as {{ code }}_total_amount,
        {% endfor %}
        cast(sum(row_count) as {{ dbt.type_bigint() }}) as accepted_row_count
    from combined
    group by service_type, file_month
),

rejected as (
    select
        service_type,
        file_month,
        reject_reason,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(sum(total_amount) as {{ type_decimal(18, 2) }}) as total_amount
    from {{ ref("rejected_trips") }}
    where {{ in_slice_to_build() }}
    group by service_type, file_month, reject_reason
),

files as (
    select
        service_type,
        file_month,
        cast(sum(source_row_count) as {{ dbt.type_bigint() }}) as source_row_count,
        cast(sum(accepted_row_count) as {{ dbt.type_bigint() }}) as accepted_row_count
    from (
        select
            service_type,
            file_month,
            accepted_row_count as source_row_count,
            accepted_row_count
        from accepted

        union all

        select
            service_type,
            file_month,
            row_count as source_row_count,
            0 as accepted_row_count
        from rejected
    ) as counted_rows
    group by service_type, file_month
),

counted as (
    select
        service_type,
        file_month,
        reject_reason as check_code,
        row_count,
        total_amount
    from rejected
    {% for code in trip_flag_conditions() %}

    union all

    select
        service_type,
        file_month,
        '{{ code }}' as check_code,
        {{ code }}_row_count as row_count,
        {{ code }}_total_amount as total_amount
    from accepted
    {% endfor %}
),

checks as (
    select
        check_code,
        check_kind
    from {{ ref("dim_data_quality_checks") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

-- Every check has a row in every month, so that a chart has no holes.
checked as (
    select
        files.service_type,
        files.file_month,
        checks.check_kind,
        checks.check_code,
        case when checks.check_kind = 'reject' then files.source_row_count else files.accepted_row_count end as checked_row_count,
        coalesce(counted.row_count, 0) as row_count,
        counted.total_amount
    from files
    cross join checks
    left join counted
        on
            files.service_type = counted.service_type
            and files.file_month = counted.file_month
            and checks.check_code = counted.check_code
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["checked.file_month", "checked.service_type", "checked.check_code"]) }} as data_quality_id,
        checked.file_month,
        checked.service_type,
        checked.check_kind,
        checked.check_code,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        checked.checked_row_count,
        checked.row_count,
        {{ ratio("checked.row_count", "checked.checked_row_count") }} as row_share,
        checked.total_amount
    from checked
    left join completeness
        on
            checked.service_type = completeness.service_type
            and checked.file_month = completeness.file_month
)

select * from final
