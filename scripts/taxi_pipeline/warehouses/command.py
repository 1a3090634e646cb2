"""The command `taxi load`."""

from typing import Annotated

import typer

from taxi_pipeline import workflow
from taxi_pipeline.documents import load_document
from taxi_pipeline.options import AsJson, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal, answering

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi load --target postgres[/] | "
    "[bold]taxi load --target prod && taxi build --target prod[/]",
)
def load(
    target: Annotated[str, typer.Option("--target", "-t", help="postgres or prod (BigQuery).")],
    as_json: AsJson = False,
) -> None:
    """Copy changed partitions of the lake to a server's raw tables.

    If a load is interrupted, the old rows of the file stay, and the next load continues. profiles.yml lists
    the variables of the targets (DBT_PG_*, DBT_BQ_*).
    """
    with answering("load", as_json=as_json) as answer:
        answer(load_document(workflow.load(load_settings(), target, Terminal())))
