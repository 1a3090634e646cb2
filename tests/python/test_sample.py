"""The sample's promises, checked in SQL on the files, without the code that planted them."""

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.sample import (
    MONTHS,
    PATHOLOGIES,
    TRIPS,
    FileReport,
    SampleReport,
    planted,
    write_sample,
)
from taxi_pipeline.schemas import Service
from taxi_pipeline.synthetic import METADATA_KEY, NOTICE

METERED = (Service.YELLOW, Service.GREEN)
FILES = [(service, month) for service in Service for month in MONTHS]

COLUMNS = {
    service: names.split()
    for service, names in {
        Service.YELLOW: """
            VendorID tpep_pickup_datetime tpep_dropoff_datetime passenger_count trip_distance
            RatecodeID store_and_fwd_flag PULocationID DOLocationID payment_type fare_amount extra
            mta_tax tip_amount tolls_amount improvement_surcharge total_amount
            congestion_surcharge Airport_fee cbd_congestion_fee""",
        Service.GREEN: """
            VendorID lpep_pickup_datetime lpep_dropoff_datetime store_and_fwd_flag RatecodeID
            PULocationID DOLocationID passenger_count trip_distance fare_amount extra mta_tax
            tip_amount tolls_amount ehail_fee improvement_surcharge total_amount payment_type
            trip_type congestion_surcharge cbd_congestion_fee""",
        Service.FHV: """
            dispatching_base_num pickup_datetime dropOff_datetime PUlocationID DOlocationID
            SR_Flag Affiliated_base_number""",
        Service.HVFHV: """
            hvfhs_license_num dispatching_base_num originating_base_num request_datetime
            on_scene_datetime pickup_datetime dropoff_datetime PULocationID DOLocationID trip_miles
            trip_time base_passenger_fare tolls bcf sales_tax congestion_surcharge airport_fee tips
            driver_pay shared_request_flag shared_match_flag access_a_ride_flag wav_request_flag
            wav_match_flag cbd_congestion_fee""",
    }.items()
}
"""The official files' columns in their order, typed here by hand."""

DISPATCHED = """(passenger_count is null and ratecodeid is null and store_and_fwd_flag is null
    and congestion_surcharge is null and airport_fee is null)"""
CLOCK_HOUR = "(p >= timestamp '2025-11-02 01:00:00' and p < timestamp '2025-11-02 02:00:00')"
CLOCK_CHANGE = f"({CLOCK_HOUR} and lasted < -60 and lasted + 3600 >= 0)"
TOLERATED = "(p >= month - interval 1 day and p < month + interval 1 month + interval 1 day)"
DUMMY = "(d >= timestamp '2100-01-01')"
PARTS = """(fare_amount + extra + mta_tax + tip_amount + tolls_amount + improvement_surcharge
    + coalesce(congestion_surcharge, 0) + coalesce(airport_fee, 0) + cbd_congestion_fee)"""
BY_RULE = f"""round(100 * (total_amount - {PARTS} + case
    when vendorid = 1 and not {DISPATCHED} then congestion_surcharge + coalesce(airport_fee, 0)
        + cbd_congestion_fee + if(service = 'green', improvement_surcharge, 0)
    else 0 end))"""
"""Cents by which the total misses the sum of its parts under its vendor's rule."""
PAID = """(base_passenger_fare + tolls + bcf + sales_tax + congestion_surcharge + airport_fee
    + cbd_congestion_fee + tips)"""
"""What an HVFHV passenger pays: the files have no total."""
TAXED = "(base_passenger_fare + tolls)"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> SampleReport:
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def db(report: SampleReport) -> Iterator[duckdb.DuckDBPyConnection]:
    """One table per file, such as ``yellow_10``, with p, d, lasted, month, service and row."""
    connection = duckdb.connect()
    for file in report.files:
        prefix = {"yellow": "tpep_", "green": "lpep_"}.get(file.service, "")
        extra = {
            Service.GREEN: ", null::double as airport_fee",
            Service.HVFHV: f", trip_miles as trip_distance, {PAID} as total_amount",
        }.get(file.service, "")
        connection.execute(
            f"""create table {table(file.service, file.month)} as
            select *{extra}, file_row_number + 1 as row, date '{file.month}' as month,
                '{file.service}' as service, {prefix}pickup_datetime as p,
                {prefix}dropoff_datetime as d,
                epoch({prefix}dropoff_datetime) - epoch({prefix}pickup_datetime) as lasted
            from read_parquet('{file.path}', file_row_number = true)"""
        )
    yield connection
    connection.close()


