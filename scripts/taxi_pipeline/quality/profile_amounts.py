"""The part of a month's profile about amounts and about rows that are alike: sums over one partition of the lake."""

from collections.abc import Mapping
from typing import Any

import duckdb

from taxi_pipeline.lake import quote_identifier, quote_literal
from taxi_pipeline.schemas import Service, columns_of
from taxi_pipeline.seeds import read_variables, seed_path

COMPARED_TRIPS = 500_000
"""About as many trips are compared with each other: more would take seconds (6.7 s for 7.9 million,
2026-11-26). Trips of the same second stay together."""

MILES: Mapping[Service, str] = {
    Service.YELLOW: "trip_distance",
    Service.GREEN: "trip_distance",
    Service.HVFHV: "trip_miles",
}
FARE: Mapping[Service, str] = {
    Service.YELLOW: "fare_amount",
    Service.GREEN: "fare_amount",
    Service.HVFHV: "base_passenger_fare",
}
_WHO: Mapping[Service, str] = {
    Service.YELLOW: "vendorid",
    Service.GREEN: "vendorid",
    Service.HVFHV: "hvfhs_license_num",
}
"""Lake columns that say the same of each service with distances and fares: all but FHV."""

# The meter counts 1/5 mile, or a minute in slow traffic: drop and step in dollars (tlc.md, section 5). A fare lies
# between the drop and the sum of all miles and all minutes, wherever the trip went.
_DROP = "case when {pickup} >= timestamp '2022-12-19' then 3.00 else 2.50 end"
_STEP = (
    "case when {pickup} >= timestamp '2022-12-19' then 0.70"
    " when {pickup} >= timestamp '2012-09-04' then 0.50 else 0.40 end"
)
_ORDINARY_TRIP = (
    "ratecodeid = 1 and fare_amount > 0 and trip_distance between 0.5 and 30"
    " and seconds between 60 and 7200"
)
_CARD, _CASH = 1, 2  # TLC's dictionary of 2025-03-18

LARGEST_DOLLARS = 1000
"""What an amount counts for at most in the sums of a month: one meter that overflowed makes no month false.
Real months have fares up to some hundred dollars. Set on 2026-11-28."""

Values = dict[str, int | float]
"""Fields of a profile."""


def amounts(connection: duckdb.DuckDBPyConnection, trips: str, service: Service) -> Values:
    """What the fares are like, and how many totals are negative, or beyond any fare."""
    fare, largest = FARE[service], read_variables()["max_amount_dollars"]
    fares, amount, negative, implausible = fetch_row(
        connection,
        f"""select
            count(*) filter ({fare} > 0 and {fare} <= {LARGEST_DOLLARS}),
            sum({fare}) filter ({fare} > 0 and {fare} <= {LARGEST_DOLLARS}),
            count(*) filter (total_amount < 0),
            count(*) filter (abs(total_amount) > {largest})
        from {trips}""",
    )
    return {
        "fares": fares,
        "fare_amount": float(amount or 0),
        "negative_totals": negative,
        "implausible_totals": implausible,
    }


def alike(
    connection: duckdb.DuckDBPyConnection, trips: str, service: Service, pickup: str, rows: int
) -> Values:
    """How many of about ``COMPARED_TRIPS`` rows differ."""
    every_column = ", ".join(quote_identifier(column.name) for column in columns_of(service))
    compared_rows, compared, distinct = fetch_row(
        connection,
        f"""select count(*), count(distinct hash({every_column})), count(distinct hash(
            {_WHO[service]}, {pickup}, pulocationid, dolocationid, {MILES[service]}, total_amount
        )) from {trips} where epoch({pickup}) % {max(1, rows // COMPARED_TRIPS)} = 0""",
    )
    return {
        "compared_rows": compared_rows,
        "compared_trips": compared,
        "distinct_trips": distinct,
    }


