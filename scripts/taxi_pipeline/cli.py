"""The ``taxi`` command: registers what the features bring; each command is in the ``command.py`` of its feature."""

from typing import Annotated, NamedTuple

import typer

from taxi_pipeline import console
from taxi_pipeline.faults import run_guarded
from taxi_pipeline.options import LazyGroup

EVERYDAY, INSPECT, PUBLISH, MAINTAIN = "Everyday", "Inspect", "Publish", "Maintain"


class Entry(NamedTuple):
    """A command as the overview shows it.

    Attributes:
        name: as it is typed.
        feature: the package whose ``command.py`` has it.
        panel: where it stands; None for a command that is not shown.
        summary: the first paragraph of its help, which a test compares with it.
    """

    name: str
    feature: str
    panel: str | None
    summary: str


COMMANDS = (
    Entry(
        "run",
        "transform",
        EVERYDAY,
        "Ingest the given files, build, test, validate, and write the site.",
    ),
    Entry(
        "plan",
        "plan",
        INSPECT,
        "List published months that are missing in the lake, restated since, or incomplete.",
    ),
    Entry(
        "download",
        "download",
        EVERYDAY,
        "Download trip files; an interrupted download resumes.",
    ),
    Entry(
        "ingest",
        "ingest",
        EVERYDAY,
        "Read trip files into the lake; the same file again changes nothing.",
    ),
    Entry(
        "validate",
        "quality",
        INSPECT,
        "Check months and marts against expectations, and write site/docs/quality.",
    ),
    Entry(
        "load",
        "warehouses",
        EVERYDAY,
        "Copy changed partitions of the lake to a server's raw tables.",
    ),
    Entry(
        "status",
        "transform",
        EVERYDAY,
        "Show which months are loaded, and whether they are whole.",
    ),
    Entry(
        "diff",
        "restatements",
        INSPECT,
        "Compare the two newest versions of a month: rows, money by zone.",
    ),
    Entry(
        "compare",
        "comparison",
        INSPECT,
        "Compare two DuckDB warehouses: rows, money and keys of each mart.",
    ),
    Entry(
        "build",
        "transform",
        EVERYDAY,
        "Run `dbt build` on what changed: seeds, models, snapshots, tests.",
    ),
    Entry(
        "history",
        "history",
        INSPECT,
        "Show past runs: when, what, how long, files, rows, money, tests, outcome.",
    ),
    Entry(
        "explain",
        "explain",
        INSPECT,
        "Explain a number: trace one trip, or break down a row of a mart.",
    ),
    Entry("sql", "sql", EVERYDAY, "Query the tables of a target, read-only."),
    Entry(
        "docs",
        "site",
        PUBLISH,
        "Write dbt's documentation as one page: site/docs/index.html.",
    ),
    Entry(
        "site",
        "site",
        PUBLISH,
        "Write the dashboard and the other pages: site/index.html.",
    ),
    Entry(
        "zones",
        "zones",
        EVERYDAY,
        "Fetch TLC's zone shapes: for files with coordinates, and for the dashboard's map.",
    ),
    Entry(
        "dictionary",
        "dictionary",
        None,
        "Write the rules in words, and the lists of trip columns in yml files, from their definitions.",
    ),
    Entry("lookml", "bi", PUBLISH, "Write a LookML project for Looker: model, views, explores."),
    Entry(
        "export",
        "bi",
        PUBLISH,
        "Write tables as one Excel workbook, or as a CSV or Parquet file each.",
    ),
    Entry("serve", "site", PUBLISH, "Serve the site until interrupted."),
    Entry(
        "sample",
        "sample",
        MAINTAIN,
        "Write synthetic trip files: three months, four services, every known data fault.",
    ),
    Entry(
        "deps",
        "transform",
        MAINTAIN,
        "Install dbt_utils from the package hub, or the copy in vendor/.",
    ),
    Entry("bench", "bench", MAINTAIN, "Measure ingestion and builds on synthetic files."),
    Entry(
        "stream",
        "stream",
        MAINTAIN,
        "Trips as events of a Kafka topic: replay, ingest, publish, watch.",
    ),
    Entry("forget", "lake", MAINTAIN, "Remove months from the lake; list them and ask first."),
    Entry("lake", "lake", MAINTAIN, "Check the lake, prune it, or read it as Delta tables."),
)


class _Commands(LazyGroup):
    homes = {entry.name: f"taxi_pipeline.{entry.feature}.command" for entry in COMMANDS}  # noqa: RUF012


app = typer.Typer(
    cls=_Commands,
    help="Turn NYC TLC trip files into tables: every row accounted for, money reconciled to the cent.",
    epilog="Settings: TAXI_DATA_DIR (default: data) holds the lake and the warehouse; TAXI_MEMORY_LIMIT (default: 2GB) "
    "is DuckDB's memory limit. Exit codes: 0 done, 1 the data failed, 2 it could not be done, "
    "3 not published yet, 130 or 143 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - 40 ms

        names = ("nyc-taxi-warehouse", "dbt-core", "duckdb")
        typer.echo("\n".join(f"{name} {version(name)}" for name in names))
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print versions and exit."
        ),
    ] = False,
) -> None:
    pass


def _overview_only() -> None:
    """Stands in the overview; ``LazyGroup`` puts the command itself in its place when it is called."""


for _entry in COMMANDS:
    app.command(
        _entry.name,
        help=_entry.summary,
        rich_help_panel=_entry.panel,
        hidden=_entry.panel is None,
    )(_overview_only)


def main() -> None:
    """Run the command; a fault that the user can act on is one line."""
    run_guarded(app, console.print_error, console.print_warning)
