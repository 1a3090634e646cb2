"""What is expected of months and marts: planted faults are named, clean months pass, the gate holds."""

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

import data_edits
from conftest import SharedBuild
from data_edits import (
    DOUBLED,
    EDITS,
    HVFHV_EDITS,
    LATE_EDITS,
    PAGE,
    SHIFTED,
    Edit,
    edited,
    query_of,
    render,
    replace_columns,
)
from real_files import listed, real_file, real_months
from servers.postgres import run_postgres
from taxi_pipeline.errors import DataError, TaxiError
from taxi_pipeline.ingest import ingest_file
from taxi_pipeline.quality.checkpoint import run_checkpoint
from taxi_pipeline.quality.checks import Check, Suite, Verdict, is_comparable, median_of, ratio
from taxi_pipeline.quality.marts import SUITES
from taxi_pipeline.quality.profile import profile_partition
from taxi_pipeline.quality.validate import Choice, validate
from taxi_pipeline.sample import write_sample
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.synthetic import METADATA_KEY
from trip_files import Workplace, yellow_text
from warehouse import Warehouse, copy_project

GREEN = "green_tripdata_2024-01.parquet"
YELLOW = "yellow_tripdata_2019-03.csv"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(scope="module")
def green() -> Path:
    """A whole real month."""
    return real_file(f"real/{GREEN}")


def copy_with(place: Workplace, green: Path, query: str, name: str = GREEN) -> Path:
    """Write a copy of the month with a fault planted in it."""
    return place.parquet(name, edited(query, green))


def lake_verdict(place: Workplace, name: str) -> Verdict:
    """The verdict that is kept of a suite."""
    path = place.settings.data_dir / "quality" / "verdicts" / f"{name}.json"
    return Verdict.from_json(path.read_text())


def names(verdict: Verdict, *severities: str) -> set[str]:
    """The checks that failed."""
    return {outcome.check.name for outcome in verdict.failed(*severities)}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
@pytest.mark.parametrize("kind", ["whole", "excerpt"])
@pytest.mark.build  # it judges a whole month: seconds each
def test_an_edit_of_a_month_is_found_by_the_check_that_the_manual_names(
    place: Workplace, edit: Edit, kind: str
) -> None:
    source, service, found = {
        "whole": (GREEN, Service.GREEN, edit.whole),
        "excerpt": (YELLOW, Service.YELLOW, edit.excerpt),
    }[kind]
    path = real_file(f"real/{source}")
    edited_file = copy_with(place, path, edit.query, f"{path.name.partition('.')[0]}.parquet")
    if found.outcome == "kept out":
        error = place.refuse(edited_file)
        assert found.check in error.reason
        assert "--accept-critical" in error.remedy
        return
    place.ingest(edited_file)
    [verdict] = validate(place.settings, Choice(service=service), print).verdicts
    warnings = names(verdict, "critical", "warning")
    assert {found.check} <= warnings if found.check else warnings == set(), warnings


