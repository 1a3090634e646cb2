"""The records of runs: what they say, what survives a killed process, a busy warehouse, a receiver that is gone."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from conftest import SharedBuild
from servers import free_port, serving
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.history.deliver import deliver, read_records
from taxi_pipeline.history.journal import Journal, Pending
from taxi_pipeline.history.outcomes import UNCHANGED
from taxi_pipeline.history.page import duration
from taxi_pipeline.history.records import TABLES, Record, RunFile, RunNode, RunStep, types_of
from taxi_pipeline.history.runs import History, group, read_history
from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.runner import prepare_profile
from taxi_pipeline.warehouses import open_reader
from trip_files import restate
from warehouse import REPOSITORY, Warehouse, copy_project

ODD = 'it\'s a \\ "name"\nwith 100 % of `signs`; {{ no }} ü'
START = datetime(2024, 1, 31, 6, 0, 0, 250000)


def a_step(run_id: str = "20240131-060000-abcdef", step: str = "build", **more: Any) -> RunStep:
    return replace(RunStep(run_id, step, "taxi run", START, "dev"), **more)


ENDED: dict[str, Any] = {"ended_at": datetime(2024, 1, 31, 6, 1, 2, 500000), "exit_code": 0}


# --------------------------------------------------------------------------------------------- records


def test_a_record_has_the_columns_of_its_tables_in_their_types() -> None:
    content = yaml.safe_load((REPOSITORY / "models/staging/_ops.yml").read_text())
    names = {str: "text", int: "bigint", datetime: "timestamp", date: "date", Decimal: "decimal"}
    for table in content["sources"][0]["tables"]:
        said = {column["name"]: column["data_type"].split("(")[0] for column in table["columns"]}
        assert said == {n: names[t] for n, t in types_of(TABLES[table["name"]]).items()}


def test_a_record_comes_back_from_json_as_it_was() -> None:
    run: dict[str, Any] = {"run_id": "1", "step": "build"}
    record = Record(
        a_step(message=ODD, metered_total_amount=Decimal("1.10"), **ENDED),
        (
            RunNode(
                node="test.a", name="a", kind="test", status="fail", seconds=Decimal("0.250"), **run
            ),
        ),
        (RunFile(service_type="Yellow", file_month=date(2024, 1, 1), load_id="x", **run),),
    )
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
    with pytest.raises(KeyError):
        Record.from_json({"step": {"run_id": "1"}, "nodes": [], "files": []})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (3725, "1 h 02 min")],
)
def test_a_duration_is_said_in_two_units_at_most(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


# ------------------------------------------------------------------------------------------------ runs


def outcome(*steps: RunStep, waiting: tuple[Pending, ...] = (), is_alone: bool = False) -> str:
    [run] = group([Record(step) for step in steps], waiting, is_alone=is_alone)
    return run.outcome


def test_the_outcome_of_a_run_is_that_of_its_worst_step() -> None:
    failed = a_step(step="validate", **{**ENDED, "exit_code": 1})
    assert outcome(a_step(**ENDED)) == "done"
    assert outcome(a_step(**ENDED), failed) == "failed"
    assert outcome(a_step(**{**ENDED, "exit_code": 2}), failed) == "not done"
    assert outcome(a_step(message=UNCHANGED, **ENDED)) == "unchanged"
    assert outcome(a_step(message=UNCHANGED, **ENDED), failed) == "failed"


def test_a_run_without_an_end_runs_or_was_interrupted_where_that_can_be_told() -> None:
    path, step = Path("x"), a_step()
    assert outcome(step) == "no end", "another machine may be at it"
    assert outcome(step, is_alone=True) == "interrupted"
    assert outcome(step, waiting=(Pending(path, Record(step), True),)) == "running"
    assert outcome(step, waiting=(Pending(path, Record(step), False),)) == "interrupted"
    later = a_step("20240201-060000-abcdef", started_at=datetime(2024, 2, 1, 6))
    runs = group([Record(step), Record(later)])
    assert [run.outcome for run in runs] == ["no end", "interrupted"], "a later one has begun"


def test_a_run_is_found_by_the_beginning_of_its_identifier() -> None:
    known = History(group([Record(a_step("20240131-1")), Record(a_step("20240131-2"))]))
    assert known.find("20240131-2").run_id == "20240131-2"
    for wrong in ("20240131", "7"):
        with pytest.raises(TaxiError, match="20240131-2"):
            known.find(wrong)


# --------------------------------------------------------------------------------------------- journal


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(REPOSITORY, tmp_path / "data", "1GB")


def test_a_record_of_a_process_that_was_killed_is_no_longer_running(settings: Settings) -> None:
    journal = Journal(settings)
    child = os.fork()
    if child == 0:
        journal.write(journal.path_for(Record(a_step())), Record(a_step()))
        signal.pause()
    while not journal.pending():
        time.sleep(0.01)
    assert [pending.is_running for pending in journal.pending()] == [True]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert [pending.is_running for pending in journal.pending()] == [False]


def test_a_damaged_record_is_passed_over_and_too_many_lose_the_oldest(settings: Settings) -> None:
    journal = Journal(settings)
    for number in range(303):
        record = Record(a_step(f"20240131-{number:03}", **ENDED))
        journal.write(journal.path_for(record), record)
    (journal.folder / "20240131-999.build.x.json").write_text('{"step": {')
    journal.prune()
    kept = [pending.record.step.run_id for pending in journal.pending()]
    assert len(kept) == 300
    assert kept[0] == "20240131-003"


@pytest.mark.parametrize(
    ("has_copy", "shown"), [(True, "The last copy is"), (False, "Only runs that wait")]
)
def test_without_a_warehouse_a_copy_is_spoken_of_where_there_is_one(
    settings: Settings, tmp_path: Path, has_copy: bool, shown: str
) -> None:
    settings = replace(settings, project_dir=copy_project(tmp_path / "project"))
    prepare_profile(settings)
    journal, record = Journal(settings), Record(a_step(**ENDED))
    journal.write(journal.path_for(record), record)
    if has_copy:
        journal.keep_copy("dev", [Record(a_step("20240101-1", **ENDED))])
    warning = read_history(settings, "dev").warning
    assert warning is not None
    assert warning.startswith(shown)
    assert "there is no warehouse yet" in warning


# -------------------------------------------------------------------------------------- runs on DuckDB


@pytest.fixture(scope="module")
def built(sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy that the tests of this file change, each from where the one before has left it."""
    return sample_run.copy(tmp_path_factory.mktemp("history"))


