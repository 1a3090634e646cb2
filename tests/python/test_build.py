"""dbt, driven by `taxi build`: commands, exit codes, retry, packages."""

import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SharedBuild
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.transform.runner import BuildOptions, build_command, docs_command
from taxi_pipeline.warehouses.base import schemas_of
from warehouse import Warehouse, differences

pytestmark = pytest.mark.build  # builds and what they print


def test_build_passes_its_options_on_under_dbts_names() -> None:
    options = BuildOptions(
        "dev",
        ["fact_trips+", "dim_zones"],
        ["tag:slow"],
        "{check: all}",
        full_refresh=True,
        unit_tests=True,
    )
    assert build_command(options) == [
        "build",
        *("--target", "dev"),
        *("--select", "fact_trips+", "dim_zones"),
        *("--exclude", "tag:slow"),
        *("--vars", "{check: all}"),
        "--full-refresh",
    ]
    assert build_command(BuildOptions()) == ["build", "--exclude-resource-type", "unit_test"]


def test_docs_are_static_and_of_the_target_asked_for() -> None:
    assert docs_command() == ["docs", "generate", "--static"]
    assert docs_command("postgres")[-2:] == ["--target", "postgres"]


@pytest.fixture(scope="module")
def built(sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return sample_run.copy(tmp_path_factory.mktemp("built"))


def test_a_selector_that_matches_nothing_is_an_error(built: Warehouse) -> None:
    printed = built.taxi("build", "--select", "fact_tripz", exit_code=2)
    assert "matches fact_tripz" in printed


def test_every_unit_test_passes_and_a_build_runs_them_on_request_only(built: Warehouse) -> None:
    listed = built.dbt("--quiet", "list", "--resource-type", "unit_test")
    defined = len([line for line in listed.splitlines() if line.startswith("unit_test:")])
    assert defined >= 20
    printed = built.dbt("test", "--select", "test_type:unit")
    assert f"{defined} unit tests" in printed
    assert "ERROR=0 SKIP=0" in printed
    built_alone = built.taxi("build", "--select", "int_trips")
    assert "1 relation built, 0 tests passed" in built_alone
    on_request = built.taxi("build", "--unit-tests", "--select", "int_trips")
    assert re.search(r"1 relation built, [1-9]\d* tests? passed", on_request)


def test_a_selection_that_dbt_does_nothing_for_says_so(built: Warehouse) -> None:
    assert "nothing to do" in built.taxi("build", "--select", "test_type:unit")


def test_an_unknown_target_is_an_error_that_names_the_known_ones(built: Warehouse) -> None:
    printed = built.taxi("build", "--target", "nowhere", exit_code=2)
    assert "target nowhere: profiles.yml has no such target" in printed
    assert (
        "dev, postgres, prod, spark. profiles.yml.example has the targets of this version."
        in printed
    )


@pytest.mark.parametrize("command", ["status", "build", "plan", "history", "sql 'select 1'"])
def test_an_unknown_target_of_the_environment_is_the_same_error(
    built: Warehouse, command: str
) -> None:
    astray = replace(built, variables={"DBT_TARGET": "nowhere"})
    printed = astray.taxi(*shlex.split(command), exit_code=2)
    assert "error target nowhere: profiles.yml has no such target" in printed
    assert "Use one of: dev, postgres, prod, spark. profiles.yml.example" in printed


@pytest.mark.parametrize("given", ["{bad", "check", "- a"])
def test_variables_that_are_no_names_with_values_are_one_sentence(given: str) -> None:
    said = f"--vars {given}: it is no YAML of names and values. Write it as in --vars 'check: all'."
    with pytest.raises(TaxiError, match=re.escape(said)):
        BuildOptions(variables=given)
    assert BuildOptions(variables="{}").variables == "{}"


def test_an_empty_lake_is_an_error_with_the_way_out(built: Warehouse, tmp_path: Path) -> None:
    printed = Warehouse(built.project, tmp_path / "data").taxi("build", exit_code=2)
    assert "the lake is empty" in printed
    assert "taxi run" in printed


def test_a_failed_node_is_exit_code_1_and_retry_runs_only_what_is_left(built: Warehouse) -> None:
    model = built.project / "models" / "marts" / "core" / "fact_trips.sql"
    sound = model.read_text()
    model.write_text(
        sound.replace("trips.net_extra_amount,", "trips.no_such_column as net_extra_amount,")
    )
    try:
        printed = built.taxi("build", "--full-refresh", exit_code=1)
    finally:
        model.write_text(sound)
    assert "fact_trips" in printed
    assert "no_such_column" in printed
    assert "taxi build --retry" in printed
    assert built.scalar("select count(*) from fact_trips") > 0, "the old table stays"
    again = built.taxi("build", "--retry")
    assert "model fact_trips" in again
    assert "model dim_zones" not in again


def test_a_table_of_another_version_is_one_sentence_with_the_way_out(built: Warehouse) -> None:
    with built.connect() as connection:
        connection.execute("alter table nyc_taxi.mart_fare_audit add column older integer")
    printed = built.taxi("build", "--select", "mart_fare_audit", exit_code=1)
    assert "columns of another version of this project. Run `taxi build --full-refresh`" in printed
    assert "macro" not in printed
    built.taxi("build", "--select", "mart_fare_audit", "--full-refresh")


def test_what_reports_read_stands_apart_and_is_described_in_the_database(built: Warehouse) -> None:
    names = built.query(
        "select schema_name, table_name from duckdb_tables()"
        " union select schema_name, view_name from duckdb_views() where not internal"
    )
    marts = {table for schema, table in names if schema == "nyc_taxi"}
    assert {re.split("_", table)[0] for table in marts} == {
        "dim",
        "fact",
        "mart",
        "rejected",
        "rpt",
        "snap",
    }
    internal = {table for schema, table in names if schema == schemas_of("nyc_taxi")[1]}
    assert {"file_ledger", "stg_yellow_tripdata", "int_trips", "vendors"} <= internal
    beside = {"nyc_taxi_test_failures", "ops", "raw"}
    assert {schema for schema, _ in names} == {*schemas_of("nyc_taxi"), *beside}
    undescribed = built.query(
        "select table_name, column_name from duckdb_columns()"
        " where schema_name = 'nyc_taxi' and comment is null"
        " union all select table_name, '' from duckdb_tables() where schema_name = 'nyc_taxi' and comment is null"
    )
    assert undescribed == []
    [(comment,)] = built.query(
        "select comment from duckdb_columns() where table_name = 'fact_trips' and column_name = 'trip_id'"
    )
    assert "row" in comment
    assert "{{" not in comment


def older_layout(built: Warehouse, data: Path) -> Warehouse:
    """The same tables where they were until 2026-11: all in `main`."""
    shutil.copytree(built.data, data)
    older = Warehouse(built.project, data)
    with older.connect() as connection:
        found = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where schema_name not in ('nyc_taxi_test_failures', 'ops', 'raw')"
        ).fetchall()
        for schema, table in found:
            connection.execute(f"create table main.{table} as from {schema}.{table}")
        for (schema,) in connection.execute(
            "select schema_name from duckdb_schemas()"
            " where starts_with(schema_name, 'nyc_taxi') or schema_name in ('ops', 'raw')"
        ).fetchall():
            connection.execute(f"drop schema {schema} cascade")
        connection.execute(
            "update main.snap_taxi_zones set dbt_valid_from = '2024-02-01', zone = 'NV' where locationid = 264"
        )
        connection.execute("create table main.of_the_user as select 1 as kept")
    return older


