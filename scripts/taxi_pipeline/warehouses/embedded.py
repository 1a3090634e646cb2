"""The DuckDB warehouse of target ``dev``, opened to be read."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import duckdb

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import open_storage, quote_literal
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses.base import BATCH_ROWS, Answer, not_a_query, schemas_of

if TYPE_CHECKING:
    import pyarrow as pa

_QUERIES = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])


_SIMILAR = re.compile(r'Did you mean "(?:\w+\.)*((?:dim|fact|mart|rejected|rpt)_\w+)"')
"""DuckDB's guess at a table, where it is one of those that are for readers."""

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_DAMAGE = re.compile(r"not a valid DuckDB database|corrupt|checksum", re.IGNORECASE)


class EmbeddedReader:
    """Answers queries on the DuckDB file that dbt has built.

    Args:
        connection: open on it.
        path: the file.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.engine = "duckdb"
        self._connection = connection
        self._path = path

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return f"DuckDB {self._path}"

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query."""
        return self._run(sql).fetchall()

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query, by column name."""
        result = self._run(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def holds(self, schema: str, table: str) -> bool:
        """Whether a table is there."""
        found = self.query(
            f"select 1 from duckdb_tables() where schema_name = {quote_literal(schema)}"
            f" and table_name = {quote_literal(table)}"
        )
        return bool(found)

    def write(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction."""
        try:
            self._connection.begin()
            for statement in statements:
                self._connection.execute(statement)
            self._connection.commit()
        except duckdb.Error as error:
            raise _fault(self._path, error) from error

    def answer(self, sql: str, limit: int | None) -> Answer:
        """Answer a query; the file is open to be read only, and statements that write files are refused."""
        try:
            statements = self._connection.extract_statements(sql)
            if [statement.type for statement in statements] not in _QUERIES:
                raise not_a_query(self.name)
            result = self._run(sql)
            names = tuple(column[0] for column in result.description or ())
            return Answer(names, result.fetchall() if limit is None else result.fetchmany(limit))
        except duckdb.Error as error:
            raise TaxiError(
                self.name, " ".join(str(error).split())[:500].rstrip("."), "correct the query"
            ) from error

    def batches(self, sql: str, schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
        """Rows of a query, some thousands at a time."""
        for batch in self._run(sql).to_arrow_reader(BATCH_ROWS):
            yield batch.cast(schema)

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            reason, *more = (line.rstrip(".!") for line in str(error).splitlines())
            meant = _SIMILAR.search(" ".join(more))
            remedy = (
                "correct the query; `describe TABLE` lists the columns"
                if "does not exist" not in reason
                else f"correct the name; there is {meant[1]}"
                if meant
                else "build it first: `taxi build`"
            )
            raise TaxiError(self.name, reason, remedy) from error
        except duckdb.IOException as error:  # staging models are views on the lake
            raise TaxiError(
                self.name,
                str(error).splitlines()[0].rstrip("."),
                "TAXI_DATA_DIR must hold the lake that the warehouse was built from",
            ) from error


@contextmanager
def open_embedded(
    settings: Settings, schema: str = "nyc_taxi", *, may_write: bool = False
) -> Iterator[EmbeddedReader]:
    """Open the DuckDB warehouse, to read unless told otherwise, and close it at the end.

    Args:
        settings: where the file is.
        schema: the target's own, in which names are looked for.
        may_write: open it to write; the next build then starts dbt, unless it is remembered after that.

    Raises:
        TaxiError: it has not been built yet, cannot be opened, or another process writes to it.
    """
    require_built(settings)
    path = settings.warehouse_path
    # Views on the lake name it by a path relative to the project, as dbt does.
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.temp_dir),
        "file_search_path": str(settings.project_dir),
    }
    try:
        connection = duckdb.connect(str(path), read_only=not may_write, config=config)
    except duckdb.Error as error:
        raise _fault(path, error) from error
    with connection:
        open_storage(settings.lake_url, settings.data_dir).connect(connection)
        search_schemas(connection, schema)
        yield EmbeddedReader(connection, path)


def require_built(settings: Settings) -> None:
    """Find out whether there is a DuckDB warehouse.

    Raises:
        TaxiError: there is none yet.
    """
    path = settings.warehouse_path
    if not path.exists():
        raise TaxiError(str(path), "there is no warehouse yet", "run `taxi run` first")


def require_free(settings: Settings) -> None:
    """Find out whether the warehouse can be written, before a long command does anything.

    Raises:
        TaxiError: another program has it open, or it cannot be opened.
    """
    path = settings.warehouse_path
    if not path.exists():
        return
    if not os.access(path.parent, os.W_OK):  # DuckDB would find out at its first commit
        raise TaxiError(
            str(path.parent),
            "the data folder cannot be written: Permission denied",
            "check its permissions, or set TAXI_DATA_DIR to another folder",
        )
    try:
        duckdb.connect(str(path), config={"memory_limit": settings.memory_limit}).close()
    except duckdb.Error as error:
        raise _fault(path, error) from error


def _fault(path: Path, error: duckdb.Error) -> TaxiError:
    """Why DuckDB cannot open a file, and the way out; only a file that is no database is to be deleted."""
    text = " ".join(str(error).split())
    if holder := _HOLDER.search(text):
        return TaxiError(
            str(path),
            f"process {holder['pid']} ({PurePath(holder['program']).name}) has it open, "
            "and DuckDB allows no other connection while one can write",
            "close the connection in that program, then run it again",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return TaxiError(
            str(path),
            "opening it takes more memory than allowed",
            "raise TAXI_MEMORY_LIMIT, such as TAXI_MEMORY_LIMIT=2GB",
        )
    if isinstance(error, duckdb.SerializationException) or _DAMAGE.search(text):
        return TaxiError(
            str(path),
            f"it is not a DuckDB database, or it is damaged ({text[:200]})",
            "delete it and run `taxi build --full-refresh`, which rebuilds it from the lake",
        )
    return TaxiError(
        str(path), f"DuckDB cannot open it ({text[:200]})", "check the file and its folder"
    )


def search_schemas(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Let a connection find names in the target's schemas, then where an older version or profile has put them."""
    there = {
        name
        for (name,) in connection.execute("select schema_name from duckdb_schemas()").fetchall()
    }
    wanted = dict.fromkeys((*schemas_of(schema), *schemas_of("main")))
    names = [name for name in wanted if name in there]
    # As a literal: for the value of a parameter DuckDB imports pandas, which takes 0.3 s.
    connection.execute(f"set search_path = {quote_literal(','.join(names))}")
