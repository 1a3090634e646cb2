"""Ingest: every row of a file in one partition, or the lake as it was."""

import csv
import gzip
import hashlib
import io
import os
import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from points import ZONES, zone_by_shapely
from real_files import listed, real_file
from taxi_pipeline import console
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.ingest import gives_points, ingest_file, ingest_many
from taxi_pipeline.ingest import text as ingest_text
from taxi_pipeline.ingest.rendering import print_ingested
from taxi_pipeline.lake import canonical_columns
from taxi_pipeline.schemas import Service, columns_of
from taxi_pipeline.synthetic import METADATA_KEY
from taxi_pipeline.zones.archive import keep_shapes
from trip_files import (
    CASES,
    FHV_HEADER,
    YELLOW_HEADER,
    YELLOW_NAME,
    YELLOW_ROW,
    Workplace,
    yellow_rows,
    yellow_text,
)

PUBLISHED = [
    file.name
    for file in listed()
    if re.match(rf"(heads|eras)/({'|'.join(Service)})_tripdata_.*csv$", file.name)
]
WORDS: dict[str, dict[str, Any]] = {
    "vendorid": {"cmt": 1, "vts": 2, "dds": 103},
    "payment_type": {
        **dict.fromkeys(("credit", "cre", "crd"), 1),
        **dict.fromkeys(("cash", "cas", "csh"), 2),
        **dict.fromkeys(("no charge", "noc"), 3),
        **{"dispute": 4, "dis": 4, "na": None},
    },
    "store_and_fwd_flag": {"0": "N"},
}
"""What the texts of files from 2009 to 2014 stand for."""


def read_number(text: str) -> Decimal:
    """A number without float noise such as that of 8.9000000000000004."""
    return Decimal(text).quantize(Decimal("0.000001"))


READERS: dict[str, Callable[[str], Any]] = {
    "integer": lambda text: int(Decimal(text)),
    "timestamp": datetime.fromisoformat,
    "varchar": str,
    "double": float,
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


# --- What TLC has published ------------------------------------------------------------------------


def _expected(service: Service, path: Path) -> list[dict[str, str]]:
    """The rows of a head by a reader of its own, with canonical names; the last line may be cut."""
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    header, *rows = csv.reader(lines)
    names = [name.strip().lower() for name in header]
    aliases = {alias: column.name for column in columns_of(service) for alias in column.aliases}
    records = []
    for row in rows:
        record: dict[str, str] = {}
        for name, text in zip(names, row, strict=False):
            record[aliases.get(name, name)] = text.strip() or record.get(
                aliases.get(name, name), ""
            )
        records.append(record)
    return records


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_row_of_every_era_comes_with_its_values(place: Workplace, name: str) -> None:
    path = real_file(name)
    if gives_points(path):
        keep_shapes(real_file(ZONES), place.settings)
    service = Service(path.name.partition("_")[0])
    expected = _expected(service, path)
    entry = place.ingest(path).entry
    assert entry.row_count == len(expected) > 0
    assert entry.rounded_count == 0

    names = [column.name for column in columns_of(service)]
    rows = place.rows(entry, ", ".join(["source_row", "raw_line", *names]))
    assert [row[0] for row in rows] == list(range(1, len(expected) + 1))
    whole = expected[:-1]  # the file is the beginning of a longer one
    assert [row[1] for row in rows[: len(whole)]] == [None] * len(whole)
    for row, record in zip(rows, whole, strict=False):
        for column, value in zip(columns_of(service), row[2:], strict=True):
            if column.parts:
                parts = [Decimal(text) for part in column.parts if (text := record.get(part))]
                assert value == (sum(parts) if parts else None), column.name
                continue
            text = record.get(column.name, "")
            wanted: Any
            if not text and column.located_by and set(column.located_by) <= record.keys():
                wanted = zone_by_shapely(*(record[name] for name in column.located_by))
            elif text.lower() in WORDS.get(column.name, {}):
                wanted = WORDS[column.name][text.lower()]
            else:
                wanted = READERS.get(column.type, read_number)(text) if text else None
            assert value == wanted, (column.name, text)


def test_the_columns_decide_and_not_the_month_of_the_name(place: Workplace) -> None:
    """TLC's Parquet files of before 2016-07 have zones, and its FHV files of 2015 and 2016 a dropoff."""
    for path in sorted((CASES / "official_before_2016").iterdir()):
        entry = place.ingest(path).entry
        assert (entry.row_count, entry.unparseable_count, entry.unknown_columns) == (200, 0, ())
        assert place.rows(entry, "count(pulocationid)") == [(200,)]


def test_whole_official_month_adds_up(place: Workplace) -> None:
    month = real_file("real/green_tripdata_2024-01.parquet")
    entry = place.ingest(month).entry
    assert entry.row_count == 56_551
    assert entry.total_amount == "1266922.59"
    assert (entry.unparseable_count, entry.rounded_count, entry.unknown_columns) == (0, 0, ())
    assert place.rows(entry, "count(*), sum(total_amount), sum(fare_amount), sum(tip_amount)") == [
        (56_551, Decimal("1266922.59"), Decimal("957367.44"), Decimal("127607.90"))
    ]
    source = pq.read_table(month).to_pylist()
    rows = place.rows(entry, "lpep_pickup_datetime, pulocationid, passenger_count, total_amount")
    assert len(rows) == len(source)
    for number in (0, 1, 7, 30_000, 56_550):
        pickup, zone, passengers, total = rows[number]
        record = source[number]
        assert (pickup, zone) == (record["lpep_pickup_datetime"], record["PULocationID"])
        assert passengers == record["passenger_count"]
        assert total == Decimal(str(record["total_amount"]))


@pytest.mark.parametrize(
    ("name", "rows"), [("yellow_tripdata_2019-06.csv", 10_000), ("fhv_tripdata_2020-04.csv", 1_000)]
)
def test_real_csv_keeps_every_row_compressed_or_not(place: Workplace, name: str, rows: int) -> None:
    path = real_file(f"real/{name}")
    plain = place.ingest(path).entry
    columns = "columns(c -> c not in ('source_file', 'ingested_at'))"
    before = place.rows(plain, columns)
    packed = place.ingest_text(f"{name}.gz", gzip.compress(path.read_bytes()))
    assert (plain.row_count, plain.unparseable_count) == (rows, 0)
    assert (packed.row_count, packed.source_format) == (rows, "csv.gz")
    assert place.rows(packed, columns) == before


def test_fhv_of_2018_takes_the_base_that_is_filled(place: Workplace) -> None:
    text = (
        '"Pickup_DateTime","DropOff_datetime","PUlocationID","DOlocationID","SR_Flag",'
        '"Dispatching_base_number","Dispatching_base_num"\n'
        '"2018-03-01 00:00:01","2018-03-01 00:10:01","","265","","B00001",""\n'
        '"2018-03-01 00:00:02","2018-03-01 00:10:02","7","8","1","",B00002\n'
        '"2018-03-01 00:00:03","2018-03-01 00:10:03","7","8","1","B00003",B00004\n'
    )
    entry = place.ingest_text("fhv_tripdata_2018-03.csv", text)
    assert (entry.row_count, entry.unparseable_count, entry.total_amount) == (3, 0, None)
    assert entry.unknown_columns == ()
    assert place.rows(entry, "dispatching_base_num, pulocationid, sr_flag") == [
        ("B00001", None, None),
        ("B00002", 7, 1),
        ("B00004", 7, 1),
    ]


# --- Texts of every make ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r\n", 1),
        lambda text: text.replace("\n", "\r\n").replace("\r\n", "\n", 1),
        lambda text: "".join(
            line + ("\n", "\r\n", "\r")[number % 3] for number, line in enumerate(text.split("\n"))
        ).rstrip("\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\n\n", 1),
        lambda text: text.replace("\n", "\r\n\r\n"),
        lambda text: text + "\n\n\r\n",
        lambda text: text.rstrip("\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", ",\n"),
        lambda text: text.replace("2.5\n", '2.5,,,"", ,,,,,,,,\n'),
        lambda text: text.replace("VendorID", " vendorid ").replace("RatecodeID", "RATECODEID"),
        lambda text: text.replace(",", ", "),
        lambda text: text.replace(",", " ,\t"),
        lambda text: '"' + text.rstrip("\n").replace(",", '","').replace("\n", '"\n"') + '"\n',
        lambda text: text.replace(",1.5,", ",1.50000000000000004,"),
        lambda text: text.replace(",0.3,", ",0.30000000000000004,"),
        lambda text: text.replace(",132,230,2,", ",132.0,230.00,2.0,"),
        lambda text: text.replace("00:00,1,1.5", "00:00,1.0,1.5"),
    ],
    ids=[
        "crlf", "crlf header", "lf header and crlf", "mixed line ends", "cr", "blank line 2",
        "crlf and blank lines", "blank lines at the end", "no end of the last line", "bom",
        "empty field", "many empty fields", "case and blanks of names", "blank after comma",
        "blanks and tabs", "quotes", "float noise of miles", "float noise of dollars",
        "codes as floats", "passengers as floats",
    ],
)  # fmt: skip
def test_makeup_of_a_text_changes_no_value(place: Workplace, change: Callable[[str], str]) -> None:
    columns = "columns(c -> c <> 'ingested_at')"
    text = yellow_text(*yellow_rows(10))
    plain = place.ingest_text(YELLOW_NAME, text)
    before = place.rows(plain, columns)
    changed = change(text)
    assert changed != text
    entry = place.ingest_text(YELLOW_NAME, changed)
    assert (entry.row_count, entry.unparseable_count, entry.rounded_count) == (10, 0, 0)
    assert entry.total_amount == "53.00"
    assert entry.source_sha256 != plain.source_sha256
    assert place.rows(entry, columns) == before


