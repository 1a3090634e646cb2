"""What `taxi validate` prints."""

import re
from collections.abc import Mapping, Sequence

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.quality.gate import GATE_ROWS, describe
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.texts import plural

_MONTH = re.compile(r"lake-(\w+)-(\d{4}-\d{2})")
"""The name of a verdict on a month of the lake: service and month."""


def print_failed_months(months: Mapping[str, Sequence[str]]) -> None:
    """Print which months fail critical checks, by name; nothing where none does."""
    for month, checks in months.items():
        console.out.print(
            f"[bold red]critical[/] {escape(month)} fails {escape(', '.join(checks))}:"
            " numbers that include it can be false. Details: `taxi validate`."
        )


def print_validation(validation: Validation, *, in_full: bool) -> None:
    """Print every failed check, and a table of the suites or, in short, one line."""
    for verdict in validation.verdicts:
        for outcome in verdict.failed(*(() if in_full else ("critical", "warning", "accepted"))):
            color = {"critical": "bold red", "info": "dim"}.get(outcome.severity, "yellow")
            print_to = console.err if outcome.severity == "critical" else console.out
            print_to.print(
                f"[{color}]{outcome.severity}[/] {escape(verdict.title)}: {escape(describe(outcome))}"
            )
        if verdict.failed("critical") and (month := _MONTH.fullmatch(verdict.name)):
            console.err.print(
                f"{verdict.title} is also in the tables: only files of {GATE_ROWS:,} rows or more are judged"
                " before they go in. To remove it:"
                f" `taxi forget {month[1]} {month[2]}`, then `taxi build`."
            )
    if in_full:
        table = console.compact_table("Data quality")
        table.add_column("suite", min_width=16, overflow="fold")
        for heading in ("passed", "info", "warnings", "accepted", "critical", "skipped"):
            table.add_column(heading, justify="right")
        for verdict in validation.verdicts:
            failed = (
                str(len(verdict.failed(severity)) or "")
                for severity in ("info", "warning", "accepted", "critical")
            )
            table.add_row(
                escape(verdict.title), str(verdict.passed), *failed, str(len(verdict.skipped))
            )
        console.print_wide(table)
    passed = sum(verdict.passed for verdict in validation.verdicts)
    checks = sum(len(verdict.outcomes) for verdict in validation.verdicts)
    skipped = sum(len(verdict.skipped) for verdict in validation.verdicts)
    console.out.print(
        f"Quality: {passed} of {checks} checks passed in {plural(len(validation.verdicts), 'suite')}, "
        f"{skipped} did not apply: {escape(str(validation.page))}"
    )
