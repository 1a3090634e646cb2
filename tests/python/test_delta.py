"""The lake as Delta tables: as the manifest says, now and at every version before."""

import signal
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from buckets import in_environment, s3_server
from taxi_pipeline import workflow
from taxi_pipeline.ingest import ingest_file
from taxi_pipeline.lake import Lake, open_storage
from taxi_pipeline.lake.delta import sync_delta, sync_where_present
from taxi_pipeline.lake.lake import name_of
from taxi_pipeline.schemas import Service
from trip_files import YELLOW_NAME, Workplace, yellow_rows, yellow_text

APRIL = "yellow_tripdata_2019-04.csv"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def table(place: Workplace, version: int | None = None) -> DeltaTable:
    return DeltaTable(place.lake.storage.location(Service.YELLOW), version=version)


def held(place: Workplace) -> set[str]:
    return {Path(uri).stem for uri in table(place).file_uris()}


def current(place: Workplace) -> set[str]:
    return {entry.load_id for entry in place.lake.current()}


def revenue(version: DeltaTable) -> Decimal:
    trips = version.to_pyarrow_dataset()  # noqa: F841 - DuckDB reads it by its name
    row = duckdb.sql(
        "select sum(total_amount) from trips where file_month = '2019-03-01'"
    ).fetchone()
    assert row is not None
    return Decimal(row[0])


def test_revenue_as_it_was_before_a_restatement_is_read_by_version(place: Workplace) -> None:
    first = place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(2)))
    place.ingest_text(APRIL, yellow_text(*yellow_rows(1)))
    version = sync_delta(place.lake)[Service.YELLOW]
    assert held(place) == current(place)
    workflow.ingest(place.settings, [place.write(YELLOW_NAME, yellow_text(*yellow_rows(5)))])
    assert held(place) == current(place)
    [second] = [entry for entry in place.lake.current() if entry.file_month == first.file_month]
    assert revenue(table(place)) == Decimal(second.total_amount or 0)
    assert revenue(table(place, version)) == Decimal(first.total_amount or 0)
    frame = table(place, version).to_pandas()
    assert frame.loc[frame.file_month.astype(str) == "2019-03-01"].total_amount.sum() == Decimal(
        first.total_amount or 0
    )


def test_versions_of_before_the_table_are_versions_of_it(place: Workplace) -> None:
    entries = [
        place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(rows))) for rows in (2, 3, 4)
    ]
    last = sync_delta(place.lake)[Service.YELLOW]
    assert [revenue(table(place, last - before)) for before in (2, 1, 0)] == [
        Decimal(entry.total_amount or 0) for entry in entries
    ]
    assert sync_delta(place.lake)[Service.YELLOW] == last, "nothing has changed"


def test_a_forgotten_month_leaves_the_table(place: Workplace) -> None:
    gone = place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(2)))
    stays = place.ingest_text(APRIL, yellow_text(*yellow_rows(2)))
    sync_delta(place.lake)
    place.lake.forget([gone])
    sync_where_present(place.lake)
    assert held(place) == {stays.load_id}
    place.lake.prune(place.lake.prunable())
    assert table(place).to_pyarrow_dataset().count_rows() == 2


def test_a_log_that_a_dead_process_left_behind_is_completed(place: Workplace) -> None:
    place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(2)))
    sync_delta(place.lake)
    path = place.write(YELLOW_NAME, yellow_text(*yellow_rows(3)))
    run = place.start(
        "import taxi_pipeline.workflow as workflow\n"
        "workflow.sync_where_present = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "workflow.ingest(settings, [argv[0]])",
        path,
    )
    run.communicate()
    assert run.returncode == -signal.SIGKILL
    assert held(place) != current(place)
    workflow.ingest(place.settings, [path])
    assert held(place) == current(place)


def test_nobody_who_has_not_asked_gets_a_log(place: Workplace) -> None:
    workflow.ingest(place.settings, [place.write(YELLOW_NAME, yellow_text(*yellow_rows(2)))])
    assert not list(place.root.rglob("_delta_log"))


def test_a_lake_in_a_bucket_is_a_table_too(place: Workplace) -> None:
    with s3_server() as server, in_environment(server.environment):
        lake = Lake(open_storage(server.url.replace(" ", "-"), place.settings.data_dir))
        path = place.write(YELLOW_NAME, yellow_text(*yellow_rows(2)))
        ingest_file(path, lake, place.settings)
        sync_delta(lake)
        options = {"AWS_ALLOW_HTTP": "true"}
        there = DeltaTable(lake.storage.location(Service.YELLOW), storage_options=options)
        assert [uri.split("/yellow/")[1] for uri in there.file_uris()] == [
            name_of(entry).removeprefix("yellow/") for entry in lake.current()
        ]
        assert there.to_pyarrow_dataset().count_rows() == 2