@pytest.mark.full  # an upgrade from 2026-11, in eight commands
def test_tables_of_the_older_layout_are_moved_by_a_full_refresh_and_by_nothing_else(
    built: Warehouse, tmp_path: Path
) -> None:
    older = older_layout(built, tmp_path / "data")
    printed = older.taxi("build", exit_code=2)
    assert "Schema main holds tables of an older version" in printed
    assert "taxi build --full-refresh" in printed
    assert "in macro" not in printed
    assert "Schema main holds" in older.dbt("build", exit_code=2)
    in_main = "select table_name from duckdb_tables() where schema_name = 'main'"
    assert len(older.query(in_main)) > 30, "nothing has been touched"
    older.dbt("seed", "--full-refresh")
    assert ("vendors",) not in older.query(in_main)
    assert ("fact_trips",) in older.query(in_main), "what is not built anew stays where it is"
    older.taxi("build", "--full-refresh")
    assert older.query(in_main) == [("of_the_user",)]
    assert differences(older, built) == {}
    held = "select zone from snap_taxi_zones where locationid = 264 order by dbt_valid_from"
    assert older.query(held) == [("NV",), ("N/A",)], "the snapshot keeps its history"
    older.taxi("build")
    with older.connect() as connection:  # what a profile without a schema leaves behind
        connection.execute("create schema main_internal")
        connection.execute("create table main_internal.file_ledger as from file_ledger")
    assert "Schema main holds tables" in older.taxi("build", exit_code=2)


