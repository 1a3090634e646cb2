"""The options that name months to be downloaded, and what they stand for."""

from collections.abc import Sequence
from typing import Annotated

import typer

from taxi_pipeline.download.sources import SOURCES, Month, parse_files, parse_months
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service

ALL = "all"

OneMonth = Annotated[
    list[str] | None,
    typer.Option(
        "--month",
        "-m",
        metavar="SERVICE:YYYY-MM",
        help="Download a month and take it, such as yellow:2024-01; may be repeated. "
        "A month that is here and unchanged at the publisher is not downloaded again.",
        show_default=False,
    ),
]
SpanOfMonths = Annotated[
    str | None,
    typer.Option(
        "--months",
        metavar="MONTHS",
        help="Months of --services: 2024-01, 2024-01..2024-03, 2024-01,2024-03 or 2024.",
        show_default=False,
    ),
]
Services = Annotated[
    str | None,
    typer.Option(
        "--services",
        metavar="SERVICES",
        help=f"Whose months: {', '.join(Service)}, several with commas between them; default all.",
        show_default=False,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        help=f"Publisher: {', '.join(SOURCES)}, or the address of a mirror; default tlc. Their files differ.",
        show_default=False,
    ),
]


def chosen_months(
    month: Sequence[str] | None, months: str | None, services: str | None, source: str | None
) -> list[Month]:
    """The months that the four options name together, each once.

    Args:
        month: of ``--month``.
        months: of ``--months``.
        services: of ``--services``.
        source: of ``--source``.

    Raises:
        TaxiError: one of them cannot be read, or says something about months where there are none.
    """
    if services and not months:
        raise TaxiError("--services", "it says whose months --months names", "give --months too")
    if source and not (month or months):
        raise TaxiError(
            "--source", "it says from where months are downloaded", "give --month or --months too"
        )
    span = parse_files(services or ALL, parse_months(months)) if months else []
    return list(dict.fromkeys([*map(Month.parse, month or ()), *span]))
