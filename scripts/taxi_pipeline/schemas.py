"""The canonical columns of each service, and the names under which TLC has published them.

Source of names, eras and types: TLC's data dictionaries of 2025-03-18 and the headers of its files
from 2009 to 2026. Lake columns carry TLC's Parquet names in lower case, so that no engine needs quotes.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

MONEY = "decimal(12, 2)"
MILES = "decimal(12, 3)"
CODE = "integer"
TIME = "timestamp"
TEXT = "varchar"


class Service(StrEnum):
    """A TLC trip service, by the name that its files carry."""

    YELLOW = "yellow"
    GREEN = "green"
    FHV = "fhv"

    @property
    def label(self) -> str:
        """The value of ``service_type`` in every table."""
        return {"yellow": "Yellow", "green": "Green", "fhv": "FHV"}[self.value]

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
    """

    name: str
    type: str
    aliases: tuple[str, ...] = ()
    required: bool = False


LINEAGE = (
    Column("trip_id", "bigint"),
    Column("service_type", TEXT),
    Column("file_month", "date"),
    Column("source_row", "bigint"),
    Column("source_file", TEXT),
    Column("ingested_at", TIME),
    Column("raw_line", TEXT),
)
"""Stamped by ingest on every row of every service. ``raw_line`` is null unless the row is unparseable."""

_METERED_MONEY = (
    Column("fare_amount", MONEY, required=True),
    Column("extra", MONEY),
    Column("mta_tax", MONEY),
    Column("tip_amount", MONEY),
    Column("tolls_amount", MONEY),
    Column("improvement_surcharge", MONEY),
    Column("congestion_surcharge", MONEY),
    Column("cbd_congestion_fee", MONEY),
    Column("total_amount", MONEY, required=True),
)

COLUMNS: dict[Service, tuple[Column, ...]] = {
    Service.YELLOW: (
        Column("vendorid", CODE, required=True),
        Column("tpep_pickup_datetime", TIME, required=True),
        Column("tpep_dropoff_datetime", TIME, required=True),
        Column("passenger_count", CODE),
        Column("trip_distance", MILES),
        Column("ratecodeid", CODE),
        Column("store_and_fwd_flag", TEXT),
        Column("pulocationid", CODE, required=True),
        Column("dolocationid", CODE, required=True),
        Column("payment_type", CODE),
        *_METERED_MONEY,
        Column("airport_fee", MONEY),
        Column("request_source", TEXT),
    ),
    Service.GREEN: (
        Column("vendorid", CODE, required=True),
        Column("lpep_pickup_datetime", TIME, required=True),
        Column("lpep_dropoff_datetime", TIME, required=True),
        Column("store_and_fwd_flag", TEXT),
        Column("ratecodeid", CODE),
        Column("pulocationid", CODE, required=True),
        Column("dolocationid", CODE, required=True),
        Column("passenger_count", CODE),
        Column("trip_distance", MILES),
        Column("payment_type", CODE),
        Column("trip_type", CODE),
        *_METERED_MONEY,
        Column("ehail_fee", MONEY),
        Column("request_source", TEXT),
    ),
    Service.FHV: (
        Column(
            "dispatching_base_num",
            TEXT,
            # Files of 2018 have two base columns; the value is in this one.
            aliases=("dispatching_base_number",),
            required=True,
        ),
        Column("pickup_datetime", TIME, required=True),
        Column("dropoff_datetime", TIME, required=True),
        Column("pulocationid", CODE, required=True),
        Column("dolocationid", CODE, required=True),
        Column("sr_flag", CODE),
        Column("affiliated_base_number", TEXT),
    ),
}

FIRST_ZONE_MONTH: dict[Service, date] = {
    Service.YELLOW: date(2016, 7, 1),
    Service.GREEN: date(2016, 7, 1),
    Service.FHV: date(2017, 1, 1),
}
"""The first month whose file names taxi zones; earlier files carry coordinates or a pickup only."""
