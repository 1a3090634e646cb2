"""HVFHV: every real row is there with its values and its money, read a second time by Python alone."""

import csv
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from real_files import listed, real_file
from taxi_pipeline.schemas import Service, columns_of
from trip_files import HVFHV_HEADER, HVFHV_ROW, Workplace
from warehouse import Warehouse, copy_project

NAME = "fhvhv_tripdata_2024-01.csv"
FILES = [file.name for file in listed() if Path(file.name).name.startswith("fhvhv_tripdata_")]
PAID = (
    *("base_passenger_fare", "tolls", "bcf", "sales_tax", "congestion_surcharge"),
    *("airport_fee", "cbd_congestion_fee", "tips"),
)
MONEY = (*PAID, "driver_pay")
COLUMNS = {
    "trip_miles": "trip_distance_miles",
    "trip_time": "reported_duration_seconds",
    "base_passenger_fare": "fare_amount",
    "tolls": "tolls_amount",
    "bcf": "black_car_fund_amount",
    "sales_tax": "sales_tax_amount",
    "congestion_surcharge": "congestion_surcharge_amount",
    "airport_fee": "airport_fee_amount",
    "cbd_congestion_fee": "cbd_congestion_fee_amount",
    "tips": "tip_amount",
    "driver_pay": "driver_pay_amount",
    "PULocationID": "pickup_zone_id",
    "DOLocationID": "dropoff_zone_id",
    "request_datetime": "request_at",
    "on_scene_datetime": "on_scene_at",
    "originating_base_num": "originating_base_number",
    "dispatching_base_num": "dispatching_base_number",
    "hvfhs_license_num": "hvfhs_license_number",
}
"""Columns of the file, and of the fact."""


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of all real HVFHV files but one of two that hold the same month."""
    folder = tmp_path_factory.mktemp("high_volume")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("ingest", *(str(real_file(name)) for name in _of_one_month_each()))
    warehouse.taxi("build")
    return warehouse


def _of_one_month_each() -> list[str]:
    return list({Path(name).name: name for name in reversed(FILES)}.values())


def _records(name: str) -> list[dict[str, str]]:
    """The rows of a file as text, blanks removed; a head's last line may be cut."""
    with real_file(name).open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    return [
        {key: text.strip() for key, text in zip(rows[0], row, strict=False)} for row in rows[1:]
    ]


def _row(tips: str = "4.00", **changes: str) -> str:
    values = dict(zip(HVFHV_HEADER.split(","), HVFHV_ROW.format(tips=tips).split(","), strict=True))
    return ",".join({**values, **changes}.values())


def _text(*rows: str) -> str:
    return "\n".join([HVFHV_HEADER, *rows]) + "\n"


# --- Ingestion ---------------------------------------------------------------------------------------


def test_the_total_is_what_the_passenger_paid_without_the_drivers_pay(place: Workplace) -> None:
    entry = place.ingest_text(NAME, _text(_row(), _row(tips="0"), _row(tips="", airport_fee="")))
    assert place.rows(entry, "total_amount, driver_pay") == [
        (Decimal("50.49"), Decimal("25.00")),
        (Decimal("46.49"), Decimal("25.00")),
        (Decimal("43.99"), Decimal("25.00")),
    ]
    assert entry.total_amount == "140.97"


@pytest.mark.parametrize("column", PAID[:6] + PAID[7:])
def test_an_amount_that_cannot_be_read_leaves_no_total_to_be_trusted(
    place: Workplace, column: str
) -> None:
    entry = place.ingest_text(NAME, _text(_row(), _row(**{column: "12.x"})))
    assert entry.unparseable_count == 1
    assert entry.total_amount == "50.49"
    [(_, line, field)] = place.rows(entry, "total_amount, raw_line, unreadable_fields")[1:]
    assert "12.x" in line
    assert field == column


def test_any_other_value_that_cannot_be_read_costs_its_field_alone(place: Workplace) -> None:
    row = _row(driver_pay="x", trip_time="1.5", on_scene_datetime="soon")
    entry = place.ingest_text(NAME, _text(_row(), row))
    assert (entry.unparseable_count, entry.total_amount) == (0, "100.98")
    assert place.rows(entry, "driver_pay, trip_time, on_scene_datetime, unreadable_fields")[1] == (
        *(None, None, None),
        "on_scene_datetime,trip_time,driver_pay",
    )


