"""Tables of the warehouse as one Excel workbook: what is in it first, then a sheet for each table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from taxi_pipeline.atomic import draft_of
from taxi_pipeline.bi.export import (
    ExportedFile,
    OnTable,
    Rows,
    arrow_schema,
    count_rows,
    sorting,
    writing,
)
from taxi_pipeline.bi.project import Mart, MartColumn, Reference, Unit, unit_of
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.transform.completeness import Completeness, read_completeness
from taxi_pipeline.warehouses import Reader

FILE_NAME = "nyc_taxi.xlsx"
ABOUT, COLUMNS = "About", "Columns"

MAX_ROWS = 1_048_576 - 1
"""Rows of a sheet of Excel, less the one for the names."""

MAX_SHEET_NAME = 31

_FORMATS = {
    Unit.DOLLARS: '"$"#,##0.00',
    Unit.COUNT: "#,##0",
    Unit.MILES: "#,##0.00",
    Unit.SECONDS: "#,##0",
    Unit.SHARE: "0.00%",
}
_TEXT, _MONTH, _DAY, _TIME = "@", "yyyy-mm", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
_HEADING, _PART, _LINK = "E7E6E6", "FFF2CC", "0563C1"
"""Colors: of headings, of rows about a part of a month, of links."""

_COMPLETENESS = "month_completeness"
_WIDTHS = (12, 60)
_SAMPLED = 200
"""Rows from which a column's width is taken: widths are written before the rows."""

_MONTHS = """
select service_type, file_month, month_completeness, official_row_share, row_count, official_row_count, row_count_reason
from fact_file_completeness
order by file_month, service_type
"""
_BUILT = "select node, changed_at from node_states where node like 'model.%'"

Row = Sequence[Any]


@dataclass(frozen=True)
class About:
    """What the first sheet says of the warehouse.

    Attributes:
        built_at: by table, when it was built last, UTC.
        completeness: of the loaded months.
        months: a row per loaded month, as ``fact_file_completeness`` has it.
    """

    built_at: Mapping[str, datetime]
    completeness: Completeness
    months: Sequence[Row]


@dataclass(frozen=True)
class _Sheet:
    """A table on its way to being a sheet: its columns in the order of a reader, each with its SQL."""

    name: str
    table: Mart
    columns: Mapping[str, tuple[str, MartColumn]]
    joins: str
    rows: int

    @property
    def shown(self) -> list[MartColumn]:
        return [column for _, column in self.columns.values()]

    @property
    def query(self) -> str:
        listed = ", ".join(f"{sql} as {name}" for name, (sql, _) in self.columns.items())
        source = f"{self.table.relation} as here{self.joins}"
        return f"select {listed} from {source}{sorting(self.table, 'here.')}"


_FIRST_MONTH = 5
"""Row of the first sheet in which the list of months begins."""


def read_about(reader: Reader) -> About:
    """Read what the first sheet says."""
    return About(
        {
            str(node).rsplit(".", maxsplit=1)[-1]: datetime.fromisoformat(str(changed))
            for node, changed in reader.query(_BUILT)
        },
        read_completeness(reader),
        reader.query(_MONTHS),
    )


