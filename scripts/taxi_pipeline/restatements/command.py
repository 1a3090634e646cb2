"""The command `taxi diff`."""

from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake
from taxi_pipeline.options import Trips, command_group
from taxi_pipeline.restatements.rendering import (
    print_comparison,
    print_versions,
    print_zone_changes,
)
from taxi_pipeline.restatements.versions import (
    compare,
    no_comparison,
    record_restatements,
    versions_of,
    zone_labels,
)
from taxi_pipeline.settings import load_settings

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi diff green 2024-01[/] | "
    "[bold]taxi diff yellow 2023-02 --rows changes.csv[/] | [bold]... --rows changes.parquet[/]",
)
def diff(
    service: Trips,
    month: Annotated[str, typer.Argument(help="Such as 2024-01.")],
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows",
            help="Write every changed row, before and after, to this .csv or .parquet file.",
        ),
    ] = None,
) -> None:
    """Compare the two newest versions of a month: rows, money by zone.

    Rows are compared by all columns, in any order. A row without an equal is "altered" if the other version has a row
    of the same vendor (FHV, HVFHV: base), pickup, and dropoff. Otherwise it is "gone" or "added".
    """
    settings = load_settings()
    lake = Lake.of(settings)
    if rows is not None and rows.suffix not in {".csv", ".parquet"}:
        raise TaxiError(str(rows), "rows are written as CSV or Parquet", "name it .csv or .parquet")
    lake.ensure_present(console.print_note)
    record_restatements(lake, settings, console.print_note)
    versions = versions_of(lake, service, month)
    print_versions(versions)
    print_zone_changes(versions, lake.restatements(), zone_labels(settings.project_dir), limit=10)
    before = lake.predecessor(versions[-1])
    if before is None:
        console.print_note(no_comparison(versions))
        if rows is not None:
            raise TaxiError(str(rows), "there are no rows to write", "see the line above")
        return
    with compare(lake, settings, before, versions[-1]) as comparison:
        print_comparison(
            comparison.counts(), comparison.altered_columns(), comparison.altered_rows(5)
        )
        if rows is not None:
            comparison.write_rows(rows)
            console.out.print(f"Every changed row: {rows}", markup=False)
