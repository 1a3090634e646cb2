"""Tables of the warehouse as files for whatever reads none of the databases: Parquet, CSV, Excel."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import quote_literal
from taxi_pipeline.marts import Mart, MartColumn, Unit, unit_of
from taxi_pipeline.schemas import Column
from taxi_pipeline.warehouses import Reader
from taxi_pipeline.warehouses.base import Advance, arrow_type


class Format(StrEnum):
    """A kind of file."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"


XLSX_MAX_ROWS = 1_048_576 - 1
"""Rows of a sheet of Excel, less the one for the names."""

XLSX_MAX_SHEET_NAME = 31

_XLSX_FORMATS = {
    Unit.DOLLARS: '"$"#,##0.00',
    Unit.COUNT: "#,##0",
    Unit.MILES: "#,##0.00",
    Unit.SECONDS: "#,##0",
    Unit.SHARE: "0.00%",
}
_COPY_OPTIONS = {
    Format.PARQUET: "format parquet, compression zstd",
    Format.CSV: "format csv, header",
}

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

    Raises:
        TaxiError: there is no table of that name.
    """
    if not names:
        return [mart for mart in marts.values() if not mart.has_rows_of_files]
    for name in names:
        if name not in marts:
            raise TaxiError(name, "there is no such table", f"choose from {', '.join(marts)}")
    return [marts[name] for name in names]


def export_tables(
    reader: Reader, tables: Sequence[Mart], format_: Format, folder: Path, on_table: OnTable
) -> Iterator[ExportedFile]:
    """Write a file per table, each complete or absent; one of the same name is replaced.

    Args:
        reader: open on the target that the tables are described for.
        tables: which.
        format_: of the files.
        folder: created where it is missing.
        on_table: told of progress.

    Raises:
        TaxiError: a table does not fit into a sheet (before anything is written), or a file cannot be written.
    """
    counts = {table.name: _count(reader, table) for table in tables}
    if format_ is Format.XLSX:
        _check_sheets(counts)
    for table in tables:
        rows = counts[table.name]
        path = folder / f"{table.name}.{format_}"
        batches = _Rows(reader.batches(_select(table), _schema(table)), on_table(table.name, rows))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(table, format_, batches, path)
        except (OSError, duckdb.IOException) as error:
            raise TaxiError(
                str(path), f"it cannot be written: {error}", "free some space, or choose --to"
            ) from error
        yield ExportedFile(path, rows)


def _write(table: Mart, format_: Format, rows: "_Rows", path: Path) -> None:
    """Write beside the file, then put it in its place in one move."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if format_ is Format.XLSX:
            _write_xlsx(table, rows, draft)
        else:
            _write_by_duckdb(_schema(table), rows, draft, _COPY_OPTIONS[format_])
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _count(reader: Reader, table: Mart) -> int:
    [[rows]] = reader.query(f"select count(*) from {table.relation}")
    return int(rows)


def _check_sheets(counts: Mapping[str, int]) -> None:
    for name, rows in counts.items():
        if rows > XLSX_MAX_ROWS:
            raise TaxiError(
                name,
                f"its {rows:,} rows do not fit into a sheet of Excel, which ends at {XLSX_MAX_ROWS:,}",
                "export it with --format parquet or csv, or choose other tables with --select",
            )


def _select(table: Mart) -> str:
    order = [
        column.name
        for column in table.columns.values()
        if column.is_required
        and unit_of(column.name) is None
        and not (column.name == table.key and column.type == "text")
    ]
    # Single trips come as they lie: sorting a hundred million rows is nobody's wish.
    sorting = "" if table.has_rows_of_files else f" order by {', '.join(order)}"
    return f"select {', '.join(table.columns)} from {table.relation}{sorting}"


def _schema(table: Mart) -> pa.Schema:
    return pa.schema(
        (column.name, arrow_type(Column(column.name, column.type)))
        for column in table.columns.values()
    )


class _Rows:
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


def _write_by_duckdb(schema: pa.Schema, rows: _Rows, path: Path, options: str) -> None:
    # One thread: more of them hold back more rows, to write them in order.
    with duckdb.connect(config={"memory_limit": "512MB", "threads": 1}) as connection:
        connection.register("rows", pa.RecordBatchReader.from_batches(schema, rows))
        try:
            connection.execute(f"copy rows to {quote_literal(str(path))} ({options})")
        except duckdb.Error as error:
            raise rows.fault or error from None


def _write_xlsx(table: Mart, batches: Iterable[pa.RecordBatch], path: Path) -> None:
    from openpyxl import Workbook  # noqa: PLC0415 - 0.3 s, for one format of three

    # Rows go to a temporary file as they come: memory does not grow with the table.
    book = Workbook(write_only=True)
    columns = list(table.columns.values())
    try:
        _write_sheet(
            book.create_sheet(table.name[:XLSX_MAX_SHEET_NAME]),
            [(column.name, _xlsx_format(column)) for column in columns],
            (row for batch in batches for row in zip(*batch.to_pydict().values(), strict=True)),
        )
        _write_sheet(
            book.create_sheet("columns"),
            [("column", None), ("type", None), ("description", None)],
            ((column.name, column.type, column.description) for column in columns),
        )
    finally:
        for sheet in book.worksheets:
            sheet.close()
    book.save(path)


def _write_sheet(
    sheet: Any, columns: Sequence[tuple[str, str | None]], rows: Iterable[tuple[Any, ...]]
) -> None:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    def cell(value: Any, format_: str | None) -> Any:
        if value is None:
            return None
        if format_ == "@" or isinstance(value, str):
            text = WriteOnlyCell(
                sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", str(value))
            )
            text.data_type = "s"  # a text that begins with = is no formula
            return text
        number = WriteOnlyCell(sheet, value)
        if format_:
            number.number_format = format_
        return number

    sheet.freeze_panes = "A2"
    for index, (name, _) in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = max(12, len(name) + 2)
    header = [WriteOnlyCell(sheet, name) for name, _ in columns]
    for heading in header:
        heading.font = Font(bold=True)
    sheet.append(header)
    for row in rows:
        sheet.append(
            [cell(value, format_) for value, (_, format_) in zip(row, columns, strict=True)]
        )


def _xlsx_format(column: MartColumn) -> str | None:
    if column.type == "date":
        return "yyyy-mm" if column.name.endswith("_month") else "yyyy-mm-dd"
    if column.type in {"timestamp", "datetime"}:
        return "yyyy-mm-dd hh:mm:ss"
    if column.type == "bigint" and column.name.endswith("_id"):
        return "@"  # sixteen digits, where Excel keeps fifteen
    unit = unit_of(column.name)
    return _XLSX_FORMATS[unit] if unit else None
