"""The command `taxi download`."""

from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console, workflow
from taxi_pipeline.download.sources import SOURCES, TLC, parse_files, parse_months
from taxi_pipeline.errors import TaxiError, deciding
from taxi_pipeline.ingest import gives_points
from taxi_pipeline.options import Months, command_group
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal
from taxi_pipeline.zones.archive import require_shapes

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi download yellow 2024-01..2024-03[/] | "
    "[bold]taxi download all 2024-01..2024-12[/] | "
    "[bold]taxi download fhv 2019-01,2019-07 --source datatalks[/]",
)
def download(
    services: Annotated[
        str,
        typer.Argument(
            metavar="SERVICES",
            help=f"{', '.join(Service)}; several with commas between them, or all.",
        ),
    ],
    months: Months,
    source: Annotated[
        str,
        typer.Option(
            help=f"Publisher: {', '.join(SOURCES)}, or the address of a mirror. Their files differ in content."
        ),
    ] = TLC,
) -> None:
    """Download trip files; an interrupted download resumes.

    It first says how large the files are, and stops where the disk has no room for them. TLC's zone shapes
    come with them where a file gives places by coordinates. Exit code 3: not published yet.
    """
    settings = load_settings()
    report = workflow.download(
        settings, parse_files(services, parse_months(months)), source, Terminal()
    )
    for path in report.paths:
        console.out.print(str(path))
    console.print_error(*report.errors)
    if report.paths:
        console.print_note(f"Load with: taxi run {report.paths[0].parent}")
    exit_code = report.exit_code
    try:
        if (with_points := next(filter(_needs_shapes, report.paths), None)) is not None:
            require_shapes(settings, with_points.name, may_fetch=True)
    except TaxiError as error:
        console.print_error(error)
        exit_code = deciding((exit_code, error.exit_code))
    raise typer.Exit(exit_code)


def _needs_shapes(path: Path) -> bool:
    try:
        return gives_points(path)
    except TaxiError:  # what is wrong with the file, ingestion says
        return False
