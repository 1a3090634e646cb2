"""The site in a real browser without a network: every page opens, and every number is what SQL says."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Page

from browser import DESKTOP, NARROWEST, PHONE, find_chromium, run_browser, visit
from taxi_pipeline.site.shapes import borough_shapes, zone_shapes
from warehouse import REPOSITORY, Warehouse, copy_project

pytestmark = pytest.mark.xdist_group("site")

SCREENSHOTS = REPOSITORY / "artifacts" / "screenshots"
"""What the pages looked like in this run: to be looked at, and no part of the repository."""

PAGES = (
    "index",
    "dashboard/index",
    "docs/index",
    "docs/quality/index",
    "lineage/index",
    "dictionary/index",
)

BOROUGHS = {"EWR": "Newark Airport", "N/A": "Outside of the city"}
"""What the page calls a borough, where that is not its name."""

MINUS = "\N{MINUS SIGN}"

LOADED = "stg_ingested_files where superseded_at is null"


@dataclass(frozen=True)
class Filters:
    """What is chosen on the dashboard: services, a range of months, a borough; all of each by default."""

    services: tuple[str, ...] = ("Yellow", "Green", "FHV")
    first: date | None = None
    last: date | None = None
    borough: str | None = None

    def __str__(self) -> str:
        months = "..".join(f"{month:%Y-%m}" if month else "" for month in (self.first, self.last))
        return " ".join((*self.services, months, self.borough or "all"))

    def choose(self, page: Page) -> None:
        """Set the controls of the page as a user does."""
        page.click("button[type=reset]")
        page.wait_for_timeout(50)
        for label in page.query_selector_all("#services label"):
            if label.inner_text().strip() not in self.services:
                label.click()
        for control, month in (("#from", self.first), ("#to", self.last)):
            if month:
                page.select_option(control, label=f"{month:%b %Y}")
        if self.borough:
            page.select_option("#borough", label=BOROUGHS.get(self.borough, self.borough))

    @property
    def files(self) -> str:
        """The condition on service and month."""
        listed = ", ".join(f"'{service}'" for service in self.services)
        return (
            f"service_type in ({listed}) and file_month >= '{self.first or date(2000, 1, 1)}'"
            f" and file_month <= '{self.last or date(2099, 1, 1)}'"
        )

    @property
    def zones(self) -> str:
        """The condition on the borough of the pickup."""
        return f"borough = '{self.borough}'" if self.borough else "1 = 1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = find_chromium()
    if binary is None:
        pytest.skip("there is no Chromium: install it, or name it in TAXI_CHROMIUM")
    with run_browser(binary) as running:
        yield running


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("site")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    assert str(warehouse.project / "site" / "index.html") in warehouse.taxi("run")
    return warehouse


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("site_of_real_files")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("zones", str(shared_data / "real" / "taxi_zones.zip"))
    warehouse.taxi("run", str(shared_data / "real"))
    return warehouse


@pytest.fixture(scope="module")
def two_years(sample: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """24 months of three services at TLC's volume: the sample's marts over and over, a little different each time."""
    folder = tmp_path_factory.mktemp("two_years")
    project = folder / "project"
    shutil.copytree(sample.project, project)
    (folder / "data").mkdir()
    shutil.copyfile(sample.data / "warehouse.duckdb", folder / "data" / "warehouse.duckdb")
    with duckdb.connect(
        str(folder / "data" / "warehouse.duckdb"), config={"file_search_path": str(project)}
    ) as connection:
        for table, kind in (
            ("stg_ingested_files", "view"),
            ("rpt_trips_daily", "table"),
            ("mart_hourly_borough_trips", "table"),
            ("mart_monthly_payment_mix", "table"),
            ("mart_monthly_rejects", "table"),
            ("mart_monthly_zone_revenue", "table"),
        ):
            columns = connection.execute(
                f"select column_name from duckdb_columns() where table_name = '{table}' order by column_index"
            ).fetchall()
            selected = ", ".join(_replicated(name) for (name,) in columns)
            connection.execute(
                f"create table replicated as select {selected} from {table}, range(8) as copies(back)"
            )
            connection.execute(f"drop {kind} {table}")
            connection.execute(f"alter table replicated rename to {table}")
    grown = replace(sample, project=project, data=folder / "data")
    script = (
        "from taxi_pipeline.settings import load_settings; from taxi_pipeline.site import write_site;"
        "write_site(load_settings(), None)"
    )
    grown.run([grown.taxi_command()[0], "-c", script], 0)
    return grown


def _replicated(column: str) -> str:
    """A column of the sample three months further back for each copy, its sums as large as TLC's."""
    if column in {"file_month", "revenue_month", "pickup_date"}:
        return f"cast({column} - to_months(3 * cast(back as integer)) as date) as {column}"
    if column.endswith(("_count", "_amount")):
        kind = "decimal(18, 2)" if column.endswith("_amount") else "bigint"
        return f"cast({column} * (260 - 7 * back) as {kind}) as {column}"
    return column


