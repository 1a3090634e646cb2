"""Postgres: partitions go in by binary COPY, one file in one transaction.

A file's rows are a partition of its service's table. A new version is written as a table of its own and
takes the old one's place when it is complete; a connection that breaks leaves the old version standing.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.rows import dict_row

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import canonical_columns, quote_identifier, quote_literal
from taxi_pipeline.schemas import Column, Service
from taxi_pipeline.warehouses.base import (
    BATCH_ROWS,
    MANIFEST,
    RECORD_TABLES,
    Advance,
    FileKey,
    Partition,
    arrow_schema,
    raw_schema,
)

_WORKERS = 2

_GO_ON = "run it again: it goes on where this one stopped, and the old rows are as they were"
_REMEDIES = (
    ("closed the connection", _GO_ON),
    ("terminating connection", _GO_ON),
    ("password", "check DBT_PG_USER and DBT_ENV_SECRET_PG_PASSWORD"),
    ("role", "check DBT_PG_USER; README says which rights the role needs"),
    ("relation", "build it first: `taxi build --target ...`"),
    ("column", "build it again: `taxi build --target ... --full-refresh`"),
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
    options = {
        "host": credentials.host,
        "port": credentials.port,
        "user": credentials.user,
        "password": credentials.password,
        "dbname": credentials.database,
        "connect_timeout": credentials.connect_timeout,
        "sslmode": credentials.sslmode,
        "sslcert": credentials.sslcert,
        "sslkey": credentials.sslkey,
        "sslrootcert": credentials.sslrootcert,
        "application_name": "taxi load",
    }
    given = {key: value for key, value in options.items() if value}
    with _faults_named(name), ExitStack() as stack:
        # One COPY keeps one core of the server busy and half of one here.
        connections = [
            stack.enter_context(psycopg.connect(**given, autocommit=True)) for _ in range(_WORKERS)
        ]
        yield PostgresWarehouse(name, connections, credentials.schema)


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        reason = _reason(error)
        remedy = next((text for sign, text in _REMEDIES if sign in reason.lower()), _GO_ON)
        raise TaxiError(name, reason, remedy) from error


def _reason(error: psycopg.Error) -> str:
    """The server's own words in one line, without the driver's preamble."""
    text = " ".join(str(error).split())
    for marker in ("FATAL:", "ERROR:", "failed:"):
        text = text.split(marker, 1)[-1]
    return text.split(" LINE 1")[0].strip(" .") or type(error).__name__


def column_type(column: Column) -> str:
    """The Postgres type of a canonical column."""
    return {"varchar": "text"}.get(column.type, column.type)


class PostgresWarehouse:
    """The raw schema of a Postgres database.

    Args:
        name: what to call it in a message.
        connections: open connections that commit each statement; as many files go over at a time.
        schema: the target's own schema, for queries.
    """

    def __init__(self, name: str, connections: Sequence[psycopg.Connection], schema: str) -> None:
        self._name = name
        self._free: SimpleQueue[psycopg.Connection] = SimpleQueue()
        for connection in connections:
            self._free.put(connection)
        self.engine = "postgres"
        self.workers = len(connections)
        self._schema = schema
        self._raw = quote_identifier(raw_schema())

    @property
    def name(self) -> str:
        """Kind and address."""
        return self._name

    def prepare(self) -> None:
        """Create the raw schema, a table per service partitioned by month, and the record tables."""
        statements = [f"create schema if not exists {self._raw}"]
        statements += [
            f"create table if not exists {self._raw}.{service} ({_definitions(canonical_columns(service))})"
            " partition by list (file_month)"
            for service in Service
        ]
        statements += [
            f"create table if not exists {self._raw}.{table.name} ({_definitions(table.columns)})"
            for table in RECORD_TABLES
        ]
        with self._transaction() as connection:
            _execute(connection, statements)

    def loaded(self) -> dict[FileKey, str]:
        """The load_id of every file that is there."""
        manifest = f"{self._raw}.{MANIFEST.name}"
        sql = f"select service_type, file_month::text, load_id from {manifest} where superseded_at is null"
        with self._transaction() as connection:
            rows = connection.execute(_as_sql(sql)).fetchall()
        return {(service, month): load_id for service, month, load_id in rows}

    def replace(self, partition: Partition, advance: Advance) -> None:
        """Swap a file's partition and its records, in one transaction."""
        part = f"{partition.service}_{partition.month:%Y_%m}"
        old = f"{self._raw}.{quote_identifier(part)}"
        with self._transaction() as connection:
            if partition.path is None:
                _execute(connection, [f"drop table if exists {old}"])
            else:
                new = f"{self._raw}.{quote_identifier(part + '_new')}"
                month = f"date {quote_literal(partition.month.isoformat())}"
                # Not `like` the parent: its lock would make two loads wait for each other for ever. With the
                # check the partition is attached without being read again.
                _execute(
                    connection,
                    [
                        f"create table {new} ({_definitions(canonical_columns(partition.service))},"
                        f" constraint only_its_month check (file_month is not null and file_month = {month}))",
                    ],
                )
                _copy(connection, new, partition, partition.path, advance)
                _execute(
                    connection,
                    [
                        f"drop table if exists {old}",
                        f"alter table {new} rename to {quote_identifier(part)}",
                        f"alter table {self._raw}.{partition.service} attach partition {old} for values in ({month})",
                        f"alter table {old} drop constraint only_its_month",
                    ],
                )
            _execute(connection, self._record_statements(partition))

    def finish(self) -> None:
        """Refresh what the planner knows: a partitioned table is never analyzed by the server itself."""
        with self._transaction() as connection:
            # Staging only asks for whole months, so a small sample says enough.
            statements = ["set local default_statistics_target = 10"]
            statements += [f"analyze {self._raw}.{service}" for service in Service]
            _execute(connection, statements)

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query in the target's own schema."""
        with self._transaction() as connection:
            _execute(connection, [f"set local search_path to {quote_identifier(self._schema)}"])
            return connection.execute(_as_sql(sql)).fetchall()

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query in the target's own schema, by column name."""
        with self._transaction() as connection:
            _execute(connection, [f"set local search_path to {quote_identifier(self._schema)}"])
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(_as_sql(sql)).fetchall()

    def batches(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows of a query as the server's COPY streams them, some megabytes at a time."""
        parse = pc.ParseOptions(newlines_in_values=True)
        convert = pc.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        )
        with self._transaction() as connection, connection.cursor() as cursor:
            _execute(connection, [f"set local search_path to {quote_identifier(self._schema)}"])
            with cursor.copy(_as_sql(f"copy ({sql}) to stdout (format csv, header)")) as copy:
                yield from pc.open_csv(
                    _CopiedStream(copy), parse_options=parse, convert_options=convert
                )

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        connection = self._free.get()
        try:
            with _faults_named(self._name), connection.transaction():
                yield connection
        finally:
            self._free.put(connection)

    def _record_statements(self, partition: Partition) -> Iterator[str]:
        service, month = partition.key
        for table in RECORD_TABLES:
            name = f"{self._raw}.{table.name}"
            yield (
                f"delete from {name} where service_type = {quote_literal(service)}"
                f" and file_month = {quote_literal(month)}"
            )
            rows = [
                f"({', '.join(_literal(row[column.name], column_type(column)) for column in table.columns)})"
                for row in partition.records[table]
            ]
            if rows:
                yield f"insert into {name} values {', '.join(rows)}"


