"""Postgres and BigQuery for real: the same models, the same numbers as DuckDB, to the cent and to the row."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
import sqlglot
from sqlglot import exp

from conftest import SharedBuild
from live_events import MART, as_windows, made_up_events, plant, windows_of
from looker import Project
from real_files import real_file
from requirements import lacking
from servers.bigquery import BigQueryServer, find_python, run_bigquery
from servers.postgres import PASSWORD, PostgresServer, run_postgres
from taxi_pipeline.history.journal import Journal
from taxi_pipeline.history.records import Record
from taxi_pipeline.sample import write_sample
from taxi_pipeline.settings import Settings
from test_history import ENDED, ODD, a_step, runs_of, steps_of
from test_looker_studio import queries
from trip_files import YELLOW_HEADER, YELLOW_ROW, restate
from warehouse import Warehouse, address, copy_project

pytestmark = pytest.mark.full  # everything once more on each server

COMPARED = (
    "fact_trips",
    "rejected_trips",
    "mart_monthly_zone_revenue",
    "mart_daily_service_summary",
    "mart_fare_audit",
    "mart_data_quality",
    "mart_source_completeness",
    "mart_restatements",
    "fact_file_completeness",
    "fact_file_versions",
    "fact_restatements",
    "rpt_trips_daily",
    "mart_hourly_borough_trips",
    "mart_monthly_payment_mix",
    "mart_monthly_rejects",
    "mart_monthly_tip_rates",
    "mart_monthly_zone_flows",
    "dim_annotations",
    "dim_zones",
    "dim_dates",
    "dim_vendors",
    "dim_payment_types",
    "dim_rate_codes",
    "dim_trip_types",
    "dim_reject_reasons",
    "dim_fare_checks",
    "dim_data_quality_checks",
    "int_exact_duplicates",
    "int_reversal_pairs",
    "stg_ingested_files",
)

Server = PostgresServer | BigQueryServer


@dataclass(frozen=True)
class Engine:
    """A server and the target of profiles.yml that leads to it."""

    target: str
    server: Server
    built: dict[str, str] = field(default_factory=dict)

    def sample(self, embedded: Warehouse) -> tuple[Warehouse, str]:
        """The sample on this server, built once, and what that printed."""
        warehouse = self.of(embedded, "sample")
        if "sample" not in self.built:
            self.built["sample"] = warehouse.taxi("run", "--target", self.target)
        return warehouse, self.built["sample"]

    def of(self, warehouse: Warehouse, name: str) -> Warehouse:
        """The same project and lake, built into schemas of their own on this server."""
        schemas = {
            "DBT_PG_SCHEMA": name,
            "DBT_BQ_DATASET": name,
            "TAXI_RAW_SCHEMA": f"raw_{name}",
            # dbt parses everything anew where the target or a schema is another than before in this folder.
            "DBT_TARGET_PATH": f"target/{self.target}_{name}",
        }
        return replace(warehouse, variables={**self.server.environment, **schemas})


@pytest.fixture(scope="module")
def postgres() -> Iterator[Engine]:
    with run_postgres() as server:
        yield Engine("postgres", server)


@pytest.fixture(scope="module")
def bigquery() -> Iterator[Engine]:
    python = find_python()
    if python is None:
        lacking("bigquery", "the BigQuery emulator needs Python 3.13: put python3.13 on the path")
    with run_bigquery(python) as server:
        yield Engine("prod", server)


@pytest.fixture(params=["postgres", "bigquery"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("engines") / "project")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, 0.1)
    return folder


@pytest.fixture(scope="module")
def embedded(
    project: Path, sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """DuckDB's build of the sample, in one go."""
    return replace(sample_run.copy(tmp_path_factory.mktemp("embedded")), project=project)


def plain(value: Any, model: Any) -> Any:
    """A value as DuckDB gives it; Postgres's driver gives decimals as text."""
    if isinstance(model, Decimal) and value is not None:
        return Decimal(str(value))
    return value


