"""The LookML project of a real build: it parses, refers to what exists, and its numbers are those of SQL."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from conftest import SharedBuild
from looker import FORMATS, Project
from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.bi.lookml import HEADER, build_project, write_project
from taxi_pipeline.bi.project import Manifest, Mart, read_marts
from taxi_pipeline.errors import TaxiError
from warehouse import Warehouse


@pytest.fixture(scope="module")
def built(sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy: `taxi lookml` lets dbt read the catalog, and dbt opens the warehouse to write."""
    return sample_run.copy(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def folder(built: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("lookml") / "nyc_taxi"
    built.taxi("lookml", "--to", str(written), "--connection", "warehouse")
    return written


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    return Project(folder)


@pytest.fixture(scope="module")
def manifest(built: Warehouse, folder: Path) -> Manifest:
    assert folder.exists()
    return read_artifact(built.project / "target", "manifest")


@pytest.fixture(scope="module")
def marts(manifest: Manifest) -> dict[str, Mart]:
    return read_marts(manifest)


def test_every_mart_is_a_view_and_every_fact_and_mart_an_explore(
    project: Project, marts: dict[str, Mart], manifest: Manifest
) -> None:
    assert project.model["connection"] == "warehouse"
    assert project.views.keys() == marts.keys()
    assert project.explores.keys() == {name for name in marts if not name.startswith("dim_")}
    exposure = manifest["exposures"]["exposure.nyc_taxi.looker"]
    assert {name.split(".")[-1] for name in exposure["depends_on"]["nodes"]} == marts.keys()


def test_fields_refer_to_columns_that_exist_and_leave_none_out(
    project: Project, built: Warehouse, marts: dict[str, Mart]
) -> None:
    for name, view in project.views.items():
        existing = {
            column
            for (column,) in built.query(
                f"select column_name from duckdb_columns() where table_name = '{name}'"
            )
        }
        shown = set(re.findall(r"\$\{TABLE\}\.(\w+)", str(view.spec)))
        assert existing
        assert shown <= existing, name
        assert shown | marts[name].ratios.keys() >= existing, name


def test_descriptions_formats_keys_and_drills_are_there(
    project: Project, marts: dict[str, Mart]
) -> None:
    for name, view in project.views.items():
        keys = [field for field in view.fields.values() if "primary_key" in field.spec]
        assert len(keys) == 1, name
        details = [field for spec in view.spec.get("sets", ()) for field in spec["fields"]]
        assert set(details) <= view.fields.keys(), name
        for field in view.fields.values():
            assert field.spec["description"], (name, field)
            assert field.spec.get("value_format_name", "id") in FORMATS
            if field.kind == "measure":
                assert field.spec["drill_fields"] == ["detail*"]
                assert details
        dates = {
            column.name
            for column in marts[name].columns.values()
            if column.type in {"date", "timestamp"}
        }
        groups = {
            group["sql"].removeprefix("${TABLE}.")
            for group in view.spec.get("dimension_groups", ())
        }
        assert groups == dates, name
        assert all(group["convert_tz"] == "no" for group in view.spec.get("dimension_groups", ()))
    formats = {
        name: field.spec["value_format_name"]
        for name, field in project.views["mart_monthly_zone_revenue"].fields.items()
        if field.kind == "measure"
    }
    assert formats["total_amount"] == "usd"
    assert formats["trip_count"] == "decimal_0"
    assert formats["card_tip_share"] == "percent_2"
    location = project.views["dim_zones"].fields["location"].spec
    assert (location["type"], location["sql_latitude"]) == ("location", "${latitude}")


def test_joins_are_those_that_relationships_tests_promise(project: Project) -> None:
    joins = {
        (explore, join["name"], join["from"])
        for explore, spec in project.explores.items()
        for join in spec.get("joins", ())
    }
    assert {
        ("fact_trips", "pickup_zones", "dim_zones"),
        ("fact_trips", "dropoff_zones", "dim_zones"),
        ("fact_trips", "dates", "dim_dates"),
        ("fact_trips", "payment_types", "dim_payment_types"),
        ("mart_monthly_zone_revenue", "pickup_zones", "dim_zones"),
        ("rejected_trips", "reject_reasons", "dim_reject_reasons"),
    } <= joins


def test_every_explore_runs_with_all_its_fields_and_joins(
    project: Project, built: Warehouse
) -> None:
    for explore in project.explores:
        views = project.aliases(explore)
        fields = [(alias, name) for alias, view in views.items() for name in view.fields]
        rows = built.query(project.query(explore, fields))
        assert len(rows) == built.scalar(f"select count(*) from {explore}"), explore


def test_every_sum_is_the_sum_of_its_column(project: Project, built: Warehouse) -> None:
    for explore in project.explores:
        sums = [
            name
            for name, field in project.views[explore].fields.items()
            if field.kind == "measure" and field.spec["type"] == "sum"
        ]
        kept = {
            name: "not is_voided"
            if "filters__all" in project.views[explore].fields[name].spec
            else "true"
            for name in sums
        }
        of = dict.fromkeys(sums, "")
        columns = {name for (name,) in built.query(f"select column_name from (describe {explore})")}
        if "rider_payment_amount" in set(sums) - columns:  # of one column, by service
            kept["metered_revenue_amount"] = "service_type in ('Yellow', 'Green')"
            kept["rider_payment_amount"] = "service_type = 'HVFHV'"
            of |= dict.fromkeys(("metered_revenue_amount", "rider_payment_amount"), "total_amount")
        assert sums, explore
        looker = built.query(project.query(explore, [(explore, name) for name in sums]))
        expected = ", ".join(
            f"sum({of[name] or name}) filter (where {kept[name]})" for name in sums
        )
        assert looker == built.query(f"select {expected} from {explore}"), explore


def test_no_measure_in_sight_adds_metered_revenue_and_rider_payments(project: Project) -> None:
    for explore in project.explores:
        fields = project.views[explore].fields
        if "service_type" not in fields or "total_amount" not in fields:
            continue
        assert fields["total_amount"].spec["hidden"] == "yes", explore
        assert {"metered_revenue_amount", "rider_payment_amount"} <= fields.keys(), explore
        for field in fields.values():
            assert "total_amount" not in field.spec.get("drill_fields", ()), explore
        sets = {one["name"]: one["fields"] for one in project.views[explore].spec.get("sets", ())}
        assert "total_amount" not in sets["detail"], explore


def test_measures_of_single_trips_are_those_of_the_mart(project: Project, built: Warehouse) -> None:
    """By borough, over the join: what the fact's measures say is what was summed by SQL in the mart."""
    measures = ["row_count", "trip_count", "total_amount", "trip_distance_miles", "passenger_count"]
    averages = ["revenue_per_trip_amount", "avg_trip_distance_miles"]
    both = {}
    for explore in ("fact_trips", "mart_monthly_zone_revenue"):
        fields = [
            (explore, "service_type"),
            ("pickup_zones", "borough"),
            *((explore, name) for name in measures + averages),
        ]
        rows = built.query(project.query(explore, fields))
        both[explore] = {
            row[:2]: (*row[2:7], *(round(float(value), 6) for value in row[7:]))
            for row in rows
            if row[0] in {"Yellow", "Green"}
        }
    assert len(both["fact_trips"]) > 8
    assert both["fact_trips"] == both["mart_monthly_zone_revenue"]


def test_every_column_that_must_not_be_summed_is_declared_as_the_ratio_that_it_holds(
    built: Warehouse, marts: dict[str, Mart]
) -> None:
    checked = 0
    for mart in marts.values():
        if mart.is_dimension or mart.has_rows_of_files:
            continue
        held = {name for name in mart.columns if name.startswith("avg_") or name.endswith("_share")}
        held.discard("official_row_share")  # of a month: it is grouped by, and has no sum to divide
        assert held <= mart.ratios.keys(), mart.name
        for name in sorted(held):
            ratio = mart.ratios[name]
            rows = built.query(
                f"select {name}, {ratio.numerator}, {ratio.denominator} from {mart.name}"
            )
            for value, numerator, denominator in rows:
                if value is None:
                    assert not denominator
                else:
                    assert abs(value - Decimal(numerator) / Decimal(denominator)) <= Decimal(
                        "0.00005"
                    )
                    checked += 1
    assert checked > 100


def test_an_explore_of_single_trips_asks_for_a_month_where_the_table_is_billed_by_it(
    built: Warehouse, manifest: Manifest, marts: dict[str, Mart], tmp_path: Path
) -> None:
    catalog = read_artifact(built.project / "target", "catalog")
    partitioned = {
        name: replace(mart, partition="file_month" if "file_month" in mart.columns else None)
        for name, mart in marts.items()
    }
    write_project(build_project(manifest, catalog, partitioned, "warehouse"), tmp_path)
    explores = Project(tmp_path).explores
    filtered = {
        name: spec["always_filter"] for name, spec in explores.items() if "always_filter" in spec
    }
    by_month = {name for name, spec in filtered.items() if f"{name}.file_month" in str(spec)}
    assert by_month == {"fact_trips", "rejected_trips"}


def test_explores_of_trips_show_whole_months_unless_asked_for_parts(
    project: Project, marts: dict[str, Mart]
) -> None:
    filtered = {}
    for explore, spec in project.explores.items():
        for filters in spec.get("always_filter", {}).get("filters__all", []):
            for item in filters:
                [(field, value)] = item.items()
                if field.endswith(".month_completeness"):
                    filtered[explore] = (field, value)
    counting = {
        name
        for name, mart in marts.items()
        if {"trip_count", "is_voided"} & mart.columns.keys()
        and not mart.is_dimension
        and "window_start_at" not in mart.columns  # hours of a stream, and no month
    }
    assert filtered.keys() == counting
    assert {value for _, value in filtered.values()} == {"-part"}
    assert filtered["fact_trips"][0] == "fact_file_completeness.month_completeness"
    assert filtered["rpt_trips_daily"][0] == "rpt_trips_daily.month_completeness"


def test_every_explore_of_months_has_their_completeness_and_it_is_that_of_the_file(
    project: Project, built: Warehouse
) -> None:
    checked = 0
    for explore in project.explores:
        views = project.aliases(explore)
        of_month = {"service_type", "file_month"} <= views[explore].fields.keys()
        shown = [alias for alias, view in views.items() if "month_completeness" in view.fields]
        assert shown or not of_month or "load_id" in str(views[explore].fields.keys()), explore
        if not shown or not of_month:
            continue
        fields = [
            (explore, "service_type"),
            (explore, "file_raw"),
            *((shown[0], name) for name in ("month_completeness", "official_row_share")),
        ]
        months = set(built.query(project.query(explore, fields)))
        assert months <= set(
            built.query(
                "select service_type, file_month, month_completeness, official_row_share"
                " from fact_file_completeness"
            )
        ), explore
        checked += bool(months)
    assert checked > 8


def test_a_table_that_is_not_built_as_the_project_says_is_named(
    built: Warehouse, manifest: Manifest, marts: dict[str, Mart]
) -> None:
    catalog = dict(read_artifact(built.project / "target", "catalog"))
    catalog["nodes"] = {
        name: node for name, node in catalog["nodes"].items() if not name.endswith("fact_trips")
    }
    with pytest.raises(TaxiError, match=r"fact_trips.*not built"):
        build_project(manifest, catalog, marts, "warehouse")


def test_files_of_others_stay_and_own_ones_follow_the_project(tmp_path: Path) -> None:
    text = HEADER + "view: one {}\n"
    assert write_project({"views/one.view.lkml": text, "views/two.view.lkml": text}, tmp_path) == []
    (tmp_path / "refinements.lkml").write_text("view: +one {}\n")
    assert write_project({"views/one.view.lkml": text}, tmp_path) == ["views/two.view.lkml"]
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["one.view.lkml", "refinements.lkml"]
    (tmp_path / "views" / "two.view.lkml").write_text("view: mine {}\n")
    with pytest.raises(TaxiError, match="not written by `taxi lookml`"):
        write_project({"views/one.view.lkml": "", "views/two.view.lkml": text}, tmp_path)
    assert (tmp_path / "views" / "one.view.lkml").read_text() == text