def _copy(
    connection: psycopg.Connection, table: str, partition: Partition, path: Path, advance: Advance
) -> None:
    schema = arrow_schema(partition.service)
    encoder = ArrowToPostgresBinaryEncoder(schema)
    with (
        connection.cursor() as cursor,
        cursor.copy(_as_sql(f"copy {table} from stdin with (format binary)")) as copy,
        pq.ParquetFile(path) as file,
    ):
        copy.write(encoder.write_header())
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            # The encoder takes a column's bits as they are: another type of the same width would be another number.
            copy.write(encoder.write_batch(batch.cast(schema)))
            advance(batch.num_rows)
        copy.write(encoder.finish())


class _CopiedStream(io.RawIOBase):
    """What COPY gives, as a file."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._blocks = iter(copy)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        block, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)


def _execute(connection: psycopg.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.execute(_as_sql(statement))


def _as_sql(text: str) -> bytes:
    """A statement as the driver takes it; names and values in it went through ``quote_*``."""
    return text.encode()


def _definitions(columns: Sequence[Column]) -> str:
    return ", ".join(f"{quote_identifier(column.name)} {column_type(column)}" for column in columns)


def _literal(value: Any, type_: str) -> str:
    return "null" if value is None else f"cast({quote_literal(str(value))} as {type_})"