# ---------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("look", ["light", "dark", "phone", "narrowest"])
def test_every_page_opens_without_a_network_an_error_or_a_scrollbar_below(
    browser: Browser, sample: Warehouse, name: str, look: str
) -> None:
    sizes = {"phone": PHONE, "narrowest": NARROWEST}
    options: dict[str, Any] = {"viewport": sizes.get(look, DESKTOP)}
    if look == "dark":
        options["color_scheme"] = "dark"
    with visit(browser, sample.project / "site" / f"{name}.html", **options) as opened:
        opened.page.wait_for_timeout(300)
        take(
            opened.page,
            f"sample-{name.removesuffix('/index').replace('/', '-')}-{look}",
            full=name in PAGES[:2],
        )
        assert opened.page.inner_text("body").strip()
        assert opened.requests == []
        assert opened.errors == []
        wide = opened.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if name.startswith(("index", "dashboard", "dictionary")):
            assert wide <= 0


def test_the_start_page_says_what_was_built_and_leads_to_every_page(
    browser: Browser, sample: Warehouse
) -> None:
    site = sample.project / "site"
    with visit(browser, site / "index.html") as opened:
        text = opened.page.inner_text("main")
        links = [
            link.get_attribute("href") or "" for link in opened.page.query_selector_all(".pages a")
        ]
        results = json.loads((sample.project / "target" / "last_build.json").read_text())["results"]
        passed = sum(result["status"] == "pass" for result in results)
        assert passed > 30
        assert f"{passed} passed" in text
        assert "Synthetic sample." in text
        assert "not in a repository" in text
        for name, rows in sample.query(f"select source_file, row_count from {LOADED}"):
            assert re.search(rf"{re.escape(name)}\s+{rows:,}\s", text), name
        for table in ("fact_trips", "rejected_trips", "rpt_trips_daily", "dim_zones"):
            assert re.search(
                rf"{table}\s+{sample.scalar(f'select count(*) from {table}'):,}(\s|$)", text
            ), table
        assert {link.partition("?")[0] for link in links} == {f"{page}.html" for page in PAGES[1:]}
        for link in links:
            opened.page.goto((site / "index.html").as_uri())
            opened.page.click(f'.pages a[href="{link}"]')
            opened.page.wait_for_load_state("load")
            assert link.partition("?")[0] in opened.page.url
        assert opened.requests == []
        assert opened.errors == []


def test_the_dictionary_finds_a_column_by_a_word_of_its_meaning(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.project / "site" / "dictionary" / "index.html") as opened:
        opened.page.fill("#query", "congestion_surcharge_amount")
        shown = opened.page.query_selector_all("article:not([hidden]) h3 code")
        assert {"fact_trips", "mart_monthly_zone_revenue"} <= {name.inner_text() for name in shown}
        assert not opened.page.is_visible("#dim_vendors")
        opened.page.fill("#query", "charged from 2019-02-02")
        assert "US dollars" in opened.page.inner_text("#fact_trips tbody tr:not([hidden])")


def test_lineage_leads_from_the_revenue_of_a_mart_to_tlcs_files(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.project / "site" / "lineage" / "index.html") as opened:
        edges = opened.page.evaluate("window.colibriData.lineage.edges")
    origins = {("mart_monthly_zone_revenue", "total_amount")}
    for _ in range(12):
        origins |= {
            (edge["source"].rpartition(".")[2], edge["sourceColumn"])
            for edge in edges
            if (edge["target"].rpartition(".")[2], edge["targetColumn"]) in origins
        }
    staged = {("stg_yellow_tripdata", "total_amount"), ("stg_green_tripdata", "total_amount")}
    assert staged <= origins