def export_workbook(
    reader: Reader,
    tables: Sequence[Mart],
    marts: Mapping[str, Mart],
    about: About,
    folder: Path,
    on_table: OnTable,
) -> ExportedFile:
    """Write one workbook, complete or absent; one of the same name is replaced.

    Args:
        reader: open on the target that the tables are described for.
        tables: which, in the order of their sheets.
        marts: all of them, for the names beside ids.
        about: for the first sheet.
        folder: created where it is missing.
        on_table: told of progress.

    Raises:
        TaxiError: a table does not fit into a sheet (before anything is written), or the file cannot be written.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - 0.3 s, for one format of three

    counts = {table.name: count_rows(reader, table) for table in tables}
    for name, count in counts.items():
        if count > MAX_ROWS:
            raise TaxiError(
                name,
                f"its {count:,} rows do not fit into a sheet of Excel, which ends at {MAX_ROWS:,}",
                "export it with --format parquet or csv, or choose other tables with --select",
            )
    names = _sheet_names(counts)
    sheets = [_sheet(table, marts, names[table.name], counts[table.name]) for table in tables]
    path = folder / FILE_NAME
    with writing(path), draft_of(path) as draft:
        book = Workbook(write_only=True)  # rows go to a temporary file: memory stays flat
        try:
            _write_about(book.create_sheet(ABOUT), about, sheets)
            for sheet in sheets:
                rows = Rows(
                    reader.batches(sheet.query, arrow_schema(sheet.shown)),
                    on_table(sheet.table.name, sheet.rows),
                )
                _write_table(book.create_sheet(sheet.name), sheet.shown, _tuples(rows))
            _write_dictionary(book.create_sheet(COLUMNS), sheets)
        finally:
            for opened in book.worksheets:
                opened.close()
        book.save(draft)
    return ExportedFile(path, sum(counts.values()))


def _sheet_names(tables: Iterable[str]) -> dict[str, str]:
    """A name for each sheet that Excel accepts: 31 characters at most, none twice in any case of letters."""
    names: dict[str, str] = {}
    taken = {ABOUT.lower(), COLUMNS.lower()}
    for table in tables:
        name, number = table[:MAX_SHEET_NAME], 1
        while name.lower() in taken:
            number += 1
            name = f"{table[: MAX_SHEET_NAME - len(str(number)) - 1]}~{number}"
        taken.add(name.lower())
        names[table] = name
    return names


def _sheet(table: Mart, marts: Mapping[str, Mart], name: str, rows: int) -> _Sheet:
    own = [(f"here.{column.name}", column) for column in table.columns.values()]
    joins, labels = "", dict[str, list[tuple[str, MartColumn]]]()
    for number, reference in enumerate(table.references):
        dimension = marts[reference.table]
        found = [
            (f"there_{number}.{column.name}", replace(column, name=_label(reference, column)))
            for column in dimension.columns.values()
            if column.is_label and _label(reference, column) not in table.columns
        ]
        if found:
            labels[reference.column] = found
            joins += (
                f" left join {dimension.relation} as there_{number}"
                f" on here.{reference.column} = there_{number}.{reference.field}"
            )
    has_id = any(_is_id(table, column) for _, column in own)
    first = [pair for pair in own if has_id and pair[1].is_label]
    last = [pair for pair in own if _is_id(table, pair[1]) and not table.is_dimension]
    middle = [pair for pair in own if pair not in (*first, *last)]
    with_names = chain.from_iterable((*labels.get(pair[1].name, ()), pair) for pair in middle)
    return _Sheet(
        name,
        table,
        {column.name: (sql, column) for sql, column in (*first, *with_names, *last)},
        joins,
        rows,
    )


def _label(reference: Reference, label: MartColumn) -> str:
    """pickup_zone_id leads to pickup_zone_label, vendor_id to vendor_name, reject_reason to its description."""
    if label.name == "description":
        return f"{reference.column}_description"
    prefix, found, _ = reference.column.partition(reference.field)
    return prefix + label.name if found else label.name


def _is_id(table: Mart, column: MartColumn) -> bool:
    """Whether it is the table's key and says nothing to a reader, as a hash or a number does."""
    return column.name == table.key and column.name.endswith("_id")


def _tuples(rows: Rows) -> Iterator[Row]:
    for batch in rows:
        yield from zip(*batch.to_pydict().values(), strict=True)


def _write_about(sheet: Any, about: About, sheets: Sequence[_Sheet]) -> None:
    for letter, width in zip("ABCDEFG", (30, 14, 20, 16, 14, 14, 80), strict=True):
        sheet.column_dimensions[letter].width = width
    headings: list[tuple[str, str | None]] = [
        ("service", None),
        ("month", _MONTH),
        ("completeness", None),
        ("share of the month", _FORMATS[Unit.SHARE]),
        ("rows", _FORMATS[Unit.COUNT]),
        ("official rows", _FORMATS[Unit.COUNT]),
        ("verdict", None),
    ]
    sheet.append([_cell(sheet, "NYC taxi warehouse", is_bold=True)])
    sheet.append([_cell(sheet, _headline(about.completeness))])
    sheet.append([])
    sheet.append([_cell(sheet, name, is_heading=True) for name, _ in headings])
    _shade_parts(sheet, "A", "G", "C", (_FIRST_MONTH, _FIRST_MONTH - 1 + len(about.months)))
    for month in about.months:
        sheet.append(
            [
                _cell(sheet, value, format_)
                for value, (_, format_) in zip(month, headings, strict=True)
            ]
        )
    sheet.append([])
    sheet.append(
        [
            _cell(sheet, name, is_heading=True)
            for name in ("sheet", "rows", "built at (UTC)", "what it holds")
        ]
    )
    for one in sheets:
        words, _, _ = one.table.description.partition(" | ")  # what follows is a table in Markdown
        values = (one.name, one.rows, about.built_at.get(one.table.name), words)
        formats = (None, _FORMATS[Unit.COUNT], _TIME, None)
        cells = [_cell(sheet, *pair) for pair in zip(values, formats, strict=True)]
        _link(cells[0], one.name)
        sheet.append(cells)