def runs_of(warehouse: Warehouse, *arguments: str) -> list[dict[str, Any]]:
    printed = warehouse.taxi("history", "--json", *arguments)
    found: list[dict[str, Any]] = json.JSONDecoder().raw_decode(printed)[0]  # a warning follows
    return found


def steps_of(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in run["steps"]}


@pytest.mark.build  # what a run of the built sample leaves
def test_a_run_leaves_what_it_did(built: Warehouse) -> None:
    [run] = runs_of(built)
    steps = steps_of(run)
    build = steps["build"]
    assert (run["command"], run["outcome"]) == ("taxi run", "done")
    assert list(steps) == ["ingest", "build", "validate"]
    [(files, rows, metered, rider)] = built.query(
        "select count(*), sum(row_count), sum(total_amount) filter (service_type <> 'HVFHV'),"
        " sum(total_amount) filter (service_type = 'HVFHV') from stg_ingested_files"
    )
    assert build["file_count"] == build["changed_file_count"] == len(build["files"]) == files
    assert steps["ingest"]["row_count"] == build["row_count"] == rows
    for step in (build, steps["ingest"]):
        amounts = (step["metered_total_amount"], step["rider_total_amount"])
        assert tuple(map(Decimal, amounts)) == (metered, rider)
    [(accepted, revenue, payments)] = built.query(
        "select count(*), sum(total_amount) filter (service_type <> 'HVFHV'),"
        " sum(total_amount) filter (service_type = 'HVFHV') from fact_trips"
    )
    charged = (build["metered_revenue_amount"], build["rider_payment_amount"])
    assert (build["accepted_count"], *map(Decimal, charged)) == (accepted, revenue, payments)
    states = dict(
        built.query("select split_part(node, '.', 1), count(*) from node_states group by 1")
    )
    assert build["passed_count"] + build["warned_count"] == states["test"]
    assert build["built_count"] == states["model"] + states["seed"] + states["snapshot"]
    assert build["failed_count"] == build["skipped_count"] == build["exit_code"] == 0
    assert build["engine_version"] == duckdb.__version__
    assert build["dbt_version"].startswith("1.11.")
    assert build["adapter_version"]
    assert {file["status"] for file in build["files"]} == {"new"}
    assert steps["validate"]["passed_count"] > 100
    nodes = built.query("select node, seconds from ops.run_nodes")
    assert {node for node, _ in nodes} == {
        node for (node,) in built.query("select node from node_states")
    }
    assert all(seconds > 0 for _, seconds in nodes)
    printed = built.taxi("history", run["run_id"][:15])
    assert "fact_trips" in printed
    assert "Files that changed" in printed
    assert "no such run" in built.taxi("history", "1999", exit_code=2)


