"""Tables as files: what is read back is what SQL says, and a file is complete or absent."""

import csv
import errno
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from real_files import real_file
from taxi_pipeline.bi.export import Format, choose_tables, export_tables, writing
from taxi_pipeline.bi.project import Mart, MartColumn
from taxi_pipeline.bi.workbook import FILE_NAME, MAX_ROWS, About, export_workbook
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.transform.completeness import Completeness
from taxi_pipeline.warehouses.base import Advance, Answer
from warehouse import Warehouse, copy_project

MART = "mart_monthly_zone_revenue"


class Rows:
    """A reader of rows that are given; it answers no other query."""

    name = "rows"
    engine = "duckdb"

    def __init__(self, *batches: list[Any], count: int | None = None) -> None:
        self._batches = batches
        self._count = sum(len(batch) for batch in batches) if count is None else count

    def query(self, _sql: str) -> list[tuple[int]]:
        """How many rows there are."""
        return [(self._count,)]

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Never asked."""
        raise NotImplementedError(sql)

    def holds(self, schema: str, table: str) -> bool:
        """Never asked."""
        raise NotImplementedError(schema, table)

    def answer(self, sql: str, limit: int | None) -> Answer:
        """Never asked."""
        raise NotImplementedError(sql, limit)

    def batches(self, _sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows; an empty batch stands for a full disk."""
        for batch in self._batches:
            if not batch:
                raise OSError(28, "No space left on device")
            yield pa.record_batch([pa.array(batch, schema.field(0).type)], schema=schema)


def table_of(name: str, type_: str, table: str = "mart_of_one") -> Mart:
    column = MartColumn(name, type_, "Meaning.", is_required=True)
    return Mart(table, "", table, {name: column}, None, (), {}, None)


def export(reader: Rows, table: Mart, format_: Format, folder: Path) -> list[Path]:
    def on_table(_table: str, _rows: int) -> Advance:
        return lambda _done: None

    if format_ is Format.XLSX:
        about = About({}, Completeness(()), ())
        marts = {table.name: table}
        return [export_workbook(reader, [table], marts, about, folder, on_table).path]
    return [file.path for file in export_tables(reader, [table], format_, folder, on_table)]