def test_line_ends_survive_the_edges_of_pieces(place: Workplace) -> None:
    rows = 30_000  # about 3 MB: line ends fall on every side of a piece's edge
    ends = ("\r\n", "\n", "\r\n\r\n", "\n\n")
    body = "".join(
        row + ends[(number * 7) % 4] for number, row in enumerate(yellow_rows(60) * (rows // 60))
    )
    entry = place.ingest_text(YELLOW_NAME, YELLOW_HEADER + "\r\n" + body)
    assert (entry.row_count, entry.unparseable_count) == (rows, 0)
    assert entry.total_amount == f"{(sum(range(60)) + 60 * 0.8) * (rows // 60):.2f}"
    assert place.rows(entry, "count(distinct source_row), min(source_row), max(source_row)") == [
        (rows, 1, rows)
    ]
    assert place.rows(entry, "source_row, total_amount")[-1] == (rows, Decimal("59.80"))


def test_lone_carriage_returns_are_line_ends_in_long_files(place: Workplace) -> None:
    rows = yellow_rows(60) * 250
    entry = place.ingest_text(YELLOW_NAME, "\r".join([YELLOW_HEADER, *rows]))
    assert (entry.row_count, entry.unparseable_count) == (15_000, 0)


def test_gzip_in_several_members_is_read_to_its_end(place: Workplace) -> None:
    text = yellow_text(*yellow_rows(10)).encode()
    entry = place.ingest_text(
        f"{YELLOW_NAME}.gz", gzip.compress(text[:700]) + gzip.compress(text[700:])
    )
    assert entry.row_count == 10


def test_missing_columns_are_null_and_unknown_ones_are_named(place: Workplace) -> None:
    entry = place.ingest_text(
        YELLOW_NAME,
        yellow_text(
            *(row + ",x,y" for row in yellow_rows(2)), header=YELLOW_HEADER + ", New_Fee ,näxt\x85"
        ),
    )
    assert entry.unknown_columns == ("New_Fee", "näxt")
    assert place.rows(entry, "airport_fee, cbd_congestion_fee, request_source") == [(None,) * 3] * 2
    assert [kept.unknown_columns for kept in place.lake.current()] == [entry.unknown_columns]


def test_names_with_line_separators_do_not_harm_the_manifest(place: Workplace) -> None:
    header = YELLOW_HEADER + ",a\u2028b,c\x0bd,e'f"
    entry = place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(1), header=header))
    assert entry.unknown_columns == ("a\u2028b", "c\x0bd", "e'f")
    place.lake.ensure()
    assert place.lake.current() == [entry]


@pytest.mark.parametrize("service", Service)
def test_partition_has_the_canonical_columns_whatever_the_file_has(
    place: Workplace, service: Service
) -> None:
    required = [column.name for column in columns_of(service) if column.required]
    entry = place.ingest_text(
        f"{service}_tripdata_2019-03.csv", ",".join(required) + "\n" + "," * (len(required) - 1)
    )
    canonical = canonical_columns(service)
    with duckdb.connect() as connection:
        wanted = connection.sql(
            "select " + ", ".join(f"cast(null as {c.type}) as {c.name}" for c in canonical)
        )
        for folder in (f"file_month={entry.file_month}", "no_rows"):
            [part] = (place.root / service / folder).iterdir()
            given = connection.sql(
                f"select * from read_parquet('{part}', hive_partitioning = false)"
            )
            assert (given.columns, given.types) == (wanted.columns, wanted.types)
    names = ", ".join(column.name for column in columns_of(service))
    assert place.rows(entry, names) == [(None,) * len(columns_of(service))]
    assert entry.total_amount == ("0.00" if service.is_metered else None)


@pytest.mark.parametrize(
    ("service", "first_id"), [("yellow", 1201903000000001), ("fhv", 3201903000000001)]
)
def test_lineage_leads_back_to_the_file(place: Workplace, service: str, first_id: int) -> None:
    if service == "yellow":
        text = yellow_text(*yellow_rows(3))
    else:
        text = FHV_HEADER + "\n" + "B1 ,2019-03-01 00:00:00,2019-03-01 00:01:00,1,2,\n" * 3
    name = f"{service}_tripdata_2019-03.csv"
    entry = place.ingest_text(name, text)
    stamped = datetime.fromisoformat(entry.ingested_at)
    assert place.rows(entry, "trip_id, service_type, file_month, source_row, source_file, ingested_at") == [
        (first_id + number, entry.service_type, datetime(2019, 3, 1).date(), number + 1, name, stamped)
        for number in range(3)
    ]  # fmt: skip
    assert entry.service_type == {"yellow": "Yellow", "fhv": "FHV"}[service]