def differences(embedded: Warehouse, engine: Engine, schema: str) -> dict[str, list[Any]]:
    """Rows, per table, that only one side has; at most three of them."""
    different = {}
    for table in COMPARED:
        columns = [
            name
            for (name,) in embedded.query(
                f"select column_name from duckdb_columns() where table_name = '{table}' order by column_index"
            )
        ]
        listed = ", ".join(columns)
        expected = embedded.query(f"select {listed} from {table}")
        models = [
            next((row[i] for row in expected if row[i] is not None), None)
            for i in range(len(columns))
        ]
        actual = (
            tuple(plain(value, model) for value, model in zip(row, models, strict=True))
            for row in engine.server.query(f"select {listed} from {address(table, schema)}")
        )
        left, right = Counter(expected), Counter(actual)
        assert left or table.startswith("int_") or "restatements" in table, (
            f"{table} is empty, which compares nothing"
        )
        if left != right:
            different[table] = [
                *list((left - right).items())[:3],
                *list((right - left).items())[:3],
            ]
    return different


def test_the_sample_gives_the_same_numbers_everywhere(engine: Engine, embedded: Warehouse) -> None:
    _, printed = engine.sample(embedded)
    assert differences(embedded, engine, "sample") == {}
    accepted = embedded.scalar("select count(*) from fact_trips where service_type = 'Yellow'")
    assert f" {accepted:,} " in printed


def test_sql_answers_on_every_engine_and_changes_nothing(
    engine: Engine, embedded: Warehouse
) -> None:
    server, _ = engine.sample(embedded)
    query = "select vendor_id, vendor_name from dim_vendors order by vendor_id"
    asked = ("sql", query, "--format", "csv")
    assert server.taxi(*asked, "--target", engine.target) == embedded.taxi(*asked)
    for statement in (
        "delete from dim_vendors where true",
        "drop table dim_vendors",
        "commit; drop table dim_vendors",
    ):
        server.taxi("sql", statement, "--target", engine.target, exit_code=2)
    assert server.taxi(*asked, "--target", engine.target) == embedded.taxi(*asked)


def test_real_months_give_the_same_numbers_everywhere(
    engine: Engine, project: Path, tmp_path: Path
) -> None:
    real = Warehouse(project, tmp_path / "data")
    month = real_file("real/green_tripdata_2024-01.parquet")
    excerpt = tmp_path / month.name
    duckdb.execute(f"copy (from '{month}' limit 1000) to '{excerpt}' (format parquet)")
    ends = values_at_the_ends_of_their_types(tmp_path)
    heads = [
        real_file(f"heads/{name}.csv")
        for name in ("fhv_tripdata_2019-02", "yellow_tripdata_2009-02")
    ]
    real.taxi("zones", str(real_file("real/taxi_zones.zip")))
    real.taxi("ingest", *map(str, (excerpt, ends, *heads)))
    real.taxi("build")
    server = engine.of(real, "real")
    server.taxi("load", "--target", engine.target)
    server.taxi("build", "--target", engine.target)
    different = differences(real, engine, "real")
    assert different == {}
    assert real.scalar("select count(*) from fact_trips where is_pickup_point_outside_zones") > 0


def values_at_the_ends_of_their_types(folder: Path) -> Path:
    """A file in which each row holds a value that some engine might not take."""
    row = YELLOW_ROW.format(1)
    assert row.split(",")[:10] == [
        *("2", "2019-03-01 00:01:00", "2019-03-01 01:00:00", "1", "1.5", "1", "N", "132", "230"),
        "2",
    ]
    changes: tuple[dict[int, str], ...] = (
        {},
        {10: "9999999999.99", 16: "9999999999.99"},
        {**dict.fromkeys(range(10, 18), "-9999999999.99")},
        {2: "9999-12-31 23:59:59.999999"},
        {2: "0001-01-01 00:00:00"},
        {1: "0001-01-01 00:00:00"},
        {1: "9999-12-31 23:59:59"},
        {0: "999999999", 3: "999999999", 5: "-999999999", 7: "-999999999", 8: "999999999"},
        {0: "-999999999", 3: "-999999999", 5: "999999999", 7: "999999999", 8: "-999999999"},
        {0: "2147483647", 3: "2147483647", 5: "-2147483648", 7: "-2147483648", 8: "2147483647"},
        {4: "999999999.999"},
        {4: "-999999999.999"},
        {6: "N\0\x01\x7f"},
        {6: "\u00e9\U0001f695" * 2000},
        {0: "two", 3: "-", 7: "here"},
        {16: "free"},
        {1: "never"},
    )
    rows = [
        ",".join(changed.get(place, field) for place, field in enumerate(row.split(",")))
        for changed in changes
    ]
    path = folder / "yellow_tripdata_2019-03.csv"
    path.write_text(
        "\n".join([YELLOW_HEADER, *rows, *(YELLOW_ROW.format(n) for n in range(11, 30))])
    )
    return path


