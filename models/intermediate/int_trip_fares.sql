with trips as (
    select * from {{ ref("int_trips") }}
),

rules as (
    select
        cast(service_type as {{ type_of("service_type") }}) as service_type,
        vendor_id,
        valid_from,
        valid_to,
        extra_includes_surcharges,
        mta_tax_includes_improvement,
        is_reconciled
    from {{ ref("fare_rules") }}
),

charges as (
    select
        cast(fare_check as {{ type_of("fare_check") }}) as fare_check,
        cast(service_type as {{ type_of("service_type") }}) as service_type,
        is_app_dispatched,
        is_card,
        cast(amount as {{ type_decimal(12, 2) }}) as amount,
        valid_from,
        valid_to
    from {{ ref("unitemized_charges") }}
),

-- A dispatch system itemises on its own: the vendor's rule is about what its meter does.
ruled as (
    select
        trips.*,
        coalesce(rules.extra_includes_surcharges, false) and not trips.is_app_dispatched as extra_includes_surcharges,
        coalesce(rules.mta_tax_includes_improvement, false) and not trips.is_app_dispatched as mta_tax_includes_improvement,
        coalesce(rules.is_reconciled, true) as is_vendor_reconciled
    from trips
    left join rules
        on
            trips.service_type = rules.service_type
            and trips.vendor_id = rules.vendor_id
            and (rules.valid_from is null or rules.valid_from <= cast(trips.pickup_at as date))
            and (rules.valid_to is null or rules.valid_to >= cast(trips.pickup_at as date))
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

explained as (
    select
        compared.*,
        charges.fare_check as known_charge
    from compared
    left join charges
        on
            compared.service_type = charges.service_type
            and compared.unitemized_amount = charges.amount
            and (charges.is_app_dispatched is null or compared.is_app_dispatched = charges.is_app_dispatched)
            and (charges.is_card is null or (compared.payment_type_id = {{ var("card_payment_type_id") }}) = charges.is_card)
            and (charges.valid_from is null or charges.valid_from <= cast(compared.pickup_at as date))
            and (charges.valid_to is null or charges.valid_to >= cast(compared.pickup_at as date))
            -- A surcharge that has a part of its own is not missing.
            and (charges.fare_check <> 'congestion_unitemized' or coalesce(compared.congestion_surcharge_amount, 0) = 0)
            and (charges.fare_check <> 'improvement_unitemized' or coalesce(compared.improvement_surcharge_amount, 0) = 0)
),

checked as (
    select
        explained.*,
        -- In the order of the seed fare_checks.
        case
            when not is_metered then null
            when is_amount_implausible then cast('unexplained' as {{ type_of("fare_check") }})
            when fare_residual_amount = 0 then cast('ok' as {{ type_of("fare_check") }})
            when known_charge is not null then known_charge
            when not is_vendor_reconciled then cast('vendor_unreconciled' as {{ type_of("fare_check") }})
            else cast('unexplained' as {{ type_of("fare_check") }})
        end as fare_check
    from explained
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
                when fare_check = 'congestion_unitemized' then fare_residual_amount
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