def table(service: Service, month: date) -> str:
    return f"{service}_{month.month}"


def count(db: duckdb.DuckDBPyConnection, relation: str, where: str = "true") -> int:
    row = db.execute(f"select count(*) from {relation} where {where}").fetchone()
    assert row is not None
    return int(row[0])


def every_column(service: Service) -> str:
    return ", ".join(COLUMNS[service])


def pairs(service: Service, month: date) -> str:
    """Negative rows with positive rows of the same trip and the opposite total."""
    name = table(service, month)
    return f"""(select n.row as negative, t.row as positive, n.p, n.d, n.payment_type as kind,
            t.payment_type as twin_kind
        from {name} n join {name} t using (vendorid, p, d, pulocationid, dolocationid)
        where n.total_amount < 0 and round(100 * n.total_amount) = -round(100 * t.total_amount))"""


def repeats(service: Service, month: date, columns: str) -> str:
    """Rows that equal an earlier one in the given columns."""
    return f"""(select *, row_number() over (partition by {columns} order by row) as nth
        from {table(service, month)} qualify nth > 1)"""


def key_of_trip(service: Service) -> str:
    if service not in METERED:
        return "dispatching_base_num, p, d, pulocationid, dolocationid"
    return "vendorid, p, d, pulocationid, dolocationid"


ROWS_WHERE = {
    "clock_change": f"{CLOCK_CHANGE} and lasted between -49 * 60 and -40 * 60",
    "pickup_missing": "p is null",
    "pickup_in_2009": "year(p) = 2009",
    "pickup_in_2090": "year(p) = 2090",
    "pickup_late_arrival": "p < month - interval 2 day and year(p) = 2025",
    "pickup_just_outside": """p in (month - interval 1 day - interval 1 second,
        month + interval 1 month + interval 1 day)""",
    "pickup_edge": f"date_trunc('month', p) <> month and {TOLERATED}",
    "dropoff_before_pickup": f"lasted < -60 and not {CLOCK_CHANGE}",
    "dropoff_seconds_before_pickup": "lasted between -60 and -1",
    "duration_nearly_24h": "lasted between 82800 and 86400 and vendorid = 2",
    "duration_over_24h": f"lasted > 86400 and not {DUMMY}",
    "dropoff_year_dummy": "year(d) = 3025",
    "reversal_unmatched": "total_amount < 0 and fare_amount < 0 and payment_type in (3, 4)",
    "refund_of_part": "total_amount < 0 and payment_type = 1",
    "fare_negative_total_positive": f"fare_amount < 0 and total_amount > 0 and {DISPATCHED}",
    "distance_over_200": "trip_distance > 200",
    "distance_negative": "trip_distance < 0",
    "distance_200": "trip_distance = 200",
    "distance_zero": "trip_distance = 0",
    "pickup_zone_264": "pulocationid = 264",
    "dropoff_zone_264": "dolocationid = 264",
    "dropoff_zone_265": "dolocationid = 265",
    "pickup_zone_null": "pulocationid is null",
    "pickup_zone_not_in_list": "pulocationid not between 1 and 265",
    "pickup_zone_corona": "pulocationid in (56, 57)",
    "dropoff_zone_islands": "dolocationid in (103, 104, 105)",
    "rate_code_99": "ratecodeid = 99",
    "passenger_count_0": "passenger_count = 0",
    "total_with_ehail_fee": f"payment_type = 1 and {BY_RULE} in (195, 390, 495)",
    "vendor_6": "vendorid = 6",
    "base_number_padded": "dispatching_base_num like '% '",
    "base_number_lower_case": "dispatching_base_num like 'b%'",
    "request_after_pickup": "request_datetime > pickup_datetime",
    "reported_duration_off": f"abs(trip_time - if({CLOCK_CHANGE}, lasted + 3600, lasted)) > 120 and lasted < 86400",
    "reported_duration_edge": "abs(trip_time - lasted) = 120",
    "fare_zero": "base_passenger_fare = 0",
    "fare_negative": "base_passenger_fare < 0",
    "driver_pay_zero": "driver_pay = 0",
    "airport_fee_of_other_heights": "airport_fee not in (0, 2.5)",
    "flag_blank": "access_a_ride_flag = ' '",
    "sales_tax_off": f"abs(sales_tax - {TAXED} * 0.08875) > 0.0151",
}


