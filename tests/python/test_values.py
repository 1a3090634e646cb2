"""Values that other programs and broken ones write: read, named, or refused in one sentence; made-up files."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import ManifestEntry
from trip_files import CASES, YELLOW_HEADER, YELLOW_ROW, Workplace, yellow_text

NAME = "fhv_tripdata_2019-03.parquet"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def case(pattern: str) -> Path:
    [path] = CASES.glob(pattern)
    return path


def fhv_query(
    pickup: str = "timestamp '2019-03-01 00:00:00'",
    dropoff: str = "timestamp '2019-03-01 00:10:00'",
) -> str:
    """A trip of FHV as a query, with these times."""
    return (
        f"select 'B00001' as dispatching_base_num, {pickup} as pickup_datetime, {dropoff} as dropoff_datetime,"
        " 1 as PULocationID, 2 as DOLocationID"
    )


def unread(entry: ManifestEntry, place: Workplace) -> list[tuple[object, ...]]:
    """The rows of which something could not be read."""
    rows = place.rows(entry, "source_row, unreadable_fields, raw_line is not null")
    return [row for row in rows if row[1] is not None or row[2]]


def test_a_time_at_the_end_of_its_type_costs_its_own_row(place: Workplace) -> None:
    entry = place.ingest(case("time_at_the_end_of_its_type/*.parquet")).entry
    [(_, column, is_unparseable)] = unread(entry, place)
    assert (column, is_unparseable) == ("tpep_pickup_datetime", True)
    assert entry.unparseable_count == 1
    [raw] = [row for (row,) in place.rows(entry, "raw_line") if row is not None]
    assert "out of range" in raw


def test_a_nul_byte_is_removed(place: Workplace) -> None:
    entry = place.ingest(case("nul_byte/*.csv")).entry
    assert (entry.unparseable_count, unread(entry, place)) == (0, [])
    flags = {flag for (flag,) in place.rows(entry, "store_and_fwd_flag")}
    assert all("\0" not in (flag or "") for flag in flags)


def test_an_amount_of_ten_digits_is_kept(place: Workplace) -> None:
    entry = place.ingest(case("amount_of_ten_digits/*.csv")).entry
    assert entry.unparseable_count == 0
    fares = [fare for (fare,) in place.rows(entry, "fare_amount")]
    assert max(fares) == Decimal("9999999999.99")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (
            "boolean_vendor/*.parquet",
            "the column 'VendorID' is of type BOOLEAN, such as 'true'; expected is a whole number",
        ),
        (
            "epoch_times/*.parquet",
            "the column 'tpep_pickup_datetime' is of type BIGINT, such as '16",
        ),
    ],
)
def test_a_column_of_another_kind_is_refused_in_a_sentence(
    place: Workplace, pattern: str, said: str
) -> None:
    assert said in str(place.refuse(case(pattern)))


def test_a_date_is_no_time_of_a_trip(place: Workplace) -> None:
    said = str(place.refuse(place.parquet(NAME, fhv_query(pickup="date '2019-03-01'"))))
    assert "the column 'pickup_datetime' is of type DATE, such as '2019-03-01'" in said
    assert "expected is a time such as 2024-01-31 23:59:59" in said


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        (("America/New_York",) * 2, "the times in 'pickup_datetime' have the time zone America/New_York"),
        (
            ("UTC", None),
            "some of its times have the time zone UTC, as in 'pickup_datetime', and others have none, as in 'drop",
        ),
        ((None, "America/New_York"), "some of its times have the time zone America/New_York, as in 'drop"),
        (("UTC", "UTC"), None),
        ((None, None), None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_parts", [True, False])
def test_times_with_a_zone_are_read_only_where_all_are_marked_as_utc(
    place: Workplace, zones: tuple[str | None, str | None], said: str | None, *, in_parts: bool
) -> None:
    table = pq.read_table(place.parquet("whole.parquet", fhv_query()))
    pickup, dropoff = (pa.timestamp("us", zone) for zone in zones)

    def times(first: pa.DataType, second: pa.DataType) -> pa.Table:
        schema = table.schema.set(1, table.schema.field(1).with_type(first))
        return table.cast(schema.set(2, schema.field(2).with_type(second)))

    path = place.folder / "in" / NAME
    if in_parts:
        path.mkdir()
        for type_, packing in ((pickup, "snappy"), (dropoff, "zstd")):
            pq.write_table(times(type_, type_), path / f"{packing}.parquet", compression=packing)
    else:
        pq.write_table(times(pickup, dropoff), path)
    if said is None:
        entry = place.ingest(path).entry
        read = set(place.rows(entry, "pickup_datetime::varchar, dropoff_datetime::varchar"))
        assert read == {("2019-03-01 00:00:00", "2019-03-01 00:10:00")}
        return
    fault = place.refuse(path)
    assert (said in fault.reason) or in_parts
    assert fault.remedy == "write all its times as New York wall time without a zone"


@pytest.mark.parametrize(
    ("folder", "pickup", "zone"),
    [
        ("open_data", "2018-01-01 21:07:38", None),
        ("open_data/iso_part", "2018-01-01 16:36:21", 237),
    ],
)
def test_an_open_data_export_is_read(
    place: Workplace, folder: str, pickup: str, zone: int | None
) -> None:
    entry = place.ingest(case(f"{folder}/yellow_tripdata_2018-01.csv")).entry
    assert unread(entry, place) == []
    [first, *_] = place.rows(entry, "tpep_pickup_datetime, pulocationid")
    assert str(first[0]) == pickup
    assert zone in {None, first[1]}


def test_words_for_nothing_lose_no_row(place: Workplace) -> None:
    entry = place.ingest(case("words_for_nothing/*.csv")).entry
    assert unread(entry, place) == []
    assert {count for (count,) in place.rows(entry, "passenger_count")} == {None}


def test_names_of_another_publisher_are_known(place: Workplace) -> None:
    entry = place.ingest(case("other_names/*.csv")).entry
    assert unread(entry, place) == []
    first = place.rows(
        entry, "vendorid, pulocationid, dolocationid, improvement_surcharge, total_amount"
    )[0]
    assert first == (2, 161, 74, Decimal("0.30"), Decimal("16.80"))


def test_a_row_that_is_cut_off_is_kept_as_text(place: Workplace) -> None:
    entry = place.ingest(case("cut_off/*.csv")).entry
    assert entry.unparseable_count == 1
    assert place.rows(entry, "raw_line is not null")[-1] == (True,)


def test_a_column_that_nobody_can_read_refuses_the_file(place: Workplace) -> None:
    """However small the file is: its header says something else than its rows."""
    rows = [YELLOW_ROW.format(n).replace("2019-03-01", "March 1") for n in range(3)]
    said = str(place.refuse(place.write("yellow_tripdata_2019-03.csv", yellow_text(*rows))))
    assert "the column 'tpep_dropoff_datetime' cannot be read on 3 of 3 rows" in said
    assert "the first value is 'March 1 01:00:00'" in said
    assert "expected is a time such as 2024-01-31 23:59:59" in said


def test_two_columns_of_one_name_are_refused(place: Workplace) -> None:
    header = YELLOW_HEADER + ",vendorid"
    path = place.write("yellow_tripdata_2019-03.csv", f"{header}\n{YELLOW_ROW.format(1)},1\n")
    with pytest.raises(TaxiError, match="it has 2 columns named 'VendorID'"):
        place.ingest(path)