def _link(cell: Any, sheet_name: str) -> None:
    """Let a cell lead to a sheet of the workbook."""
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.worksheet.hyperlink import Hyperlink  # noqa: PLC0415

    cell.hyperlink = Hyperlink(ref="", location=f"'{sheet_name}'!A1")
    cell.font = Font(color=_LINK, underline="single")


def _shade_parts(sheet: Any, first: str, last: str, state: str, rows: tuple[int, int]) -> None:
    """Shade the rows about a part of a month, also after a reader has sorted or filtered them.

    Args:
        sheet: of the workbook.
        first: letter of the first column.
        last: letter of the last column.
        state: letter of the column that says whether the month is whole.
        rows: the first and the last; the last may lie before the first.
    """
    from openpyxl.formatting.rule import FormulaRule  # noqa: PLC0415
    from openpyxl.styles import PatternFill  # noqa: PLC0415

    top, bottom = rows
    if bottom >= top:
        rule = FormulaRule([f'${state}{top}="part"'], fill=PatternFill(bgColor=_PART))
        sheet.conditional_formatting.add(f"{first}{top}:{last}{bottom}", rule)


def _headline(completeness: Completeness) -> str:
    if completeness.months and completeness.count("synthetic") == len(completeness.months):
        return "Synthetic sample: not TLC's data."
    shaded = " Rows about a part of a month are shaded." if completeness.count("part") else ""
    return f"{completeness.headline}.{shaded}"


def _write_dictionary(sheet: Any, sheets: Sequence[_Sheet]) -> None:
    columns = [
        MartColumn(name, "text", "", is_required=True)
        for name in ("sheet", "column", "type", "description")
    ]
    rows = (
        (one.name, column.name, column.type, column.description)
        for one in sheets
        for column in one.shown
    )
    _write_table(sheet, columns, rows)


def _write_table(sheet: Any, columns: Sequence[MartColumn], rows: Iterable[Row]) -> None:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    formats = [_format(column) for column in columns]
    stream = iter(rows)
    sampled = list(islice(stream, _SAMPLED))
    for index, column in enumerate(columns):
        longest = max((_length(row[index]) for row in sampled), default=0)
        width = min(max(_WIDTHS[0], len(column.name) + 4, longest + 2), _WIDTHS[1])
        sheet.column_dimensions[get_column_letter(index + 1)].width = width
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, column.name, is_heading=True) for column in columns])
    last = 1
    for row in chain(sampled, stream):
        last += 1
        sheet.append(
            [_cell(sheet, value, format_) for value, format_ in zip(row, formats, strict=True)]
        )
    end = get_column_letter(len(columns))
    sheet.auto_filter.ref = f"A1:{end}{last}"
    for index, column in enumerate(columns, start=1):
        if column.name == _COMPLETENESS:
            _shade_parts(sheet, "A", end, get_column_letter(index), (2, last))


def _length(value: Any) -> int:
    """How wide a value is shown, about: a number has separators and a sign of currency, a date no time."""
    if isinstance(value, datetime):
        return 19
    if isinstance(value, date):
        return 10
    return 0 if value is None else len(str(value)) + (0 if isinstance(value, str) else 4)


def _cell(
    sheet: Any,
    value: Any,
    format_: str | None = None,
    *,
    is_bold: bool = False,
    is_heading: bool = False,
) -> Any:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415

    if value is None:
        return None
    if format_ == _TEXT or isinstance(value, str):
        cell = WriteOnlyCell(
            sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", str(value))
        )
        cell.data_type = "s"  # a text that begins with = is no formula
    else:
        cell = WriteOnlyCell(sheet, value)
        if format_:
            cell.number_format = format_
    if is_bold or is_heading:
        cell.font = Font(bold=True)
    if is_heading:
        cell.fill = PatternFill("solid", fgColor=_HEADING)
    return cell


def _format(column: MartColumn) -> str | None:
    if column.type == "date":
        return _MONTH if column.name.endswith("_month") else _DAY
    if column.type in {"timestamp", "datetime"}:
        return _TIME
    if column.type == "bigint" and column.name.endswith("_id"):
        return _TEXT  # sixteen digits, where Excel keeps fifteen
    unit = unit_of(column.name)
    return _FORMATS[unit] if unit else None
