"""What is expected of the marts after a build, on any target: days without holes, months like those before them.

A new mart gets a function from a reader to a suite, and a place in ``SUITES``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from taxi_pipeline.quality.checks import Draft, Suite, is_comparable, median_of, ratio
from taxi_pipeline.quality.lake_month import MAX_PREVIOUS, MIN_PREVIOUS, WHOLE_MONTH_ROWS
from taxi_pipeline.quality.profile import month_days
from taxi_pipeline.warehouses import Reader

MIN_DAY_TRIPS = 100
"""A day with fewer is a matter of chance: its ratio to its weekday swings by a fifth."""

TRAILING_WEEKS = 4
"""The same weekday in so many weeks before a day: near enough to share its season."""

_FILES = """
select service_type, file_month, row_count from stg_ingested_files
where superseded_at is null
order by service_type, file_month
"""

_DAYS = """
select service_type, pickup_date, trip_count, fare_amount, card_trip_count, card_fare_amount, card_tip_amount
from mart_daily_service_summary
order by service_type, pickup_date
"""

_MONTHS = """
select
    service_type,
    file_month,
    cast(sum(row_count) as bigint) as row_count,
    cast(sum(trip_count) as bigint) as trip_count,
    cast(sum(voided_row_count) as bigint) as voided_row_count,
    cast(sum(card_trip_count) as bigint) as card_trip_count,
    cast(sum(case when pickup_zone_id in (264, 265) then trip_count else 0 end) as bigint) as unknown_zone_trip_count,
    cast(max(trip_count) as bigint) as busiest_zone_trip_count,
    sum(fare_amount) as fare_amount,
    sum(total_amount) as total_amount