def test_a_failed_build_or_a_fault_while_writing_leaves_the_old_site(sample: Warehouse) -> None:
    site = sample.project / "site"
    before = {path: path.read_bytes() for path in site.rglob("*.html")}
    shapes = sample.project / "scripts" / "taxi_pipeline" / "site" / "assets" / "boroughs.json"
    kept = shapes.read_text()
    shapes.write_text("{")
    sample.taxi("site", exit_code=1)
    shapes.write_text(kept)
    assert before == {path: path.read_bytes() for path in site.rglob("*.html")}
    claim = sample.project / "tests" / "assert_nothing.sql"
    claim.write_text("select 1 as one\n")
    results = sample.project / "target" / "last_build.json"
    passed = results.read_bytes()
    sample.taxi("run", exit_code=1)
    assert "assert_nothing" in sample.taxi("site", exit_code=2)
    claim.unlink()
    results.with_name("run_results.json").unlink()
    results.write_bytes(passed)
    assert before == {path: path.read_bytes() for path in site.rglob("*.html")}
    assert not list(site.rglob("*.tmp"))


# ------------------------------------------------------------------------------------------- dashboard

SAMPLE_FILTERS = (
    Filters(),
    Filters(services=("Green", "FHV"), first=date(2025, 11, 1)),
    Filters(services=("FHV",)),
    Filters(first=date(2025, 10, 1), last=date(2025, 11, 1), borough="Queens"),
    Filters(borough="EWR"),
    Filters(services=("Yellow",), borough="Unknown"),
)
REAL_FILTERS = (
    Filters(),
    Filters(services=("Yellow",), first=date(2019, 6, 1), last=date(2020, 4, 1)),
    Filters(services=("Green", "FHV"), borough="Brooklyn"),
    Filters(first=date(2020, 4, 1), last=date(2020, 4, 1)),
    Filters(services=("Green",), first=date(2024, 1, 1), borough="N/A"),
)


@pytest.mark.parametrize("filters", SAMPLE_FILTERS, ids=str)
def test_every_panel_of_the_sample_shows_what_sql_says(
    browser: Browser, sample: Warehouse, filters: Filters
) -> None:
    compare(browser, sample, filters, f"sample-filtered-{SAMPLE_FILTERS.index(filters)}")


@pytest.mark.parametrize("filters", REAL_FILTERS, ids=str)
def test_every_panel_of_real_files_shows_what_sql_says(
    browser: Browser, real: Warehouse, filters: Filters
) -> None:
    compare(browser, real, filters, f"real-filtered-{REAL_FILTERS.index(filters)}")


def test_the_change_is_against_the_month_before_and_names_what_is_not_loaded(
    browser: Browser, sample: Warehouse, real: Warehouse
) -> None:
    with visit(browser, sample.project / "site" / "dashboard" / "index.html") as opened:
        monthly = sample.query(
            "select count(*) from fact_trips where not is_voided group by file_month order by file_month"
        )
        [(before,), (now,)] = monthly[-2:]
        change = opened.page.inner_text("#kpi-trips")
        assert f"{100 * (now - before) / before:+.1f} % Dec 2025 on Nov 2025" in change
        assert "Dec 2024 is not loaded" in change
        assert "points Dec 2025 on Nov 2025" in opened.page.inner_text("#kpi-tipRate")
    with visit(browser, real.project / "site" / "dashboard" / "index.html") as opened:
        assert "Dec 2023 is not loaded" in opened.page.inner_text("#kpi-cents")


def test_two_full_years_stay_below_2_mb_and_compare_with_the_year_before(
    browser: Browser, two_years: Warehouse
) -> None:
    page = two_years.project / "site" / "dashboard" / "index.html"
    assert page.stat().st_size < 2_000_000
    with visit(browser, page) as opened:
        take(opened.page, "two-years-dashboard-light")
        monthly = two_years.query(
            "select file_month, sum(total_amount) from mart_monthly_zone_revenue"
            " where file_month in ('2025-12-01', '2024-12-01') group by 1 order by 1"
        )
        [before, now] = [amount for _, amount in monthly]
        assert (
            f"{100 * (now - before) / before:+.1f} % Dec 2025 on Dec 2024"
            in opened.page.inner_text("#kpi-cents")
        )
        revenue = two_years.scalar("select sum(total_amount) from mart_monthly_zone_revenue")
        assert f"${revenue:,.2f}" in opened.page.inner_text("#kpi-cents")
        assert len(rows_of(opened.page, "revenue-service")) == 48
        Filters(first=date(2024, 1, 1), last=date(2024, 2, 1)).choose(opened.page)
        assert len(rows_of(opened.page, "revenue-service")) == 4
        painted = opened.page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        (SCREENSHOTS / "two-years-first-view.txt").write_text(
            f"{painted:.0f} ms, {page.stat().st_size:,} bytes\n"
        )
        assert opened.errors == []
    with visit(browser, page, viewport=PHONE) as opened:
        take(opened.page, "two-years-dashboard-phone")


