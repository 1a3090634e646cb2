"""Tables as files: what is read back is what SQL says, and a file is complete or absent."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.export import XLSX_MAX_ROWS, Format, choose_tables, export_tables
from taxi_pipeline.marts import Mart, MartColumn
from warehouse import Warehouse

pytestmark = pytest.mark.xdist_group("sample")

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

    def batches(self, _sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows; an empty batch stands for a full disk."""
        for batch in self._batches:
            if not batch:
                raise OSError(28, "No space left on device")
            yield pa.record_batch([pa.array(batch, schema.field(0).type)], schema=schema)


def table_of(name: str, type_: str) -> Mart:
    column = MartColumn(name, type_, "Meaning.", is_required=True)
    return Mart("mart_of_one", "", "mart_of_one", {name: column}, None, (), {}, None)


def export(reader: Rows, table: Mart, format_: Format, folder: Path) -> list[Path]:
    files = export_tables(
        reader, [table], format_, folder, lambda _table, _rows: lambda _done: None
    )
    return [file.path for file in files]


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


def test_a_workbook_has_formats_a_frozen_header_and_the_dictionary(
    built_sample: Warehouse, tmp_path: Path
) -> None:
    built_sample.taxi("export", "-f", "xlsx", "-s", MART, "-s", "dim_zones", "--to", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dim_zones.xlsx", f"{MART}.xlsx"]
    book = load_workbook(tmp_path / f"{MART}.xlsx")
    sheet = book[MART]
    names = [cell.value for cell in sheet[1]]
    assert all(cell.font.bold for cell in sheet[1])
    assert sheet.freeze_panes == "A2"
    formats = {name: cell.number_format for name, cell in zip(names, sheet[2], strict=True)}
    assert formats["total_amount"] == '"$"#,##0.00'
    assert formats["trip_count"] == "#,##0"
    assert formats["card_tip_share"] == "0.00%"
    assert formats["file_month"] == "yyyy-mm"
    rows = [
        dict(zip(names, row, strict=True)) for row in sheet.iter_rows(min_row=2, values_only=True)
    ]
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
        for row in rows
    }
    assert actual == {key: tuple(values) for key, *values in expected}
    described = {row[0]: row[2] for row in book["columns"].iter_rows(min_row=2, values_only=True)}
    assert list(described) == names
    assert all(described.values())


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


def test_a_table_beyond_a_sheet_is_refused_with_the_way_out(tmp_path: Path) -> None:
    table = table_of("trip_count", "bigint")
    reader = Rows([1], count=XLSX_MAX_ROWS + 1)
    with pytest.raises(TaxiError, match=r"1,048,576 rows do not fit.*--format parquet or csv"):
        export(reader, table, Format.XLSX, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(export(Rows([1], count=XLSX_MAX_ROWS), table, Format.XLSX, tmp_path)) == 1


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
    with pytest.raises(TaxiError, match=r"mart_of_one\.csv: it cannot be written"):
        export(Rows([1]), table_of("trip_count", "bigint"), Format.CSV, tmp_path / "taken")


def test_single_trips_are_left_out_unless_named() -> None:
    column = MartColumn("source_row", "bigint", "", is_required=True)
    fact = Mart("fact_trips", "", "", {"source_row": column}, None, (), {}, None)
    marts = {"fact_trips": fact, "mart_of_one": table_of("trip_count", "bigint")}
    assert [mart.name for mart in choose_tables(marts, [])] == ["mart_of_one"]
    assert choose_tables(marts, ["fact_trips"]) == [fact]