def test_parts_that_overflow_their_sum_are_kept_as_text(place: Workplace) -> None:
    entry = place.ingest_text(NAME, _text(_row(), _row(base_passenger_fare="9999999999.99")))
    assert (entry.unparseable_count, entry.total_amount) == (1, "50.49")
    assert place.rows(entry, "unreadable_fields")[1] == ("total_amount",)


def test_a_file_without_amounts_has_no_total_and_says_so(place: Workplace) -> None:
    header = "hvfhs_license_num,dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag"
    rows = ["HV0003,B02764,2019-05-01 10:00:00,2019-05-01 10:10:00,132,230,1"]
    rows += ["HV0005,B02510,2019-05-01 10:00:00,2019-05-01 10:10:00,132,230,"]
    entry = place.ingest_text("fhvhv_tripdata_2019-05.csv", "\n".join([header, *rows]) + "\n")
    assert entry.total_amount is None
    assert place.rows(entry, "total_amount, base_passenger_fare, shared_match_flag") == [
        (None, None, "1"),
        (None, None, None),
    ]


def test_a_total_of_somebody_elses_is_not_taken(place: Workplace) -> None:
    entry = place.ingest_text(NAME, f"{HVFHV_HEADER},total_amount\n{_row()},1.00\n")
    assert (entry.total_amount, entry.unknown_columns) == ("50.49", ("total_amount",))


def test_columns_of_nothing_but_nulls_come_in_any_type(place: Workplace) -> None:
    """TLC's file of 2019-02 has wav_match_flag as INT32, and airport_fee is a null there."""
    records = [dict(zip(HVFHV_HEADER.split(","), _row().split(","), strict=True))] * 3
    table = pa.Table.from_pylist(records)
    kinds = {"wav_match_flag": pa.int32(), "airport_fee": pa.null(), "tips": pa.float64()}
    for name, kind in kinds.items():
        values = pa.array([4.0] * 3, kind) if name == "tips" else pa.nulls(3, kind)
        table = table.set_column(table.schema.get_field_index(name), name, values)
    path = place.write("fhvhv_tripdata_2024-01.parquet", b"")
    pq.write_table(table, path)
    entry = place.ingest(path).entry
    assert entry.total_amount == "143.97"
    assert place.rows(
        entry, "count(wav_match_flag), count(airport_fee), count(access_a_ride_flag)"
    ) == [(0, 0, 0)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "fhv_tripdata_2024-01.csv",
            "it has the column 'hvfhs_license_num', which only files of fhvhv",
        ),
        ("yellow_tripdata_2024-01.csv", "'vendorid' is missing"),
    ],
)
def test_a_file_under_the_name_of_another_service_is_refused(
    place: Workplace, name: str, reason: str
) -> None:
    error = place.refuse(place.write(name, f"{HVFHV_HEADER}\n{HVFHV_ROW.format(tips=1)}\n"))
    assert reason in error.reason
    assert "fhvhv" in error.remedy


def test_a_file_without_amounts_takes_no_place_of_one_with_them(place: Workplace) -> None:
    place.ingest_text(NAME, f"{HVFHV_HEADER}\n{HVFHV_ROW.format(tips=1)}\n")
    text = (
        "hvfhs_license_num,dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag\n"
        "HV0003,B02764,2024-01-05 10:00:00,2024-01-05 10:10:00,1,2,\n"
    )
    error = place.refuse(place.write(NAME, text))
    assert error.exit_code == 1
    assert error.reason.startswith("it has no amounts, and the version in the lake has ")


# --- From the file to the tables ---------------------------------------------------------------------


@pytest.mark.build  # one build of every file
@pytest.mark.parametrize("name", _of_one_month_each())
def test_every_row_is_accepted_or_rejected_with_its_money(built: Warehouse, name: str) -> None:
    records = _records(name)
    month = f"file_month = '{Path(name).stem[-7:]}-01'"
    found = built.query(
        "select source_row from (select source_row, file_month, service_type from fact_trips union all"
        f" select source_row, file_month, service_type from rejected_trips) where {month} order by 1"
    )
    assert [row for (row,) in found] == list(range(1, len(records) + 1))
    for column in MONEY:
        amounts = [Decimal(text) for record in records if (text := record.get(column))]
        [[counted, summed]] = built.query(
            f"select count(amount), sum(amount) from (select {COLUMNS[column]} as amount from fact_trips"
            f" where {month} union all select {COLUMNS[column]} from rejected_trips where {month})"
        )
        assert (counted, summed) == (len(amounts), sum(amounts) if amounts else None), column
    paid = [Decimal(text) for record in records for part in PAID if (text := record.get(part))]
    total = built.scalar(
        f"select sum(rider_payment_amount) from mart_daily_service_summary"
        f" where date_trunc('month', pickup_date) = '{Path(name).stem[-7:]}-01'"
    )
    assert total == (sum(paid) if paid else None)


