{%- set rules = rule_rows(ref("fare_rules")) %}
{%- set fare_check_type = type_of("fare_check") %}

with trips as (
    select * from {{ ref("int_trips") }}
),

-- A dispatch system itemises on its own: the vendor's rule is about what its meter does.
ruled as (
    select
        trips.*,
        {{ any_rule_applies(rules | selectattr("extra_includes_surcharges")) }} and not is_app_dispatched as extra_includes_surcharges,
        {{ any_rule_applies(rules | selectattr("mta_tax_includes_improvement")) }} and not is_app_dispatched as mta_tax_includes_improvement,
        {{ any_rule_applies(rules | rejectattr("is_reconciled")) }} as is_vendor_unreconciled
    from trips
),

netted as (
    select
        ruled.*,
        case
            when is_amount_implausible then null
            when extra_includes_surcharges
                then coalesce(extra_amount, 0) - coalesce(congestion_surcharge_amount, 0) - coalesce(airport_fee_amount, 0) - coalesce(cbd_congestion_fee_amount, 0)
            when is_metered then coalesce(extra_amount, 0)
        end as net_extra_amount,
        case
            when is_amount_implausible then null
            when mta_tax_includes_improvement then coalesce(mta_tax_amount, 0) - coalesce(improvement_surcharge_amount, 0)
            when is_metered then coalesce(mta_tax_amount, 0)
        end as net_mta_tax_amount
    from ruled
),

expected as (
    select
        netted.*,
        -- Null where the net amounts are: for services without a meter, and for amounts that no fare can have.
        net_extra_amount
        + net_mta_tax_amount
        {% for charge in charge_columns(["yellow", "green"]) if charge not in ["extra_amount", "mta_tax_amount"] %}
        + coalesce({{ charge }}, 0)
        {% endfor %}
            as expected_total_amount
    from netted
),

compared as (
    select
        expected.*,
        total_amount - expected_total_amount as fare_residual_amount,
        -- A reversal carries every charge with the opposite sign.
        case when total_amount < 0 then expected_total_amount - total_amount else total_amount - expected_total_amount end as unitemized_amount
    from expected
),

checked as (
    select
        compared.*,
        -- In the order of the seed fare_checks.
        case
            when not is_metered then null
            when is_amount_implausible then cast('unexplained' as {{ fare_check_type }})
            when fare_residual_amount = 0 then cast('ok' as {{ fare_check_type }})
            {% for charge in rule_rows(ref("unitemized_charges")) %}
            when {{ rule_applies(charge) }} then cast('{{ charge.fare_check }}' as {{ fare_check_type }})
            {% endfor %}
            when is_vendor_unreconciled then cast('vendor_unreconciled' as {{ fare_check_type }})
            else cast('unexplained' as {{ fare_check_type }})
        end as fare_check
    from compared
),

final as (
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        reject_reason,
        {{ select_trip_columns("checked") }},
        trip_duration_seconds,
        cast(net_extra_amount as {{ type_decimal(12, 2) }}) as net_extra_amount,
        cast(net_mta_tax_amount as {{ type_decimal(12, 2) }}) as net_mta_tax_amount,
        cast(
            case
                when fare_check = cast('congestion_unitemized' as {{ fare_check_type }}) then fare_residual_amount
                when is_amount_implausible then null
                when is_metered then coalesce(congestion_surcharge_amount, 0)
            end as {{ type_decimal(12, 2) }}
        ) as net_congestion_surcharge_amount,
        cast(expected_total_amount as {{ type_decimal(12, 2) }}) as expected_total_amount,
        cast(fare_residual_amount as {{ type_decimal(12, 2) }}) as fare_residual_amount,
        fare_check,
        is_metered,
        wait_seconds,
        is_store_and_forward,
        is_shared_ride,
        is_shared_ride_requested,
        is_wheelchair_requested,
        is_wheelchair_accessible,
        is_access_a_ride,
        {{ flag_columns() | join(", ") }},
        reversal_twin_trip_id
    from checked
)

select * from final
