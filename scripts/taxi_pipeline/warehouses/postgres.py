"""Postgres: partitions go in by binary COPY, through Arrow's own driver, one file in one transaction.

A file's rows are a partition of its service's table. A new version is written as a table of its own and
takes the old one's place when it is complete; a connection that breaks leaves the old version standing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_manager import Error as DriverError
from adbc_driver_postgresql import dbapi

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import canonical_columns, quote_identifier, quote_literal
from taxi_pipeline.schemas import Column, Service
from taxi_pipeline.warehouses.base import (
    MANIFEST,
    MANIFEST_COLUMNS,
    Advance,
    FileKey,
    Partition,
    arrow_schema,
    manifest_row,
    raw_schema,
)

_BATCH_ROWS = 1 << 17

_GO_ON = "run it again: it goes on where this one stopped, and the old rows are as they were"
_REMEDIES = (
    ("closed the connection", _GO_ON),
    ("terminating connection", _GO_ON),
    ("password", "check DBT_PG_USER and DBT_ENV_SECRET_PG_PASSWORD"),
    ("role", "check DBT_PG_USER; README says which rights the role needs"),
    ("does not exist", "create it, or check DBT_PG_DATABASE"),
    ("permission denied", "README says which rights the role needs"),
    ("extend file", "free some space on the server; the next load goes on where this one stopped"),
    ("space left", "free some space on the server; the next load goes on where this one stopped"),
    ("connect", "check DBT_PG_HOST and DBT_PG_PORT, and whether the server runs"),
)


@contextmanager
def connect_postgres(credentials: Any) -> Iterator["PostgresWarehouse"]:
    """Connect with the credentials of a dbt target.

    Raises:
        TaxiError: the server cannot be reached or refuses.
    """
    name = f"Postgres {credentials.host}:{credentials.port}/{credentials.database}"
    with _faults_named(name):
        connection = dbapi.connect(connection_uri(credentials))
    try:
        yield PostgresWarehouse(name, connection, credentials.schema)
    finally:
        with suppress(DriverError):  # the server may have closed it already
            connection.close()


def connection_uri(credentials: Any) -> str:
    """The libpq address of a dbt target."""
    options = {
        "connect_timeout": credentials.connect_timeout,
        "sslmode": credentials.sslmode,
        "sslcert": credentials.sslcert,
        "sslkey": credentials.sslkey,
        "sslrootcert": credentials.sslrootcert,
        "application_name": "taxi load",
    }
    given = urlencode({key: value for key, value in options.items() if value})
    user, password = quote(credentials.user, safe=""), quote(credentials.password, safe="")
    host = quote(credentials.host, safe="")
    return f"postgresql://{user}:{password}@{host}:{credentials.port}/{quote(credentials.database, safe='')}?{given}"


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    try:
        yield
    except DriverError as error:
        reason = _reason(error)
        remedy = next((text for sign, text in _REMEDIES if sign in reason.lower()), _GO_ON)
        raise TaxiError(name, reason, remedy) from error


def _reason(error: DriverError) -> str:
    """The server's own words in one line, without the driver's preamble."""
    text = " ".join(str(error).split())
    for marker in ("FATAL:", "ERROR:", "failed:"):
        if marker in text:
            text = text.split(marker, 1)[1]
    return text.split(" SQLSTATE")[0].split(" LINE 1")[0].strip(" .") or type(error).__name__


def column_type(column: Column) -> str:
    """The Postgres type of a canonical column."""
    return {"varchar": "text"}.get(column.type, column.type)


class PostgresWarehouse:
    """The raw schema of a Postgres database.

    Args:
        name: what to call it in a message.
        connection: an open connection, in a transaction at all times.
        schema: the target's own schema, for queries.
    """

    def __init__(self, name: str, connection: dbapi.Connection, schema: str) -> None:
        self._name = name
        self._connection = connection
        self._schema = schema
        self._raw = quote_identifier(raw_schema())

    @property
    def name(self) -> str:
        """Kind and address."""
        return self._name

    def prepare(self) -> None:
        """Create the raw schema, a table per service partitioned by month, and the manifest."""
        statements = [f"create schema if not exists {self._raw}"]
        statements += [
            f"create table if not exists {self._raw}.{service} ({_definitions(canonical_columns(service))})"
            " partition by list (file_month)"
            for service in Service
        ]
        statements.append(
            f"create table if not exists {self._raw}.{MANIFEST} ({_definitions(MANIFEST_COLUMNS)})"
        )
        with _faults_named(self._name):
            self._execute(statements)
            self._connection.commit()

    def loaded(self) -> dict[FileKey, str]:
        """The load_id of every file that is there."""
        rows = self._fetch(
            f"select service_type, file_month::text, load_id from {self._raw}.{MANIFEST} where superseded_at is null"
        )
        return {(service, month): load_id for service, month, load_id in rows}

    def replace(self, partition: Partition, advance: Advance) -> None:
        """Swap a file's partition and its manifest entries, in one transaction."""
        part = f"{partition.service}_{partition.month:%Y_%m}"
        target = f"{self._raw}.{quote_identifier(part)}"
        with _faults_named(self._name):
            try:
                if partition.path is None:
                    self._execute([f"drop table if exists {target}"])
                else:
                    self._copy(partition, part, advance)
                self._execute(self._manifest_statements(partition))
                self._connection.commit()
            except BaseException:
                with suppress(DriverError):
                    self._connection.rollback()
                raise

    def finish(self) -> None:
        """Refresh what the planner knows: a partitioned table is never analyzed by the server itself."""
        with _faults_named(self._name):
            self._execute([f"analyze {self._raw}.{service}" for service in Service])
            self._connection.commit()

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query in the target's own schema."""
        with _faults_named(self._name):
            self._execute([f"set local search_path to {quote_identifier(self._schema)}"])
        return self._fetch(sql)

    def _copy(self, partition: Partition, part: str, advance: Advance) -> None:
        new = f"{part}_new"
        qualified_new, qualified = (
            f"{self._raw}.{quote_identifier(new)}",
            f"{self._raw}.{quote_identifier(part)}",
        )
        month = f"date {quote_literal(partition.month.isoformat())}"
        self._execute(
            [
                f"drop table if exists {qualified_new}",
                # With the check the partition is attached without being read again.
                f"create table {qualified_new} (like {self._raw}.{partition.service},"
                f" constraint only_its_month check (file_month is not null and file_month = {month}))",
            ]
        )
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(
                new, _reader(partition, advance), mode="append", db_schema_name=raw_schema()
            )
        self._execute(
            [
                f"drop table if exists {qualified}",
                f"alter table {qualified_new} rename to {quote_identifier(part)}",
                f"alter table {self._raw}.{partition.service} attach partition {qualified} for values in ({month})",
                f"alter table {qualified} drop constraint only_its_month",
            ]
        )

    def _manifest_statements(self, partition: Partition) -> list[str]:
        service, month = partition.key
        statements = [
            f"delete from {self._raw}.{MANIFEST} where service_type = {quote_literal(service)}"
            f" and file_month = {quote_literal(month)}"
        ]
        for entry in partition.versions:
            row = manifest_row(entry)
            values = (
                _literal(row[column.name], column_type(column)) for column in MANIFEST_COLUMNS
            )
            statements.append(f"insert into {self._raw}.{MANIFEST} values ({', '.join(values)})")
        return statements

    def _execute(self, statements: Sequence[str]) -> None:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with _faults_named(self._name), self._connection.cursor() as cursor:
            try:
                cursor.execute(sql)
                return list(cursor.fetchall())
            finally:
                with suppress(DriverError):
                    self._connection.rollback()


def _definitions(columns: Sequence[Column]) -> str:
    return ", ".join(f"{quote_identifier(column.name)} {column_type(column)}" for column in columns)


def _literal(value: Any, type_: str) -> str:
    return "null" if value is None else f"cast({quote_literal(str(value))} as {type_})"


def _reader(partition: Partition, advance: Advance) -> pa.RecordBatchReader:
    """Read a partition batch by batch in the one schema; the driver would copy other types as raw bits."""
    schema = arrow_schema(partition.service)

    def batches() -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(partition.path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                yield batch.cast(schema)
                advance(batch.num_rows)

    return pa.RecordBatchReader.from_batches(schema, batches())
