-- How does revenue grow, quarter by quarter and against the same quarter of the year before?
-- A quarter counts only when all three of its months are loaded. Its month_completeness is that of its least whole
-- month; growth is null where a month of this quarter, or of the one compared with, is only a part. A quarter has no
-- revenue, and no growth, where the files of one of its months have no amounts (CSV files of HVFHV, 2019-02 to 2020-06).
with monthly as (
    select
        service_type,
        revenue_month,
        month_completeness,
        sum(total_amount) as total_amount,
        sum(trip_count) as trip_count
    from {{ ref("mart_monthly_zone_revenue") }}
    group by service_type, revenue_month, month_completeness
),

dates as (
    select
        date_day,
        year_number,
        quarter_number
    from {{ ref("dim_dates") }}
),

quarterly as (
    select
        monthly.service_type,
        dates.year_number,
        dates.quarter_number,
        case when count(monthly.total_amount) = 3 then sum(monthly.total_amount) end as total_amount,
        sum(monthly.trip_count) as trip_count,
        case
            when max(case when monthly.month_completeness = 'part' then 1 else 0 end) = 1 then 'part'
            when max(case when monthly.month_completeness = 'unknown' then 1 else 0 end) = 1 then 'unknown'
            else max(monthly.month_completeness)
        end as month_completeness
    from monthly
    inner join dates on monthly.revenue_month = dates.date_day
    group by monthly.service_type, dates.year_number, dates.quarter_number
    having count(*) = 3
),

comparable as (
    select
        service_type,
        year_number,
        quarter_number,
        case when month_completeness <> 'part' then total_amount end as total_amount
    from quarterly
),

final as (
    select
        quarters.service_type,
        quarters.year_number,
        quarters.quarter_number,
        quarters.trip_count,
        quarters.total_amount,
        quarters.month_completeness,
        {{ ratio("this_quarter.total_amount - previous_quarters.total_amount", "previous_quarters.total_amount") }} as growth_on_quarter,
        {{ ratio("this_quarter.total_amount - previous_years.total_amount", "previous_years.total_amount") }} as growth_on_year
    from quarterly as quarters
    inner join comparable as this_quarter
        on
            quarters.service_type = this_quarter.service_type
            and quarters.year_number = this_quarter.year_number
            and quarters.quarter_number = this_quarter.quarter_number
    left join comparable as previous_quarters
        on
            quarters.service_type = previous_quarters.service_type
            and quarters.year_number * 4 + quarters.quarter_number = previous_quarters.year_number * 4 + previous_quarters.quarter_number + 1
    left join comparable as previous_years
        on
            quarters.service_type = previous_years.service_type
            and quarters.year_number = previous_years.year_number + 1
            and quarters.quarter_number = previous_years.quarter_number
)

select * from final
order by service_type, year_number, quarter_number