def test_the_filters_work_by_keyboard_and_never_leave_nothing_selected(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.project / "site" / "dashboard" / "index.html") as opened:
        page = opened.page
        page.keyboard.press("Tab")
        reached = []
        for _ in range(7):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    "document.activeElement.id || document.activeElement.name || document.activeElement.type"
                )
            )
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert reached == ["service", "service", "service", "from", "to", "borough", "reset"]
        for box in page.query_selector_all("[name=service]"):
            box.focus()
            page.keyboard.press("Space")
        assert page.eval_on_selector_all("[name=service]:checked", "boxes => boxes.length") == 1
        assert "FHV, Oct 2025 to Dec 2025" in (page.text_content("#status") or "")
        page.select_option("#from", label="Dec 2025")
        page.select_option("#to", label="Nov 2025")
        assert (
            page.eval_on_selector("#from", "control => control.selectedOptions[0].label")
            == "Nov 2025"
        )


def test_the_map_shows_zones_once_their_shapes_are_there(browser: Browser, real: Warehouse) -> None:
    with visit(browser, real.project / "site" / "dashboard" / "index.html") as opened:
        take(opened.page, "real-dashboard-zones")
        assert "shaded by revenue" in opened.page.inner_text("#map .about")
        paths = opened.page.eval_on_selector_all(
            "#map svg g:nth-of-type(2) path", "paths => paths.length"
        )
        [[placed]] = real.query(
            "select count(distinct pickup_zone_id) from rpt_trips_daily"
            " where pickup_zone_id not in (57, 104, 105, 264, 265)"
        )
        assert paths == placed


def test_shapes_are_one_for_each_zone_and_as_large_as_the_zone(
    shared_data: Path, sample: Warehouse
) -> None:
    import shapely  # noqa: PLC0415
    from pyproj import Geod  # noqa: PLC0415

    archive = shared_data / "real" / "taxi_zones.zip"
    shapes = {
        feature["properties"]["zone_id"]: shapely.geometry.shape(feature["geometry"])
        for feature in zone_shapes(archive)["features"]
    }
    assert set(shapes) == set(range(1, 264)) - {57, 104, 105}
    earth = Geod(ellps="WGS84")
    for zone_id, latitude, longitude, area in sample.query(
        "select zone_id, latitude, longitude, area_sq_miles from dim_zones"
        " where latitude is not null and zone_id not in (57, 104, 105)"
    ):
        assert shapes[zone_id].contains(shapely.Point(longitude, latitude)), zone_id
        square_miles = abs(earth.geometry_area_perimeter(shapes[zone_id])[0]) / 2_589_988
        assert square_miles == pytest.approx(float(area), rel=0.15, abs=0.01), zone_id
    outlines = REPOSITORY / "scripts" / "taxi_pipeline" / "site" / "assets" / "boroughs.json"
    assert json.loads(outlines.read_text()) == borough_shapes(archive)


def test_the_libraries_in_the_page_are_as_they_were_published() -> None:
    assets = REPOSITORY / "scripts" / "taxi_pipeline" / "site" / "assets"
    listed = re.findall(r"`(\S+\.js)` \|.*`(\w{64})`", (assets / "THIRD_PARTY.md").read_text())
    assert {name for name, _ in listed} == {path.name for path in assets.glob("*.min.js")}
    for name, digest in listed:
        assert hashlib.sha256((assets / name).read_bytes()).hexdigest() == digest, name


def test_a_file_that_holds_no_zones_is_an_error_that_says_where_they_are(sample: Warehouse) -> None:
    printed = sample.taxi("zones", str(sample.project / "README.md"), exit_code=2)
    assert "not TLC's shapefile" in printed
    assert "taxi_zones.zip" in printed


