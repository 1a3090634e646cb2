"""The command `taxi dictionary`, for whoever changes a rule."""

from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.atomic import write_text
from taxi_pipeline.dictionary.rules_in_words import render_dictionary
from taxi_pipeline.dictionary.trip_columns import render_trip_columns
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.options import command_group
from taxi_pipeline.settings import load_settings

app = command_group()


@app.command(epilog="Examples: [bold]taxi dictionary[/] | [bold]taxi dictionary --check[/]")
def dictionary(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when the file is stale.")
    ] = False,
) -> None:
    """Write the rules in words, and the lists of trip columns in yml files, from their definitions."""
    project_dir = load_settings().project_dir
    is_stale = False
    written = {**render_dictionary(project_dir), **render_trip_columns(project_dir)}
    for name, text in written.items():
        path = project_dir / name
        if not check:
            write_text(path, text)
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            is_stale = True
            console.print_error(
                TaxiError(
                    str(name),
                    "differs from the rule seeds and dbt_project.yml, which it follows from",
                    "run `taxi dictionary` and commit the file",
                )
            )
    raise typer.Exit(int(is_stale))
