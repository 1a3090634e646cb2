"""The adapter of the orchestrators: what an exit code, a document and an ended task mean, and what an alert says."""

import json
import logging
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestrators import webhook
from taxi_alerts import ALERT_URL, alert
from taxi_documents import SERVICES, Month, planned
from taxi_pipeline.schemas import Service
from taxi_steps import (
    DataFailError,
    NotDoneError,
    NotPublishedError,
    StepError,
    Taxi,
    months_before,
    span,
)
from warehouse import REPOSITORY

ORCHESTRATION = REPOSITORY / "orchestration"

FAILED_BUILD: dict[str, Any] = {
    "command": "build",
    "error": None,
    "meaning": "the data fail; trying again changes nothing",
    "build": {
        "failures": [
            {"name": "assert_sums", "sentence": "3 rows do not add up.", "table": "f.assert_sums"},
            {"name": "fact_trips", "sentence": "It ran out of memory.", "table": None},
        ]
    },
}


def program(folder: Path, text: str) -> Taxi:
    """A project whose ``taxi`` is this shell script."""
    path = folder / "taxi"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Taxi(folder, str(path))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1, DataFailError), (2, NotDoneError), (3, NotPublishedError), (9, NotDoneError)],
)
def test_an_exit_code_says_what_to_do(tmp_path: Path, code: int, kind: type[StepError]) -> None:
    lines: list[str] = []
    taxi = program(tmp_path, f"echo reading >&2; echo no room >&2; exit {code}")
    with pytest.raises(StepError) as caught:
        taxi.run(taxi.build(), lines.append)
    assert type(caught.value) is kind
    assert lines == ["reading", "no room"]
    assert str(caught.value) == "taxi build --target dev: no room"


def test_a_killed_command_is_tried_again_even_after_half_a_document(tmp_path: Path) -> None:
    taxi = program(tmp_path, """printf '{"command": "bu'; kill -9 $$""")
    with pytest.raises(NotDoneError, match="exit code -9"):
        taxi.run(taxi.build())


def test_a_command_that_cannot_be_started_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(NotDoneError, match=r"none/taxi cannot be started: .*; set TAXI_EXECUTABLE"):
        Taxi(tmp_path, str(tmp_path / "none" / "taxi")).run(["build"])


def test_the_document_is_read_and_an_alert_has_its_sentence_and_the_tables(tmp_path: Path) -> None:
    (tmp_path / "document").write_text(json.dumps(FAILED_BUILD))
    done = program(tmp_path, "cat document")
    assert done.run(done.build()) == FAILED_BUILD
    failed = program(tmp_path, "cat document; exit 1")
    with pytest.raises(DataFailError) as caught:
        failed.run(failed.build())
    assert str(caught.value).splitlines() == [
        "taxi build --target dev: 3 rows do not add up., and 1 more",
        "  assert_sums: 3 rows do not add up. Rows: select * from f.assert_sums",
        "  fact_trips: It ran out of memory.",
    ]


def test_a_task_that_is_ended_ends_its_command(tmp_path: Path) -> None:
    program(tmp_path, "echo $$ > pid; echo ready >&2; exec sleep 600")
    task = (
        f"import sys, signal; sys.path.insert(0, {str(ORCHESTRATION)!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
        "from pathlib import Path\nfrom taxi_steps import Taxi\n"
        f"taxi = Taxi(Path({str(tmp_path)!r}), {str(tmp_path / 'taxi')!r})\n"
        "taxi.run(['build'], lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", task], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    command = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{command}").exists()


def test_settings_come_from_the_environment_and_a_wrong_service_is_named() -> None:
    found = Taxi.from_environment(
        {"TAXI_PROJECT_DIR": "/p", "TAXI_EXECUTABLE": "/v/taxi", "TAXI_SERVICES": "green, fhv"}
    )
    assert found == Taxi(Path("/p"), "/v/taxi", services=("green", "fhv"))
    assert Taxi.from_environment({}).project == REPOSITORY
    with pytest.raises(ValueError, match="TAXI_SERVICES: blue is none of"):
        Taxi.from_environment({"TAXI_SERVICES": "blue"})


def test_services_are_those_of_the_project() -> None:
    assert set(SERVICES) == {str(service) for service in Service}


def test_months_are_counted_over_the_turn_of_a_year() -> None:
    assert months_before(date(2026, 1, 31), 2) == date(2025, 11, 1)
    assert list(span(date(2025, 12, 1), date(2026, 1, 1))) == [date(2025, 12, 1), date(2026, 1, 1)]
    assert str(Month.of("green", "2024-02-29")) == "green:2024-02"


def test_a_restated_month_has_a_key_of_its_own_and_an_excerpt_is_left_alone() -> None:
    plan = {
        "months": [
            {"service": "yellow", "month": "2024-02", "state": "missing"},
            {
                "service": "green",
                "month": "2024-01",
                "state": "restated",
                "bytes": 9,
                "reason": "r",
            },
            {"service": "fhv", "month": "2024-01", "state": "incomplete"},
        ]
    }
    assert [item.key for item in planned(plan)] == [
        "green:2024-01:restated:9 r",
        "yellow:2024-02:missing:",
    ]


def test_a_plan_without_the_publisher_is_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "document").write_text(
        json.dumps(
            {
                "exit_code": 2,
                "error": {"subject": "tlc", "reason": "no network", "remedy": "wait"},
                "months": [],
            }
        )
    )
    taxi = program(tmp_path, "cat document; exit 2")
    with pytest.raises(NotDoneError) as caught:
        taxi.plan_months(date(2024, 1, 1), date(2024, 2, 1))
    assert str(caught.value).endswith("tlc: no network. Wait.")


def test_an_alert_is_posted_and_its_address_is_never_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with webhook() as hook, caplog.at_level(logging.ERROR):
        assert alert("dag, build", "3 rows do not add up.", {ALERT_URL: hook.address})
        assert hook.texts == ["dag, build: 3 rows do not add up."]
        gone = hook.address
    assert not alert("dag, build", "again", {ALERT_URL: gone})
    assert not alert("dag, build", "again", {ALERT_URL: "file:///etc/secret"})
    assert not alert("dag, build", "again", {})
    assert "did not take the alert" in caplog.text
    assert "/hook" not in caplog.text
    assert "secret" not in caplog.text


def test_no_orchestrator_is_a_dependency_of_the_project() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text()
    dependencies = project.partition("[project.scripts]")[0]
    assert not {name for name in ("airflow", "dagster", "prefect") if name in dependencies}


@pytest.mark.parametrize("name", ["airflow", "dagster", "prefect"])
def test_the_versions_of_an_orchestrator_are_exact(name: str) -> None:
    lines = (ORCHESTRATION / name / "constraints.txt").read_text().splitlines()
    assert all("==" in line and "://" not in line for line in lines)
