"""Airflow: its scheduler catches up real months in spite of faults; what the data fail is never tried again."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrators import MONTHS, SERVICES, Stage, descendants, environment_of, run, running, stage
from servers import free_port
from warehouse import Warehouse, copy_project, differences

pytestmark = pytest.mark.full  # a scheduler of Airflow, five builds

RESTATED = f"yellow_tripdata_{MONTHS[0]}.parquet"
SLOWEST = 600
"""Seconds until a test stops waiting for a scheduler; it fails then."""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Stage]:
    environment_of("airflow")
    with stage(tmp_path) as found:
        yield found


def airflow(scene: Stage, **more: str) -> dict[str, str]:
    port = str(free_port())
    return {
        **scene.environment,
        "AIRFLOW_VENV": str(environment_of("airflow")),
        "AIRFLOW_HOME": str(scene.folder / "airflow"),
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        **more,
    }


def start(scene: Stage, *words: str) -> list[str]:
    return ["sh", str(scene.warehouse.project / "orchestration" / "airflow" / "start"), *words]


def in_database(scene: Stage, sql: str) -> list[tuple[Any, ...]]:
    path = scene.folder / "airflow" / "airflow.db"
    if not path.exists():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:  # its tables are being made
            return []


def wait_until(condition: Callable[[], Any], what: str, log: Path) -> Any:
    deadline = time.monotonic() + SLOWEST
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: {log.read_text()[-5000:]}"
        time.sleep(0.5)
    return found


def ingesting(pid: int) -> list[int]:
    """The task that runs `taxi ingest`, and the command."""
    for one in descendants(pid):
        try:
            words = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
            parent = int(Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"taxi_pipeline" in words and b"ingest" in words:
            return [parent, one]
    return []


def test_three_months_are_caught_up_as_by_hand_while_one_is_restated_and_a_task_is_killed(
    scene: Stage,
) -> None:
    scene.publish(*MONTHS)
    scene.publisher.is_down.set()
    scene.publisher.hold(RESTATED)  # its first transfer stands still, until the task is killed
    log = scene.folder / "standalone.log"
    with running(start(scene), airflow(scene, TAXI_LAST_MONTH=MONTHS[-1]), log) as pid:
        tries = "select max(try_number) from task_instance where task_id = 'plan'"
        wait_until(lambda: scene.publisher.asked, "nobody asks the publisher", log)
        wait_until(
            lambda: (in_database(scene, tries) or [(0,)])[0][0] not in (None, 0, 1),
            "a publisher that is down is not asked again",
            log,
        )
        scene.publisher.is_down.clear()
        wait_until(scene.publisher.held.is_set, "no transfer begins", log)
        for one in wait_until(lambda: ingesting(pid), "no task ingests", log):
            os.kill(one, signal.SIGKILL)
        scene.publisher.release()
        second = ("GET", f"yellow_tripdata_{MONTHS[1]}.parquet")
        wait_until(lambda: second in scene.publisher.asked, "the second month is not taken", log)
        scene.put(RESTATED, without=10)
        states = "select count(*) from dag_run where state = 'success'"
        ended = "select count(*) from dag_run where state in ('success', 'failed')"
        wait_until(
            lambda: (in_database(scene, ended) or [(0,)])[0][0] == len(MONTHS),
            "the months are not caught up",
            log,
        )
        assert in_database(scene, states) == [(len(MONTHS),)], log.read_text()[-5000:]
    [(killed,)] = in_database(
        scene,
        "select max(try_number) from task_instance where task_id = 'ingest'"
        " and run_id like '%2025-12%'",
    )
    assert killed == 2
    by_hand = Warehouse(copy_project(scene.folder / "by_hand"), scene.folder / "other_data")
    files = [
        str(scene.publisher.folder / f"{service}_tripdata_{month}.parquet")
        for service in SERVICES
        for month in MONTHS
    ]
    by_hand.taxi("ingest", *files)
    by_hand.taxi("build")
    assert scene.warehouse.scalar("select count(*) from fact_file_completeness") == len(files)
    assert differences(by_hand, scene.warehouse) == {}
    assert (scene.warehouse.data / "site" / "index.html").exists()
    assert scene.hook.texts == []


def test_a_month_is_waited_for_and_one_that_fails_its_checks_is_not_tried_again(
    scene: Stage,
) -> None:
    today = datetime.now(UTC)
    number = today.year * 12 + today.month - 2
    month = f"{number // 12}-{number % 12 + 1:02}"  # the one before this: not published yet
    due = number + 2
    environment = airflow(scene, TAXI_FIRST_MONTH=month)
    scene.publisher.on_refusal(2 * len(SERVICES), lambda: scene.publish_broken(month))
    run(start(scene, "db", "migrate"), environment, scene.folder)
    run(start(scene, "pools", "set", "taxi_writer", "1", "one"), environment, scene.folder)
    printed = run(
        start(scene, "dags", "test", "taxi_monthly", f"{due // 12}-{due % 12 + 1:02}-01"),
        environment,
        scene.folder,
        exit_code=None,
    )
    tasks = in_database(
        scene, "select task_id, state, try_number from task_instance order by task_id, map_index"
    )
    assert [task for task in tasks if task[0] == "ingest"] == [("ingest", "failed", 1)] * 2, printed
    assert ("build", "upstream_failed", 0) in tasks
    assert len(scene.hook.texts) == len(SERVICES), printed
    for text in scene.hook.texts:
        assert re.match(r"taxi_monthly, ingest, run .*: taxi ingest --month .*_tripdata_", text)
