"""Spark for real, by a Connect server: the numbers of DuckDB on the same lake.

One server for the whole file; dbt's side is the thin client, without Java.
"""

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from live_events import MART, as_windows, made_up_events, plant, windows_of
from requirements import lacking
from servers.java import PACKAGE, find_java
from servers.spark import SparkServer, run_spark
from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.bench.spark_server import OWN_SCHEMAS, server_of
from taxi_pipeline.bi.lookml import build_project
from taxi_pipeline.bi.project import read_marts
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.sample import write_sample
from taxi_pipeline.settings import Settings
from test_engines import COMPARED, plain
from trip_files import restate
from warehouse import Warehouse, address, copy_project

pytestmark = pytest.mark.full  # a Connect server in a JVM, and two builds on it

TABLES = (
    *COMPARED,
    *("dim_bases", "dim_hvfhs_licensees", "int_metered_twins", "mart_hvfhv_fare_audit"),
    "mart_market_share",
)
EXPORTED = ("fact_trips", "mart_market_share", "rpt_trips_daily", "dim_zones")
OWN = {"twin_key"}
"""A fingerprint, of which each engine has its own."""


@dataclass(frozen=True)
class Pair:
    """One lake, two warehouses.

    Attributes:
        embedded: DuckDB's.
        spark: the same project and lake with the variables of the server.
        server: behind it.
        files: of the sample.
    """

    embedded: Warehouse
    spark: Warehouse
    server: SparkServer
    files: Path

    def differences(self, *tables: str) -> dict[str, tuple[int, int]]:
        """Per table, how many rows only DuckDB and only Spark have."""
        different = {}
        for table in tables:
            columns = [
                name
                for (name,) in self.embedded.query(
                    f"select column_name from duckdb_columns() where table_name = '{table}' order by column_index"
                )
                if name not in OWN
            ]
            listed = ", ".join(columns)
            expected = self.embedded.query(f"select {listed} from {table}")
            models = [
                next((row[i] for row in expected if row[i] is not None), None)
                for i in range(len(columns))
            ]
            left = Counter(expected)
            right = Counter(
                tuple(plain(value, model) for value, model in zip(row, models, strict=True))
                for row in self.server.query(f"select {listed} from {address(table)}")
            )
            assert left or table.startswith("int_") or "restatements" in table, table
            if left != right:
                different[table] = ((left - right).total(), (right - left).total())
        return different


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A first build, a month more, a month in another version and one taken away; DuckDB does it at once."""
    if find_java() is None:
        lacking("spark", f"there is no Java 17: install {PACKAGE}")
    files = tmp_path_factory.mktemp("files")
    write_sample(files, 0.1)
    project = copy_project(tmp_path_factory.mktemp("spark") / "project")
    # Artifacts of its own: dbt parses everything anew where the target is another than before in this folder.
    parsed = {"DBT_TARGET_PATH": "target/embedded"}
    embedded = Warehouse(project, tmp_path_factory.mktemp("data"), parsed)
    with run_spark(tmp_path_factory.mktemp("server")) as server:
        # Unit tests look at no engine's tables, and cost Spark five seconds each.
        variables = {**server.environment, "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test"}
        spark = replace(embedded, variables=variables)
        embedded.taxi("ingest", *(str(path) for path in sorted(files.glob("*-10.parquet"))))
        spark.taxi("deps")
        untested = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        # The tests of all files are those of the second build.
        spark.dbt("build", "--target", "spark", *untested)
        leave_files_of_a_killed_insert(server)
        embedded.taxi("ingest", *(str(path) for path in sorted(files.glob("*-11.parquet"))))
        restated = restate(files / "yellow_tripdata_2025-10.parquet", files / "restated", "*", 1000)
        embedded.taxi("ingest", str(restated))
        embedded.taxi("forget", "green", "2025-11", "--yes")
        spark.taxi("build", "--target", "spark")
        embedded.taxi("build")
        yield Pair(embedded, spark, server, files)


def leave_files_of_a_killed_insert(server: SparkServer) -> None:
    """Files in the folder of a partition that the catalog does not know yet: an insert registers it at its end."""
    fact = server.folder / "warehouse" / "nyc_taxi.db" / "fact_trips" / "service_type=Yellow"
    shutil.copytree(fact / "file_month=2025-10-01", fact / "file_month=2025-11-01")


def test_a_grown_and_restated_lake_gives_what_duckdb_gives(pair: Pair) -> None:
    assert pair.differences(*TABLES) == {}
    ledger = "select model, service_type, file_month, load_id from {} where model <> 'tests'"
    found = pair.server.query(ledger.format("nyc_taxi_internal.file_ledger"))
    assert Counter(found) == Counter(pair.embedded.query(ledger.format("file_ledger")))
    assert pair.embedded.scalar("select sum(gone_count) from mart_restatements") > 0


def test_texts_of_seeds_are_as_they_were_written(pair: Pair) -> None:
    for seed in ("taxi_zone_lookup", "reject_reasons", "vendors"):
        expected = Counter(pair.embedded.query(f"select * from {seed}"))
        assert Counter(pair.server.query(f"select * from nyc_taxi_internal.{seed}")) == expected
    zones = [zone for (zone,) in pair.embedded.query("select zone from taxi_zone_lookup")]
    assert any(zone is not None and "'" in zone for zone in zones)


def test_the_fact_is_partitioned_by_file_and_an_increment_reads_the_changed_ones_alone(
    pair: Pair,
) -> None:
    partitions = {row for (row,) in pair.server.query("show partitions nyc_taxi.fact_trips")}
    files = pair.embedded.query(
        "select distinct service_type, cast(file_month as varchar) from fact_trips"
    )
    assert partitions == {f"service_type={service}/file_month={month}" for service, month in files}
    [(plan,)] = pair.server.query(
        "explain formatted select count(*) from nyc_taxi.fact_trips"
        " where service_type = 'Yellow' and file_month in (cast('2025-10-01' as date))"
    )
    assert "PartitionFilters: [isnotnull(service_type" in plan


def test_the_server_works_in_utc(pair: Pair) -> None:
    told = pair.spark.taxi(
        "sql", "select current_timezone() as zone", "--target", "spark", "--format", "csv"
    )
    assert told.split() == ["zone", "UTC"]


def test_dataframes_on_the_lake_give_the_numbers_of_the_marts(pair: Pair) -> None:
    sys.path.insert(0, str(pair.spark.project / "analyses" / "spark"))
    try:
        import daily_trips as script  # type: ignore[import-not-found]  # noqa: PLC0415
    finally:
        sys.path.pop(0)
    session = pair.server.session()
    zones = pair.spark.project / "seeds" / "taxi_zone_lookup.csv"
    daily = script.daily_trips(*script.read(session, pair.spark.data / "lake", zones))
    plan = script.plan_of(daily)
    assert "BroadcastHashJoin" in plan
    assert "Exchange" in plan
    found = {
        month: (rows, amount)
        for month, rows, amount in (
            tuple(row)
            for row in daily.groupBy("file_month")
            .agg({"row_count": "sum", "total_amount": "sum"})
            .selectExpr("file_month", "`sum(row_count)`", "`sum(total_amount)`")
            .collect()
        )
    }
    expected = {
        month: (rows, amount)
        for month, rows, amount in pair.embedded.query(
            "select file_month, sum(row_count)::bigint, sum(total_amount)"
            " from (select file_month, 1 as row_count, total_amount from fact_trips where service_type = 'Yellow'"
            " union all select file_month, 1, total_amount from rejected_trips where service_type = 'Yellow')"
            " group by file_month"
        )
    }
    assert found == expected


def test_what_reads_the_tables_finds_there_what_it_finds_on_duckdb(
    pair: Pair, tmp_path: Path
) -> None:
    target = ("--target", "spark")
    cell = ("--mart", "market_share", "--month", "2025-10", "--zone", "132", "--service", "fhvhv")
    for asked in (("1202510000000005",), (*cell, "--company", "uber")):
        told = pair.spark.taxi("explain", *asked, *target)
        assert "Adds up" in told
        assert told == pair.embedded.taxi("explain", *asked)
    chosen = [word for table in EXPORTED for word in ("--select", table)]
    for warehouse, name, at in ((pair.embedded, "duckdb", ()), (pair.spark, "spark", target)):
        to = ("--to", str(tmp_path / name))
        warehouse.taxi("export", "--format", "parquet", *chosen, *to, *at)
    for table in EXPORTED:
        one, other = (f"'{tmp_path / name / table}.parquet'" for name in ("duckdb", "spark"))
        rows = (
            f"(from {one} except all from {other}) union all (from {other} except all from {one})"
        )
        assert duckdb.sql(rows).fetchall() == [], table
        described = [duckdb.sql(f"describe from {file}").fetchall() for file in (one, other)]
        assert described[0] == described[1], table
    fresh = pair.spark.dbt("source", "freshness", *target, exit_code=1)  # the sample is of 2025
    assert fresh.count("ERROR STALE freshness of") == 4
    refused = pair.spark.taxi("build", "--dry-run", *target, exit_code=2)
    assert "does not bill what it scans" in refused


def test_pages_and_lookml_are_those_of_duckdb(pair: Pair) -> None:
    shown = []
    for warehouse, target in ((pair.embedded, ()), (pair.spark, ("--target", "spark"))):
        warehouse.taxi("site", *target)
        page = (pair.spark.data / "site" / "dashboard" / "index.html").read_text(encoding="utf-8")
        data = json.loads(
            page.partition('<script type="application/json" id="data">')[2].partition("</script>")[
                0
            ]
        )
        shown.append({name: value for name, value in data.items() if name != "target"})
    assert shown[0] == shown[1]
    docs = (pair.spark.data / "site" / "docs" / "index.html").read_text(encoding="utf-8")
    assert '"adapter_type":"spark"' in docs.replace(" ", "")
    target_dir = pair.spark.project / "target"  # as the site has left it
    manifest = read_artifact(target_dir, "manifest")
    catalog = read_artifact(target_dir, "catalog")
    files = build_project(manifest, catalog, read_marts(manifest), "nyc_taxi")
    assert "sql_table_name: nyc_taxi.fact_trips" in files["views/fact_trips.view.lkml"]


def test_retry_goes_on_with_what_failed_there(pair: Pair) -> None:
    view = "nyc_taxi_internal.int_trip_fares"
    pair.server.query(f"alter view {view} rename to nyc_taxi_internal.aside")
    try:
        failed = pair.spark.taxi(
            "build", "--target", "spark", "--select", "fact_trips", exit_code=1
        )
    finally:
        pair.server.query(f"alter view nyc_taxi_internal.aside rename to {view}")
    assert "`int_trip_fares` cannot be found" in failed
    assert "JVM stacktrace" not in failed
    assert "1 relation built" in pair.spark.taxi("build", "--retry")


def test_windows_of_the_live_view_are_those_computed_event_by_event(pair: Pair) -> None:
    events = made_up_events(6_000)
    plant(pair.spark.data, events)
    pair.spark.taxi("build", "--target", "spark", "--select", "stg_stream_events+")
    found = pair.server.query(MART.format(address("mart_live_zone_activity")))
    assert as_windows(found) == windows_of(events)


def test_the_benchmark_reads_what_a_server_on_this_machine_costs(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(pair.spark.project, pair.spark.data, "1GB")
    for name, value in {**pair.server.environment, **OWN_SCHEMAS}.items():
        monkeypatch.setenv(name, value)  # to be put back
    held = {name for (name,) in pair.server.query("show schemas")}
    with server_of(settings, "spark") as server:
        assert pair.server.process is not None
        assert server.pid == pair.server.process.pid
        before = server.cpu_seconds()
        server.forget_peak()
        pair.server.query("select sum(id % 7) from range(20000000)")
        assert server.cpu_seconds() > before
        assert server.peak_bytes() > 100_000_000
    assert {name for (name,) in pair.server.query("show schemas")} == held
    with pytest.raises(TaxiError, match="only Spark is measured"), server_of(settings, "dev"):
        pass
    monkeypatch.delenv("SPARK_REMOTE")
    with pytest.raises(TaxiError, match="SPARK_REMOTE is not set"), server_of(settings, "spark"):
        pass


BY_FILE = "config.materialized:incremental,+"
"""The models by file up to one: the rest of what it is built from is not killed, and stays as it is on both engines."""
KILLED_AT = {
    "forget": (f"{BY_FILE}fact_trips", "partition (model = 'fact_trips')"),
    "change": ("fact_trips", "nyc_taxi.fact_trips add if not exists partition"),
    "insert": ("fact_trips", "insert into table nyc_taxi.fact_trips by name"),
    "overwrite": (
        "fact_trips rpt_trips_daily mart_monthly_zone_revenue",
        "insert overwrite table nyc_taxi.mart_monthly_zone_revenue by name",
    ),
    "record": (
        "mart_monthly_zone_revenue",
        "partition (model = 'mart_monthly_zone_revenue') select /*+",
    ),
}
"""What Spark does when it is killed, the models that are run for it, and the statement in dbt's log that says so."""