# --- Money and codes -------------------------------------------------------------------------------


def test_real_fractions_of_a_cent_are_rounded_and_counted(place: Workplace) -> None:
    rows = [
        YELLOW_ROW.format(1).replace(",9.5,", ",9.505,").replace(",0.3,", ",0.301,"),
        YELLOW_ROW.format(2).replace(",9.5,", ",8.9000000000000004,"),
        YELLOW_ROW.format(3).replace(",9.5,", ",-9.509999999999999,"),
        YELLOW_ROW.format(4).replace("3.80", "x").replace(",9.5,", ",1.239,") + ",surplus",
    ]
    entry = place.ingest_text(YELLOW_NAME, yellow_text(*rows))
    assert (entry.rounded_count, entry.unparseable_count) == (2, 1)
    assert place.rows(entry, "fare_amount, improvement_surcharge")[:3] == [
        (Decimal("9.51"), Decimal("0.30")),
        (Decimal("8.90"), Decimal("0.30")),
        (Decimal("-9.51"), Decimal("0.30")),
    ]
    assert entry.total_amount == "8.40"


def _yellow_query(**changes: str) -> str:
    """Two rows of yellow trips as a query; changes give another expression for a column."""
    row = dict(zip(YELLOW_HEADER.split(","), YELLOW_ROW.format(5).split(","), strict=True))
    values = {
        name: f"timestamp '{text}'" if "time" in name
        else f"'{text}'" if name == "store_and_fwd_flag"
        else f"{text}::double"
        for name, text in row.items()
    }  # fmt: skip
    values |= changes
    items = ", ".join(f"{sql} as {name}" for name, sql in values.items())
    return f"select {items} from range(2) as r(n) order by n"


def test_parquet_values_of_every_type(place: Workplace) -> None:
    query = _yellow_query(
        VendorID="2::bigint",
        passenger_count="'nan'::double",
        RatecodeID="case n when 0 then null else 99.0 end",
        PULocationID="132::utinyint",
        DOLocationID="' 230 '",
        payment_type="0::decimal(3, 1)",
        trip_distance="328522.07::float",
        fare_amount="8.9000000000000004::double",
        extra="1.5::decimal(4, 2)",
        mta_tax="0.5::float",
        tip_amount="' 1.25 '",
        tolls_amount="2::integer",
        improvement_surcharge="0.125::double",
        congestion_surcharge="''",
        Airport_fee="1.75::double",
        store_and_fwd_flag="case n when 0 then ' Y ' else '' end",
        tpep_dropoff_datetime="timestamp_ns '2019-03-01 00:01:02.123456'",
    )
    entry = place.ingest(place.parquet("yellow_tripdata_2019-03.parquet", query)).entry
    assert (entry.row_count, entry.unparseable_count, entry.rounded_count) == (2, 0, 2)
    assert entry.source_format == "parquet (DuckDB)"
    names = (
        "vendorid, passenger_count, ratecodeid, pulocationid, dolocationid, payment_type, fare_amount,"
        "extra, mta_tax, tip_amount, tolls_amount, improvement_surcharge, congestion_surcharge,"
        "airport_fee, store_and_fwd_flag, tpep_dropoff_datetime"
    )
    money = [Decimal(text) for text in ("8.90", "1.50", "0.50", "1.25", "2.00", "0.13")]
    dropoff = datetime(2019, 3, 1, 0, 1, 2, 123456)
    assert place.rows(entry, names) == [
        (2, None, None, 132, 230, 0, *money, None, Decimal("1.75"), "Y", dropoff),
        (2, None, 99, 132, 230, 0, *money, None, Decimal("1.75"), None, dropoff),
    ]
    assert place.rows(entry, "trip_distance")[0][0] == pytest.approx(
        Decimal("328522.07"), abs=Decimal("0.05")
    )


def test_zoned_parquet_time_keeps_its_clock_reading(place: Workplace) -> None:
    times = pa.array([datetime(2019, 3, 1, 2, 30), datetime(2019, 7, 1, 2, 30)], pa.timestamp("us"))
    path = place.parquet("yellow_tripdata_2019-03.parquet", _yellow_query())
    table = pq.read_table(path)
    zoned = times.cast(pa.timestamp("us", "UTC"))
    for name in ("tpep_pickup_datetime", "tpep_dropoff_datetime"):
        table = table.set_column(table.column_names.index(name), name, zoned)
    pq.write_table(table, path)
    with duckdb.connect() as connection:
        [described] = connection.sql(f"select tpep_pickup_datetime from '{path}'").types
    assert str(described) == "TIMESTAMP WITH TIME ZONE"
    entry = place.ingest(path).entry
    assert place.rows(entry, "tpep_pickup_datetime") == [(time.as_py(),) for time in times]


def test_parquet_of_many_row_groups_keeps_its_order(place: Workplace) -> None:
    query = _yellow_query(PULocationID="n % 265").replace("range(2)", "range(400000)")
    entry = place.ingest(
        place.parquet("yellow_tripdata_2019-03.parquet", query, ", row_group_size 20000")
    ).entry
    assert entry.row_count == 400_000
    with duckdb.connect() as connection:
        assert connection.execute(
            "select count(*), bool_and(source_row = file_row_number + 1"
            " and pulocationid = file_row_number % 265"
            " and trip_id = 1201903000000000 + source_row)"
            f" from read_parquet('{place.part(entry)}', file_row_number = true)"
        ).fetchall() == [(400_000, True)]


@pytest.mark.parametrize("says", [True, False])
def test_only_a_file_that_says_so_is_synthetic(place: Workplace, says: bool) -> None:
    options = f", kv_metadata {{'{METADATA_KEY}': '{'true' if says else 'no'}'}}"
    path = place.parquet("yellow_tripdata_2019-03.parquet", _yellow_query(), options)
    assert place.ingest(path).entry.is_synthetic is says


# --- Unparseable rows ------------------------------------------------------------------------------

