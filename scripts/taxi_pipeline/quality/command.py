"""The command `taxi validate`."""

from typing import Annotated

import typer

from taxi_pipeline import workflow
from taxi_pipeline.documents import validation_document
from taxi_pipeline.download.sources import parse_months
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.options import AsJson, Target, command_group
from taxi_pipeline.quality.validate import Choice
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal, answering

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi validate[/] | [bold]taxi validate --service green --month 2024-01[/] | "
    "[bold]taxi validate --target postgres[/] | [bold]taxi validate --all[/]",
)
def validate(
    target: Target = None,
    service: Annotated[
        Service | None, typer.Option("--service", "-s", help="Months of this service; no marts.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", "-m", help="This month, YYYY-MM; no marts.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--all", help="Check again what has not changed, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check months and marts against expectations, and write site/docs/quality.

    It checks fares, zones, times, missing days, codes, and differences from earlier months. Exit code 1: a critical
    check failed that was not overridden at ingestion. Warnings are printed.
    """
    with answering("validate", as_json=as_json) as answer:
        months = parse_months(month) if month else []
        if len(months) > 1:
            raise TaxiError("--month", "it takes one month", "write it as YYYY-MM, such as 2024-01")
        choice = Choice(target, service, months[0] if months else None, again)
        validation = workflow.validate(load_settings(), choice, Terminal(in_full=True))
        answer(validation_document(validation))
    raise typer.Exit(validation.exit_code)
