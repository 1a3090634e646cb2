"""The profile of a month: some hundred numbers that say what its rows are like.

DuckDB adds them up in a few passes over narrow columns of one partition, so that seven million rows cost little,
and no month has to be read again when a later one is compared with it.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from taxi_pipeline.lake import quote_identifier, quote_literal
from taxi_pipeline.quality.profile_amounts import (
    FARE,
    MILES,
    alike,
    amounts,
    fetch_row,
    meter,
    taxes,
)
from taxi_pipeline.schemas import TIME, Service, columns_of
from taxi_pipeline.seeds import read_variables, seed_path

PROFILE_VERSION = 9
"""Raise it when a profile would hold other numbers; every month is then profiled again."""

EXPECTED_PICKUPS = 15
"""With so many expected in an hour, one with a tenth of them or fewer is chance in 1 of 200,000 (Poisson).
Set on 2026-11-26."""

CODE_COLUMNS: Mapping[Service, tuple[str, ...]] = {
    Service.YELLOW: ("vendorid", "ratecodeid", "payment_type", "store_and_fwd_flag"),
    Service.GREEN: ("vendorid", "ratecodeid", "payment_type", "store_and_fwd_flag", "trip_type"),
    Service.FHV: (),
    Service.HVFHV: ("hvfhs_license_num",),
}

_LENGTHS = ("backwards", "long_trips", "over_three_hours", "without_duration", "without_miles")
_ON_THE_MAP = ("located_trips", "map_correlation", "located_miles", "map_miles")
_MILES_PER_DEGREE = 69.05
_COS_LATITUDE = 0.7577  # of 40.74 degrees north
_UNKNOWN_ZONE = 264
_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Profile:
    """What one version of a month is like; in sums of dollars an amount counts ``LARGEST_DOLLARS`` at most.

    Attributes:
        version: ``PROFILE_VERSION``.
        rows: all rows.
        unparseable: rows kept as text only.
        nulls: rows without a value, per required column, unparseable rows left out.
        days: pickups per day of the month.
        hours: pickups in the month per hour of the day, 0 to 23.
        longest_gap: hours on end, within the month, in which nobody was picked up.
        empty_hours: hours of the month without a pickup where at least ``EXPECTED_PICKUPS`` are expected.
        empty_edge_hours: of the month's first and last hour, those with at most a tenth of the expected pickups:
            strays of the day before do not hide a shift; None where neither expects ``EXPECTED_PICKUPS``.
        outside: pickups outside the month.
        codes: rows per value of each code column; empty values are not counted.
        zones: rows per pickup zone; an unknown or missing one is 264.
        dropoff_zones: rows per dropoff zone, likewise.
        ordinary_trips: trips at the standard rate, of 0.5 to 30 miles and 1 to 120 minutes.
        ordinary_fares: dollars of fare of these.
        fares_on_steps: those whose fare is the drop and a whole number of the meter's steps.
        metered_fares: dollars if the meter counted every mile and every minute of these.
        fares: trips with a fare of more than 0 and at most 1000 dollars.
        fare_amount: dollars of these.
        negative_totals: rows with a negative total.
        implausible_totals: rows with a total beyond ``max_amount_dollars``, to either side.
        backwards: rows whose dropoff lies more than 60 s before the pickup.
        long_trips: rows whose dropoff lies more than 24 hours after the pickup.
        over_three_hours: rows whose dropoff lies more than 3 hours after the pickup.
        without_duration: rows whose dropoff is the pickup, or that lack one of them.
        without_miles: rows without a distance, or with one of 0; 0 of FHV, which has no distances.
        compared_rows: rows of every n-th second; of a small month, all.
        compared_trips: different rows among them.
        distinct_trips: different ones among them by vendor or license, pickup, zones, distance, and total alone.
        tips: dollars of tips, of all rows; of HVFHV, of the trips with a fare and a sales tax.
        cash_tips: those of rows paid in cash.
        card_trips: rows paid by card.
        card_tips: dollars of tips of these.
        card_fares: dollars of fare of these.
        located_trips: trips between two known zones with 0 to 100 miles.
        map_correlation: of miles driven and miles between the zones' points, over these; None for FHV.
        located_miles: miles driven on trips between two different zones among these.
        map_miles: miles between the points of their zones.
        taxed_trips: HVFHV trips with a fare and a sales tax.
        taxed_at_rate: those whose tax is the licensee's share of fare and tolls (seed ``hvfhv_rates``).
        taxed_on_tolls_alone: those whose tax is that share of fare and tolls, and not of fare and tips.
        taxed_on_tips_alone: those whose tax is that share of fare and tips, and not of fare and tolls.
        taxed_fares: dollars of fare of HVFHV trips with a fare and a sales tax.
        taxed_amount: dollars of fare and tolls of these.
        sales_tax_amount: dollars of sales tax of these.
    """

    version: int
    rows: int
    unparseable: int
    nulls: dict[str, int]
    days: list[int]
    hours: list[int]
    longest_gap: int
    empty_hours: int
    empty_edge_hours: int | None
    outside: int
    codes: dict[str, dict[str, int]]
    zones: dict[str, int]
    dropoff_zones: dict[str, int]
    ordinary_trips: int = 0
    ordinary_fares: float = 0.0
    fares_on_steps: int = 0
    metered_fares: float = 0.0
    fares: int = 0
    fare_amount: float = 0.0
    negative_totals: int = 0
    implausible_totals: int = 0
    backwards: int = 0
    long_trips: int = 0
    over_three_hours: int = 0
    without_duration: int = 0
    without_miles: int = 0
    compared_rows: int = 0
    compared_trips: int = 0
    distinct_trips: int = 0
    tips: float = 0.0
    cash_tips: float = 0.0
    card_trips: int = 0
    card_tips: float = 0.0
    card_fares: float = 0.0
    located_trips: int = 0
    map_correlation: float | None = None
    located_miles: float = 0.0
    map_miles: float = 0.0
    taxed_trips: int = 0
    taxed_at_rate: int = 0
    taxed_on_tolls_alone: int = 0
    taxed_on_tips_alone: int = 0
    taxed_fares: float = 0.0
    taxed_amount: float = 0.0
    sales_tax_amount: float = 0.0

    @property
    def pickups(self) -> int:
        """Rows with a pickup time."""
        return sum(self.days) + self.outside

    def to_json(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Profile | None":
        """Read it again; None where it is of another version."""
        values = json.loads(text)
        return cls(**values) if values["version"] == PROFILE_VERSION else None


@cache
def reject_limits() -> tuple[int, int]:
    """Seconds by which a dropoff may precede its pickup, and the hours that a trip may take: where dbt has them."""
    variables = read_variables()
    return int(variables["dropoff_cut_seconds"]), int(variables["max_duration_hours"])


def month_days(month: date) -> list[date]:
    """Every day of a month."""
    following = (month + timedelta(days=31)).replace(day=1)
    return [month + timedelta(days=number) for number in range((following - month).days)]


def profile_partition(
    connection: duckdb.DuckDBPyConnection,
    part: str | Path,
    service: Service,
    month: date,
) -> Profile:
    """Add up one partition of the lake.

    Args:
        connection: to any DuckDB, within whose memory limit it stays.
        part: the partition: a path or an address.
        service: whose trips.
        month: first day of the file's month.
    """
    pickup, dropoff = (
        column.name for column in columns_of(service) if column.type == TIME and column.required
    )
    trips = f"read_parquet({quote_literal(part)}, hive_partitioning = false)"
    rows, unparseable, nulls = _completeness(connection, trips, service)
    clock = _clock(connection, trips, pickup, month)
    zones, dropoff_zones, on_the_map = _map(connection, trips, MILES.get(service))
    cut, longest = reject_limits()
    miles = MILES.get(service)
    lengths = fetch_row(
        connection,
        f"""select
            count(*) filter (seconds < -{cut}),
            count(*) filter (seconds > 3600 * {longest}),
            count(*) filter (seconds > 3600 * 3),
            count(*) filter (coalesce(seconds, 0) = 0),
            count(*) filter ({f"coalesce({miles}, 0) = 0" if miles else "false"})
        from (select *, date_diff('second', {pickup}, {dropoff}) as seconds from {trips})""",
    )
    profile = Profile(
        PROFILE_VERSION, rows, unparseable, nulls, *clock,
        _codes(connection, trips, service), zones, dropoff_zones,
        **dict(zip((*_ON_THE_MAP, *_LENGTHS), (*on_the_map, *lengths), strict=True)),
    )  # fmt: skip
    if service not in FARE:
        return profile
    values = {
        **asdict(profile),
        **amounts(connection, trips, service),
        **alike(connection, trips, service, pickup, rows),
    }
    if service.is_metered:
        values |= meter(connection, trips, pickup, dropoff)
    else:
        values |= taxes(connection, trips, pickup)
    return Profile(**values)


def _completeness(
    connection: duckdb.DuckDBPyConnection, trips: str, service: Service
) -> tuple[int, int, dict[str, int]]:
    names = [column.name for column in columns_of(service) if column.required]
    counted = ", ".join(f"count({quote_identifier(name)})" for name in names)
    rows, unparseable, *filled = fetch_row(
        connection, f"select count(*), count(raw_line), {counted} from {trips}"
    )
    nulls = {name: rows - unparseable - number for name, number in zip(names, filled, strict=True)}
    return rows, unparseable, nulls


def _clock(
    connection: duckdb.DuckDBPyConnection, trips: str, pickup: str, month: date
) -> tuple[list[int], list[int], int, int, int | None, int]:
    """Pickups per day and hour, and empty hours: the fields of the profile from ``days`` to ``outside``, in order."""
    counts = connection.execute(
        f"select cast({pickup} as date), hour({pickup}), count(*) from {trips}"
        f" where {pickup} is not null group by 1, 2"
    ).fetchall()
    days = month_days(month)
    per_hour: Counter[int] = Counter()
    per_day: Counter[date] = Counter()
    pickups: Counter[datetime] = Counter()
    outside = 0
    for day, hour, number in counts:
        if isinstance(day, date) and days[0] <= day <= days[-1]:  # DuckDB gives far years as text
            per_day[day] += number
            per_hour[hour] += number
            pickups[datetime(day.year, day.month, day.day, hour)] += number
        else:
            outside += number
    start = datetime(month.year, month.month, 1)
    hours = [start + timedelta(hours=number) for number in range(24 * len(days))]
    expected = {
        hour: mean
        for hour in hours
        if (mean := (per_hour[hour.hour] - pickups[hour]) / (len(days) - 1)) >= EXPECTED_PICKUPS
        and _exists(hour)
    }
    edges = [hour for hour in (hours[0], hours[-1]) if hour in expected]
    gap = longest = 0
    for hour in hours:
        gap = 0 if pickups[hour] else gap + 1
        longest = max(longest, gap)
    return (
        [per_day[day] for day in days],
        [per_hour[hour] for hour in range(24)],
        longest,
        sum(not pickups[hour] for hour in expected),
        sum(pickups[hour] <= expected[hour] / 10 for hour in edges) if edges else None,
        outside,
    )


def _exists(hour: datetime) -> bool:
    """Whether New York's clocks show this hour: on a Sunday in March they go from 2:00 to 3:00."""
    local = hour.replace(tzinfo=_NEW_YORK)
    return local.astimezone(UTC).astimezone(_NEW_YORK).hour == hour.hour