def test_a_run_without_changes_starts_no_dbt_and_says_what_the_last_one_has_found(
    sample_run: SharedBuild, tmp_path: Path
) -> None:
    warehouse = sample_run.copy(tmp_path)
    built = warehouse.taxi("run")  # the copy is another file than the one that was built
    assert "success  model fact_trips" in built
    results = warehouse.project / "target" / "run_results.json"
    page = warehouse.data / "site" / "dashboard" / "index.html"
    before = [path.stat().st_mtime_ns for path in (results, page)]
    again = warehouse.taxi("run")
    assert [path.stat().st_mtime_ns for path in (results, page)] == before
    assert "Nothing has changed since the build of" in again
    [(files, rows)] = warehouse.query("select count(*), sum(row_count) from fact_file_completeness")
    [said] = re.findall(r"(\d+ relations built, \d+ tests passed, 1 with a warning) in ", built)
    assert f"{rows:,} rows in {files} files, {said}." in again
    assert "The site stays as it is" in again
    [warning] = [line for line in built.splitlines() if line.startswith("warning assert_")]
    assert warning in again
    tables = built[built.index("In the warehouse") : built.index("Site:")]
    assert tables in again, "rows, rejects and dollars"
    page.unlink()
    assert "Nothing has changed since" in warehouse.taxi("run")
    assert page.exists()
    assert "dbt was not started" in warehouse.taxi("build")
    assert "success  model fact_trips" in warehouse.taxi("build", "--again")
    warehouse.dbt("build", "--select", "dim_vendors")
    assert "success  model fact_trips" in warehouse.taxi("build"), "dbt by hand has built since"


def test_a_data_test_asks_the_ledger_once(built: Warehouse) -> None:
    log = built.project / "logs" / "dbt.log"
    log.unlink(missing_ok=True)
    built.dbt("build", "--select", "fact_trips")
    asked: dict[str, int] = {}
    name = ""
    for line in log.read_text().splitlines():
        if "]: On " in line:
            name = line.partition("]: On ")[2].partition(":")[0].removeprefix("test.nyc_taxi.")
        elif "where model = 'tests'" in line and name != "master":
            asked[name] = asked.get(name, 0) + 1
    assert "assert_every_source_row_is_accepted_or_rejected_exactly_once" in asked
    assert set(asked.values()) == {1}


def test_retry_takes_no_other_options(built: Warehouse) -> None:
    assert (
        "leave the other options out"
        in built.taxi("build", "--retry", "--full-refresh", exit_code=2).lower()
    )


def test_packages_come_from_the_stand_in_where_the_hub_is_out_of_reach(built: Warehouse) -> None:
    shutil.rmtree(built.project / "dbt_packages")
    environment = {**built.environment, "DBT_PACKAGE_HUB_URL": "http://127.0.0.1:9/"}
    import subprocess  # noqa: PLC0415

    done = subprocess.run(
        built.taxi_command("deps"),
        cwd=built.project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "stand-in" in done.stdout
    built.dbt("parse")


def test_an_existing_profile_is_never_overwritten(built: Warehouse) -> None:
    profile = built.project / "profiles.yml"
    profile.write_text(profile.read_text() + "# mine\n")
    built.taxi("build", "--select", "dim_zones")
    assert profile.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    "command",
    [
        *("run", "sample", "download", "ingest", "load", "validate", "status", "diff", "explain"),
        *("deps", "build", "dictionary", "docs", "site", "zones", "lookml", "export", "serve"),
        "bench",
        "sql",
    ],
)
def test_every_command_explains_itself_with_an_example(built: Warehouse, command: str) -> None:
    assert "Example" in built.taxi(command, "--help")
