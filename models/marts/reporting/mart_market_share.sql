{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

with trips as (
    select * from {{ ref("fact_trips") }}
    where {{ in_slice_to_build() }}
),

zones as (
    select
        zone_id,
        borough,
        borough_label
    from {{ ref("dim_zones") }}
),

licensees as (
    select
        hvfhs_license_number,
        licensee_name
    from {{ ref("dim_hvfhs_licensees") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

summed as (
    select
        trips.file_month,
        trips.service_type,
        trips.hvfhs_license_number,
        trips.pickup_zone_id,
        {% for column in ["row_count", "trip_count", "metered_revenue_amount", "rider_payment_amount", "driver_pay_amount", "wait_trip_count", "wait_seconds"] %}
        cast({{ daily_measures()[column][1] }} as {{ daily_measures()[column][0] }}) as {{ column }},
        {% endfor %}
        {{ speed_measures() }}
    from trips
    group by trips.file_month, trips.service_type, trips.hvfhs_license_number, trips.pickup_zone_id
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["summed.file_month", "summed.service_type", "summed.hvfhs_license_number", "summed.pickup_zone_id"]) }} as market_share_id,
        summed.file_month,
        cast(summed.service_type as {{ dbt.type_string() }}) as service_type,
        cast(summed.hvfhs_license_number as {{ dbt.type_string() }}) as hvfhs_license_number,
        case when summed.service_type = 'HVFHV' then licensees.licensee_name else cast(summed.service_type as {{ dbt.type_string() }}) end as company,
        summed.pickup_zone_id,
        zones.borough as pickup_borough,
        zones.borough_label as pickup_borough_label,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        summed.row_count,
        summed.trip_count,
        summed.metered_revenue_amount,
        summed.rider_payment_amount,
        summed.driver_pay_amount,
        summed.wait_trip_count,
        summed.wait_seconds,
        {{ ratio("summed.wait_seconds", "summed.wait_trip_count") }} as avg_wait_seconds,
        summed.speed_trip_count,
        summed.speed_distance_miles,
        summed.speed_duration_seconds
    from summed
    inner join zones on summed.pickup_zone_id = zones.zone_id
    inner join licensees on summed.hvfhs_license_number = licensees.hvfhs_license_number
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