from mart_monthly_zone_revenue
group by service_type, file_month
order by service_type, file_month
"""


def daily_suite(reader: Reader) -> Suite:
    """What is expected of ``mart_daily_service_summary``."""
    whole = [file for file in _loaded_files(reader) if file.rows >= WHOLE_MONTH_ROWS]
    by_service: dict[str, dict[date, Mapping[str, Any]]] = defaultdict(dict)
    for row in reader.select(_DAYS):
        by_service[row["service_type"]][_day(row["pickup_date"])] = row
    days = [
        row
        for file in whole
        for row in _day_rows(file.service, month_days(file.month), by_service[file.service])
    ]
    draft = Draft("days")
    none = None if days else f"no loaded month has {WHOLE_MONTH_ROWS:,} rows"
    draft.between(
        "every_day_of_every_loaded_month_has_trips",
        "trips",
        least=1,
        severity="critical",
        sees="a day missing from a file, or lost on the way to the mart",
        reason=f"No day of a real month is empty. Months of fewer than {WHOLE_MONTH_ROWS:,} rows are "
        "excerpts and left out.",
        unless=none,
    )
    _between_where_known(
        draft,
        days,
        "trips_of_a_day_are_like_those_of_its_weekday",
        "trips_to_weekday",
        least=0.1,
        most=4,
        sees="most of a day missing, a day loaded many times",
        reason=(
            f"Trips against the median of the same weekday in the {TRAILING_WEEKS} weeks before. "
            "A snowstorm leaves a fifth; a tenth is no weather."
        ),
        none="no day has three such weekdays before it",
    )
    _between_where_known(
        draft,
        days,
        "fare_of_a_day_is_like_that_of_its_weekday",
        "mean_fare_to_weekday",
        least=0.6,
        most=1.6,
        sees="fares doubled or halved from a day on",
        reason=(
            "Mean fare against the median of the same weekday in the weeks before. Green 2024-01, "
            "a small month, moves between 0.99 and 1.08; the rise of the tariff in 2022-12 was "
            "1.2 to 1.3."
        ),
        none="no day with fares has three such weekdays before it",
    )
    _between_where_known(
        draft,
        days,
        "tips_on_card_are_a_plausible_share_of_fares",
        "card_tip_share",
        least=0.05,
        most=0.4,
        sees="tips lost, doubled, or spread over cash fares",
        reason=(
            "Card tips by card fares of a day: 0.17 to 0.27 in real months. Cash tips are not "
            "recorded, so a share over all fares would be far lower."
        ),
        none="no day has enough trips by card",
    )
    return Suite(
        "mart-daily-service-summary",
        "mart_daily_service_summary",
        {"days": days},
        draft.checks,
        draft.skipped,
        {"Days": f"{len(days):,} of {len(whole)} whole months", "Read from": reader.engine},
    )


def monthly_suite(reader: Reader) -> Suite:
    """What is expected of ``mart_monthly_zone_revenue``."""
    rows = [
        {**row, "month": _day(row["file_month"])}
        for row in reader.select(_MONTHS)
        if int(row["row_count"]) >= _MIN_MONTH_TRIPS
    ]
    months = [_month_row(row, _year_before(row, rows)) for row in rows]
    draft = Draft("months")
    none = f"no month has {_MIN_MONTH_TRIPS:,} rows"
    for name, column, most, sees, reason in (
        (
            "hardly_any_row_is_voided",
            "share_voided",
            0.05,
            "trips taken for reversals of each other",
            "Rows of reversal pairs among all rows: 0.6 % in green 2024-01.",
        ),
        (
            "hardly_any_trip_starts_in_an_unknown_zone",
            "share_unknown_zone",
            0.05,
            "zones lost on the way to the mart",
            "Twice the 0.9 to 2.5 % of real yellow months.",
        ),
        (
            "no_zone_holds_half_of_the_trips",
            "share_busiest_zone",
            0.5,
            "zones collapsed into one",
            "The busiest zone has 4 to 5 % of yellow and up to 22 % of green trips in real months.",
        ),
    ):
        _between_where_known(
            draft, months, name, column, most=most, sees=sees, reason=reason, none=none
        )
    few = f"no month has {MIN_PREVIOUS} comparable months before it"
    drifts: tuple[tuple[str, str, float, float, str, str], ...] = (
        (
            "trips_of_a_month_are_like_those_of_the_months_before",
            "trips_ratio",
            0.5,
            2,
            "part of a month missing, a month counted twice",
            "As for the lake's volume_ratio: all published months since 2016-07 lie within 0.64 and 1.35.",
        ),
        (
            "revenue_per_trip_is_like_that_of_the_months_before",
            "revenue_per_trip_ratio",
            0.65,
            1.4,
            "money doubled or lost between file and mart",
            "As for the lake's mean_fare_ratio; total_amount moves less than the fare, since surcharges change rarely.",
        ),
        (
            "share_of_card_is_like_that_of_the_months_before",
            "card_share_change",
            -0.15,
            0.15,
            "payment types mapped to the wrong member",
            "Among all trips, dispatched ones included. Between real yellow months of 2019: 0.014.",
        ),
        (
            "share_of_unknown_zones_is_like_that_of_the_months_before",
            "unknown_zone_change",
            -0.03,
            0.03,
            "zones lost",
            "Real yellow months: 0.9 to 2.5 %.",
        ),
    )
    for name, column, least, most, sees, reason in drifts:
        _between_where_known(
            draft,
            months,
            name,
            column,
            least=least,
            most=most,
            sees=sees,
            reason=reason,
            none=few,
        )
    return Suite(
        "mart-monthly-zone-revenue",
        "mart_monthly_zone_revenue",
        {"months": months},
        draft.checks,
        draft.skipped,
        {"Months": f"{len(months)}", "Read from": reader.engine},
    )


SUITES: tuple[Callable[[Reader], Suite], ...] = (daily_suite, monthly_suite)
"""The suites of the marts, in the order in which they are judged."""

_MIN_MONTH_TRIPS = 1_000


@dataclass(frozen=True)
class _File:
    service: str
    month: date
    rows: int


def _loaded_files(reader: Reader) -> Iterator[_File]:
    for row in reader.select(_FILES):
        yield _File(row["service_type"], _day(row["file_month"]), int(row["row_count"]))


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)  # drivers give decimals as Decimal or text


def _between_where_known(
    draft: Draft,
    rows: Sequence[Mapping[str, Any]],
    name: str,
    column: str,
    *,
    least: float | None = None,
    most: float,
    sees: str,
    reason: str,
    none: str,
) -> None:
    """Expect a measure, which not every row has, to lie within bounds; skip it where no row has it."""
    known = any(row[column] is not None for row in rows)
    draft.between(
        name,
        column,
        least=least,
        most=most,
        severity="warning",
        sees=sees,
        reason=reason,
        unless=None if known else none,
    )


def _day_rows(
    service: str, days: Sequence[date], by_day: Mapping[date, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    for day in days:
        row = by_day.get(day, {})
        before = [
            by_day[earlier]
            for weeks in range(1, TRAILING_WEEKS + 1)
            if (earlier := day - timedelta(weeks=weeks)) in by_day
            and int(by_day[earlier]["trip_count"]) >= MIN_DAY_TRIPS
            and is_comparable(service, earlier, day)
        ]
        trips = int(row.get("trip_count", 0))
        cards = int(row.get("card_trip_count", 0))
        yield {
            "key": f"{service} {day}",
            "trips": trips,
            "trips_to_weekday": ratio(
                trips, median_of([float(b["trip_count"]) for b in before], 3)
            ),
            "mean_fare_to_weekday": ratio(
                _mean_fare(row) if row else None, median_of([_mean_fare(b) for b in before], 3)
            ),
            "card_tip_share": ratio(
                _number(row["card_tip_amount"]), _number(row["card_fare_amount"])
            )
            if cards >= MIN_DAY_TRIPS
            else None,
        }


def _mean_fare(row: Mapping[str, Any]) -> float | None:
    return ratio(_number(row["fare_amount"]), float(row["trip_count"]))


def _year_before(
    row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The comparable months of the year before, whole months and excerpts apart."""
    is_whole = int(row["row_count"]) >= WHOLE_MONTH_ROWS
    return [
        other
        for other in rows
        if other["service_type"] == row["service_type"]
        and timedelta(0) < row["month"] - other["month"] < timedelta(days=31 * MAX_PREVIOUS)
        and is_comparable(row["service_type"], other["month"], row["month"])
        and (int(other["row_count"]) >= WHOLE_MONTH_ROWS) == is_whole
    ]


def _month_row(row: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def share(of: Mapping[str, Any], column: str) -> float | None:
        return ratio(_number(of[column]), float(of["trip_count"]))

    def against(column: str) -> tuple[float | None, float | None]:
        return share(row, column), median_of(
            [share(other, column) for other in before], MIN_PREVIOUS
        )

    def change(column: str) -> float | None:
        this, typical = against(column)
        return None if this is None or typical is None else round(this - typical, 4)

    trips = median_of([float(other["trip_count"]) for other in before], MIN_PREVIOUS)
    return {
        "key": f"{row['service_type']} {row['month']:%Y-%m}",
        "share_voided": ratio(float(row["voided_row_count"]), float(row["row_count"])),
        "share_unknown_zone": share(row, "unknown_zone_trip_count"),
        "share_busiest_zone": share(row, "busiest_zone_trip_count"),
        "trips_ratio": ratio(float(row["trip_count"]), trips),
        "revenue_per_trip_ratio": ratio(*against("total_amount")),
        "card_share_change": change("card_trip_count"),
        "unknown_zone_change": change("unknown_zone_trip_count"),
    }
