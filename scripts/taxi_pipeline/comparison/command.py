"""The command `taxi compare`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.bi.project import parse_project, read_marts
from taxi_pipeline.comparison.rendering import as_json, as_markdown, as_table
from taxi_pipeline.comparison.two_warehouses import compare_warehouses
from taxi_pipeline.options import command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.texts import printable
from taxi_pipeline.transform.results_of_dbt import read_results

app = command_group()


class Shape(StrEnum):
    """How a comparison is written."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


@app.command(
    epilog="Examples: [bold]taxi compare before.duckdb data/warehouse.duckdb[/] | "
    "[bold]taxi compare before.duckdb after.duckdb --format markdown --artifacts target > report.md[/]",
)
def compare(
    before: Annotated[Path, typer.Argument(help="A warehouse.duckdb.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="Another one.", show_default=False)],
    shape: Annotated[
        Shape, typer.Option("--format", "-f", help="Markdown is for a pull request.")
    ] = Shape.TABLE,
    artifacts: Annotated[
        Path | None,
        typer.Option(
            help="Add how the build ended, from run_results.json of this folder of dbt.",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(help="Rows that differ to show of each table.", min=0)
    ] = 5,
) -> None:
    """Compare two DuckDB warehouses: rows, money and keys of each mart.

    Neither file is changed. Differences are no failure: the exit code is 0.
    """
    settings = load_settings()
    nodes = read_results(artifacts) if artifacts else ()
    keys = {
        name: mart.key
        for name, mart in read_marts(parse_project(settings, None)).items()
        if mart.key
    }

    def tell(name: str) -> None:
        console.err.print(f"Comparing {name}", markup=False)

    compared = compare_warehouses(before, after, settings, keys, examples, tell)
    if shape is Shape.TABLE:
        console.print_wide(as_table(compared))
    else:
        sys.stdout.write(
            f"{as_json(compared, nodes) if shape is Shape.JSON else printable(as_markdown(compared, nodes))}\n"
        )
