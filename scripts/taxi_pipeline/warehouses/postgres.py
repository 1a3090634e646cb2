"""Postgres: partitions go in by binary COPY, one file in one transaction.

A file's rows are a partition of its service's table. A new version is written as a table of its own and
takes the old one's place when it is complete; a connection that breaks leaves the old version standing.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg.rows import dict_row

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import LakeFile, canonical_columns, quote_identifier, quote_literal
from taxi_pipeline.schemas import Column, Service
from taxi_pipeline.warehouses.base import (
    BATCH_ROWS,
    MANIFEST,
    RECORD_TABLES,
    STREAM_EVENTS,
    Advance,
    Answer,
    FileKey,
    LoadedFile,
    Partition,
    arrow_schema,
    events_schema,
    not_a_query,
    raw_schema,
    schemas_of,
)

_WORKERS = 2

_GO_ON = "run it again: it goes on where this one stopped, and the old rows are as they were"
_SPACE = "free some space on the server; the next load goes on where this one stopped"
_RIGHTS = "docs/postgres.md says which rights the role needs"
_AUTHORITY = (
    "set DBT_PG_SSLROOTCERT to the file of the authority that signed the server's certificate,"
    " or to `system` where the operating system knows it"
)
_REMEDIES = (
    # How to reach the server, first: these texts contain words of the others.
    ("resolve host", "check the spelling of DBT_PG_HOST and the network"),
    ("translate host name", "check the spelling of DBT_PG_HOST and the network"),
    ("root certificate file", _AUTHORITY),
    ("weak sslmode", "set DBT_PG_SSLMODE=verify-full, which DBT_PG_SSLROOTCERT=system asks for"),
    ("certificate verify failed", _AUTHORITY),
    (
        "does not match host name",
        "set DBT_PG_HOST to the name in the certificate; DBT_PG_SSLMODE=verify-ca leaves the name unchecked",
    ),
    (
        "does not support ssl",
        "turn TLS on at the server; on a network that you trust, set DBT_PG_SSLMODE=prefer",
    ),
    (
        "invalid sslmode",
        "set DBT_PG_SSLMODE to disable, allow, prefer, require, verify-ca or verify-full",
    ),
    ("no encryption", "set DBT_PG_SSLMODE=require: the server takes no connection without TLS"),
    ("pg_hba.conf", "let the server's pg_hba.conf admit this user, database and address"),
    ("timeout expired", "check DBT_PG_HOST, DBT_PG_PORT and the firewall"),
    ("connection slots", "close other connections to the server, or raise its max_connections"),
    ("too many", "close other connections to the server, or raise its max_connections"),
    ("closed the connection", _GO_ON),
    ("terminating connection", _GO_ON),
    ("password", "check DBT_PG_USER and DBT_ENV_SECRET_PG_PASSWORD"),
    ("authentication failed", "check DBT_PG_USER and DBT_ENV_SECRET_PG_PASSWORD"),
    ("role", f"check DBT_PG_USER; {_RIGHTS}"),
    ("other objects depend on it", "drop what the server names, then load again"),
    ("relation", "build it first: `taxi build --target ...`"),
    ("column", "build it again: `taxi build --target ... --full-refresh`"),
    ("does not exist", "create it, or check DBT_PG_DATABASE"),
    ("permission denied", _RIGHTS),
    ("extend file", _SPACE),
    ("space left", _SPACE),
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
            # A transaction pooler gives each transaction another session, without the statements prepared before.
            stack.enter_context(psycopg.connect(**given, autocommit=True, prepare_threshold=None))
            for _ in range(_WORKERS)
        ]
        yield PostgresWarehouse(name, connections, credentials.schema)


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        reason = _reason(str(error)) or type(error).__name__
        raise TaxiError(name, reason, remedy_for(reason)) from error


def remedy_for(reason: str) -> str:
    """The way out of a fault, by the words of the server or of its driver."""
    return next((text for sign, text in _REMEDIES if sign in reason.lower()), _GO_ON)


def _reason(text: str) -> str:
    """The server's own words in one line, without the driver's preamble and advice."""
    text = " ".join(text.split())
    for marker in ("failed:", "is bad:", "FATAL:", "ERROR:"):
        text = text.rsplit(marker, 1)[-1]
    for end in (" LINE 1", " Either provide", " This probably means", " Is the server running"):
        text = text.split(end)[0]
    return text.strip(" .")


def column_type(column: Column) -> str:
    """The Postgres type of a canonical column."""
    return {"varchar": "text", "double": "double precision"}.get(column.type, column.type)


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
        names = ", ".join(quote_identifier(name) for name in schemas_of(schema))
        self._search_path = f"set local search_path to {names}"
        self._raw = quote_identifier(raw_schema())

    @property
    def name(self) -> str:
        """Kind and address."""
        return self._name

    def check(self) -> None:
        """Nothing beyond the connection, which stands."""

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
            for table in (*RECORD_TABLES, STREAM_EVENTS)
        ]
        with self._transaction() as connection:
            _execute(connection, statements)
            _execute(connection, self._missing_columns(connection))

    def is_prepared(self) -> bool:
        """Whether the manifest is there."""
        with self._transaction() as connection:
            manifest = f"{self._raw}.{MANIFEST.name}"
            row = connection.execute("select to_regclass(%s) is not null", [manifest]).fetchone()
        return row is not None and bool(row[0])

    def _missing_columns(self, connection: psycopg.Connection) -> list[str]:
        """The statements that add the columns which an earlier version of this project did not load."""
        sql = (
            "select table_name, column_name from information_schema.columns where table_schema = %s"
        )
        present = set(connection.execute(sql, [raw_schema()]).fetchall())
        wanted = {service.value: canonical_columns(service) for service in Service} | {
            table.name: table.columns for table in (*RECORD_TABLES, STREAM_EVENTS)
        }
        return [
            f"alter table {self._raw}.{table} add column {_definitions([column])}"
            for table, columns in wanted.items()
            for column in columns
            if (table, column.name) not in present
        ]

    def loaded(self) -> dict[FileKey, LoadedFile]:
        """Every file that is there."""
        sql = (
            "select service_type, file_month::text, load_id, row_count, is_synthetic"
            f" from {self._raw}.{MANIFEST.name} where superseded_at is null"
        )
        with self._transaction() as connection:
            rows = connection.execute(_as_sql(sql)).fetchall()
        return {(service, month): LoadedFile(*rest) for service, month, *rest in rows}

    def replace(self, partition: Partition, advance: Advance) -> None:
        """Swap a file's partition and its records, in one transaction."""
        part = f"{partition.service}_{partition.month:%Y_%m}"
        old = f"{self._raw}.{quote_identifier(part)}"
        with self._transaction() as connection:
            if partition.part is None:
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
                _copy(connection, new, partition, partition.part, advance)
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

    def replace_events(self, tables: Iterator[pa.Table]) -> int:
        """Write the newest events anew, in one transaction."""
        name = f"{self._raw}.{STREAM_EVENTS.name}"
        encoder = ArrowToPostgresBinaryEncoder(events_schema())
        rows = 0
        with self._transaction() as connection:
            _execute(connection, [f"delete from {name}"])
            with (
                connection.cursor() as cursor,
                cursor.copy(_as_sql(f"copy {name} from stdin with (format binary)")) as copy,
            ):
                copy.write(encoder.write_header())
                for table in tables:
                    for batch in table.to_batches(BATCH_ROWS):
                        copy.write(encoder.write_batch(batch))
                        rows += batch.num_rows
                copy.write(encoder.finish())
            _execute(connection, [f"analyze {name}"])
        return rows

    def finish(self) -> None:
        """Refresh what the planner knows: a partitioned table is never analyzed by the server itself."""
        with self._transaction() as connection:
            # Staging only asks for whole months, so a small sample says enough.
            statements = ["set local default_statistics_target = 10"]
            statements += [f"analyze {self._raw}.{service}" for service in Service]
            _execute(connection, statements)

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query in the target's own schemas."""
        with self._transaction() as connection:
            _execute(connection, [self._search_path])
            return connection.execute(_as_sql(sql)).fetchall()

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query in the target's own schemas, by column name."""
        with self._transaction() as connection:
            _execute(connection, [self._search_path])
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(_as_sql(sql)).fetchall()

    def holds(self, schema: str, table: str) -> bool:
        """Whether a table is there."""
        name = f"{quote_identifier(schema)}.{quote_identifier(table)}"
        return bool(self.query(f"select 1 where to_regclass({quote_literal(name)}) is not null"))

    def write(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction."""
        with self._transaction() as connection:
            _execute(connection, statements)

    def answer(self, sql: str, limit: int | None) -> Answer:
        """Answer a query in a transaction that can only read."""
        with self._transaction() as connection:
            _execute(connection, ["set transaction read only", self._search_path])
            # With arguments, even none, the server takes one statement: a `commit;` cannot come before another.
            cursor = psycopg.RawCursor(connection).execute(_as_sql(sql), [], prepare=False)
            if cursor.description is None:
                raise not_a_query(self.name)
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
            return Answer(tuple(column.name for column in cursor.description), rows)

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
            _execute(connection, [self._search_path])
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
    connection: psycopg.Connection,
    table: str,
    partition: Partition,
    part: LakeFile,
    advance: Advance,
) -> None:
    schema = arrow_schema(partition.service)
    encoder = ArrowToPostgresBinaryEncoder(schema)
    with (
        connection.cursor() as cursor,
        cursor.copy(_as_sql(f"copy {table} from stdin with (format binary)")) as copy,
        part.open() as stream,
        pq.ParquetFile(stream) as file,
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
