"""What a warehouse has to offer to be loaded from the lake."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from taxi_pipeline.lake import ManifestEntry, canonical_columns
from taxi_pipeline.schemas import Column, Service

FileKey = tuple[str, str]
"""Service type and first day of the month, ISO: what a version is a version of."""

Advance = Callable[[int], None]
"""Told how many more rows have gone over."""

MANIFEST = "manifest"
"""The table beside the trips that holds the manifest's entries of what is loaded."""

MANIFEST_COLUMNS = (
    Column("load_id", "varchar"),
    Column("service_type", "varchar"),
    Column("file_month", "date"),
    Column("source_file", "varchar"),
    Column("source_sha256", "varchar"),
    Column("source_bytes", "bigint"),
    Column("source_format", "varchar"),
    Column("row_count", "bigint"),
    Column("unparseable_count", "bigint"),
    Column("total_amount", "decimal(18, 2)"),
    Column("is_synthetic", "boolean"),
    Column("ingested_at", "timestamp"),
    Column("superseded_at", "timestamp"),
)
"""The columns of the source ``manifest`` in ``models/staging/_sources.yml``."""


@dataclass(frozen=True)
class Partition:
    """One file's rows in the lake, to be brought into a warehouse.

    Attributes:
        service: whose trips.
        month: first day of the month in the file's name.
        path: the Parquet file; None when the file has left the lake.
        rows: how many.
        versions: every manifest entry of the file, oldest first.
    """

    service: Service
    month: date
    path: Path | None
    rows: int
    versions: tuple[ManifestEntry, ...]

    @property
    def key(self) -> FileKey:
        """What the manifest calls the file."""
        return self.service.label, self.month.isoformat()


class Reader(Protocol):
    """What answers a query on the tables that dbt has built, on any target."""

    engine: str
    """dbt's name of the adapter: ``duckdb``, ``postgres`` or ``bigquery``."""

    @property
    def name(self) -> str:
        """What to call it in a message: kind and address, no secret."""

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query in the target's own schema."""

    def select(self, sql: str) -> list[dict[str, Any]]:
        """The same with the names of the columns."""

    def batches(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a query a few thousand at a time, however many there are.

        Args:
            sql: a query whose columns are those of the schema, in its order.
            schema: the types that the rows are wanted in.
        """


BATCH_ROWS = 1 << 15
"""Rows that go over at a time: a few megabytes."""


class Warehouse(Reader, Protocol):
    """A warehouse with a schema of raw tables, one per service and partitioned by month, and a manifest."""

    workers: int
    """How many partitions it takes in at a time, each in a thread of its own."""

    def prepare(self) -> None:
        """Create the raw schema and its tables where they are missing."""

    def loaded(self) -> dict[FileKey, str]:
        """The load_id of every file that is there in full."""

    def replace(self, partition: Partition, advance: Advance) -> None:
        """Put a partition in place of what is there of its file, or take it away: wholly or not at all."""

    def finish(self) -> None:
        """Do what is better done once than after each partition."""


def raw_schema() -> str:
    """The schema or dataset of the raw tables; ``models/staging/_sources.yml`` reads the same variable."""
    return os.environ.get("TAXI_RAW_SCHEMA", "raw")


def arrow_schema(service: Service) -> pa.Schema:
    """The one Arrow schema of a service's partitions; a loader takes no other."""
    return pa.schema([(column.name, arrow_type(column)) for column in canonical_columns(service)])


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a canonical column, or of a column by a mart's contract."""
    if column.type.startswith("decimal"):
        precision, scale = column.type.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "varchar": pa.string(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "datetime": pa.timestamp("us"),
    }[column.type]


def manifest_row(entry: ManifestEntry) -> dict[str, Any]:
    """A manifest entry as a row of the table: its columns by name, text for dates, times and amounts."""
    return {column.name: getattr(entry, column.name) for column in MANIFEST_COLUMNS}