def test_months_one_by_one_and_restated_give_what_duckdb_gives(
    engine: Engine, project: Path, files: Path, tmp_path: Path
) -> None:
    """A first build, a month more, a month in another version, and one taken away."""
    grown = Warehouse(project, tmp_path / "data")
    server = engine.of(grown, "grown")
    grown.taxi("ingest", *(str(path) for path in sorted(files.glob("*-10.parquet"))))
    server.taxi("load", "--target", engine.target)
    # The tests of all files are those of the last build.
    untested = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    server.taxi("deps")
    server.dbt("build", "--target", engine.target, *untested)
    grown.taxi("ingest", *(str(path) for path in sorted(files.glob("*-11.parquet"))))
    server.taxi("load", "--target", engine.target)
    server.dbt("run", "--target", engine.target)
    restated = restate(files / "yellow_tripdata_2025-10.parquet", tmp_path / "restated", "*", 1000)
    grown.taxi("ingest", str(restated))
    grown.taxi("forget", "green", "2025-11", "--yes")
    printed = server.taxi("load", "--target", engine.target)
    server.taxi("build", "--target", engine.target)
    assert "loading  Yellow 2025-10" in printed
    assert "removing Green 2025-11" in printed
    assert "1 file loaded (1,000 rows), 1 removed, 6 unchanged" in printed
    grown.taxi("build", "--full-refresh")
    assert differences(grown, engine, "grown") == {}
    assert grown.scalar("select sum(gone_count) from mart_restatements") > 0


def test_a_bi_role_reads_the_marts_and_nothing_else(engine: Engine, embedded: Warehouse) -> None:
    role = "user:bi@example.org" if engine.target == "prod" else "bi-team"
    if isinstance(engine.server, PostgresServer):
        engine.server.query(f"create role \"bi-team\" login password '{PASSWORD}'", user="postgres")
    plain_server, _ = engine.sample(embedded)
    server = replace(plain_server, variables={**plain_server.variables, "TAXI_BI_ROLE": role})
    chosen = ("--select", "dim_zones", "mart_fare_audit")  # a table, and one by file
    server.taxi("build", "--target", engine.target, *chosen)
    unknown = replace(server, variables={**server.variables, "TAXI_BI_ROLE": "no'body"})
    refused = unknown.taxi("build", "--target", engine.target, "--select", "dim_zones", exit_code=2)
    assert "TAXI_BI_ROLE: " in refused
    assert "no'body" in refused
    if isinstance(engine.server, PostgresServer):
        for table, rows in (("dim_zones", 265), ("mart_fare_audit", 1)):
            query = f"select count(*) from sample.{table}"
            [[count]] = engine.server.query(query, user="bi-team")
            assert count >= rows, table
        for hidden in (
            "sample_internal.int_trips",
            "sample.snap_taxi_zones",
            "raw_sample.yellow",
        ):
            with pytest.raises(psycopg.Error, match="permission denied"):
                engine.server.query(f"select count(*) from {hidden}", user="bi-team")
    else:
        granted = engine.server.query(
            "select object_name, privilege_type, grantee from sample.INFORMATION_SCHEMA.OBJECT_PRIVILEGES"
        )
        assert {(table, "roles/bigquery.dataViewer", role) for table in chosen[1:]} <= set(granted)
        assert not [row for row in granted if row[0].startswith(("stg_", "int_"))]


def test_unit_tests_docs_snapshot_and_freshness_work(engine: Engine, embedded: Warehouse) -> None:
    server, _ = engine.sample(embedded)
    server.taxi("docs", "--target", engine.target)
    target = ("--target", engine.target)
    assert "ERROR=0" in server.dbt("test", *target, "--select", "test_type:unit")
    assert engine.server.query("select count(*) from sample.snap_taxi_zones") == [(265,)]
    docs = (server.data / "site" / "docs" / "index.html").read_text(encoding="utf-8")
    assert '"adapter_type":"' + (
        "bigquery" if engine.target == "prod" else "postgres"
    ) in docs.replace(" ", "")
    fresh = server.dbt("source", "freshness", *target, exit_code=1)  # the sample is of 2025
    assert fresh.count("ERROR STALE freshness of") == 4
    unchanged = server.taxi("load", *target)
    assert "0 files loaded (0 rows), 12 unchanged" in unchanged