GOOD = YELLOW_ROW.format(1)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (GOOD.rpartition(",")[0], None),
        ("x", None),
        ("  ", None),
        (GOOD + ",surplus", None),
        (GOOD + ",,,,7", None),
        (GOOD + "," * 300 + "7", None),
        (GOOD + ",7" * 2000, None),
        (GOOD.replace(",1.80,", ",free,"), None),
        (GOOD.replace(",1.80,", ",99999999999,"), None),
        (GOOD.replace(",1.80,", ",1_80,"), None),
        (GOOD.replace("2019-03-01", "2019-02-30", 1), None),
        (GOOD.replace("2019-03-01", "infinity", 1), None),
        (GOOD.replace("2019-03-01", "290000-03-01", 1), None),
        (GOOD.replace(",N,", ',"N,'), "parsed"),
        ('"' + GOOD.replace(",", ',"'), "parsed"),
        (GOOD.replace(",N,", ',"a,b",'), "parsed"),
        (GOOD.replace(",N,", ",\\,"), "parsed"),
        (GOOD.replace(",N,", ",N\0,"), "parsed"),
        (GOOD.replace(",N,", ",N,132,"), None),
        (GOOD.replace(",1.80,", ",é,"), None),
        (GOOD.encode().replace(b",1.80,", b",\xe9,"), GOOD.replace(",1.80,", ",é,")),
        (GOOD.replace(",1.80,", ",1.80\0x,"), GOOD.replace(",1.80,", ",1.80x,")),
        (GOOD.replace(",N,", ",é,"), "parsed"),
        (" " + GOOD.replace(",N,", ' , "N" ,') + " \t,x", None),
    ],
)
def test_unparseable_row_is_kept_as_text_and_shifts_no_other(
    place: Workplace, line: str | bytes, kept: str | None
) -> None:
    raw = line.encode() if isinstance(line, str) else line
    before, after = yellow_rows(3), yellow_rows(60)
    text = "\n".join([YELLOW_HEADER, *before, "@", *after]).encode() + b"\n"
    entry = place.ingest_text(YELLOW_NAME, text.replace(b"@", raw))
    parsed = kept == "parsed"
    assert entry.row_count == 64
    assert entry.unparseable_count == (0 if parsed else 1)
    rows = place.rows(entry, "source_row, raw_line, total_amount")
    totals = [Decimal(f"{number}.80") for number in range(60)]
    assert rows[:3] == [(n + 1, None, totals[n]) for n in range(3)]
    assert rows[4:] == [(n + 5, None, totals[n]) for n in range(60)]
    assert rows[3] == ((4, None, totals[1]) if parsed else (4, kept or line, None))
    assert (
        entry.total_amount == f"{sum(totals) + sum(totals[:3]) + (totals[1] if parsed else 0):.2f}"
    )
    if not parsed:
        names = [column.name for column in columns_of(Service.YELLOW)]
        assert place.rows(entry, ", ".join(names))[3] == (None,) * len(names)


@pytest.mark.parametrize(
    ("column", "given", "bad"),
    [
        ("vendorid", "2,2019", "two,2019"),
        ("pulocationid", ",132,", ",1.5,"),
        ("pulocationid", ",132,", ",99999999999,"),
        ("fare_amount", ",9.5,", ",free,"),
        ("fare_amount", ",9.5,", ",99999999999,"),
        ("fare_amount", ",9.5,", ",inf,"),
        ("fare_amount", ",9.5,", ",9_5,"),
        ("trip_distance", ",1.5,", ",1e12,"),
        ("tpep_dropoff_datetime", "2019-03-01 01:00:00", "yesterday"),
        ("tpep_dropoff_datetime", "2019-03-01 01:00:00", "10000-01-01 00:00:00"),
    ],
)
def test_a_field_that_cannot_be_read_is_null_and_named_and_its_row_stays(
    place: Workplace, column: str, given: str, bad: str
) -> None:
    assert given in GOOD
    entry = place.ingest_text(YELLOW_NAME, yellow_text(GOOD, GOOD.replace(given, bad, 1), GOOD))
    assert entry.unparseable_count == 0
    others = [one.name for one in columns_of(Service.YELLOW) if one.name != column]
    assert place.rows(entry, f"raw_line, unreadable_fields, {column} is null") == [
        (None, None, False),
        (None, column, True),
        (None, None, False),
    ]
    well, row, _ = place.rows(entry, ", ".join(others))
    assert row == well


@pytest.mark.parametrize("word", ["NULL", "\\N", "nan", "NaN", "N/A", "None", "null", " ", ""])
def test_words_for_nothing_are_empty_fields(place: Workplace, word: str) -> None:
    fields = GOOD.split(",")
    for optional in (3, 4, 5, 6, 9, 10):
        fields[optional] = word
    entry = place.ingest_text(YELLOW_NAME, yellow_text(GOOD, ",".join(fields)))
    names = "passenger_count, trip_distance, ratecodeid, store_and_fwd_flag, payment_type"
    assert place.rows(entry, f"unreadable_fields, raw_line, {names}")[1] == (None,) * 7


def test_amounts_with_thousands_separators_and_american_times_are_read(place: Workplace) -> None:
    line = GOOD.replace(",9.5,", ',"1,052.30",').replace(
        "2019-03-01 01:00:00", "03/01/2019 01:00:05 PM"
    )
    text = "\ufeff" + yellow_text(GOOD, line)
    entry = place.ingest_text(YELLOW_NAME, text)
    assert place.rows(entry, "fare_amount, tpep_dropoff_datetime, unreadable_fields")[1] == (
        Decimal("1052.30"),
        datetime(2019, 3, 1, 13, 0, 5),
        None,
    )


@pytest.mark.parametrize(
    ("field", "base"),
    [
        ('"B0""1"', 'B0"1'),
        ('"B,""1"', 'B,"1'),
        ('"""B,1"""', '"B,1"'),
        ('"B0"""', 'B0"'),
        ('""""', '"'),
        ('""', None),
        ('"B01"', "B01"),
        ('B0""1', 'B0""1'),
    ],
)
def test_a_quote_that_a_quoted_field_writes_twice_is_one(
    place: Workplace, field: str, base: str | None
) -> None:
    line = f"{field},2019-03-01 00:00:00,2019-03-01 00:01:00,1,2,"
    text = "\n".join([FHV_HEADER, line, line.replace(",2019", ",x2019", 1), line]) + "\n"
    entry = place.ingest_text("fhv_tripdata_2019-03.csv", text)
    assert place.rows(entry, "dispatching_base_num, pulocationid, raw_line") == [
        (base, 1, None),
        (None, None, line.replace(",2019", ",x2019", 1)),
        (base, 1, None),
    ]


def test_a_line_break_within_quotes_ends_the_row(place: Workplace) -> None:
    first, second = '"B0', '1",2019-03-01 00:00:00,2019-03-01 00:01:00,1,2,'
    whole = second.replace('1"', "B01")
    text = "\n".join([FHV_HEADER, whole, first, second, whole]) + "\n"
    entry = place.ingest_text("fhv_tripdata_2019-03.csv", text)
    assert place.rows(entry, "source_row, dispatching_base_num, raw_line") == [
        (1, "B01", None),
        (2, None, first),
        (3, "1", None),
        (4, "B01", None),
    ]


def test_a_decimal_comma_is_no_thousands_separator(place: Workplace) -> None:
    lines = [
        GOOD.replace(",1.5,", f',"{miles}",') for miles in ("12,5", "1,052", "1,0523", "1,052.5")
    ]
    entry = place.ingest_text(YELLOW_NAME, yellow_text(GOOD, *lines))
    assert place.rows(entry, "trip_distance, unreadable_fields") == [
        (Decimal("1.500"), None),
        (None, "trip_distance"),
        (Decimal("1052.000"), None),
        (None, "trip_distance"),
        (Decimal("1052.500"), None),
    ]


