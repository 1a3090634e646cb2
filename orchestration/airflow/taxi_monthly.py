"""The months of TLC's trips: one run a month, two months late, caught up from the first one."""

import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import Asset, PokeReturnValue, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

sys.path.append(str(Path(__file__).resolve().parents[1]))
from taxi_alerts import alert
from taxi_documents import Month
from taxi_steps import (
    FIRST_MONTH,
    PUBLISHED_AFTER_MONTHS,
    RETRIES,
    RETRY_SECONDS,
    DataFailError,
    NotPublishedError,
    Taxi,
    months_before,
)

TAXI = Taxi.from_environment()
LAST = os.environ.get("TAXI_LAST_MONTH", "")
"""The last month to take; empty for no end."""

RETRY = pendulum.duration(seconds=RETRY_SECONDS)
WAIT = pendulum.duration(seconds=float(os.environ.get("TAXI_WAIT_SECONDS", "21600")))
LONGEST_WAIT = pendulum.duration(days=60)

POOL = "taxi_writer"
"""A pool of one slot: DuckDB has one writer, and the lake's manifest changes one after the other."""

MARTS = Asset(name="taxi_marts", uri=f"taxi://warehouse/{TAXI.target}/marts")
"""Changed whenever marts have been built and judged: ``schedule=[Asset.ref(name="taxi_marts")]`` follows them."""


def run_of(month: date) -> pendulum.DateTime:
    """The logical date of the run that takes a month."""
    due = months_before(month, -PUBLISHED_AFTER_MONTHS)
    return pendulum.datetime(due.year, due.month, 1)


def month_of_run() -> date:
    """The month that the present run takes."""
    return months_before(get_current_context()["logical_date"].date(), PUBLISHED_AFTER_MONTHS)


def taxi(command: list[str]) -> None:
    """Run a command; data that fail are never tried again."""
    try:
        TAXI.run(command, print)
    except DataFailError as error:
        raise AirflowFailException(str(error)) from error


def send_alert(context: Any) -> None:
    """Say what failed; called once a task has no tries left."""
    instance = context["ti"]
    alert(
        f"{instance.dag_id}, {instance.task_id}, run {instance.run_id}",
        str(context.get("exception")),
    )


@dag(
    schedule="@monthly",
    start_date=run_of(FIRST_MONTH),
    end_date=run_of(date.fromisoformat(f"{LAST}-01")) if LAST else None,
    catchup=True,
    max_active_runs=1,
    default_args={
        "pool": POOL,
        "retries": RETRIES,
        "retry_delay": RETRY,
        "retry_exponential_backoff": True,
        "max_retry_delay": pendulum.duration(hours=6),
        "on_failure_callback": send_alert,
    },
    doc_md=__doc__,
    tags=["taxi"],
)
def taxi_monthly() -> None:
    """Ask which months, ingest each, build, judge, and write the site."""

    @task
    def plan() -> list[str]:
        """The run's own month of each service, and earlier ones that TLC has published again."""
        month = month_of_run()
        own = [str(Month(service, month)) for service in TAXI.services]
        again = [
            str(item.month)
            for item in TAXI.plan_months(FIRST_MONTH, month, print)
            if item.state == "restated"
        ]
        return list(dict.fromkeys([*own, *again]))

    @task.sensor(
        mode="reschedule",
        poke_interval=WAIT,
        timeout=LONGEST_WAIT,
        map_index_template="{{ month }}",
    )
    def ingest(month: str) -> PokeReturnValue:
        """Bring a month into the lake; wait, without a slot, until it is published."""
        get_current_context()["month"] = month  # type: ignore[typeddict-unknown-key]
        try:
            taxi(TAXI.ingest(Month.of(*month.split(":"))))
        except NotPublishedError as error:
            print(error)
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True)

    @task
    def build() -> None:
        """Load what changed, where the target is a server; build and test."""
        if TAXI.is_server:
            taxi(TAXI.load())
        taxi(TAXI.build())

    @task(outlets=[MARTS])
    def validate() -> None:
        """Judge months and marts."""
        taxi(TAXI.validate())

    @task
    def publish() -> None:
        """Write the site."""
        taxi(TAXI.site())

    ingest.expand(month=plan()) >> build() >> validate() >> publish()


taxi_monthly()
