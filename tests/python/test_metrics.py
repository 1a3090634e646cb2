"""The metrics by MetricFlow's own commands: every number is the marts' number."""

import csv
import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conftest import SharedBuild
from servers.postgres import run_postgres
from taxi_pipeline.sample import write_sample
from trip_files import restate
from warehouse import REPOSITORY, Warehouse, copy_project

pytestmark = pytest.mark.build  # `mf` on a build

IS_METERED = "service_type in ('Yellow', 'Green')"
METERED = f"case when {IS_METERED} then trip_count end"
FARES = f"sum(case when {IS_METERED} then fare_amount end)"
RIDES = "sum(case when rider_payment_amount is not null then row_count end)"

SUMS = {
    "trips": "sum(trip_count)",
    "metered_trips": f"sum({METERED})",
    "accepted_rows": "sum(row_count)",
    "revenue": f"sum(case when {IS_METERED} then total_amount end)",
    "fares": FARES,
    "rider_payments": "sum(case when service_type = 'HVFHV' then total_amount end)",
    "driver_pay": "sum(driver_pay_amount)",
    "paid_rides": RIDES,
    "wait_seconds": "sum(wait_seconds)",
    "wait_trips": "sum(wait_trip_count)",
    "card_fares": "sum(card_fare_amount)",
    "card_tips": "sum(card_tip_amount)",
    "distance_miles": "sum(trip_distance_miles)",
    "distance_trips": "sum(distance_trip_count)",
    "duration_seconds": "sum(trip_duration_seconds)",
    "duration_trips": "sum(duration_trip_count)",
}
"""Metrics that add up, as either mart has them."""

RATIOS = {
    "revenue_per_trip": f"sum(metered_revenue_amount) / nullif(sum({METERED}), 0)",
    "average_fare": f"{FARES} / nullif(sum({METERED}), 0)",
    "rider_payment_per_ride": f"sum(rider_payment_amount) / nullif({RIDES}, 0)",
    "driver_pay_per_ride": f"sum(driver_pay_amount) / nullif({RIDES}, 0)",
    "average_wait_seconds": "sum(wait_seconds) / nullif(sum(wait_trip_count), 0)",
    "card_tip_rate": "sum(card_tip_amount) / nullif(sum(card_fare_amount), 0)",
    "average_distance_miles": "sum(trip_distance_miles) / nullif(sum(distance_trip_count), 0)",
    "average_duration_seconds": "sum(trip_duration_seconds) / nullif(sum(duration_trip_count), 0)",
}
"""Metrics that divide one sum by another, as either mart has them."""

REJECTS = ("rejected_rows", "source_rows", "reject_rate")
GROWTH = ("revenue_growth_year_on_year", "trips_growth_year_on_year")

Rows = dict[tuple[str, ...], list[Any]]


def keyed(rows: Sequence[Sequence[Any]], keys: int) -> Rows:
    """Rows by their first columns; a day is written alike whether an engine calls it date or timestamp."""
    found: Rows = {
        tuple(str(value).split(" 00:00:00")[0] for value in row[:keys]): list(row[keys:])
        for row in rows
    }
    assert len(found) == len(rows)
    return found


@dataclass(frozen=True)
class Metrics:
    """A warehouse that MetricFlow asks, and the marts that know better.

    Attributes:
        warehouse: built; ``mf`` asks its default target.
        marts: the same files built on DuckDB, for plain SQL.
    """

    warehouse: Warehouse
    marts: Warehouse

    def ask(self, metrics: Sequence[str], by: Sequence[str] = (), *options: str) -> Rows:
        """Run ``mf query``; its numbers as decimals, by what they are grouped by."""
        table = self.warehouse.data / "answer.csv"
        grouped = ("--group-by", ",".join(by)) if by else ()
        asked = ("--metrics", ",".join(metrics), *grouped, *options)
        self.warehouse.mf("query", "--quiet", *asked, "--csv", str(table))
        with table.open() as lines:
            rows = [
                [row[name] for name in by]
                + [Decimal(row[name]) if row[name] else None for name in metrics]
                for row in csv.DictReader(lines)
            ]
        return keyed(rows, len(by))

    def assert_equal(
        self, sql: str, metrics: Sequence[str], by: Sequence[str] = (), *options: str
    ) -> Rows:
        """Compare with SQL that gives the same columns: sums exactly, quotients as doubles allow."""
        answer = self.ask(metrics, by, *options)
        expected = keyed(self.marts.query(sql), len(by))
        assert answer.keys() == expected.keys()
        for key, values in expected.items():
            for name, value, asked in zip(metrics, values, answer[key], strict=True):
                if value is None or asked is None:
                    assert value is asked, (name, key, value, asked)
                elif name in {*SUMS, "rejected_rows", "source_rows"}:
                    assert asked == value, (name, key)
                else:
                    assert math.isclose(asked, value, rel_tol=1e-9, abs_tol=1e-12), (name, key)
        return answer