def test_line_with_very_many_fields_is_kept_whole(place: Workplace) -> None:
    line = GOOD + ",7" * 30_000
    entry = place.ingest_text(YELLOW_NAME, yellow_text(GOOD, line, GOOD))
    assert (entry.row_count, entry.unparseable_count) == (3, 1)
    assert place.rows(entry, "source_row, raw_line") == [(1, None), (2, line), (3, None)]


@pytest.mark.parametrize(
    ("column", "sql", "is_essential"),
    [
        ("PULocationID", "1.5::double", False),
        ("PULocationID", "3000000000::bigint", False),
        ("PULocationID", "'here'", False),
        ("fare_amount", "1e11::double", False),
        ("fare_amount", "'infinity'::double", False),
        ("fare_amount", "99999999999::bigint", False),
        ("trip_distance", "1e12::double", False),
        ("payment_type", "0.5::decimal(3, 1)", False),
        ("total_amount", "1e11::double", True),
        ("tpep_pickup_datetime", "'infinity'::timestamp", True),
        ("tpep_pickup_datetime", "'late'", True),
        ("tpep_dropoff_datetime", "timestamp '0044-03-15 (BC) 12:00:00'", False),
    ],
)
def test_a_parquet_value_beyond_its_type_costs_the_row_only_where_it_is_essential(
    place: Workplace, column: str, sql: str, is_essential: bool
) -> None:
    good = "'2019-03-01 01:00:00'" if "'late'" in sql else None
    type_safe = {"'here'": "'7'", "'late'": good}
    other = type_safe.get(sql, "timestamp '2019-03-01'" if "datetime" in column else "7")
    change = {column: f"case n when 0 then {sql} else {other} end"}
    entry = place.ingest(
        place.parquet("yellow_tripdata_2019-03.parquet", _yellow_query(**change))
    ).entry
    assert (entry.row_count, entry.unparseable_count) == (2, int(is_essential))
    bad, well = place.rows(entry, f"raw_line, vendorid, {column}, unreadable_fields")
    if is_essential:
        assert f'"{column}":' in bad[0]
        assert '"VendorID":2.0' in bad[0]
        assert bad[1:] == (None, None, column.lower())
    else:
        assert bad == (None, 2, None, column.lower())
    assert (well[0], well[1], well[3]) == (None, 2, None)
    assert well[2] is not None


def test_a_text_is_a_time_only_if_it_is_wall_time(place: Workplace) -> None:
    """DuckDB also reads words, and drops an offset that it does not know what to do with."""
    row = "2,{0},2019-03-01 12:00:00,1,1.5,1,N,132,230,2,9.5,0.5,0.5,0,0,0.3,10.80,2.5"
    read = {
        "2019-03-01 10:00:00": 10,
        "2019-03-01T10:00:00.25": 10,
        " 2019-03-01 10:00:00 ": 10,
        "03/01/2019 10:00:00 PM": 22,
        "epoch": None,
        "infinity": None,
        "2019-03-01T10:00:00+05:00": None,
        "2019-03-01T10:00:00-05:00": None,
        "2019-03-01T10:00-05": None,
        "2019-03-01T10:00:00Z": None,
        **{f"2019-03-01 10:00:0{second}": 10 for second in range(1, 10)},
    }
    entry = place.ingest_text(YELLOW_NAME, yellow_text(*(row.format(text) for text in read)))
    hours = [hour for (hour,) in place.rows(entry, "hour(tpep_pickup_datetime)")]
    assert hours == list(read.values())


# --- Refusals --------------------------------------------------------------------------------------

TEXT = yellow_text(*yellow_rows(10)).encode()
NAME = YELLOW_NAME.removesuffix(".csv")


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (f"{NAME}.parquet", TEXT, "not a Parquet file but starts with 'VendorID"),
        (f"{NAME}.parquet", b"<html><body>403</body></html>", "starts with '<html>"),
        (f"{NAME}.parquet", b"PA", "not a Parquet file"),
        (f"{NAME}.parquet", b"PAR1", "cannot be read"),
        (f"{NAME}.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1", "cannot be read"),
        (f"{NAME}.csv.gz", gzip.compress(TEXT)[:-20], "cut off"),
        (f"{NAME}.csv.gz", gzip.compress(TEXT)[:-4] + b"abcd", "damaged"),
        (f"{NAME}.csv.gz", gzip.compress(TEXT) + b"garbage", "what follows is no gzip data: 'garbage'"),
        (f"{NAME}.csv.gz", gzip.compress(b"x", mtime=0) * 2 + b"<html>", "end at byte 42 of 48"),
        (f"{NAME}.csv.gz", gzip.compress(TEXT)[:30] + b"\xff" * 9 + gzip.compress(TEXT)[39:], "damaged"),
        (f"{NAME}.csv.gz", TEXT, "not a gzip file"),
        (f"{NAME}.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        (f"{NAME}.csv", gzip.compress(TEXT), "it is gzip data"),
        (f"{NAME}.zip", TEXT, "zip data is damaged"),
        (f"{NAME}.zip", _zip({"a.csv": TEXT})[:-20], "zip data is damaged"),
        (f"{NAME}.zip", _zip({"a.csv": TEXT, "b.csv": TEXT}), "holds a.csv, b.csv"),
        (f"{NAME}.csv.zip", _zip({"a.parquet": TEXT}), "holds a.parquet"),
        (f"{NAME}.csv.zip", _zip({}), "holds nothing"),
        (f"{NAME}.zip", _zip({"a/yellow_tripdata_2019-04.csv": TEXT}), "named yellow_tripdata_2019-04.csv"),
        (f"{NAME}.zip", _zip({"green_tripdata_2019-03 (1).CSV": TEXT}), "names contradict each other"),
        (f"{NAME}.csv.zip", _zip({"a.csv": b""}), "empty"),
        (f"{NAME}.csv.gz", gzip.compress(TEXT + b"1\n" * 40_000_000, 1), "unpack to more than 6"),
        (f"{NAME}.zip", _zip({"a.csv": TEXT + b"1\n" * 40_000_000}), "unpack to more than 6"),
        (f"{NAME}.csv", b"", "empty"),
        (f"{NAME}.csv.gz", b"", "empty"),
        (f"{NAME}.parquet", b"", "empty"),
        (f"{NAME}.csv", YELLOW_HEADER.encode(), "no rows"),
        (f"{NAME}.csv", YELLOW_HEADER.encode() + b"\r\n\r\n\n", "no rows"),
        (f"{NAME}.csv", TEXT.replace(b"fare_amount", b"fares"), "'fare_amount' is missing"),
        (f"{NAME}.csv", TEXT.replace(b"VendorID", b"Vendor"), "'vendorid' is missing"),
        (f"green_{NAME[7:]}.csv", TEXT, "'lpep_pickup_datetime' is missing"),
        (f"fhv_{NAME[7:]}.csv", TEXT, "is missing"),
        (f"{NAME}.csv", b"<!DOCTYPE html>\n<html>\n</html>\n", "not start with a TLC header"),
        (f"{NAME}.csv", b"a" * 70_000, "a line is longer"),
        (f"{NAME}.csv", TEXT + b"a" * 70_000 + b"\n" + TEXT, "a line is longer"),
        (f"{NAME}.csv", TEXT + b"a" * 5_000_000, "a line is longer"),
    ],
)  # fmt: skip
def test_unusable_file_is_refused_and_the_lake_is_as_it_was(
    place: Workplace, name: str, content: bytes, reason: str
) -> None:
    place.ingest_text(YELLOW_NAME, yellow_text(*yellow_rows(2)))
    assert reason in place.refuse(place.write(name, content)).reason


