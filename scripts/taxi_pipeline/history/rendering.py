"""What `taxi history` prints."""

from collections.abc import Sequence
from decimal import Decimal

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.history.page import duration
from taxi_pipeline.history.records import RunFile, RunNode
from taxi_pipeline.history.runs import DONE, RUNNING, UNCHANGED_RUN, Count, History, PastRun
from taxi_pipeline.texts import plural

_SHOWN_NODES, _SHOWN_FILES = 20, 24
_COLORS = {DONE: "green", UNCHANGED_RUN: "green", RUNNING: "cyan"}


def print_history(history: History, *, only_failed: bool) -> None:
    """Print a line per run."""
    if not history.runs:
        console.out.print(
            "No run has failed."
            if only_failed
            else "No run is on record yet: `taxi run` leaves one."
        )
        return
    table = console.compact_table("Runs (UTC)")
    table.add_column("run", no_wrap=True)
    table.add_column("command", min_width=9)
    table.add_column("took", justify="right", no_wrap=True)
    for heading in ("files", "rows", "metered $", "riders $"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("passed, warned, failed", justify="right")
    table.add_column("outcome", no_wrap=True)
    for run in history.runs:
        table.add_row(
            run.run_id,
            escape(run.command.removeprefix("taxi ")),
            duration(run.seconds),
            f"{len(run.files):,}",
            _count(run.rows),
            _money(run.metered_amount),
            _money(run.rider_amount),
            _tests(run),
            _outcome(run),
        )
    console.print_wide(table)
    bad = next((run for run in history.runs if run.is_bad), None)
    if bad is not None:
        console.print_note(f"What failed: `taxi history {bad.run_id}`.")


def print_run(run: PastRun) -> None:
    """Print one run: steps, failures, files, the slowest nodes."""
    console.out.print(f"Run {run.run_id}: {escape(run.command)}, {_outcome(run)}")
    first = run.records[0].step
    versions = (
        ("project", first.project_version),
        ("commit", first.project_commit),
        ("dbt", first.dbt_version),
        ("adapter", first.adapter_version),
        (
            "engine",
            next((r.step.engine_version for r in run.records if r.step.engine_version), None),
        ),
        ("target", next((r.step.target for r in run.records if r.step.target), None)),
    )
    console.out.print(escape(", ".join(f"{name} {value}" for name, value in versions if value)))
    steps = console.compact_table("Steps (UTC)")
    for heading in ("step", "started", "took", "rows", "metered $", "riders $", "passed", "failed"):
        steps.add_column(heading, justify="left" if heading in {"step", "started"} else "right")
    for record in run.records:
        step = record.step
        steps.add_row(
            step.step,
            f"{step.started_at:%Y-%m-%d %H:%M:%S}",
            duration(step.seconds),
            _count(step.row_count),
            _money(step.metered_total_amount),
            _money(step.rider_total_amount),
            _count(step.passed_count),
            _count(step.failed_count),
        )
    console.print_wide(steps)
    _print_failures(run)
    _print_files(run.files)
    _print_nodes([node for node in run.nodes if node.seconds is not None])


def _money(amount: Decimal | None) -> str:
    return "-" if amount is None else console.money(amount)


def _print_failures(run: PastRun) -> None:
    for message in run.messages:
        console.err.print(f"[bold red]not done[/] {escape(message)}")
    for node in run.nodes:
        if node.is_failure or (node.status not in {"success", "pass", "skipped", "info"}):
            color = "bold red" if node.is_failure else "yellow"
            rows = f"; its rows: select * from {node.failing_rows}" if node.failing_rows else ""
            console.err.print(
                f"[{color}]{escape(node.status)}[/] {node.kind} {escape(node.name)}: "
                f"{escape((node.message or 'no reason was given') + rows)}"
            )
    skipped = sum(node.status == "skipped" for node in run.nodes)
    if skipped:
        console.err.print(f"{plural(skipped, 'node')} skipped, because others failed")


def _print_files(files: Sequence[RunFile]) -> None:
    if not files:
        return
    table = console.compact_table("Files that changed")
    for heading in ("month", "status", "load_id", "rows", "total_amount $"):
        table.add_column(
            heading, justify="right" if heading in {"rows", "total_amount $"} else "left"
        )
    for file in files[:_SHOWN_FILES]:
        table.add_row(
            f"{file.service_type} {file.file_month:%Y-%m}",
            file.status,
            file.load_id or "",
            _count(file.row_count),
            _money(file.total_amount),
        )
    console.print_wide(table)
    if len(files) > _SHOWN_FILES:
        console.print_note(f"and {len(files) - _SHOWN_FILES:,} more; `--json` has them all.")


def _print_nodes(nodes: Sequence[RunNode]) -> None:
    if not nodes:
        return
    has_bytes = any(node.bytes_processed for node in nodes)
    table = console.compact_table("Nodes, the slowest first")
    table.add_column("node", no_wrap=True)
    table.add_column("kind")
    table.add_column("status")
    table.add_column("seconds", justify="right")
    if has_bytes:
        table.add_column("MB", justify="right")
    for node in sorted(nodes, key=lambda node: -(node.seconds or 0))[:_SHOWN_NODES]:
        size = (f"{(node.bytes_processed or 0) / 1e6:,.1f}",) if has_bytes else ()
        table.add_row(escape(node.name), node.kind, node.status, f"{node.seconds:.2f}", *size)
    console.print_wide(table)
    if len(nodes) > _SHOWN_NODES:
        rest = len(nodes) - _SHOWN_NODES
        console.print_note(f"and {rest:,} more; `--json` has them all.")


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


_COUNTS: tuple[Count, ...] = ("passed_count", "warned_count", "failed_count")


def _tests(run: PastRun) -> str:
    counts = [run.total(name) for name in _COUNTS]
    return (
        "-"
        if not any(count is not None for count in counts)
        else ", ".join(map(str, (c or 0 for c in counts)))
    )


def _outcome(run: PastRun) -> str:
    return f"[{_COLORS.get(run.outcome, 'bold red')}]{run.outcome}[/]"
