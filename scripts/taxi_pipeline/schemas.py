"""The canonical columns of each service, and the names under which TLC has published them.

Source of names, eras and types: TLC's data dictionaries of 2025-03-18 and the headers of its files
from 2009 to 2026. Lake columns carry TLC's Parquet names in lower case, so that no engine needs quotes.
"""

from dataclasses import dataclass
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
    """

    name: str
    type: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    essential: bool = False


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

# The names of NYC Open Data and of BigQuery's public copy.
_VENDOR = ("vendor_id",)
_PICKUP, _DROPOFF = ("pickup_datetime",), ("dropoff_datetime",)
_RATE_CODE = ("rate_code", "rate_code_id")
_PICKUP_ZONE, _DROPOFF_ZONE = ("pickup_location_id",), ("dropoff_location_id",)

_METERED_MONEY = (
    Column("fare_amount", MONEY, required=True),
    Column("extra", MONEY),
    Column("mta_tax", MONEY),
    Column("tip_amount", MONEY),
    Column("tolls_amount", MONEY),
    Column("improvement_surcharge", MONEY, aliases=("imp_surcharge",)),
    Column("congestion_surcharge", MONEY),
    Column("cbd_congestion_fee", MONEY),
    Column("total_amount", MONEY, required=True, essential=True),
)

COLUMNS: dict[Service, tuple[Column, ...]] = {
    Service.YELLOW: (
        Column("vendorid", CODE, aliases=_VENDOR, required=True),
        Column("tpep_pickup_datetime", TIME, aliases=_PICKUP, required=True, essential=True),
        Column("tpep_dropoff_datetime", TIME, aliases=_DROPOFF, required=True),
        Column("passenger_count", CODE),
        Column("trip_distance", MILES),
        Column("ratecodeid", CODE, aliases=_RATE_CODE),
        Column("store_and_fwd_flag", TEXT),
        Column("pulocationid", CODE, aliases=_PICKUP_ZONE, required=True),
        Column("dolocationid", CODE, aliases=_DROPOFF_ZONE, required=True),
        Column("payment_type", CODE),
        *_METERED_MONEY,
        Column("airport_fee", MONEY),
        Column("request_source", TEXT),
    ),
    Service.GREEN: (
        Column("vendorid", CODE, aliases=_VENDOR, required=True),
        Column("lpep_pickup_datetime", TIME, aliases=_PICKUP, required=True, essential=True),
        Column("lpep_dropoff_datetime", TIME, aliases=_DROPOFF, required=True),
        Column("store_and_fwd_flag", TEXT),
        Column("ratecodeid", CODE, aliases=_RATE_CODE),
        Column("pulocationid", CODE, aliases=_PICKUP_ZONE, required=True),
        Column("dolocationid", CODE, aliases=_DROPOFF_ZONE, required=True),
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
        # The CSV files of 2015 and 2016 have a pickup only, under these names.
        Column("pickup_datetime", TIME, aliases=("pickup_date",), required=True, essential=True),
        Column("dropoff_datetime", TIME, required=True),
        Column("pulocationid", CODE, aliases=("locationid",), required=True),
        Column("dolocationid", CODE, required=True),
        Column("sr_flag", CODE),
        Column("affiliated_base_number", TEXT),
    ),
}