def test_text_beyond_any_file_of_tlcs_is_refused(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.write(YELLOW_NAME, yellow_text(*yellow_rows(60)))
    monkeypatch.setattr(ingest_text, "MOST_LINES", 60)
    assert "more than 60 lines" in place.refuse(path).reason
    monkeypatch.setattr(ingest_text, "MOST_LINES", 61)
    place.ingest(path)
    monkeypatch.setattr(ingest_text, "MOST_TEXT_BYTES", path.stat().st_size)
    assert place.ingest(path).status == "unchanged"
    path.write_text(yellow_text(*yellow_rows(60)) + " ")
    assert "bytes of text" in place.refuse(path).reason


def test_zip_file_of_one_csv_is_read(place: Workplace) -> None:
    content = _zip({"folder/trips.CSV": TEXT, "__MACOSX/x": b"x"})
    entry = place.ingest_text(f"{NAME}.csv.zip", content)
    assert (entry.row_count, entry.source_format, entry.source_bytes) == (
        10,
        "csv.zip",
        len(content),
    )
    assert entry.total_amount == "53.00"


@pytest.mark.parametrize(
    "packed",
    ["YELLOW_tripdata_201903.csv", "a/yellow_tripdata_2019-03 (1).csv", "x_tripdata_2019-04.csv"],
)
def test_the_name_within_a_zip_file_may_say_the_same_or_nothing(
    place: Workplace, packed: str
) -> None:
    assert place.ingest_text(f"{NAME}.zip", _zip({packed: TEXT})).row_count == 10


def test_part_files_are_one_file(place: Workplace) -> None:
    """Of any types and order of columns; the rows are numbered through, and the checksum is that of all parts."""
    folder = place.folder / "in" / "yellow_tripdata_2019-03.parquet"
    folder.mkdir(parents=True)
    whole = place.parquet(
        "whole.parquet", _yellow_query(PULocationID="n").replace("range(2)", "range(7)")
    )
    narrow = "* exclude (VendorID, PULocationID), PULocationID::integer as PULocationID, VendorID::integer as VendorID"
    for number, rows in enumerate(("* limit 3", "* limit 0", f"{narrow} limit 4 offset 3")):
        select, _, rest = rows.partition(" limit")
        part = folder / f"part-{number}.snappy.parquet"
        duckdb.execute(f"copy (select {select} from '{whole}' limit {rest}) to '{part}'")
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.crc").touch()
    result = place.ingest(folder)
    entry = result.entry
    assert (entry.row_count, entry.source_file, entry.source_format) == (
        7,
        folder.name,
        "parquet (DuckDB)",
    )
    assert entry.source_bytes == sum(part.stat().st_size for part in folder.glob("part-*"))
    assert place.rows(entry, "source_row, pulocationid") == [(n + 1, n) for n in range(7)]
    listing = subprocess.run(
        ["sha256sum", *sorted(part.name for part in folder.glob("part-*"))],
        cwd=folder, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert entry.source_sha256 == hashlib.sha256(listing).hexdigest()
    assert place.ingest(folder).status == "unchanged"
    duckdb.execute(
        f"copy (select * exclude (extra) from '{whole}') to '{folder}/part-3.parquet' (format parquet)"
    )
    assert (
        "part-0.snappy.parquet and part-3.parquet have different columns"
        in place.refuse(folder).reason
    )
    (folder / "part-3.parquet").write_bytes(b"")
    assert "empty" in place.refuse(folder).reason


def test_part_files_of_the_same_bytes_are_refused(place: Workplace) -> None:
    """Unless they have no rows, which Spark writes where a task has nothing to write."""
    folder = place.folder / "in" / "yellow_tripdata_2019-03.parquet"
    folder.mkdir(parents=True)
    for number in range(3):
        place.parquet(
            f"{folder.name}/part-{number}.parquet", f"{_yellow_query()} limit {number // 2}"
        )
    assert place.ingest(folder).entry.row_count == 1
    (folder / "part-1.parquet").write_bytes((folder / "part-2.parquet").read_bytes())
    fault = place.refuse(folder)
    assert "its part files part-1.parquet and part-2.parquet hold the same bytes" in fault.reason


def test_fhv_file_with_a_pickup_only_has_no_dropoff(place: Workplace) -> None:
    rows = "B00013,2015-02-01 00:00:00,\nB00013,2015-02-01 00:01:00,7\n"
    entry = place.ingest_text(
        "fhv_tripdata_2015-02.csv", "Dispatching_base_num,Pickup_date,locationID\n" + rows
    )
    assert (entry.row_count, entry.unparseable_count, entry.unknown_columns) == (2, 0, ())
    assert place.rows(entry, "dispatching_base_num, pulocationid, dropoff_datetime, dolocationid") == [
        ("B00013", None, None, None),
        ("B00013", 7, None, None),
    ]  # fmt: skip


def test_unusable_parquet_is_refused(place: Workplace) -> None:
    path = place.parquet("yellow_tripdata_2019-03.parquet", _yellow_query())
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    assert "cut off" in place.refuse(path).reason
    path.write_bytes(whole[:40] + whole[200:])
    assert "cannot be read" in place.refuse(path).reason
    place.parquet(path.name, _yellow_query() + " limit 0")
    assert "no rows" in place.refuse(path).reason
    place.parquet(path.name, f"select * exclude (total_amount) from ({_yellow_query()})")
    assert "'total_amount' is missing" in place.refuse(path).reason
    path.unlink()
    assert "no such file" in place.refuse(path).reason
    path.mkdir()
    assert "no Parquet part file" in place.refuse(path).reason
    text_file = place.folder / "in" / YELLOW_NAME
    text_file.mkdir()
    assert "not a file" in place.refuse(text_file).reason


def _without_powers(code: str) -> str:
    """Code that is run without the superuser's power to read everything, which a process can give up at a new start."""
    if os.geteuid() != 0:
        return code
    return (
        "import ctypes\n"
        "for power in (1, 2): assert ctypes.CDLL(None).prctl(24, power, 0, 0, 0) == 0\n"
        "if 'again' not in argv: os.execv(sys.executable, [sys.executable, '-c',"
        " Path('/proc/self/cmdline').read_text().split('\\0')[2], *argv, 'again'])\n"
    ) + code


@pytest.mark.parametrize("in_parquet", [False, True])
def test_a_partition_with_codes_at_the_ends_can_be_read_by_pyarrow(
    place: Workplace, in_parquet: bool
) -> None:
    """Neighbors that differ by more than 2**31 are written in a form that PyArrow cannot read."""
    codes = (1, -2147483648, 2147483647, -999999999, 999999999, 2)
    rows = [row.split(",") for row in yellow_rows(len(codes))]
    text = yellow_text(
        *(",".join([*row[:3], str(code), *row[4:]]) for row, code in zip(rows, codes, strict=True))
    )
    path = place.write(YELLOW_NAME, text)
    if in_parquet:
        columns = "* replace (passenger_count::integer as passenger_count)"
        path = place.parquet(
            f"{path.stem}.parquet", f"select {columns} from read_csv('{path}', header = true)"
        )
    entry = place.ingest(path).entry
    read = pq.read_table(place.part(entry))
    assert read["passenger_count"].to_pylist() == [1, None, None, -999999999, 999999999, 2]
    assert read["unreadable_fields"].to_pylist()[:3] == [None, "passenger_count", "passenger_count"]


def test_unreadable_file_is_refused(place: Workplace) -> None:
    path = place.write(YELLOW_NAME, TEXT)
    path.chmod(0)
    code = "try: ingest_file(Path(argv[0]), lake, settings)\nexcept TaxiError as e: print(e)"
    out, err = place.start(_without_powers(code), path).communicate()
    assert err == ""
    assert out.startswith(f"{YELLOW_NAME}: the file cannot be read")
    assert "Permission denied" in out
    assert "Check the permissions" in out


def test_unreadable_folder_is_named_and_the_others_are_read(place: Workplace) -> None:
    folder = place.write(YELLOW_NAME, TEXT).parent
    closed = folder / "closed"
    parts = folder / "yellow_tripdata_2019-04.parquet"
    for unreadable in (closed, parts):
        unreadable.mkdir(mode=0)
    code = (
        "from taxi_pipeline.ingest import ingest_many\n"
        "outcome = ingest_many([argv[0], argv[0] + '/closed/x.csv'], lake, settings)\n"
        "print(*outcome.failures, [r.entry.source_file for r in outcome.results], sep='\\n')"
    )
    out, err = place.start(_without_powers(code), folder).communicate()
    assert err == ""
    said = "cannot be read: Permission denied. Check the path and its permissions."
    assert out.splitlines() == [
        f"{closed}: it {said}",
        f"{parts}: it {said}",
        f"{closed}/x.csv: it {said}",
        f"['{YELLOW_NAME}']",
    ]


@pytest.mark.parametrize("limit", [20_000, 2_000_000])
@pytest.mark.full  # a fault of the system, with a large file
def test_full_disk_leaves_the_lake_as_it_was(place: Workplace, limit: int) -> None:
    place.ingest_text(YELLOW_NAME, TEXT)
    query = _yellow_query(fare_amount="random() * 1e6", tip_amount="random() * 1e6")
    query = query.replace("range(2)", "range(500000)")
    path = place.parquet("yellow_tripdata_2019-03.parquet", query)
    before = place.snapshot()
    out, err = place.start(
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try: ingest_file(Path(argv[0]), lake, settings)\nexcept TaxiError as e: print(e)",
        path,
    ).communicate()
    assert err == ""
    assert "no space left" in out
    assert path.name in out
    assert place.snapshot() == before
    assert place.temporaries() == []


def test_file_that_changes_while_it_is_read_is_refused(place: Workplace) -> None:
    path = place.write(YELLOW_NAME, TEXT)
    place.lake.ensure()
    before = place.snapshot()

    def grow(told: str) -> None:
        if told.startswith("Writing"):
            path.write_bytes(TEXT + TEXT)

    with pytest.raises(TaxiError, match="changed while it was read"):
        ingest_file(path, place.lake, place.settings, grow)
    assert place.snapshot() == before
    assert place.temporaries() == []


def test_two_files_of_one_month_are_both_refused(place: Workplace) -> None:
    one = place.write(YELLOW_NAME, TEXT)
    other = place.write(f"{YELLOW_NAME}.gz", gzip.compress(TEXT))
    third = place.write("yellow_tripdata_2019-04.csv", TEXT)
    wrong = place.write("yellow_tripdata_2008-04.csv", TEXT)
    outcome = ingest_many([one, third, other, str(third), wrong], place.lake, place.settings)
    assert [result.entry.source_file for result in outcome.results] == [third.name]
    assert len(outcome.failures) == 2
    assert outcome.exit_code == 2
    [rivals] = [fault for fault in outcome.failures if "2019-03" in fault.reason]
    assert str(one) in rivals.subject
    assert str(other) in rivals.subject
    assert ingest_many([third], place.lake, place.settings).exit_code == 0


def test_one_bad_file_does_not_keep_others_out(place: Workplace) -> None:
    empty = place.write("yellow_tripdata_2019-01.csv", b"")
    good = place.write("yellow_tripdata_2019-02.csv", TEXT)
    outcome = ingest_many([good.parent, "nowhere"], place.lake, place.settings)
    assert [result.entry.source_file for result in outcome.results] == [good.name]
    assert [fault.subject for fault in outcome.failures] == ["nowhere", str(empty)]


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        (f"green_{NAME[7:]}.csv", TEXT, "those of yellow trips"),
        (f"{NAME}.csv", TEXT.replace(b",", b";"), "separated by semicolons"),
        (f"{NAME}.csv", TEXT.replace(b",", b"\t"), "separated by tabs"),
    ],
)
def test_a_refused_file_says_what_it_seems_to_be(
    place: Workplace, name: str, content: bytes, remedy: str
) -> None:
    assert remedy in place.refuse(place.write(name, content)).remedy