@pytest.mark.full  # commands and builds of its own
def test_a_build_without_changes_writes_beside_the_warehouse_and_the_next_one_brings_it(
    built: Warehouse,
) -> None:
    built.taxi("build")  # the copy has a folder of its own, which dbt has not seen yet
    state = (built.data / "warehouse.duckdb").read_bytes()
    assert "dbt was not started" in built.taxi("build")
    assert "dbt was not started" in built.taxi("build")
    assert (built.data / "warehouse.duckdb").read_bytes() == state
    assert [run["outcome"] for run in runs_of(built)] == ["unchanged", "unchanged", "done", "done"]
    built.taxi("build", "--again", "--select", "dim_vendors")
    assert [run["outcome"] for run in runs_of(built)] == [
        *("done", "unchanged", "unchanged", "done", "done")
    ]
    assert runs_of(built)[0]["command"] == "taxi build --select dim_vendors --again"
    assert built.scalar("select count(*) from ops.runs where message is not null") == 2
    assert not list((built.data / "runs").glob("*.json")), "all are in the warehouse"


@pytest.mark.full  # commands and builds of its own
def test_a_build_by_hand_and_a_full_refresh_leave_records_and_keep_the_others(
    built: Warehouse,
) -> None:
    before = len(runs_of(built))
    built.dbt("build", "--full-refresh", "--select", "dim_vendors", "dim_rate_codes")
    newest = runs_of(built)[0]
    [build] = newest["steps"]
    assert newest["command"] == "dbt build --select dim_vendors dim_rate_codes --full-refresh"
    assert len(runs_of(built)) == before + 1
    assert build["built_count"] == 2
    assert build["dbt_invocation"].startswith(newest["run_id"][-6:])
    assert "project_commit" not in build, "only `taxi` knows it"


@pytest.mark.full  # commands and builds of its own
def test_what_fails_is_named_as_the_build_named_it(built: Warehouse) -> None:
    with built.connect() as connection:
        connection.execute(
            "insert into fact_trips select * replace (-7 as vendor_id) from fact_trips limit 2"
        )
    printed = built.taxi("build", "--select", "fact_trips", "--vars", "check: all", exit_code=1)
    [run] = runs_of(built, "--failed")
    [build] = run["steps"]
    failures = {node["name"]: node for node in build["nodes"] if node["status"] == "fail"}
    assert run["outcome"] == "failed"
    assert build["failed_count"] == len(failures) > 0
    assert "--vars ..." in run["command"]
    for name, node in failures.items():
        assert f"{name}: {node['message']}" in printed
        assert node["failing_row_count"] > 0
    kept = next(node for node in failures.values() if "failing_rows" in node)
    assert built.scalar(f"select count(*) from {kept['failing_rows']}") == kept["failing_row_count"]
    shown = built.taxi("history", run["run_id"])
    assert f"select * from {kept['failing_rows']}" in shown
    assert f"taxi history {run['run_id']}" in built.taxi("history")
    page = (built.data / "site/history/index.html").read_text()
    assert run["run_id"] in page
    assert "The newest run: failed." in page
    built.taxi("build", "--full-refresh", "--select", "+fact_trips+")
    assert "The newest run" not in (built.data / "site/history/index.html").read_text()


@pytest.mark.full  # commands and builds of its own
def test_what_could_not_be_done_says_why(built: Warehouse) -> None:
    built.taxi("build", "--select", "no_such_model", exit_code=2)
    run = runs_of(built, "--failed", "--last", "1")[0]
    assert run["outcome"] == "not done"
    assert "no model, seed, snapshot or test matches no_such_model" in run["steps"][0]["message"]
    built.taxi("run", str(built.data / "nowhere.parquet"), exit_code=2)
    [ingest] = runs_of(built)[0]["steps"]
    assert "nowhere.parquet" in ingest["nodes"][0]["name"]


@pytest.mark.full  # commands and builds of its own
def test_no_command_that_is_refused_makes_a_folder(built: Warehouse, tmp_path: Path) -> None:
    empty = replace(built, data=tmp_path / "nothing")
    empty.taxi("history", exit_code=2)
    assert not empty.data.exists()


