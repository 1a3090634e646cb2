"""Commands that only read, or that find nothing to work on, leave a data folder that is not there absent."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from taxi_pipeline import cli, settings
from taxi_pipeline.errors import TaxiError
from warehouse import copy_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("absent") / "project")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("status", "is empty"),
        ("lake verify", "0 of 0 partitions are intact"),
        ("diff green 2024-01", "no version of this month is on record"),
        ("forget green 2024-01 --yes", "it holds none of these months"),
        ("validate", "the lake is empty"),
        ("build", "the lake is empty"),
        ("build --retry", "no node failed in the last build"),
        ("load --target postgres", "the lake is empty"),
        ("site", "there is no warehouse yet"),
        ("docs", "there is no warehouse yet"),
        ("export --format csv", "there is no warehouse yet"),
        ("lookml", "there is no warehouse yet"),
        ("explain 1202401000000001", "there is no warehouse yet"),
        ("ingest /nowhere", "there is no such file or folder"),
        ("zones /nowhere.zip", "it cannot be read"),
        ("serve", "there is no site yet"),
    ],
)
def test_a_data_folder_that_is_not_there_stays_absent(
    command: str,
    said: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(settings, "find_project", lambda: project)
    monkeypatch.setenv("TAXI_DATA_DIR", str(tmp_path / "absent"))
    result = CliRunner().invoke(cli.app, command.split())
    printed = result.output + capsys.readouterr().out
    if isinstance(result.exception, TaxiError):
        printed += str(result.exception)
    assert said in " ".join(printed.split()), printed
    assert not (tmp_path / "absent").exists()
