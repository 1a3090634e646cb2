"""The benchmark at a tiny scale: it runs, its rows add up, its tables equal a full refresh."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from taxi_pipeline.bench import published_rows
from taxi_pipeline.settings import load_settings
from warehouse import Warehouse, copy_project

pytestmark = pytest.mark.xdist_group("pipeline")


def test_the_lake_has_the_published_size_of_2019_and_2020() -> None:
    counts = list(published_rows(load_settings()))
    assert sum(rows for service, _, rows in counts if service == "yellow") == 109_247_536
    assert sum(rows for service, _, rows in counts if service == "green") == 8_035_161
    assert sum(rows for service, _, rows in counts if service == "fhv") == 43_261_276
    assert len(counts) == 24 + 24 + 12


def test_bench_measures_every_step_and_compares_with_a_full_refresh(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    printed = warehouse.taxi("bench", "--scale", "0.0001", "--memory", "1GB")
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
    assert not (warehouse.data / "bench").exists()


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