def sheet_rows(path: Path, sheet: str) -> list[dict[str, Any]]:
    names, *rows = load_workbook(path)[sheet].iter_rows(values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_what_is_read_back_is_what_sql_says(
    built_sample: Warehouse, tmp_path: Path, format_: str
) -> None:
    printed = built_sample.taxi("export", "--format", format_, "--to", str(tmp_path))
    names = sorted(path.stem for path in tmp_path.iterdir())
    existing = built_sample.query(
        "select table_name from duckdb_tables()"
        " where regexp_matches(table_name, '^(dim|fact|mart|rpt)_') and table_name <> 'fact_trips'"
    )
    assert names == sorted(name for (name,) in existing)
    for name in names:
        columns = built_sample.query(
            "select column_name, data_type from duckdb_columns()"
            f" where table_name = '{name}' order by column_index"
        )
        source = f"'{tmp_path / name}.{format_}'"
        if format_ == "csv":
            types = ", ".join(f"'{column}': '{type_}'" for column, type_ in columns)
            source = f"read_csv({source}, header = true, columns = {{{types}}})"
        expected = built_sample.query(f"select * from {name} order by all")
        assert duckdb.sql(f"select * from {source} order by all").fetchall() == expected, name
        assert f"{name}.{format_}: {len(expected):,} rows" in printed


def test_amounts_stay_exact(built_sample: Warehouse, tmp_path: Path) -> None:
    for format_ in ("parquet", "csv"):
        built_sample.taxi("export", "-f", format_, "--select", MART, "--to", str(tmp_path))
    schema = pq.read_schema(tmp_path / f"{MART}.parquet")
    assert schema.field("total_amount").type == pa.decimal128(18, 2)
    with (tmp_path / f"{MART}.csv").open(newline="") as stream:
        total = sum(Decimal(row["total_amount"]) for row in csv.DictReader(stream))
    assert total == built_sample.scalar(f"select sum(total_amount) from {MART}")


@pytest.fixture(scope="module")
def workbook(built_sample: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workbook")
    built_sample.taxi("export", "-f", "xlsx", "--to", str(folder))
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    return folder / FILE_NAME


def test_a_workbook_has_a_sheet_for_each_table_between_the_list_and_the_dictionary(
    built_sample: Warehouse, workbook: Path
) -> None:
    book = load_workbook(workbook)
    first, *tables, last = book.sheetnames
    assert (first, last) == ("About", "Columns")
    existing = built_sample.query(
        "select table_name from duckdb_tables()"
        " where regexp_matches(table_name, '^(dim|fact|mart|rpt)_') and table_name <> 'fact_trips'"
    )
    kinds = ("mart", "rpt", "fact", "dim")
    in_order = sorted(existing, key=lambda row: (kinds.index(row[0].split("_")[0]), row[0]))
    assert tables == [name for (name,) in in_order]
    for name in tables:
        sheet = book[name]
        headings = [cell.value for cell in sheet[1]]
        assert all(cell.font.bold and cell.fill.fill_type == "solid" for cell in sheet[1])
        assert sheet.freeze_panes == "A2", name
        assert sheet.auto_filter.ref == sheet.dimensions, name
        assert sheet.max_row == 1 + built_sample.scalar(f"select count(*) from {name}"), name
        assert all(
            sheet.column_dimensions[get_column_letter(index)].width >= len(heading)
            for index, heading in enumerate(headings, start=1)
        ), name
        assert not headings[0].endswith("_id"), name
        first_values = [cell.value for cell in sheet["A"][1:]]
        assert all(isinstance(value, str | date) for value in first_values), name
    described = sheet_rows(workbook, "Columns")
    assert {(row["sheet"], row["column"]) for row in described} == {
        (name, cell.value) for name in tables for cell in book[name][1]
    }
    assert all(row["description"] for row in described)


def test_the_first_sheet_lists_the_months_with_their_share_and_the_tables(
    built_sample: Warehouse, workbook: Path
) -> None:
    rows = [
        list(row) for row in load_workbook(workbook)["About"].iter_rows(min_row=1, values_only=True)
    ]
    assert rows[1][0] == "Synthetic sample: not TLC's data."
    expected = built_sample.query(
        "select service_type, file_month, month_completeness, official_row_share, row_count,"
        " official_row_count, row_count_reason from fact_file_completeness"
    )
    start = rows.index(next(row for row in rows if row[0] == "service")) + 1
    months = rows[start : start + len(expected)]
    assert {
        (row[0], row[1].date(), row[2], Decimal(str(row[3])), *row[4:]) for row in months
    } == set(expected)
    start = next(index for index, row in enumerate(rows) if row[0] == "sheet") + 1
    tables = {row[0]: row[1:4] for row in rows[start:]}
    assert tables.keys() == set(load_workbook(workbook).sheetnames) - {"About", "Columns"}
    for name, (count, built_at, words) in tables.items():
        assert count == built_sample.scalar(f"select count(*) from {name}")
        assert isinstance(built_at, datetime)
        assert len(words.split()) > 3, name


def test_the_first_sheet_links_to_every_other(workbook: Path) -> None:
    book = load_workbook(workbook)
    [start] = [cell.row for cell in book["About"]["A"] if cell.value == "sheet"]
    for name in book.sheetnames[1:-1]:
        start += 1
        cell = book["About"].cell(start, 1)
        assert (cell.value, cell.hyperlink.location) == (name, f"'{name}'!A1")


def test_rows_about_a_part_of_a_month_are_shaded(built_sample: Warehouse, workbook: Path) -> None:
    book = load_workbook(workbook)
    for name in book.sheetnames[1:-1]:
        sheet = book[name]
        headings = [cell.value for cell in sheet[1]]
        ranges = [(str(one.sqref), one.rules[0]) for one in sheet.conditional_formatting]
        if "month_completeness" not in headings or sheet.max_row == 1:
            assert not ranges, name
            continue
        letter = get_column_letter(1 + headings.index("month_completeness"))
        [(where, rule)] = ranges
        assert where == sheet.dimensions.replace("A1", "A2"), name
        assert rule.formula == [f'${letter}2="part"'], name
        assert rule.dxf.fill.bgColor.rgb.endswith("FFF2CC")
    months = built_sample.scalar("select count(*) from fact_file_completeness")
    [(where, rule)] = [
        (str(one.sqref), one.rules[0]) for one in book["About"].conditional_formatting
    ]
    assert (where, rule.formula) == (f"A5:G{4 + months}", ['$C5="part"'])
    assert [cell.value for cell in book["About"][4]][2] == "completeness"


def test_a_sheet_has_formats_and_the_values_of_the_table(
    built_sample: Warehouse, workbook: Path
) -> None:
    sheet = load_workbook(workbook)[MART]
    names = [cell.value for cell in sheet[1]]
    formats = {name: cell.number_format for name, cell in zip(names, sheet[2], strict=True)}
    assert formats["total_amount"] == '"$"#,##0.00'
    assert formats["trip_count"] == "#,##0"
    assert formats["card_tip_share"] == "0.00%"
    assert formats["official_row_share"] == "0.00%"
    assert formats["file_month"] == "yyyy-mm"
    expected = built_sample.query(
        f"select monthly_zone_revenue_id, file_month, total_amount, card_tip_share from {MART}"
    )
    actual = {
        row["monthly_zone_revenue_id"]: (
            row["file_month"].date(),
            *(
                None if row[name] is None else Decimal(str(row[name]))
                for name in ("total_amount", "card_tip_share")
            ),
        )
        for row in sheet_rows(workbook, MART)
    }
    assert actual == {key: tuple(values) for key, *values in expected}


def test_names_stand_beside_ids(built_sample: Warehouse, workbook: Path) -> None:
    zones = {
        key: (zone, borough)
        for key, zone, borough in built_sample.query(
            "select zone_id, zone_label, borough_label from dim_zones"
        )
    }
    rows = sheet_rows(workbook, "mart_monthly_payment_mix")
    for row in rows:
        shown = (row["pickup_zone_label"], row["pickup_borough_label"])
        assert shown == zones[row["pickup_zone_id"]]
    assert {"Manhattan", "Unknown"} <= {row["pickup_borough_label"] for row in rows}
    assert {row["payment_type_name"] for row in rows} >= {"Credit card", "Cash"}
    [first, *_] = sheet_rows(workbook, "dim_zones")
    assert first["borough_label"] == "Newark Airport"
    assert list(first)[:3] == ["borough_label", "zone_label", "zone_id"]
    reasons = sheet_rows(workbook, "mart_monthly_rejects")
    assert all(len(row["reject_reason_description"].split()) > 2 for row in reasons)


def test_names_of_sheets_that_are_cut_stay_apart(tmp_path: Path) -> None:
    tables = [
        table_of("trip_count", "bigint", name)
        for name in ("mart_" + "a" * 40, "mart_" + "a" * 41, "about")
    ]
    about = About({}, Completeness(()), ())
    marts = {table.name: table for table in tables}
    written = export_workbook(
        Rows([1]), tables, marts, about, tmp_path, lambda _table, _rows: lambda _done: None
    )
    names = load_workbook(written.path).sheetnames
    assert len({name.lower() for name in names}) == len(names) == 5
    assert max(len(name) for name in names) == 31


@pytest.mark.build  # a build of its own
def test_an_export_says_which_months_are_parts(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    warehouse.taxi("ingest", str(real_file("heads/green_tripdata_2020-04.csv")))
    warehouse.taxi("build")
    printed = warehouse.taxi("export", "-f", "csv", "-s", MART, "--to", str(tmp_path / "out"))
    assert "0 of 1 month is whole" in printed
    assert "Green 2020-04 (excerpt, 0.02 % of the month)" in printed
    with (tmp_path / "out" / f"{MART}.csv").open(newline="") as stream:
        shown = {
            (row["month_completeness"], row["official_row_share"]) for row in csv.DictReader(stream)
        }
    assert shown == {("part", "0.0002")}


def test_single_trips_are_exported_when_asked_for(built_sample: Warehouse, tmp_path: Path) -> None:
    built_sample.taxi("export", "-f", "parquet", "-s", "fact_trips", "--to", str(tmp_path))
    expected = built_sample.query(
        "select count(*), sum(total_amount), sum(trip_id) from fact_trips"
    )
    sums = "select count(*), sum(total_amount), sum(trip_id) from"
    assert duckdb.sql(f"{sums} '{tmp_path}/fact_trips.parquet'").fetchall() == expected


def test_a_table_that_does_not_exist_is_refused_with_those_that_do(
    built_sample: Warehouse, tmp_path: Path
) -> None:
    printed = built_sample.taxi(
        "export", "-f", "csv", "-s", "mart_x", "--to", str(tmp_path / "none"), exit_code=2
    )
    assert "mart_x: there is no such table" in printed
    assert MART in printed
    assert not (tmp_path / "none").exists()


def test_excel_gets_text_as_text_and_long_numbers_whole(tmp_path: Path) -> None:
    texts = ["=1+1", "a\x0bb", "", "plain"]
    [path] = export(Rows(texts), table_of("raw_line", "text"), Format.XLSX, tmp_path)
    cells = [row[0] for row in load_workbook(path)["mart_of_one"].iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == ["=1+1", "a\N{REPLACEMENT CHARACTER}b", None, "plain"]
    assert {cell.data_type for cell in cells if cell.value} == {"s"}
    [path] = export(Rows([1201901000000001]), table_of("trip_id", "bigint"), Format.XLSX, tmp_path)
    assert load_workbook(path)["mart_of_one"]["A2"].value == "1201901000000001"


def test_csv_tells_an_empty_text_from_none(tmp_path: Path) -> None:
    texts = ["", None, 'a "quoted", one', "two\nlines"]
    [path] = export(Rows(texts), table_of("raw_line", "text"), Format.CSV, tmp_path)
    assert path.read_text() == 'raw_line\n""\n\n"a ""quoted"", one"\n"two\nlines"\n'


def test_no_text_of_a_csv_is_a_formula_to_a_spreadsheet(tmp_path: Path) -> None:
    texts = ["=CMD|x", "+1+1", "-2", "@SUM(A1)", "\t=1", "a=1", "B00013"]
    [path] = export(Rows(texts), table_of("base", "text"), Format.CSV, tmp_path)
    assert path.read_text().splitlines()[1:] == [
        *("'=CMD|x", "'+1+1", "'-2", "'@SUM(A1)", "'\t=1", "a=1", "B00013"),
    ]
    [path] = export(Rows([-2]), table_of("trip_count", "bigint"), Format.CSV, tmp_path)
    assert path.read_text() == "trip_count\n-2\n"


def test_a_table_beyond_a_sheet_is_refused_with_the_way_out(tmp_path: Path) -> None:
    table = table_of("trip_count", "bigint")
    reader = Rows([1], count=MAX_ROWS + 1)
    with pytest.raises(TaxiError, match=r"1,048,576 rows do not fit.*--format parquet or csv"):
        export(reader, table, Format.XLSX, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(export(Rows([1], count=MAX_ROWS), table, Format.XLSX, tmp_path)) == 1


@pytest.mark.parametrize("format_", list(Format))
def test_an_export_that_breaks_leaves_the_old_file(tmp_path: Path, format_: Format) -> None:
    table = table_of("trip_count", "bigint")
    [path] = export(Rows([1, 2]), table, format_, tmp_path)
    before = path.read_bytes()
    with pytest.raises(TaxiError, match="cannot be written"):
        export(Rows([3] * 10, []), table, format_, tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    said = r"mart_of_one\.csv: it cannot be written: \w.*\. Check the path and the disk, or choose another folder"
    with pytest.raises(TaxiError, match=said):
        export(Rows([1]), table_of("trip_count", "bigint"), Format.CSV, tmp_path / "taken")


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (OSError(errno.ENOENT, "No such file or directory"), "Check the path and the disk, or"),
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space on its disk, or"),
        (duckdb.IOException("IO Error: No space left on device"), "Free some space on its disk"),
        (OSError(errno.EACCES, "Permission denied"), "Check who may write there, or"),
        (duckdb.IOException("Cannot open: Permission denied"), "Check who may write there, or"),
    ],
)
def test_the_way_out_is_that_of_the_fault(fault: Exception, remedy: str) -> None:
    with pytest.raises(TaxiError, match=remedy) as caught, writing(Path("x.csv")):
        raise fault
    assert "[Errno" not in str(caught.value)


def test_single_trips_are_left_out_unless_named() -> None:
    column = MartColumn("source_row", "bigint", "", is_required=True)
    fact = Mart("fact_trips", "", "", {"source_row": column}, None, (), {}, None)
    marts = {"fact_trips": fact, "mart_of_one": table_of("trip_count", "bigint")}
    assert [mart.name for mart in choose_tables(marts, [])] == ["mart_of_one"]
    assert choose_tables(marts, ["fact_trips"]) == [fact]
