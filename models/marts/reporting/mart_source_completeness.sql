with files as (
    select * from {{ ref("fact_file_completeness") }}
),

versions as (
    select
        load_id,
        total_amount
    from {{ ref("fact_file_versions") }}
),

rejected as (
    select
        service_type,
        file_month,
        cast(count(*) as {{ dbt.type_bigint() }}) as rejected_row_count
    from {{ ref("rejected_trips") }}
    group by service_type, file_month
),

published as (
    select
        service_type,
        cast({{ dbt.concat(["file_month", "'-01'"]) }} as date) as file_month,
        tlc_trips_per_day,
        tlc_farebox_per_day
    from {{ ref("published_trip_counts") }}
),

bands as (
    select * from {{ ref("published_count_bands") }}
    where measure = 'tlc_report'
),

verdicts as (
    select * from {{ ref("completeness_verdicts") }}
),

days_of_months as (
    select distinct
        file_month,
        cast({{ dbt.datediff("file_month", dbt.dateadd("month", 1, "file_month"), "day") }} as {{ dbt.type_bigint() }}) as day_count
    from files
),

compared as (
    select
        files.load_id,
        files.edition,
        files.is_synthetic,
        files.row_count,
        versions.total_amount,
        coalesce(rejected.rejected_row_count, 0) as rejected_row_count,
        published.tlc_trips_per_day * days_of_months.day_count as reported_trip_count,
        cast(published.tlc_farebox_per_day * days_of_months.day_count as {{ type_decimal(18, 2) }}) as reported_farebox_amount,
        bands.lower_basis_points as report_lower,
        bands.upper_basis_points as report_upper,
        bands.reason as report_band_reason
    from files
    inner join days_of_months on files.file_month = days_of_months.file_month
    left join versions on files.load_id = versions.load_id
    left join rejected
        on
            files.service_type = rejected.service_type
            and files.file_month = rejected.file_month
    left join published
        on
            {{ service_in_file_names("files.service_type") }} = published.service_type
            and files.file_month = published.file_month
    left join bands
        on
            {{ service_in_file_names("files.service_type") }} = bands.service_type
            and files.file_month >= bands.from_month
            and files.file_month <= coalesce(bands.to_month, files.file_month)
),

judged as (
    select
        load_id,
        case
            when edition = 'stream' then 'streamed'
            when is_synthetic then 'synthetic'
            when reported_trip_count is null then 'not_reported'
            when report_lower is null then 'no_band'
            when reported_trip_count * 10000 < report_lower * row_count then 'below_band'
            when reported_trip_count * 10000 > report_upper * row_count then 'above_band'
            else 'within_band'
        end as report_check
    from compared
),

final as (
    select
        files.load_id,
        files.service_type,
        files.file_month,
        files.source_file,
        files.source_format,
        files.edition,
        files.is_synthetic,
        files.row_count,
        files.row_count - compared.rejected_row_count as accepted_row_count,
        compared.rejected_row_count,
        files.official_row_count,
        files.row_count - files.official_row_count as row_count_difference,
        files.official_row_share,
        files.row_count_check,
        files.row_count_reason,
        files.month_completeness,
        files.edition_band_reason,
        compared.reported_trip_count,
        compared.reported_trip_count - files.row_count as report_difference,
        {{ ratio("compared.reported_trip_count", "files.row_count") }} as report_ratio,
        judged.report_check,
        report_verdicts.reason as report_reason,
        compared.report_band_reason,
        compared.total_amount,
        compared.reported_farebox_amount,
        case
            when 'error' in (row_verdicts.severity, report_verdicts.severity) then 'error'
            when 'warn' in (row_verdicts.severity, report_verdicts.severity) then 'warn'
            else 'ok'
        end as severity
    from files
    inner join compared on files.load_id = compared.load_id
    inner join judged on files.load_id = judged.load_id
    left join verdicts as row_verdicts
        on
            files.row_count_check = row_verdicts.verdict
            and row_verdicts.check_name = 'row_count'
    left join verdicts as report_verdicts
        on
            judged.report_check = report_verdicts.verdict
            and report_verdicts.check_name = 'report'
)

select * from final
