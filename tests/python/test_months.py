"""A month as a unit, against a real publisher on the loopback: new, unchanged, restated, late, refused, broken off."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from data_edits import DOUBLED, edited, replace_columns
from real_files import real_file
from servers.publisher import Publisher, run_publisher
from taxi_pipeline import workflow
from taxi_pipeline.cli import app
from taxi_pipeline.documents import build_document, fault_document, ingest_document, run_document
from taxi_pipeline.download.choice import chosen_months
from taxi_pipeline.download.origin import Origin
from taxi_pipeline.download.sources import Month
from taxi_pipeline.errors import MEANINGS, DataError, NotPublishedError, TaxiError, deciding
from taxi_pipeline.ingest import ManyResult
from taxi_pipeline.plan.planning import (
    Held,
    PlannedMonth,
    default_months,
    judge,
    restatement,
    spans,
)
from taxi_pipeline.results import Built, Run
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.completeness import FileVerdict
from taxi_pipeline.transform.runner import BuildReport, NodeOutcome
from trip_files import Workplace, yellow_rows, yellow_text
from warehouse import Warehouse, copy_project

JANUARY, FEBRUARY = Month(Service.YELLOW, date(2019, 1, 1)), Month(Service.YELLOW, date(2019, 2, 1))
TODAY = datetime.now(UTC).date()
AWAITED = Month(Service.YELLOW, TODAY.replace(day=1))


def name_of(month: Month) -> str:
    return f"{month.service}_tripdata_{month.first:%Y-%m}.parquet"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with run_publisher(tmp_path / "published") as running:
        yield running


def trips(place: Workplace, month: Month, count: int, *, is_large: bool = False) -> bytes:
    """A Parquet file of so many trips of a month; a large one has a column of 300 KB that nobody knows."""
    text = yellow_text(*yellow_rows(count)).replace("2019-03-", f"{month.first:%Y-%m}-")
    source = place.write("trips.csv", text)
    columns = (
        "*"
        if not is_large
        else "*, (select string_agg(md5(n::varchar)) from range(10_000) as t(n)) as pad"
    )
    return place.parquet(
        "trips.parquet", f"select {columns} from read_csv('{source}')"
    ).read_bytes()


def take(place: Workplace, publisher: Publisher, *months: Month) -> ManyResult:
    return workflow.ingest(place.settings, months=months, source=publisher.address)


# --- one month ------------------------------------------------------------------------------------


def test_a_new_month_is_taken_and_an_unchanged_one_is_not_transferred_again(
    place: Workplace, publisher: Publisher
) -> None:
    publisher.publish(name_of(JANUARY), content := trips(place, JANUARY, 5))
    outcome = take(place, publisher, JANUARY)
    assert [(one.status, one.entry.row_count) for one in outcome.results] == [("ingested", 5)]
    assert (outcome.failures, outcome.exit_code) == ([], 0)
    again = take(place, publisher, JANUARY)
    assert [one.status for one in again.results] == ["unchanged"]
    report = workflow.download(place.settings, [JANUARY, FEBRUARY], publisher.address)
    assert [one.is_new for one in report.months] == [False, False]
    publisher.publish(name_of(FEBRUARY), trips(place, FEBRUARY, 5))
    report = workflow.download(place.settings, [JANUARY, FEBRUARY], publisher.address)
    assert [one.is_new for one in report.months] == [False, True]
    assert publisher.transferred(name_of(JANUARY)) == len(content)


def test_a_restated_month_replaces_the_one_in_the_lake(
    place: Workplace, publisher: Publisher
) -> None:
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    take(place, publisher, JANUARY)
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 6))
    [result] = take(place, publisher, JANUARY).results
    assert (result.status, result.rows_before, result.entry.row_count) == ("replaced", 5, 6)
    [file] = ingest_document(ManyResult([result]))["files"]
    assert (file["service"], file["month"], file["rows"], file["rows_before"]) == (
        "yellow",
        "2019-01",
        6,
        5,
    )
    assert file["total_amount"] == "19.80", "0.80 to 5.80, to the cent, as text"


def test_a_month_that_is_not_published_keeps_no_other_one_out(
    place: Workplace, publisher: Publisher
) -> None:
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    outcome = take(place, publisher, AWAITED, JANUARY)
    assert [one.entry.row_count for one in outcome.results] == [5]
    [fault] = outcome.failures
    assert isinstance(fault, NotPublishedError)
    assert outcome.exit_code == 3
    document = ingest_document(outcome)
    assert document["meaning"] == "not published yet; wait"
    assert document["error"] is not None
    assert document["error"]["subject"] == name_of(AWAITED)
    assert [file["status"] for file in document["files"]] == ["ingested", "not_published"]
    assert document["files"][1]["month"] == f"{AWAITED.first:%Y-%m}"


@pytest.mark.parametrize("status", [403, 404])
def test_a_month_long_published_that_is_refused_could_not_be_had(
    place: Workplace, publisher: Publisher, status: int
) -> None:
    publisher.statuses[name_of(JANUARY)] = status
    outcome = take(place, publisher, JANUARY)
    assert (outcome.exit_code, outcome.results) == (2, [])
    assert take(place, publisher, JANUARY, AWAITED).exit_code == 2, (
        "another attempt may mend the one"
    )


def test_a_publisher_that_is_down_leaves_the_lake_as_it_is(
    place: Workplace, publisher: Publisher
) -> None:
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    take(place, publisher, JANUARY)
    before = place.snapshot()
    port = int(publisher.address.rsplit(":", 1)[1].split("/")[0])
    gone = publisher.address.replace(str(port), "1")
    outcome = workflow.ingest(place.settings, months=[FEBRUARY], source=gone)
    assert outcome.exit_code == 2
    assert "cannot reach the server" in outcome.failures[0].reason
    assert place.snapshot() == before


@pytest.mark.build  # it runs the command
def test_a_month_whose_data_fail_is_kept_out_with_exit_code_1(
    place: Workplace, publisher: Publisher
) -> None:
    green = Month(Service.GREEN, date(2024, 1, 1))
    query = edited(replace_columns(DOUBLED), real_file(f"real/{name_of(green)}"))
    publisher.publish(name_of(green), place.parquet("doubled.parquet", query).read_bytes())
    outcome = take(place, publisher, green, AWAITED)
    assert isinstance(outcome.failures[-1], DataError)
    assert outcome.exit_code == 1, "no waiting mends it"
    assert [file["status"] for file in ingest_document(outcome)["files"]] == [
        "not_published",
        "kept_out",
    ]
    assert place.lake.current() == []


# --- faults in the middle -------------------------------------------------------------------------


def start_ingest(
    place: Workplace, publisher: Publisher, month: Month, before: str = ""
) -> "subprocess.Popen[str]":
    code = (
        f"{before}\nfrom taxi_pipeline import workflow; from taxi_pipeline.download.sources import Month\n"
        "outcome = workflow.ingest(settings, months=[Month.parse(argv[0])], source=argv[1])\n"
        "print(outcome.results[0].status if outcome.results else outcome.failures); sys.exit(outcome.exit_code)"
    )
    return place.start(code, month, publisher.address)


def test_two_at_once_take_a_month_once(place: Workplace, publisher: Publisher) -> None:
    publisher.publish(name_of(JANUARY), content := trips(place, JANUARY, 50))
    publisher.stall_after = 1000
    processes = [start_ingest(place, publisher, JANUARY) for _ in range(2)]
    assert publisher.stalled.wait(60)
    while [method for method, *_ in publisher.asked].count("HEAD") < 2:
        time.sleep(0.01)
    for process in processes:  # one that does not wait ends at once
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
    publisher.stall_after = None
    publisher.released.set()
    said = sorted(process.communicate()[0].strip() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert said == ["ingested", "unchanged"]
    assert publisher.transferred(name_of(JANUARY)) == len(content), "the second waited, and asked"
    assert [entry.row_count for entry in place.lake.history()] == [50]


def test_a_download_that_is_killed_is_completed_by_the_next_run(
    place: Workplace, publisher: Publisher
) -> None:
    publisher.publish(name_of(JANUARY), content := trips(place, JANUARY, 50, is_large=True))
    publisher.stall_after = 150_000
    process = start_ingest(place, publisher, JANUARY)
    assert publisher.stalled.wait(60)
    folder = place.settings.download_dir
    while not any(part.stat().st_size for part in folder.rglob("*.part")):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(folder.rglob(name_of(JANUARY)))
    publisher.stall_after = None
    publisher.released.set()
    assert [one.entry.row_count for one in take(place, publisher, JANUARY).results] == [50]
    assert publisher.asked[-1][2] < len(content), "only the rest was asked for"


def test_an_ingestion_that_is_killed_is_done_by_the_next_run(
    place: Workplace, publisher: Publisher
) -> None:
    publisher.publish(name_of(JANUARY), content := trips(place, JANUARY, 50))
    killed = (
        "import taxi_pipeline.ingest.one_file as one_file\n"
        "one_file.publish_version = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = start_ingest(place, publisher, JANUARY, killed)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert place.lake.current() == []
    assert [one.status for one in take(place, publisher, JANUARY).results] == ["ingested"]
    assert publisher.transferred(name_of(JANUARY)) == len(content), "the download was complete"
    assert place.temporaries() == []


# --- the command line -----------------------------------------------------------------------------


def invoke(place: Workplace, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("TAXI_DATA_DIR", str(place.settings.data_dir))
    return CliRunner().invoke(app, list(arguments))


def test_ingest_answers_with_one_document_and_its_exit_code(
    place: Workplace, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    result = invoke(
        place,
        monkeypatch,
        *("ingest", "--months", "2019-01", "--services", "yellow", "--month", str(AWAITED)),
        *("--source", publisher.address, "--json"),
    )
    document = json.loads(result.stdout)
    assert result.exit_code == document["exit_code"] == 3
    assert [file["rows"] for file in document["files"]] == [5, None]
    assert "1 file downloaded" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ingest", "--json"], "told of no file"),
        (["ingest", "x.parquet", "--month", "yellow:2024-01", "--json"], "beside paths"),
        (["run", "x.parquet", "--month", "yellow:2024-01", "--json"], "beside paths"),
        (["run", "--services", "yellow", "--json"], "--months names"),
        (["run", "--source", "tlc", "--json"], "from where"),
        (["ingest", "--month", "yellow", "--json"], "names no service"),
        (["ingest", "--month", "uber:2024-01", "--json"], "no such service"),
        (["ingest", "--month", "yellow:2024", "--json"], "more than one month"),
        (["plan", "--months", "2024-13", "--json"], "no month"),
    ],
)
def test_a_command_that_cannot_begin_says_so_in_the_document(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    result = invoke(place, monkeypatch, *arguments)
    document = json.loads(result.stdout)
    assert document["command"] == arguments[0]
    assert document["exit_code"] == 2
    assert reason in document["error"]["reason"]
    assert document["error"]["remedy"]
    assert isinstance(result.exception, TaxiError)


def test_a_fault_that_nobody_thought_of_is_in_the_document(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(workflow, "ingest", fail)
    result = invoke(place, monkeypatch, "ingest", "--month", "yellow:2024-01", "--json")
    error = json.loads(result.stdout)["error"]
    assert "unexpected error: ZeroDivisionError" in error["reason"]
    log = Path(error["remedy"].rpartition(" ")[2])
    assert "by zero" in log.read_text(encoding="utf-8")
    log.unlink()


def test_taxi_download_waits_for_what_is_not_published(
    place: Workplace, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = f"{AWAITED.first:%Y-%m}"
    result = invoke(place, monkeypatch, "download", "yellow", month, "--source", publisher.address)
    assert result.exit_code == 3
    assert "not published yet" in result.stderr


# --- exit codes and documents ---------------------------------------------------------------------


def test_of_several_exit_codes_one_decides() -> None:
    assert deciding([]) == 0
    assert deciding([0, 3]) == 3
    assert deciding([0, 3, 1]) == 1
    assert deciding([3, 1, 2, 0]) == 2
    assert set(MEANINGS) >= {0, 1, 2, 3}


def test_a_build_that_failed_names_its_failures_and_their_rows() -> None:
    failed = NodeOutcome(
        "assert_money_ties", "test", "fail", "3 rows contradict this", "", 0.1,
        failing_rows="nyc_taxi_test_failures.assert_money_ties",
    )  # fmt: skip
    nodes = (NodeOutcome("fact_trips", "model", "success", "", "", 1.0), failed)
    built = Built(BuildReport(1, nodes), 2.0)
    outcome = Run(None, built, None, 3.0)
    for document in (build_document(built), run_document(outcome)):
        assert (document["exit_code"], document["error"]) == (1, None)
        assert document["build"] is not None
        assert document["build"]["nodes"] == {"fail": 1, "success": 1}
        [failure] = document["build"]["failures"]
        assert failure["name"] == "assert_money_ties"
        assert failure["sentence"] == "3 rows contradict this"
        assert failure["table"] == "nyc_taxi_test_failures.assert_money_ties"


def test_a_build_that_could_not_start_has_an_error() -> None:
    document = build_document(Built(BuildReport(2, (), "the warehouse is locked"), 0.0))
    assert document["error"] is not None
    assert document["error"]["reason"] == "the warehouse is locked"


def test_an_interruption_has_a_meaning_and_no_error() -> None:
    document = fault_document("run", 143, None)
    assert (document["meaning"], document["error"]) == ("interrupted", None)


def test_the_options_name_each_month_once() -> None:
    months = chosen_months(["yellow:2019-02", "yellow:2019-01"], "2019-01..2019-02", "yellow", None)
    assert months == [FEBRUARY, JANUARY]
    assert [str(month) for month in chosen_months(None, "2014-01", None, None)] == [
        "yellow:2014-01",
        "green:2014-01",
    ]


# --- the plan -------------------------------------------------------------------------------------


def test_a_plan_names_what_is_missing_restated_and_not_published(
    place: Workplace, publisher: Publisher
) -> None:
    settings = replace(place.settings, project_dir=copy_project(place.folder / "project"))
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    publisher.publish(name_of(FEBRUARY), trips(place, FEBRUARY, 5))

    def states() -> list[str]:
        months = [JANUARY.first, FEBRUARY.first, date(2019, 3, 1), AWAITED.first]
        found = workflow.plan(settings, months, "yellow", publisher.address)
        assert found.complaint is None
        return [one.state for one in found.months]

    assert states() == ["missing", "missing", "unavailable", "not_published"]
    take(place, publisher, JANUARY, FEBRUARY)
    before = list(publisher.asked)
    assert states() == ["current", "current", "unavailable", "not_published"]
    assert {method for method, *_ in publisher.asked[len(before) :]} == {"HEAD"}
    publisher.publish(name_of(FEBRUARY), trips(place, FEBRUARY, 6))
    assert states() == ["current", "restated", "unavailable", "not_published"]
    take(place, publisher, FEBRUARY)
    assert states() == ["current", "current", "unavailable", "not_published"]


def test_a_month_published_again_without_a_change_is_not_restated_for_ever(
    place: Workplace, publisher: Publisher
) -> None:
    settings = replace(place.settings, project_dir=copy_project(place.folder / "project"))
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    take(place, publisher, JANUARY)
    os.utime(publisher.folder / name_of(JANUARY), (4e9, 4e9))

    def state() -> str:
        [one] = workflow.plan(settings, [JANUARY.first], "yellow", publisher.address).months
        return one.state

    assert state() == "restated"
    note = next(place.settings.download_dir.rglob("*.origin.json"))
    note.unlink()  # a server without ETags would have it transferred
    assert [one.status for one in take(place, publisher, JANUARY).results] == ["unchanged"]
    assert state() == "current"


def test_a_plan_without_a_publisher_says_what_it_knows(place: Workplace) -> None:
    settings = replace(place.settings, project_dir=copy_project(place.folder / "project"))
    found = workflow.plan(
        settings, [JANUARY.first, AWAITED.first], "yellow", "http://127.0.0.1:1/trip-data"
    )
    assert [one.state for one in found.months] == ["missing", "unknown"]
    assert found.complaint is not None
    assert "2 of 2 months could not be asked for" in found.complaint.reason


def test_taxi_plan_ends_with_2_where_the_publisher_cannot_say(
    place: Workplace, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a month that is in the lake: whether it was restated is not known."""
    publisher.publish(name_of(JANUARY), trips(place, JANUARY, 5))
    take(place, publisher, JANUARY)
    arguments = [
        "plan",
        "--months",
        "2019-01",
        "--services",
        "yellow",
        "--source",
        publisher.address,
    ]
    assert invoke(place, monkeypatch, *arguments).exit_code == 0
    publisher.statuses[name_of(JANUARY)] = 503
    result = invoke(place, monkeypatch, *arguments, "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["exit_code"] == 2
    assert "1 of 1 month could not be asked for" in document["error"]["reason"]
    assert "the publisher answers 503" in document["error"]["reason"]


def test_taxi_plan_ends_with_0_and_puts_months_together(
    place: Workplace, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["plan", "--months", "2019-01..2019-12", "--services", "yellow"]
    result = invoke(place, monkeypatch, *arguments, "--source", publisher.address)
    assert result.exit_code == 0
    assert "2019-01..2019-12" in result.stdout
    assert "12 months: 12 unavailable." in result.stdout
    result = invoke(place, monkeypatch, *arguments, "--source", publisher.address, "--json")
    assert [one["state"] for one in json.loads(result.stdout)["months"]] == ["unavailable"] * 12


URL = "https://example.org/yellow_tripdata_2019-01.parquet"


@pytest.fixture
def held(place: Workplace) -> Held:
    entry = place.ingest(
        place.parquet(
            name_of(JANUARY),
            f"from read_csv('{place.write('t.csv', yellow_text(*yellow_rows(3)))}')",
        )
    ).entry
    return Held(
        replace(entry, source_format="parquet", source_bytes=100, ingested_at="2024-05-05 10:00:00")
    )


@pytest.mark.parametrize(
    ("etag", "modified", "length", "kept", "is_restated"),
    [
        ('"a"', None, 100, Origin(URL, '"a"', None, 100), False),
        ('"b"', None, 100, Origin(URL, '"a"', None, 100), True),
        ('"a"', None, 101, None, True),
        (None, "Sat, 04 May 2024 10:00:00 GMT", 100, None, False),
        (None, "Mon, 06 May 2024 10:00:00 GMT", 100, None, True),
        (None, "no date", 100, None, False),
        (None, None, None, None, False),
    ],
)
def test_a_restatement_shows_in_size_etag_or_date(
    held: Held,
    etag: str | None,
    modified: str | None,
    length: int | None,
    kept: Origin | None,
    is_restated: bool,
) -> None:
    now = Origin(URL, etag, modified, length)
    assert (restatement(replace(held, kept=kept), URL, now) is not None) is is_restated
    other = replace(held.entry, source_format="csv.gz")
    assert restatement(Held(other, None, kept), URL, now) is None, "another edition is not compared"


def test_a_part_of_a_month_is_incomplete(held: Held) -> None:
    verdict = FileVerdict("official_parquet", 1000, "excerpt", "ok", "warn", "an excerpt", "part")
    now = Origin(URL, None, None, 100)
    one = judge(JANUARY, URL, replace(held, verdict=verdict), 200, now, 1000, TODAY)
    assert (one.state, one.reason, one.rows, one.published_rows) == (
        "incomplete",
        "an excerpt",
        3,
        1000,
    )
    whole = judge(
        JANUARY, URL, replace(held, verdict=replace(verdict, state="whole")), 200, now, 1000, TODAY
    )
    assert whole.state == "current"


def test_a_plan_looks_for_what_is_counted_and_what_should_be_out_since() -> None:
    known = [Month(Service.GREEN, date(2026, month, 1)) for month in (6, 7)] + [JANUARY]
    months = default_months([Service.GREEN], known, date(2026, 11, 27))
    assert [f"{month.first:%m}" for month in months] == ["06", "07", "08", "09"]
    assert default_months([Service.GREEN], known, date(2026, 8, 1))[-1].first == date(2026, 7, 1)


def test_consecutive_months_of_one_state_are_a_span() -> None:
    months = [
        PlannedMonth(Month(Service.YELLOW, date(2023, month, 1)), "missing") for month in (11, 12)
    ]
    months += [PlannedMonth(Month(Service.YELLOW, date(2024, 1, 1)), "missing")]
    months += [PlannedMonth(Month(Service.YELLOW, date(2024, 2, 1)), "restated", "why")]
    months += [PlannedMonth(Month(Service.YELLOW, date(2024, 4, 1)), "restated", "why")]
    assert [len(span) for span in spans(months)] == [3, 1, 1]


# --- a whole run ----------------------------------------------------------------------------------


@pytest.mark.full  # three runs of everything
def test_a_month_runs_to_the_site_again_without_work_and_anew_when_restated(
    tmp_path: Path, publisher: Publisher
) -> None:
    green = Month(Service.GREEN, date(2024, 1, 1))
    real = real_file(f"real/{name_of(green)}")
    place = Workplace(tmp_path)
    rows = place.parquet("most.parquet", f"from '{real}' limit 56_000").read_bytes()
    publisher.publish(name_of(green), rows)
    warehouse = Warehouse(
        copy_project(tmp_path / "project"), place.settings.data_dir, {"NO_PROXY": "127.0.0.1"}
    )

    def run() -> tuple[int, Any]:
        command = warehouse.taxi_command(
            *("run", "--month", str(green), "--source", publisher.address, "--json")
        )
        done = subprocess.run(
            command,
            cwd=warehouse.project,
            env=warehouse.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    code, first = run()
    assert code == first["exit_code"] == 0, first
    assert Path(str(first["page"])).exists()
    code, second = run()
    assert code == 0
    assert second["build"]["unchanged"] is True
    assert second["files"][0]["status"] == "unchanged"
    publisher.publish(name_of(green), real.read_bytes())
    code, third = run()
    assert code == 0, third
    [file] = third["files"]
    assert (file["status"], file["rows_before"], file["rows"]) == ("replaced", 56_000, 56_551)
    assert (
        warehouse.scalar("select count(*) from nyc_taxi.fact_trips")
        + warehouse.scalar("select count(*) from nyc_taxi.rejected_trips")
        == 56_551
    )
