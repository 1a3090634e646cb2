{{ config(post_hook="{{ record_judged_files() }}") }}

with files as (
    select * from {{ ref("stg_ingested_files") }}
    where superseded_at is null
),

published as (
    select
        service_type,
        cast({{ dbt.concat(["file_month", "'-01'"]) }} as date) as file_month,
        parquet_rows
    from {{ ref("published_trip_counts") }}
),

bands as (
    select * from {{ ref("published_count_bands") }}
),

verdicts as (
    select
        verdict,
        reason,
        month_completeness
    from {{ ref("completeness_verdicts") }}
    where check_name = 'row_count'
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
        files.row_count * 10000 as ten_thousand_rows,
        cast(published.parquet_rows as {{ dbt.type_bigint() }}) as official_row_count
    from files
    left join published
        on
            {{ service_in_file_names("files.service_type") }} = published.service_type
            and files.file_month = published.file_month
),

-- What a month without a count is held against: the smallest count of the months around it.
neighbors as (
    select
        compared.load_id,
        cast(min(published.parquet_rows) as {{ dbt.type_bigint() }}) as smallest_row_count
    from compared
    inner join published
        on
            {{ service_in_file_names("compared.service_type") }} = published.service_type
            and published.file_month >= cast({{ dbt.dateadd("month", -var("neighbor_months"), "compared.file_month") }} as date)
            and published.file_month <= cast({{ dbt.dateadd("month", var("neighbor_months"), "compared.file_month") }} as date)
    where compared.official_row_count is null
    group by compared.load_id
),

banded as (
    select
        compared.load_id,
        official.lower_basis_points as official_lower,
        official.upper_basis_points as official_upper,
        csv_copy.lower_basis_points as csv_copy_lower,
        csv_copy.upper_basis_points as csv_copy_upper,
        excerpt.upper_basis_points as excerpt_upper,
        neighbor_excerpt.upper_basis_points as neighbor_excerpt_upper,
        official.reason as official_band_reason,
        csv_copy.reason as csv_copy_band_reason
    from compared
    {% for name, measure in {"official": "official_parquet", "csv_copy": "datatalks_csv", "excerpt": "excerpt", "neighbor_excerpt": "neighbor_excerpt"}.items() %}
    left join bands as {{ name }}
        on
            {{ service_in_file_names("compared.service_type") }} = {{ name }}.service_type
            and {{ name }}.measure = '{{ measure }}'
            and compared.file_month >= {{ name }}.from_month
            and compared.file_month <= coalesce({{ name }}.to_month, compared.file_month)
    {% endfor %}
),

-- Which editions have about as many rows, and what the format says: a Parquet file of a writer that TLC does not use,
-- 'parquet (DuckDB)', was made from another file.
matched as (
    select
        compared.load_id,
        coalesce(
            compared.ten_thousand_rows between banded.official_lower * compared.official_row_count and banded.official_upper * compared.official_row_count,
            false
        ) as has_official_rows,
        coalesce(
            compared.ten_thousand_rows between banded.csv_copy_lower * compared.official_row_count and banded.csv_copy_upper * compared.official_row_count,
            false
        ) as has_csv_copy_rows,
        compared.source_format like 'parquet%' as is_parquet,
        compared.source_format = 'parquet'
        or (compared.source_format like 'parquet%' and compared.row_count = compared.official_row_count) as is_officially_written
    from compared
    inner join banded on compared.load_id = banded.load_id
),

identified as (
    select
        compared.load_id,
        case
            when compared.source_format = 'stream' then 'stream'
            when compared.is_synthetic then 'synthetic'
            when matched.has_official_rows and matched.is_officially_written then 'official_parquet'
            when matched.has_csv_copy_rows then 'datatalks_csv'
            when matched.has_official_rows then 'official_parquet'
            else 'neither'
        end as edition
    from compared
    inner join matched on compared.load_id = matched.load_id
),

judged as (
    select
        compared.load_id,
        identified.edition,
        case
            when identified.edition = 'datatalks_csv' then banded.csv_copy_band_reason
            when identified.edition = 'official_parquet' or matched.is_parquet then banded.official_band_reason
            else banded.csv_copy_band_reason
        end as edition_band_reason,
        case
            when identified.edition = 'stream' then 'streamed'
            when compared.is_synthetic then 'synthetic'
            when compared.ten_thousand_rows < banded.neighbor_excerpt_upper * neighbors.smallest_row_count then 'neighbor_excerpt'
            when compared.official_row_count is null then 'not_published'
            when compared.row_count = compared.official_row_count then 'equal'
            when compared.ten_thousand_rows < banded.excerpt_upper * compared.official_row_count then 'excerpt'
            when identified.edition <> 'neither' then 'within_band'
            when not matched.is_parquet and banded.csv_copy_lower is null then 'no_band'
            when compared.row_count < compared.official_row_count then 'cut_off'
            else 'surplus'
        end as row_count_check
    from compared
    inner join banded on compared.load_id = banded.load_id
    inner join matched on compared.load_id = matched.load_id
    inner join identified on compared.load_id = identified.load_id
    left join neighbors on compared.load_id = neighbors.load_id
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
        compared.official_row_count,
        {{ ratio("compared.row_count", "compared.official_row_count") }} as official_row_share,
        judged.row_count_check,
        verdicts.reason as row_count_reason,
        verdicts.month_completeness,
        judged.edition_band_reason
    from compared
    inner join judged on compared.load_id = judged.load_id
    inner join verdicts on judged.row_count_check = verdicts.verdict
)

select * from final