def test_a_server_killed_at_any_step_leaves_what_the_next_run_completes(
    pair: Pair, tmp_path: Path
) -> None:
    """One month is restated; each run completes the one before, and is killed a step later."""
    run = ("run", "--target", "spark", "--select")
    restated = restate(pair.files / "yellow_tripdata_2025-10.parquet", tmp_path, "*", 1500)
    pair.embedded.taxi("ingest", str(restated))
    for step, (models, statement) in KILLED_AT.items():
        log = tmp_path / step / "dbt.log"
        process = subprocess.Popen(
            [sys.executable, "-m", "dbt.cli.main", *run, *models.split()],
            cwd=pair.spark.project,
            env={**pair.spark.environment, "DBT_LOG_PATH": str(log.parent)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 600
        while statement not in (log.read_text(errors="replace") if log.exists() else ""):
            assert process.poll() is None, (step, log.read_text(errors="replace")[-2000:])
            assert time.monotonic() < end, step
            time.sleep(0.05)
        pair.server.kill()
        process.kill()
        process.wait()
        pair.server.start()
    pair.spark.dbt(*run, f"{BY_FILE}mart_monthly_zone_revenue")
    pair.embedded.dbt("run", "--select", f"{BY_FILE}mart_monthly_zone_revenue")
    tables = ("fact_trips", "int_exact_duplicates", "int_reversal_pairs")
    assert pair.differences(*tables, "mart_monthly_zone_revenue") == {}