def found(db: duckdb.DuckDBPyConnection, service: Service, month: date) -> dict[str, int]:
    """Count every pathology in a file; those made of several rows by joins and windows."""
    name = table(service, month)
    numbers = {
        name_: count(db, name, where)
        for name_, where in ROWS_WHERE.items()
        if service in PATHOLOGIES[name_].counts
    }
    if service is Service.FHV:
        numbers["equal_row"] = count(db, repeats(service, month, every_column(service)))
        same = count(db, repeats(service, month, key_of_trip(service)))
        numbers["other_affiliated_base"] = same - numbers["equal_row"]
        return numbers
    if service is Service.HVFHV:
        numbers["equal_row"] = count(db, repeats(service, month, every_column(service)))
        return numbers
    numbers["exact_duplicate"] = count(db, repeats(service, month, every_column(service)))
    numbers["same_key_other_trip"] = count(
        db,
        f"""(select 1 from {name} where p is not null group by vendorid, p, pulocationid
        having count(distinct d) > 1)""",
    )
    groups = f"""(select count(distinct negative) as negatives, count(distinct positive) as
        positives, max(positive - negative) as gap, min(positive - negative) as least
        from {pairs(service, month)} group by p, d)"""
    numbers["reversal_pair"] = count(db, groups, "negatives = 1 and positives = 1 and gap = 1")
    numbers["reversal_pair_apart"] = count(
        db, groups, "negatives = 1 and positives = 1 and gap between 28 and 36"
    )
    numbers["reversal_group"] = count(db, groups, "negatives = 2 and positives = 3")
    paired = numbers["reversal_pair"] + numbers["reversal_pair_apart"]
    numbers["reversal_unmatched"] -= paired + 2 * numbers["reversal_group"]
    return numbers


@pytest.mark.parametrize(("service", "month"), FILES)
def test_every_pathology_is_in_the_file_as_often_as_promised(
    db: duckdb.DuckDBPyConnection, service: Service, month: date
) -> None:
    numbers = {name: number for name, number in found(db, service, month).items() if number}
    assert numbers == planted(service, month)


def test_every_pathology_has_a_check() -> None:
    """Those of points alone: test_points.py."""
    joined = {"exact_duplicate", "equal_row", "other_affiliated_base", "same_key_other_trip"}
    joined |= {"reversal_pair", "reversal_pair_apart", "reversal_group"}
    assert set(ROWS_WHERE) | joined == {name for name, p in PATHOLOGIES.items() if p.counts}


@pytest.mark.parametrize("file", range(12))
def test_rejects_are_what_the_rules_say_in_their_order(
    db: duckdb.DuckDBPyConnection, report: SampleReport, file: int
) -> None:
    """The rules of reject_reasons.csv, written down a second time."""
    expected = report.files[file]
    columns = every_column(expected.service)
    rows = db.execute(
        f"""select reason, count(*) from (
            select case
                when p is null then 'pickup_missing'
                when not {TOLERATED} then 'pickup_outside_file_month'
                when lasted < -60 and not {CLOCK_CHANGE} then 'dropoff_before_pickup'
                when lasted > 86400 and not (service = 'fhv' and {DUMMY}) then 'duration_over_24h'
                when service in ('yellow', 'green') and row_number() over (
                    partition by {columns} order by row) > 1 then 'exact_duplicate'
            end as reason from {table(expected.service, expected.month)}
        ) where reason is not null group by 1"""
    ).fetchall()
    assert dict(rows) == expected.rejected()


