-- A file with fewer rows than any known edition of its month, yet more than an excerpt, makes every total too small: an error.
select
    source_file,
    row_count,
    official_row_count,
    row_count_reason
from {{ ref("mart_source_completeness") }}
where severity = 'error'