@pytest.fixture(scope="module")
def two_years(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The sample's quarter, and of the year before two months of green and one of yellow, other numbers of trips."""
    folder = tmp_path_factory.mktemp("metrics")
    write_sample(folder / "files", 0.1)
    for name, rows in (("green_{}-10", 300), ("green_{}-11", 5), ("yellow_{}-10", 200)):
        new, old = (f"{name.format(f'tripdata_{year}')}.parquet" for year in (2025, 2024))
        prefix = "lpep" if name.startswith("green") else "tpep"
        times = ", ".join(
            f"{prefix}_{event}_datetime - interval 1 year as {prefix}_{event}_datetime"
            for event in ("pickup", "dropoff")
        )
        select = f"* replace ({times})"
        made = restate(folder / "files" / new, folder / "before", select, limit=rows)
        made.rename(folder / "files" / old)
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("ingest", str(folder / "files"))
    warehouse.taxi("build")
    return warehouse


@pytest.fixture(scope="module")
def real(real_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return real_run.copy(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def on_postgres(two_years: Warehouse) -> Iterator[Warehouse]:
    """The two years again, on a server; DBT_TARGET sends ``mf`` there."""
    with run_postgres() as server:
        variables = {**server.environment, "DBT_TARGET": "postgres"}
        warehouse = replace(two_years, variables=variables)
        for command in ("load", "build"):
            warehouse.taxi(command, "--target", "postgres")
        yield warehouse


@pytest.fixture(
    scope="module",
    params=[
        "two_years",
        pytest.param("real", marks=pytest.mark.full),  # once more on real files
        pytest.param("on_postgres", marks=pytest.mark.full),  # a server
    ],
)
def metrics(request: pytest.FixtureRequest) -> Metrics:
    warehouse: Warehouse = request.getfixturevalue(request.param)
    return Metrics(warehouse, replace(warehouse, variables={}))


def columns(metrics: Sequence[str]) -> str:
    """What a mart says of metrics, as columns."""
    return ", ".join({**SUMS, **RATIOS}[name] for name in metrics)


def test_every_metric_is_compared_here(two_years: Warehouse) -> None:
    manifest = json.loads((two_years.project / "target" / "semantic_manifest.json").read_text())
    defined = {metric["name"] for metric in manifest["metrics"]}
    assert defined == {*SUMS, *RATIOS, *REJECTS, *GROWTH}


def test_months_zones_and_boroughs_are_those_of_the_revenue_mart(metrics: Metrics) -> None:
    names = [*SUMS, *RATIOS]
    metrics.assert_equal(
        f"select revenue_month, mart.service_type, zone_id, borough, {columns(names)}"
        " from mart_monthly_zone_revenue as mart join dim_zones on pickup_zone_id = zone_id group by all",
        names,
        ["metric_time__month", "service_type", "pickup_zone", "pickup_zone__borough"],
        "--where",
        "{{ Entity('service_type') }} <> 'FHV'",
    )


def test_completeness_is_that_of_the_marts(metrics: Metrics) -> None:
    names = [*SUMS, *RATIOS]
    metrics.assert_equal(
        f"select revenue_month, service_type, month_completeness, {columns(names)}"
        " from mart_monthly_zone_revenue where month_completeness <> 'whole' group by all",
        names,
        ["metric_time__month", "service_type", "file__month_completeness"],
        "--where",
        "{{ Entity('service_type') }} <> 'FHV' and {{ Dimension('file__month_completeness') }} <> 'whole'",
    )


def test_days_are_those_of_the_daily_mart(metrics: Metrics) -> None:
    names = [*SUMS, *RATIOS]
    days = metrics.assert_equal(
        f"select pickup_date, service_type, {columns(names)} from mart_daily_service_summary group by all",
        names,
        ["trip__pickup_date__day", "service_type"],
    )
    fhv = [dict(zip(names, days[key], strict=True)) for key in days if key[1] == "FHV"]
    assert fhv
    assert all(day["revenue"] is None and day["revenue_per_trip"] is None for day in fhv)


def test_fhv_trips_count_but_do_not_dilute_what_a_trip_takes(metrics: Metrics) -> None:
    names = ["trips", "metered_trips", "revenue", "revenue_per_trip", "average_fare"]
    sql = f"select {columns(names)} from mart_daily_service_summary"
    [[trips, metered, revenue, per_trip, _]] = metrics.assert_equal(sql, names).values()
    assert trips > metered
    assert math.isclose(per_trip, revenue / metered, rel_tol=1e-9)


def test_what_is_rejected_is_divided_by_the_rows_of_the_files(metrics: Metrics) -> None:
    rejects = metrics.assert_equal(
        "select file_month, service_type, rejected, source_rows, rejected / source_rows from ("
        "  select files.file_month, files.service_type, any_value(row_count) as source_rows, count(trip_id) as rejected"
        "  from stg_ingested_files as files left join rejected_trips using (file_month, service_type)"
        "  group by all)",
        REJECTS,
        ["metric_time__month", "service_type"],
    )
    assert {rejected > 0 for rejected, *_ in rejects.values()} == {True, False}


@pytest.mark.parametrize("metrics", ["two_years", "on_postgres"], indirect=True)
def test_growth_compares_a_month_with_the_same_month_a_year_before(metrics: Metrics) -> None:
    growth = metrics.assert_equal(
        "with months as ("
        "  select file_month, service_type, sum(metered_revenue_amount) as revenue, sum(trip_count) as trips"
        "  from mart_monthly_zone_revenue group by all)"
        " select file_month, service_type, months.revenue / before.revenue - 1, months.trips / before.trips - 1"
        " from months full join ("
        "  select file_month + interval 1 year as file_month, service_type, revenue, trips from months"
        " ) as before using (file_month, service_type)",
        GROWTH,
        ["metric_time__month", "service_type"],
        "--where",
        "{{ Entity('service_type') }} <> 'FHV'",
    )
    compared = {key for key, values in growth.items() if None not in values}
    assert compared == {("2025-10-01", "Green"), ("2025-10-01", "Yellow"), ("2025-11-01", "Green")}


def test_the_queries_of_the_manual_run(two_years: Warehouse) -> None:
    """The example shows how whole its months are; each filter of the table is one that MetricFlow takes."""
    page = (REPOSITORY / "docs" / "metrics.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^mf (query (?:.*\\\n)*.*)$", page, re.MULTILINE)
    arguments = shlex.split(example.replace("\\\n", " "))
    two_years.dbt("parse")  # another target of the same project may have been parsed last
    answer = two_years.mf(*arguments)
    assert "file__month_completeness" in answer
    assert answer.count("synthetic") >= len(("Yellow", "Green", "FHV", "HVFHV"))
    filters = re.findall(r"`(--where \".+\")`", page)
    assert len(filters) == 3
    found = [
        two_years.mf("query", "--metrics", "trips", "--group-by", "service_type", *shlex.split(one))
        for one in filters
    ]
    services = [sorted(re.findall(r"Yellow|Green|HVFHV|FHV", text)) for text in found]
    assert services == [["FHV", "Green", "HVFHV", "Yellow"], [], ["Green"]]


def test_the_definitions_are_valid(metrics: Metrics) -> None:
    printed = metrics.warehouse.mf("validate-configs", "--show-all")
    assert printed.count("(ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0)") == 6


def test_a_definition_that_asks_for_what_is_not_there_is_invalid(
    two_years: Warehouse, tmp_path: Path
) -> None:
    broken = replace(two_years, project=copy_project(tmp_path / "project"))
    models = broken.project / "models" / "marts" / "metrics" / "_semantic_models.yml"
    models.write_text(models.read_text().replace("then trip_duration_seconds", "then minutes"))
    broken.taxi("docs")
    printed = broken.mf("validate-configs", exit_code=1)
    assert "not is_voided then minutes end AS __duration_seconds" in printed