def test_report_counts_flags_per_row(report: SampleReport) -> None:
    november = next(f for f in report.files if f.service is Service.YELLOW and f.month.month == 11)
    pairs_of_rows = 2 * (
        november.planted["reversal_pair"] + november.planted["reversal_pair_apart"]
    )
    assert november.flagged() == {
        "is_duration_clock_adjusted": november.planted["clock_change"],
        "is_voided": pairs_of_rows + 4 * november.planted["reversal_group"],
        "is_unmatched_reversal": november.planted["reversal_unmatched"]
        + november.planted["refund_of_part"],
        "is_distance_implausible": november.planted["distance_over_200"]
        + november.planted["distance_negative"],
    }


def test_same_call_writes_the_same_bytes(report: SampleReport, tmp_path: Path) -> None:
    def digests(files: SampleReport) -> dict[str, str]:
        return {f.path.name: sha256(f.path.read_bytes()).hexdigest() for f in files.files}

    assert digests(write_sample(tmp_path)) == digests(report)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(digests(report))


def test_rows_are_pinned_and_do_not_depend_on_numpy_or_pyarrow(
    db: duckdb.DuckDBPyConnection,
) -> None:
    """A change of these sums is a change of the sample: say so in the commit."""
    sums = {}
    for service in Service:
        money = "null" if service is Service.FHV else "round(100 * total_amount)::bigint"
        row = f"select {money} as cents, epoch(d)::bigint as ended, dolocationid as zone"
        rows = " union all ".join(f"{row} from {table(service, month)}" for month in MONTHS)
        sums[service] = db.execute(
            f"""select count(*), sum(cents)::bigint, sum(ended)::bigint, sum(zone)::bigint
            from ({rows})"""
        ).fetchone()
    assert sums == {
        Service.YELLOW: (80_368, 207_249_422, 141_707_653_713_558, 13_206_708),
        Service.GREEN: (10_066, 25_103_195, 17_750_098_781_895, 1_331_881),
        Service.FHV: (60_204, None, 107_195_775_427_453, 6_025_758),
        Service.HVFHV: (60_217, 162_293_535, 106_178_745_756_410, 9_222_866),
    }


def test_report_ties_to_the_files(db: duckdb.DuckDBPyConnection, report: SampleReport) -> None:
    assert [(f.service, f.month) for f in report.files] == FILES
    assert report.rows == sum(file.rows for file in report.files)
    assert report.notice == NOTICE
    for file in report.files:
        name = table(file.service, file.month)
        added = sum(PATHOLOGIES[p].added_each * number for p, number in file.planted.items())
        assert file.path.name == f"{file.service}_tripdata_{file.month:%Y-%m}.parquet"
        assert file.rows == TRIPS[file.service][MONTHS.index(file.month)] + added
        assert count(db, name) == file.rows
        assert count(db, name, "pulocationid is null") == file.rows_without_pickup_zone
        if file.service in METERED:
            assert count(db, name, DISPATCHED) == file.dispatched_rows
        if file.service is not Service.FHV:
            cents = db.execute(f"select sum(round(100 * total_amount)) from {name}").fetchone()
            assert cents == (file.total_amount_cents,)


def test_volumes_rise_and_fall_as_published(report: SampleReport) -> None:
    rows = {(f.service, f.month.month): f.rows for f in report.files}
    totals = {s: sum(rows[s, m] for m in (10, 11, 12)) for s in Service}
    assert 79_000 < totals[Service.YELLOW] < 82_000
    assert 9_800 < totals[Service.GREEN] < 10_300
    assert 59_000 < totals[Service.FHV] < 61_000
    assert 59_000 < totals[Service.HVFHV] < 61_000
    for service in METERED:  # published_trip_counts.csv: November lowest, December between
        assert rows[service, 11] < rows[service, 12] < rows[service, 10]


