-- How does revenue grow, quarter by quarter and against the same quarter of the year before?
-- A quarter counts only when all three of its months are loaded.
with monthly as (
    select
        service_type,
        revenue_month,
        sum(total_amount) as total_amount,
        sum(trip_count) as trip_count
    from {{ ref("mart_monthly_zone_revenue") }}
    group by service_type, revenue_month
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
        sum(monthly.total_amount) as total_amount,
        sum(monthly.trip_count) as trip_count
    from monthly
    inner join dates on monthly.revenue_month = dates.date_day
    group by monthly.service_type, dates.year_number, dates.quarter_number
    having count(*) = 3
),

final as (
    select
        quarters.service_type,
        quarters.year_number,
        quarters.quarter_number,
        quarters.trip_count,
        quarters.total_amount,
        {{ ratio("quarters.total_amount - previous_quarters.total_amount", "previous_quarters.total_amount") }} as growth_on_quarter,
        {{ ratio("quarters.total_amount - previous_years.total_amount", "previous_years.total_amount") }} as growth_on_year
    from quarterly as quarters
    left join quarterly as previous_quarters
        on
            quarters.service_type = previous_quarters.service_type
            and quarters.year_number * 4 + quarters.quarter_number = previous_quarters.year_number * 4 + previous_quarters.quarter_number + 1
    left join quarterly as previous_years
        on
            quarters.service_type = previous_years.service_type
            and quarters.year_number = previous_years.year_number + 1
            and quarters.quarter_number = previous_years.quarter_number
)

select * from final
order by service_type, year_number, quarter_number