def test_exports_hold_the_same_rows_in_the_same_types_from_every_engine(
    engine: Engine, embedded: Warehouse, tmp_path: Path
) -> None:
    server, _ = engine.sample(embedded)
    tables = ("fact_trips", "rejected_trips", "rpt_trips_daily", "dim_zones")
    chosen = [word for table in tables for word in ("--select", table)]
    folders = {"duckdb": embedded, engine.target: server}
    for target, warehouse in folders.items():
        to = ("--to", str(tmp_path / target))
        at = () if target == "duckdb" else ("--target", target)
        warehouse.taxi("export", "--format", "parquet", *chosen, *to, *at)
    for table in tables:
        one, other = (f"'{tmp_path / target / table}.parquet'" for target in folders)
        rows = (
            f"(from {one} except all from {other}) union all (from {other} except all from {one})"
        )
        assert duckdb.sql(rows).fetchall() == [], table
        described = [duckdb.sql(f"describe from {file}").fetchall() for file in (one, other)]
        assert described[0] == described[1], table


def test_lookml_names_the_tables_of_its_target(
    engine: Engine, embedded: Warehouse, tmp_path: Path
) -> None:
    server, _ = engine.sample(embedded)
    server.taxi("lookml", "--target", engine.target, "--to", str(tmp_path))
    project = Project(tmp_path)
    rows = {}
    for name, view in project.views.items():
        assert "sample" in view.table
        [[rows[name]]] = engine.server.query(f"select count(*) from {view.table}")
    assert {name for name, count in rows.items() if not count} == {
        "fact_restatements",
        "mart_live_zone_activity",
        "mart_restatements",
    }
    billed = {
        name
        for name, spec in project.explores.items()
        if f"{name}.file_month" in str(spec.get("always_filter"))
    }
    assert billed == ({"fact_trips", "rejected_trips"} if engine.target == "prod" else set())


def test_queries_for_looker_studio_run_as_a_part_of_its_own(
    engine: Engine, embedded: Warehouse
) -> None:
    engine.sample(embedded)
    days = {"@DS_START_DATE": "'20251001'", "@DS_END_DATE": "'20251031'"}
    texts = queries("sql") + (queries("bigquery") if engine.target == "prod" else [])
    for text in texts:
        query = text.replace("nyc_taxi.", "sample.")
        for parameter, value in days.items():
            query = query.replace(parameter, value)
        [[rows]] = engine.server.query(f"select count(*) from ({query}) as q")
        assert rows > 1


FUNCTIONS_OF_BIGQUERY = {
    "DATETIME_ADD",
    "DIV",
    "FARM_FINGERPRINT",
    "FORMAT",
    "TO_JSON_STRING",
}
"""What sqlglot has no name of its own for, and BigQuery knows."""


