"""`taxi explain` against SQL of its own: on the lake's Parquet and on the tables, on real files and planted faults."""

import hashlib
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from conftest import SharedBuild
from points import ZONES, zone_by_shapely
from real_files import real_file
from servers.postgres import run_postgres
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.explain import (
    MARTS,
    CellExplanation,
    CellKey,
    Row,
    Select,
    Thresholds,
    TripExplanation,
    explain_cell,
    explain_trip,
    parse_cell,
    parse_trip_id,
    read_thresholds,
    to_json,
)
from taxi_pipeline.explain.ingested import find_ingested_values
from taxi_pipeline.explain.points import show_point
from taxi_pipeline.sample import MONTHS, planted
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import open_reader
from taxi_pipeline.warehouses.embedded import open_embedded
from trip_files import FHV_HEADER
from warehouse import Warehouse, address, copy_project

MONTHLY, DAILY = MARTS["monthly_zone_revenue"], MARTS["daily_service_summary"]
SHARE = MARTS["market_share"]
SEED = 20261121
SERVICES = {service.label: service for service in Service}

# The rules once more: from the README's words and not from the models, on the lake's files and not through staging.
_EXPECTED = """
create table expected as
with reported as (
    {services}
), timed as (
    select *, date_diff('second', pickup, dropoff) as clock,
        dropoff < pickup and month(pickup) = 11 and day(pickup) <= 7 and isodow(pickup) = 7 and hour(pickup) = 1
            and hour(dropoff) = 1 and dropoff::date = pickup::date as is_clock_change,
        service_type = 'FHV' and year(dropoff) >= 3000 as is_dummy,
        service_type in ('Yellow', 'Green')
            and row_number() over (partition by service_type, file_month, everything order by source_row) > 1 as is_copy
    from reported
), lasting as (
    select *,
        case when is_dummy then null when is_clock_change then clock + 3600 when clock between -60 and -1 then 0
            else clock end as seconds
    from timed
)
select *,
    case
        when raw_line is not null then 'unparseable'
        when pickup is null then 'pickup_missing'
        when pickup < file_month - interval 1 day or pickup >= file_month + interval 1 month + interval 1 day
            then 'pickup_outside_file_month'
        when seconds < 0 then 'dropoff_before_pickup'
        when seconds > 86400 then 'duration_over_24h'
        when is_copy then 'exact_duplicate'
    end as reason,
    case when zone between 1 and 265 then zone else 264 end as cell_zone,
    pickup::date as cell_day
from lasting
"""
_REPORTED = """
    select trip_id, service_type, file_month, source_row, raw_line, {time[0]} as pickup, {time[1]} as dropoff,
        pulocationid as zone, dolocationid as dropoff_zone, {metered}
        hash(*columns(* exclude (trip_id, source_row, ingested_at, file_row_number))) as everything
    from read_parquet('{path}', hive_partitioning = false, file_row_number = true)
"""
_FIGURES = {
    "vendor": "vendorid",
    "miles": "trip_distance",
    "fare": "fare_amount",
    "tip": "tip_amount",
    "total": "total_amount",
    "is_card": "coalesce(payment_type = 1, false)",
    "is_dispatched": "passenger_count is null and ratecodeid is null and raw_line is null",
    "license": "'not_applicable'",
}
_FIGURES_OF_HVFHV = {
    **dict.fromkeys(_FIGURES, "null"),
    "license": "case when upper(trim(hvfhs_license_num)) in ('HV0002', 'HV0003', 'HV0004', 'HV0005')"
    " then upper(trim(hvfhs_license_num)) else 'unknown' end",
    "miles": "trip_miles",
    "fare": "base_passenger_fare",
    "tip": "tips",
    "total": "coalesce(base_passenger_fare, 0) + coalesce(tolls, 0) + coalesce(bcf, 0) + coalesce(sales_tax, 0)"
    " + coalesce(congestion_surcharge, 0) + coalesce(airport_fee, 0) + coalesce(cbd_congestion_fee, 0)"
    " + coalesce(tips, 0)",
}


def expected_sql(lake: Path) -> str:
    """Every row of the lake with what must become of it."""
    times = {
        "yellow": ("tpep_pickup_datetime", "tpep_dropoff_datetime"),
        "green": ("lpep_pickup_datetime", "lpep_dropoff_datetime"),
        "fhv": ("pickup_datetime", "dropoff_datetime"),
        "fhvhv": ("pickup_datetime", "dropoff_datetime"),
    }
    figures = {
        "fhv": dict.fromkeys(_FIGURES, "null") | {"license": _FIGURES["license"]},
        "fhvhv": _FIGURES_OF_HVFHV,
    }
    parts = []
    for service, time in times.items():
        parts.append(
            _REPORTED.format(
                time=time,
                metered="".join(
                    f"{sql} as {name}, " for name, sql in figures.get(service, _FIGURES).items()
                ),
                path=str(lake / service / "*" / "*.parquet").replace("'", "''"),
            )
        )
    return _EXPECTED.format(services=" union all ".join(parts))


@dataclass(frozen=True)
class Built:
    """A warehouse that is explained, and a connection of its own to what should come out.

    Attributes:
        warehouse: the project and its data.
        select: asks the warehouse, as the command does.
        thresholds: of the project.
        sql: holds ``expected`` and copies of the tables.
    """

    warehouse: Warehouse
    select: Select
    thresholds: Thresholds
    sql: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[Row]:
        """Rows of the expectation, by column name."""
        result = self.sql.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def ids(self, query: str, number: int) -> list[int]:
        """As many ids of a query as asked for, drawn by the seed."""
        found = sorted(row["trip_id"] for row in self.rows(query))
        return random.Random(SEED).sample(found, min(number, len(found)))  # noqa: S311 - a sample, not a secret

    def trip(self, trip_id: int) -> TripExplanation:
        """Explain a trip."""
        return explain_trip(self.select, str(trip_id), self.thresholds)

    def cell(self, key: CellKey) -> CellExplanation:
        """Explain a cell."""
        return explain_cell(self.select, key, self.thresholds)


