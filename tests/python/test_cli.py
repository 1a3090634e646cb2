"""The overview of the commands: what it says of each, and that it does not wait for their engines."""

import sys
from subprocess import run

import pytest

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
