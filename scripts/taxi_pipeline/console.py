"""What the commands print: progress, tables and errors, on a terminal and in a log alike."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
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
from taxi_pipeline.build import BuildListener, BuildReport, NodeOutcome
from taxi_pipeline.completeness import Verdict, Verdicts
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.estimate import Estimate
from taxi_pipeline.explain import CellExplanation, Row, TripExplanation
from taxi_pipeline.export import OnTable
from taxi_pipeline.ingest import IngestResult, ManyResult
from taxi_pipeline.lake import ManifestEntry, ZoneChange
from taxi_pipeline.load import LoadReport
from taxi_pipeline.quality.gate import describe
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.restatements import AlteredRow, Counts
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
        for remark in result.remarks:
            out.print(f"          [yellow]{escape(remark)}[/]")
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


def print_status(entries: Sequence[ManifestEntry], verdicts: Verdicts) -> None:
    """Print the files of the lake, and what the warehouse says of them."""
    table = _compact_table("Months in the lake")  # `taxi diff` has the rest of a file's record
    table.add_column("month", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("total_amount $", justify="right", no_wrap=True)
    table.add_column("edition", min_width=9)
    table.add_column("official", justify="right", no_wrap=True)
    table.add_column("rows, report", min_width=10)
    reasons: dict[str, str] = {}
    for entry in sorted(entries, key=lambda item: item.key):
        rows = f"{entry.row_count:,}"
        if entry.unparseable_count:
            rows += f"\n{entry.unparseable_count:,} unparseable"
        verdict = verdicts.by_load_id.get(entry.load_id)
        table.add_row(
            f"{entry.service_type} {entry.file_month[:7]}",
            rows,
            _money(entry.total_amount),
            *_verdict_cells(verdict),
        )
        if verdict is not None and verdict.severity != "ok":
            reasons[verdict.row_count_check] = verdict.reason
    _print_wide(table)
    for check, reason in reasons.items():
        out.print(f"[yellow]{_words(check)}[/]: {escape(reason)}.")


_COLOURS = {"ok": "green", "warn": "yellow", "error": "bold red"}


def _verdict_cells(verdict: Verdict | None) -> tuple[str, str, str]:
    if verdict is None:
        return "", "", ""
    official = "" if verdict.official_rows is None else f"{verdict.official_rows:,}"
    colour = _COLOURS[verdict.severity]
    checks = ", ".join(dict.fromkeys((verdict.row_count_check, verdict.report_check)))
    return _words(verdict.edition), official, f"[{colour}]{_words(checks)}[/]"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _money(amount: str | Decimal | None) -> str:
    return "no fares" if amount is None else f"{Decimal(amount):,.2f}"


def print_versions(versions: Sequence[ManifestEntry]) -> None:
    """Print the versions of one month, oldest first."""
    newest = versions[-1]
    table = _compact_table(f"{newest.service_type} {newest.file_month[:7]}: versions on record")
    for heading in ("ingested (UTC)", "format", "sha256"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rows", "total_amount $"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in versions:
        table.add_row(
            entry.ingested_at,
            entry.source_format,
            entry.source_sha256[:12],
            f"{entry.row_count:,}",
            _money(entry.total_amount),
        )
    _print_wide(table)


def _kept_rows(node: NodeOutcome) -> str:
    """Where to look at the rows that a claim failed on."""
    return escape(f"; its rows: select * from {node.failing_rows}") if node.failing_rows else ""


def print_zone_changes(
    versions: Sequence[ManifestEntry],
    changes: Sequence[ZoneChange],
    labels: Mapping[int, str],
    limit: int,
) -> None:
    """Print the zones in which the newest version of a month changed most.

    Args:
        versions: the versions of the month, oldest first.
        changes: the lake's record of restatements.
        labels: the name of each zone.
        limit: how many zones.
    """
    ours = [change for change in changes if change.load_id_after == versions[-1].load_id]
    changed = [
        change
        for change in ours
        if change.rows_before + change.rows_after > 2 * change.unchanged_count
    ]
    if not changed:
        return
    table = _compact_table("Changes by pickup zone, the largest first")
    table.add_column("zone", min_width=10)
    for heading in (
        *("before,\nafter", "altered", "moved\nin, out", "gone,\nadded"),
        *("$ before,\n$ after", "$ change"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for change in sorted(changed, key=_size, reverse=True)[:limit]:
        table.add_row(
            escape(_zone_label(change.pickup_zone_id, labels)),
            f"{change.rows_before:,}\n{change.rows_after:,}",
            f"{change.altered_count:,}",
            f"{change.moved_in_count:,}\n{change.moved_out_count:,}",
            f"{change.gone_count:,}\n{change.added_count:,}",
            *_revenue_cells(change, has_money=versions[-1].total_amount is not None),
        )
    _print_wide(table)
    if len(changed) > limit:
        out.print(f"... and {len(changed) - limit:,} zones more: mart_restatements has them all.")


def _size(change: ZoneChange) -> tuple[Decimal, int]:
    rows = change.rows_before + change.rows_after - 2 * change.unchanged_count
    return abs(_revenue_change(change)), rows


def _revenue_change(change: ZoneChange) -> Decimal:
    return Decimal(change.total_amount_after or 0) - Decimal(change.total_amount_before or 0)


def _revenue_cells(change: ZoneChange, *, has_money: bool) -> tuple[str, str]:
    if not has_money:
        return "no fares", ""
    before, after = change.total_amount_before or "0", change.total_amount_after or "0"
    return f"{_money(before)}\n{_money(after)}", f"{_revenue_change(change):+,.2f}"


def _zone_label(zone: int | None, labels: Mapping[int, str]) -> str:
    return "none given" if zone is None else f"{zone} {labels.get(zone, 'not in the lookup')}"


def print_comparison(
    counts: Counts, columns: Sequence[tuple[str, int]], examples: Sequence[AlteredRow]
) -> None:
    """Print what became of the rows of a month in its newest version.

    Args:
        counts: the rows by kind.
        columns: in how many altered rows each column changed.
        examples: some altered rows.
    """
    out.print(
        f"{counts.added:,} rows added, {counts.gone:,} gone, {counts.altered:,} altered, "
        f"{counts.unchanged:,} unchanged."
    )
    if columns:
        named = ", ".join(f"{escape(name)} {count:,}" for name, count in columns)
        out.print(f"Altered columns: {named}.")
    for example in examples:
        values = ", ".join(
            f"{name} {before} -> {after}" for name, (before, after) in example.changes.items()
        )
        out.print(f"  row {example.row_before:,} -> {example.row_after:,}: {escape(values)}")


def print_build(report: BuildReport, seconds: float) -> None:
    """Print how the build went: failures in full, the rest as numbers."""
    if report.complaint:
        err.print(f"[bold red]dbt could not run[/] {escape(report.complaint)}")
    for node in report.failures:
        where = f" ({node.path})" if node.path else ""
        err.print(
            f"[bold red]{node.status}[/] {node.kind} {escape(node.name)}: {escape(node.message)}"
            f"{where}{_kept_rows(node)}"
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
                out.print(
                    f"[yellow]warning[/] {escape(node.name)}: {escape(node.message)}{_kept_rows(node)}"
                )
    if report.failures:
        parts.append(f"[red]{len(report.failures)} failed[/]")
    if skipped := sum(1 for node in report.nodes if node.status == "skipped"):
        parts.append(f"{skipped} skipped")
    out.print(f"{', '.join(parts)} in {seconds:.1f} s")


def print_validation(validation: Validation, *, in_full: bool) -> None:
    """Print every failed check, and a table of the suites or, in short, one line."""
    for verdict in validation.verdicts:
        for outcome in verdict.failed():
            colour = {"critical": "bold red", "info": "dim"}.get(outcome.severity, "yellow")
            print_to = err if outcome.severity == "critical" else out
            print_to.print(
                f"[{colour}]{outcome.severity}[/] {escape(verdict.title)}: {escape(describe(outcome))}"
            )
    if in_full:
        table = _compact_table("As expected?")
        table.add_column("suite", min_width=16, overflow="fold")
        for heading in ("passed", "info", "warnings", "accepted", "critical", "not judged"):
            table.add_column(heading, justify="right")
        for verdict in validation.verdicts:
            failed = (
                str(len(verdict.failed(severity)) or "")
                for severity in ("info", "warning", "accepted", "critical")
            )
            table.add_row(
                escape(verdict.title), str(verdict.passed), *failed, str(len(verdict.skipped))
            )
        _print_wide(table)
    passed = sum(verdict.passed for verdict in validation.verdicts)
    checks = sum(len(verdict.outcomes) for verdict in validation.verdicts)
    out.print(
        f"Quality: {passed} of {checks} checks passed in {len(validation.verdicts)} suites: "
        f"{escape(str(validation.page))}"
    )


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


def _compact_table(title: str) -> Table:
    """A table of many columns that fits a terminal of 80, where the one with ``min_width`` gives way."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    return table


