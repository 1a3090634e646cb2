"""Whatever comes in whatever order: the same tables as one full refresh, row for row."""

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SharedBuild
from taxi_pipeline.sample import write_sample
from trip_files import restate
from warehouse import Warehouse, copy_project, differences

pytestmark = pytest.mark.build  # builds, one after the other

MARTS_WITH_COMPLETENESS = {
    "mart_monthly_zone_revenue",
    "mart_daily_service_summary",
    "mart_fare_audit",
    "mart_hourly_borough_trips",
    "mart_monthly_payment_mix",
    "mart_monthly_rejects",
    "mart_monthly_tip_rates",
    "mart_monthly_zone_flows",
    "mart_data_quality",
    "rpt_trips_daily",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_sample(folder, scale=0.1)
    return folder


def build_with(warehouse: Warehouse, *files: Path) -> None:
    """What `taxi run` does up to the pages."""
    warehouse.taxi("ingest", *map(str, files))
    warehouse.taxi("build")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def at_once(
    project: Path, sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """Everything in one build."""
    return replace(sample_run.copy(tmp_path_factory.mktemp("at_once")), project=project)


@pytest.fixture
def standing(at_once: Warehouse, project: Path, tmp_path: Path) -> Warehouse:
    """A copy of that warehouse to change."""
    data = tmp_path / "data"
    shutil.copytree(at_once.data, data)
    return Warehouse(project, data)


def test_where_only_the_lake_has_changed_what_does_not_read_it_is_left_alone(
    standing: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    # The copy is another file than the one that was built: everything is built.
    everything = re.findall(r"\d+ relations built, \d+ tests passed", standing.taxi("build"))
    restated = restate(
        files / "green_tripdata_2025-12.parquet",
        tmp_path / "restated",
        "* replace (tip_amount + 1 as tip_amount, total_amount + 1 as total_amount)",
    )
    standing.taxi("ingest", str(restated))
    printed = standing.taxi("build")
    assert "Only what reads the lake is built" in printed
    assert "model fact_trips" in printed
    for other in ("seed vendors", "model dim_zones", "snapshot snap_taxi_zones"):
        assert other not in printed
    of_tests = "select service_type, file_month, load_id from file_ledger where model = 'tests'"
    assert standing.query(f"{of_tests} order by all") == standing.query(
        f"{of_tests.replace('tests', 'fact_trips')} order by all"
    )
    assert (
        standing.query(
            "select node from node_states where status not in ('success', 'pass', 'warn')"
        )
        == []
    )
    again = standing.taxi("build")
    assert "dbt was not started" in again
    assert re.findall(r"\d+ relations built, \d+ tests passed", again) == everything
    copy = tmp_path / "copy"
    shutil.copytree(standing.data, copy)
    refreshed = Warehouse(project, copy)
    refreshed.taxi("build", "--full-refresh")
    assert differences(standing, refreshed) == {}


@pytest.mark.full  # builds of its own
def test_months_one_by_one_backwards_give_what_one_full_refresh_gives(
    at_once: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    for month in ("2025-12", "2025-11", "2025-10"):
        build_with(warehouse, *files.glob(f"*_{month}.parquet"))
    assert differences(at_once, warehouse) == {}


def test_services_one_by_one_in_one_order_give_what_one_full_refresh_gives(
    at_once: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    for service in ("fhv", "yellow", "fhvhv", "green"):
        for path in sorted(files.glob(f"{service}_*.parquet")):
            warehouse.taxi("ingest", str(path))
        warehouse.taxi("build")
    assert differences(at_once, warehouse) == {}


def test_a_restated_month_replaces_its_rows_and_no_others(
    standing: Warehouse, at_once: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    restated = restate(
        files / "yellow_tripdata_2025-11.parquet",
        tmp_path / "restated",
        "* replace (fare_amount + 0.7 as fare_amount, total_amount + 0.7 as total_amount)",
    )
    build_with(standing, restated)
    differing = f"""
        select distinct new.service_type, new.file_month
        from fact_trips as new
        anti join (select * from read_parquet('{tmp_path / "old.parquet"}')) as old
            on new.trip_id = old.trip_id and new.total_amount is not distinct from old.total_amount
    """
    with at_once.connect(read_only=True) as connection:
        connection.execute(f"copy fact_trips to '{tmp_path / 'old.parquet'}'")
    assert [(service, str(month)) for service, month in standing.query(differing)] == [
        ("Yellow", "2025-11-01")
    ]

    fresh = Warehouse(project, tmp_path / "fresh")
    others = [path for path in files.glob("*.parquet") if path.name != restated.name]
    build_with(fresh, restated, *others)
    assert differences(standing, fresh) == {}
    assert (
        standing.scalar("select count(*) from stg_ingested_files where superseded_at is not null")
        == 1
    )


@pytest.mark.full  # a rare form of a restatement
def test_a_restated_month_without_faults_leaves_no_old_rejected_rows(
    standing: Warehouse, files: Path, tmp_path: Path
) -> None:
    month = "service_type = 'FHV' and file_month = '2025-12-01'"
    assert standing.scalar(f"select count(*) from rejected_trips where {month}") > 0
    restated = restate(
        files / "fhv_tripdata_2025-12.parquet",
        tmp_path / "restated",
        "* replace (timestamp '2025-12-05 10:00' as pickup_datetime, timestamp '2025-12-05 10:10' as dropOff_datetime)",
    )
    build_with(standing, restated)
    assert standing.scalar(f"select count(*) from rejected_trips where {month}") == 0
    day = "service_type = 'FHV' and pickup_date = '2025-12-05'"
    assert standing.scalar(
        f"select sum(row_count) from mart_daily_service_summary where {day}"
    ) == standing.scalar(f"select count(*) from fact_trips where {day}")


def test_a_build_without_changes_selects_no_rows(standing: Warehouse, at_once: Warehouse) -> None:
    standing.taxi("build")
    compiled = standing.project / "target" / "compiled" / "nyc_taxi"
    for model in (
        "intermediate/int_metered_twins",
        "marts/core/fact_trips",
        "marts/reporting/rpt_trips_daily",
        "marts/reporting/mart_monthly_zone_revenue",
        "marts/reporting/mart_data_quality",
    ):
        assert "1 = 0" in (compiled / "models" / f"{model}.sql").read_text(), model
    for test in compiled.glob("tests/assert_every_source_row*.sql"):
        assert test.read_text().count("1 = 0") == 4
    assert differences(standing, at_once) == {}


def test_a_full_refresh_is_tested_in_full(standing: Warehouse) -> None:
    standing.taxi("build", "--full-refresh")
    compiled = standing.project / "target" / "compiled" / "nyc_taxi" / "tests"
    [claim] = compiled.glob("assert_every_source_row*.sql")
    assert claim.read_text().count("1 = 1") == 4, (
        "manifest, lake, accepted and rejected without a condition"
    )


@pytest.mark.full  # a fault, in six builds
def test_a_file_that_failed_its_tests_is_looked_at_again_until_it_passes(
    standing: Warehouse, files: Path, tmp_path: Path
) -> None:
    restated = restate(
        files / "green_tripdata_2025-12.parquet", tmp_path / "restated", "*", limit=100
    )
    standing.taxi("ingest", str(restated))
    standing.taxi("build")
    with standing.connect() as connection:
        connection.execute(
            "delete from fact_trips where service_type = 'Green' and file_month = '2025-12-01' and source_row = 50"
        )
    claim = "assert_every_source_row_is_accepted_or_rejected_exactly_once"
    kept = f"select * from nyc_taxi_test_failures.{claim}"
    standing.taxi("build")  # looks at what changed, and nothing has
    for check in ("all", "changed", "changed"):
        printed = standing.taxi("build", "--vars", f"check: {check}", exit_code=1)
        assert f'"nyc_taxi_test_failures"."{claim}"' in printed
        [(service, month, *_)] = standing.query(kept)
        assert (service, str(month)) == ("Green", "2025-12-01")
    standing.taxi("build", "--full-refresh")
    assert standing.query(kept) == []
    ledger = "select count(*) from file_ledger where model = 'tests'"
    assert standing.scalar(ledger) == len(list(files.glob("*.parquet")))


@pytest.mark.full  # builds of its own
def test_rows_that_were_deleted_by_hand_are_found_when_everything_is_checked(
    standing: Warehouse,
) -> None:
    before = standing.scalar("select count(*) from fact_trips")
    with standing.connect() as connection:
        connection.execute(
            "delete from fact_trips where trip_id in (select max(trip_id) from fact_trips)"
        )
    standing.taxi("build")  # it looks at what has changed in the lake
    printed = standing.taxi("build", "--vars", "check: all", exit_code=1)
    assert "assert_every_source_row_is_accepted_or_rejected_exactly_once" in printed
    assert "not every table and test has passed" in standing.taxi("site", exit_code=1)
    standing.taxi("build", "--full-refresh")
    assert standing.scalar("select count(*) from fact_trips") == before


@pytest.mark.full  # builds of its own
def test_a_partial_build_never_marks_a_file_as_loaded_downstream(
    standing: Warehouse, at_once: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    restated = restate(
        files / "green_tripdata_2025-10.parquet",
        tmp_path / "restated",
        "* replace (fare_amount + 1 as fare_amount)",
    )
    standing.taxi("ingest", str(restated))
    standing.taxi("build", "--select", "mart_monthly_zone_revenue")
    standing.taxi("build", "--select", "fact_trips")
    assert differences(standing, at_once) == {}
    standing.taxi("build")
    assert set(differences(standing, at_once)) == {
        "fact_trips",
        "rejected_trips",
        "fact_file_completeness",  # the program that wrote the file is another
        "mart_source_completeness",
        "mart_monthly_zone_revenue",
        "mart_daily_service_summary",
        "mart_fare_audit",
        "mart_monthly_tip_rates",
        "rpt_trips_daily",
    }


@pytest.mark.full  # parts of builds, in other orders
def test_a_mart_of_two_tables_follows_whichever_of_them_was_built(
    standing: Warehouse, at_once: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    restated = restate(
        files / "yellow_tripdata_2025-12.parquet", tmp_path / "restated", "*", limit=500
    )
    month = "service_type = 'Yellow' and file_month = '2025-12-01'"
    source_rows = (
        "select distinct checked_row_count from mart_data_quality"
        f" where {month} and check_kind = 'reject'"
    )
    tables = {
        name: f"select count(*) from {name} where {month}"
        for name in ("fact_trips", "rejected_trips")
    }
    both = " + ".join(f"({count})" for count in tables.values())
    standing.taxi("ingest", str(restated))
    for built in ("+rejected_trips", "fact_trips"):
        standing.dbt("run", "--target", "dev", "--select", built)
        standing.dbt("run", "--target", "dev", "--select", "mart_data_quality")
        assert standing.scalar(source_rows) == standing.scalar(f"select {both}"), built
    assert standing.scalar(source_rows) == 500
    standing.taxi("build")
    fresh = Warehouse(project, tmp_path / "fresh")
    others = [path for path in files.glob("*.parquet") if path.name != restated.name]
    build_with(fresh, restated, *others)
    assert differences(standing, fresh) == {}


@pytest.mark.full  # a fault
def test_a_build_that_is_killed_leaves_the_old_state_and_the_next_one_completes(
    standing: Warehouse, at_once: Warehouse, files: Path, tmp_path: Path
) -> None:
    restated = restate(
        files / "yellow_tripdata_2025-10.parquet", tmp_path / "restated", "*", limit=1000
    )
    standing.taxi("ingest", str(restated))
    log = standing.project / "logs" / "dbt.log"
    log.unlink(missing_ok=True)
    process = subprocess.Popen(
        standing.taxi_command("build"),
        cwd=standing.project,
        env=standing.environment,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        log.exists() and "model.nyc_taxi.fact_trips" in log.read_text()
    ):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    count = "select count(*) from fact_trips where service_type = 'Yellow' and file_month = '2025-10-01'"
    when_killed = standing.scalar(count)
    standing.taxi("build")
    assert when_killed in {at_once.scalar(count), standing.scalar(count)}
    accepted_and_rejected = f"select ({count}) + ({count.replace('fact_trips', 'rejected_trips')})"
    assert standing.scalar(accepted_and_rejected) == 1000


@pytest.mark.full  # two commands that wait for each other
def test_two_builds_at_once_wait_for_each_other(standing: Warehouse, at_once: Warehouse) -> None:
    commands = [
        standing.start("build", "--full-refresh", "--select", "fact_trips+") for _ in range(2)
    ]
    outputs = [command.communicate()[0] for command in commands]
    assert [command.returncode for command in commands] == [0, 0], outputs
    assert any("waiting for it to finish" in output for output in outputs)
    assert differences(standing, at_once) == {}


@pytest.mark.full  # the build in another way
def test_dbt_build_by_hand_does_the_same_as_taxi_build(
    at_once: Warehouse, project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    warehouse.taxi("ingest", *(str(path) for path in sorted(files.glob("*-10.parquet"))))
    warehouse.dbt("build", "--target", "dev")
    warehouse.taxi("ingest", str(files))
    warehouse.dbt("build", "--target", "dev")
    assert differences(at_once, warehouse) == {}


@pytest.mark.full  # a rare lake
def test_one_service_or_one_month_builds_like_any_other_lake(
    project: Path, files: Path, tmp_path: Path
) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    build_with(warehouse, files / "fhv_tripdata_2025-11.parquet")
    assert warehouse.query("select distinct service_type from fact_trips") == [("FHV",)]
    assert warehouse.scalar("select count(*) from mart_monthly_zone_revenue") == 0


@pytest.mark.full  # two builds after a rare change
def test_a_changed_official_count_reaches_the_marts_without_a_new_file(
    at_once: Warehouse, tmp_path: Path
) -> None:
    """Only the month in question is built again; the result is that of a full refresh."""
    data = tmp_path / "data"
    shutil.copytree(at_once.data, data)
    warehouse = Warehouse(copy_project(tmp_path / "project"), data)
    seed = warehouse.project / "seeds" / "published_trip_counts.csv"
    text = seed.read_text()
    counts = [line.split(",")[2] for line in text.splitlines() if line.startswith("green,2025-11,")]
    seed.write_text(text.replace(f"green,2025-11,{counts[0]},", "green,2025-11,10000,"))
    before = at_once.scalar(
        "select row_count from fact_file_completeness where service_type = 'Green' and file_month = '2025-11-01'"
    )
    warehouse.taxi("build")
    assert set(differences(at_once, warehouse)) == {
        *MARTS_WITH_COMPLETENESS,
        "fact_file_completeness",
        "mart_source_completeness",
    }
    compiled = warehouse.project / "target" / "compiled" / "nyc_taxi" / "models" / "marts"
    for mart in MARTS_WITH_COMPLETENESS - {"mart_daily_service_summary"}:
        sql = (compiled / "reporting" / f"{mart}.sql").read_text()
        assert "(service_type = 'Green' and file_month in (cast('2025-11-01' as date)))" in sql, (
            mart
        )
    assert "1 = 0" in (compiled / "core" / "fact_trips.sql").read_text()
    for mart in MARTS_WITH_COMPLETENESS:
        month = "date_trunc('month', pickup_date)" if "daily_service" in mart else "file_month"
        assert warehouse.query(
            f"select distinct official_row_share * 10000 from {mart}"
            f" where service_type = 'Green' and {month} = '2025-11-01'"
        ) in ([(before,)], []), mart
    refreshed = Warehouse(warehouse.project, tmp_path / "refreshed")
    shutil.copytree(data, refreshed.data)
    refreshed.taxi("build", "--full-refresh")
    assert differences(warehouse, refreshed) == {}
