"""The page for Looker Studio says what is so: its fields, its formulas, its queries."""

import re
from pathlib import Path

import pytest
import sqlglot

from taxi_pipeline.bi.project import Unit, parse_project, read_marts, unit_of
from taxi_pipeline.settings import Settings
from warehouse import REPOSITORY, Warehouse

PAGE = (REPOSITORY / "models" / "looker_studio.md").read_text()
TABLE = "rpt_trips_daily"


def queries(language: str) -> list[str]:
    """The page's queries for every engine (`sql`) or for one."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under a heading, without its first line."""
    section = PAGE.split(f"\n## {heading}")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module")
def settings(built_sample: Warehouse) -> Settings:
    return Settings(built_sample.project, built_sample.data, "1GB")


def test_every_field_has_a_type_that_fits_its_unit(built_sample: Warehouse) -> None:
    columns = built_sample.query(
        f"select column_name, data_type from duckdb_columns() where table_name = '{TABLE}'"
    )
    types = {field: type_ for field, type_, _ in rows("2.")}
    assert types.keys() == {name for name, _ in columns}
    assert len(rows("2.")) == len(columns)
    plain = {
        "VARCHAR": "Text",
        "BOOLEAN": "Boolean",
        "INTEGER": "Number",
        "BIGINT": "Number",
        "DATE": "Date",
    }
    of_unit = {
        Unit.DOLLARS: "Currency (USD)",
        Unit.SECONDS: "Duration",
        Unit.COUNT: "Number",
        Unit.MILES: "Number",
        Unit.SHARE: "Percent",
    }
    for name, data_type in columns:
        expected = of_unit[unit] if (unit := unit_of(name)) else plain[data_type]
        if name.endswith("_month"):
            expected = "Year Month"
        if name == "pickup_location":
            expected = "Latitude, Longitude"
        assert types[name] == expected, name


def test_the_formulas_are_the_ratios_of_the_model(settings: Settings) -> None:
    mart = read_marts(parse_project(settings, None))[TABLE]
    formulas = {field: formula for field, formula, _ in rows("3.")}
    assert formulas == {
        ratio.name: f"SUM({ratio.numerator}) / SUM({ratio.denominator})"
        for ratio in mart.ratios.values()
    }


def test_charts_name_fields_that_exist() -> None:
    known = {row[0] for row in (*rows("2."), *rows("3."))}
    named = set(re.findall(r"`(\w+)`", PAGE.split("\n## 5.")[1].split("\n## ")[0]))
    assert named
    assert named <= known


def test_the_queries_run_and_add_up(built_sample: Warehouse) -> None:
    assert len(queries("sql")) == 4
    for query in queries("sql"):
        found = built_sample.query(query)
        assert found, query
    revenue = queries("sql")[0]
    for measure, services in (
        ("metered_revenue_amount", "('Yellow', 'Green')"),
        ("rider_payment_amount", "('HVFHV')"),
    ):
        expected = f"select sum(total_amount) from fact_trips where service_type in {services}"
        found = built_sample.scalar(f"select sum({measure}) from ({revenue})")
        assert found == built_sample.scalar(expected)


def test_every_query_shows_how_whole_its_months_are_or_leaves_parts_out() -> None:
    for query in (*queries("sql"), *queries("bigquery")):
        shown = "month_completeness" in query.split("from nyc_taxi")[0]
        assert shown or "month_completeness <> 'part'" in query, query


def test_queries_are_one_statement_without_semicolon() -> None:
    for query in (*queries("sql"), *queries("bigquery")):
        assert ";" not in query
        assert len(sqlglot.parse(query, dialect="bigquery")) == 1


def test_a_point_is_latitude_comma_longitude_of_the_zone(built_sample: Warehouse) -> None:
    points = built_sample.query(
        f"select distinct pickup_location, latitude, longitude from {TABLE}"
        " inner join dim_zones on pickup_zone_id = zone_id where pickup_location is not null"
    )
    assert len(points) > 100
    for text, latitude, longitude in points:
        assert re.fullmatch(r"40\.\d{6},-7[34]\.\d{6}", text)
        assert text == f"{latitude},{longitude}"


def test_a_date_range_reaches_the_rows_that_it_needs_only(
    built_sample: Warehouse, tmp_path: Path
) -> None:
    """The filter is on the column that the table is stored by: DuckDB's plan has it in the scan itself."""
    [(_, plan)] = built_sample.query(
        f"explain select sum(total_amount) from {TABLE}"
        " where pickup_date between date '2025-10-10' and date '2025-10-20'"
    )
    assert "pickup_date>=" in re.sub(r"[\s│]", "", plan)
    assert "SEQ_SCAN" in plan