@pytest.mark.build  # one build of every file
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("eras/")])
def test_every_column_has_the_nulls_and_the_sum_of_the_file(built: Warehouse, name: str) -> None:
    records = _records(name)
    month = f"service_type = 'HVFHV' and file_month = '{Path(name).stem[-7:]}-01'"
    assert set(records[0]) <= {
        *COLUMNS,
        *("pickup_datetime", "dropoff_datetime"),
        *(column.name for column in columns_of(Service.HVFHV)),
    }
    for column, name_there in COLUMNS.items():
        given = [record.get(column, "") for record in records]
        [[nulls, values]] = built.query(
            f"select count(*) - count({name_there}), list({name_there}::varchar order by source_row)"
            f" filter ({name_there} is not null)"
            f" from fact_trips where {month}"
        )
        assert nulls == given.count(""), column
        for text, value in zip(filter(None, given), values or (), strict=True):
            if column.endswith("datetime"):
                assert value.removesuffix(".0") == text.removesuffix(".000000")
            elif column.endswith("num"):
                assert value == text
            else:
                assert Decimal(value) == Decimal(text)
    for flag, there in {
        "shared_request_flag": "is_shared_ride_requested",
        "shared_match_flag": "is_shared_ride",
        "access_a_ride_flag": "is_access_a_ride",
        "wav_request_flag": "is_wheelchair_requested",
        "wav_match_flag": "is_wheelchair_accessible",
    }.items():
        words = {"Y": True, "N": False, "": None}
        counted = Counter(words[record[flag]] for record in records)
        found = built.query(f"select {there}, count(*) from fact_trips where {month} group by 1")
        assert dict(found) == counted, flag


@pytest.mark.build  # one build of every file
@pytest.mark.parametrize(
    ("month", "license_number", "tax", "fund"),
    [
        ("2020-04", "HV0003", 0.94, 0.84),
        ("2020-04", "HV0004", 0.83, 1.0),
        ("2020-04", "HV0005", 0.97, 0.98),
        ("2025-01", "HV0003", 0.70, 0.71),
        ("2025-01", "HV0005", 0.72, 0.76),
    ],
)
def test_taxes_and_funds_are_at_their_rates_as_often_as_measured(
    built: Warehouse, month: str, license_number: str, tax: float, fund: float
) -> None:
    [[taxed, funded, charged, listed_]] = built.query(
        "select sales_tax_at_rate_share, black_car_fund_at_rate_share,"
        " congestion_surcharge_charged_row_count + airport_fee_charged_row_count"
        " + cbd_congestion_fee_charged_row_count,"
        " congestion_surcharge_listed_row_count + airport_fee_listed_row_count + cbd_congestion_fee_listed_row_count"
        f" from mart_hvfhv_fare_audit where file_month = '{month}-01' and hvfhs_license_number = '{license_number}'"
    )
    assert tax <= float(taxed) <= 1
    assert fund <= float(funded) <= 1
    assert charged == listed_


@pytest.mark.build  # one build of every file
def test_waiting_times_are_those_of_the_file(built: Warehouse) -> None:
    records = _records("eras/fhvhv_tripdata_2025-01.csv")
    waits = [
        int(
            (
                datetime.fromisoformat(record["pickup_datetime"])
                - datetime.fromisoformat(record["request_datetime"])
            ).total_seconds()
        )
        for record in records
    ]
    [[trips, seconds, prearranged]] = built.query(
        "select sum(wait_trip_count), sum(wait_seconds), (select count(*) from fact_trips where is_prearranged"
        " and file_month = '2025-01-01') from mart_market_share where file_month = '2025-01-01'"
    )
    assert (trips, seconds) == (sum(wait >= 0 for wait in waits), sum(w for w in waits if w >= 0))
    assert prearranged == sum(wait < 0 for wait in waits) > 0
