"""The benchmark at a tiny scale: it runs, its rows add up, its tables equal a full refresh."""

import platform
import re
import subprocess
import time
from pathlib import Path

import pytest

from taxi_pipeline.bench.history import compare_results, read_results
from taxi_pipeline.bench.made_up_files import published_rows
from taxi_pipeline.bench.measure import QUERIES
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.settings import load_settings
from warehouse import Warehouse, copy_project

pytestmark = pytest.mark.full  # it builds at scale and in little memory


def test_the_lake_has_the_published_size_of_2019_and_2020() -> None:
    counts = list(published_rows(load_settings()))
    assert sum(rows for service, _, rows in counts if service == "yellow") == 109_247_536
    assert sum(rows for service, _, rows in counts if service == "green") == 8_035_161
    assert sum(rows for service, _, rows in counts if service == "fhv") == 43_261_276
    assert len(counts) == 24 + 24 + 12


def test_years_take_every_month_that_tlc_has_published_of_all_services() -> None:
    counts = list(published_rows(load_settings(), range(2009, 2027)))
    assert {service for service, _, _ in counts} == set(Service)
    assert len(counts) == len(read_seed("published_trip_counts"))
    assert sum(rows for _, _, rows in counts) > 3_400_000_000
    [january] = [
        (month, rows)
        for service, month, rows in published_rows(load_settings(), range(2021, 2022))
        if service == "fhvhv" and month == "2021-01"
    ]
    assert january == ("2021-01", 11_908_468)


def test_bench_measures_every_step_and_compares_with_a_full_refresh(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    printed = warehouse.taxi(
        "bench",
        "--years",
        "2019-2019",
        "--scale",
        "0.0001",
        "--memory",
        "1GB",
        "--to",
        str(tmp_path / "kept"),
    )
    steps = re.findall(r"│ +0\.0001 │ ([^│]+?) +│ +([\d,]+) │", printed)
    assert [name for name, _ in steps] == [
        "floor: create table as select",
        "ingest",
        "full build and tests",
        "one month: ingest",
        "one month: build and tests",
        "build without changes",
    ]
    assert len({rows for _, rows in steps[:3]}) == 1
    assert "the tables equal a full refresh" in printed
    assert "Queries at scale 0.0001: trips by service " in printed
    [kept] = (tmp_path / "kept").glob("*.json")
    result = read_results(kept)
    assert [step["name"] for step in result["reports"][0]["steps"]] == [name for name, _ in steps]
    assert all(step["cpu_seconds"] > 0 for step in result["reports"][0]["steps"])
    assert list(result["reports"][0]["queries"]) == list(QUERIES)
    assert len(result["reports"][0]["nodes"]) == 10
    assert platform.node() not in kept.read_text()
    compared = warehouse.taxi("bench", "--compare", str(kept), str(kept))
    assert compared.count("x 1.00") == len(steps) + len(QUERIES)
    assert not (warehouse.data / "bench").exists()
    for years in ("2020-2019", "2019", "all"):
        assert "it is no span of years" in warehouse.taxi("bench", "--years", years, exit_code=2)


def test_a_build_in_little_memory_spills_into_the_data_folder_and_passes(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    warehouse.taxi("sample", "--scale", "3")
    warehouse.taxi("ingest", str(warehouse.data / "sample"))
    spilled: set[str] = set()
    with subprocess.Popen(
        warehouse.taxi_command("build"),
        cwd=warehouse.project,
        env={**warehouse.environment, "TAXI_MEMORY_LIMIT": "200MB"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as build:
        while build.poll() is None:
            spilled.update(path.name for path in (warehouse.data / "tmp").glob("duckdb_temp*"))
            time.sleep(0.02)
        assert build.stdout is not None
        printed = build.stdout.read()
    assert build.returncode == 0, printed
    assert spilled
    assert not list((warehouse.data / "tmp").glob("duckdb_temp*"))
    assert not list(warehouse.project.rglob("*.tmp"))


def test_two_results_are_compared_where_both_have_measured() -> None:
    def result(seconds: float, scale: float, cores: int) -> dict[str, object]:
        report = {
            "scale": scale,
            "steps": [{"name": "ingest", "seconds": seconds}],
            "queries": {"trips": 0.5},
        }
        return {
            "commit": "a",
            "measured_at": "2026-11-26",
            "machine": {"cores": cores},
            "memory_limit": "2GB",
            "reports": [report],
        }

    assert list(compare_results(result(4, 1, 2), result(3, 1, 2)))[1:] == [
        "1 ingest: 4.000 s -> 3.000 s, x 0.75",
        "1 query: trips: 0.500 s -> 0.500 s, x 1.00",
    ]
    assert len(list(compare_results(result(4, 1, 2), result(3, 0.1, 2)))) == 1
    assert "The machine differs" in list(compare_results(result(4, 1, 2), result(3, 1, 8)))[1]


@pytest.mark.parametrize("content", ["", "{}", '{"reports": [{}]}'])
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(TaxiError, match="it is no result of `taxi bench`"):
        read_results(path)
