"""A record of each step that a workflow takes, from its start to its end.

A record is never the reason why a command fails: what cannot be written is left out.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.history.deliver import deliver
from taxi_pipeline.history.journal import Journal
from taxi_pipeline.history.outcomes import Ending
from taxi_pipeline.history.page import refresh_page
from taxi_pipeline.history.records import Record, RunStep
from taxi_pipeline.settings import Settings
from taxi_pipeline.site.facts import commit_of
from taxi_pipeline.transform.runner import BuildOptions, build_command
from taxi_pipeline.warehouses import is_embedded
from taxi_pipeline.warehouses.targets import target_kind

_VARIABLES = {
    "TAXI_RUN_ID": "run_id",
    "TAXI_COMMAND": "command",
    "TAXI_VERSION": "project_version",
    "TAXI_COMMIT": "project_commit",
    "TAXI_ADAPTER_VERSION": "adapter_version",
}
"""What `macros/run_records.sql` asks for, and which column it becomes."""

_PREFIX = "DBT_ENV_CUSTOM_ENV_"
"""Variables that dbt hands to macros and artifacts; it parses nothing anew where they change."""


@dataclass
class _Run:
    """The run that goes on: steps of it share an identifier and a command."""

    run_id: str
    command: str
    steps: set[str] = field(default_factory=set)
    recorded: Exception | None = None


_current: ContextVar[_Run | None] = ContextVar("run", default=None)


@dataclass
class OpenStep:
    """The record of a step that goes on.

    Attributes:
        record: what is known so far.
        journal: where it is written.
        path: its file; None before its folder is there.
    """

    record: Record
    journal: Journal
    path: Path | None = None

    def write(self) -> None:
        """Write what is known, where there is a data folder: a command that is refused makes none."""
        with suppress(OSError):
            if self.journal.settings.data_dir.is_dir():
                self.path = self.path or self.journal.path_for(self.record)
                self.journal.write(self.path, self.record)

    def end(self, facts: Ending) -> None:
        """Write how it ended.

        Args:
            facts: values for columns of the step, its nodes and its files.
        """
        step = replace(self.record.step, ended_at=_now(), **facts.values)
        self.record = Record(
            step,
            tuple(replace(node, run_id=step.run_id, step=step.step) for node in facts.nodes),
            tuple(replace(file, run_id=step.run_id, step=step.step) for file in facts.files),
        )
        self.write()

    @contextmanager
    def told_to_dbt(self) -> Iterator[None]:
        """Let the hooks of dbt write under this run, with what only this program knows."""
        values = {
            f"{_PREFIX}{name}": str(value)
            for name, column in _VARIABLES.items()
            if (value := getattr(self.record.step, column))
        }
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            _restore(before)


def _restore(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def one_run(
    settings: Settings, command: str, target: str | None, note: Callable[[str], None]
) -> Iterator[None]:
    """Let the steps inside be steps of one run, unless a run goes on already.

    A run that ends by an error outside of its steps leaves a record of that. At its end the records go to a server,
    and the page of the site is written anew; DuckDB's are moved by the build.

    Args:
        settings: where the data folder is.
        command: what was asked for, in words.
        target: a name of ``profiles.yml``; None for its default.
        note: told what could not be recorded.
    """
    if _current.get() is not None:
        yield
        return
    started = _now()
    run = _Run(f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", command)
    token = _current.set(run)
    try:
        yield
    except Exception as error:
        if run.recorded is not error:
            entry = _entry(settings, run, "run", target)
            entry.record = Record(replace(entry.record.step, started_at=started))
            entry.end(_of_error(error))
        _settle(settings, target, run, lambda _: None)  # one fault is enough to read
        raise
    else:
        _settle(settings, target, run, note)
    finally:
        _current.reset(token)


def _settle(settings: Settings, target: str | None, run: _Run, note: Callable[[str], None]) -> None:
    Journal(settings).prune()
    if run.steps & {"load", "build", "validate"} and not is_embedded(settings, target):
        hand_over(settings, target, note)
    with suppress(OSError):
        refresh_page(settings, target)


def hand_over(settings: Settings, target: str | None, note: Callable[[str], None]) -> None:
    """Move the records that wait to the warehouse; where that cannot be done, they wait on.

    Args:
        settings: where the data folder is; locked by the caller where the warehouse is DuckDB.
        target: a name of ``profiles.yml``; None for its default.
        note: told why they wait on.
    """
    fault = deliver(settings, target)
    if fault is not None and not is_embedded(settings, target):  # what keeps DuckDB is said already
        note(
            f"The record of this run waits in {Journal(settings).folder} for the next build: {fault}"
        )


@contextmanager
def recording(settings: Settings, step: str, target: str | None = None) -> Iterator[OpenStep]:
    """Record a step of the run that goes on.

    What ends by an error is recorded with its sentence; who is interrupted or killed leaves a record without an end.

    Args:
        settings: where the data folder is.
        step: one of ``STEPS``.
        target: a name of ``profiles.yml``; None for its default.
    """
    run = _current.get()
    if run is None:
        raise AssertionError("recording is for the inside of one_run")
    run.steps.add(step)
    entry = _entry(settings, run, step, target)
    entry.write()
    try:
        yield entry
    except Exception as error:
        entry.end(_of_error(error))
        run.recorded = error
        raise


def _entry(settings: Settings, run: _Run, step: str, target: str | None) -> OpenStep:
    name, kind = target_kind(settings, target)
    return OpenStep(
        Record(
            RunStep(
                run_id=run.run_id,
                step=step,
                command=run.command,
                started_at=_now(),
                target=None if step == "ingest" else name,
                project_version=_version("nyc-taxi-warehouse"),
                project_commit=commit_of(settings.project_dir),
                dbt_version=_version("dbt-core"),
                adapter_version=_version(f"dbt-{kind}") if kind else None,
            )
        ),
        Journal(settings),
    )


def command_of(options: BuildOptions, *, retry: bool = False, again: bool = False) -> str:
    """`taxi build` with its options in words; without the variables, which may hold anything."""
    words = build_command(replace(options, variables=None, unit_tests=True))
    words += ["--unit-tests"] if options.unit_tests else []
    words += ["--vars ..."] if options.variables else []
    return " ".join(["taxi", *words, *(["--retry"] * retry), *(["--again"] * again)])


def _of_error(error: Exception) -> Ending:
    is_own = isinstance(error, TaxiError)
    text = str(error) if is_own else f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    code = error.exit_code if isinstance(error, TaxiError) else TaxiError.exit_code
    return Ending({"exit_code": code, "message": text})


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
