"""The command `taxi explain`."""

import json
from typing import Annotated

import typer

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.explain import (
    MARTS,
    explain_cell,
    explain_trip,
    parse_cell,
    read_thresholds,
    to_json,
)
from taxi_pipeline.explain.rendering import print_explanation
from taxi_pipeline.options import Target, command_group
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import load_settings
from taxi_pipeline.transform.runner import prepare_profile
from taxi_pipeline.warehouses import open_reader

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi explain 2202401000000005[/] | "
    "[bold]taxi explain --mart monthly_zone_revenue --month 2024-01 --zone 132 --service yellow[/] | "
    "[bold]taxi explain --mart daily_service_summary --day 2024-01-05 --service green --json[/] | "
    "[bold]taxi explain --mart market_share --month 2024-01 --zone 132 --service fhvhv --company uber[/]. "
    "Exit code 1: it does not add up.",
)
def explain(
    trip_id: Annotated[
        str | None,
        typer.Argument(
            help="A trip: its trip_id in fact_trips or rejected_trips, or <service code><YYYYMM><row in nine digits>; "
            "yellow is 1, green 2, FHV 3, HVFHV 4.",
            show_default=False,
        ),
    ] = None,
    mart: Annotated[str | None, typer.Option(help=f"A cell's table: {', '.join(MARTS)}.")] = None,
    service: Annotated[
        Service | None, typer.Option(help="The cell's service.", case_sensitive=False)
    ] = None,
    month: Annotated[str | None, typer.Option(help="The cell's month: 2024-01.")] = None,
    day: Annotated[str | None, typer.Option(help="The cell's day: 2024-01-05.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="The cell's pickup zone: 132, or a unique zone name.")
    ] = None,
    company: Annotated[
        str | None,
        typer.Option(help="Of HVFHV in market_share: Uber, Lyft, Via, Juno, or a license number."),
    ] = None,
    target: Target = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain a number: trace one trip, or break down a row of a mart."""
    if (trip_id is None) == (mart is None) or (
        trip_id and (service or month or day or zone or company)
    ):
        raise TaxiError(
            "taxi explain",
            "it explains one trip, or one cell",
            "give a trip_id, or --mart and its options",
        )
    settings = load_settings()
    prepare_profile(settings)
    thresholds = read_thresholds(settings)
    with open_reader(settings, target) as reader:
        explanation = (
            explain_trip(reader.select, trip_id, thresholds)
            if trip_id is not None
            else explain_cell(
                reader.select,
                parse_cell(reader.select, str(mart), service, month, day, zone, company),
                thresholds,
            )
        )
    if as_json:
        typer.echo(json.dumps(to_json(explanation), indent=2, ensure_ascii=False))
    else:
        print_explanation(explanation)
    raise typer.Exit(0 if explanation.adds_up else 1)