@pytest.mark.parametrize(("service", "month"), FILES)
def test_columns_and_types_are_those_of_the_official_files(
    report: SampleReport, service: Service, month: date
) -> None:
    schema = pq.read_schema(_file(report, service, month).path)
    assert schema.names == COLUMNS[service]
    for field in schema:
        assert field.type == _official_type(field.name), field.name


def _file(report: SampleReport, service: Service, month: date) -> FileReport:
    return next(f for f in report.files if (f.service, f.month) == (service, month))


def _official_type(name: str) -> pa.DataType:
    if name == "VendorID" or name.lower().endswith("locationid"):
        return pa.int32()
    if name in {"passenger_count", "RatecodeID", "payment_type", "trip_type", "trip_time"}:
        return pa.int64()
    if name.lower().endswith("datetime"):
        return pa.timestamp("us")
    if name == "SR_Flag":
        return pa.null()
    if "base_num" in name or name.endswith("_flag") or name == "hvfhs_license_num":
        return pa.string()
    return pa.float64()


def test_files_say_that_they_are_synthetic(report: SampleReport) -> None:
    for file in report.files:
        metadata = pq.read_metadata(file.path).metadata
        assert metadata[METADATA_KEY.encode()] == b"true"
        assert metadata[b"taxi_notice"].decode() == NOTICE
    assert "not TLC data" in NOTICE


@pytest.mark.parametrize("service", METERED)
def test_totals_reconcile_by_vendor_rule(db: duckdb.DuckDBPyConnection, service: Service) -> None:
    for month in MONTHS:
        name, numbers = table(service, month), planted(service, month)
        missed = f"{BY_RULE} <> 0"
        # Outside the dispatch block, nothing but the planted e-hail fees misses.
        outside = count(db, name, f"not {DISPATCHED} and {missed}")
        assert outside == numbers["total_with_ehail_fee"]
        # Inside, the misses are the congestion surcharge that no column has, and planted rows.
        surcharge = 250 if service is Service.YELLOW else 275
        odd = f"{DISPATCHED} and {BY_RULE} not in (0, {surcharge})"
        fare_too_low = numbers.get("fare_negative_total_positive", 0)
        assert count(db, name, odd) == fare_too_low + numbers["vendor_6"]
        unitemized = count(db, name, f"{DISPATCHED} and {BY_RULE} = {surcharge}")
        assert unitemized > 0.2 * count(db, name, DISPATCHED)
        # The naive sum fails for vendor 1: the rule is needed.
        naive = f"vendorid = 1 and not {DISPATCHED} and abs(total_amount - {PARTS}) > 0.001"
        assert count(db, name, naive) > 0.3 * count(db, name, f"vendorid = 1 and not {DISPATCHED}")


@pytest.mark.parametrize(("service", "share"), [(Service.YELLOW, 0.20), (Service.GREEN, 0.10)])
def test_dispatch_block_has_its_share_and_its_codes(
    db: duckdb.DuckDBPyConnection, report: SampleReport, service: Service, share: float
) -> None:
    code = "payment_type = 0" if service is Service.YELLOW else "payment_type is null"
    if service is Service.GREEN:
        code += " and trip_type is null"
    for month in MONTHS:
        file = _file(report, service, month)
        assert file.dispatched_rows / file.rows == pytest.approx(share, abs=0.02)
        name = table(service, month)
        assert count(db, name, f"{DISPATCHED} <> ({code})") == 0
        assert count(db, name, "passenger_count is null") == file.dispatched_rows


