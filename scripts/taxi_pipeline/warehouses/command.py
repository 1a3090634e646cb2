"""The command `taxi load`."""

from typing import Annotated

import typer

from taxi_pipeline import workflow
from taxi_pipeline.options import command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi load --target postgres[/] | "
    "[bold]taxi load --target prod && taxi build --target prod[/]",
)
def load(
    target: Annotated[str, typer.Option("--target", "-t", help="postgres or prod (BigQuery).")],
) -> None:
    """Copy changed partitions of the lake to a server's raw tables.

    If a load is interrupted, the old rows of the file stay, and the next load continues. profiles.yml lists
    the variables of the targets (DBT_PG_*, DBT_BQ_*).
    """
    workflow.load(load_settings(), target, Terminal())
