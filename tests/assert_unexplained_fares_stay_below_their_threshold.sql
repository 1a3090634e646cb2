-- Rows of a file whose total nothing explains, in hundredths of a percent of its rows; the worst file counts.
-- Thresholds and their reasons: vars in dbt_project.yml.
{{ config(
    fail_calc="coalesce(max(unexplained_basis_points), 0)",
    warn_if="> " ~ var("fare_unexplained_warn_basis_points"),
    error_if="> " ~ var("fare_unexplained_error_basis_points")
) }}

with audited as (
    select
        service_type,
        file_month,
        sum(row_count) as row_count,
        sum(unexplained_row_count) as unexplained_row_count
    from {{ ref("mart_fare_audit") }}
    group by service_type, file_month
)

select
    service_type,
    file_month,
    row_count,
    unexplained_row_count,
    {{ integer_quotient("cast(10000 * unexplained_row_count as " ~ dbt.type_bigint() ~ ")", "cast(row_count as " ~ dbt.type_bigint() ~ ")") }} as unexplained_basis_points
from audited
where row_count >= {{ var("fare_audit_min_rows") }}
