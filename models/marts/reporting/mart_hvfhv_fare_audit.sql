{{ config(materialized="incremental", meta={"files_from": ["fact_trips", "fact_file_completeness"]}) }}

{%- set shares = {"sales_tax": "sales_tax_amount", "black_car_fund": "black_car_fund_amount"} %}
{%- set fixed_charges = ["congestion_surcharge", "airport_fee", "cbd_congestion_fee"] %}

with trips as (
    select * from {{ ref("fact_trips") }}
    where
        service_type = 'HVFHV'
        and {{ in_slice_to_build() }}
),

rates as (
    select * from {{ ref("hvfhv_rates") }}
),

completeness as (
    select
        service_type,
        file_month,
        official_row_share,
        month_completeness
    from {{ ref("fact_file_completeness") }}
),

-- The parts of the fare that a share is taken of; null where the file gives no amounts.
based as (
    select
        service_type,
        file_month,
        hvfhs_license_number,
        pickup_date,
        fare_amount,
        fare_amount + coalesce(tolls_amount, 0) as taxable_amount,
        {% for amount in shares.values() %}
        {{ amount }},
        {% endfor %}
        {% for charge in fixed_charges %}
        {{ charge }}_amount,
        {% endfor %}
        total_amount,
        driver_pay_amount
    from trips
    where not is_amount_implausible
),

rated as (
    select
        based.*,
        {% for charge in fixed_charges %}
        {{ charge }}_rates.charge is not null as is_{{ charge }}_listed,
        {% endfor %}
        sales_tax_rates.rate as sales_tax_rate,
        black_car_fund_rates.rate as black_car_fund_rate
    from based
    {% for charge in shares %}
    left join rates as {{ charge }}_rates
        on
            based.hvfhs_license_number = {{ charge }}_rates.hvfhs_license_number
            and {{ charge }}_rates.charge = '{{ charge }}'
            and {{ charge }}_rates.valid_from <= based.pickup_date
            and (
                {{ charge }}_rates.valid_to is null
                or {{ charge }}_rates.valid_to >= based.pickup_date
            )
    {% endfor %}
    {% for charge in fixed_charges %}
    left join rates as {{ charge }}_rates
        on
            based.{{ charge }}_amount = {{ charge }}_rates.amount
            and {{ charge }}_rates.charge = '{{ charge }}'
            and {{ charge }}_rates.valid_from <= based.pickup_date
            and (
                {{ charge }}_rates.valid_to is null
                or {{ charge }}_rates.valid_to >= based.pickup_date
            )
    {% endfor %}
),

summed as (
    select
        service_type,
        file_month,
        hvfhs_license_number,
        cast(count(*) as {{ dbt.type_bigint() }}) as row_count,
        cast(count(fare_amount) as {{ dbt.type_bigint() }}) as fare_row_count,
        {% for charge, amount in shares.items() %}
        cast(count(case when {{ amount }} is not null and taxable_amount is not null then {{ charge }}_rate end) as {{ dbt.type_bigint() }})
            as {{ charge }}_checked_row_count,
        cast(
            count(case when abs({{ amount }} - taxable_amount * {{ charge }}_rate) <= {{ var("hvfhv_rate_tolerance_dollars") }} then 1 end)
            as {{ dbt.type_bigint() }}
        ) as {{ charge }}_at_rate_row_count,
        {% endfor %}
        {% for charge in fixed_charges %}
        cast(count(case when {{ charge }}_amount <> 0 then 1 end) as {{ dbt.type_bigint() }}) as {{ charge }}_charged_row_count,
        cast(count(case when {{ charge }}_amount <> 0 and is_{{ charge }}_listed then 1 end) as {{ dbt.type_bigint() }}) as {{ charge }}_listed_row_count,
        {% endfor %}
        cast(sum(taxable_amount) as {{ type_decimal(18, 2) }}) as taxable_amount,
        {% for amount in shares.values() %}
        cast(sum({{ amount }}) as {{ type_decimal(18, 2) }}) as {{ amount }},
        {% endfor %}
        cast(sum(total_amount) as {{ type_decimal(18, 2) }}) as rider_payment_amount,
        cast(sum(driver_pay_amount) as {{ type_decimal(18, 2) }}) as driver_pay_amount
    from rated
    group by service_type, file_month, hvfhs_license_number
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["summed.file_month", "summed.hvfhs_license_number"]) }} as hvfhv_fare_audit_id,
        summed.file_month,
        cast(summed.service_type as {{ dbt.type_string() }}) as service_type,
        cast(summed.hvfhs_license_number as {{ dbt.type_string() }}) as hvfhs_license_number,
        completeness.official_row_share,
        coalesce(completeness.month_completeness, 'unknown') as month_completeness,
        summed.row_count,
        summed.fare_row_count,
        {% for charge in shares %}
        summed.{{ charge }}_checked_row_count,
        summed.{{ charge }}_at_rate_row_count,
        {{ ratio("summed." ~ charge ~ "_at_rate_row_count", "summed." ~ charge ~ "_checked_row_count") }} as {{ charge }}_at_rate_share,
        {% endfor %}
        {% for charge in fixed_charges %}
        summed.{{ charge }}_charged_row_count,
        summed.{{ charge }}_listed_row_count,
        {% endfor %}
        summed.taxable_amount,
        {% for amount in shares.values() %}
        summed.{{ amount }},
        {% endfor %}
        summed.rider_payment_amount,
        summed.driver_pay_amount
    from summed
    left join completeness
        on
            summed.service_type = completeness.service_type
            and summed.file_month = completeness.file_month
)

select * from final
