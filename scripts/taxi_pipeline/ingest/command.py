"""The command `taxi ingest`."""

from typing import Annotated

import typer

from taxi_pipeline import console, workflow
from taxi_pipeline.options import AcceptCritical, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi ingest ~/tlc/2024[/] | [bold]taxi ingest yellow_tripdata_2019-01.csv.gz[/]",
)
def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH_OR_URL...", help="Trip files, folders, URLs.")
    ],
    accept_critical: AcceptCritical = False,
) -> None:
    """Read trip files into the lake; the same file again changes nothing.

    A month that fails a critical check (see `taxi validate`) is kept out; the version in the lake stays.
    """
    outcome = workflow.ingest(
        load_settings(), paths, accept_critical=accept_critical, observer=Terminal()
    )
    if outcome.failures and outcome.results:
        console.print_note("The other files are in the lake; `taxi build` builds from it.")
    raise typer.Exit(outcome.exit_code)