def _print_wide(table: Table) -> None:
    """Print a table that a log, which has no width of its own, would break."""
    (out if out.is_terminal else Console(highlight=False, width=120)).print(table)


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
    _print_wide(table)
    for report in reports:
        verdict = "equal" if report.equals_full_refresh else "[bold red]differ from[/]"
        out.print(f"Scale {report.scale:g}: the tables {verdict} a full refresh of the same files.")


_VERDICTS = {"applies": "[red]applies[/]", "does not apply": "no", "not asked": "[dim]not asked[/]"}


def print_explanation(explanation: TripExplanation | CellExplanation) -> None:
    """Print how a trip got to its marts, or what a cell is made of; whether it adds up comes last."""
    if isinstance(explanation, TripExplanation):
        _print_trip(explanation)
    else:
        _print_cell(explanation)


def _print_trip(trip: TripExplanation) -> None:
    out.print(f"[bold]Trip {trip.trip_id}[/]")
    _print_file(trip.file, f"1 File: row {trip.raw['source_row']:,} of ")
    lineage = ("trip_id", "service_type", "file_month", "source_row", "source_file", "ingested_at")
    given = {name: value for name, value in trip.raw.items() if name not in lineage}
    _print_values("  reported", {name: value for name, value in given.items() if value is not None})
    if empty := [name for name, value in given.items() if value is None]:
        out.print(f"  empty: {', '.join(empty)}")
    _print_table(
        "2 Reject rules, in order",
        ("rule", "applies", "observed"),
        [
            (rule.reject_reason, _VERDICTS[rule.verdict], escape(rule.observed))
            for rule in trip.rules
        ],
    )
    _print_flags_and_repairs(trip)
    reason = trip.row.get("reject_reason")
    out.print(f"4 Ended in [bold]{trip.ended_in}[/]" + (f" as {reason}" if reason else ""))
    codes = {name: f"{trip.row[name]} ({member})" for name, member in trip.members.items()}
    _print_values("  codes", codes)
    _print_values("  fare audit", trip.fare_audit)
    for cell in trip.counted:
        where = ", ".join(_shown(name, value) for name, value in cell.cell.items())
        _print_table(
            f"5 Counted in {cell.mart}: {escape(where)}",
            ("measure", "adds >", "to a total of >"),
            [
                (name, _shown(name, value), _shown(name, (cell.totals or {})[name]))
                for name, value in cell.adds.items()
                if value is not None
            ],
        )
    if not trip.counted:
        out.print("5 Counted in no mart")
    for problem in trip.problems:
        out.print(f"[bold red]does not add up[/] {escape(problem)}")
    if trip.adds_up:
        out.print("Adds up: file, rules, tables and marts agree.")
    _print_if_synthetic([trip.file])