# -------------------------------------------------------------------------------------- page against SQL


def take(page: Page, name: str, *, full: bool = True) -> None:
    """Keep a screenshot among the artefacts of the run."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full)


def rows_of(page: Page, panel: str) -> list[list[str]]:
    """The numbers of a panel, as its table gives them."""
    page.eval_on_selector(f"#{panel} details", "details => { details.open = true }")
    page.wait_for_selector(f"#{panel} .table table", state="attached")
    rows: list[list[str]] = page.eval_on_selector_all(
        f"#{panel} .table tbody tr",
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))",
    )
    return [[cell.replace(MINUS, "-") for cell in row] for row in rows]


def compare(browser: Browser, warehouse: Warehouse, filters: Filters, name: str) -> None:
    """Compare every panel with SQL on the facts, which the marts are tied to."""
    with visit(browser, warehouse.project / "site" / "dashboard" / "index.html") as opened:
        filters.choose(opened.page)
        shown = {panel: rows_of(opened.page, panel) for panel in EXPECTED}
        for panel, expect in EXPECTED.items():
            if panel in {"week", "daily"}:  # the page says 0 where SQL has no row
                shown[panel] = [row for row in shown[panel] if row[2] != "0"]
            if panel in {"revenue-borough", "airports"}:
                shown[panel] = [row for row in shown[panel] if row[2] not in {"0", "$0.00"}]
            expected = expect(warehouse, filters)
            assert sorted(shown[panel]) == sorted(expected), panel
        assert rows_of(opened.page, "zones") == top_zones(warehouse, filters)
        for kpi, text in totals(warehouse, filters).items():
            assert text in opened.page.inner_text(f"#kpi-{kpi}").replace(MINUS, "-"), kpi
        assert opened.requests == []
        assert opened.errors == []
        for details in opened.page.query_selector_all("details"):
            details.evaluate("details => { details.open = false }")
        take(opened.page, name)
        panels = opened.page.eval_on_selector_all(
            ".panel .chart", "charts => charts.filter(chart => !chart.textContent.trim()).length"
        )
        assert panels == 0


def facts(filters: Filters, columns: str, more: str = "1 = 1") -> str:
    return (
        f"select {columns} from fact_trips inner join dim_zones on pickup_zone_id = zone_id"
        f" where {filters.files} and {filters.zones} and {more}"
    )


def money(amount: Decimal | None) -> str:
    return f"{'-' if amount and amount < 0 else ''}${abs(amount or Decimal(0)):,.2f}"


def share(part: Decimal | int, whole: Decimal | int) -> str:
    return f"{(Decimal(100) * part / whole).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


TRIPS = "count(case when not is_voided then 1 end)"


def has_money(warehouse: Warehouse, filters: Filters) -> bool:
    return bool(
        warehouse.scalar(
            f"select count(*) from {LOADED} and service_type <> 'FHV' and {filters.files}"
        )
    )


def revenue_by_service(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    sums = {
        (month, service): amount
        for month, service, amount in warehouse.query(
            facts(
                filters,
                "file_month, service_type, sum(total_amount)",
                "service_type <> 'FHV' group by 1, 2",
            )
        )
    }
    loaded = warehouse.query(
        f"select file_month, service_type from {LOADED} and service_type <> 'FHV' and {filters.files}"
    )
    return [
        [f"{month:%b %Y}", service, money(sums.get((month, service)))] for month, service in loaded
    ]


def revenue_by_borough(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rows = warehouse.query(
        facts(
            filters, "file_month, borough, sum(total_amount)", "service_type <> 'FHV' group by 1, 2"
        )
        + " having sum(total_amount) <> 0"
    )
    return [
        [f"{month:%b %Y}", BOROUGHS.get(name, name), money(amount)] for month, name, amount in rows
    ]


def daily(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    anytime = replace(filters, first=None, last=None)
    trips = {
        (service, day): count
        for service, day, count in warehouse.query(
            facts(anytime, f"service_type, pickup_date, {TRIPS}") + " group by 1, 2"
        )
    }
    loaded = set(warehouse.query(f"select service_type, file_month from {LOADED}"))

    def is_loaded(service: str, day: date) -> bool:
        return (service, day.replace(day=1)) in loaded

    rows = []
    for (service, day), count in trips.items():
        month = day.replace(day=1)
        inside = (filters.first or month) <= month <= (filters.last or month)
        if not (count and inside and is_loaded(service, day)):
            continue
        week = [day - timedelta(days=back) for back in range(7)]
        mean = ""
        if all(is_loaded(service, one) for one in week):
            total = Decimal(sum(trips.get((service, one), 0) for one in week))
            mean = f"{(total / 7).quantize(Decimal('0.1'), ROUND_HALF_UP):,}"
        rows.append([day.isoformat(), service, f"{count:,}", mean])
    return rows


def week(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    rows = warehouse.query(
        facts(filters, f"isodow(pickup_at), hour(pickup_at), {TRIPS}")
        + f" group by 1, 2 having {TRIPS} > 0"
    )
    return [[names[weekday - 1], str(hour), f"{count:,}"] for weekday, hour, count in rows]


def by_zone(warehouse: Warehouse, filters: Filters) -> list[tuple[Any, ...]]:
    return warehouse.query(
        facts(filters, f"zone_id, zone_label, borough, {TRIPS}, sum(total_amount)")
        + f" group by 1, 2, 3 having {TRIPS} > 0 or sum(total_amount) <> 0"
    )


def zones_of_map(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    paid = has_money(warehouse, filters)
    return [
        [label, BOROUGHS.get(borough, borough), f"{count:,}", money(amount) if paid else "no fares"]
        for _, label, borough, count, amount in by_zone(warehouse, filters)
    ]


def top_zones(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    paid = has_money(warehouse, filters)

    def value(row: tuple[Any, ...]) -> Decimal:
        return Decimal((row[4] or 0) if paid else row[3])

    rows = sorted(by_zone(warehouse, filters), key=lambda row: (-value(row), row[0]))
    whole = sum(map(value, rows))
    return [
        [
            "Unknown zone" if row[1] == "N/A" else row[1],
            BOROUGHS.get(row[2], row[2]),
            f"{row[3]:,}",
            money(row[4]) if paid else "no fares",
            share(value(row), whole),
        ]
        for row in rows[:10]
    ]


def payments(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rows = warehouse.query(
        facts(
            filters,
            f"payment_type_id, {TRIPS}, sum(total_amount)",
            "service_type <> 'FHV' group by 1",
        )
        + f" having {TRIPS} > 0 or sum(total_amount) <> 0"
    )
    names = dict(
        warehouse.query("select payment_type_id, payment_type_name from dim_payment_types")
    )
    whole = sum(count for _, count, _ in rows)
    return [
        [names[code], f"{count:,}", share(count, whole), money(amount)]
        for code, count, amount in rows
    ]


def airports(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rows = warehouse.query(
        facts(
            filters,
            f"file_month, zone_label, {TRIPS}",
            f"is_airport group by 1, 2 having {TRIPS} > 0",
        )
    )
    return [[f"{month:%b %Y}", airport, f"{count:,}"] for month, airport, count in rows]


def rejects(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    zones = filters.zones.replace("borough", "coalesce(borough, 'Unknown')")
    rows = warehouse.query(
        "select reject_reason, service_type, count(*) from rejected_trips"
        f" left join dim_zones on pickup_zone_id = zone_id where {filters.files} and {zones} group by 1, 2"
    )
    return [[reason, service, f"{count:,}"] for reason, service, count in rows]


EXPECTED = {
    "revenue-service": revenue_by_service,
    "revenue-borough": revenue_by_borough,
    "daily": daily,
    "week": week,
    "map": zones_of_map,
    "payment": payments,
    "airports": airports,
    "rejects": rejects,
}


def totals(warehouse: Warehouse, filters: Filters) -> dict[str, str]:
    [[trips]] = warehouse.query(facts(filters, TRIPS))
    [[paid, amount, fares, tips]] = warehouse.query(
        facts(
            filters,
            f"{TRIPS}, sum(total_amount), sum(case when payment_type_id = 1 then fare_amount end),"
            " sum(case when payment_type_id = 1 then tip_amount end)",
            "service_type <> 'FHV'",
        )
    )
    if not has_money(warehouse, filters):
        return {
            "trips": f"{trips:,}",
            "cents": "no fares",
            "perTrip": "no fares",
            "tipRate": "no fares",
        }
    per_trip = (amount / paid).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "trips": f"{trips:,}",
        "cents": money(amount),
        "perTrip": money(per_trip),
        "tipRate": share(tips, fares),
    }
