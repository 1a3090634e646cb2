"""Bringing the lake into a server: only what changed, wholly or not at all, and on again after a fault."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from servers import free_port
from servers.bigquery import BigQueryServer, find_python, run_bigquery
from servers.postgres import PostgresServer, run_postgres
from taxi_pipeline.lake import Lake
from taxi_pipeline.load import plan_load
from taxi_pipeline.sample import write_sample
from taxi_pipeline.schemas import Service
from taxi_pipeline.warehouses.base import arrow_schema
from trip_files import restate
from warehouse import Warehouse, copy_project

pytestmark = pytest.mark.xdist_group("load")

COPIES = 200
"""Times the rows of a month of the small sample: a load that takes long enough to be cut off."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("load") / "project")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_sample(folder, 0.1)
    return folder


@pytest.fixture(scope="module")
def large(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another version of one yellow month, of half a million rows."""
    return restate(
        files / "yellow_tripdata_2025-11.parquet",
        tmp_path_factory.mktemp("large"),
        "*",
        copies=COPIES,
    )


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture
def loaded(
    postgres: PostgresServer, project: Path, files: Path, tmp_path: Path
) -> Callable[[str], Warehouse]:
    """A lake that Postgres holds already, in a schema of its own."""

    def load(schema: str) -> Warehouse:
        variables = {**postgres.environment, "TAXI_RAW_SCHEMA": schema}
        warehouse = Warehouse(project, tmp_path / "data", variables)
        warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("yellow*"))))
        warehouse.taxi("load", "--target", "postgres")
        return warehouse

    return load


def rows(server: PostgresServer, schema: str) -> int:
    [(count,)] = server.query(f"select count(*) from {schema}.yellow")
    return int(count)


def versions(server: PostgresServer, schema: str) -> set[str]:
    """The load_id of each file that the server holds."""
    sql = f"select load_id from {schema}.manifest where superseded_at is null"
    return {str(load_id) for (load_id,) in server.query(sql)}


def the_lakes(warehouse: Warehouse) -> set[str]:
    return {entry.load_id for entry in Lake(warehouse.data / "lake").current()}


def with_variables(warehouse: Warehouse, **variables: str) -> Warehouse:
    return replace(warehouse, variables={**warehouse.variables, **variables})


def test_a_plan_names_new_restated_and_gone_files_and_no_others(
    project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("yellow*"))))
    lake = Lake(warehouse.data / "lake")
    same, other, new = lake.history()
    present = {
        same.key: same.load_id,
        other.key: "another",
        ("Green", "2019-01-01"): "gone",
    }
    plan = {partition.key: partition for partition in plan_load(lake.history(), present, lake)}
    assert plan.keys() == {other.key, new.key, ("Green", "2019-01-01")}
    assert plan["Green", "2019-01-01"].path is None
    assert plan[other.key].rows == other.row_count
    assert plan_load(lake.history(), {e.key: e.load_id for e in lake.history()}, lake) == []


@pytest.mark.parametrize("service", list(Service))
def test_partitions_have_the_one_schema_that_loaders_take(
    service: Service, project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", str(files / f"{service}_tripdata_2025-11.parquet"))
    [part] = (warehouse.data / "lake" / service).glob("file_month=*/part.parquet")
    assert pq.read_schema(part).remove_metadata() == arrow_schema(service)
    assert pa.types.is_decimal(arrow_schema(Service.YELLOW).field("total_amount").type)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DBT_ENV_SECRET_PG_PASSWORD": "wrong-word"}, "password authentication failed"),
        ({"DBT_PG_DATABASE": "nowhere"}, 'database "nowhere" does not exist'),
        ({"DBT_PG_PORT": str(free_port())}, "refused"),
    ],
)
def test_what_keeps_a_load_from_starting_is_one_line_without_the_secret(
    variables: dict[str, str], said: str, loaded: Callable[[str], Warehouse]
) -> None:
    printed = with_variables(loaded("raw_start"), **variables).taxi(
        "load", "--target", "postgres", exit_code=2
    )
    assert said in printed
    assert len(printed.strip().splitlines()) == 1
    assert "DBT_" in printed  # the way out
    assert "wrong-word" not in printed


def test_a_target_that_reads_the_lake_in_place_or_is_unknown_cannot_be_loaded(
    project: Path, tmp_path: Path, files: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", str(files / "fhv_tripdata_2025-11.parquet"))
    assert "in place" in warehouse.taxi("load", "--target", "dev", exit_code=2)
    assert "nowhere" in warehouse.taxi("load", "--target", "nowhere", exit_code=2)
    unset = warehouse.taxi("load", "--target", "prod", exit_code=2)
    assert "DBT_BQ_PROJECT" in unset


def test_a_connection_that_is_cut_leaves_the_old_rows_and_the_next_load_completes(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], large: Path
) -> None:
    warehouse = loaded("raw_cut")
    before = rows(postgres, "raw_cut"), versions(postgres, "raw_cut")
    warehouse.taxi("ingest", str(large))
    with subprocess.Popen(
        warehouse.taxi_command("load", "--target", "postgres"),
        cwd=warehouse.project,
        env=warehouse.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as load:
        with postgres.connect() as connection, connection.cursor() as cursor:
            while load.poll() is None:
                cursor.execute(
                    "select pg_terminate_backend(pid)::text from pg_stat_progress_copy where tuples_processed > 1000"
                )
                if cursor.fetchall():
                    break
                time.sleep(0.002)
        assert load.stdout is not None
        printed = load.stdout.read()
    assert load.returncode == 2, printed
    assert "goes on where this one stopped" in printed
    assert (rows(postgres, "raw_cut"), versions(postgres, "raw_cut")) == before
    assert "1 files loaded" in warehouse.taxi("load", "--target", "postgres")
    assert rows(postgres, "raw_cut") > before[0] * 10
    assert versions(postgres, "raw_cut") == the_lakes(warehouse)


def test_a_full_disk_leaves_the_old_rows_and_the_next_load_completes(
    project: Path, files: Path, large: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="taxi-pg-"))  # where the server's own user may enter
    warehouse = Warehouse(project, tmp_path_factory.mktemp("full") / "data")
    warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("yellow*"))))
    try:
        # More than a segment of the server's log (16 MB), less than the partition.
        with run_postgres(folder, largest_file=20 << 20) as server:
            full = with_variables(warehouse, **server.environment)
            full.taxi("load", "--target", "postgres")
            before = rows(server, "raw"), versions(server, "raw")
            warehouse.taxi("ingest", str(large))
            printed = full.taxi("load", "--target", "postgres", exit_code=2)
            assert "Free some space" in printed
            assert (rows(server, "raw"), versions(server, "raw")) == before
        with run_postgres(folder) as server:
            again = with_variables(warehouse, **server.environment)
            assert "1 files loaded" in again.taxi("load", "--target", "postgres")
            assert versions(server, "raw") == the_lakes(warehouse)
    finally:
        shutil.rmtree(folder)


def test_two_loads_at_once_wait_for_each_other(
    postgres: PostgresServer, loaded: Callable[[str], Warehouse], large: Path
) -> None:
    warehouse = loaded("raw_two")
    warehouse.taxi("ingest", str(large))
    command = warehouse.taxi_command("load", "--target", "postgres")
    processes = [
        subprocess.Popen(
            command,
            cwd=warehouse.project,
            env=warehouse.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert sorted("1 files loaded" in text for text in printed) == [False, True]
    assert versions(postgres, "raw_two") == the_lakes(warehouse)


def test_bigquery_that_goes_away_leaves_whole_months_and_the_next_load_completes(
    project: Path, files: Path, tmp_path: Path
) -> None:
    python = find_python()
    if python is None:
        pytest.skip("the BigQuery emulator needs Python 3.13: put python3.13 on the path")
    data = tmp_path / "bigquery"
    data.mkdir()
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", str(files))
    with run_bigquery(python, data) as server:
        partly = with_variables(warehouse, **server.environment)
        with subprocess.Popen(
            partly.taxi_command("load", "--target", "prod"),
            cwd=project,
            env={**partly.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as load:
            assert load.stdout is not None
            printed = ""
            for line in load.stdout:
                printed += line
                if "loading  Green 2025-11" in line:
                    server.process.kill()
        assert load.returncode == 2, printed
        assert "DBT_BQ_API_ENDPOINT" in printed
    with run_bigquery(python, data) as server:
        again = with_variables(warehouse, **server.environment)
        printed = again.taxi("load", "--target", "prod")
        assert "loading  FHV 2025-10" not in printed
        assert "loading  Yellow 2025-12" in printed
        assert _rows_by_month(server) == {
            (entry.service_type, entry.file_month): entry.row_count
            for entry in Lake(warehouse.data / "lake").current()
        }


def _rows_by_month(server: BigQueryServer) -> dict[tuple[str, str], int]:
    counts = {}
    for service in Service:
        sql = f"select service_type, cast(file_month as string), count(*) from raw.{service} group by 1, 2"
        counts.update({(name, month): count for name, month, count in server.query(sql)})
    return counts