def test_every_code_is_known(db: duckdb.DuckDBPyConnection) -> None:
    for month in MONTHS:
        for service, vendors in ((Service.YELLOW, "1, 2, 6, 7"), (Service.GREEN, "1, 2, 6")):
            unknown = f"""vendorid is null or vendorid not in ({vendors})
                or ratecodeid not in (1, 2, 3, 4, 5, 6, 99)
                or payment_type not in (0, 1, 2, 3, 4, 5, 6)
                or store_and_fwd_flag not in ('Y', 'N')"""
            assert count(db, table(service, month), unknown) == 0
        assert count(db, table(Service.GREEN, month), "trip_type not in (1, 2)") == 0
        assert count(db, table(Service.GREEN, month), "ehail_fee is not null") == 0


@pytest.mark.parametrize(("service", "month"), FILES)
def test_a_row_without_fault_is_a_plain_trip(
    db: duckdb.DuckDBPyConnection, service: Service, month: date
) -> None:
    """No clean trip is near a rule's edge: the share of odd durations is what was planted."""
    numbers, name = planted(service, month), table(service, month)
    odd = ["clock_change", "pickup_missing", "dropoff_before_pickup", "duration_over_24h"]
    odd += ["dropoff_seconds_before_pickup", "duration_nearly_24h", "dropoff_year_dummy"]
    plain = "lasted >= 60 and lasted < 3 * 3600"
    assert count(db, name, f"not coalesce({plain}, false)") == sum(numbers.get(n, 0) for n in odd)
    outside = ["pickup_in_2009", "pickup_in_2090", "pickup_late_arrival", "pickup_just_outside"]
    outside += ["pickup_edge"]
    assert count(db, name, "date_trunc('month', p) <> month") == sum(
        numbers.get(n, 0) for n in outside
    )
    assert count(db, name, f"{CLOCK_HOUR} and lasted >= 0 and lasted < 60") == 0
    if service in METERED:
        assert count(db, name, "total_amount = 0") == 0


def test_reversals_come_from_vendor_2_and_carry_the_code_of_their_twin(
    db: duckdb.DuckDBPyConnection,
) -> None:
    for service in METERED:
        for month in MONTHS:
            assert count(db, table(service, month), "total_amount < 0 and vendorid <> 2") == 0
            unlike = "kind <> twin_kind or kind not in (3, 4)"
            assert count(db, pairs(service, month), unlike) == 0


@pytest.mark.parametrize("service", METERED)
def test_reversal_group_tells_nearest_row_from_first_row(
    db: duckdb.DuckDBPyConnection, service: Service
) -> None:
    """The lone positive row comes first, so pairing first with first would void it."""
    november = pairs(service, MONTHS[1])
    rows = db.execute(
        f"""select list(distinct negative order by negative),
            list(distinct positive order by positive)
        from {november} group by p, d having count(distinct negative) = 2"""
    ).fetchall()
    assert len(rows) == 1
    negatives, (alone, *twins) = rows[0]
    assert twins == [negative + 1 for negative in negatives]
    assert negatives[0] - alone > 5


def test_days_have_rush_hours_and_weekends_have_nights(db: duckdb.DuckDBPyConnection) -> None:
    def share(service: Service, days: str, hours: str) -> float:
        both = " union all ".join(f"select p from {table(service, m)}" for m in MONTHS)
        on_days = f"isodow(p) in ({days})"
        part = count(db, f"({both})", f"{on_days} and hour(p) in ({hours})")
        return part / count(db, f"({both})", on_days)

    for service in Service:
        assert share(service, "1, 2, 3, 4", "7, 8, 9") > 3 * share(service, "1, 2, 3, 4", "2, 3, 4")
        assert share(service, "6, 7", "0, 1, 2") > 2 * share(service, "1, 2, 3, 4", "0, 1, 2")
    for service in METERED:
        assert share(service, "1, 2, 3, 4", "16, 17, 18, 19") > 0.2
    clock_day = table(Service.YELLOW, MONTHS[1])
    on_the_day = "p::date = date '2025-11-02' and lasted >= 0 and hour(p)"
    assert count(db, clock_day, f"{on_the_day} = 1") > 1.2 * count(
        db, clock_day, f"{on_the_day} = 0"
    )


