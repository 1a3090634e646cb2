"""What the commands around dbt print: the build, the months in the lake, what the warehouse holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from taxi_pipeline import console
from taxi_pipeline.lake import ManifestEntry
from taxi_pipeline.lake.verify import name_files
from taxi_pipeline.settings import Settings
from taxi_pipeline.texts import plural
from taxi_pipeline.transform.completeness import Completeness, FileVerdict, FileVerdicts
from taxi_pipeline.transform.estimate import Estimate
from taxi_pipeline.transform.runner import BuildListener, BuildReport, NodeOutcome
from taxi_pipeline.transform.summary import WarehouseSummary
from taxi_pipeline.transform.unchanged import LastBuild
from taxi_pipeline.warehouses import reads_lake_in_place

_PARTS = 12


_QUIET_KINDS = {"test", "unit_test", "operation"}


_COLORS = {"ok": "green", "warn": "yellow", "error": "bold red"}


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
    console.out.print(table)
    total = sum(estimate.scanned_bytes or 0 for estimate in estimates)
    console.out.print(f"{total / 1e9:,.2f} GB in all; nothing has been run or billed.")
    if unknown := [estimate for estimate in estimates if estimate.scanned_bytes is None]:
        console.out.print(
            f"{len(unknown)} cannot be known before what they read is built: {escape(unknown[0].reason)}"
        )


@contextmanager
def build_progress(title: str) -> Iterator[BuildListener]:
    """Show dbt's nodes as they run: a bar on a terminal, a line per relation in a log."""
    if not console.out.is_terminal:

        def log(name: str, kind: str, status: str) -> None:
            if status == "no-op":  # an exposure: only lineage
                return
            if kind not in _QUIET_KINDS or status not in {"success", "pass"}:
                console.out.print(f"  {status:8} {kind} {name}")

        yield BuildListener(on_finish=log)
        return
    with Progress(
        SpinnerColumn(),
        console.description(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console.out,
        transient=True,
    ) as progress:
        task = progress.add_task(escape(title), total=None)
        running: list[str] = []

        def start(name: str) -> None:
            running.append(name)
            progress.update(task, description=escape(name.ljust(console.name_width())))

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


def print_build(report: BuildReport, seconds: float) -> None:
    """Print how the build went: failures in full, the rest as numbers."""
    if report.complaint:
        console.err.print(f"[bold red]dbt could not run:[/] {escape(report.complaint)}")
    for node in report.failures:
        where = f" ({node.path})" if node.path else ""
        console.err.print(
            f"[bold red]{node.status}[/] {node.kind} {escape(node.name)}: {escape(node.message)}"
            f"{where}{_kept_rows(node)}"
        )
    if not report.nodes:
        if not report.complaint:
            console.out.print(
                "dbt had nothing to do. Unit tests alone: `dbt test --select test_type:unit`."
            )
        return
    parts = _print_warnings_and_count(report)
    if report.failures:
        parts.append(f"[red]{len(report.failures)} failed[/]")
    if skipped := sum(1 for node in report.nodes if node.status == "skipped"):
        parts.append(f"{skipped} skipped")
    console.out.print(f"{', '.join(parts)} in {seconds:.1f} s")


def print_unchanged(last: LastBuild) -> None:
    """Print that dbt was not started, and what it had found: warnings in full, the rest as numbers."""
    found = ", ".join(_print_warnings_and_count(last.report))
    console.out.print(
        f"Nothing has changed since the build of {last.finished_at:%Y-%m-%d %H:%M} UTC: "
        f"{plural(last.rows, 'row')} in {plural(last.files, 'file')}, {found}. "
        "dbt was not started (`taxi build --again` starts it)."
    )


def _print_warnings_and_count(report: BuildReport) -> list[str]:
    """Print each warning; gives the numbers of relations, tests and warnings in words."""
    relations = sum(report.count(kind, "success") for kind in ("model", "seed", "snapshot"))
    tests = report.count("test", "pass") + report.count("unit_test", "pass")
    parts = [plural(relations, "relation") + " built", plural(tests, "test") + " passed"]
    if warnings := report.count("test", "warn"):
        parts.append(f"[yellow]{warnings} with {'a warning' if warnings == 1 else 'warnings'}[/]")
        for node in report.nodes:
            if node.status == "warn":
                console.out.print(
                    f"[yellow]warning[/] {escape(node.name)}: {escape(node.message)}{_kept_rows(node)}"
                )
    return parts


def _kept_rows(node: NodeOutcome) -> str:
    """Where to look at the rows that a claim failed on."""
    return escape(f"; its rows: select * from {node.failing_rows}") if node.failing_rows else ""


def print_forgotten(
    entries: Sequence[ManifestEntry], settings: Settings, target: str | None
) -> None:
    """Print which months a target's tables still hold that the lake no longer has; nothing where there are none."""
    if not entries:
        return
    option = f" --target {target}" if target else ""
    load = "" if reads_lake_in_place(settings, target) else f"`taxi load{option}`, then "
    console.print_note(
        f"The tables still hold {name_files([entry.key for entry in entries])}, which the lake no longer has. "
        f"To remove them: {load}`taxi build{option}`."
    )


def print_status(entries: Sequence[ManifestEntry], verdicts: FileVerdicts) -> None:
    """Print the files of the lake, and what the warehouse says of them."""
    table = console.compact_table(
        "Months in the lake"
    )  # `taxi diff` has the rest of a file's record
    table.add_column("month", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("total_amount $", justify="right", no_wrap=True)
    table.add_column("edition", min_width=9)
    table.add_column("official", justify="right", no_wrap=True)
    table.add_column("whole? rows, report", min_width=10)
    reasons: dict[str, str] = {}
    for entry in sorted(entries, key=lambda item: item.key):
        rows = f"{entry.row_count:,}"
        if entry.unparseable_count:
            rows += f"\n{entry.unparseable_count:,} unparseable"
        verdict = verdicts.by_load_id.get(entry.load_id)
        table.add_row(
            f"{entry.service_type} {entry.file_month[:7]}",
            rows,
            console.money(entry.total_amount),
            *_verdict_cells(verdict),
        )
        if verdict is not None and verdict.severity != "ok":
            reasons[verdict.row_count_check] = verdict.reason
    console.print_wide(table)
    for check, reason in reasons.items():
        console.out.print(f"[yellow]{console.words(check)}[/]: {escape(reason)}.")


def _verdict_cells(verdict: FileVerdict | None) -> tuple[str, str, str]:
    if verdict is None:
        return "", "", ""
    official = "" if verdict.official_rows is None else f"{verdict.official_rows:,}"
    color = _COLORS[verdict.severity]
    # TLC's report counts the trips of the month: it has nothing to say of a part of it.
    report = () if verdict.state == "part" else (verdict.report_check,)
    checks = ", ".join(dict.fromkeys((verdict.row_count_check, *report)))
    said = f"[{color}]{verdict.state}: {console.words(checks)}[/]"
    edition = "unknown" if verdict.edition == "neither" else console.words(verdict.edition)
    return edition, official, said


def print_summary(summary: WarehouseSummary) -> None:
    """Print what the warehouse holds: rows in, accepted, rejected by reason, what passengers were charged."""
    table = Table(title="In the warehouse", title_justify="left")
    table.add_column("service")
    for heading in ("files", "rows in", "accepted", "rejected", "charged $"):
        table.add_column(heading, justify="right")
    for service in summary.services:
        table.add_row(
            service.service,
            f"{service.files:,}",
            f"{service.rows_in:,}",
            f"{service.accepted:,}",
            f"{service.rejected:,}",
            console.money(service.revenue) if service.accepted or service.revenue else "-",
        )
    console.out.print(table)
    if summary.rejected:
        reasons = Table(title="Rejected, by reason", title_justify="left")
        reasons.add_column("reason")
        reasons.add_column("service")
        reasons.add_column("rows", justify="right")
        for name, reason, rows in summary.rejected:
            reasons.add_row(reason, name, f"{rows:,}")
        console.out.print(reasons)
    if summary.is_synthetic:
        console.print_synthetic_notice()


def print_completeness(completeness: Completeness) -> None:
    """Print how many of the loaded months are whole, and which are not; nothing where all are."""
    parts = [
        f"{month.service} {month.month:%Y-%m} ({month.text})"
        for month in completeness.months
        if month.state in {"part", "unknown"}
    ]
    if parts:
        more = f" and {len(parts) - _PARTS} more" if len(parts) > _PARTS else ""
        named = escape(", ".join(parts[:_PARTS]))
        console.out.print(f"[bold yellow]{completeness.headline}.[/] The others: {named}{more}.")