def settings_of(warehouse: Warehouse) -> Settings:
    return Settings(warehouse.project, warehouse.data, "1GB")


@contextmanager
def opened(warehouse: Warehouse) -> Iterator[Built]:
    settings = settings_of(warehouse)
    with duckdb.connect() as sql:
        sql.execute(f"attach '{warehouse.data / 'warehouse.duckdb'}' as built (read_only)")
        for table in ("fact_trips", "rejected_trips", *(mart.name for mart in MARTS.values())):
            sql.execute(f"create table {table} as from built.{address(table)}")
        sql.execute("detach built")
        sql.execute(expected_sql(Path(settings.lake_url)))
        with open_embedded(settings) as reader:
            yield Built(warehouse, reader.select, read_thresholds(settings), sql)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("explain") / "project")


@pytest.fixture(scope="module")
def real_warehouse(
    project: Path, real_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    return replace(real_run.copy(tmp_path_factory.mktemp("real")), project=project)


@pytest.fixture
def real(real_warehouse: Warehouse) -> Iterator[Built]:
    with opened(real_warehouse) as built:
        yield built


@pytest.mark.parametrize("page", ["README.md", "docs/explain.md"])
def test_the_sums_that_the_manual_shows_are_those_that_are_printed(
    real_warehouse: Warehouse, page: str
) -> None:
    text = (real_warehouse.project / page).read_text()
    _, command, block = re.split(r"^\$ taxi (explain --mart .*)$", text, maxsplit=1, flags=re.M)
    printed = real_warehouse.taxi(*command.split())
    [shown] = [line for line in block.splitlines() if line.startswith("Adds up")]
    assert shown in printed


@pytest.fixture(scope="module")
def sample_warehouse(
    project: Path, sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    return replace(sample_run.copy(tmp_path_factory.mktemp("sample")), project=project)


@pytest.fixture
def sample(sample_warehouse: Warehouse) -> Iterator[Built]:
    with opened(sample_warehouse) as built:
        yield built


def spoiled(warehouse: Warehouse, folder: Path, *statements: str) -> Warehouse:
    """The same tables in a file of their own, over the same lake, with something changed."""
    folder.mkdir()
    shutil.copy(warehouse.data / "warehouse.duckdb", folder)
    (folder / "lake").symlink_to(warehouse.data / "lake")
    with replace(warehouse, data=folder).connect() as connection:
        for statement in statements:
            changed = connection.execute(statement).fetchall()
            assert not changed or changed[0][0], "nothing has been changed"
    return replace(warehouse, data=folder)


# ---------------------------------------------------------------------------------------------- agreement with SQL


def check_trip(built: Built, trip_id: int) -> None:
    """Compare the explanation of a trip with what the lake's row asks for, and with the tables."""
    [want] = built.rows(f"select * from expected where trip_id = {trip_id}")
    got = built.trip(trip_id)
    assert (got.problems, got.adds_up) == ((), True), trip_id
    for name, reported in (
        ("pickup_at", "pickup"),
        ("dropoff_at", "dropoff"),
        ("pickup_zone_id", "zone"),
        ("dropoff_zone_id", "dropoff_zone"),
        ("raw_line", "raw_line"),
        ("source_row", "source_row"),
    ):
        assert got.raw[name] == want[reported], (trip_id, name)
    if want["service_type"] != "FHV":
        assert got.raw["total_amount"] == want["total"]
    check_rules(got, want["reason"])
    assert got.ended_in == ("fact_trips" if want["reason"] is None else "rejected_trips")
    assert built.rows(f"select * from {got.ended_in} where trip_id = {trip_id}") == [got.row]
    assert got.row["trip_duration_seconds"] == want["seconds"]
    flags = {flag.name: flag.value for flag in got.flags}
    assert flags["is_app_dispatched"] == bool(want["is_dispatched"])
    assert flags["is_duration_clock_adjusted"] == bool(want["is_clock_change"])
    assert flags["is_dropoff_dummy"] == bool(want["is_dummy"])
    is_far = want["miles"] is not None and not 0 <= want["miles"] <= 200
    assert flags["is_distance_implausible"] == is_far
    repaired = {repair.column for repair in got.repairs}
    assert ("trip_distance_miles" in repaired) == is_far
    assert ("trip_duration_seconds" in repaired) == (want["seconds"] != want["clock"])
    if want["reason"] is None:
        assert ("pickup_zone_id" in repaired) == (want["zone"] != want["cell_zone"])
    check_twin(built, got, want)
    check_counted(built, got, want)


def check_rules(got: TripExplanation, reason: str | None) -> None:
    """The first rule that applies is the reason; those before it do not, those behind it were not asked."""
    codes = [rule.reject_reason for rule in got.rules]
    assert codes == [
        "unparseable",
        "pickup_missing",
        "pickup_outside_file_month",
        "dropoff_before_pickup",
        "duration_over_24h",
        "exact_duplicate",
    ]
    place = codes.index(reason) if reason else len(codes)
    assert [rule.verdict for rule in got.rules] == (
        ["does not apply"] * place
        + ["applies"] * (reason is not None)
        + ["not asked"] * (5 - place)
    )
    assert all(bool(rule.observed) == (rule.verdict != "not asked") for rule in got.rules)


def check_twin(built: Built, got: TripExplanation, want: Row) -> None:
    """A voided row names a row of the same trip with the opposite total; another negative row is unmatched."""
    [voided] = [flag for flag in got.flags if flag.name == "is_voided"]
    [unmatched] = [flag for flag in got.flags if flag.name == "is_unmatched_reversal"]
    is_refund = want["total"] is not None and want["total"] < 0
    is_metered = want["service_type"] in {"Yellow", "Green"}
    assert unmatched.value == (is_metered and is_refund and not voided.value)
    if voided.value:
        [twin_id] = re.findall(r"\(trip_id (\d+)\)", voided.evidence)
        [twin] = built.rows(f"select * from expected where trip_id = {twin_id}")
        same = ("service_type", "file_month", "vendor", "pickup", "dropoff", "zone", "dropoff_zone")
        assert [twin[name] for name in same] == [want[name] for name in same]
        assert twin["total"] == -want["total"]
        assert f"{twin['total']:,.2f}" in voided.evidence


def check_counted(built: Built, got: TripExplanation, want: Row) -> None:
    """The cells are those of the row's month and zone and of its day; it adds what its row says."""
    cells = {cell.mart: cell for cell in got.counted}
    if want["reason"] is not None:
        assert cells == {}
        return
    by_month = {MONTHLY.name} if want["service_type"] != "FHV" else set()
    assert set(cells) == {DAILY.name, SHARE.name} | by_month
    key = dict(cells[SHARE.name].cell)
    assert key.pop("zone_label")
    place = [want["service_type"], want["file_month"], want["cell_zone"], want["license"]]
    assert list(key.values()) == place
    assert cells[DAILY.name].cell == {
        "service_type": want["service_type"],
        "pickup_date": want["cell_day"],
    }
    if MONTHLY.name in cells:
        key = dict(cells[MONTHLY.name].cell)
        assert key.pop("zone_label")
        assert list(key.values()) == [want["service_type"], want["file_month"], want["cell_zone"]]
    trips = 0 if got.row["is_voided"] else 1
    for mart, cell in cells.items():
        adds, totals = cell.adds, cell.totals
        assert totals is not None
        assert (adds["row_count"], adds["trip_count"]) == (1, trips)
        where = " and ".join(
            f"{name} = '{value}'" for name, value in cell.cell.items() if name != "zone_label"
        )
        assert built.rows(f"select * from {mart} where {where}") == [totals]
        if mart == SHARE.name:
            is_high_volume = want["service_type"] == "HVFHV"
            paid = "rider_payment_amount" if is_high_volume else "metered_revenue_amount"
            assert adds[paid] == want["total"]
            continue
        assert (adds["fare_amount"], adds["total_amount"]) == (want["fare"], want["total"])
        assert adds["trip_duration_seconds"] == (want["seconds"] if trips else None)
        assert adds["card_tip_amount"] == (want["tip"] if want["is_card"] else None)


def check_cell(built: Built, key: CellKey) -> None:
    """Compare the parts of a cell with the lake's rows that belong there, and with the tables."""
    got = built.cell(key)
    assert [check for check in got.checks if not check.holds] == []
    belongs = f"service_type = '{key.service.label}' and " + (
        f"cell_day = '{key.period}'"
        if key.mart.is_daily
        else f"file_month = '{key.period}' and cell_zone = {key.zone_id}"
    )
    if key.mart is SHARE:
        belongs += f" and license = '{key.license_number}'"
    [want] = built.rows(
        f"""
        select count(*) as belonged, count(*) filter (reason is null) as kept,
            sum(total) filter (reason is null) as total, sum(total) as belonged_total,
            sum(tip) filter (reason is null and is_card) as card_tip,
            count(*) filter (reason is null and is_voided) as voided,
            count(*) filter (
                reason is null and not is_voided and total < 0 and service_type in ('Yellow', 'Green')
            ) as unmatched,
            count(*) filter (reason is null and not is_voided and is_dispatched and total >= 0) as dispatched,
            sum(seconds) filter (reason is null and not is_voided) as seconds,
            count(*) filter (reason is null and not miles between 0 and 200) as far,
            count(*) filter (reason is null and clock between -60 and -1 and not is_clock_change) as cut,
            count(*) filter (reason is null and is_clock_change) as adjusted,
            count(*) filter (zone is distinct from cell_zone) as unlisted
        from expected left join (select trip_id, is_voided from fact_trips) using (trip_id)
        where {belongs}
        """
    )
    rows = {part["part"]: part["row_count"] for part in got.parts}
    assert sum(rows.values()) == got.totals["row_count"] == want["kept"]
    assert got.totals["trip_count"] == want["kept"] - want["voided"]
    if key.mart is SHARE:
        paid = "rider_payment_amount" if key.service is Service.HVFHV else "metered_revenue_amount"
        assert got.totals[paid] == want["total"]
        speed = {"speed_trip_count", "speed_distance_miles", "speed_duration_seconds"}
        assert {f"parts = cell: {name}" for name in speed} <= {check.what for check in got.checks}
    else:
        assert got.totals["total_amount"] == want["total"]
        assert got.totals["card_tip_amount"] == want["card_tip"]
        assert got.totals["trip_duration_seconds"] == want["seconds"]
    assert rows.get("voided pairs", 0) == want["voided"]
    assert rows.get("unmatched reversals", 0) == want["unmatched"]
    assert rows.get("dispatched trips", 0) == want["dispatched"]
    assert sum(part["row_count"] for part in got.payment_types) == want["kept"]
    assert list(got.repairs.values())[:3] == [want["far"], want["adjusted"], want["cut"]]
    repairs = {name.partition(" missing")[0]: rows for name, rows in got.repairs.items()}
    assert repairs["pickup zone"] == want["unlisted"]
    is_unknown = key.license_number == "unknown"
    assert repairs.get("license", 0) == (want["belonged"] if is_unknown else 0)
    assert got.source["row_count"] == want["belonged"]
    if key.service is not Service.FHV:
        assert got.source["total_amount"] == want["belonged_total"]
    rejects = built.rows(
        f"select reason as reject_reason, file_month, count(*) as row_count, sum(total) as total_amount"
        f" from expected where {belongs} and reason is not null group by all order by file_month, reason"
    )
    names = (
        [name for name in rejects[0] if key.service is not Service.FHV or name != "total_amount"]
        if rejects
        else []
    )
    assert [{name: row[name] for name in names} for row in got.rejects] == [
        {name: row[name] for name in names} for row in rejects
    ]


def green_2020_04(built: Built) -> set[int]:
    """The pickup zones of the smallest month."""
    rows = built.rows(
        f"select pickup_zone_id from {MONTHLY.name}"
        " where service_type = 'Green' and file_month = date '2020-04-01'"
    )
    return {row["pickup_zone_id"] for row in rows}


def cell_keys(built: Built) -> list[CellKey]:
    """Every cell of the marts that can be explained."""
    keys = [
        CellKey(MONTHLY, SERVICES[row["service_type"]], row["file_month"], row["pickup_zone_id"])
        for row in built.rows(f"select * from {MONTHLY.name} order by 1")
    ]
    return (
        keys
        + [
            CellKey(DAILY, SERVICES[row["service_type"]], row["pickup_date"])
            for row in built.rows(f"select * from {DAILY.name} order by 1")
        ]
        + share_keys(built)
    )


def share_keys(built: Built) -> list[CellKey]:
    """Every cell of the market share."""
    return [
        CellKey(
            SHARE,
            SERVICES[row["service_type"]],
            row["file_month"],
            row["pickup_zone_id"],
            row["hvfhs_license_number"],
        )
        for row in built.rows(f"select * from {SHARE.name} order by 1")
    ]


@pytest.mark.full  # 200 trips; a quick run explains those of the sample
def test_explain_agrees_with_sql_on_200_trips_of_real_files(real: Built) -> None:
    odd = (
        real.ids("select trip_id from rejected_trips", 50)
        + real.ids("select trip_id from fact_trips where is_voided", 20)
        + real.ids("select trip_id from fact_trips where is_app_dispatched", 20)
        + real.ids("select trip_id from fact_trips where is_unmatched_reversal", 5)
        + real.ids("select trip_id from fact_trips where is_distance_implausible", 5)
        + real.ids("select trip_id from expected where service_type = 'FHV'", 20)
        + real.ids("select trip_id from expected where zone is distinct from cell_zone", 10)
    )
    trips = list(dict.fromkeys(odd + real.ids("select trip_id from expected", 200)))[:200]
    assert len(trips) == 200
    assert len({trip // 10**9 for trip in trips}) == 7, "a file is not drawn from"
    for trip_id in trips:
        check_trip(real, trip_id)


@pytest.mark.full  # 50 cells; a quick run explains those of the sample
def test_explain_agrees_with_sql_on_50_cells_of_real_files(real: Built) -> None:
    drawn = random.Random(SEED).sample(cell_keys(real), 50)  # noqa: S311
    assert {key.mart for key in drawn} == {MONTHLY, DAILY, SHARE}
    for key in drawn:
        check_cell(real, key)
    # What a draw might miss: the rejected rows of 2019-03 and 2020-04, and the zone that stands for unknown.
    check_cell(real, CellKey(MONTHLY, Service.YELLOW, date(2019, 3, 1), 132))
    if green_2020_04(real) >= {193}:  # the excerpt, not the first rows of the month
        check_cell(real, CellKey(MONTHLY, Service.GREEN, date(2020, 4, 1), 193))
    check_cell(real, CellKey(MONTHLY, Service.GREEN, date(2024, 1, 1), 264))


@pytest.mark.parametrize(
    "condition",
    [
        "reason = 'pickup_missing'",
        "reason = 'pickup_outside_file_month'",
        "reason = 'dropoff_before_pickup'",
        "reason = 'duration_over_24h'",
        "reason = 'exact_duplicate'",
        "is_clock_change",
        "clock between -60 and -1 and not is_clock_change",
        "is_dummy",
        "not miles between 0 and 200",
        "zone is null",
        "zone not between 1 and 265",
        "total < 0",
    ],
)
def test_every_planted_fault_is_explained_as_sql_sees_it(sample: Built, condition: str) -> None:
    trips = sample.ids(f"select trip_id from expected where {condition}", 8)
    assert trips
    for trip_id in trips:
        check_trip(sample, trip_id)


def test_cells_with_rejects_and_repairs_add_up(sample: Built) -> None:
    keys = {key.label: key for key in cell_keys(sample)}
    wanted = [
        CellKey(MONTHLY, SERVICES[row["service_type"]], row["file_month"], row["cell_zone"])
        for row in sample.rows(
            "select distinct service_type, file_month, cell_zone from expected"
            " where service_type <> 'FHV' and (reason is not null or is_clock_change) order by all"
        )
    ] + [
        CellKey(DAILY, SERVICES[row["service_type"]], row["cell_day"])
        for row in sample.rows(
            "select distinct service_type, cell_day from expected"
            " where cell_day is not null and (reason is not null or is_clock_change or is_dummy) order by all"
        )
    ]
    there = [key for key in wanted if key.label in keys]
    for key in random.Random(SEED).sample(there, 40):  # noqa: S311
        check_cell(sample, key)
    # The clocks went back on the first; the others are days of which two files have trips.
    for day in (date(2025, 11, 2), date(2025, 10, 31), date(2025, 11, 1), date(2025, 11, 30)):
        for service in Service:
            check_cell(sample, CellKey(DAILY, service, day))
    # A late arrival is rejected, and has its day in another file than its own.
    late = [sample.cell(key) for key in there if key.mart is DAILY]
    assert all(cell.adds_up for cell in late)
    assert any(
        row["file_month"] != cell.cell["pickup_date"].replace(day=1)
        for cell in late
        for row in cell.rejects
    )


def test_cells_of_the_market_share_add_up(sample: Built) -> None:
    """Of every service and company."""
    keys: dict[tuple[Service, str | None], list[CellKey]] = {}
    for key in share_keys(sample):
        keys.setdefault((key.service, key.license_number), []).append(key)
    assert {service for service, _ in keys} == set(Service)
    assert {license_ for _, license_ in keys} >= {"HV0003", "HV0005", "not_applicable"}
    for of_company in keys.values():
        for key in random.Random(SEED).sample(of_company, min(4, len(of_company))):  # noqa: S311
            check_cell(sample, key)


def test_a_company_is_found_by_name_or_license(sample: Built) -> None:
    def parse(service: Service, company: str | None) -> CellKey:
        return parse_cell(sample.select, "market_share", service, "2025-11", None, "132", company)

    for text in ("Uber", "uber", "hv0003"):
        assert parse(Service.HVFHV, text).columns == {
            "service_type": "HVFHV",
            "file_month": date(2025, 11, 1),
            "pickup_zone_id": 132,
            "hvfhs_license_number": "HV0003",
        }
    assert parse(Service.YELLOW, None).license_number == "not_applicable"
    for service, company, said in (
        (Service.HVFHV, None, "it needs --company"),
        (Service.HVFHV, "Revel", "Choose among Juno, Uber, Via, Lyft, Unknown"),
        (Service.HVFHV, "not_applicable", "no such licensee"),
        (Service.GREEN, "Uber", "its cells have no --company"),
    ):
        with pytest.raises(TaxiError, match=said):
            parse(service, company)


# ---------------------------------------------------------------------------------------------- what it says


def test_an_exact_duplicate_names_the_row_that_it_equals(sample: Built) -> None:
    copies = sample.rows(
        """
        select trip_id, first_row from (
            select trip_id, reason, min(source_row) over equal_rows as first_row, count(*) over equal_rows as copies
            from expected where service_type in ('Yellow', 'Green')
            window equal_rows as (partition by service_type, file_month, everything)
        ) where reason = 'exact_duplicate' order by copies desc, trip_id desc
        """
    )
    number = sum(planted(Service.YELLOW, month)["exact_duplicate"] for month in MONTHS)
    assert len(copies) > number
    for copy in copies[
        :8
    ]:  # the first have an equal row between them and the one they are named after
        rule = sample.trip(copy["trip_id"]).rules[-1]
        assert f"equals row {copy['first_row']:,} of the file" in rule.observed


def test_the_words_beside_a_rule_are_the_values_that_decide_it(sample: Built) -> None:
    [clock] = sample.ids(
        "select trip_id from expected where is_clock_change and service_type = 'Yellow'", 1
    )
    trip = sample.trip(clock)
    observed = {rule.reject_reason: rule.observed for rule in trip.rules}
    assert "takes from 2025-10-31 to before 2025-12-02" in observed["pickup_outside_file_month"]
    assert "in the hour that occurs twice" in observed["dropoff_before_pickup"]
    assert "at most 24 hours" in observed["duration_over_24h"]
    assert {repair.reason for repair in trip.repairs} == {"the clocks went back: an hour added"}
    [dummy] = sample.ids("select trip_id from expected where is_dummy and zone is not null", 1)
    repairs = {repair.column: repair for repair in sample.trip(dummy).repairs}
    assert repairs["dropoff_at"].reported.year == 3025
    assert repairs["dropoff_at"].kept is repairs["trip_duration_seconds"].kept is None


def made_by_ingestion(service: Service, year: int, **values: Any) -> dict[str, str]:
    """Per value that ingestion made, what of; the rest of the row is null."""
    raw = {"file_month": date(year, 1, 1), **values}
    return {made.column: made.origin for made in find_ingested_values(service, raw, 2014)}


def test_a_code_that_a_text_of_the_seed_stands_for_is_not_called_reported() -> None:
    codes = {"vendor_id": 103, "payment_type_id": 2, "store_and_forward_flag": "Y"}
    made = made_by_ingestion(Service.YELLOW, 2009, **codes)
    assert made.keys() == codes.keys()
    assert made["vendor_id"].startswith("of the text 'dds' ")
    assert made["payment_type_id"].startswith("of the text 'cash' or 'cas' or 'csh' ")
    assert made_by_ingestion(Service.YELLOW, 2009, vendor_id=4, passenger_count=1) == {}
    assert made_by_ingestion(Service.YELLOW, 2015, **codes) == {}


def test_a_zone_that_a_row_has_a_point_for_is_not_called_reported() -> None:
    zones = {"pickup_zone_id": 239, "dropoff_zone_id": 129}
    made = made_by_ingestion(Service.GREEN, 2015, **zones, pickup_longitude=Decimal("-73.9"))
    assert made == {"pickup_zone_id": "of the point below, unless the file has the id itself"}


def test_a_total_that_no_file_gives_is_called_a_sum_of_what_the_file_gives() -> None:
    amounts = {"fare_amount": Decimal(5), "sales_tax_amount": Decimal(1)}
    row = {**amounts, "total_amount": Decimal(6), "driver_pay_amount": Decimal(4)}
    assert made_by_ingestion(Service.HVFHV, 2025, **row) == {
        "total_amount": "the sum of fare_amount, sales_tax_amount"
    }
    assert made_by_ingestion(Service.YELLOW, 2025, **row) == {}


def test_a_coordinate_of_zero_is_written_as_zero() -> None:
    assert show_point(Decimal("0E-9"), Decimal("40.500000000")) == "0, 40.5"


def test_thresholds_are_those_of_the_project(sample: Built, tmp_path: Path) -> None:
    project = tmp_path / "dbt_project.yml"
    text = (sample.warehouse.project / project.name).read_text()
    project.write_text(text.replace("file_month_tolerance_days: 1", "file_month_tolerance_days: 3"))
    other = read_thresholds(Settings(tmp_path, tmp_path, "1GB"))
    assert other.first_pickup(date(2024, 3, 1)) == date(2024, 2, 27)
    assert other.end_of_pickups(date(2024, 3, 1)) == date(2024, 4, 4)
    assert sample.thresholds.months_of(date(2024, 1, 31)) == [date(2024, 1, 1), date(2024, 2, 1)]


@pytest.mark.build  # a build of its own
def test_an_unreadable_row_is_explained_with_its_text_and_belongs_to_no_day(
    project: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    path = tmp_path / "fhv_tripdata_2019-04.csv"
    broken = 'B00014,"2019-04-01 00:25:00,2019-04-01 00:55:36,264'
    good = "b00013 ,2019-04-01 00:15:00,2019-04-01 00:55:36,,264,"
    path.write_text("\n".join([FHV_HEADER, good, broken, good]) + "\n")
    warehouse.taxi("ingest", str(path))
    warehouse.taxi("build")
    printed = warehouse.taxi("explain", "3201904_000000002")
    assert f"kept as text: {broken}" in printed
    assert "4 Ended in rejected_trips as unparseable" in printed
    assert "5 Counted in no mart" in printed
    kept = warehouse.taxi("explain", "3201904000000003")
    assert "dispatching_base_number: b00013 -> B00013, trimmed, in upper case" in kept.replace(
        " ->", " ->"
    )
    assert "pickup_zone_id: - -> 264 (Unknown zone), missing or not in the code list" in kept
    cell = warehouse.taxi(
        "explain", "--mart", "daily_service_summary", "--day", "2019-04-01", "--service", "FHV"
    )
    assert "2 rows of the files = 2 accepted + 0 rejected" in cell
    # Another version of the file, ingested and not built: the version that the tables hold is explained.
    path.write_text("\n".join([FHV_HEADER, good]) + "\n")
    warehouse.taxi("ingest", str(path))
    stale = warehouse.taxi("explain", "3201904000000003")
    assert "row 3 of fhv_tripdata_2019-04.csv (3 rows" in stale
    assert "Adds up" in stale


@pytest.fixture(scope="module")
def eras(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Three trips of 2009, in points: inside the zones, one that ends outside, one without a longitude.

    And three of HVFHV, whose licenses are in the list, in small letters, and new.
    """
    folder = tmp_path_factory.mktemp("eras")
    warehouse = Warehouse(project, folder / "data")
    warehouse.taxi("zones", str(real_file(ZONES)))
    names, rows = rows_of("eras/yellow_tripdata_2009-01.csv")
    start, end = (names.index(name) for name in ("start_lon", "end_lon"))
    inside = next(row for row in rows if zone_by_shapely(*row[start : start + 2]))
    outside, half = list(inside), list(inside)
    outside[end : end + 2] = ["-80.5", "40.7"]
    half[start] = ""
    licensed_names, licensed = rows_of("eras/fhvhv_tripdata_2025-01.csv")
    place = licensed_names.index("hvfhs_license_num")
    for row, license_number in zip(
        licensed, ("HV0003", " hv0003", "HV0009" + "x" * 294), strict=False
    ):
        row[place] = license_number
    for name, header, kept in (
        ("yellow_tripdata_2009-01.csv", names, (inside, outside, half)),
        ("fhvhv_tripdata_2025-01.csv", licensed_names, licensed[:3]),
    ):
        path = folder / name
        path.write_text("\n".join(",".join(row) for row in (header, *kept)) + "\n")
        warehouse.taxi("ingest", str(path))
    warehouse.taxi("build")
    return warehouse


def rows_of(name: str) -> tuple[list[str], list[list[str]]]:
    """Header, in lower case, and rows of a real CSV file."""
    lines = real_file(name).read_text(encoding="utf-8-sig").splitlines()
    header, *rows = (line.split(",") for line in lines if line.strip())
    return [column.strip().lower() for column in header], rows


@pytest.mark.build  # a build of its own
def test_a_point_is_shown_with_its_zone_and_how_it_became_one(eras: Warehouse) -> None:
    """As an independent reading has it."""
    names, rows = rows_of("eras/yellow_tripdata_2009-01.csv")
    start, end = (names.index(name) for name in ("start_lon", "end_lon"))
    row = next(row for row in rows if zone_by_shapely(*row[start : start + 2]))
    sha256 = hashlib.sha256(real_file(ZONES).read_bytes()).hexdigest()
    how = f"point in polygon, method 1, zone shapes sha256 {sha256[:16]}..."
    first, second, third = (
        eras.taxi("explain", f"120090100000000{number}").replace("\n", " ") for number in (1, 2, 3)
    )
    for name, place in (("pickup", start), ("dropoff", end)):
        zone = zone_by_shapely(*row[place : place + 2])
        shown = ", ".join(f"{float(text):.9f}".rstrip("0") for text in row[place : place + 2])
        assert f"{name} point {shown} (longitude, latitude): zone {zone} (" in first
    assert first.count(how) == second.count(how) == 2
    assert f"dropoff point -80.5, 40.7 (longitude, latitude): in no zone; {how}" in second
    assert "is_dropoff_point_outside_zones no taxi zone contains the point -80.5" in second
    assert "pickup point -, " in third
    assert "no zone: a coordinate is missing" in third
    as_json = json.loads(eras.taxi("explain", "1200901000000001", "--json"))
    assert [point["zone_shapes_sha256"] for point in as_json["points"]] == [sha256] * 2
    licensed = json.loads(eras.taxi("explain", "4202501000000001", "--json"))
    assert licensed["points"] == []
    [reported] = re.findall(r"  reported: .*? empty", first)
    assert "trip_distance_miles" in reported
    assert not re.findall("vendor_id|payment_type_id|zone_id|raw_line", reported)
    made = {value["column"] for value in as_json["ingested"]}
    assert made >= {"vendor_id", "payment_type_id", "pickup_zone_id", "dropoff_zone_id"}
    assert "  made by ingestion: vendor_id " in first
    assert not re.findall("raw_line|unreadable_fields", first + third)
    [reported] = re.findall(r"  reported: .*", eras.taxi("explain", "4202501000000001"))
    assert "total_amount" not in reported
    printed = eras.taxi("explain", "4202501000000003")
    assert re.search(r"hvfhs_license_number HV0009x{44}\.\.\.x{50},", printed)
    assert "x" * 51 not in printed


@pytest.mark.build  # a build of its own
def test_a_license_that_is_not_in_the_list_has_a_cell(eras: Warehouse) -> None:
    with opened(eras) as built:
        keys = [key for key in share_keys(built) if key.service is Service.HVFHV]
        assert {key.license_number for key in keys} == {"HV0003", "unknown"}
        for key in keys:
            check_cell(built, key)
        for trip_id in built.ids("select trip_id from expected where license <> 'none'", 6):
            check_trip(built, trip_id)


def test_the_command_prints_what_it_explains(real: Built) -> None:
    [voided] = real.ids("select trip_id from fact_trips where is_voided", 1)
    taxi = real.warehouse.taxi
    printed = taxi("explain", str(voided))
    assert f"row {voided % 10**9:,} of the file, picked up 20" in printed
    assert f"(trip_id {voided})" in printed
    [pair] = real.ids(
        f"select reversal_twin_trip_id as trip_id from fact_trips where trip_id = {voided}", 1
    )
    assert f"is_voided row {pair % 10**9:,} of the file has the opposite total" in printed
    assert re.findall(r"^5 .*\n(\S+):", printed, flags=re.M) == [MONTHLY.name]
    assert "Adds up: file, rules, tables and marts agree." in printed
    assert json.loads(taxi("explain", str(voided), "--json")) == to_json(real.trip(voided))
    cell = ("--mart", "mart_monthly_zone_revenue", "--month", "2019-03", "--service", "YELLOW")
    printed = taxi("explain", *cell, "--zone", "jfk airport")
    assert "pickup_outside_file_month" in printed
    assert " accepted + 1 rejected; every part, to the cent." in printed
    key = CellKey(MONTHLY, Service.YELLOW, date(2019, 3, 1), 132)
    as_json = json.loads(taxi("explain", *cell, "--zone", "132", "--json"))
    assert as_json == to_json(real.cell(key))
    assert as_json["adds_up"] is True
    assert "taxi explain --mart monthly_zone_revenue --month 2024-01" in taxi("explain", "--help")


def test_the_fare_audit_of_a_trip_is_shown(real: Built, real_warehouse: Warehouse) -> None:
    [trip_id] = real.ids("select trip_id from fact_trips where fare_check = 'ehail_fee'", 1)
    [row] = real.rows(
        f"select expected_total_amount, fare_residual_amount from fact_trips where trip_id = {trip_id}"
    )
    expected, residual = row["expected_total_amount"], row["fare_residual_amount"]
    audit = real.trip(trip_id).fare_audit
    assert (audit["expected_total_amount"], audit["fare_residual_amount"]) == (expected, residual)
    assert residual > 0
    printed = real_warehouse.taxi("explain", str(trip_id))
    assert f"expected_total_amount {expected}, fare_residual_amount {residual}" in printed
    assert "fare_check ehail_fee" in printed


# ---------------------------------------------------------------------------------------------- what does not add up

CELL = (
    "--mart",
    "monthly_zone_revenue",
    "--month",
    "2020-04",
    "--zone",
    "193",
    "--service",
    "green",
)
IN_CELL = "service_type = 'Green' and file_month = '2020-04-01' and pickup_zone_id = 193"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            f"update mart_monthly_zone_revenue set total_amount = total_amount + 0.01 where {IN_CELL}",
            "parts = cell: total_amount",
        ),
        (
            f"update mart_monthly_zone_revenue set trip_count = trip_count + 1 where {IN_CELL}",
            "parts = cell: trip_count",
        ),
        (
            f"update mart_monthly_zone_revenue set card_tip_amount = 0 where {IN_CELL}",
            "parts = cell: card_tip_amount",
        ),
        (f"delete from rejected_trips where {IN_CELL}", "rows of the files: row_count"),
        (
            f"update fact_trips set tolls_amount = tolls_amount + 0.01 where {IN_CELL}",
            "rows of the files: tolls_amount",
        ),
        (
            "update fact_trips set pickup_zone_id = 194 where trip_id ="
            f" (select min(trip_id) from fact_trips where {IN_CELL})",
            "parts = cell: row_count",
        ),
        (
            "update fact_trips set is_voided = true where trip_id ="
            f" (select min(trip_id) from fact_trips where {IN_CELL} and total_amount > 0)",
            "voided pairs net to zero",
        ),
        (
            f"update fact_trips set payment_type_id = 1 where {IN_CELL} and payment_type_id = 2",
            "parts = cell: card_fare_amount",
        ),
    ],
)
def test_a_cell_that_does_not_add_up_says_where(
    real_warehouse: Warehouse, tmp_path: Path, fault: str, said: str
) -> None:
    with opened(spoiled(real_warehouse, tmp_path / "data", fault)) as broken:
        cell = broken.cell(CellKey(MONTHLY, Service.GREEN, date(2020, 4, 1), 193))
    assert not cell.adds_up
    assert any(said in check.what for check in cell.checks if not check.holds)


def test_what_does_not_add_up_is_exit_code_1(real_warehouse: Warehouse, tmp_path: Path) -> None:
    fault = f"update mart_monthly_zone_revenue set total_amount = 47.11 where {IN_CELL}"
    broken = spoiled(real_warehouse, tmp_path / "data", fault)
    printed = broken.taxi("explain", *CELL, exit_code=1)
    assert "does not add up parts = cell: total_amount: 47.10, not 47.11" in printed
    assert "Adds up" not in printed
    as_json = json.loads(broken.taxi("explain", *CELL, "--json", exit_code=1))
    assert as_json["adds_up"] is False
    wrong = [check["what"] for check in as_json["checks"] if not check["holds"]]
    assert wrong == ["parts = cell: total_amount", "payment types = cell: total_amount"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("update fact_trips set tip_amount = tip_amount + 1", "no rule explains it"),
        (
            "update fact_trips set pickup_zone_id = 1",
            "pickup_zone_id is 1, the lake's row says 74, and",
        ),
        ("delete from fact_trips", "fact_trips holds the row 0 times"),
        ("delete from mart_daily_service_summary", "mart_daily_service_summary has no cell for it"),
    ],
)
@pytest.mark.full  # a copy of the warehouse for each fault
def test_a_trip_whose_tables_disagree_says_so(
    real_warehouse: Warehouse, tmp_path: Path, fault: str, said: str
) -> None:
    with opened(spoiled(real_warehouse, tmp_path / "data", fault)) as broken:
        trip = broken.trip(2202401000000005)
    assert not trip.adds_up
    assert said in " ".join(trip.problems)


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12", "a trip_id has 16 digits"),
        ("x202401000000005", "a trip_id has 16 digits"),
        ("1202401' or 1=1", "a trip_id has 16 digits"),
        ("5202401000000005", "no service has the code 5"),
        ("1202413000000005", "'202413' is not a month"),
    ],
)
def test_an_id_that_names_no_row_is_refused(text: str, said: str) -> None:
    with pytest.raises(TaxiError, match=said):
        parse_trip_id(text)


def test_what_is_not_there_is_refused_with_what_is(real: Built) -> None:
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: real.trip(1202401000000001), "choose among 2019-03, 2019-06, 2019-11, 2020-04"),
        (lambda: real.trip(2202401000056552), "has 56,551 rows, and none is row 56,552"),
        (lambda: real.trip(2202401000000000), "none is row 0"),
    ]
    zones = ", ".join(map(str, sorted(green_2020_04(real))[:3]))
    cells: list[tuple[tuple[Any, ...], str]] = [
        (
            ("fact", Service.GREEN, "2024-01", None, "1"),
            "monthly_zone_revenue, daily_service_summary, market_share",
        ),
        (("monthly_zone_revenue", Service.GREEN, "2023-01", None, "1"), "among 2020-04, 2024-01"),
        (
            ("monthly_zone_revenue", Service.GREEN, "2020-04", None, "1"),
            f"among the zones {zones}",
        ),
        (("monthly_zone_revenue", Service.GREEN, "2020-04", None, "corona"), "give an id: 56, 57"),
        (("monthly_zone_revenue", Service.GREEN, "2020-04", None, "Atlantis"), "no such zone"),
        (("monthly_zone_revenue", Service.GREEN, "2020-04", None, "266"), "no such zone"),
        (("monthly_zone_revenue", Service.FHV, "2020-04", None, "1"), "does not count FHV"),
        (("monthly_zone_revenue", Service.GREEN, None, None, "1"), "it needs --month"),
        (("monthly_zone_revenue", Service.GREEN, "April", None, "1"), "is not a month"),
        (("daily_service_summary", Service.FHV, None, "2020-04-31", None), "is not a day"),
        (("daily_service_summary", Service.FHV, None, "2021-04-01", None), "among 2020-04"),
        (("daily_service_summary", Service.FHV, None, "2020-04-01", "132"), "have no --zone"),
        (("daily_service_summary", None, None, "2020-04-01", None), "it needs --service"),
    ]
    refused += [
        (lambda options=options: real.cell(parse_cell(real.select, *options)), said)  # type: ignore[misc]
        for options, said in cells
    ]
    for explain, said in refused:
        with pytest.raises(TaxiError) as caught:
            explain()
        assert said.casefold() in str(caught.value).casefold()
        assert len(str(caught.value).splitlines()) == 1


def test_a_zone_is_found_by_id_name_or_label(real: Built) -> None:
    for text, zone in (("132", 132), ("JFK Airport", 132), ("corona (57)", 57), ("n/a", 264)):
        options = ("mart_monthly_zone_revenue", Service.YELLOW, "2020-04", None, text)
        assert parse_cell(real.select, *options).zone_id == zone


@pytest.mark.build  # three commands
def test_the_command_refuses_in_one_line(project: Path, tmp_path: Path) -> None:
    empty = Warehouse(project, tmp_path / "data")
    for options, said in (
        (("1202004000000001",), "there is no warehouse yet. Run `taxi run` first."),
        ((), "it explains one trip, or one cell"),
        (("1202004000000001", "--zone", "1"), "it explains one trip, or one cell"),
    ):
        printed = empty.taxi("explain", *options, exit_code=2)
        assert said in printed
        assert len(printed.splitlines()) == 1


# ---------------------------------------------------------------------------------------------- engines


@pytest.mark.full  # a server
def test_postgres_explains_as_duckdb_does(
    real: Built, real_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = real.ids(
        "select trip_id from rejected_trips union all select trip_id from fact_trips", 15
    )
    trips += real.ids("select trip_id from rejected_trips", 2)
    trips += real.ids(
        "select trip_id from fact_trips where is_voided or is_distance_implausible", 5
    )
    trips += real.ids("select trip_id from fact_trips where service_type = 'FHV'", 3)
    cells = random.Random(SEED).sample(cell_keys(real), 10)  # noqa: S311
    cells.append(CellKey(MONTHLY, Service.YELLOW, date(2019, 3, 1), 132))
    with run_postgres() as server:
        postgres = replace(real_warehouse, variables=server.environment)
        postgres.taxi("load", "--target", "postgres")
        postgres.taxi("build", "--target", "postgres")
        for name, value in postgres.environment.items():
            monkeypatch.setenv(name, value)
        with open_reader(settings_of(postgres), "postgres") as reader:
            for trip_id in trips:
                trip = explain_trip(reader.select, str(trip_id), real.thresholds)
                assert to_json(trip) == to_json(real.trip(trip_id)), trip_id
            for key in cells:
                cell = explain_cell(reader.select, key, real.thresholds)
                assert to_json(cell) == to_json(real.cell(key)), key.label
        printed = postgres.taxi("explain", *CELL, "--target", "postgres")
        assert printed == real.warehouse.taxi("explain", *CELL)


def test_every_statement_is_bigquerys_too(sample: Built) -> None:
    asked: list[str] = []

    def select(sql: str) -> list[Row]:
        asked.append(sql)
        return sample.select(sql)

    [copy] = sample.ids("select trip_id from expected where reason = 'exact_duplicate'", 1)
    [voided] = sample.ids("select trip_id from fact_trips where is_voided", 1)
    for trip_id in (copy, voided):
        explain_trip(select, str(trip_id), sample.thresholds)
    [uber, *_] = [key for key in share_keys(sample) if key.license_number == "HV0003"]
    explain_cell(select, uber, sample.thresholds)
    explain_cell(
        select, CellKey(MONTHLY, Service.YELLOW, date(2025, 11, 1), 132), sample.thresholds
    )
    explain_cell(select, CellKey(DAILY, Service.FHV, date(2025, 11, 1)), sample.thresholds)
    assert len(asked) > 30
    for sql in asked:
        [tree] = sqlglot.parse(sql, dialect="bigquery")
        assert tree is not None
        assert "::" not in sql
        assert not [cast for cast in tree.find_all(exp.Cast) if cast.to.expressions], sql
        assert not list(tree.find_all(exp.Anonymous)), sql


def test_amounts_are_text_with_two_decimals_whatever_the_engine_gives(sample: Built) -> None:
    [trip_id] = sample.ids("select trip_id from fact_trips where service_type = 'Yellow'", 1)
    trip = sample.trip(trip_id)
    bare = replace(
        trip,
        row={**trip.row, "total_amount": Decimal("12.5"), "trip_distance_miles": Decimal("1.500")},
    )
    row = to_json(bare)["row"]
    assert (row["total_amount"], row["trip_distance_miles"]) == ("12.50", "1.5")