def test_places_and_prices_are_believable(db: duckdb.DuckDBPyConnection) -> None:
    yellow, green = table(Service.YELLOW, MONTHS[0]), table(Service.GREEN, MONTHS[0])
    rows = count(db, yellow)
    assert count(db, yellow, "pulocationid in (132, 138)") == pytest.approx(0.055 * rows, rel=0.4)
    assert count(db, yellow, "congestion_surcharge > 0") > 0.6 * rows
    # Green may not pick up in the business district or at the airports.
    assert count(db, green, "pulocationid in (132, 138, 161, 162, 230)") < 0.02 * count(db, green)
    assert count(db, green, "pulocationid in (74, 75, 41, 42)") > 0.2 * count(db, green)
    jfk = "ratecodeid = 2 and abs(fare_amount) <> 70"
    assert count(db, yellow, jfk) == 0
    assert count(db, yellow, "ratecodeid = 2") > 300
    assert count(db, yellow, "payment_type in (2, 3, 4) and tip_amount <> 0") == 0
    for name in (yellow, green):
        middle = db.execute(
            f"""select median(trip_distance), median(fare_amount / trip_distance),
                sum(tip_amount) / sum(fare_amount)
            from {name} where trip_distance between 0.5 and 100 and payment_type = 1"""
        ).fetchone()
        assert middle is not None
        miles, per_mile, tipped = middle
        assert 1.4 < miles < 2.6
        assert 5.5 < per_mile < 8.5
        assert 0.18 < tipped < 0.27


def test_fhv_rows_mostly_lack_a_pickup_zone_and_never_a_base(
    db: duckdb.DuckDBPyConnection,
) -> None:
    for month in MONTHS:
        name = table(Service.FHV, month)
        assert count(db, name, "pulocationid is null") == pytest.approx(
            0.82 * count(db, name), rel=0.03
        )
        bad = "not regexp_full_match(upper(rtrim(dispatching_base_num)), 'B[0-9]{5}')"
        assert count(db, name, f"coalesce({bad}, true)") == 0
        assert count(db, name, "affiliated_base_number is null or sr_flag is not null") == 0


def test_hvfhv_amounts_follow_the_law_but_for_what_was_planted(
    db: duckdb.DuckDBPyConnection,
) -> None:
    for month in MONTHS:
        name = table(Service.HVFHV, month)
        assert count(db, name, f"abs(bcf - {TAXED} * 0.025) > 0.0051") == 0
        assert count(db, name, "congestion_surcharge not in (0, 0.75, 2.75)") == 0
        shared = "congestion_surcharge > 0 and (congestion_surcharge = 0.75) <> (shared_match_flag = 'Y')"
        assert count(db, name, shared) == 0
        assert count(db, name, "shared_match_flag = 'Y' and shared_request_flag = 'N'") == 0
        assert count(db, name, "cbd_congestion_fee not in (0, 1.5)") == 0
        empty = "(originating_base_num is null) <> (hvfhs_license_num = 'HV0005')"
        assert (
            count(
                db,
                name,
                f"{empty} or (on_scene_datetime is null) <> (originating_base_num is null)",
            )
            == 0
        )
        assert count(
            db, name, "on_scene_datetime not between request_datetime and pickup_datetime"
        ) == (
            count(db, name, "request_datetime > pickup_datetime and on_scene_datetime is not null")
        )


def test_small_sample_has_the_same_pathologies(tmp_path: Path) -> None:
    seen: list[str] = []
    small = write_sample(tmp_path, scale=0.1, progress=seen.append)
    assert small.rows < 25_000
    assert small.planted == {
        name: sum(sum(months) for months in pathology.counts.values())
        for name, pathology in PATHOLOGIES.items()
    }
    assert seen == [file.path.name for file in small.files]


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.09, float("nan")])
def test_too_small_a_scale_is_refused_before_anything_is_written(
    tmp_path: Path, scale: float
) -> None:
    with pytest.raises(TaxiError, match="too small"):
        write_sample(tmp_path / "out", scale=scale)
    assert not (tmp_path / "out").exists()
