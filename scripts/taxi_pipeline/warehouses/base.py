"""What a warehouse has to offer to be loaded from the lake."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import LakeFile, ManifestEntry, ZoneChange, canonical_columns
from taxi_pipeline.schemas import Column, Service

if TYPE_CHECKING:
    import pyarrow as pa

FileKey = tuple[str, str]
"""Service type and first day of the month, ISO: what a version is a version of."""

Advance = Callable[[int], None]
"""Told how many more rows have gone over."""


@dataclass(frozen=True)
class RecordTable:
    """A small table beside the trips: what the lake has on record of each file.

    Attributes:
        name: the source's name in ``models/staging/_sources.yml``.
        columns: its columns there, which are attributes of the records.
    """

    name: str
    columns: tuple[Column, ...]

    def row(self, record: ManifestEntry | ZoneChange) -> dict[str, Any]:
        """A record as a row of the table: its columns by name, text for dates, times and amounts."""
        return {column.name: getattr(record, column.name) for column in self.columns}


MANIFEST = RecordTable(
    "manifest",
    (
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
        Column("zone_shapes_sha256", "varchar"),
        Column("zone_method", "integer"),
    ),
)

RESTATEMENTS = RecordTable(
    "restatements",
    (
        Column("load_id_before", "varchar"),
        Column("load_id_after", "varchar"),
        Column("service_type", "varchar"),
        Column("file_month", "date"),
        Column("pickup_zone_id", "integer"),
        Column("rows_before", "bigint"),
        Column("rows_after", "bigint"),
        Column("unchanged_count", "bigint"),
        Column("altered_count", "bigint"),
        Column("moved_out_count", "bigint"),
        Column("moved_in_count", "bigint"),
        Column("gone_count", "bigint"),
        Column("added_count", "bigint"),
        Column("total_amount_before", "decimal(18, 2)"),
        Column("total_amount_after", "decimal(18, 2)"),
    ),
)

STREAM_EVENTS = RecordTable(
    "stream_events",
    (
        Column("topic", "varchar"),
        Column("kafka_partition", "integer"),
        Column("kafka_offset", "bigint"),
        Column("event_id", "varchar"),
        Column("event_at", "timestamp"),
        Column("service_type", "varchar"),
        Column("pickup_zone_id", "integer"),
        Column("total_amount", "decimal(12, 2)"),
    ),
)
"""The newest events of a stream, which each load replaces whole."""

RECORD_TABLES = (RESTATEMENTS, MANIFEST)
"""In the order in which they are written; the manifest is last, because it says that a file is there in full."""


@dataclass(frozen=True)
class LoadedFile:
    """A file that a warehouse holds in full.

    Attributes:
        load_id: of its version; empty where the warehouse has lost rows of it.
        rows: how many.
        is_synthetic: it belongs to the sample.
    """

    load_id: str
    rows: int
    is_synthetic: bool


@dataclass(frozen=True)
class Partition:
    """One file's rows in the lake, to be brought into a warehouse.

    Attributes:
        service: whose trips.
        month: first day of the month in the file's name.
        part: the Parquet file; None when the file is to leave the warehouse.
        rows: how many.
        records: the rows that each record table has of the file, oldest first.
    """

    service: Service
    month: date
    part: LakeFile | None
    rows: int
    records: Mapping[RecordTable, Sequence[dict[str, Any]]]

    @property
    def key(self) -> FileKey:
        """What the manifest calls the file."""
        return self.service.label, self.month.isoformat()


@dataclass(frozen=True)
class Answer:
    """The rows of a query, and the names of its columns, which may occur twice."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def first(self, limit: int | None) -> "Answer":
        """The same with the first rows only; None for all."""
        return Answer(self.names, self.rows[:limit])


