-- Per change of a version: the rows and the money of its zones are those of the two files, and every row is told once.
with summed as (
    select
        load_id_before,
        load_id_after,
        sum(rows_before) as rows_before,
        sum(rows_after) as rows_after,
        sum(unchanged_count + altered_count + moved_out_count + gone_count) as told_before,
        sum(unchanged_count + altered_count + moved_in_count + added_count) as told_after,
        sum(moved_out_count) as moved_out,
        sum(moved_in_count) as moved_in,
        sum(total_amount_before) as total_amount_before,
        sum(total_amount_after) as total_amount_after
    from {{ ref("mart_restatements") }}
    group by load_id_before, load_id_after
)

select summed.*
from summed
left join {{ ref("fact_file_versions") }} as earlier on summed.load_id_before = earlier.load_id
left join {{ ref("fact_file_versions") }} as later on summed.load_id_after = later.load_id
where
    summed.rows_before <> coalesce(earlier.row_count, -1)
    or summed.rows_after <> coalesce(later.row_count, -1)
    or summed.told_before <> summed.rows_before
    or summed.told_after <> summed.rows_after
    or summed.moved_out <> summed.moved_in
    or coalesce(summed.total_amount_before, 0) <> coalesce(earlier.total_amount, 0)
    or coalesce(summed.total_amount_after, 0) <> coalesce(later.total_amount, 0)
