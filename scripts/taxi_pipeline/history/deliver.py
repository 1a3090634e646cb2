"""Records into the warehouse, and out of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.history.journal import Journal, Pending
from taxi_pipeline.history.records import (
    TABLES,
    Record,
    Row,
    RunFile,
    RunNode,
    RunStep,
    row_of,
    types_of,
)
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import Reader, Writer, open_writer
from taxi_pipeline.warehouses.base import ops_schema
from taxi_pipeline.warehouses.targets import target_kind

COPIED = 100
"""Steps that are kept beside the warehouse, for when it cannot be read."""

_PASSED = ("success", "pass")


def deliver(settings: Settings, target: str | None) -> TaxiError | None:
    """Move the records that wait into a target's tables, and keep a copy of what these hold then.

    What cannot be written stays where it is: the next build moves it. A step that dbt's hooks have brought to its end
    stays as they wrote it.

    Args:
        settings: where the data folder is; locked by the caller.
        target: a name of ``profiles.yml``; None for its default.

    Returns:
        Why nothing could be moved; None where all is well, and where the tables are not there yet.
    """
    journal = Journal(settings)
    name, _ = target_kind(settings, target)
    waiting = [
        pending
        for pending in journal.pending()
        if not pending.is_running and pending.record.step.target in {None, name}
    ]
    try:
        with open_writer(settings, target) as writer:
            if not writer.holds(ops_schema(), "runs"):
                return None
            _move(writer, waiting)
            copy = read_records(writer, name, COPIED)
        for pending in waiting:
            pending.path.unlink(missing_ok=True)
        journal.keep_copy(str(name), copy)
    except TaxiError as error:
        return error
    except Exception as error:  # of a driver, a disk, or a table that somebody has changed
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return TaxiError(f"{ops_schema()}.runs of target {name}", reason, "see docs/history.md")
    return None


def _move(writer: Writer, waiting: Sequence[Pending]) -> None:
    if not waiting:
        return
    runs = ", ".join(sorted({_literal(p.record.step.run_id, str, writer.engine) for p in waiting}))
    rows = writer.query(
        f"select run_id, step, ended_at from {_name(writer, 'runs')} where run_id in ({runs})"
    )
    there = {(str(run), str(step)): ended is not None for run, step, ended in rows}
    statements: list[str] = []
    for pending in waiting:
        record = pending.record
        has_end = there.get(record.step.key)
        if has_end is None or (not has_end and record.step.ended_at is not None):
            statements += _statements(writer, record, is_there=has_end is not None)
    if statements:
        writer.write(statements)


def _statements(writer: Writer, record: Record, *, is_there: bool) -> Iterator[str]:
    """Statements that put a record in place of what is there of it; of files that a hook has named, those stay."""
    engine = writer.engine
    run, step = (_literal(text, str, engine) for text in record.step.key)
    rows: dict[str, Sequence[RunStep | RunNode | RunFile]] = {
        "run_nodes": record.nodes,
        "run_files": record.files,
        "runs": [record.step],
    }
    for table, type_ in TABLES.items():
        if is_there and (rows[table] or table == "runs"):
            name = _name(writer, table)
            if engine == "spark":  # no delete: the partition of the step is swapped
                yield f"alter table {name} drop if exists partition (run_id = {run}, step = {step})"
            else:
                yield f"delete from {name} where run_id = {run} and step = {step}"
        if rows[table]:
            types = types_of(type_)
            values = ", ".join(
                f"({', '.join(_literal(getattr(row, name), kind, engine) for name, kind in types.items())})"
                for row in rows[table]
            )
            yield f"insert into {_name(writer, table)} ({', '.join(types)}) values {values}"


def read_records(reader: Reader, target: str | None, last: int | None = None) -> list[Record]:
    """The newest steps of a target and of the lake, oldest first; with their files, and nodes that did not pass.

    Args:
        reader: of the warehouse, which has the tables.
        target: name of the target.
        last: at most so many steps; None for all.
    """
    limit = "" if last is None else f" limit {last}"
    steps = [
        row_of(RunStep, row)
        for row in reader.select(
            f"select * from {_name(reader, 'runs')}"
            f" where target = {_literal(target, str, reader.engine)} or target is null"
            f" order by started_at desc{limit}"
        )
    ]
    if not steps:
        return []
    since = _literal(min(step.run_id for step in steps), str, reader.engine)
    passed = ", ".join(f"'{status}'" for status in _PASSED)
    nodes = _by_step(
        row_of(RunNode, row)
        for row in reader.select(
            f"select * from {_name(reader, 'run_nodes')} where run_id >= {since} and status not in ({passed})"
        )
    )
    files = _by_step(
        row_of(RunFile, row)
        for row in reader.select(
            f"select * from {_name(reader, 'run_files')} where run_id >= {since}"
        )
    )
    return [
        Record(step, tuple(nodes.get(step.key, ())), tuple(files.get(step.key, ())))
        for step in reversed(steps)
    ]


def read_nodes(reader: Reader, run_id: str) -> list[RunNode]:
    """Every node of a run, the slowest first."""
    rows = reader.select(
        f"select * from {_name(reader, 'run_nodes')} where run_id = {_literal(run_id, str, reader.engine)}"
    )
    return sorted((row_of(RunNode, row) for row in rows), key=lambda node: -(node.seconds or 0))


def with_nodes(record: Record, nodes: Iterable[RunNode]) -> Record:
    """A record with all of its nodes."""
    return replace(record, nodes=tuple(n for n in nodes if (n.run_id, n.step) == record.step.key))


def _by_step(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.run_id, row.step), []).append(row)
    return found


def _name(reader: Reader, table: str) -> str:
    quote = "`" if reader.engine in {"bigquery", "spark"} else '"'
    return f"{quote}{ops_schema()}{quote}.{quote}{table}{quote}"


def _literal(value: Any, type_: type, engine: str) -> str:
    """A value as a literal that its column takes."""
    if value is None:
        return "null"
    if type_ is int:
        return str(int(value))
    text = str(value).replace("\0", "")
    if engine == "bigquery":  # a backslash begins an escape there, and a literal ends with its line
        for sign, escape in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
            text = text.replace(sign, escape)
        names = {datetime: "datetime", date: "date", Decimal: "numeric"}
    elif engine == "spark":
        text = text.replace("\\", "\\\\").replace("'", "\\'")
        names = {datetime: "timestamp_ntz", date: "date", Decimal: "decimal(18, 3)"}
    else:
        text = text.replace("'", "''")
        names = {datetime: "timestamp", date: "date", Decimal: "decimal(18, 3)"}
    return f"cast('{text}' as {names[type_]})" if type_ in names else f"'{text}'"