@pytest.mark.full  # commands and builds of its own
def test_a_warehouse_that_another_process_writes_to_shows_the_last_copy(built: Warehouse) -> None:
    known = runs_of(built)
    with built.connect():
        printed = built.taxi("history")
        assert "The last copy is shown" in printed
        assert "has it open" in printed
        assert all(run["run_id"] in printed for run in known[:20])
        note = built.taxi("validate", "--service", "green", "--month", "2025-10")
        assert "error" not in note


@pytest.mark.full  # builds again
def test_a_killed_build_is_interrupted_until_the_next_one_completes(built: Warehouse) -> None:
    month = built.data / "sample" / "green_tripdata_2025-10.parquet"
    built.taxi("ingest", str(restate(month, built.data / "restated", "*", limit=300)))
    command = built.taxi_command("build", "--again")
    with subprocess.Popen(
        command, cwd=built.project, env=built.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "fact_trips" in line:
                break
        running = runs_of(built)[0]
        assert running["outcome"] == "running"
        process.kill()
    killed = runs_of(built)[0]
    assert (killed["run_id"], killed["outcome"]) == (running["run_id"], "interrupted")
    assert "seconds" not in killed["steps"][0]
    assert [file["status"] for file in killed["steps"][0]["files"]] == ["restated"]
    built.taxi("build")
    done, interrupted = runs_of(built)[:2]
    assert (done["outcome"], interrupted["outcome"]) == ("done", "interrupted")
    assert interrupted["run_id"] == killed["run_id"]
    assert built.scalar(f"select count(*) from ops.runs where run_id = '{killed['run_id']}'") == 1


@pytest.mark.full  # two more builds
def test_two_builds_at_once_leave_a_record_each(built: Warehouse) -> None:
    before = {run["run_id"] for run in runs_of(built)}
    with ThreadPoolExecutor(2) as pool:
        for printed in pool.map(lambda _: built.taxi("build", "--again"), range(2)):
            assert "tests passed" in printed
    new = [run for run in runs_of(built) if run["run_id"] not in before]
    assert [run["outcome"] for run in new] == ["done", "done"]
    assert len({run["run_id"] for run in new}) == 2


# --------------------------------------------------------------------------------------- OpenLineage


@contextmanager
def receiver(status: int = 201) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of OpenLineage events on loopback, and what it got."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address, events


@pytest.mark.full  # commands and builds of its own
def test_a_build_is_sent_as_open_lineage_events_where_a_receiver_is_named(built: Warehouse) -> None:
    with receiver() as (url, events):
        told = replace(built, variables={"OPENLINEAGE_URL": url})
        told.taxi("build", "--select", "dim_vendors", "fact_file_completeness")
    jobs = {event["job"]["name"]: event for event in events}
    assert {events[0]["eventType"], events[-1]["eventType"]} == {"START", "COMPLETE"}
    run_id = events[0]["run"]["runId"]
    model = next(event for name, event in jobs.items() if "fact_file_completeness" in name)
    assert model["run"]["facets"]["parent"]["run"]["runId"] == run_id
    inputs = {one["name"] for event in events for one in event.get("inputs", ())}
    assert any("stg_ingested_files" in name for name in inputs)


@pytest.mark.full  # commands and builds of its own
def test_a_receiver_that_fails_is_a_warning(built: Warehouse) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with receiver(status=403) as (refusing, events):
        for url in (gone, refusing):
            told = replace(built, variables={"OPENLINEAGE_URL": url})
            printed = told.taxi("build", "--select", "dim_vendors")
            assert "OpenLineage: 0 events sent, the others not: " in printed
    assert len(events) == 1, "after the first that is not taken no other is sent"
    assert runs_of(built)[0]["outcome"] == "done"


# ---------------------------------------------------------------------------------------- any text


@pytest.mark.full  # commands and builds of its own
def test_any_text_goes_into_the_warehouse_and_comes_back(built: Warehouse) -> None:
    settings = Settings(built.project, built.data, "1GB")
    journal = Journal(settings)
    step = a_step("20990101-000000-000001", "validate", message=ODD, **ENDED)
    node = RunNode(*step.key, ODD, "a", "check", "warning", Decimal("0.125"), message=ODD)
    file = RunFile(*step.key, "Yellow", date(2024, 1, 1), None, "removed")
    record = Record(step, (node,), (file,))
    journal.write(journal.path_for(record), record)
    assert deliver(settings, None) is None
    with open_reader(settings, None) as reader:
        found = [one for one in read_records(reader, "dev") if one.step.key == step.key]
    assert found == [record]
    assert not journal.pending()
