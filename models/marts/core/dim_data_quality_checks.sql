with reject_reasons as (
    select * from {{ ref("reject_reasons") }}
),

trip_flags as (
    select * from {{ ref("trip_flags") }}
),

checks as (
    select
        reject_reason as check_code,
        'reject' as check_kind,
        rule_order as check_order,
        services,
        description,
        'The row is in rejected_trips and not in fact_trips' as repair
    from reject_reasons

    union all

    select
        trip_flag as check_code,
        check_kind,
        100 + flag_order as check_order,
        services,
        description,
        repair
    from trip_flags
),

final as (
    select
        check_code,
        check_kind,
        check_order,
        services,
        {{ fill_in_variables("description") }} as description,
        {{ fill_in_variables("repair") }} as repair
    from checks
)

select * from final
