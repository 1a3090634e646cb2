"""The overview of the commands: what it says of each, and that it does not wait for their engines."""

import sys
from pathlib import Path
from subprocess import run

import duckdb
import pytest

from conftest import SharedBuild
from taxi_pipeline.cli import COMMANDS, Entry
from taxi_pipeline.options import load_command


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_a_command_says_of_itself_what_the_overview_says(entry: Entry) -> None:
    command = load_command(f"taxi_pipeline.{entry.feature}.command", entry.name)
    assert str(command.help).split("\n\n")[0] == entry.summary


def test_the_overview_imports_no_engine() -> None:
    code = "import sys; from taxi_pipeline import cli; print(*sys.modules)"
    loaded = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    engines = {"dbt", "duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "requests"}
    assert not engines & set(loaded.stdout.split())


SLOW = {"dbt", "great_expectations", "numpy", "pandas", "pyarrow", "requests"}
"""What takes 0.1 s and more to import, and is for commands that build, judge, download or write."""


def imported(*command: str, environment: dict[str, str] | None = None) -> set[str]:
    """The packages that a command of Python has imported."""
    done = run(
        [sys.executable, "-X", "importtime", *command],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        ("transform", "status"),
        ("transform", "build"),
        ("sql", "sql"),
        ("explain", "explain"),
        ("restatements", "diff"),
        ("lake", "lake"),
    ],
)
def test_a_command_that_reads_waits_for_no_library_that_it_does_not_need(
    feature: str, name: str
) -> None:
    code = f"from taxi_pipeline.options import load_command as load; load('taxi_pipeline.{feature}.command', '{name}')"
    assert not SLOW & imported("-c", code)


def test_reading_the_warehouse_imports_no_library_of_tables(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    code = (
        "from pathlib import Path; from taxi_pipeline.settings import Settings\n"
        "from taxi_pipeline.warehouses.embedded import open_embedded\n"
        f"with open_embedded(Settings(Path(), Path({str(tmp_path)!r}), '1GB')) as reader:\n"
        "    assert reader.query('select 1.5')"
    )
    assert not SLOW & imported("-c", code)


@pytest.mark.build  # a build of the sample
def test_questions_to_a_warehouse_are_answered_without_dbt_and_libraries_of_tables(
    sample_run: SharedBuild, tmp_path: Path
) -> None:
    warehouse = sample_run.copy(tmp_path)
    warehouse.taxi(
        "lake", "verify"
    )  # copied files are new ones: a command that writes has to see them once
    trip = warehouse.scalar("select min(trip_id) from fact_trips where service_type = 'Green'")
    for arguments in (
        ["status"],
        ["sql", "select * from fact_trips limit 3"],
        ["explain", str(trip)],
    ):
        command = warehouse.taxi_command(*arguments)[1:]
        assert not SLOW & imported(*command, environment=warehouse.environment), arguments
