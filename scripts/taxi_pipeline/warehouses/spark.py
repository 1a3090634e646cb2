"""Spark, which reads the lake in place.

A session in this process, or Spark Connect where ``SPARK_REMOTE`` names a server.
"""

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.warehouses.base import BATCH_ROWS, Answer, not_a_query, with_internal_schema

_T = TypeVar("_T")
_QUERY = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:select|with|from|values|show|describe|desc|explain)\b", re.IGNORECASE
)
_WRITES = re.compile(r"\b(insert|merge|update|delete|create|drop|alter|truncate)\b", re.IGNORECASE)
_REMEDIES = (
    ("TABLE_OR_VIEW_NOT_FOUND", "build it first: `taxi build --target ...`"),
    ("SCHEMA_NOT_FOUND", "build it first: `taxi build --target ...`"),
    ("UNRESOLVED_COLUMN", "correct the query; `describe TABLE` lists the columns"),
    ("PARSE_SYNTAX_ERROR", "correct the query"),
    (
        "PATH_NOT_FOUND",
        "TAXI_DATA_DIR or TAXI_LAKE_URL must name the lake as Spark's own machines see it",
    ),
    ("UNAVAILABLE", "check SPARK_REMOTE, and whether the Connect server runs"),
    ("JAVA", "install Java 17, or set SPARK_REMOTE to a Connect server"),
)


# What a query or a node failed of is said once, by who asked. Before each statement dbt-spark asks for Hive's catalog,
# and a server warns that it is fixed.
for _logger in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
    PySparkLogger.getLogger(_logger).setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pyspark\.")


@contextmanager
def connect_spark(credentials: Any) -> Iterator["SparkWarehouse"]:
    """Open a session with the settings of a dbt target; a server's session is closed at the end.

    Args:
        credentials: of the target, with ``schema`` and ``server_side_parameters``.

    Raises:
        TaxiError: there is no Java here, or the server cannot be reached.
    """
    remote = os.environ.get("SPARK_REMOTE", "")
    # Without what may stand behind it: sc://host:port/;token=...
    name = f"Spark {remote.split('/;')[0]}" if remote else "Spark in this process"
    with warnings.catch_warnings(), _faults_named(name):
        warnings.simplefilter("ignore")
        builder = SparkSession.builder if remote else SparkSession.builder.enableHiveSupport()
        for key, value in (credentials.server_side_parameters or {}).items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        yield SparkWarehouse(name, session, credentials.schema)


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    try:
        yield
    except PySparkException as error:
        reason = " ".join(str(error).split("\n\nJVM stacktrace")[0].split())[:500]
        reason = re.sub(r"^\[[\w.]+\] ", "", reason).split(" SQLSTATE")[0].rstrip(".; ")
        raise TaxiError(name, reason, _remedy(str(error))) from error


def _remedy(text: str) -> str:
    return next((remedy for sign, remedy in _REMEDIES if sign in text.upper()), "see docs/spark.md")


class SparkWarehouse:
    """Answers queries on the tables that dbt has built, and writes records of runs.

    Args:
        name: what to call it in a message.
        session: open.
        schema: the target's own.
    """

    def __init__(self, name: str, session: SparkSession, schema: str) -> None:
        self.engine = "spark"
        self._name = name
        self._session = session
        self._schema = schema

    @property
    def name(self) -> str:
        """Kind and address."""
        return self._name

    def check(self) -> None:
        """Ask for the version: recursive queries came with 4.1.

        Raises:
            TaxiError: it is older.
        """
        [(version,)] = self._faulty(lambda: self._session.sql("select version()").collect())
        numbers = tuple(int(part) for part in re.findall(r"\d+", version.split()[0])[:2])
        if numbers < (4, 1):
            raise TaxiError(
                self._name,
                f"it is Spark {version.split()[0]}, which knows no recursive query",
                "use Spark 4.1 or newer",
            )

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query in the target's own schemas."""
        return self._faulty(lambda: [tuple(row) for row in self._frame(sql).collect()])

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query in the target's own schemas, by column name."""
        return self._faulty(lambda: [row.asDict() for row in self._frame(sql).collect()])

    def holds(self, schema: str, table: str) -> bool:
        """Whether a table is there."""
        return self._faulty(lambda: self._session.catalog.tableExists(f"{schema}.{table}"))

    def write(self, statements: Sequence[str]) -> None:
        """Run statements one after the other: Spark has no transaction."""
        for statement in statements:
            self._faulty(partial(self._session.sql, statement))

    def answer(self, sql: str, limit: int | None) -> Answer:
        """Answer a query.

        Spark has no connection that can only read, and runs one statement at a time. A statement is refused by its
        first word, and where a word that writes stands outside of texts.
        """
        bare = re.sub(r"'(?:[^'\\]|\\.)*'|`[^`]*`|\"(?:[^\"\\]|\\.)*\"|--[^\n]*", " ", sql)
        if not _QUERY.match(sql) or _WRITES.search(bare):
            raise not_a_query(self._name)
        frame = self._faulty(lambda: self._frame(sql))
        rows = self._faulty((frame if limit is None else frame.limit(limit)).collect)
        return Answer(tuple(frame.columns), [tuple(row) for row in islice(rows, limit)])

    def batches(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows of a query as Arrow; the answer is held in memory."""
        table = self._faulty(lambda: self._frame(sql).toArrow())
        yield from table.cast(schema).to_batches(max_chunksize=BATCH_ROWS)

    def _frame(self, sql: str) -> Any:
        self._session.catalog.setCurrentDatabase(self._schema)
        return self._session.sql(with_internal_schema(sql, self._schema))

    def _faulty(self, ask: Callable[[], _T]) -> _T:
        with warnings.catch_warnings(), _faults_named(self._name):
            warnings.simplefilter("ignore")
            return ask()
