"""Files as other people keep them: what can be read is built, and the rest is named."""

import shutil
from pathlib import Path

import duckdb
import pytest

from real_files import real_file
from taxi_pipeline.bench.made_up_files import write_file
from taxi_pipeline.schemas import Service
from trip_files import CASES
from warehouse import Warehouse, copy_project

pytestmark = pytest.mark.full  # every file that somebody could not load

UNREADABLE = {
    "2018_Yellow_Taxi_Trip_Data.csv": "its name does not say which service and month it holds",
    "yellow_tripdata_2020-04 (1).csv": "by its name it is a copy of yellow_tripdata_2020-04.csv",
}


def csv_month(folder: Path) -> Path:
    """A made-up month with about as many rows as the CSV copy of it has."""
    made = write_file(folder, Service.GREEN, "2020-04", 34_000)
    path = folder / f"{made.stem}.csv"
    duckdb.execute(f"copy (from '{made}') to '{path}' (header)")
    made.unlink()
    return path


def test_what_can_be_read_is_built_and_the_rest_is_listed_at_the_end(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "in"
    for case in ("official_before_2016", "hvfhv_beside_yellow", "nested_folders", "part_files"):
        shutil.copytree(CASES / case, folder / case)
    shutil.copy(CASES / "open_data" / "2018_Yellow_Taxi_Trip_Data.csv", folder)
    original = csv_month(tmp_path)
    copy = folder / f"{original.stem}.parquet"  # as the course's script makes it
    duckdb.execute(f"copy (from read_csv('{original}')) to '{copy}' (format parquet)")
    # Real trips of 2015-01 in the columns of TLC's Parquet file; the zones are made up.
    real = real_file("eras/yellow_tripdata_2015-01.csv")
    month = folder / "official_before_2016" / "yellow_tripdata_2015-01.parquet"
    month.unlink()
    duckdb.execute(
        "copy (select columns(c -> c not like '%itude'), 132 as PULocationID, null::int as DOLocationID"
        f" from read_csv('{real}')) to '{month}'"
    )
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    # The rows of 2020-04 are made up, and their miles do not agree with the map.
    printed = warehouse.taxi("run", "--accept-critical", str(folder), exit_code=2)
    for name, reason in UNREADABLE.items():
        assert printed.count(f"/{name}: {reason}") == 2
    assert (warehouse.data / "site" / "index.html").exists()
    months = "service_type || ' ' || strftime(file_month, '%Y-%m')"
    assert dict(warehouse.query(f"select {months}, count(*) from fact_trips group by 1")) == {
        "FHV 2016-01": 200,
        "Green 2014-01": 200,
        "Green 2020-04": 33_997,  # three of the made-up trips are no trips
        "HVFHV 2024-01": 300,
        "Yellow 2015-01": 1_999,
        "Yellow 2020-01": 50,
        "Yellow 2020-02": 50,
        "Yellow 2020-03": 50,
        "Yellow 2020-05": 50,
        "Yellow 2021-01": 200,
        "Yellow 2024-01": 300,
    }
    assert warehouse.query(
        "select fare_check, count(*) from fact_trips"
        " where service_type = 'Yellow' and file_month = date '2015-01-01' group by 1 order by 1"
    ) == [("improvement_unitemized", 90), ("ok", 1_909)]
    edition = (
        "select source_format, edition, row_count_check from mart_source_completeness"
        " where service_type = 'Green' and file_month = date '2020-04-01'"
    )
    assert warehouse.query(edition) == [("parquet (DuckDB)", "datatalks_csv", "within_band")]

    warehouse.taxi("ingest", "--accept-critical", str(original))
    warehouse.taxi("build")
    assert warehouse.query(edition) == [("csv", "datatalks_csv", "within_band")]


def test_where_no_file_can_be_read_nothing_is_built(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    case = CASES / "open_data" / "2018_Yellow_Taxi_Trip_Data.csv"
    printed = warehouse.taxi("run", str(case), "http://[::1/x.csv", "x" * 5_000, exit_code=2)
    assert len(printed.splitlines()) == 3
    assert "Traceback" not in printed
    assert not (tmp_path / "data" / "warehouse.duckdb").exists()
