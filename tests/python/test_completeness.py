"""Loaded files against the published counts: which edition of a month it is, and whether it is whole."""

from pathlib import Path

import duckdb
import pytest

from real_files import real_months
from taxi_pipeline.bench.made_up_files import write_file
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.completeness import State, describe
from trip_files import YELLOW_NAME, yellow_rows, yellow_text
from warehouse import REPOSITORY, Warehouse, copy_project

SEEDS = REPOSITORY / "seeds"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("completeness") / "project")


def verdicts(warehouse: Warehouse) -> dict[str, tuple[str, str, str]]:
    rows = warehouse.query(
        "select source_file, edition, row_count_check, severity from mart_source_completeness"
    )
    return {name: tuple(rest) for name, *rest in rows}


@pytest.mark.build  # a build of the real months
def test_a_real_month_is_the_official_one_and_excerpts_are_neither(
    project: Path, tmp_path: Path
) -> None:
    real = Warehouse(project, tmp_path / "data")
    real.taxi("ingest", *map(str, real_months()))
    before = real.taxi("status")
    assert "56,551" in before
    assert "taxi run" in before
    printed = real.taxi("build")
    told = verdicts(real)
    assert told.pop("green_tripdata_2024-01.parquet") == ("official_parquet", "equal", "ok")
    assert len(told) == 6
    assert set(told.values()) == {("neither", "excerpt", "warn")}
    assert (
        "assert_every_loaded_file_is_a_whole_month: 6 rows, one for each loaded file that is an"
        in printed
    )
    status = real.taxi("status")
    assert "official parquet" in status
    assert "7,866,620" in status
    assert "part: excerpt" in status
    assert "not in the warehouse yet" not in status
    later = tmp_path / YELLOW_NAME
    later.write_text(yellow_text(*yellow_rows(3)))
    real.taxi("ingest", str(later))
    assert "not in the warehouse yet: `taxi run`" in real.taxi("status")


@pytest.mark.build  # two builds
def test_a_file_that_is_cut_off_fails_the_build(project: Path, tmp_path: Path) -> None:
    """44,000 of the 56,551 rows of a month are neither the month nor an excerpt."""
    warehouse = Warehouse(project, tmp_path / "data")
    made = write_file(tmp_path, Service.GREEN, "2024-01", 44_000)
    cut = tmp_path / "cut" / made.name
    cut.parent.mkdir()
    duckdb.execute(f"copy (from '{made}') to '{cut}' (format parquet)")  # as if it were TLC's own
    warehouse.taxi("ingest", "--accept-critical", str(cut))  # the fares are made up
    printed = warehouse.taxi("build", exit_code=1)
    assert "fail test assert_no_loaded_file_is_cut_off" in printed
    assert verdicts(warehouse) == {made.name: ("neither", "cut_off", "error")}
    assert "Rows are missing" in warehouse.taxi("status")
    assert warehouse.scalar("select count(*) from fact_trips") > 40_000
    others = "assert_unexplained_fares_stay_below_their_threshold"  # fails too
    warehouse.taxi("build", "--exclude", f"assert_no_loaded_file_is_cut_off {others}")


def test_every_published_month_lies_in_the_reports_bands() -> None:
    """The bands hold on the official files themselves, and each month has one."""
    outside = duckdb.sql(
        f"""
        with published as (
            select *, cast(file_month || '-01' as date) as month
            from read_csv('{SEEDS}/published_trip_counts.csv', types = {{'file_month': 'varchar'}})
            where tlc_trips_per_day is not null
        ),
        ratios as (
            select *, 10000 * tlc_trips_per_day * day(last_day(month)) / parquet_rows as ratio
            from published
        )
        select ratios.service_type, month, ratio, count(reason) as bands
        from ratios
        left join '{SEEDS}/published_count_bands.csv' as rules
            on ratios.service_type = rules.service_type and measure = 'tlc_report' and month >= from_month
            and month <= coalesce(to_month, month)
            and ratio between lower_basis_points and upper_basis_points
        group by all having count(reason) <> 1
        """
    ).fetchall()
    assert outside == []


def test_no_two_bands_of_a_service_and_measure_hold_in_the_same_month() -> None:
    overlaps = duckdb.sql(
        f"""
        from '{SEEDS}/published_count_bands.csv' as one join '{SEEDS}/published_count_bands.csv' as other
            on one.service_type = other.service_type and one.measure = other.measure
            and one.from_month < other.from_month
            and coalesce(one.to_month, date '9999-01-01') >= other.from_month
        select one.service_type, one.measure, one.from_month, other.from_month
        """
    ).fetchall()
    assert overlaps == []


def test_the_published_sums_of_the_csv_copy_lie_in_its_bands() -> None:
    """Section 6 of the published figures: rows of the CSV copy and of the official files."""
    sums = {
        "yellow": (109_047_518, 109_247_536),
        "green": (7_778_101, 8_035_161),
        "fhv": (43_244_696, 43_261_276),
    }
    for service, (copy, official) in sums.items():
        [(lower, upper)] = duckdb.sql(
            f"select lower_basis_points, upper_basis_points from '{SEEDS}/published_count_bands.csv'"
            f" where service_type = '{service}' and measure = 'datatalks_csv'"
        ).fetchall()
        assert lower * official < copy * 10_000 < upper * official, service


@pytest.mark.build  # three commands
def test_status_without_a_warehouse_says_what_to_run(project: Path, tmp_path: Path) -> None:
    warehouse = Warehouse(project, tmp_path / "data")
    path = tmp_path / YELLOW_NAME
    path.write_text(yellow_text(*yellow_rows(3)))
    assert "is empty" in warehouse.taxi("status")
    warehouse.taxi("ingest", str(path))
    printed = warehouse.taxi("status")
    assert "Yellow 2019-03" in printed
    assert "there is no warehouse yet. Run `taxi run` first." in printed


@pytest.mark.parametrize(
    ("state", "check", "rows", "official", "text"),
    [
        ("whole", "equal", 10, 10, "whole"),
        ("part", "excerpt", 12, 10_000, "excerpt, 0.12 % of the month"),
        ("part", "excerpt", 1, 10_000_000, "excerpt, less than 0.01 % of the month"),
        ("part", "cut_off", 9_999_999, 10_000_000, "rows missing, more than 99.99 % of the month"),
        ("part", "neighbor_excerpt", 5, None, "excerpt, far fewer rows than the months around it"),
        ("unknown", "surplus", 20, 10, "not confirmed, 200.00 % of the month"),
        ("unknown", "not_published", 5, None, "no official row count"),
        ("synthetic", "synthetic", 5, 10, "synthetic"),
    ],
)
def test_the_share_of_a_month_is_never_rounded_to_none_or_all(
    state: State, check: str, rows: int, official: int | None, text: str
) -> None:
    assert describe(state, check, rows, official) == text