@pytest.mark.parametrize(
    ("form", "pack", "reason", "remedy"),
    [
        ("csv", bytes, "it is a Parquet file", ""),
        ("csv.gz", bytes, "it is a Parquet file", ""),
        ("zip", bytes, "it is a Parquet file", ""),
        ("csv.gz", gzip.compress, "it packs a Parquet file", "unpack it and "),
        ("zip", lambda text: _zip({"a.csv": text}), "it packs a Parquet file", "unpack it and "),
    ],
)
def test_parquet_under_another_name_is_called_parquet(
    place: Workplace, form: str, pack: Callable[[bytes], bytes], reason: str, remedy: str
) -> None:
    content = place.parquet(f"{NAME}.parquet", _yellow_query()).read_bytes()
    fault = place.refuse(place.write(f"{NAME}.{form}", pack(content)))
    assert fault.reason == f"{reason}, by its first bytes PAR1"
    assert fault.remedy == f"{remedy}name it {NAME}.parquet"


def test_bytes_of_another_format_are_not_said_to_be_columns(place: Workplace) -> None:
    fault = place.refuse(place.write(f"{NAME}.csv", b"PK\x03\x04\t\t\x00\t\n" * 9))
    assert "separated" not in fault.remedy


def test_a_line_tells_the_rows_before_and_names_every_file_that_was_passed_over(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=said, width=2000))
    path = place.write(YELLOW_NAME, yellow_text(*yellow_rows(9)))
    ingest_many([path], place.lake, place.settings)
    place.write(YELLOW_NAME, yellow_text(*yellow_rows(4)))
    others = [place.write(f"note-{number:02d}.txt", b"x").name for number in range(23)]
    print_ingested(ingest_many([path.parent], place.lake, place.settings))
    printed = " ".join(said.getvalue().split())
    assert f"replaced {YELLOW_NAME}: 4 rows (before: 9; `taxi diff` compares)" in printed
    assert "Skipped 3 more that are not trip files: " in printed
    assert all(name in printed for name in others)


