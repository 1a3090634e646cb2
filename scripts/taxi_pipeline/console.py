"""What the commands print: progress, tables and errors, on a terminal and in a log alike."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from taxi_pipeline.bench import BenchReport
from taxi_pipeline.build import BuildListener, BuildReport
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.estimate import Estimate
from taxi_pipeline.export import OnTable
from taxi_pipeline.ingest import IngestResult, ManyResult
from taxi_pipeline.lake import ManifestEntry
from taxi_pipeline.load import LoadReport
from taxi_pipeline.sample import NOTICE
from taxi_pipeline.summary import WarehouseSummary
from taxi_pipeline.warehouses.base import Advance, Partition

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_QUIET_KINDS = {"test", "unit_test", "operation"}


def print_error(error: TaxiError) -> None:
    """Print an error as one line on standard error."""
    err.print(f"[bold red]error[/] {escape(str(error))}")


def print_note(text: str) -> None:
    """Print a remark that is not an error."""
    out.print(f"[dim]{escape(text)}[/]")


def print_synthetic_notice() -> None:
    """Say that the numbers are not TLC's."""
    out.print(f"[bold yellow]Synthetic sample.[/] {escape(NOTICE)}")


@contextmanager
def activity(title: str) -> Iterator[Callable[[str], None]]:
    """Show what is going on while something takes time; yields a function that says it."""
    if not out.is_terminal:
        yield lambda text: out.print(escape(text))
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as progress:
        task = progress.add_task(escape(title))
        yield lambda text: progress.update(task, description=escape(text))


@contextmanager
def transfer() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show downloads; yields a function that takes a name, the bytes here, and the bytes in all."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=out,
    ) as progress:
        tasks = {}

        def update(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name))
            progress.update(tasks[name], completed=done, total=total)

        yield update


@contextmanager
def load_progress() -> Iterator[tuple[Callable[[int], None], Callable[[Partition], Advance]]]:
    """Show a load: a bar over its rows on a terminal, a line per file in a log.

    Yields:
        A function to be told the rows in all, and one to be told which file begins; the latter gives
        the function to be told of that file's rows.
    """
    if not out.is_terminal:

        def begin_logged(partition: Partition) -> Advance:
            out.print(_load_line(partition))
            return lambda _rows: None

        yield lambda _total: None, begin_logged
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} rows"),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as progress:
        task = progress.add_task("Comparing with the lake", total=0)

        def begin(partition: Partition) -> Advance:
            progress.update(task, description=_load_line(partition))
            return lambda rows: progress.advance(task, rows)

        yield lambda total: progress.update(task, total=total), begin


@contextmanager
def export_progress() -> Iterator[OnTable]:
    """Show an export: a bar over the rows of its table on a terminal, nothing in a log.

    Yields:
        A function to be told which table begins and its rows; it gives the function to be told of them.
    """
    if not out.is_terminal:
        yield lambda _table, _rows: lambda _done: None
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} rows"),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=0)

        def begin(table: str, rows: int) -> Advance:
            progress.update(task, description=escape(table), total=rows, completed=0)
            return lambda done: progress.advance(task, done)

        yield begin


def _load_line(partition: Partition) -> str:
    what = f"{partition.service.label} {partition.month:%Y-%m}"
    return (
        f"removing {what}"
        if partition.path is None
        else f"loading  {what}: {partition.rows:,} rows"
    )


def print_loaded(report: LoadReport, warehouse: str, seconds: float) -> None:
    """Print what a load did, as one line."""
    parts = [f"{len(report.loaded)} files loaded ({report.rows:,} rows)"]
    if report.removed:
        parts.append(f"{len(report.removed)} removed")
    parts.append(f"{report.unchanged} unchanged")
    out.print(f"{escape(warehouse)}: {', '.join(parts)} in {seconds:.1f} s")


def print_estimate(estimates: Sequence[Estimate]) -> None:
    """Print the bytes that each statement would scan, and their sum."""
    table = Table(title="Would scan", title_justify="left")
    table.add_column("node")
    table.add_column("kind")
    table.add_column("MB", justify="right")
    for estimate in sorted(estimates, key=lambda item: -(item.scanned_bytes or 0)):
        known = estimate.scanned_bytes is not None
        megabytes = f"{(estimate.scanned_bytes or 0) / 1e6:,.1f}" if known else "?"
        table.add_row(escape(estimate.name), estimate.kind, megabytes)
    out.print(table)
    total = sum(estimate.scanned_bytes or 0 for estimate in estimates)
    out.print(f"{total / 1e9:,.2f} GB in all; nothing has been run or billed.")
    if unknown := [estimate for estimate in estimates if estimate.scanned_bytes is None]:
        out.print(
            f"{len(unknown)} cannot be known before what they read is built: {escape(unknown[0].reason)}"
        )


@contextmanager
def build_progress(title: str) -> Iterator[BuildListener]:
    """Show dbt's nodes as they run: a bar on a terminal, a line per relation in a log."""
    if not out.is_terminal:

        def log(name: str, kind: str, status: str) -> None:
            if status == "no-op":  # an exposure: only lineage
                return
            if kind not in _QUIET_KINDS or status not in {"success", "pass"}:
                out.print(f"  {status:8} {kind} {name}")

        yield BuildListener(on_finish=log)
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as progress:
        task = progress.add_task(escape(title), total=None)
        running: list[str] = []

        def start(name: str) -> None:
            running.append(name)
            progress.update(task, description=escape(running[-1][:60].ljust(60)))

        def finish(name: str, _kind: str, status: str) -> None:
            if name in running:
                running.remove(name)
            if status in {"error", "fail", "runtime error"}:
                progress.console.print(f"  [red]{status}[/] {escape(name)}")
            progress.advance(task)

        yield BuildListener(
            on_total=lambda total: progress.update(task, total=total),
            on_start=start,
            on_finish=finish,
        )


