"""Real files of every era in a warehouse: each row, its money and its zones against a reading by Python's csv alone."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conftest import SharedBuild, build_once
from points import COORDINATES, ZONES, open_data_months, zone_by_shapely
from real_files import listed, real_file
from taxi_pipeline.explain import explain_trip, read_thresholds
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import open_reader
from warehouse import Warehouse

OPEN_DATA = "eras/open_data_export_green_2015.csv"
UNKNOWN_ZONE = 264

MONEY = {
    "fare_amount": ("fare_amount", "fare_amt"),
    "extra_amount": ("extra", "surcharge"),
    "mta_tax_amount": ("mta_tax",),
    "tip_amount": ("tip_amount", "tip_amt"),
    "tolls_amount": ("tolls_amount", "tolls_amt"),
    "total_amount": ("total_amount", "total_amt"),
}
"""Columns of money by their names in TLC's files, in lower case."""

SERVICES = {"yellow": "Yellow", "green": "Green", "fhv": "FHV"}


@dataclass(frozen=True)
class Month:
    """A file as csv reads it, rows by the names of its header in lower case."""

    path: Path
    rows: list[dict[str, str]]

    @property
    def key(self) -> tuple[str, str]:
        """Service and file month, as tables have them."""
        service, _, rest = self.path.name.partition("_tripdata_")
        return SERVICES[service], f"{rest[:7]}-01"

    @property
    def where(self) -> str:
        """The rows of this file."""
        return "service_type = '{}' and file_month = '{}'".format(*self.key)


def read_month(path: Path) -> Month:
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    header, *rows = csv.reader(lines)
    names = [name.strip().lower() for name in header]
    return Month(path, [dict(zip(names, row, strict=False)) for row in rows])


def places(month: Month) -> Iterator[tuple[int, str, str, str]]:
    """Row, end of the trip, longitude and latitude of each point that a file gives."""
    for number, row in enumerate(month.rows, start=1):
        for end, longitude, latitude in COORDINATES:
            if longitude in row:
                yield number, end, row[longitude], row[latitude]