def _print_flags_and_repairs(trip: TripExplanation) -> None:
    out.print("3 Flags and repairs")
    for flag in trip.flags:
        if flag.value:
            out.print(f"  [yellow]{flag.name}[/] {escape(flag.evidence)}")
    out.print(
        f"  not set: {', '.join(flag.name for flag in trip.flags if not flag.value) or 'none'}"
    )
    for repair in trip.repairs:
        kept = _shown(repair.column, repair.kept)
        if name := trip.members.get(repair.column):
            kept += f" ({name})"
        out.print(
            f"  {repair.column}: {escape(_shown(repair.column, repair.reported))} -> {escape(kept)},"
            f" {escape(repair.reason or 'and nothing explains it')}"
        )
    if not trip.repairs:
        out.print("  no value differs from the file's")


def _print_cell(cell: CellExplanation) -> None:
    where = ", ".join(_shown(name, value) for name, value in cell.cell.items())
    out.print(f"[bold]{cell.mart}: {escape(where)}[/]")
    for file in cell.files:
        _print_file(file, "File: ")
    measures = [
        name
        for name in (cell.parts[0] if cell.parts else ())
        if name in cell.totals and name != "part"
    ]
    names = [str(part["part"]) for part in cell.parts]
    _print_table(
        "Made of",
        ("measure", *(f"{name} >" for name in names), "cell >"),
        [
            (name, *(_shown(name, row[name]) for row in (*cell.parts, cell.totals)))
            for name in measures
            if cell.totals[name] is not None
        ],
    )
    few = ("row_count", "trip_count", "total_amount")
    _print_table(
        "By payment type",
        ("payment type", "rows >", "trips >", "total_amount $ >"),
        [
            (escape(str(row["payment_type"])), *(_shown(name, row[name]) for name in few))
            for row in cell.payment_types
        ],
    )
    out.print("Repaired rows")
    for repair, rows in cell.repairs.items():
        if rows:
            out.print(f"  {rows:,} {repair}")
    if not any(cell.repairs.values()):
        out.print("  none")
    _print_table(
        "Belonged here and were rejected",
        ("reason", "file >", "rows >", "total_amount $ >"),
        [
            (
                row["reject_reason"],
                f"{row['file_month']:%Y-%m}",
                f"{row['row_count']:,}",
                _shown("total_amount", row.get("total_amount")),
            )
            for row in cell.rejects
        ],
    )
    for check in cell.checks:
        if not check.holds:
            parts, whole = (_shown(check.what, value) for value in (check.parts, check.whole))
            out.print(f"[bold red]does not add up[/] {escape(check.what)}: {parts}, not {whole}")
    if cell.adds_up:
        rejected = sum(row["row_count"] for row in cell.rejects)
        out.print(
            f"Adds up ({len(cell.checks)} checks): {cell.source['row_count']:,} rows of the files ="
            f" {cell.totals['row_count']:,} accepted + {rejected:,} rejected; every part, to the cent."
        )
    _print_if_synthetic(cell.files)


def _print_file(file: Row, lead: str) -> None:
    out.print(
        f"{lead}{escape(str(file['source_file']))} ({file['row_count']:,} rows),"
        f" sha256 {str(file['source_sha256'])[:16]}..., ingested {file['ingested_at']} UTC"
    )


def _print_if_synthetic(files: Sequence[Row]) -> None:
    if any(file["is_synthetic"] for file in files):
        print_synthetic_notice()


def _print_values(title: str, values: Row) -> None:
    """Print named values in lines that fit a terminal."""
    if values:
        said = ", ".join(f"{name} {_shown(name, value)}" for name, value in values.items())
        out.print(f"{title}: {escape(said)}")


def _print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its title even where it has no rows; a heading that ends in ``>`` is of numbers."""
    if not rows:
        out.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(
            escape(heading.removesuffix(" >")), justify="right" if heading.endswith(">") else "left"
        )
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _shown(name: str, value: Any) -> str:
    """A value as people read it: numbers with thousands parted, ids without, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if name.endswith("_amount") else f"{value.normalize():,f}"
    if name == "file_month":
        return f"{value:%Y-%m}"
    if isinstance(value, int) and name.endswith(("_count", "_seconds")):
        return f"{value:,}"
    return f"{value}"
