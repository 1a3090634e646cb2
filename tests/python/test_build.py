"""dbt, driven by `taxi build`: commands, exit codes, retry, packages."""

import re
import shutil
from pathlib import Path

import pytest

from taxi_pipeline.build import BuildOptions, build_command, docs_command
from taxi_pipeline.sample import write_sample
from warehouse import Warehouse, copy_project

pytestmark = pytest.mark.xdist_group("increments")


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
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("built")
    write_sample(folder / "files", scale=0.1)
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("run", str(folder / "files"))
    return warehouse


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
    assert "1 relations built, 0 tests passed" in built_alone
    on_request = built.taxi("build", "--unit-tests", "--select", "int_trips")
    assert re.search(r"1 relations built, [1-9]\d* tests passed", on_request)


def test_a_selection_that_dbt_does_nothing_for_says_so(built: Warehouse) -> None:
    assert "nothing to do" in built.taxi("build", "--select", "test_type:unit")


def test_an_unknown_target_is_an_error_that_names_the_known_ones(built: Warehouse) -> None:
    printed = built.taxi("build", "--target", "nowhere", exit_code=2)
    assert "nowhere" in printed
    assert "- dev" in printed


def test_an_empty_lake_is_an_error_with_the_way_out(built: Warehouse, tmp_path: Path) -> None:
    printed = Warehouse(built.project, tmp_path / "data").taxi("build", exit_code=2)
    assert "the lake is empty" in printed
    assert "taxi run" in printed


def test_a_failed_node_is_exit_code_1_and_retry_runs_only_what_is_left(built: Warehouse) -> None:
    model = built.project / "models" / "marts" / "core" / "fact_trips.sql"
    sound = model.read_text()
    model.write_text(sound.replace("trips.total_amount,", "trips.no_such_column as total_amount,"))
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
    ],
)
def test_every_command_explains_itself_with_an_example(built: Warehouse, command: str) -> None:
    assert "Example" in built.taxi(command, "--help")
