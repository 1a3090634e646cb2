"""The reader of the DuckDB warehouse: each way in which it cannot be read is named."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses.embedded import open_embedded
from warehouse import REPOSITORY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(REPOSITORY, tmp_path, "100MB")


def test_a_warehouse_that_is_not_there(settings: Settings) -> None:
    with pytest.raises(TaxiError, match="there is no warehouse yet"), open_embedded(settings):
        pass


def test_a_file_that_is_no_database(settings: Settings) -> None:
    settings.warehouse_path.write_bytes(b"not a database" * 1000)
    with pytest.raises(TaxiError, match="DuckDB cannot open it"), open_embedded(settings):
        pass


def test_a_warehouse_that_is_being_written(settings: Settings) -> None:
    writer = "import duckdb, sys\nheld = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(settings.warehouse_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(TaxiError, match="another process is"), open_embedded(settings):
            pass


def test_a_lake_that_is_gone(settings: Settings, tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(f"copy (select 1 as trip_id) to '{part}'")
        connection.execute(f"create view trips as from '{part}'")
    with open_embedded(settings) as reader:
        assert reader.query("from trips") == [(1,)]
        part.unlink()
        with pytest.raises(TaxiError, match="TAXI_DATA_DIR must hold the lake"):
            reader.query("from trips")
        with pytest.raises(TaxiError, match="Build it first"):
            reader.query("from fact_trips")