class Reader(Protocol):
    """What answers a query on the tables that dbt has built, on any target."""

    engine: str
    """dbt's name of the adapter: ``duckdb``, ``postgres``, ``bigquery`` or ``spark``."""

    @property
    def name(self) -> str:
        """What to call it in a message: kind and address, no secret."""

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query; names without a schema are found in the target's own two, by ``schemas_of``."""

    def select(self, sql: str) -> list[dict[str, Any]]:
        """The same with the names of the columns."""

    def holds(self, schema: str, table: str) -> bool:
        """Whether a table is there."""

    def answer(self, sql: str, limit: int | None) -> Answer:
        """Answer a query that somebody has typed; it can change nothing.

        Args:
            sql: one statement.
            limit: at most so many rows; None for all.

        Raises:
            TaxiError: it is no query, or the engine refuses it.
        """

    def batches(self, sql: str, schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
        """The rows of a query a few thousand at a time, however many there are.

        Args:
            sql: a query whose columns are those of the schema, in its order.
            schema: the types that the rows are wanted in.
        """


class Writer(Reader, Protocol):
    """A reader that may also write."""

    def write(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction; on BigQuery one after the other.

        Args:
            statements: names and values in them are quoted.

        Raises:
            TaxiError: the engine refuses one.
        """


def not_a_query(name: str) -> TaxiError:
    """The error for a statement that would change something."""
    return TaxiError(
        name, "the statement is not one query", "write one `select`; nothing can be changed here"
    )


BATCH_ROWS = 1 << 15
"""Rows that go over at a time: a few megabytes."""


class Warehouse(Writer, Protocol):
    """A warehouse with a schema of raw tables, one per service and partitioned by month, and the record tables."""

    workers: int
    """How many partitions it takes in at a time, each in a thread of its own."""

    def check(self) -> None:
        """Look for what would make a build fail late or lose rows; nothing is changed.

        Raises:
            TaxiError: there is such a thing.
        """

    def prepare(self) -> None:
        """Create the raw schema and its tables where they are missing."""

    def is_prepared(self) -> bool:
        """Whether the raw tables are there; nothing is changed."""

    def loaded(self) -> dict[FileKey, LoadedFile]:
        """Every file that is there in full."""

    def replace(self, partition: Partition, advance: Advance) -> None:
        """Put a partition in place of what is there of its file, or take it away: wholly or not at all."""

    def replace_events(self, tables: Iterator["pa.Table"]) -> int:
        """Put the newest events of a stream in place of those that are there: wholly or not at all.

        Args:
            tables: by the columns of ``STREAM_EVENTS``.

        Returns:
            How many there are now.
        """

    def finish(self) -> None:
        """Do what is better done once than after each partition."""


def schemas_of(schema: str) -> tuple[str, str]:
    """The target's schemas in which an unqualified name is looked for: of the marts, and of what they are built from.

    Args:
        schema: the target's own; ``dbt_project.yml`` puts staging and intermediate models into ``<schema>_internal``.
    """
    return schema, f"{schema}_internal"


_INTERNAL = re.compile(
    r"\b(from|join)\s+((?:stg|int)_\w+|file_ledger|node_states)\b", re.IGNORECASE
)


def with_internal_schema(sql: str, schema: str) -> str:
    """A query with the relations of the internal schema as such, for an engine that looks for names in one schema only.

    Args:
        sql: written with names alone.
        schema: the target's own, in which the engine looks.
    """
    _, internal = schemas_of(schema)
    return _INTERNAL.sub(rf"\1 `{internal}`.\2", sql)


def raw_schema() -> str:
    """The schema or dataset of the raw tables; ``models/staging/_sources.yml`` reads the same variable."""
    return os.environ.get("TAXI_RAW_SCHEMA", "raw")


def ops_schema() -> str:
    """The schema or dataset of the records of runs; ``models/staging/_ops.yml`` reads the same variable."""
    return os.environ.get("TAXI_OPS_SCHEMA", "ops")


def arrow_schema(service: Service) -> "pa.Schema":
    """The one Arrow schema of a service's partitions; a loader takes no other."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, which who reads a table need not wait for

    return pa.schema([(column.name, arrow_type(column)) for column in canonical_columns(service)])


def events_schema() -> "pa.Schema":
    """The Arrow schema of the newest events."""
    import pyarrow as pa  # noqa: PLC0415 - as in arrow_schema

    return pa.schema([(column.name, arrow_type(column)) for column in STREAM_EVENTS.columns])


def arrow_type(column: Column) -> "pa.DataType":
    """The Arrow type of a canonical column, or of a column by a mart's contract."""
    import pyarrow as pa  # noqa: PLC0415 - as in arrow_schema

    if column.type.startswith("decimal"):
        precision, scale = column.type.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "double": pa.float64(),
        "varchar": pa.string(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "datetime": pa.timestamp("us"),
        "timestamp_ntz": pa.timestamp("us"),
    }[column.type]
