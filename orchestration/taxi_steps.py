"""The steps of one month as commands of ``taxi``, and what their exit codes mean; the adapter of every orchestrator.

Only the standard library is imported: this file runs in the environment of any orchestrator, and starts ``taxi``
in the project's own.
"""

import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Self

from taxi_documents import SERVICES, Document, Month, Planned, failing, planned, sentence

PUBLISHED_AFTER_MONTHS = 2
"""TLC publishes a month about two months after its end: a run of March takes January."""

RETRIES = 3
"""Tries after the first one of a step that could not be done."""

RETRY_SECONDS = float(os.environ.get("TAXI_RETRY_SECONDS", "300"))
"""Before another try."""

FIRST_MONTH = date.fromisoformat(f"{os.environ.get('TAXI_FIRST_MONTH', '2019-01')}-01")
"""Where catching up begins."""

_STOP_SECONDS = 30
"""How long a command may take to end by itself when its task is ended."""

_log = logging.getLogger("taxi")


class Outcome(IntEnum):
    """What an exit code of ``taxi`` says to a scheduler."""

    DONE = 0
    DATA_FAIL = 1  # never again: the same data fail the same way
    NOT_DONE = 2  # try again: network, disk, server, another writer
    NOT_PUBLISHED = 3  # wait


class StepError(RuntimeError):
    """A command that did not end well; its text is the alert: one sentence, then the tables of failing rows.

    Args:
        command: as it was typed.
        document: what it wrote; empty where it was killed.
        said: what it printed last, where the document has no sentence.
    """

    def __init__(self, command: str, document: Document, said: str = "") -> None:
        self.command, self.document = command, document
        super().__init__(
            "\n".join([f"{command}: {sentence(document) or said}", *failing(document)])
        )


class DataFailError(StepError):
    """The data fail a check or a test: trying again changes nothing."""


class NotDoneError(StepError):
    """It could not be done, or was killed: worth another try."""


class NotPublishedError(StepError):
    """The month is not published yet: worth waiting for."""


def months_before(day: date, count: int) -> date:
    """The first day of the month that lies so many months before that of ``day``."""
    number = day.year * 12 + day.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def span(first: date, last: date) -> Iterator[date]:
    """The first day of every month from one to another, both included."""
    while first <= last:
        yield first
        first = months_before(first, -1)


@dataclass(frozen=True)
class Taxi:
    """The command line of a project.

    Attributes:
        project: its folder, in which the commands run.
        executable: ``taxi`` of the project's own environment.
        source: the publisher, as ``taxi ingest --source``.
        target: a name of ``profiles.yml``; ``dev`` is DuckDB.
        services: whose months are taken.
    """

    project: Path
    executable: str
    source: str = "tlc"
    target: str = "dev"
    services: tuple[str, ...] = SERVICES

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read TAXI_PROJECT_DIR, TAXI_EXECUTABLE, TAXI_SOURCE, TAXI_TARGET and TAXI_SERVICES.

        Without them: the project that holds this file, ``taxi`` of its ``.venv`` or of the path, TLC, DuckDB, and
        every service.

        Raises:
            ValueError: TAXI_SERVICES names something else.
        """
        project = Path(environment.get("TAXI_PROJECT_DIR") or Path(__file__).resolve().parents[1])
        own = project / ".venv" / "bin" / "taxi"
        services = tuple(
            name.strip()
            for name in (environment.get("TAXI_SERVICES") or ",".join(SERVICES)).split(",")
        )
        if unknown := set(services) - set(SERVICES):
            raise ValueError(
                f"TAXI_SERVICES: {', '.join(sorted(unknown))} is none of {', '.join(SERVICES)}"
            )
        return cls(
            project,
            environment.get("TAXI_EXECUTABLE") or (str(own) if own.exists() else "taxi"),
            environment.get("TAXI_SOURCE") or "tlc",
            environment.get("TAXI_TARGET") or "dev",
            services,
        )

    @property
    def artifacts(self) -> Path:
        """Where dbt leaves ``manifest.json`` and ``run_results.json``."""
        return self.project / (os.environ.get("DBT_TARGET_PATH") or "target")

    def ingest(self, month: Month) -> list[str]:
        """Download a month where the publisher's file differs from the one at hand, and bring it into the lake."""
        return ["ingest", "--month", str(month), "--source", self.source]

    def load(self) -> list[str]:
        """Copy what changed in the lake to the target; only for a server."""
        return ["load", "--target", self.target]

    def build(self) -> list[str]:
        """Build and test what changed."""
        return ["build", "--target", self.target]

    def validate(self) -> list[str]:
        """Judge months and marts."""
        return ["validate", "--target", self.target]

    def site(self) -> list[str]:
        """Write the dashboard and the other pages."""
        return ["site", "--target", self.target]

    def plan(self, first: date, last: date) -> list[str]:
        """Ask the publisher which months are missing, restated or incomplete."""
        months = f"{first:%Y-%m}..{last:%Y-%m}"
        services = ",".join(self.services)
        return ["plan", "--months", months, "--services", services, "--source", self.source]

    @property
    def is_server(self) -> bool:
        """Whether the target has to be loaded: DuckDB reads the lake itself."""
        return self.target != "dev"

    def plan_months(
        self, first: date, last: date, log: Callable[[str], object] = _log.info
    ) -> list[Planned]:
        """Months that the publisher has and the lake lacks or has otherwise, the oldest first.

        Raises:
            NotDoneError: the publisher could not be asked about all of them.
            StepError: as in ``run``.
        """
        return planned(self.run(self.plan(first, last), log))

    def run(self, command: Sequence[str], log: Callable[[str], object] = _log.info) -> Document:
        """Run a command to its end.

        Args:
            command: without ``taxi`` and ``--json``.
            log: called with each line of progress.

        Returns:
            Its document.

        Raises:
            DataFailError: exit code 1.
            NotPublishedError: exit code 3.
            NotDoneError: any other, a signal, or ``taxi`` cannot be started.
        """
        line = " ".join(["taxi", *command])
        said = ""
        with tempfile.TemporaryFile() as stdout:
            try:
                process = subprocess.Popen(  # noqa: S603 - the user's own command
                    [self.executable, *command, "--json"],
                    cwd=self.project,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                    env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
                )
            except OSError as error:
                raise NotDoneError(
                    line, {}, f"{self.executable} cannot be started: {error}; set TAXI_EXECUTABLE"
                ) from error
            with process, _ended_with_us(process):
                for text in process.stderr or ():
                    if text := text.rstrip():
                        said = text
                        log(text)
                code = process.wait()
            stdout.seek(0)
            document = _parse(stdout.read())
        if code == Outcome.DONE:
            return document
        raise _ERRORS.get(code, NotDoneError)(
            line, document, said or f"it ended with exit code {code}"
        )


_ERRORS: Mapping[int, type[StepError]] = {
    Outcome.DATA_FAIL: DataFailError,
    Outcome.NOT_PUBLISHED: NotPublishedError,
}


@contextmanager
def _ended_with_us(process: subprocess.Popen[str]) -> Iterator[None]:
    """End the command where its task is ended: it would go on, and hold the lock that the next one waits for."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()  # tables stay whole
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _parse(stdout: bytes) -> Document:
    """The document, or none where the command was killed before it wrote all of it."""
    try:
        document = json.loads(stdout)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
