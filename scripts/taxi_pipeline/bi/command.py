"""The commands `taxi lookml` and `export`."""

from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.bi.export import Format, choose_tables, export_tables
from taxi_pipeline.bi.lookml import build_project, write_project
from taxi_pipeline.bi.project import parse_project, read_marts
from taxi_pipeline.bi.rendering import export_progress
from taxi_pipeline.bi.workbook import export_workbook, read_about
from taxi_pipeline.lake import Lake
from taxi_pipeline.options import SelectCommand, Target, command_group
from taxi_pipeline.quality.rendering import print_failed_months
from taxi_pipeline.quality.store import failed_months
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal, dbt_faults_printed
from taxi_pipeline.texts import plural
from taxi_pipeline.transform.completeness import read_forgotten
from taxi_pipeline.transform.rendering import print_completeness, print_forgotten
from taxi_pipeline.transform.state import require_passed
from taxi_pipeline.warehouses import open_reader
from taxi_pipeline.workflow import exclusive, passed_artifacts, require_warehouse

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi lookml --target prod[/] | "
    "[bold]taxi lookml --target postgres --connection warehouse --to ~/looker/nyc_taxi[/]",
)
def lookml(
    target: Target = None,
    folder: Annotated[
        Path | None,
        typer.Option("--to", help="Where to write, such as a git repository; default lookml."),
    ] = None,
    connection: Annotated[str, typer.Option(help="Name of the connection in Looker.")] = "nyc_taxi",
) -> None:
    """Write a LookML project for Looker: model, views, explores.

    Its files are replaced at the next run; other files in the folder stay as they are.
    """
    settings = load_settings()
    with dbt_faults_printed(), passed_artifacts(settings, target, Terminal()) as artifacts:
        manifest = read_artifact(artifacts, "manifest")
        catalog = read_artifact(artifacts, "catalog")
        files = build_project(manifest, catalog, read_marts(manifest), connection)
    folder = folder or settings.project_dir / "lookml"
    for path in write_project(files, folder):
        console.print_note(f"{path} is gone: its model no longer exists.")
    console.out.print(f"LookML: {plural(len(files), 'file')} in {folder}", markup=False)
    with open_reader(settings, target) as reader:
        print_forgotten(read_forgotten(reader, Lake.of(settings)), settings, target)


@app.command(
    cls=SelectCommand,
    epilog="Examples: [bold]taxi export --format xlsx[/] | "
    "[bold]taxi export --format parquet --select fact_trips --to ~/trips[/] | "
    "[bold]taxi export --format csv --target postgres[/]",
)
def export(
    format_: Annotated[Format, typer.Option("--format", "-f", help="Of the files.")],
    folder: Annotated[
        Path | None,
        typer.Option("--to", help="Where to write; default <TAXI_DATA_DIR>/exports."),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", "-s", help="Tables. Default: every mart and dimension."),
    ] = None,
    target: Target = None,
) -> None:
    """Write tables as one Excel workbook, or as a CSV or Parquet file each.

    Amounts stay exact. The workbook begins with a list of its sheets and of the loaded months.
    """
    settings = load_settings()
    lake = Lake.of(settings)
    require_warehouse(settings, target)
    with exclusive(settings, Terminal()), console.activity("Reading the project"):
        marts = read_marts(parse_project(settings, target))
    tables = choose_tables(marts, select or ())
    with open_reader(settings, target) as reader, export_progress() as on_table:
        require_passed(reader)
        to = folder or settings.data_dir / "exports"
        about = read_about(reader)
        forgotten = read_forgotten(reader, lake)
        for file in (
            [export_workbook(reader, tables, marts, about, to, on_table)]
            if format_ is Format.XLSX
            else export_tables(reader, tables, format_, to, on_table)
        ):
            console.out.print(f"{file.path}: {plural(file.rows, 'row')}", markup=False)
    print_completeness(about.completeness)
    print_forgotten(forgotten, settings, target)
    print_failed_months(failed_months(settings, lake))
