with files as (
    select * from {{ ref("fact_file_versions") }}
    where is_current
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
        parquet_rows,
        tlc_trips_per_day,
        tlc_farebox_per_day
    from {{ ref("published_trip_counts") }}
),

bands as (
    select * from {{ ref("published_count_bands") }}
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
        files.service_type,
        files.file_month,
        files.source_file,
        files.source_format,
        files.is_synthetic,
        files.row_count,
        files.total_amount,
        coalesce(rejected.rejected_row_count, 0) as rejected_row_count,
        cast(published.parquet_rows as {{ dbt.type_bigint() }}) as official_row_count,
        published.tlc_trips_per_day * days_of_months.day_count as reported_trip_count,
        cast(published.tlc_farebox_per_day * days_of_months.day_count as {{ type_decimal(18, 2) }}) as reported_farebox_amount,
        case when files.source_format = 'parquet' then 'official_parquet' else 'datatalks_csv' end as edition_of_format
    from files
    inner join days_of_months on files.file_month = days_of_months.file_month
    left join rejected
        on
            files.service_type = rejected.service_type
            and files.file_month = rejected.file_month
    left join published
        on
            lower(files.service_type) = published.service_type
            and files.file_month = published.file_month
),

banded as (
    select
        compared.load_id,
        edition.lower_basis_points as edition_lower,
        edition.upper_basis_points as edition_upper,
        excerpt.upper_basis_points as excerpt_upper,
        report.lower_basis_points as report_lower,
        report.upper_basis_points as report_upper,
        edition.reason as edition_band_reason,
        report.reason as report_band_reason,
        compared.row_count * 10000 as ten_thousand_rows,
        compared.reported_trip_count * 10000 as ten_thousand_reported
    from compared
    {% for name, measure in {"edition": "compared.edition_of_format", "excerpt": "'excerpt'", "report": "'tlc_report'"}.items() %}
    left join bands as {{ name }}
        on
            lower(compared.service_type) = {{ name }}.service_type
            and {{ name }}.measure = {{ measure }}
            and compared.file_month >= {{ name }}.from_month
            and compared.file_month <= coalesce({{ name }}.to_month, compared.file_month)
    {% endfor %}
),

judged as (
    select
        compared.load_id,
        banded.edition_band_reason,
        banded.report_band_reason,
        case
            when compared.is_synthetic then 'synthetic'
            when
                banded.ten_thousand_rows between
                banded.edition_lower * compared.official_row_count
                and banded.edition_upper * compared.official_row_count
                then compared.edition_of_format
            else 'neither'
        end as edition,
        case
            when compared.is_synthetic then 'synthetic'
            when compared.official_row_count is null then 'not_published'
            when compared.row_count = compared.official_row_count then 'equal'
            when banded.ten_thousand_rows < banded.excerpt_upper * compared.official_row_count then 'excerpt'
            when banded.edition_lower is null then 'no_band'
            when banded.ten_thousand_rows < banded.edition_lower * compared.official_row_count then 'cut_off'
            when banded.ten_thousand_rows > banded.edition_upper * compared.official_row_count then 'surplus'
            else 'within_band'
        end as row_count_check,
        case
            when compared.is_synthetic then 'synthetic'
            when compared.reported_trip_count is null then 'not_reported'
            when banded.report_lower is null then 'no_band'
            when banded.ten_thousand_reported < banded.report_lower * compared.row_count then 'below_band'
            when banded.ten_thousand_reported > banded.report_upper * compared.row_count then 'above_band'
            else 'within_band'
        end as report_check
    from compared
    inner join banded on compared.load_id = banded.load_id
),

final as (
    select
        compared.load_id,
        compared.service_type,
        compared.file_month,
        compared.source_file,
        compared.source_format,
        judged.edition,
        compared.is_synthetic,
        compared.row_count,
        compared.row_count - compared.rejected_row_count as accepted_row_count,
        compared.rejected_row_count,
        compared.official_row_count,
        compared.row_count - compared.official_row_count as row_count_difference,
        {{ ratio("compared.row_count", "compared.official_row_count") }} as row_count_ratio,
        judged.row_count_check,
        row_verdicts.reason as row_count_reason,
        judged.edition_band_reason,
        compared.reported_trip_count,
        compared.reported_trip_count - compared.row_count as report_difference,
        {{ ratio("compared.reported_trip_count", "compared.row_count") }} as report_ratio,
        judged.report_check,
        report_verdicts.reason as report_reason,
        judged.report_band_reason,
        compared.total_amount,
        compared.reported_farebox_amount,
        case
            when 'error' in (row_verdicts.severity, report_verdicts.severity) then 'error'
            when 'warn' in (row_verdicts.severity, report_verdicts.severity) then 'warn'
            else 'ok'
        end as severity
    from compared
    inner join judged on compared.load_id = judged.load_id
    left join verdicts as row_verdicts
        on
            judged.row_count_check = row_verdicts.verdict
            and row_verdicts.check_name = 'row_count'
    left join verdicts as report_verdicts
        on
            judged.report_check = report_verdicts.verdict
            and report_verdicts.check_name = 'report'
)

select * from final