@pytest.fixture(scope="module")
def high_volume(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of HVFHV: a made-up month of more rows than the smallest that TLC has published, and real rows."""
    folder = tmp_path_factory.mktemp("high_volume")
    write_sample(folder, 2.0)
    return {
        "whole": folder / "fhvhv_tripdata_2025-10.parquet",
        "excerpt": real_file("eras/fhvhv_tripdata_2025-01.csv"),
    }


@pytest.mark.parametrize("edit", HVFHV_EDITS, ids=lambda edit: edit.name)
@pytest.mark.parametrize("kind", ["whole", "excerpt"])
@pytest.mark.build  # it judges a whole month: seconds each
def test_an_edit_of_hvfhv_is_found_by_the_check_that_the_manual_names(
    place: Workplace, high_volume: dict[str, Path], edit: Edit, kind: str
) -> None:
    source = high_volume[kind]
    found = edit.whole if kind == "whole" else edit.excerpt
    path = copy_with(place, source, edit.query, f"{source.name.partition('.')[0]}.parquet")
    if found.outcome == "kept out":
        assert f"{found.check} failed" in place.refuse(path).reason
        return
    place.ingest(path)
    [verdict] = validate(place.settings, Choice(service=Service.HVFHV), print).verdicts
    by_severity = {
        severity: names(verdict, severity)
        for severity in ("critical", "warning")
        if names(verdict, severity)
    }
    if found.check:
        assert found.check in by_severity[found.outcome], by_severity
    else:
        assert by_severity == {}


@pytest.mark.build  # it judges a whole month
def test_a_month_of_hvfhv_as_it_is_raises_no_alarm(
    place: Workplace, high_volume: dict[str, Path]
) -> None:
    path = copy_with(
        place, high_volume["whole"], "select * from {file}", "fhvhv_tripdata_2025-10.parquet"
    )
    assert place.ingest(path).remarks == ()
    place.ingest(high_volume["excerpt"])
    heads = [file.name for file in listed() if file.name.startswith("heads/fhvhv_")]
    assert len(heads) >= 8
    for name in heads:
        place.ingest(real_file(name))
    for verdict in validate(place.settings, Choice(service=Service.HVFHV), print).verdicts:
        assert names(verdict, "critical", "warning") == set(), verdict.name
    [excerpt] = lake_verdict(place, "lake-fhvhv-2025-01").failed()
    assert excerpt.observed == "0.005 %", "1,000 of 20 million rows are not 0 %"
    assert {"sales_tax_is_the_rate_of_each_fare", "sales_tax_is_on_tolls_and_not_on_tips"} <= {
        outcome.check.name for outcome in lake_verdict(place, "lake-fhvhv-2025-10").outcomes
    }


def test_the_page_of_edits_is_the_one_that_the_list_gives() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), f"python {data_edits.__file__}"


@pytest.mark.build  # it judges a whole month: seconds each
def test_a_shift_of_the_clock_is_also_seen_at_the_edge_of_the_month(
    place: Workplace, green: Path
) -> None:
    path = copy_with(place, green, query_of("times + 5 h"))
    ingest_file(path, place.lake, place.settings, accept_critical=True)
    assert "few_pickups_are_outside_the_file_month" in names(
        lake_verdict(place, "lake-green-2024-01"), "warning"
    )


def test_an_excerpt_of_a_month_without_a_published_count_is_told_by_the_months_around(
    place: Workplace,
) -> None:
    """TLC's count of FHV 2025-01 is not on record; the threshold is the one of the seed."""
    place.ingest(real_file("eras/fhv_tripdata_2025-01.csv"))
    validate(place.settings, Choice(service=Service.FHV), print)
    [told] = lake_verdict(place, "lake-fhv-2025-01").failed()
    assert told.check.name == "row_count_reaches_the_months_around"
    assert told.severity == "info"
    page = place.folder / "site" / "docs" / "quality" / "lake-fhv-2025-01.html"
    text = page.read_text()
    assert "Rows as a share of the smallest month that TLC published within a year: 0.09 %." in text
    assert "FHV dropoffs are after pickups" in text
    limits = {
        int(row["upper_basis_points"]) / 10_000
        for row in read_seed("published_count_bands")
        if row["measure"] == "neighbor_excerpt"
    }
    assert limits == {told.check.arguments["min_value"]}


@pytest.mark.build  # it judges a whole month: seconds each
def test_real_files_raise_no_false_alarm(place: Workplace) -> None:
    high_volume = [
        real_file(f"eras/fhvhv_tripdata_{month}.csv") for month in ("2020-04", "2025-01")
    ]
    for path in (*real_months(), *high_volume):
        assert place.ingest(path).remarks == (), path.name
    for service in Service:
        for verdict in validate(place.settings, Choice(service=service), print).verdicts:
            assert names(verdict) <= {
                "row_count_reaches_the_published_count",
                "row_count_reaches_the_months_around",
            }, verdict.name
            assert names(verdict, "critical", "warning") == set()
    assert names(lake_verdict(place, "lake-green-2024-01")) == set()
    assert lake_verdict(place, "lake-green-2024-01").passed >= 20


def test_a_month_has_no_more_rows_than_tlc_published(place: Workplace, green: Path) -> None:
    """Equal rows are rejected one by one later; so many of them are another file."""
    query = "select trips.* from {file} as trips, range(2) as copies(number) where number = 0 or VendorID = 2"
    error = place.refuse(copy_with(place, green, query))
    assert "row_count_is_at_most_the_published_count failed" in error.reason
    assert "trips_are_distinct" not in error.reason


def test_the_meter_counts_by_the_tariff_of_the_day(place: Workplace) -> None:
    row = "1,{0} 08:00:00,{0} 08:10:00,1,2.0,1,N,132,230,2,9.5,0,0.5,0,0,0,10,"
    days = ("2012-09-03", "2012-09-04")
    entry = place.ingest_text(
        "yellow_tripdata_2012-09.csv", yellow_text(*(row.format(day) for day in days))
    )
    with duckdb.connect() as connection:
        part = place.part(entry)
        profile = profile_partition(connection, part, Service.YELLOW, date(2012, 9, 1))
    assert profile.ordinary_trips == 2
    assert profile.metered_fares == (2.50 + 20 * 0.40) + (2.50 + 20 * 0.50)


def test_no_published_month_leaves_the_bands_of_volume_and_mean_fare() -> None:
    bands = {"volume": (0.5, 2.0), "fare": (0.65, 1.4)}
    months = [
        (service.label, date.fromisoformat(row["file_month"][:7] + "-01"), row)
        for row in read_seed("published_trip_counts")
        for service in Service
        if row["service_type"] == service.value and row["file_month"] >= "2016-07"
    ]

    def farebox(row: dict[str, str]) -> float | None:
        paid, trips = row["tlc_farebox_per_day"], row["tlc_trips_per_day"]
        return float(paid) / float(trips) if paid else None

    judged = 0
    for label, month, row in months:
        before = [
            other
            for service, earlier, other in months
            if service == label
            and 0 < (month - earlier).days <= 366
            and is_comparable(label, earlier, month)
        ]
        volume = ratio(
            float(row["parquet_rows"]), median_of([float(b["parquet_rows"]) for b in before], 3)
        )
        fare = ratio(farebox(row), median_of([farebox(b) for b in before], 3))
        for name, value in (("volume", volume), ("fare", fare)):
            if value is not None:
                judged += 1
                assert bands[name][0] <= value <= bands[name][1], (label, month, name, value)
    assert judged > 400


@pytest.fixture(scope="module")
def four_months(green: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A lake with the real month under three earlier months' names, moved by whole weeks."""
    place = Workplace(tmp_path_factory.mktemp("months"))
    for month, weeks in (("2023-10", 13), ("2023-11", 9), ("2023-12", 4)):
        moved = SHIFTED.format(f"- interval {7 * weeks} days")
        query = (
            f"select * from (select * replace ({moved}) from {{file}}) "
            f"where strftime(lpep_pickup_datetime, '%Y-%m') = '{month}'"
        )
        path = copy_with(place, green, query, f"green_tripdata_{month}.parquet")
        ingest_file(path, place.lake, place.settings, accept_critical=True)
    return place


DRIFTS = {
    "a month doubled": (
        "select trips.* from {file} as trips, range(3)",
        "row_count_is_like_earlier_months",
    ),
    "fares half as high again": (
        "select * replace (fare_amount * 1.5 as fare_amount) from {file}",
        "mean_fare_is_like_earlier_months",
    ),
    "card payments booked as cash": (
        "select * replace (case when random() < 0.4 then 2 else payment_type end as payment_type) from {file}",
        "card_share_is_like_earlier_months",
    ),
    "zones lost": (
        "select * replace (case when random() < 0.045 then 264 else PULocationID end as PULocationID) from {file}",
        "unknown_zone_share_is_like_earlier_months",
    ),
    "zones renumbered": (
        "select * replace (PULocationID % 263 + 1 as PULocationID) from {file}",
        "pickup_zone_mix_is_like_earlier_months",
    ),
    "one vendor for all": (
        "select * replace (1 as VendorID) from {file}",
        "vendor_mix_is_like_earlier_months",
    ),
}


def test_a_month_like_those_before_it_raises_no_alarm(four_months: Workplace, green: Path) -> None:
    assert ingest_file(green, four_months.lake, four_months.settings).remarks == ()
    verdict = lake_verdict(four_months, "lake-green-2024-01")
    assert verdict.skipped == ()
    assert names(verdict) == set()


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_month_unlike_those_before_it_is_a_warning_that_names_the_drift(
    four_months: Workplace, green: Path, drift: str
) -> None:
    query, check = DRIFTS[drift]
    result = ingest_file(
        copy_with(four_months, green, query),
        four_months.lake,
        four_months.settings,
        accept_critical=True,
    )
    assert any(remark.startswith(f"warning: {check} ") for remark in result.remarks), result.remarks


@pytest.mark.parametrize(
    ("check", "query"),
    [
        (
            "totals_are_positive",
            "select * replace (-fare_amount as fare_amount, -total_amount as total_amount) {trips}",
        ),
        (
            "trips_are_distinct",
            "select * {trips} union all select * replace"
            " (tpep_dropoff_datetime + interval 1 second as tpep_dropoff_datetime) {trips}",
        ),
    ],
)
def test_an_edited_synthetic_month_is_kept_out(
    place: Workplace, tmp_path: Path, check: str, query: str
) -> None:
    """Nothing is published for it: its trips say so themselves."""
    write_sample(tmp_path / "sample")
    name = "yellow_tripdata_2025-10.parquet"
    synthetic = f", kv_metadata {{{METADATA_KEY}: 'true'}}"
    edited = query.format(trips=f"from '{tmp_path}/sample/{name}'")
    error = place.refuse(place.parquet(name, edited, synthetic))
    assert f"{check} failed" in error.reason
    assert error.exit_code == 1


def test_what_a_user_accepts_goes_in_and_is_recorded(place: Workplace, green: Path) -> None:
    query, check = query_of("fares doubled"), "fares_match_the_meter"
    path = copy_with(place, green, query)
    place.refuse(path)
    result = ingest_file(path, place.lake, place.settings, accept_critical=True)
    assert result.status == "ingested"
    assert any(remark.startswith(f"accepted: {check} failed") for remark in result.remarks)
    validation = validate(place.settings, Choice(service=Service.GREEN), print)
    assert validation.exit_code == 0
    [verdict] = validation.verdicts
    assert check in names(verdict, "accepted")

    accepted = place.settings.data_dir / "quality" / "accepted" / f"{result.entry.load_id}.json"
    assert check in json.loads(accepted.read_text())
    accepted.unlink()
    assert validate(place.settings, Choice(service=Service.GREEN), print).exit_code == 1


def test_a_month_is_read_once_and_judged_again_only_when_something_changed(
    place: Workplace, green: Path
) -> None:
    place.ingest(green)
    part = place.part(place.lake.current()[0])
    kept = part.read_bytes()
    stored = place.settings.data_dir / "quality" / "verdicts" / "lake-green-2024-01.json"
    last = json.loads(stored.read_text())
    stored.write_text(json.dumps({**last, "judged_at": "long ago"}))
    part.unlink()
    part.write_bytes(b"")  # whoever reads it fails
    [verdict] = validate(place.settings, Choice(service=Service.GREEN), print).verdicts
    assert verdict.judged_at == "long ago"
    with pytest.raises(DataError, match="the partition of Green 2024-01 is damaged"):
        validate(place.settings, Choice(service=Service.GREEN, again=True), print)
    part.write_bytes(kept)
    [verdict] = validate(place.settings, Choice(service=Service.GREEN, again=True), print).verdicts
    assert names(verdict) == set()
    assert verdict.judged_at != "long ago"


def test_an_excerpt_does_not_replace_a_whole_month_by_mistake(
    place: Workplace, green: Path
) -> None:
    place.ingest(green)
    error = place.refuse(copy_with(place, green, "select * from {file} limit 500"))
    assert error.exit_code == 1
    assert error.reason == "it has 500 rows, and the version in the lake has 56,551"
    cut = "select * from {file} where extract(day from lpep_pickup_datetime) < 20 limit 33000"
    error = place.refuse(copy_with(place, green, cut))
    assert error.reason == "it has 33,000 rows, and the version in the lake has 56,551"
    path = copy_with(place, green, "select * from {file} limit 500")
    assert ingest_file(path, place.lake, place.settings, accept_critical=True).status == "replaced"


def test_a_file_of_few_rows_that_would_all_be_rejected_is_critical(
    place: Workplace, green: Path
) -> None:
    moved = "- interval 62 days"
    query = edited(replace_columns(data_edits.SHIFTED.format(moved)) + " limit 200", green)
    path = place.parquet("green_tripdata_2024-01.parquet", query)
    assert place.ingest(path).remarks == ()
    [verdict] = validate(place.settings, Choice(service=Service.GREEN), print).verdicts
    assert "pickups_are_in_the_file_month" in names(verdict)


def test_a_small_excerpt_goes_in_at_once_and_is_judged_by_validate(
    place: Workplace, green: Path
) -> None:
    query = (
        f"select * replace ({DOUBLED}) from {{file}} order by hash(lpep_pickup_datetime) limit 9999"
    )
    assert place.ingest(copy_with(place, green, query)).remarks == ()
    validation = validate(place.settings, Choice(service=Service.GREEN), print)
    assert validation.exit_code == 1
    assert names(validation.verdicts[0], "critical") == {
        "fares_match_the_meter",
        "fares_are_multiples_of_the_meter_step",
    }


def test_a_specimen_of_a_few_rows_is_not_judged(place: Workplace, green: Path) -> None:
    query = f"select * replace ({DOUBLED}) from {{file}} limit 400"
    place.ingest(copy_with(place, green, query))
    [verdict] = validate(place.settings, Choice(service=Service.GREEN), print).verdicts
    assert names(verdict, "critical", "warning") == set()


def test_an_excerpt_of_a_day_goes_in_with_warnings(place: Workplace, green: Path) -> None:
    day = "where cast(lpep_pickup_datetime as date) = '2024-01-17'"
    query = f"select trips.* replace ({DOUBLED}) from {{file}} as trips, range(20) {day}"
    remarks = place.ingest(copy_with(place, green, query)).remarks
    assert any(remark.startswith("warning: fares_match_the_meter ") for remark in remarks)
    assert any(remark.startswith("warning: every_day_has_pickups ") for remark in remarks)


def test_severity_comes_from_great_expectations_and_nothing_known_is_no_pass() -> None:
    def check(name: str, severity: Any, column: str) -> Check:
        return Check(
            name, "", "", severity, "f", column, "", False, "expect_column_values_to_be_between",
            {"min_value": 1}, "",
        )  # fmt: skip

    frame = [{"key": "a", "x": 0, "nothing": None}, {"key": "b", "x": 2, "nothing": None}]
    checks = (check("one", "critical", "x"), check("two", "info", "nothing"))
    verdict = run_checkpoint(Suite("suite", "Suite", {"f": frame}, checks))
    assert [(o.severity, o.passed, o.observed) for o in verdict.outcomes] == [
        ("critical", False, "1 of 2 f out of range (a: 0)"),
        ("info", False, "no value"),
    ]
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_a_month_that_is_not_there_cannot_be_validated(place: Workplace, green: Path) -> None:
    with pytest.raises(TaxiError, match="the lake is empty"):
        validate(place.settings, Choice(), print)
    place.ingest(green)
    with pytest.raises(TaxiError, match="no such month"):
        validate(place.settings, Choice(service=Service.FHV), print)


# --- After the build ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(real_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, str]:
    """`taxi run` on the real files, and what it printed."""
    return real_run.copy(tmp_path_factory.mktemp("built")), real_run.printed


def test_run_validates_and_real_files_pass(built: tuple[Warehouse, str]) -> None:
    warehouse, printed = built
    assert re.search(r"Quality: \d+ of \d+ checks passed in 10 suites", printed)
    assert "critical " not in printed
    validated = warehouse.taxi("validate")
    assert "mart_daily_service_summary" in validated
    assert "warning " not in validated


def test_the_pages_ask_nothing_of_any_other_address(built: tuple[Warehouse, str]) -> None:
    folder = built[0].data / "site" / "docs" / "quality"
    pages = {path.name: path.read_text() for path in folder.glob("*.html")}
    assert len(pages) == 11
    for name, text in pages.items():
        targets = re.findall(r"""(?:src|href|action|srcset)\s*=\s*["']([^"']*)""", text)
        assert set(targets) <= {*pages, "data:,", "../../index.html"}, name
        assert not re.search(r"https?:|//\w|url\(|@import|<script|<iframe|fetch\(", text), name
    assert "lake-green-2024-01.html" in pages["index.html"]
    green = pages["lake-green-2024-01.html"]
    assert "Fares match the meter" in green
    assert "0.73" in green


def test_a_fault_on_the_way_to_the_marts_ends_in_exit_code_1(
    built: tuple[Warehouse, str], tmp_path: Path
) -> None:
    warehouse = Warehouse(built[0].project, tmp_path / "data")
    shutil.copytree(built[0].data, warehouse.data)
    with warehouse.connect() as connection:
        connection.execute(
            "delete from mart_daily_service_summary where service_type = 'Green' and pickup_date = '2024-01-17'"
        )
        connection.execute(
            "update mart_daily_service_summary set fare_amount = fare_amount * 2"
            " where service_type = 'Green' and pickup_date = '2024-01-30'"
        )
        connection.execute(
            "update mart_monthly_zone_revenue set pickup_zone_id = 264 where pickup_zone_id = 74"
        )
        connection.execute(
            "insert into mart_monthly_rejects by name select * replace ('Green' as service_type,"
            " date '2024-01-01' as file_month, 6000 as row_count) from mart_monthly_rejects limit 1"
        )
    printed = warehouse.taxi("validate", exit_code=1)
    assert "few_rows_are_rejected failed: share of rejected rows: 1 of " in printed
    assert (
        "every_day_of_every_month_has_trips failed: trips a day: 1 of 31 days out of range (Green 2024-01-17: 0)"
        in printed
    )
    assert "mean_fare_of_a_day_is_like_its_weekday failed: mean fare of a day" in printed
    assert "few_trips_begin_in_an_unknown_zone failed" in printed
    page = warehouse.data / "site" / "docs" / "quality" / "mart-daily-service-summary.html"
    assert "Green 2024-01-17" in page.read_text()


@pytest.mark.full  # a build of its own
def test_what_ingestion_does_not_detect_fails_the_build(tmp_path: Path) -> None:
    warehouse = Warehouse(copy_project(tmp_path / "project"), tmp_path / "data")
    place = Workplace(tmp_path)
    for edit in LATE_EDITS:
        path = real_file(f"real/{edit.source}")
        place.ingest(copy_with(place, path, edit.query, f"{path.name.partition('.')[0]}.parquet"))
    warehouse.taxi("build", exit_code=1)
    with warehouse.connect() as connection:
        for edit in LATE_EDITS:
            [month] = re.findall(r"\d{4}-\d\d", edit.source)
            rows = connection.execute(
                f"select * from nyc_taxi_test_failures.{edit.test} where {edit.failing}"
            ).fetchall()
            assert any(month in " ".join(map(str, row)) for row in rows), edit.name


@pytest.mark.full  # a run of its own
def test_a_small_month_that_fails_its_checks_is_named_wherever_its_numbers_are(
    built: tuple[Warehouse, str], tmp_path: Path, green: Path
) -> None:
    warehouse = Warehouse(built[0].project, tmp_path / "data")
    shutil.copytree(built[0].data, warehouse.data)
    query = (
        f"select * replace ({DOUBLED}) from {{file}} order by hash(lpep_pickup_datetime) limit 9999"
    )
    place = Workplace(tmp_path)
    shifted = query.replace("{file}", f"({replace_columns(SHIFTED.format('- interval 31 days'))})")
    false_month = copy_with(place, green, shifted, "green_tripdata_2023-12.parquet")

    def say(*arguments: str, exit_code: int = 0) -> str:
        return " ".join(warehouse.taxi(*arguments, exit_code=exit_code).split())

    assert "`taxi forget green 2023-12`" in say("run", str(false_month), exit_code=1)
    named = "Green 2023-12 fails fares_match_the_meter, fares_are_multiples_of_the_meter_step"
    assert named in say("status")
    assert named in say("export", "--format", "csv", "--select", "dim_vendors")
    for page in ("index.html", "dashboard/index.html"):
        text = (warehouse.data / "site" / page).read_text()
        assert "1 month fails critical checks:" in text
        assert "Green 2023-12 (fares_match_the_meter" in text
    with warehouse.connect() as connection:
        connection.execute(
            "update nyc_taxi_internal.node_states set status = 'running' where node like '%dim_vendors'"
        )
    assert "not every table and test has passed: dim_vendors was interrupted" in say("status")


@pytest.mark.build  # it judges a whole month: seconds each
def test_the_sample_passes(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    write_sample(tmp_path / "sample")
    for path in sorted((tmp_path / "sample").glob("*.parquet")):
        assert place.ingest(path).remarks == (), path.name
    for service in Service:
        for verdict in validate(place.settings, Choice(service=service), print).verdicts:
            assert names(verdict) == set(), verdict.name


@pytest.mark.full  # a server
def test_postgres_gives_the_verdicts_of_duckdb(built: tuple[Warehouse, str]) -> None:
    embedded = built[0]
    with run_postgres() as server:
        warehouse = Warehouse(embedded.project, embedded.data, server.environment)
        warehouse.taxi("load", "--target", "postgres")
        warehouse.taxi("build", "--target", "postgres")
        expected = mart_verdicts(embedded)
        warehouse.taxi("validate", "--target", "postgres")
        actual = mart_verdicts(warehouse)
    assert [v.facts["Read from"] for v in actual] == ["postgres"] * len(SUITES)
    for one, other in zip(expected, actual, strict=True):
        assert one.outcomes == other.outcomes
        assert one.skipped == other.skipped


def mart_verdicts(warehouse: Warehouse) -> list[Verdict]:
    """The verdicts kept of the marts."""
    folder = warehouse.data / "quality" / "verdicts"
    return [Verdict.from_json(path.read_text()) for path in sorted(folder.glob("mart-*.json"))]


def test_damaged_records_are_made_again_and_an_override_is_never_guessed(
    place: Workplace, green: Path
) -> None:
    entry = place.ingest(green).entry
    folder = place.settings.data_dir / "quality"
    for kind in ("profiles", "verdicts"):
        for path in (folder / kind).glob("*.json"):
            path.write_text("{")
    [verdict] = validate(place.settings, Choice(service=Service.GREEN), print).verdicts
    assert verdict.passed >= 20
    (folder / "accepted").mkdir(exist_ok=True)
    (folder / "accepted" / f"{entry.load_id}.json").write_text("{")
    with pytest.raises(TaxiError, match="the record of overridden checks is damaged"):
        validate(place.settings, Choice(service=Service.GREEN), print)
