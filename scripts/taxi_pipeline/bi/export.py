"""Tables of the warehouse as files for whatever reads none of the databases: Parquet and CSV."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb
import pyarrow as pa

from taxi_pipeline.atomic import draft_of
from taxi_pipeline.bi.project import Mart, MartColumn, unit_of
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.faults import remedy_of
from taxi_pipeline.lake import quote_identifier, quote_literal
from taxi_pipeline.schemas import Column
from taxi_pipeline.warehouses import Reader
from taxi_pipeline.warehouses.base import Advance, arrow_type


class Format(StrEnum):
    """A kind of file."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"


_COPY_OPTIONS = {
    Format.PARQUET: "format parquet, compression zstd",
    Format.CSV: "format csv, header",
}

_KINDS = ("mart", "rpt", "fact", "dim")
"""What the names of tables begin with, in the order in which a reader wants them."""

_FORMULA = r"^[=+\-@\t\r]"

OnTable = Callable[[str, int], Advance]
"""Told that a table begins and how many rows it has; gives what is told of them."""


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written.

    Attributes:
        path: where.
        rows: how many.
    """

    path: Path
    rows: int


def choose_tables(marts: Mapping[str, Mart], names: Sequence[str]) -> list[Mart]:
    """The tables to export: those named, or every mart and dimension, but no single trips.

    Marts come first, then facts of files, then dimensions.

    Raises:
        TaxiError: there is no table of that name.
    """
    if not names:
        chosen = (mart for mart in marts.values() if not mart.has_rows_of_files)
        return sorted(chosen, key=lambda mart: (_place(mart.name), mart.name))
    for name in names:
        if name not in marts:
            raise TaxiError(name, "there is no such table", f"choose from {', '.join(marts)}")
    return [marts[name] for name in names]


def _place(name: str) -> int:
    kind = name.partition("_")[0]
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def export_tables(
    reader: Reader, tables: Sequence[Mart], format_: Format, folder: Path, on_table: OnTable
) -> Iterator[ExportedFile]:
    """Write a Parquet or CSV file per table, each complete or absent; one of the same name is replaced.

    Args:
        reader: open on the target that the tables are described for.
        tables: which.
        format_: of the files.
        folder: created where it is missing.
        on_table: told of progress.

    Raises:
        TaxiError: a file cannot be written.
    """
    for table in tables:
        count = count_rows(reader, table)
        path = folder / f"{table.name}.{format_}"
        schema = arrow_schema(table.columns.values())
        select = f"select {', '.join(table.columns)} from {table.relation}{sorting(table)}"
        rows = Rows(reader.batches(select, schema), on_table(table.name, count))
        query = _without_formulas(schema) if format_ is Format.CSV else "from rows"
        with writing(path), draft_of(path) as draft:
            _write_by_duckdb(schema, rows, draft, _COPY_OPTIONS[format_], query)
        yield ExportedFile(path, count)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of a file that cannot be written which it is, and what to do."""
    try:
        yield
    except (OSError, duckdb.IOException) as error:
        said = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise TaxiError(
            str(path),
            f"it cannot be written: {said}",
            f"{remedy_of(error, 'its disk')}, or choose another folder with --to",
        ) from error


def count_rows(reader: Reader, table: Mart) -> int:
    """Number of rows of a table."""
    [[rows]] = reader.query(f"select count(*) from {table.relation}")
    return int(rows)


def sorting(table: Mart, prefix: str = "") -> str:
    """The ``order by`` of an export: what tells the rows apart, but no hash.

    Single trips come as they lie: sorting a hundred million rows is nobody's wish.
    """
    if table.has_rows_of_files:
        return ""
    order = [
        f"{prefix}{column.name}"
        for column in table.columns.values()
        if column.is_required
        and unit_of(column.name) is None
        and not (column.name == table.key and column.type == "text")
    ]
    return f" order by {', '.join(order)}" if order else ""


def arrow_schema(columns: Iterable[MartColumn]) -> pa.Schema:
    """The columns in Arrow's types, by the contract."""
    return pa.schema(
        (column.name, arrow_type(Column(column.name, column.type))) for column in columns
    )


class Rows:
    """Batches on their way into a file.

    Args:
        batches: from the warehouse.
        advance: told of each.

    Attributes:
        fault: why the warehouse gave no more; DuckDB passes on its own words for it.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], advance: Advance) -> None:
        self._batches = batches
        self._advance = advance
        self.fault: Exception | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                yield batch
                self._advance(batch.num_rows)
        except Exception as error:
            self.fault = error
            raise


def _without_formulas(schema: pa.Schema) -> str:
    """The query for rows in which no text begins as a formula: a spreadsheet would run it.

    An apostrophe in front is what spreadsheets themselves put before a text. Numbers stay as they are.
    """
    items = []
    for field in schema:
        name = quote_identifier(field.name)
        if pa.types.is_string(field.type):
            marked = f"chr(39) || {name}"
            name = f"case when regexp_matches({name}, '{_FORMULA}') then {marked} else {name} end as {name}"
        items.append(name)
    return f"select {', '.join(items)} from rows"


def _write_by_duckdb(
    schema: pa.Schema, rows: Rows, path: Path, options: str, query: str = "from rows"
) -> None:
    # One thread: more of them hold back more rows, to write them in order.
    with duckdb.connect(config={"memory_limit": "512MB", "threads": 1}) as connection:
        connection.register("rows", pa.RecordBatchReader.from_batches(schema, rows))
        try:
            connection.execute(f"copy ({query}) to {quote_literal(str(path))} ({options})")
        except duckdb.Error as error:
            raise rows.fault or error from None
