"""A record of a run, as `runs`, `run_nodes` and `run_files` hold it; the words are in ``models/staging/_ops.yml``."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_type_hints

STEPS = ("run", "ingest", "load", "build", "validate")
"""What a run consists of; `run` is what failed outside of the others, such as a server that cannot be reached."""


@dataclass(frozen=True)
class RunStep:
    """A row of `runs`; times are UTC without a zone, amounts are dollars."""

    run_id: str
    step: str
    command: str
    started_at: datetime
    target: str | None = None
    schema_name: str | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    message: str | None = None
    dbt_invocation: str | None = None
    project_version: str | None = None
    project_commit: str | None = None
    dbt_version: str | None = None
    adapter_version: str | None = None
    engine_version: str | None = None
    changed_file_count: int | None = None
    file_count: int | None = None
    row_count: int | None = None
    metered_total_amount: Decimal | None = None
    rider_total_amount: Decimal | None = None
    accepted_count: int | None = None
    metered_revenue_amount: Decimal | None = None
    rider_payment_amount: Decimal | None = None
    built_count: int | None = None
    passed_count: int | None = None
    warned_count: int | None = None
    failed_count: int | None = None
    skipped_count: int | None = None
    bytes_processed: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What a record is of: run and step."""
        return self.run_id, self.step

    @property
    def seconds(self) -> float | None:
        """How long it took; None without an end."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True)
class RunNode:
    """A row of `run_nodes`: a node of a build, a check that did not pass, or a file that could not be ingested."""

    run_id: str
    step: str
    node: str
    name: str
    kind: str
    status: str
    seconds: Decimal | None = None
    affected_row_count: int | None = None
    bytes_processed: int | None = None
    failing_row_count: int | None = None
    failing_rows: str | None = None
    message: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it makes its step fail."""
        return self.status in {"fail", "error", "runtime error", "critical"}


@dataclass(frozen=True)
class RunFile:
    """A row of `run_files`: a file that a step changed."""

    run_id: str
    step: str
    service_type: str
    file_month: date
    load_id: str | None = None
    status: str = "new"
    row_count: int | None = None
    total_amount: Decimal | None = None


@dataclass(frozen=True)
class Record:
    """A step with its nodes and files."""

    step: RunStep
    nodes: tuple[RunNode, ...] = ()
    files: tuple[RunFile, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads; dates, times and amounts as text, what is not known left out."""
        return {
            "step": plain(self.step),
            "nodes": [plain(node) for node in self.nodes],
            "files": [plain(file) for file in self.files],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Record":
        """Read what ``to_json`` has written.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        return cls(
            row_of(RunStep, document["step"]),
            tuple(row_of(RunNode, node) for node in document["nodes"]),
            tuple(row_of(RunFile, file) for file in document["files"]),
        )


TABLES: dict[str, type[RunStep] | type[RunNode] | type[RunFile]] = {
    "run_nodes": RunNode,
    "run_files": RunFile,
    "runs": RunStep,
}
"""In the order in which they are written: a row of `runs` says that the others are there."""

Row = TypeVar("Row", RunStep, RunNode, RunFile)


def types_of(table: type) -> dict[str, type]:
    """The columns of a table and their types, without None."""
    hints = get_type_hints(table)
    return {column.name: _bare(hints[column.name]) for column in fields(table)}


def _bare(hint: Any) -> type:
    if isinstance(hint, UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    return cast(type, hint)


def row_of(table: type[Row], values: Mapping[str, Any]) -> Row:
    """A row from what a driver or JSON gives, of which each has types of its own.

    Raises:
        KeyError, TypeError, ValueError: it is no row of the table.
    """
    types = types_of(table)
    wanted = {field.name for field in fields(table) if field.default is MISSING}
    if missing := wanted - values.keys():
        raise KeyError(*missing)
    return table(**{name: _value(values.get(name), type_) for name, type_ in types.items()})


def _value(value: Any, type_: type) -> Any:
    if value is None or (type_ is date and type(value) is date):
        return value
    if type_ is datetime:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if type_ is date:
        return date.fromisoformat(str(value)[:10])
    return type_(str(value)) if type_ in {int, Decimal} else type_(value)


def plain(row: RunStep | RunNode | RunFile) -> dict[str, Any]:
    """A row for JSON, without what is not known."""
    return {
        name: value if isinstance(value, (int, str)) else str(value)
        for name, value in asdict(row).items()
        if value is not None
    }
