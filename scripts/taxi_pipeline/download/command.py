"""The command `taxi download`."""

from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.download.months import download_months
from taxi_pipeline.download.sources import SOURCES, parse_months
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.ingest import gives_points
from taxi_pipeline.options import Months, Trips, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.zones.archive import require_shapes

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi download yellow 2024-01..2024-03[/] | "
    "[bold]taxi download fhv 2019-01,2019-07 --source datatalks[/]",
)
def download(
    service: Trips,
    months: Months,
    source: Annotated[
        str,
        typer.Option(
            help=f"Publisher: {', '.join(SOURCES)}, or the address of a mirror. Their files differ in content."
        ),
    ] = "tlc",
) -> None:
    """Download trip files; an interrupted download resumes.

    TLC's zone shapes come with them where a file gives places by coordinates.
    """
    settings = load_settings()
    with console.transfer() as update:
        report = download_months(
            service,
            parse_months(months),
            source,
            settings.download_dir,
            lambda month, done, total: update(f"{service} {month:%Y-%m}", done, total),
        )
    for path in report.paths:
        console.out.print(str(path))
    for error in report.errors:
        console.print_error(error)
    if report.paths:
        console.print_note(f"Load with: taxi run {report.paths[0].parent}")
    exit_code = report.exit_code
    try:
        if (with_points := next(filter(_needs_shapes, report.paths), None)) is not None:
            require_shapes(settings, with_points.name, may_fetch=True)
    except TaxiError as error:
        console.print_error(error)
        exit_code = error.exit_code
    raise typer.Exit(exit_code)


def _needs_shapes(path: Path) -> bool:
    try:
        return gives_points(path)
    except TaxiError:  # what is wrong with the file, ingestion says
        return False