def print_ingested(outcome: ManyResult) -> None:
    """Print one line per file, then the failures."""
    for result in outcome.results:
        out.print(_ingest_line(result))
    for failure in outcome.failures:
        print_error(failure)


def _ingest_line(result: IngestResult) -> str:
    entry = result.entry
    remarks = [f"{entry.row_count:,} rows"]
    if entry.unparseable_count:
        remarks.append(f"[yellow]{entry.unparseable_count:,} unparseable, kept as text[/]")
    if entry.rounded_count:
        remarks.append(f"{entry.rounded_count:,} amounts rounded to the cent")
    if entry.unknown_columns:
        names = ", ".join(escape(name) for name in entry.unknown_columns)
        remarks.append(f"[yellow]unknown columns not loaded: {names}[/]")
    return f"{result.status:9} {escape(entry.source_file)}: {', '.join(remarks)}"


def print_status(entries: Sequence[ManifestEntry]) -> None:
    """Print the files of the lake."""
    table = Table(title="Files in the lake", title_justify="left")
    table.add_column("file", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("total_amount $", justify="right")
    table.add_column("ingested", no_wrap=True)
    for entry in sorted(entries, key=lambda item: item.key):
        rows = f"{entry.row_count:,}"
        if entry.unparseable_count:
            rows += f" ({entry.unparseable_count:,} unparseable)"
        table.add_row(
            escape(entry.source_file),
            rows,
            "no fares" if entry.total_amount is None else f"{Decimal(entry.total_amount):,.2f}",
            entry.ingested_at[:10],
        )
    out.print(table)


def print_build(report: BuildReport, seconds: float) -> None:
    """Print how the build went: failures in full, the rest as numbers."""
    if report.complaint:
        err.print(f"[bold red]dbt could not run[/] {escape(report.complaint)}")
    for node in report.failures:
        where = f" ({node.path})" if node.path else ""
        err.print(
            f"[bold red]{node.status}[/] {node.kind} {escape(node.name)}: {escape(node.message)}{where}"
        )
    if not report.nodes:
        if not report.complaint:
            out.print(
                "dbt had nothing to do. Unit tests alone: `dbt test --select test_type:unit`."
            )
        return
    relations = sum(report.count(kind, "success") for kind in ("model", "seed", "snapshot"))
    tests = report.count("test", "pass", "warn") + report.count("unit_test", "pass")
    parts = [f"{relations} relations built", f"{tests} tests passed"]
    if warnings := report.count("test", "warn"):
        parts.append(f"[yellow]{warnings} with warnings[/]")
        for node in report.nodes:
            if node.status == "warn":
                out.print(f"[yellow]warning[/] {escape(node.name)}: {escape(node.message)}")
    if report.failures:
        parts.append(f"[red]{len(report.failures)} failed[/]")
    if skipped := sum(1 for node in report.nodes if node.status == "skipped"):
        parts.append(f"{skipped} skipped")
    out.print(f"{', '.join(parts)} in {seconds:.1f} s")


def print_summary(summary: WarehouseSummary) -> None:
    """Print what the warehouse holds: rows in, accepted, rejected by reason, revenue."""
    table = Table(title="In the warehouse", title_justify="left")
    table.add_column("service")
    for heading in ("files", "rows in", "accepted", "rejected", "revenue $"):
        table.add_column(heading, justify="right")
    for service in summary.services:
        table.add_row(
            service.service,
            f"{service.files:,}",
            f"{service.rows_in:,}",
            f"{service.accepted:,}",
            f"{service.rejected:,}",
            "no fares" if service.revenue is None else f"{service.revenue:,.2f}",
        )
    out.print(table)
    if summary.rejected:
        reasons = Table(title="Rejected, by reason", title_justify="left")
        reasons.add_column("reason")
        reasons.add_column("service")
        reasons.add_column("rows", justify="right")
        for name, reason, rows in summary.rejected:
            reasons.add_row(reason, name, f"{rows:,}")
        out.print(reasons)
    if summary.is_synthetic:
        print_synthetic_notice()


def print_bench(reports: Sequence[BenchReport], memory: str) -> None:
    """Print one table of all scales; a ratio is to the floor of the same run."""
    cores = os.cpu_count()
    table = Table(title=f"{cores} cores, DuckDB memory limit {memory}", title_justify="left")
    table.add_column("scale", justify="right")
    table.add_column("step")
    for heading in ("rows", "seconds", "rows/s", "peak RSS", "on disk", "x floor"):
        table.add_column(heading, justify="right")
    for report in reports:
        for step in report.steps:
            table.add_row(
                f"{report.scale:g}",
                step.name,
                f"{step.rows:,}",
                f"{step.seconds:.1f}",
                f"{step.rows / step.seconds:,.0f}",
                f"{step.peak_bytes / 1e9:.2f} GB",
                f"{step.disk_bytes / 1e9:.2f} GB",
                f"{step.seconds / report.floor.seconds:.2f}",
            )
        table.add_section()
    # A log has no width of its own.
    (out if out.is_terminal else Console(highlight=False, width=120)).print(table)
    for report in reports:
        verdict = "equal" if report.equals_full_refresh else "[bold red]differ from[/]"
        out.print(f"Scale {report.scale:g}: the tables {verdict} a full refresh of the same files.")
