"""The workflows as a program calls them: typed results, nothing printed."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from taxi_pipeline import workflow
from taxi_pipeline.documents import status_document
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.observer import Observer
from taxi_pipeline.results import Result, Sample
from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.completeness import FileVerdicts
from taxi_pipeline.warehouses.base import LoadedFile
from taxi_pipeline.warehouses.rendering import print_kept
from trip_files import YELLOW_NAME, Workplace, yellow_rows, yellow_text
from warehouse import copy_project


class Heard(Observer):
    """Keeps the results that it is told of."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def finished(self, result: Result) -> None:
        """Keep a result."""
        self.results.append(result)


def test_a_program_gets_results_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(copy_project(tmp_path / "project"), tmp_path / "data", "1GB")
    heard = Heard()
    assert workflow.read_status(settings).entries == []
    with pytest.raises(TaxiError, match="the lake is empty"):
        workflow.build(settings)
    sample = workflow.write_sample(settings, scale=0.1, observer=heard)
    file = min(path for path in sample.folder.iterdir() if path.name.startswith("fhv"))
    outcome = workflow.ingest(settings, [file, tmp_path / "absent"], observer=heard)
    assert heard.results == [sample, outcome]
    assert isinstance(heard.results[0], Sample)
    assert [result.entry.source_file for result in outcome.results] == [file.name]
    assert [failure.exit_code for failure in outcome.failures] == [2]
    status = workflow.read_status(settings)
    assert [entry.source_file for entry in status.entries] == [file.name]
    assert status.verdicts.complaint is not None, "nothing has been built"
    assert capfd.readouterr() == ("", "")


def test_a_lost_lake_is_no_empty_one_to_a_build(tmp_path: Path) -> None:
    settings = Settings(copy_project(tmp_path / "project"), tmp_path / "data", "1GB")
    settings.data_dir.mkdir()
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        warehouse.execute(
            "create schema nyc_taxi; create table nyc_taxi.fact_file_versions as select 'Green' as service_type,"
            " date '2020-04-01' as file_month, true as is_current, false as is_synthetic"
        )
    with pytest.raises(TaxiError, match=r"it holds 1 real month \(Green 2020-04\)"):
        workflow.build(settings)


def test_the_status_of_a_server_names_the_months_that_only_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Workplace(tmp_path)
    settings = replace(place.settings, project_dir=copy_project(tmp_path / "project"))
    entry = place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(2)))
    held = LoadedFile(entry.load_id, 2, is_synthetic=False)
    server = SimpleNamespace(
        is_prepared=lambda: True,
        loaded=lambda: {entry.key: held, ("Green", "2024-01-01"): LoadedFile("x", 1, False)},
    )
    for name in ("open_reader", "open_warehouse"):
        monkeypatch.setattr(workflow, name, lambda *_: nullcontext(server))
    monkeypatch.setattr(workflow, "read_verdicts", lambda _: FileVerdicts({}))
    monkeypatch.setattr(workflow, "require_passed", lambda _: None)
    status = workflow.read_status(settings, "postgres")
    assert status.kept == (("Green", "2024-01-01"),)
    assert status_document(status)["kept"] == [{"service": "green", "month": "2024-01"}]
    assert workflow.read_status(settings, "dev").kept == ()
    print_kept(status.kept)
    assert "1 month stays that this lake does not hold: Green 2024-01." in capsys.readouterr().out


@pytest.mark.parametrize("left", ["everything", "no manifest"])
def test_a_status_takes_no_lock_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    place = Workplace(tmp_path)
    settings = replace(place.settings, project_dir=copy_project(tmp_path / "project"))
    text = yellow_text(*yellow_rows(2))
    entries = [
        place.ingest_text(name, text) for name in (YELLOW_NAME, "yellow_tripdata_2019-04.csv")
    ]
    manifest = place.root / "manifest.jsonl"
    if left == "no manifest":
        manifest.unlink()

    def no_lock(*_arguments: object) -> None:
        pytest.fail("a reader would wait for `taxi run`, which holds the lock for its whole length")

    monkeypatch.setattr(workflow, "data_lock", no_lock)
    before = {path: path.stat().st_mtime_ns for path in settings.data_dir.rglob("*")}
    assert workflow.read_status(settings).entries == entries
    assert {path: path.stat().st_mtime_ns for path in settings.data_dir.rglob("*")} == before
