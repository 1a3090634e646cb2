"""The services, and the canonical columns of their files.

Lake columns carry TLC's Parquet names in lower case, so that no engine needs quotes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from taxi_pipeline.seeds import read_seed, read_variables

MONEY = "decimal(12, 2)"
MILES = "decimal(12, 3)"
CODE = "integer"
TIME = "timestamp"
DEGREES = "double"
TEXT = "varchar"

_TYPES = {
    "code": CODE,
    "time": TIME,
    "money": MONEY,
    "miles": MILES,
    "text": TEXT,
    "degrees": DEGREES,
}
"""The lake's type of each kind of column that ``trip_columns`` of ``dbt_project.yml`` names."""


class Service(StrEnum):
    """A TLC trip service, by the name that its files carry."""

    YELLOW = "yellow"
    GREEN = "green"
    FHV = "fhv"
    HVFHV = "fhvhv"

    @property
    def label(self) -> str:
        """The value of ``service_type`` in every table."""
        return {"yellow": "Yellow", "green": "Green", "fhv": "FHV", "fhvhv": "HVFHV"}[self.value]

    @classmethod
    def of_label(cls, label: str) -> "Service":
        """The service that tables call by this label.

        Raises:
            KeyError: none is called so.
        """
        return {service.label: service for service in cls}[label]

    @property
    def code(self) -> int:
        """The leading digit of ``trip_id``."""
        return {"yellow": 1, "green": 2, "fhv": 3, "fhvhv": 4}[self.value]

    @property
    def is_metered(self) -> bool:
        """Whether its vehicles have a taximeter, and its files vendors, rate codes and payment types."""
        return self in (Service.YELLOW, Service.GREEN)


@dataclass(frozen=True)
class Column:
    """A canonical column of a service's lake.

    Attributes:
        name: its name in the lake.
        type: its DuckDB type in the lake.
        aliases: further names, lower case, in order of preference; the first non-empty value wins.
        required: a file without it cannot be used.
        essential: a row whose value cannot be read is unparseable; other values are null then, and the row says so.
        located_by: longitude and latitude, from which ingest gets the value where a file has these and not the column.
        text_codes: what the lake has for each text that some files have instead of a code, in lower case.
        parts: lake columns that it is the sum of, where files do not give it; empty for every column that they give.
    """

    name: str
    type: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    essential: bool = False
    located_by: tuple[str, ...] = ()
    text_codes: tuple[tuple[str, str], ...] = ()
    parts: tuple[str, ...] = ()


LINEAGE = (
    Column("trip_id", "bigint"),
    Column("service_type", TEXT),
    Column("file_month", "date"),
    Column("source_row", "bigint"),
    Column("source_file", TEXT),
    Column("ingested_at", TIME),
    Column("raw_line", TEXT),
    Column("unreadable_fields", TEXT),
)
"""Stamped by ingest on every row of every service.

``raw_line`` is null unless the row is unparseable. ``unreadable_fields`` names the columns whose value could
not be read, with commas between them; it is null on nearly every row.
"""


@cache
def columns_of(service: Service) -> tuple[Column, ...]:
    """The canonical columns of a service's files, in order, as ``trip_columns`` of ``dbt_project.yml`` states them."""
    stated = trip_columns_of(service)
    parts = {
        name: _parts(stated, service)
        for name, column in stated.items()
        if service.value in column.get("added_up_for", ())
    }
    essential = {name for names in parts.values() for name in names}
    codes = read_seed("text_codes")
    return tuple(
        Column(
            name=names[0],
            type=_TYPES[column["kind"]],
            aliases=tuple(names[1:]),
            required=_holds(column, "required", service),
            essential=_holds(column, "essential", service) or names[0] in essential,
            located_by=tuple(
                stated[place][service.value][0]
                for place in column.get("located_by", ())
                if place in stated
            ),
            text_codes=tuple(
                (row["file_text"], row["code"]) for row in codes if row["trip_column"] == name
            ),
            parts=parts.get(name, ()),
        )
        for name, column in stated.items()
        for names in [column[service.value]]
    )


@cache
def trip_columns_of(service: Service) -> dict[str, dict[str, Any]]:
    """The definitions of a service's columns, by the names that they have from staging on."""
    return {
        name: column
        for name, column in read_variables()["trip_columns"].items()
        if service.value in column
    }


def _parts(stated: Mapping[str, Mapping[str, Any]], service: Service) -> tuple[str, ...]:
    """The lake columns of the amounts that make up a total which a service's files do not give."""
    return tuple(
        column[service.value][0]
        for column in stated.values()
        if column["kind"] == "money" and not {"added_up_for", "outside_total"} & set(column)
    )


def _holds(column: Mapping[str, Any], key: str, service: Service) -> bool:
    """Whether a column has an attribute for a service: for all of them, or for those listed."""
    value = column.get(key, False)
    return service.value in value if isinstance(value, list) else bool(value)