@dataclass(frozen=True)
class Era:
    """A warehouse, and the files that it was built from."""

    build: SharedBuild
    months: list[Month]

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse, only to be read."""
        return self.build.warehouse


def run_files(factory: pytest.TempPathFactory, name: str, paths: list[Path]) -> Era:
    zones = real_file(ZONES)

    def build(warehouse: Warehouse) -> str:
        warehouse.taxi("zones", str(zones))
        return warehouse.taxi("run", *map(str, paths))

    return Era(build_once(factory, name, build), [read_month(path) for path in paths])


def files_of(folder: str) -> list[Path]:
    pattern = re.compile(rf"{folder}/({'|'.join(SERVICES)})_tripdata_.*csv")
    return [real_file(file.name) for file in listed() if pattern.fullmatch(file.name)]


@pytest.fixture(scope="module")
def eras(tmp_path_factory: pytest.TempPathFactory) -> Era:
    export = open_data_months(real_file(OPEN_DATA), tmp_path_factory.mktemp("open_data"))
    return run_files(tmp_path_factory, "eras", [*files_of("eras"), *export])


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Era:
    return run_files(tmp_path_factory, "heads", files_of("heads"))


@pytest.fixture(
    params=[
        pytest.param("eras", marks=pytest.mark.build),  # a build of 21 files
        pytest.param("heads", marks=pytest.mark.full),  # a build of 144 files
    ]
)
def era(request: pytest.FixtureRequest) -> Era:
    built: Era = request.getfixturevalue(request.param)
    return built


def test_every_row_is_accepted_or_rejected_and_its_money_is_that_of_the_file(era: Era) -> None:
    kept = era.warehouse.query(
        f"select service_type, file_month::varchar, count(*), {', '.join(f'sum({name})' for name in MONEY)} from ("
        f" select service_type, file_month, {', '.join(MONEY)} from fact_trips union all by name"
        f" select service_type, file_month, {', '.join(MONEY)} from rejected_trips) group by all"
    )
    expected = {}
    for month in era.months:
        sums: dict[str, Any] = dict.fromkeys(MONEY)
        for name, names in MONEY.items():
            texts = [
                row[known] for row in month.rows for known in names if row.get(known, "").strip()
            ]
            if texts:
                sums[name] = sum(Decimal(text).quantize(Decimal("0.01")) for text in texts)
        expected[month.key] = (len(month.rows), *sums.values())
    assert {tuple(row[:2]): tuple(row[2:]) for row in kept} == expected


def test_every_point_is_in_the_zone_whose_polygon_contains_it(era: Era) -> None:
    number = 0
    for month in era.months:
        zones = {
            row: {"pickup": pickup, "dropoff": dropoff}
            for row, pickup, dropoff in era.warehouse.query(
                f"select source_row, pickup_zone_id, dropoff_zone_id from fact_trips where {month.where}"
            )
        }
        for row, end, longitude, latitude in places(month):
            if row in zones:
                wanted = zone_by_shapely(longitude, latitude) or UNKNOWN_ZONE
                assert zones[row][end] == wanted, (month.path.name, row, longitude, latitude)
                number += 1
    assert number > (30_000 if len(era.months) < 100 else 500)


def test_points_outside_all_zones_are_counted_by_month(era: Era) -> None:
    counted = era.warehouse.query(
        "select service_type, file_month::varchar, check_code, row_count from mart_data_quality"
        " where check_code like 'is_%_point_outside_zones' and row_count > 0"
    )
    expected: Counter[tuple[str, str, str]] = Counter()
    for month in era.months:
        accepted = {
            row
            for (row,) in era.warehouse.query(
                f"select source_row from fact_trips where {month.where}"
            )
        }
        for row, end, longitude, latitude in places(month):
            if (
                row in accepted
                and (longitude + latitude).strip()
                and not zone_by_shapely(longitude, latitude)
            ):
                expected[(*month.key, f"is_{end}_point_outside_zones")] += 1
    assert sum(expected.values()) > (1000 if len(era.months) < 100 else 5)
    assert {tuple(row[:3]): row[3] for row in counted} == expected


def test_texts_become_members_that_the_dimensions_know(era: Era) -> None:
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for month in era.months:
        for row in month.rows:
            for column in ("vendor_name", "vendor_id", "payment_type"):
                if not row.get(column, "0").strip().replace(".", "").isdigit():
                    words[column][row[column].strip().lower()[:2]] += 1
    assert words["payment_type"].keys() <= {"ca", "cs", "cr", "no", "di", "na"}
    members = (
        "select {0}, count(*) from (select payment_type_id, vendor_id, service_type, file_month from fact_trips"
        " union all by name select payment_type_id, vendor_id, service_type, file_month from rejected_trips)"
        " left join dim_payment_types using (payment_type_id)"
        " where service_type = 'Yellow' and file_month < '2015-01-01' group by 1"
    )
    payment = words["payment_type"]
    assert dict(era.warehouse.query(members.format("payment_type_name"))) == {
        name: number
        for name, number in {
            "Credit card": payment["cr"],
            "Cash": payment["ca"] + payment["cs"],
            "No charge": payment["no"],
            "Dispute": payment["di"],
            "Unknown": payment["na"],
        }.items()
        if number
    }
    vendors = words["vendor_name"] + words["vendor_id"]
    assert dict(era.warehouse.query(members.format("vendor_id"))) == {
        code: vendors[word] for code, word in {1: "cm", 2: "vt", 103: "dd"}.items() if vendors[word]
    }


@pytest.mark.build  # reads the build of the eras
def test_totals_differ_from_their_parts_in_at_most_three_of_a_thousand_rows(eras: Era) -> None:
    worst = eras.warehouse.query(
        "select service_type, file_month::varchar, avg((fare_check = 'unexplained')::int) as share from fact_trips"
        " where service_type <> 'FHV' and file_month < '2017-01-01' group by 1, 2"
        " having count(*) > 500 order by share desc"
    )
    service, month, share = worst[0]
    assert (service, month) == ("Green", "2013-08-01")
    assert share < 0.003
    explained = "select count(*) from fact_trips where fare_check = 'improvement_unitemized'"
    assert eras.warehouse.query(f"{explained} and file_month = '2015-01-01'") == [(90,)]


def test_no_check_of_quality_finds_fault_with_a_real_file(era: Era) -> None:
    assert " failed: " not in era.build.printed
    assert "Quality: " in era.build.printed


@pytest.mark.build  # reads the build of the eras
def test_a_trip_of_2009_is_explained_from_its_point_to_its_cells(eras: Era) -> None:
    warehouse = eras.warehouse
    settings = Settings(warehouse.project, warehouse.data, "1GB")
    ids = "select min(trip_id) from fact_trips where service_type = 'Yellow' and file_month = '2009-01-01' and"
    inside = warehouse.scalar(f"{ids} not is_pickup_point_outside_zones")
    outside = warehouse.scalar(f"{ids} is_pickup_point_outside_zones and vendor_id = 103")
    with open_reader(settings, None) as reader:
        thresholds = read_thresholds(settings)
        found, lost = (
            explain_trip(reader.select, str(trip), thresholds) for trip in (inside, outside)
        )
    assert found.adds_up, found.problems
    assert lost.adds_up, lost.problems
    assert found.raw["pickup_longitude"] is not None
    assert found.members["pickup_zone_id"] != "Unknown zone"
    assert lost.members["vendor_id"] == "Digital Dispatch Systems"
    [flag] = [flag for flag in lost.flags if flag.name == "is_pickup_point_outside_zones"]
    assert flag.evidence.startswith("no taxi zone contains the point ")
