"""What ingestion made of a file's row: codes of texts, zones of points, totals that no file gives.

Which columns these are is stated in ``trip_columns`` of ``dbt_project.yml`` and in the seed ``text_codes``. The lake
keeps what was made and not what it was made of, so the words hold for a file with texts and for one with codes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from taxi_pipeline.explain.queries import Row
from taxi_pipeline.schemas import Column, Service, columns_of, trip_columns_of


@dataclass(frozen=True)
class IngestedValue:
    """A value of the lake's row that the file may not have in this form.

    Attributes:
        column: its name from staging on.
        value: the lake's.
        origin: what it was made of, in words.
    """

    column: str
    value: Any
    origin: str


def find_ingested_values(
    service: Service, raw: Row, last_year_of_texts: int
) -> tuple[IngestedValue, ...]:
    """The values of a row that ingestion made, in the order of the columns.

    Args:
        service: whose file.
        raw: the row of staging.
        last_year_of_texts: files of later years have codes.
    """
    return tuple(
        IngestedValue(name, raw[name], origin)
        for name, column in staged_columns(service).items()
        if raw.get(name) is not None
        and (origin := _origin(service, name, column, raw, last_year_of_texts))
    )


def staged_columns(service: Service) -> dict[str, Column]:
    """The columns of a service's files, by the names that they have from staging on."""
    return dict(zip(trip_columns_of(service), columns_of(service), strict=True))


def _origin(
    service: Service, name: str, column: Column, raw: Row, last_year_of_texts: int
) -> str | None:
    """What a value was made of; None where the file reports it."""
    if column.parts:
        parts = _staged_names(service, column.parts)
        return f"the sum of {', '.join(part for part in parts if raw.get(part) is not None)}"
    places = _staged_names(service, column.located_by)
    if any(raw.get(place) is not None for place in places):
        return "of the point below, unless the file has the id itself"
    texts = [repr(text) for text, code in column.text_codes if code == str(raw[name])]
    if texts and raw["file_month"].year <= last_year_of_texts:
        return (
            f"of the text {' or '.join(texts)} (in any case), unless the file has the code itself"
        )
    return None


def _staged_names(service: Service, lake_names: Iterable[str]) -> list[str]:
    names = {column.name: name for name, column in staged_columns(service).items()}
    return [names[lake_name] for lake_name in lake_names]
