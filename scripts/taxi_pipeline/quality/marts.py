"""What is expected of the marts after a build, on any target: days without holes, months like those before them.

A new mart gets a function from a reader to a suite, and a place in ``SUITES``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from taxi_pipeline.quality.checks import Suite, is_comparable, median_of, ratio
from taxi_pipeline.quality.definitions import MIN_PREVIOUS, SMALLEST_MONTH_ROWS, definitions
from taxi_pipeline.quality.lake_month import MAX_PREVIOUS
from taxi_pipeline.quality.profile import month_days
from taxi_pipeline.warehouses import Reader

MIN_DAY_TRIPS = 100
"""A day with fewer is a matter of chance: its ratio to its weekday swings by a fifth."""

TRAILING_WEEKS = 4
"""The same weekday in so many weeks before a day: near enough to share its season."""

_FILES = """
select service_type, file_month, row_count from fact_file_completeness
order by service_type, file_month
"""

_REJECTED = """
select
    files.service_type,
    files.file_month,
    files.row_count,
    coalesce(sum(rejects.row_count), 0) as rejected_row_count
from mart_source_completeness as files
left join mart_monthly_rejects as rejects
    on
        files.service_type = rejects.service_type
        and files.file_month = rejects.file_month
group by files.service_type, files.file_month, files.row_count
order by files.service_type, files.file_month
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
    large = [file for file in _loaded_files(reader) if file.rows >= SMALLEST_MONTH_ROWS]
    by_service: dict[str, dict[date, Mapping[str, Any]]] = defaultdict(dict)
    for row in reader.select(_DAYS):
        by_service[row["service_type"]][_day(row["pickup_date"])] = row
    days = [
        row
        for file in large
        for row in _day_rows(file.service, month_days(file.month), by_service[file.service])
    ]
    checks, skipped = definitions().apply(
        list(definitions().of("mart_daily_service_summary")), {"days": days}, {}
    )
    return Suite(
        "mart-daily-service-summary",
        "mart_daily_service_summary",
        {"days": days},
        checks,
        skipped,
        {
            "Days": f"{len(days):,} of the {len(large)} months with {SMALLEST_MONTH_ROWS:,} rows or more",
            "Read from": reader.engine,
        },
    )


def monthly_suite(reader: Reader) -> Suite:
    """What is expected of ``mart_monthly_zone_revenue``."""
    rows = [
        {**row, "month": _day(row["file_month"])}
        for row in reader.select(_MONTHS)
        if int(row["row_count"]) >= _MIN_MONTH_TRIPS
    ]
    months = [_month_row(row, _year_before(row, rows)) for row in rows]
    checks, skipped = definitions().apply(
        list(definitions().of("mart_monthly_zone_revenue")), {"months": months}, {}
    )
    return Suite(
        "mart-monthly-zone-revenue",
        "mart_monthly_zone_revenue",
        {"months": months},
        checks,
        skipped,
        {"Months": f"{len(months)}", "Read from": reader.engine},
    )


def files_suite(reader: Reader) -> Suite:
    """What is expected of every loaded file once its rows are accepted or rejected."""
    files = [
        {
            "key": f"{row['service_type']} {_day(row['file_month']):%Y-%m}",
            "share_rejected": ratio(float(row["rejected_row_count"]), float(row["row_count"])),
        }
        for row in reader.select(_REJECTED)
        if int(row["row_count"]) >= _MIN_MONTH_TRIPS
    ]
    checks, skipped = definitions().apply(
        list(definitions().of("mart_source_completeness")), {"files": files}, {}
    )
    return Suite(
        "mart-source-completeness",
        "mart_source_completeness",
        {"files": files},
        checks,
        skipped,
        {"Files": f"{len(files)}", "Read from": reader.engine},
    )


SUITES: tuple[Callable[[Reader], Suite], ...] = (files_suite, daily_suite, monthly_suite)
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
    """The comparable months of the year before, small files apart from large ones."""
    is_large = int(row["row_count"]) >= SMALLEST_MONTH_ROWS
    return [
        other
        for other in rows
        if other["service_type"] == row["service_type"]
        and timedelta(0) < row["month"] - other["month"] < timedelta(days=31 * MAX_PREVIOUS)
        and is_comparable(row["service_type"], other["month"], row["month"])
        and (int(other["row_count"]) >= SMALLEST_MONTH_ROWS) == is_large
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
