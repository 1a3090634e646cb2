"""The months of TLC's trips as a Prefect flow: those that the publisher has and the lake lacks, or those given."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import Flow, FlowRun, State, TaskRun
from prefect.concurrency.sync import concurrency
from prefect.schedules import Cron
from prefect.tasks import Task

sys.path.append(str(Path(__file__).resolve().parents[1]))
from taxi_alerts import alert
from taxi_documents import Month
from taxi_steps import (
    FIRST_MONTH,
    PUBLISHED_AFTER_MONTHS,
    RETRIES,
    RETRY_SECONDS,
    NotDoneError,
    NotPublishedError,
    Taxi,
    months_before,
    span,
)

LOCK = "taxi-writer"
"""A global concurrency limit of one, which ``start`` makes: DuckDB has one writer, however many flows there are."""


def worth_another_try(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task is tried again: not where the data fail, or the month is not out."""
    try:
        state.result()
    except NotDoneError:
        return True
    except Exception:
        return False
    return False


def run(command: list[str]) -> None:
    """Run a command; its progress is the task's log."""
    Taxi.from_environment().run(command, get_run_logger().info)


@task(
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=worth_another_try,
    task_run_name="plan {first} to {last}",
)
def plan(first: date, last: date) -> list[Month]:
    """Months that the publisher has and the lake lacks, or has otherwise."""
    found = Taxi.from_environment().plan_months(first, last, get_run_logger().info)
    return [item.month for item in found]


@task(
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=worth_another_try,
    task_run_name="ingest {month}",
)
def ingest(month: Month) -> bool:
    """Bring a month into the lake; False where it is not published yet, and the next run takes it."""
    try:
        run(Taxi.from_environment().ingest(month))
    except NotPublishedError as error:
        get_run_logger().info("%s", error)
        return False
    return True


@task(
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=worth_another_try,
    task_run_name="{step}",
)
def publish(step: str) -> None:
    """One step after ingestion: load, build, validate or site."""
    run(getattr(Taxi.from_environment(), step)())


def send_alert(_flow: Flow, flow_run: FlowRun, state: State[Any]) -> None:
    """Say what failed; called when a flow has failed or crashed."""
    try:
        state.result()
    except Exception as error:
        alert(f"{flow_run.name}", str(error))
    else:
        alert(f"{flow_run.name}", state.message or state.name)


@flow(
    flow_run_name="taxi {first} to {last}",
    on_failure=[send_alert],
    on_crashed=[send_alert],
)
def taxi_months(first: str = "", last: str = "") -> list[str]:
    """Ingest months, then build, judge and write the site.

    Args:
        first: such as 2024-01; with it every month to ``last`` is ingested. Without it, those that the publisher has
            and the lake lacks or has otherwise, from TAXI_FIRST_MONTH on.
        last: the last month; empty for ``first``, or for the newest that is out.

    Returns:
        The months that are in the lake now.
    """
    taxi = Taxi.from_environment()
    newest = months_before(datetime.now(UTC).date(), PUBLISHED_AFTER_MONTHS)
    with concurrency(LOCK, occupy=1, strict=True):
        if first:
            begin, end = (
                date.fromisoformat(f"{first}-01"),
                date.fromisoformat(f"{last or first}-01"),
            )
            wanted = [Month(service, day) for day in span(begin, end) for service in taxi.services]
        else:
            end = date.fromisoformat(f"{last}-01") if last else newest
            wanted = plan(FIRST_MONTH, end)
        taken = [str(month) for month in wanted if ingest(month)]
        if taken or not first:
            for step in (*(["load"] if taxi.is_server else []), "build", "validate", "site"):
                publish(step)
    return taken


if __name__ == "__main__":
    if len(sys.argv) > 1:
        taxi_months(*sys.argv[1:3])
    else:  # a deployment: it waits for its hour, and takes what is out
        taxi_months.serve(
            name="monthly",
            schedule=Cron("0 6 * * *", timezone="America/New_York"),
            limit=1,
            pause_on_shutdown=False,
        )
