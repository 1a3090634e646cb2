"""The command `taxi ingest`."""

from typing import Annotated

import typer

from taxi_pipeline import console, workflow
from taxi_pipeline.documents import ingest_document
from taxi_pipeline.download.choice import (
    OneMonth,
    Services,
    Source,
    SpanOfMonths,
    chosen_months,
)
from taxi_pipeline.download.sources import TLC
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.options import AcceptCritical, AsJson, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal, answering

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi ingest ~/tlc/2024[/] | [bold]taxi ingest yellow_tripdata_2019-01.csv.gz[/] | "
    "[bold]taxi ingest --month yellow:2024-01 --json[/]",
)
def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH_OR_URL...", help="Trip files, folders, URLs.", show_default=False
        ),
    ] = None,
    month: OneMonth = None,
    months: SpanOfMonths = None,
    services: Services = None,
    source: Source = None,
    accept_critical: AcceptCritical = False,
    as_json: AsJson = False,
) -> None:
    """Read trip files into the lake; the same file again changes nothing.

    With --month or --months it downloads them first. A month that fails a critical check (see `taxi validate`) is kept
    out; the version in the lake stays. Exit code 3: not published yet.
    """
    with answering("ingest", as_json=as_json) as answer:
        chosen = chosen_months(month, months, services, source)
        if not (paths or chosen):
            raise TaxiError(
                "taxi ingest", "it is told of no file", "give a path, a URL, --month or --months"
            )
        outcome = workflow.ingest(
            load_settings(),
            paths or (),
            months=chosen,
            source=source or TLC,
            accept_critical=accept_critical,
            observer=Terminal(),
        )
        if outcome.failures and outcome.results:
            console.print_note("The other files are in the lake; `taxi build` builds from it.")
        answer(ingest_document(outcome))
    raise typer.Exit(outcome.exit_code)