def test_compiled_bigquery_sql_is_bigquerys_where_the_emulator_is_lax(
    bigquery: Engine, embedded: Warehouse
) -> None:
    server, _ = bigquery.sample(embedded)
    server.dbt("compile", "--target", "prod")
    target = server.project / server.variables["DBT_TARGET_PATH"]
    manifest = json.loads((target / "manifest.json").read_text())
    models = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "test"} and node.get("compiled_code")
    ]
    assert len(models) > 40
    for node in models:
        name, sql = node["name"], node["compiled_code"]
        code = re.sub(r"--[^\n]*|'[^'\n]*'", "", sql)
        assert "::" not in code and "//" not in code, name  # noqa: PT018 - both are casts of other engines
        [tree] = sqlglot.parse(sql, dialect="bigquery")
        assert tree is not None
        for cast in tree.find_all(exp.Cast):
            # sqlglot's names: TIMESTAMP is BigQuery's datetime, TIMESTAMPTZ its timestamp
            assert cast.to.this != exp.DataType.Type.TIMESTAMPTZ, (name, cast.sql("bigquery"))
            assert not cast.to.expressions, (name, cast.sql("bigquery"))
        unknown = {function.name.upper() for function in tree.find_all(exp.Anonymous)}
        assert unknown <= FUNCTIONS_OF_BIGQUERY, (name, unknown)
    types = {"file_month": "date", "pickup_date": "date"}
    partitioned = [node for node in models if node["config"].get("partition_by")]
    stored = {node["name"] for node in partitioned if node["config"]["materialized"] != "view"}
    assert stored == {
        *(
            "fact_trips",
            "rejected_trips",
            "mart_monthly_zone_revenue",
            "mart_daily_service_summary",
            "mart_fare_audit",
            "rpt_trips_daily",
            "mart_hourly_borough_trips",
            "mart_monthly_payment_mix",
            "mart_monthly_rejects",
            "mart_monthly_tip_rates",
            "mart_monthly_zone_flows",
            "mart_market_share",
            "mart_hvfhv_fare_audit",
        ),
        *("int_metered_twins", "int_exact_duplicates", "int_reversal_pairs"),
    }
    client = bigquery.server.client() if isinstance(bigquery.server, BigQueryServer) else None
    assert client is not None
    for node in partitioned:
        partition = node["config"]["partition_by"]
        assert partition["data_type"] == types[partition["field"]]
        assert partition["granularity"] == "month"
        assert len(node["config"].get("cluster_by") or []) <= 4
        if node["name"] in stored:
            table = client.get_table(address(node["name"], "sample"))
            assert table.time_partitioning.type_ == "MONTH"
            assert {field.name: field.field_type for field in table.schema}[
                partition["field"]
            ] == "DATE"
            wall_times = {f.name: f.field_type for f in table.schema if f.name.endswith("_at")}
            assert set(wall_times.values()) <= {"DATETIME"}, wall_times
    assert client.get_table("sample.fact_trips").clustering_fields == [
        "service_type",
        "pickup_zone_id",
    ]


def test_a_dry_run_names_every_model_that_would_scan_and_runs_nothing(
    bigquery: Engine, postgres: Engine, embedded: Warehouse
) -> None:
    server, _ = bigquery.sample(embedded)
    before = bigquery.server.query("select * from sample_internal.file_ledger")
    printed = server.taxi("build", "--target", "prod", "--dry-run", "--full-refresh")
    for model in ("fact_trips", "rejected_trips", "int_metered_twins", "mart_monthly_zone_revenue"):
        assert f"│ {model} " in printed
    assert "nothing has been run" in printed
    assert bigquery.server.query("select * from sample_internal.file_ledger") == before
    refused = postgres.of(embedded, "sample").taxi(
        "build", "--target", "postgres", "--dry-run", exit_code=2
    )
    assert "does not bill" in refused


def test_what_others_built_on_the_tables_outlives_every_build_or_is_named_before_it(
    postgres: Engine, embedded: Warehouse
) -> None:
    server, _ = postgres.sample(embedded)
    assert isinstance(postgres.server, PostgresServer)
    query = postgres.server.query
    query(f"create role ana login password '{PASSWORD}'", user="postgres")
    query("create schema ana authorization ana", user="postgres")
    query("grant usage on schema sample, sample_internal to ana")
    query("grant select on all tables in schema sample, sample_internal to ana")
    for created in (
        "view ana.money as select service_type, sum(total_amount) as total_amount from sample.fact_trips group by 1",
        "view ana.zones as select * from sample.dim_zones",
        "view ana.names as select zone_label from ana.zones",
        "materialized view ana.payments as select * from sample.mart_monthly_payment_mix",
        "view ana.vendors as select * from sample_internal.vendors",
    ):
        query(f"create {created}", user="ana")

    def read() -> list[Any]:
        query("refresh materialized view ana.payments", user="ana")
        tables = ("money", "names", "payments", "vendors")
        return [
            sorted(query(f"select * from ana.{table}", user="ana"), key=str) for table in tables
        ]

    before = read()
    chosen = (
        "--target",
        "postgres",
        "--select",
        "fact_trips",
        "dim_zones",
        "mart_monthly_payment_mix",
    )
    server.dbt("run", *chosen)
    assert read() == before
    query("update sample.fact_trips set total_amount = 0")  # a full refresh replaces every row
    no_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    server.dbt("build", "--full-refresh", *no_tests, *chosen, "vendors")
    assert read() == before
    assert differences(embedded, postgres, "sample") == {}

    query("create view ana.trips as select trip_id from sample_internal.int_trips", user="ana")
    query("alter table sample.dim_zones add column grown integer")
    held = query("select * from sample_internal.file_ledger order by 1, 2, 3")
    refused = server.dbt("run", "--target", "postgres", exit_code=2)
    assert "view ana.trips (reads sample_internal.int_trips)" in refused
    assert "view ana.zones (reads sample.dim_zones)" in refused
    assert "ana.money" not in refused
    assert query("select * from sample_internal.file_ledger order by 1, 2, 3") == held
    server.dbt(
        "run", *chosen[:2], "--select", "fact_trips"
    )  # of what it does not replace, nothing is asked
    query("drop view ana.trips", user="ana")
    query("alter table sample.dim_zones drop column grown")
    server.dbt("run", "--target", "postgres", "--select", "int_trips", "dim_zones")
    assert read() == before


