-- A warning: an excerpt may be loaded on purpose, and TLC's newest months are not in the seed yet.
{{ config(severity="warn") }}

select
    source_file,
    edition,
    row_count_check,
    row_count_reason,
    report_check,
    report_reason
from {{ ref("mart_source_completeness") }}
where severity = 'warn'
