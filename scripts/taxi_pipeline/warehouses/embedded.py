"""The DuckDB warehouse of target ``dev``, opened to be read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses.base import BATCH_ROWS


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

    def batches(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows of a query, some thousands at a time."""
        for batch in self._run(sql).to_arrow_reader(BATCH_ROWS):
            yield batch.cast(schema)

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise TaxiError(
                self.name, str(error).splitlines()[0].rstrip("."), "build it first: `taxi build`"
            ) from error
        except duckdb.IOException as error:  # staging models are views on the lake
            raise TaxiError(
                self.name,
                str(error).splitlines()[0].rstrip("."),
                "TAXI_DATA_DIR must hold the lake that the warehouse was built from",
            ) from error


@contextmanager
def open_embedded(settings: Settings) -> Iterator[EmbeddedReader]:
    """Open the DuckDB warehouse to read, and close it at the end.

    Raises:
        TaxiError: it has not been built yet, cannot be opened, or another process writes to it.
    """
    path = settings.warehouse_path
    if not path.exists():
        raise TaxiError(str(path), "there is no warehouse yet", "run `taxi run` first")
    # Views on the lake name it by a path relative to the project, as dbt does.
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.temp_dir),
        "file_search_path": str(settings.project_dir),
    }
    try:
        connection = duckdb.connect(str(path), read_only=True, config=config)
    except duckdb.Error as error:
        detail = str(error).splitlines()[0].rstrip(".")
        if "Could not set lock" in detail:
            raise TaxiError(
                str(path), "another process is writing to it", "wait for it to end, and try again"
            ) from error
        raise TaxiError(
            str(path), f"DuckDB cannot open it ({detail})", "delete it and run `taxi build`"
        ) from error
    with connection:
        yield EmbeddedReader(connection, path)