def test_a_run_is_on_record_as_on_duckdb(engine: Engine, embedded: Warehouse) -> None:
    warehouse, _ = engine.sample(embedded)
    runs = runs_of(warehouse, "--target", engine.target)
    steps = next(found for run in reversed(runs) if "load" in (found := steps_of(run)))
    model = embedded.query(
        "select file_count, row_count, metered_total_amount, accepted_count, rider_payment_amount, built_count,"
        " passed_count + warned_count from ops.runs where step = 'build' order by started_at limit 1"
    )
    build = steps["build"]
    amounts = {
        name: Decimal(build[name]) for name in ("metered_total_amount", "rider_payment_amount")
    }
    counted = {**build, **amounts, "tests": build["passed_count"] + build["warned_count"]}
    names = (
        "file_count",
        "row_count",
        "metered_total_amount",
        "accepted_count",
        "rider_payment_amount",
    )
    assert [tuple(counted[name] for name in (*names, "built_count", "tests"))] == model
    assert len(build["files"]) == build["file_count"] == len(steps["load"]["files"])
    assert steps["validate"]["exit_code"] == 0
    assert ("engine_version" in build) == (engine.target == "postgres")


def test_any_text_goes_into_the_records_of_each_engine(engine: Engine, embedded: Warehouse) -> None:
    warehouse, _ = engine.sample(embedded)
    journal = Journal(Settings(warehouse.project, warehouse.data, "1GB"))
    record = Record(
        a_step("20990101-000000-000001", "run", target=engine.target, message=ODD, **ENDED)
    )
    journal.write(journal.path_for(record), record)
    warehouse.taxi("load", "--target", engine.target)
    [run] = [
        run
        for run in runs_of(warehouse, "--target", engine.target, "--last", "1000")
        if run["run_id"] == record.step.run_id
    ]
    assert run["steps"][0]["message"] == ODD
    assert record.step.key not in {pending.record.step.key for pending in journal.pending()}
    told = replace(warehouse, variables={**warehouse.variables, "ODD": ODD})
    inline = "select {{ string_value(env_var('ODD')) }} as text"
    options = ("--inline", inline, "--target", engine.target, "--output", "json")
    printed = told.dbt("--quiet", "show", *options)
    assert json.loads(printed[printed.index("{") :])["show"][0]["text"] == ODD


def test_windows_of_the_live_view_are_those_computed_event_by_event(
    engine: Engine, embedded: Warehouse, tmp_path: Path
) -> None:
    warehouse, _ = engine.sample(embedded)
    data = tmp_path / "data"
    shutil.copytree(embedded.data, data)
    events = made_up_events(6_000)
    plant(data, events)
    expected = windows_of(events)
    assert sum(too_late for *_, too_late, _ in expected.values()) > 5
    assert sum(late for _, _, late, _, _ in expected.values()) > 20
    local = replace(embedded, data=data)
    local.taxi("build", "--select", "stg_stream_events+")
    assert as_windows(local.query(MART.format("mart_live_zone_activity"))) == expected
    remote = replace(warehouse, data=data)
    remote.taxi("load", "--target", engine.target)
    remote.taxi("build", "--target", engine.target, "--select", "stg_stream_events+")
    table = address("mart_live_zone_activity", "sample")
    assert as_windows(engine.server.query(MART.format(table))) == expected
