"""The services, and the canonical columns of their files.

Lake columns carry TLC's Parquet names in lower case, so that no engine needs quotes.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

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

    @property
    def label(self) -> str:
        """The value of ``service_type`` in every table."""
        return {"yellow": "Yellow", "green": "Green", "fhv": "FHV"}[self.value]

    @classmethod
    def of_label(cls, label: str) -> "Service":
        """The service that tables call by this label.

        Raises:
            KeyError: none is called so.
        """
        return {service.label: service for service in cls}[label]

    @property
    def code(self) -> int:
        """The leading digit of ``trip_id``; 4 is kept for HVFHV."""
        return {"yellow": 1, "green": 2, "fhv": 3}[self.value]


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
    """

    name: str
    type: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    essential: bool = False
    located_by: tuple[str, ...] = ()
    text_codes: tuple[tuple[str, str], ...] = ()


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
    columns = read_variables()["trip_columns"]
    codes = read_seed("text_codes")
    return tuple(
        Column(
            name=names[0],
            type=_TYPES[column["kind"]],
            aliases=tuple(names[1:]),
            required=column.get("required", False),
            essential=column.get("essential", False),
            located_by=tuple(
                columns[place][service.value][0]
                for place in column.get("located_by", ())
                if service.value in columns[place]
            ),
            text_codes=tuple(
                (row["file_text"], row["code"]) for row in codes if row["trip_column"] == name
            ),
        )
        for name, column in columns.items()
        if (names := column.get(service.value))
    )