# --- Again, restated, in any order -----------------------------------------------------------------


def test_same_file_twice_changes_nothing(place: Workplace) -> None:
    path = place.write(YELLOW_NAME, TEXT)
    first = place.ingest(path)
    before, status = place.snapshot(), place.part(first.entry).stat()
    second = place.ingest(path)
    assert (first.status, second.status) == ("ingested", "unchanged")
    assert second.entry == first.entry
    assert place.snapshot() == before
    again = place.part(first.entry).stat()
    assert (again.st_mtime_ns, again.st_ino) == (status.st_mtime_ns, status.st_ino)


def test_restated_month_takes_the_place_of_the_earlier_one(place: Workplace) -> None:
    old = place.ingest_text(YELLOW_NAME, TEXT)
    result = place.ingest(place.write(YELLOW_NAME, yellow_text(*yellow_rows(3))))
    assert result.status == "replaced"
    assert result.entry.ingested_at > old.ingested_at
    assert len(place.rows(result.entry, "source_row")) == 3
    first, second = place.lake.history()
    assert (first.load_id, first.superseded_at) == (old.load_id, result.entry.ingested_at)
    assert second == result.entry
    assert place.lake.current() == [second]
    assert place.lake.find(Service.YELLOW, datetime(2019, 3, 1).date()) == second
    back = place.ingest(place.write(YELLOW_NAME, TEXT))
    assert (back.status, len(place.lake.history())) == ("replaced", 3)


def test_order_of_months_does_not_matter(place: Workplace, tmp_path: Path) -> None:
    def contents(order: list[int], folder: Path) -> list[list[tuple[Any, ...]]]:
        folder.mkdir()
        other = Workplace(folder)
        entries = {
            month: other.ingest_text(
                f"yellow_tripdata_2019-{month:02d}.csv", yellow_text(*yellow_rows(month))
            )
            for month in order
        }
        assert len(other.lake.current()) == 3
        return [
            other.rows(entries[month], "columns(c -> c <> 'ingested_at')") for month in (1, 2, 3)
        ]

    assert contents([3, 1, 2], tmp_path / "a") == contents([1, 2, 3], tmp_path / "b")


def test_real_files_and_synthetic_ones_never_mix(place: Workplace) -> None:
    options = f", kv_metadata {{'{METADATA_KEY}': 'true'}}"
    made = [
        place.parquet(f"yellow_tripdata_2019-0{month}.parquet", _yellow_query(), options)
        for month in (3, 4)
    ]
    assert all(place.ingest(path).entry.is_synthetic for path in made)
    real = place.ingest_text("yellow_tripdata_2019-05.csv", TEXT)
    assert place.lake.current() == [real]
    assert len(place.lake.history()) == 3
    place.lake.prune(place.lake.prunable())
    left = sorted(path.name for path in (place.root / "yellow").iterdir())
    assert left == ["file_month=2019-05-01", "no_rows"]
    assert "synthetic" in place.refuse(made[0]).reason


# --- Interrupted, and side by side -----------------------------------------------------------------


@pytest.fixture(scope="module")
def large_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / YELLOW_NAME
    path.write_text(yellow_text(*yellow_rows(60) * 10_000))
    return path


INGEST = "print(ingest_file(Path(argv[0]), lake, settings).status)"


@pytest.mark.parametrize("step", ["Reading", "Writing"])
@pytest.mark.full  # a fault of the system, with a large file
def test_kill_half_way_leaves_the_old_state_and_the_next_call_heals(
    place: Workplace, large_csv: Path, step: str
) -> None:
    place.ingest_text(YELLOW_NAME, TEXT)
    before = place.snapshot()
    run = place.start(
        f"ingest_file(Path(argv[0]), lake, settings, lambda text: '{step}' in text and print('now', flush=True))",
        large_csv,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "now\n"
    deadline = time.monotonic() + 30
    pattern = ".part-*" if step == "Writing" else "nothing"
    while pattern == ".part-*" and not list(place.root.rglob(pattern)):
        assert time.monotonic() < deadline
    run.kill()
    assert run.wait() == -signal.SIGKILL
    run.communicate()
    left = place.temporaries()
    assert left
    assert {name: data for name, data in place.snapshot().items() if ".part-" not in name} == before

    other = place.ingest_text("yellow_tripdata_2019-04.csv", TEXT)
    assert place.temporaries() == []
    assert other in place.lake.current()
    assert len(place.lake.current()) == 2


def test_a_kill_before_the_manifest_names_a_version_leaves_a_file_that_nobody_reads(
    place: Workplace,
) -> None:
    first = place.ingest_text(YELLOW_NAME, TEXT)
    restated = place.write(YELLOW_NAME, yellow_text(*yellow_rows(3)))
    run = place.start(
        "from taxi_pipeline.lake.storage import FolderStorage\n"
        "FolderStorage.swap = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n" + INGEST,
        restated,
    )
    run.communicate()
    assert run.returncode == -signal.SIGKILL
    assert place.lake.current() == [first]
    [left] = place.set_aside()
    assert place.lake.prunable() == [], "its writer may still be at work"
    second = place.ingest(restated).entry
    assert place.lake.current() == [second]
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    place.lake.prune(place.lake.prunable())
    assert set(place.set_aside()) == {str(place.part(first))}


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.full  # processes that wait for each other
def test_processes_side_by_side_leave_one_consistent_lake(
    place: Workplace, large_csv: Path, same: bool
) -> None:
    other = large_csv if same else place.folder / "yellow_tripdata_2019-04.csv"
    if not same:
        other.write_text(large_csv.read_text().replace("2019-03-", "2019-04-"))
    runs = [place.start(INGEST, path) for path in (large_csv, other)]
    said = [run.communicate() for run in runs]
    assert [err for _, err in said] == ["", ""]
    assert sorted(out.strip() for out, _ in said) == [
        "ingested",
        "unchanged" if same else "ingested",
    ]
    current = place.lake.current()
    assert len(current) == len(place.lake.history()) == (1 if same else 2)
    assert [len(place.rows(entry, "source_row")) for entry in current] == [600_000] * len(current)
    assert place.temporaries() == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.full  # large files
def test_memory_does_not_grow_with_the_file(place: Workplace, large_csv: Path, form: str) -> None:
    def peak(rows: int) -> int:
        name = f"yellow_tripdata_2019-03.{form}"
        if form == "csv":
            place.write(name, yellow_text(*yellow_rows(60) * (rows // 60)))
        else:
            query = _yellow_query(fare_amount="random()", tip_amount="random()")
            place.parquet(
                name, query.replace("range(2)", f"range({rows})").replace(" order by n", "")
            )
        out, err = place.start(
            INGEST.replace("settings", "settings, accept_critical=True")  # its rows repeat
            + "\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)",
            place.folder / "in" / name,
        ).communicate()
        assert err == ""
        return int(out.split()[-1])

    assert peak(1_200_000) < 2 * peak(120_000)