def meter(connection: duckdb.DuckDBPyConnection, trips: str, pickup: str, dropoff: str) -> Values:
    """How fares agree with the taximeter, and tips with the payment method."""
    timed = f"(select *, date_diff('second', {pickup}, {dropoff}) as seconds from {trips})"
    drop, step = _DROP.format(pickup=pickup), _STEP.format(pickup=pickup)
    metered_fare = f"{drop} + {step} * (5 * trip_distance::double + seconds / 60)"
    ordinary, on_steps, fares, metered_fares = fetch_row(
        connection,
        f"""select
            count(*) filter ({_ORDINARY_TRIP}),
            count(*) filter ({_ORDINARY_TRIP} and (fare_amount - {drop}) % ({step}) = 0),
            sum({bounded("fare_amount")}) filter ({_ORDINARY_TRIP}),
            sum({metered_fare}) filter ({_ORDINARY_TRIP})
        from {timed}""",
    )
    tip = bounded("tip_amount")
    tips, cash_tips, card_trips, card_tips, card_fares = fetch_row(
        connection,
        f"""select
            sum({tip}),
            sum({tip}) filter (payment_type = {_CASH}),
            count(*) filter (payment_type = {_CARD}),
            sum({tip}) filter (payment_type = {_CARD}),
            sum({bounded("fare_amount")}) filter (payment_type = {_CARD})
        from {trips}""",
    )
    return {
        "ordinary_trips": ordinary,
        "fares_on_steps": on_steps,
        "ordinary_fares": float(fares or 0),
        "metered_fares": round(float(metered_fares or 0), 2),
        "tips": float(tips or 0),
        "cash_tips": float(cash_tips or 0),
        "card_trips": card_trips,
        "card_tips": float(card_tips or 0),
        "card_fares": float(card_fares or 0),
    }


def taxes(connection: duckdb.DuckDBPyConnection, trips: str, pickup: str) -> Values:
    """How sales tax and tips of HVFHV trips agree with their fares and tolls."""
    tolerance = read_variables()["hvfhv_rate_tolerance_dollars"]
    taxed, amount, tax, tips, fares, at_rate, on_tolls, on_tips = fetch_row(
        connection,
        f"""with rates as (
            from read_csv({quote_literal(seed_path("hvfhv_rates"))}, header = true) where charge = 'sales_tax'
        ), taxed as (
            select
                base_passenger_fare + coalesce(tolls, 0) as with_tolls,
                base_passenger_fare + coalesce(tips, 0) as with_tips,
                base_passenger_fare,
                tips,
                sales_tax,
                rates.rate
            from {trips} as trips
            left join rates
                on upper(trim(trips.hvfhs_license_num)) = rates.hvfhs_license_number
                and cast(trips.{pickup} as date) >= rates.valid_from
                and (rates.valid_to is null or cast(trips.{pickup} as date) <= rates.valid_to)
            where base_passenger_fare is not null and sales_tax is not null
        ), compared as (
            select
                *,
                coalesce(abs(sales_tax - with_tolls * rate) <= {tolerance}, false) as is_on_tolls,
                coalesce(abs(sales_tax - with_tips * rate) <= {tolerance}, false) as is_on_tips
            from taxed
        )
        select
            count(*), sum({bounded("with_tolls")}), sum({bounded("sales_tax")}), sum({bounded("tips")}),
            sum({bounded("base_passenger_fare")}),
            count(*) filter (is_on_tolls),
            count(*) filter (is_on_tolls and not is_on_tips), count(*) filter (is_on_tips and not is_on_tolls)
        from compared""",
    )
    return {
        "taxed_trips": taxed,
        "taxed_at_rate": at_rate,
        "taxed_on_tolls_alone": on_tolls,
        "taxed_on_tips_alone": on_tips,
        "taxed_amount": float(amount or 0),
        "sales_tax_amount": float(tax or 0),
        "tips": float(tips or 0),
        "taxed_fares": float(fares or 0),
    }


def fetch_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The one row of a query that gives one."""
    row = connection.execute(sql).fetchone()
    if row is None:
        raise AssertionError(sql)
    return row


def bounded(amount: str) -> str:
    """An amount in SQL, at most ``LARGEST_DOLLARS`` to either side; null stays null."""
    return f"case when abs({amount}) <= {LARGEST_DOLLARS} then {amount} else sign({amount}) * {LARGEST_DOLLARS} end"
