with days as (
    {{ dbt.date_spine(
        datepart="day",
        start_date="cast('2009-01-01' as date)",
        end_date="cast('2036-01-01' as date)"
    ) }}
),

dated as (
    select cast(date_day as date) as date_day
    from days
),

numbered as (
    select
        date_day,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast(extract(day from date_day) as integer) as day_of_month,
        -- 2009-01-05 is a Monday; counting from it gives the same week on every engine.
        cast(mod(cast({{ dbt.datediff("cast('2008-12-29' as date)", "date_day", "day") }} as integer), 7) + 1 as integer) as iso_day_of_week,
        cast({{ dbt.dateadd("day", "(1 - extract(day from date_day))", "date_day") }} as date) as month_start_date
    from dated
),

final as (
    select
        date_day,
        year_number,
        quarter_number,
        month_number,
        month_start_date,
        day_of_month,
        iso_day_of_week,
        case iso_day_of_week
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            else 'Sunday'
        end as day_name,
        iso_day_of_week >= 6 as is_weekend
    from numbered
)

select * from final