def _codes(
    connection: duckdb.DuckDBPyConnection, trips: str, service: Service
) -> dict[str, dict[str, int]]:
    names = CODE_COLUMNS[service]
    if not names:
        return {}
    counted: dict[str, Counter[str]] = {name: Counter() for name in names}
    listed = ", ".join(names)
    for *values, number in connection.execute(
        f"select {listed}, count(*) from {trips} group by {listed}"
    ).fetchall():
        for name, value in zip(names, values, strict=True):
            if value is not None:
                counted[name][str(value)] += number
    return {name: dict(sorted(values.items())) for name, values in counted.items()}


def _map(
    connection: duckdb.DuckDBPyConnection, trips: str, distance: str | None
) -> tuple[dict[str, int], dict[str, int], tuple[Any, ...]]:
    """Rows per pickup and per dropoff zone, and how the miles of trips that can be put on the map agree with it."""
    plausible = f"{distance} > 0 and {distance} < 100" if distance else "false"
    miles = f"cast({distance} as double)" if distance else "0.0"
    connection.execute(
        f"""create or replace temp table pairs as select
            coalesce(pulocationid, {_UNKNOWN_ZONE}) as pickup_zone,
            coalesce(dolocationid, {_UNKNOWN_ZONE}) as dropoff_zone,
            count(*) as trips,
            count(*) filter ({plausible}) as measured,
            coalesce(sum({miles}) filter ({plausible}), 0) as miles,
            coalesce(sum({miles} * {miles}) filter ({plausible}), 0) as squares
        from {trips} group by 1, 2"""
    )
    zones, dropoff_zones = (
        {
            str(zone): number
            for zone, number in connection.execute(
                f"select case when {side} between 1 and 263 then {side} else {_UNKNOWN_ZONE} end as zone,"
                " cast(sum(trips) as bigint) from pairs group by 1 order by 1"
            ).fetchall()
        }
        for side in ("pickup_zone", "dropoff_zone")
    )
    # The correlation of Pearson from sums per pair of zones; both miles have the pair's trips as weight.
    measures = fetch_row(
        connection,
        f"""with points as (
            from read_csv({quote_literal(seed_path("zone_points"))}, header = true)
        ), spans as (
            select measured as n, miles, squares, {_MILES_PER_DEGREE} * sqrt(
                power(there.latitude - here.latitude, 2)
                + power((there.longitude - here.longitude) * {_COS_LATITUDE}, 2)
            ) as span
            from pairs
            inner join points as here on pickup_zone = here.location_id
            inner join points as there on dropoff_zone = there.location_id
            where measured > 0
        )
        select coalesce(sum(n), 0)::bigint, round(
            (sum(n) * sum(miles * span) - sum(miles) * sum(n * span)) / nullif(
                sqrt(greatest(sum(n) * sum(squares) - power(sum(miles), 2), 0))
                * sqrt(greatest(sum(n) * sum(n * span * span) - power(sum(n * span), 2), 0)),
            0), 4),
            coalesce(round(sum(miles) filter (span > 0), 2), 0)::double,
            coalesce(round(sum(n * span) filter (span > 0), 2), 0)::double
        from spans""",
    )
    return zones, dropoff_zones, measures
