"""Runs as people ask for them: the records of the warehouse and those that wait, together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.history.deliver import read_nodes, read_records, with_nodes
from taxi_pipeline.history.journal import Journal, Pending
from taxi_pipeline.history.outcomes import UNCHANGED
from taxi_pipeline.history.records import Record, RunFile, RunNode, RunStep, plain
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import is_embedded, open_reader
from taxi_pipeline.warehouses.base import ops_schema
from taxi_pipeline.warehouses.targets import require_target, target_kind

DONE, UNCHANGED_RUN, FAILED, NOT_DONE = "done", "unchanged", "failed", "not done"
RUNNING, INTERRUPTED, NO_END = "running", "interrupted", "no end"

Count = Literal["passed_count", "warned_count", "failed_count", "skipped_count"]

_BY_EXIT_CODE = {0: DONE, 1: FAILED}


@dataclass(frozen=True)
class PastRun:
    """A run with all of its steps.

    Attributes:
        records: a record per step, in the order of time; at least one.
        outcome: ``done``, ``unchanged`` (nothing to do), ``failed`` (data), ``not done`` (it could not be),
            ``running``, ``interrupted`` (its process is gone), or ``no end`` where that cannot be told: another
            machine writes to the same server.
    """

    records: tuple[Record, ...]
    outcome: str

    @property
    def run_id(self) -> str:
        """Its identifier, which begins with its start."""
        return self.records[0].step.run_id

    @property
    def command(self) -> str:
        """What was asked for."""
        return self.records[0].step.command

    @property
    def started_at(self) -> datetime:
        """UTC."""
        return self.records[0].step.started_at

    @property
    def seconds(self) -> float | None:
        """From the start of the first step to the end of the last; None without an end."""
        ends = [record.step.ended_at for record in self.records]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        return (max(known) - self.started_at).total_seconds()

    @property
    def is_bad(self) -> bool:
        """Whether somebody should look at it."""
        return self.outcome in {FAILED, NOT_DONE, INTERRUPTED, NO_END}

    @property
    def files(self) -> list[RunFile]:
        """What changed, once each: a month that was ingested is built in the same run."""
        found = {
            (file.service_type, file.file_month): file
            for record in self.records
            for file in record.files
        }
        return [found[key] for key in sorted(found)]

    @property
    def failures(self) -> list[RunNode]:
        """Nodes, checks and files that failed."""
        return [node for record in self.records for node in record.nodes if node.is_failure]

    @property
    def nodes(self) -> list[RunNode]:
        """All that is known, in the order of the records."""
        return [node for record in self.records for node in record.nodes]

    @property
    def messages(self) -> list[str]:
        """Why steps could not be done."""
        return [r.step.message for r in self.records if r.step.message and r.step.exit_code]

    def total(self, column: Count) -> int | None:
        """The sum of a count over the steps that have it; None where none has."""
        counts = [getattr(record.step, column) for record in self.records]
        known = [count for count in counts if count is not None]
        return sum(map(int, known)) if known else None

    @property
    def rows(self) -> int | None:
        """Rows of the files that the tables held afterwards; without a build, of those that changed."""
        step = self._held
        return None if step is None else step.row_count

    @property
    def metered_amount(self) -> Decimal | None:
        """Dollars of those rows of yellow and green."""
        step = self._held
        return None if step is None else step.metered_total_amount

    @property
    def rider_amount(self) -> Decimal | None:
        """Dollars of those rows of HVFHV, which are never added to the others."""
        step = self._held
        return None if step is None else step.rider_total_amount

    @property
    def _held(self) -> RunStep | None:
        """The build, else the first step that has rows."""
        steps = [record.step for record in self.records]
        build = next((step for step in steps if step.step == "build"), None)
        return build or next((step for step in steps if step.row_count), None)

    def to_json(self) -> dict[str, Any]:
        """The run and its steps with their columns, nodes and files, for another program."""
        return {
            "run_id": self.run_id,
            "command": self.command,
            "outcome": self.outcome,
            "started_at": str(self.started_at),
            "seconds": self.seconds,
            "steps": [
                {
                    **plain(record.step),
                    "nodes": [plain(node) for node in record.nodes],
                    "files": [plain(file) for file in record.files],
                }
                for record in self.records
            ],
        }


@dataclass(frozen=True)
class History:
    """The runs of a target.

    Attributes:
        runs: newest first.
        complaint: why the warehouse could not be read; the runs are then those of the last copy, and those that wait.
        is_copy: whether there is such a copy.
    """

    runs: Sequence[PastRun]
    complaint: TaxiError | None = None
    is_copy: bool = False

    @property
    def warning(self) -> str | None:
        """What to know of the runs where they are not the warehouse's; None where they are."""
        if self.complaint is None:
            return None
        shown = "The last copy is" if self.is_copy else "Only runs that wait for a warehouse are"
        return f"{shown} shown: {self.complaint}"

    def find(self, run_id: str) -> PastRun:
        """A run by its identifier, or by the beginning of it.

        Raises:
            TaxiError: there is no such run, or more than one.
        """
        found = [run for run in self.runs if run.run_id.startswith(run_id)]
        if len(found) != 1:
            some = ", ".join(run.run_id for run in (found or list(self.runs))[:3])
            raise TaxiError(
                f"run {run_id}",
                "more than one run begins like this" if found else "there is no such run",
                f"give one that `taxi history` lists, such as {some}"
                if some
                else "see `taxi history`",
            )
        return found[0]


def read_history(settings: Settings, target: str | None = None, last: int | None = None) -> History:
    """Read the runs of a target; waits for nobody, and writes nothing.

    Args:
        settings: where the data folder and ``profiles.yml`` are.
        target: a name of ``profiles.yml``; None for its default.
        last: at most so many runs; None for all.

    Raises:
        TaxiError: there is no such target, or it cannot be read and nothing is known of it here.
    """
    require_target(settings, target)
    journal, (name, _) = Journal(settings), target_kind(settings, target)
    waiting = [p for p in journal.pending() if p.record.step.target in {None, name}]
    complaint, copied = None, []
    try:
        with open_reader(settings, target) as reader:
            is_there = reader.holds(ops_schema(), "runs")
            steps = None if last is None else 5 * last
            records = read_records(reader, name, steps) if is_there else []
    except TaxiError as error:
        complaint, records = error, (copied := journal.read_copy(str(name)))
        if not (records or waiting):
            raise
    embedded = is_embedded(settings, target) and complaint is None
    return History(group(records, waiting, is_alone=embedded)[:last], complaint, bool(copied))


def kept_history(settings: Settings, target: str | None = None) -> History:
    """The runs by the last copy and those that wait, without a look into the warehouse."""
    journal, (name, _) = Journal(settings), target_kind(settings, target)
    waiting = [p for p in journal.pending() if p.record.step.target in {None, name}]
    embedded = is_embedded(settings, target)
    return History(group(journal.read_copy(str(name)), waiting, is_alone=embedded))


def read_run(settings: Settings, target: str | None, run_id: str) -> PastRun:
    """One run, with all of its nodes where the warehouse can be read.

    Raises:
        TaxiError: there is no such run.
    """
    history = read_history(settings, target)
    run = history.find(run_id)
    if history.complaint is not None:
        return run
    with open_reader(settings, target) as reader:
        if not reader.holds(ops_schema(), "run_nodes"):
            return run
        nodes = read_nodes(reader, run.run_id)
    known = {(node.run_id, node.step) for node in nodes}
    records = tuple(with_nodes(r, nodes) if r.step.key in known else r for r in run.records)
    return PastRun(records, run.outcome)


def group(
    records: Iterable[Record], waiting: Sequence[Pending] = (), *, is_alone: bool = False
) -> list[PastRun]:
    """Runs of their steps, newest first.

    Args:
        records: of a warehouse.
        waiting: not in it yet; of a step that is in both, the one that has an end counts.
        is_alone: nobody writes to the warehouse: what has no end there, and does not run, was interrupted.
    """
    known = {record.step.key: record for record in records}
    for pending in waiting:
        there = known.get(pending.record.step.key)
        if there is None or there.step.ended_at is None:
            files = pending.record.files or (there.files if there else ())
            known[pending.record.step.key] = Record(
                pending.record.step, pending.record.nodes, files
            )
    running = {pending.record.step.key for pending in waiting if pending.is_running}
    gone = {pending.record.step.key for pending in waiting} - running
    runs: dict[str, list[Record]] = {}
    for record in sorted(known.values(), key=lambda record: record.step.started_at):
        runs.setdefault(record.step.run_id, []).append(record)
    newest = max(runs, default="")

    def outcome(steps: Sequence[Record]) -> str:
        open_ends = {record.step.key for record in steps if record.step.ended_at is None}
        if open_ends & running:
            return RUNNING
        if open_ends:
            is_over = is_alone or open_ends <= gone or steps[0].step.run_id != newest
            return INTERRUPTED if is_over else NO_END
        code = max((record.step.exit_code or 0) for record in steps)
        is_idle = any(record.step.message == UNCHANGED for record in steps) and not any(
            record.files for record in steps
        )
        return UNCHANGED_RUN if is_idle and code == 0 else _BY_EXIT_CODE.get(code, NOT_DONE)

    found = [PastRun(tuple(steps), outcome(steps)) for steps in runs.values()]
    return sorted(found, key=lambda run: run.started_at, reverse=True)
