"""The site in a real browser without a network: every page opens, and every number is what SQL says."""

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Page

from browser import DESKTOP, NARROWEST, PHONE, find_chromium, run_browser, visit
from conftest import SharedBuild
from real_files import real_file
from requirements import lacking
from taxi_pipeline.schemas import Service
from taxi_pipeline.site.cubes import encode
from taxi_pipeline.site.shapes import borough_shapes, zone_shapes
from taxi_pipeline.warehouses.embedded import search_schemas
from warehouse import REPOSITORY, SCHEMA, Warehouse, copy_project

pytestmark = pytest.mark.build  # a browser on the pages of a build

SCREENSHOTS = REPOSITORY / "artifacts" / "screenshots"
"""What the pages looked like in this run: to be looked at, and no part of the repository."""

PAGES = (
    "index",
    "dashboard/index",
    "docs/index",
    "docs/quality/index",
    "history/index",
    "lineage/index",
    "dictionary/index",
)

BOROUGHS = {"EWR": "Newark Airport", "N/A": "Outside of NYC"}
"""What the page calls a borough, where that is not its name."""

MINUS = "\N{MINUS SIGN}"

INCOMPLETE = (
    "select (service_type, file_month) from mart_source_completeness"
    " where row_count_check in ('excerpt', 'cut_off')"
)
"""Months of which rows are missing."""

LOADED = "stg_ingested_files where superseded_at is null"


@dataclass(frozen=True)
class Filters:
    """What is chosen: services, months, a borough, days, a zone of the borough; all of each by default."""

    services: tuple[str, ...] = ("Yellow", "Green", "FHV", "HVFHV")
    first: date | None = None
    last: date | None = None
    borough: str | None = None
    whole_only: bool = False
    days: tuple[date, date] | None = None
    zone: int | None = None

    def __str__(self) -> str:
        months = "..".join(f"{month:%Y-%m}" if month else "" for month in (self.first, self.last))
        more: tuple[str, ...] = ("whole",) if self.whole_only else ()
        more += ("..".join(map(str, self.days)),) if self.days else ()
        more += (f"zone {self.zone}",) if self.zone else ()
        return " ".join((*self.services, months, self.borough or "all", *more))

    def choose(self, page: Page) -> None:
        """Set the controls of the page as a user does."""
        page.click("button[type=reset]")
        page.wait_for_timeout(50)
        if page.query_selector("#whole"):
            page.set_checked("#whole", self.whole_only)
        for label in page.query_selector_all("#services label"):
            if label.inner_text().strip() not in self.services:
                label.click()
        for control, month in (("#from", self.first), ("#to", self.last)):
            if month:
                page.select_option(control, label=f"{month:%b %Y}")
        if self.borough:
            page.select_option("#borough", label=BOROUGHS.get(self.borough, self.borough))
        if self.days:
            page.fill("#day-from", self.days[0].isoformat())
            page.fill("#day-to", self.days[1].isoformat())
        if self.zone:
            page.evaluate("zone => { location.hash += `&zone=${zone}` }", self.zone)
            page.wait_for_selector("#chips button")

    @property
    def files(self) -> str:
        """The condition on service and month; days narrow the months to those that they lie in."""
        listed = ", ".join(f"'{service}'" for service in self.services)
        first, last = self.first or date(2000, 1, 1), self.last or date(2099, 1, 1)
        if self.days:
            first = max(first, self.days[0].replace(day=1))
            last = min(last, self.days[1].replace(day=1))
        return (
            f"service_type in ({listed}) and file_month >= '{first}' and file_month <= '{last}'"
            + (f" and (service_type, file_month) not in ({INCOMPLETE})" if self.whole_only else "")
        )

    @property
    def zones(self) -> str:
        """The condition on the borough of the pickup."""
        return f"borough = '{self.borough}'" if self.borough else "1 = 1"

    @property
    def zone_alone(self) -> str:
        """The condition on the zone of the pickup, for numbers that are kept by zone."""
        return f"pickup_zone_id = {self.zone}" if self.zone else "1 = 1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = find_chromium()
    if binary is None:
        lacking("chromium", "there is no Chromium: install it, or name it in TAXI_CHROMIUM")
    with run_browser(binary) as running:
        yield running


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("site")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    assert str(warehouse.data / "site" / "index.html") in warehouse.taxi("run")
    return warehouse


@pytest.fixture(scope="module")
def real(real_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return real_run.copy(tmp_path_factory.mktemp("site_of_real_files"))


@pytest.fixture(scope="module")
def two_years(sample: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """24 months of four services at TLC's volume: the sample's marts over and over, a little different each time."""
    folder = tmp_path_factory.mktemp("two_years")
    project = folder / "project"
    shutil.copytree(sample.project, project)
    (folder / "data").mkdir()
    shutil.copyfile(sample.data / "warehouse.duckdb", folder / "data" / "warehouse.duckdb")
    with duckdb.connect(
        str(folder / "data" / "warehouse.duckdb"), config={"file_search_path": str(project)}
    ) as connection:
        search_schemas(connection, SCHEMA)
        for table, kind in (
            ("stg_ingested_files", "view"),
            ("fact_file_completeness", "table"),
            ("rpt_trips_daily", "table"),
            ("mart_hourly_borough_trips", "table"),
            ("mart_market_share", "table"),
            ("mart_monthly_payment_mix", "table"),
            ("mart_monthly_rejects", "table"),
            ("mart_monthly_tip_rates", "table"),
            ("mart_monthly_zone_flows", "table"),
            ("mart_monthly_zone_revenue", "table"),
            ("mart_source_completeness", "table"),
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
    python = grown.taxi_command()[0]
    subprocess.run([python, "-c", script], cwd=grown.project, env=grown.environment, check=True)
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
@pytest.mark.full  # every page in every size
def test_every_page_opens_without_a_network_an_error_or_a_scrollbar_below(
    browser: Browser, sample: Warehouse, name: str, look: str
) -> None:
    sizes = {"phone": PHONE, "narrowest": NARROWEST}
    options: dict[str, Any] = {"viewport": sizes.get(look, DESKTOP)}
    if look == "dark":
        options["color_scheme"] = "dark"
    with visit(browser, sample.data / "site" / f"{name}.html", **options) as opened:
        opened.page.wait_for_timeout(300)
        take(
            opened.page,
            f"sample-{name.removesuffix('/index').replace('/', '-')}-{look}",
            full=name in PAGES[:2],
        )
        assert opened.page.inner_text("body").strip()
        assert opened.requests == []
        assert opened.errors == []
        assert opened.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_start_page_says_what_was_built_and_leads_to_every_page(
    browser: Browser, sample: Warehouse
) -> None:
    site = sample.data / "site"
    with visit(browser, site / "index.html") as opened:
        text = opened.page.inner_text("main")
        links = [
            link.get_attribute("href") or "" for link in opened.page.query_selector_all(".pages a")
        ]
        passed = sample.scalar(
            "select count(*) from node_states where node like 'test.%' and status = 'pass'"
        )
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
        assert {re.split("[?#]", link)[0] for link in links} == {
            f"{page}.html" for page in PAGES[1:]
        }
        for link in links:
            opened.page.goto((site / "index.html").as_uri())
            opened.page.click(f'.pages a[href="{link}"]')
            opened.page.wait_for_load_state("load")
            assert re.split("[?#]", link)[0] in opened.page.url
            back = opened.page.query_selector("a[href='../index.html']")
            assert back or "quality" in link, link
        assert opened.requests == []
        assert opened.errors == []


def test_the_dictionary_finds_a_column_by_a_word_of_its_meaning(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "dictionary" / "index.html") as opened:
        opened.page.fill("#query", "congestion_surcharge_amount")
        shown = opened.page.query_selector_all("article:not([hidden]) h3 code")
        assert {"fact_trips", "mart_monthly_zone_revenue"} <= {name.inner_text() for name in shown}
        assert not opened.page.is_visible("#dim_vendors")
        opened.page.fill("#query", "charged from 2019-02-02")
        assert "US dollars" in opened.page.inner_text("#fact_trips tbody tr:not([hidden])")


def test_lineage_leads_from_the_revenue_of_a_mart_to_tlcs_files(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "lineage" / "index.html") as opened:
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.full  # pages of other tools
def test_the_pages_of_the_tools_follow_the_scheme_open_on_a_mart_and_sell_nothing(
    browser: Browser, sample: Warehouse, scheme: str
) -> None:
    """No advert of the vendor is seen; the link to the start page lies on nothing that can be clicked."""
    folder = sample.data / "site"
    with visit(browser, folder / "lineage" / "index.html", color_scheme=scheme) as opened:
        page = opened.page
        page.wait_for_url("**/index.html?model=model.nyc_taxi.mart_monthly_zone_revenue*")
        page.wait_for_selector("text=fact_trips")
        assert page.is_visible("text=mart_monthly_zone_r")
        assert page.is_visible("text=Lineage")
        badges = page.query_selector_all(".react-flow__node svg[class*=triangle-alert]")
        assert not any(badge.is_visible() for badge in badges)
        for advert in page.query_selector_all("a.border-dashed"):
            assert not advert.is_visible()
        page.click("text=Model Info")
        page.wait_for_timeout(300)
        assert "Git Blame" not in page.inner_text("body")
        assert page.evaluate("document.documentElement.classList.contains('dark')") == (
            scheme == "dark"
        )
    for name in ("lineage", "docs"):
        for size in (DESKTOP, PHONE):
            options: dict[str, Any] = {"color_scheme": scheme, "viewport": size}
            with visit(browser, folder / name / "index.html", **options) as opened:
                opened.page.wait_for_timeout(800)
                covered = opened.page.evaluate(
                    """() => {
                        const link = document.getElementById("way-back");
                        const {left, right, top, bottom} = link.getBoundingClientRect();
                        link.remove();
                        const corners = [[left, top], [right - 1, top], [left, bottom - 1], [right - 1, bottom - 1]];
                        return corners.map(([x, y]) => document.elementFromPoint(x, y)?.closest("a, button, input"))
                            .filter(Boolean).map(node => node.outerHTML);
                    }"""
                )
                assert covered == [], (name, size)
    with visit(browser, folder / "docs" / "index.html", color_scheme=scheme) as opened:
        filtered = opened.page.evaluate("getComputedStyle(document.documentElement).filter")
        assert (filtered != "none") == (scheme == "dark")
        opened.page.wait_for_selector("text=Which table do I use?")


def test_the_pages_of_the_tools_fit_a_phone(browser: Browser, sample: Warehouse) -> None:
    """What they show is not behind their menus, and not beyond the edge."""
    for name, content in (("docs", ".app-content .panel-body"), ("lineage", "#main-panel")):
        with visit(browser, sample.data / "site" / name / "index.html", viewport=PHONE) as opened:
            opened.page.wait_for_selector(content)
            box = opened.page.eval_on_selector(
                content,
                "node => { const {left, right} = node.getBoundingClientRect(); return [left, right] }",
            )
            assert 0 <= box[0] < 40, name
            assert PHONE["width"] - 40 < box[1] <= PHONE["width"], name
            back = opened.page.eval_on_selector(
                "#way-back", "node => node.getBoundingClientRect().right"
            )
            assert back <= PHONE["width"], name


@pytest.mark.full  # faults, in builds of its own
def test_a_failed_build_or_a_fault_while_writing_leaves_the_old_site(sample: Warehouse) -> None:
    site = sample.data / "site"

    def pages() -> dict[Path, bytes]:
        """All but those of the runs, which show each run, also one that failed."""
        paths = (path for path in site.rglob("*.html") if path.parent.name != "history")
        return {path: path.read_bytes() for path in paths}

    before = pages()
    shapes = sample.project / "scripts" / "taxi_pipeline" / "site" / "assets" / "boroughs.json"
    kept = shapes.read_text()
    shapes.write_text("{")
    assert "unexpected error" in sample.taxi("site", exit_code=2)
    shapes.write_text(kept)
    assert before == pages()
    claim = sample.project / "tests" / "assert_nothing.sql"
    claim.write_text("select 1 as one\n")
    sample.taxi("run", exit_code=1)
    sample.taxi("build", "--select", "dim_vendors")
    assert "assert_nothing failed" in sample.taxi("site", exit_code=1)
    assert "assert_nothing failed" in sample.taxi("export", "-f", "csv", exit_code=1)
    claim.unlink()
    sample.taxi("build", "--select", "dim_vendors")
    assert before == pages()
    assert not list(site.rglob("*.tmp"))


# ------------------------------------------------------------------------------------------- dashboard

SAMPLE_FILTERS = (
    Filters(),
    Filters(services=("Green", "FHV"), first=date(2025, 11, 1)),
    Filters(services=("FHV",)),
    Filters(services=("HVFHV",), borough="Queens"),
    Filters(first=date(2025, 10, 1), last=date(2025, 11, 1), borough="Queens"),
    Filters(borough="EWR"),
    Filters(services=("Yellow",), borough="Unknown"),
    Filters(days=(date(2025, 10, 28), date(2025, 11, 9))),
    Filters(
        first=date(2025, 11, 1), days=(date(2025, 10, 28), date(2025, 11, 9)), borough="Queens"
    ),
    Filters(services=("Yellow", "FHV"), borough="Queens", zone=132),
)
REAL_FILTERS = (
    Filters(),
    Filters(whole_only=True),
    Filters(services=("Yellow",), first=date(2019, 6, 1), last=date(2020, 4, 1)),
    Filters(services=("Green", "FHV"), borough="Brooklyn"),
    Filters(first=date(2020, 4, 1), last=date(2020, 4, 1)),
    Filters(services=("Green",), first=date(2024, 1, 1), borough="N/A"),
    Filters(whole_only=True, days=(date(2020, 4, 20), date(2024, 1, 7))),
    Filters(borough="Manhattan", days=(date(2024, 1, 5), date(2024, 1, 12)), zone=74),
)


@pytest.mark.parametrize("filters", SAMPLE_FILTERS, ids=str)
def test_every_panel_of_the_sample_shows_what_sql_says(
    browser: Browser, sample: Warehouse, filters: Filters
) -> None:
    compare(browser, sample, filters, f"sample-filtered-{SAMPLE_FILTERS.index(filters)}")


@pytest.mark.parametrize("filters", REAL_FILTERS, ids=str)
@pytest.mark.full  # once more on real files
def test_every_panel_of_real_files_shows_what_sql_says(
    browser: Browser, real: Warehouse, filters: Filters
) -> None:
    compare(browser, real, filters, f"real-filtered-{REAL_FILTERS.index(filters)}")


def test_the_change_is_against_the_month_before_and_names_what_is_not_loaded(
    browser: Browser, sample: Warehouse, real: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        monthly = sample.query(
            "select count(*) from fact_trips where not is_voided group by file_month order by file_month"
        )
        [(before,), (now,)] = monthly[-2:]
        change = opened.page.inner_text("#kpi-trips")
        assert f"Dec 2025: {now:,} ▲ {100 * (now - before) / before:+.1f} % vs. Nov 2025" in change
        assert "Oct 2025 to Dec 2025" in change
        assert opened.page.inner_text("body").count("Dec 2024 is not loaded") == 1
        assert "points vs. Nov 2025" in opened.page.inner_text("#kpi-tipRate")
    with visit(browser, real.data / "site" / "dashboard" / "index.html") as opened:
        assert opened.page.inner_text("body").count("Dec 2023") == 1
        assert "Dec 2023 and Jan 2023 are not loaded" in opened.page.inner_text("#kpi-note")


def test_an_incomplete_month_is_named_hatched_and_left_out_by_the_switch(
    browser: Browser, real: Warehouse
) -> None:
    [[whole, known]] = real.query(
        "select count(*) filter (row_count_check in ('equal', 'within_band')), count(*)"
        " from mart_source_completeness"
    )
    site = real.data / "site"
    for page in ("index.html", "dashboard/index.html"):
        with visit(browser, site / page) as opened:
            headline = opened.page.inner_text("#completeness")
            assert re.match(rf"{whole} of {known} months (is|are) whole\.", headline), page
    with visit(browser, site / "index.html") as opened:
        files = opened.page.inner_text("section[aria-labelledby=files]")
        assert re.search(
            r"yellow_tripdata_2019-03\S*\s+10,000\s+excerpt, 0\.13 % of the month", files
        )
    with visit(browser, site / "dashboard" / "index.html") as opened:
        assert opened.page.is_checked("#whole")
        hatched = "#{} svg rect[fill^='url(#hatch']"
        panels = ("revenue-service", "revenue-borough", "airports")
        assert not any(opened.page.query_selector(hatched.format(panel)) for panel in panels)
        assert f"{known - whole} incomplete months left out" in opened.page.inner_text("#kpi-note")
        opened.page.select_option("#to", label="Mar 2019")
        opened.page.select_option("#from", label="Mar 2019")
        charts = opened.page.query_selector_all(".panel .chart")
        assert len(charts) > 10
        assert {chart.inner_text().partition(".")[0] for chart in charts} == {
            "All selected months are incomplete and hidden"
        }
        opened.page.uncheck("#whole")
        assert "incomplete months only" in opened.page.inner_text("#kpi-trips")
        opened.page.click("button[type=reset]")
        opened.page.uncheck("#whole")
        assert all(opened.page.query_selector(hatched.format(panel)) for panel in panels)
        assert ["Mar 2019", "Yellow", "excerpt, 0.13 % of the month"] in [
            [row[0], row[1], row[3]] for row in rows_of(opened.page, "revenue-service")
        ]
        assert "include incomplete months" in opened.page.inner_text("#kpi-note")
        bar = opened.page.query_selector_all("#revenue-service svg [aria-label=bar] rect")[0]
        bar.hover()
        opened.page.wait_for_selector("#revenue-service svg [aria-label=tip] text")
        shown = opened.page.text_content("#revenue-service svg [aria-label=tip]") or ""
        assert re.search(r"Incomplete: excerpt, \d+\.\d\d % of the month", shown)


def test_the_start_page_counts_the_excerpts_beside_their_sums(
    real: Warehouse, sample: Warehouse
) -> None:
    excerpts = "select count_if(month_completeness = 'part') from fact_file_completeness group by service_type"
    expected = sorted(str(number) for (number,) in real.query(excerpts))
    cell = re.compile(r'data-label="Excerpts">(\d+)<')
    page = (real.data / "site" / "index.html").read_text(encoding="utf-8")
    assert sorted(cell.findall(page)) == expected
    assert any(number != "0" for number in expected)
    assert "Excerpts" not in (sample.data / "site" / "index.html").read_text(encoding="utf-8")


def test_the_period_is_that_of_the_months_that_are_shown(browser: Browser, real: Warehouse) -> None:
    """By default the parts of months are left out: the first and the last month loaded are no period."""
    months = "select strftime(file_month, '%b %Y') from fact_file_completeness where {} group by file_month"
    ordered = months + " order by file_month"
    whole = [name for (name,) in real.query(ordered.format("month_completeness <> 'part'"))]
    known = [name for (name,) in real.query(ordered.format("true"))]
    assert len(whole) < 4 < len(known)
    with visit(browser, real.data / "site" / "dashboard" / "index.html") as opened:
        period = ", ".join(whole)
        assert period in opened.page.inner_text("#kpi-trips")
        assert f"FHV, {period}: " in (opened.page.text_content("#status") or "")
        opened.page.uncheck("#whole")
        period = f"{len(known)} months between {known[0]} and {known[-1]}"
        assert period in opened.page.inner_text("#kpi-trips")


def test_the_address_keeps_what_is_selected(browser: Browser, sample: Warehouse) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        page = opened.page
        Filters(services=("Green", "FHV"), first=date(2025, 11, 1), borough="Queens").choose(page)
        chosen = page.text_content("#status")
        assert page.url.endswith("#service=Green%2CFHV&from=2025-11&borough=Queens")
        page.reload()
        assert page.text_content("#status") == chosen
        page.go_back()
        assert page.eval_on_selector("#borough", "control => control.value") == ""
        assert page.text_content("#status") != chosen
        page.click("button[type=reset]")
        page.wait_for_timeout(100)
        bars = page.query_selector_all("#revenue-service svg [aria-label=bar] rect")
        bars[0].hover()
        bars[0].click()
        assert re.search(r"#service=(Yellow|Green)&to=2025-10", page.url)
        page.evaluate("location.hash = '#borough=Nowhere&from=1999-01'")
        page.wait_for_timeout(100)
        assert len(page.query_selector_all("[name=service]:checked")) == 4
        assert opened.errors == []


def test_a_drag_over_the_days_selects_them_and_reset_escape_or_a_double_click_lets_go(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        page = opened.page
        everything = page.inner_text("#kpi-trips")

        def over(share: float) -> tuple[float, float]:
            chart = page.query_selector("#daily svg .overlay")
            assert chart
            chart.scroll_into_view_if_needed()
            box = chart.bounding_box()
            assert box
            return box["x"] + share * box["width"], box["y"] + box["height"] / 2

        def drag() -> None:
            page.mouse.move(*over(0.2))
            page.mouse.down()
            page.mouse.move(*over(0.25))
            page.mouse.move(*over(0.3))
            page.mouse.up()
            page.wait_for_selector("#chips button")

        def let_go() -> None:
            page.wait_for_selector("#chips button", state="detached")
            assert "days=" not in page.url
            assert page.input_value("#day-from") == ""
            assert page.inner_text("#kpi-trips") == everything

        drag()
        found = re.search(r"#days=(2025-1\d-\d\d)\.\.(2025-1\d-\d\d)$", page.url)
        assert found
        first, last = found.groups()
        assert (page.input_value("#day-from"), page.input_value("#day-to")) == (first, last)
        days = [date(2025, 10, 1) + timedelta(days=place) for place in range(92)]
        # a fifth and three tenths of the way from the first day to the last
        assert first == days[round(0.2 * 91)].isoformat()
        assert last == days[round(0.3 * 91)].isoformat()
        trips = sample.scalar(
            f"select sum(trip_count) from rpt_trips_daily where pickup_date between '{first}' and '{last}'"
        )
        assert f"\n{trips:,}\n" in page.inner_text("#kpi-trips")
        assert f"{first} to {last}, {trips:,} trips" in page.inner_text("#daily .note")
        assert "whole: Oct 2025" in page.inner_text("#payment .note")
        page.reload()
        assert f"\n{trips:,}\n" in page.inner_text("#kpi-trips")
        page.keyboard.press("Escape")
        let_go()
        drag()
        page.mouse.dblclick(*over(0.6))
        let_go()
        drag()
        page.click("button[type=reset]")
        let_go()
        assert opened.errors == []


def test_days_are_selected_by_keyboard_too_and_days_that_are_not_loaded_are_passed_over(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        page = opened.page
        everything = page.inner_text("#kpi-trips")
        page.focus("#day-from")
        page.keyboard.type("12242025")  # one field alone reaches to the last day
        page.wait_for_selector("#chips button")
        assert page.url.endswith("#days=2025-12-24..2025-12-31")
        page.focus("#chips button")
        page.keyboard.press("Enter")
        page.wait_for_selector("#chips button", state="detached")
        page.evaluate("location.hash = '#days=1999-01-01..1999-02-01'")
        page.wait_for_timeout(100)
        assert page.inner_text("#kpi-trips") == everything


def test_a_click_on_a_zone_of_the_map_selects_it_until_its_button_is_pressed(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        page = opened.page
        page.query_selector_all("#map svg [aria-label=dot] circle")[0].click()  # the largest
        page.wait_for_selector("#chips button")
        [[zone_id, label, borough, trips]] = sample.query(
            "select zone_id, zone_label, borough, sum(trip_count) from rpt_trips_daily"
            " inner join dim_zones on pickup_zone_id = zone_id"
            " group by all order by sum(total_amount) desc nulls last limit 1"
        )
        assert page.url.endswith(f"#borough={borough}&zone={zone_id}")
        assert f"Pickup zone: {label}" in page.inner_text("#chips")
        assert f"\n{trips:,}\n" in page.inner_text("#kpi-trips")
        assert f"all of {borough}" in page.inner_text("#payment .note")
        page.click("#chips button")
        assert page.url.endswith(f"#borough={borough}")
        page.select_option("#borough", label="All boroughs")
        page.evaluate("location.hash = '#zone=9999'")
        page.wait_for_timeout(100)
        assert not page.query_selector("#chips button")


def test_the_map_and_the_list_show_where_trips_end(browser: Browser, real: Warehouse) -> None:
    page = real.data / "site" / "dashboard" / "index.html"
    expected = real.query(
        "select ends.zone_label, ends.borough, count(*) from fact_trips"
        " inner join dim_zones as starts on pickup_zone_id = starts.zone_id"
        " inner join dim_zones as ends on dropoff_zone_id = ends.zone_id"
        " where not is_voided and starts.borough = 'Queens'"
        " group by ends.zone_id, 1, 2 order by 3 desc, ends.zone_id"
    )
    rows = [
        [
            "Unknown zone" if label == "N/A" else label,
            BOROUGHS.get(borough, borough),
            f"{count:,}",
        ]
        for label, borough, count in expected
    ]
    with visit(browser, page) as opened:
        opened.page.uncheck("#whole")
        opened.page.select_option("#borough", label="Queens")
        opened.page.select_option("#end", label="drop-off")
        assert opened.page.inner_text("#map h2") == "Where trips end"
        assert opened.page.url.endswith("#borough=Queens&whole=no&zones=dropoff")
        assert sorted(row[:3] for row in rows_of(opened.page, "map")) == sorted(rows)
        assert [row[:3] for row in rows_of(opened.page, "zones")] == rows[:10]
        take(opened.page, "real-dropoffs")
        opened.page.click("button[type=reset]")
        opened.page.wait_for_timeout(50)
        assert opened.page.inner_text("#zones h2") == "Top pickup zones"


def test_the_commands_beside_a_zone_explain_its_revenue(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(
        browser,
        sample.data / "site" / "dashboard" / "index.html",
        permissions=["clipboard-read", "clipboard-write"],
    ) as opened:
        page = opened.page
        Filters(services=("Yellow", "Green"), last=date(2025, 11, 1)).choose(page)
        revenue = rows_of(page, "zones")[0][3]
        page.click("#zones tbody .link")
        commands = page.inner_text("#explain pre").splitlines()
        page.click("#explain .copy")
        page.wait_for_selector("#explain .copy:has-text('Copied')")
        assert page.evaluate("navigator.clipboard.readText()").splitlines() == commands
    cells = sample.scalar(
        "select count(*) from mart_monthly_zone_revenue"
        f" where pickup_zone_id = {commands[0].split()[7]} and revenue_month <= '2025-11-01'"
        f" and {METERED}"
    )
    assert len(commands) == cells > 1
    amounts = []
    for command in commands:
        program, *arguments = command.split()
        assert program == "taxi"
        explained = json.loads(sample.taxi(*arguments, "--json"))
        amounts.append(Decimal(str(explained["totals"]["total_amount"])))
    assert money(sum(amounts, Decimal(0))) == revenue


@pytest.mark.full  # a detail of the charts
def test_events_are_drawn_on_the_months_and_days_that_are_shown(
    browser: Browser, sample: Warehouse, two_years: Warehouse
) -> None:
    with (REPOSITORY / "seeds" / "annotations.csv").open(encoding="utf-8") as file:
        seed = {
            (row["annotation_date"], row["label"])
            for row in csv.DictReader(file)
            if row["annotation_date"].startswith(("2024", "2025"))
        }
    rules = "#{} svg [aria-label=rule] line[stroke-dasharray], #{} svg [aria-label=rule][stroke-dasharray] line"
    with visit(browser, two_years.data / "site" / "dashboard" / "index.html") as opened:
        for panel, charts in (("revenue-service", 1), ("airports", 1), ("daily", len(Service))):
            drawn = opened.page.query_selector_all(rules.format(panel, panel))
            assert len(drawn) == charts * len(seed), panel
            note = opened.page.inner_text(f"#{panel} .note")
            for day, label in seed:
                assert f"{label}, {day}." in note, panel
        opened.page.select_option("#to", label="Dec 2024")
        assert not opened.page.query_selector_all(rules.format("daily", "daily"))
        assert "congestion" not in opened.page.inner_text("#daily .note")
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        assert not opened.page.query_selector_all(rules.format("daily", "daily"))


def test_shares_of_the_market_say_of_which_files_they_are(
    browser: Browser, real: Warehouse, sample: Warehouse
) -> None:
    """A month of which one service alone is loaded is no month in which it carried everybody."""
    counted = (
        "select file_month, count(distinct service_type) from fact_file_completeness group by 1"
    )
    months = dict(real.query(counted))
    loaded = real.scalar("select count(distinct service_type) from fact_file_completeness")
    some = sum(services < loaded for services in months.values())
    assert some
    with visit(browser, real.data / "site" / "dashboard" / "index.html") as opened:
        opened.page.uncheck("#whole")
        note = opened.page.inner_text("#market .note")
    lack = "lacks" if some == 1 else "lack"
    assert f"{some} of {len(months)} months {lack} files of some of these services." in note
    assert "The shares of an incomplete month are those of its excerpts, not of the market." in note
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        assert opened.page.inner_text("#market .note") == ""


def test_a_cube_is_written_with_every_sign_size_and_run_of_zeros() -> None:
    """Beside the page's own decoder, which every comparison with SQL runs."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    values = [5, 0, -1, 0, 0, 0, 16, -16, 15, 31, 32, 10**12, -(10**12), *[0] * 500, 7, 0]
    read, number, scale, is_run = [], 0, 1, False
    for character in encode(values):
        digit = digits.index(character)
        number, scale = number + digit % 32 * scale, scale * 32
        if digit < 32:
            value = number // 2 * (-1 if number % 2 else 1)
            read += [0] * value if is_run else [value] if value else []
            is_run, number, scale = not is_run and value == 0, 0, 1
    assert read == values
    assert encode([]) == ""


def test_the_csv_of_a_panel_holds_its_numbers(browser: Browser, sample: Warehouse) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        rows = rows_of(opened.page, "payment")
        with opened.page.expect_download() as started:
            opened.page.click("#payment .csv")
        assert started.value.suggested_filename == "payment.csv"
        with Path(started.value.path()).open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file))[1:] == rows


def pixels_of(page: Page, image: bytes) -> dict[str, Any]:
    """Decode an image in the page: its size, the color of its corner, and how many pixels have each color."""
    read: dict[str, Any] = page.evaluate(
        """async address => {
            const picture = new Image();
            picture.src = address;
            await picture.decode();
            const {width, height} = picture;
            const context = new OffscreenCanvas(width, height).getContext("2d");
            context.drawImage(picture, 0, 0);
            const {data} = context.getImageData(0, 0, width, height), colors = {};
            for (let at = 0; at < data.length; at += 4) {
                const color = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
                colors[color] = (colors[color] ?? 0) + 1;
            }
            return {width, height, corner: `rgb(${data[0]}, ${data[1]}, ${data[2]})`, colors};
        }""",
        f"data:image/png;base64,{base64.b64encode(image).decode()}",
    )
    return read


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.full  # every panel as a picture
def test_the_png_of_a_panel_holds_its_title_and_chart_on_the_background_of_the_page(
    browser: Browser, sample: Warehouse, scheme: str
) -> None:
    dashboard = sample.data / "site" / "dashboard" / "index.html"
    with visit(browser, dashboard, color_scheme=scheme) as opened:
        background, text = opened.page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        for panel in opened.page.query_selector_all(".panel"):
            name = panel.get_attribute("id")
            panel.eval_on_selector("details", "details => { details.open = true }")
            box = panel.bounding_box()
            assert box
            with opened.page.expect_download() as started:
                opened.page.click(f"#{name} .png")
            assert started.value.suggested_filename == f"{name}.png"
            image = Path(started.value.path()).read_bytes()
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            (SCREENSHOTS / f"panel-{name}-{scheme}.png").write_bytes(image)
            read = pixels_of(opened.page, image)
            assert read["width"] == pytest.approx(2 * (box["width"] + 32), abs=2)
            assert read["corner"] == background
            assert read["colors"][text] > 200, name  # the title
            panel.eval_on_selector("details", "details => { details.open = false }")
            if name == "revenue-service":
                yellow, green = "rgb(230, 159, 0)", "rgb(0, 158, 115)"
                assert read["colors"][yellow] > read["colors"][green] > 1000
        assert opened.requests == []
        assert opened.errors == []


def test_services_boroughs_and_airports_never_share_a_color(
    browser: Browser, sample: Warehouse
) -> None:
    names = ["yellow", "green", "fhv", "hvfhv", "uber", "lyft", "via", "juno", "unknown"]
    names += [*(f"b{n}" for n in range(8)), *(f"a{n}" for n in range(3))]
    for scheme in ("light", "dark"):
        page = sample.data / "site" / "dashboard" / "index.html"
        with visit(browser, page, color_scheme=scheme) as opened:
            colors = [
                opened.page.evaluate(
                    "name => getComputedStyle(document.documentElement).getPropertyValue(name)",
                    f"--{name}",
                )
                for name in names
            ]
        assert all(colors)
        assert len(set(colors)) == len(names), scheme


@pytest.mark.full  # a run of two years
def test_two_full_years_stay_below_2_mb_and_compare_with_the_year_before(
    browser: Browser, two_years: Warehouse
) -> None:
    page = two_years.data / "site" / "dashboard" / "index.html"
    assert page.stat().st_size < 2_000_000
    with visit(browser, page) as opened:
        take(opened.page, "two-years-dashboard-light")
        monthly = two_years.query(
            "select file_month, sum(metered_revenue_amount) from mart_monthly_zone_revenue"
            " where file_month in ('2025-12-01', '2024-12-01') group by 1 order by 1"
        )
        [before, now] = [amount for _, amount in monthly]
        assert f"{100 * (now - before) / before:+.1f} % vs. Dec 2024" in opened.page.inner_text(
            "#kpi-cents"
        )
        revenue = two_years.scalar(
            "select sum(metered_revenue_amount) from mart_monthly_zone_revenue"
        )
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


@pytest.mark.full  # a run of two years
def test_many_months_are_drawn_as_years_and_a_year_is_selected_by_a_click(
    browser: Browser, two_years: Warehouse, tmp_path: Path
) -> None:
    """The limit is 48 months; a page with 12 shows what one of 18 years would."""
    text = (two_years.data / "site" / "dashboard" / "index.html").read_text()
    assert text.count("const MOST_MONTHS = 48;") == 1
    page = tmp_path / "index.html"
    page.write_text(text.replace("const MOST_MONTHS = 48;", "const MOST_MONTHS = 12;"))
    revenue = two_years.query(
        "select year(file_month), service_type, sum(total_amount) from mart_monthly_zone_revenue"
        " where service_type in ('Yellow', 'Green') group by all order by all"
    )
    with visit(browser, page) as opened:
        bars = opened.page.query_selector_all("#revenue-service svg [aria-label=bar] rect")
        assert len(bars) == len(revenue)
        axis = opened.page.text_content("#revenue-service svg") or ""
        assert "2024" in axis
        assert "Jan" not in axis
        assert "Columns are years" in opened.page.inner_text("#revenue-service .note")
        bars[0].hover()
        opened.page.wait_for_selector("#revenue-service svg [aria-label=tip] text")
        shown = opened.page.text_content("#revenue-service svg [aria-label=tip]") or ""
        assert any(
            f"{year}, {service}" in shown and f"${amount:,.2f}" in shown
            for year, service, amount in revenue
        )
        bars[0].click()
        assert (
            opened.page.eval_on_selector("#from", "list => list.selectedOptions[0].text")
            == "Jan 2024"
        )
        assert (
            opened.page.eval_on_selector("#to", "list => list.selectedOptions[0].text")
            == "Dec 2024"
        )
        assert "Columns are years" not in opened.page.inner_text("#revenue-service .note")
        assert opened.errors == []


def test_the_filters_work_by_keyboard_and_never_leave_nothing_selected(
    browser: Browser, sample: Warehouse
) -> None:
    with visit(browser, sample.data / "site" / "dashboard" / "index.html") as opened:
        page = opened.page
        page.keyboard.press("Tab")
        reached = []
        for _ in range(8):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    "document.activeElement.id || document.activeElement.name || document.activeElement.type"
                )
            )
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert reached == [
            "service",
            "service",
            "service",
            "service",
            "from",
            "to",
            "borough",
            "reset",
        ]
        for box in page.query_selector_all("[name=service]"):
            box.focus()
            page.keyboard.press("Space")
        assert page.eval_on_selector_all("[name=service]:checked", "boxes => boxes.length") == 1
        assert "HVFHV, 3 months, Oct 2025 to Dec 2025" in (page.text_content("#status") or "")
        page.select_option("#from", label="Dec 2025")
        page.select_option("#to", label="Nov 2025")
        assert (
            page.eval_on_selector("#from", "control => control.selectedOptions[0].label")
            == "Nov 2025"
        )


def test_the_map_shows_zones_once_their_shapes_are_there(browser: Browser, real: Warehouse) -> None:
    with visit(browser, real.data / "site" / "dashboard" / "index.html") as opened:
        take(opened.page, "real-dashboard-zones")
        assert "shaded by revenue" in opened.page.inner_text("#map .about")
        paths = opened.page.eval_on_selector_all(
            "#map svg g:nth-of-type(2) path", "paths => paths.length"
        )
        [[placed]] = real.query(
            "select count(distinct pickup_zone_id) from rpt_trips_daily"
            " inner join mart_source_completeness using (service_type, file_month)"
            " where pickup_zone_id not in (57, 104, 105, 264, 265)"
            " and row_count_check in ('equal', 'within_band')"  # "Leave out incomplete months" is on
        )
        assert paths == placed


def test_shapes_are_one_for_each_zone_and_as_large_as_the_zone(
    sample: Warehouse,
) -> None:
    import shapely  # noqa: PLC0415
    from pyproj import Geod  # noqa: PLC0415

    archive = real_file("real/taxi_zones.zip")
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
    """Keep a screenshot among the artifacts of the run."""
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
    with visit(browser, warehouse.data / "site" / "dashboard" / "index.html") as opened:
        filters.choose(opened.page)
        shown = {panel: rows_of(opened.page, panel) for panel in EXPECTED}
        for panel, expect in EXPECTED.items():
            if panel in {
                "revenue-service",
                "revenue-borough",
                "daily",
                "airports",
                "market",
                "riders",
            }:
                assert all(row[-1] for row in shown[panel]), panel
                shown[panel] = [row[:-1] for row in shown[panel]]
            if panel in {"week", "daily"}:  # the page says 0 where SQL has no row
                shown[panel] = [row for row in shown[panel] if row[2] != "0"]
            if panel in {"revenue-borough", "airports"}:
                shown[panel] = [row for row in shown[panel] if row[2] not in {"0", "$0.00"}]
            expected = expect(warehouse, filters)
            assert sorted(shown[panel]) == sorted(expected), panel
        assert rows_of(opened.page, "zones") == top_zones(warehouse, filters)
        certain, largest = rows_of(opened.page, "pairs"), top_pairs(warehouse, filters)
        assert certain == largest[: len(certain)]
        if len(certain) < len(largest) and largest:
            assert "certain to be the largest" in opened.page.inner_text("#pairs .note")
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


def facts_by_zone(filters: Filters, columns: str, more: str = "1 = 1") -> str:
    """The same, of what follows a filter on the zone and not only on its borough."""
    return facts(filters, columns, f"{filters.zone_alone} and {more}")


def money(amount: Decimal | None) -> str:
    return f"{'-' if amount and amount < 0 else ''}${abs(amount or Decimal(0)):,.2f}"


def share(part: Decimal | int, whole: Decimal | int) -> str:
    return f"{(Decimal(100) * part / whole).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


METERED = "service_type in ('Yellow', 'Green')"

REVENUE = f"sum(case when {METERED} then total_amount end)"

TRIPS = "count(case when not is_voided then 1 end)"


def has_money(warehouse: Warehouse, filters: Filters) -> bool:
    return bool(
        warehouse.scalar(f"select count(*) from {LOADED} and {METERED} and {filters.files}")
    )


def revenue_by_service(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    sums = {
        (month, service): amount
        for month, service, amount in warehouse.query(
            facts_by_zone(
                filters,
                "file_month, service_type, sum(total_amount)",
                f"{METERED} group by 1, 2",
            )
        )
    }
    loaded = warehouse.query(
        f"select file_month, service_type from {LOADED} and {METERED} and {filters.files}"
    )
    return [
        [f"{month:%b %Y}", service, money(sums.get((month, service)))] for month, service in loaded
    ]


def revenue_by_borough(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rows = warehouse.query(
        facts_by_zone(filters, "file_month, borough, sum(total_amount)", f"{METERED} group by 1, 2")
        + " having sum(total_amount) <> 0"
    )
    return [
        [f"{month:%b %Y}", BOROUGHS.get(name, name), money(amount)] for month, name, amount in rows
    ]


def daily(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    anytime = replace(filters, first=None, last=None, whole_only=False, days=None)
    trips = {
        (service, day): count
        for service, day, count in warehouse.query(
            facts(anytime, f"service_type, pickup_date, {TRIPS}") + " group by 1, 2"
        )
    }
    known = replace(filters, first=None, last=None, days=None).files
    loaded = set(warehouse.query(f"select service_type, file_month from {LOADED} and {known}"))

    def is_loaded(service: str, day: date) -> bool:
        return (service, day.replace(day=1)) in loaded

    rows = []
    for (service, day), count in trips.items():
        month = day.replace(day=1)
        inside = (filters.first or month) <= month <= (filters.last or month)
        if filters.days and not filters.days[0] <= day <= filters.days[1]:
            continue
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
    held = dict(
        warehouse.query(
            "select isodow(pickup_date), count(distinct pickup_date) from fact_trips"
            " where not is_voided and (service_type, date_trunc('month', pickup_date)) in"
            f" (select (service_type, file_month) from {LOADED} and {filters.files}) group by 1"
        )
    )
    return [
        [
            names[weekday - 1],
            str(hour),
            f"{count:,}",
            str(held[weekday]),
            f"{(Decimal(count) / held[weekday]).quantize(Decimal('0.1'), ROUND_HALF_UP):,}",
        ]
        for weekday, hour, count in rows
    ]


def by_zone(warehouse: Warehouse, filters: Filters) -> list[tuple[Any, ...]]:
    return warehouse.query(
        facts(filters, f"zone_id, zone_label, borough, {TRIPS}, {REVENUE}")
        + f" group by 1, 2, 3 having {TRIPS} > 0 or {REVENUE} <> 0"
    )


def zones_of_map(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    paid = has_money(warehouse, filters)
    return [
        [
            "Unknown zone" if label == "N/A" else label,
            BOROUGHS.get(borough, borough),
            f"{count:,}",
            money(amount) if paid else "no fares",
        ]
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
            f"{METERED} group by 1",
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
        facts_by_zone(
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


def flows(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rows = warehouse.query(
        f"select starts.borough, ends.borough, {TRIPS} from fact_trips"
        " inner join dim_zones as starts on pickup_zone_id = starts.zone_id"
        " inner join dim_zones as ends on dropoff_zone_id = ends.zone_id"
        f" where {filters.files} and {filters.zones.replace('borough', 'starts.borough')}"
        f" group by 1, 2 having {TRIPS} > 0"
    )
    whole = sum(count for _, _, count in rows)
    return [
        [BOROUGHS.get(start, start), BOROUGHS.get(end, end), f"{count:,}", share(count, whole)]
        for start, end, count in rows
    ]


def top_pairs(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    [[whole]] = warehouse.query(facts_by_zone(filters, TRIPS))
    rows = warehouse.query(
        f"select starts.zone_label, ends.zone_label, {TRIPS} from fact_trips"
        " inner join dim_zones as starts on pickup_zone_id = starts.zone_id"
        " inner join dim_zones as ends on dropoff_zone_id = ends.zone_id"
        f" where {filters.files} and {filters.zones.replace('borough', 'starts.borough')}"
        f" and {filters.zone_alone} and not starts.is_unknown and not ends.is_unknown"
        f" group by starts.zone_id, ends.zone_id, 1, 2 having {TRIPS} > 0"
        " order by 3 desc, starts.zone_id, ends.zone_id limit 10"
    )
    return [[start, end, f"{count:,}", share(count, whole)] for start, end, count in rows]


def speed(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rows = warehouse.query(
        facts(
            filters,
            "service_type, hour(pickup_at), count(*), sum(trip_distance_miles), sum(trip_duration_seconds)",
            "not is_voided and trip_duration_seconds > 0"
            " and trip_distance_miles * 3600 / trip_duration_seconds between 1 and 80 group by 1, 2",
        )
    )

    return [
        [
            service,
            str(hour),
            f"{count:,}",
            tenths(miles),
            tenths(Decimal(seconds) / 3600),
            tenths(miles * 3600 / Decimal(seconds)),
        ]
        for service, hour, count, miles, seconds in rows
    ]


def tips(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    bands = ["0", *(f"{lower}-{lower + 5}" for lower in range(0, 40, 5)), "40+"]
    counts: dict[str, dict[str, int]] = {}
    for service, tip, fare in warehouse.query(
        facts(
            filters,
            "service_type, tip_amount, fare_amount",
            "payment_type_id = 1 and not is_voided and fare_amount > 0",
        )
    ):
        percent = 100 * Fraction(tip) / Fraction(fare)
        band = "0" if percent <= 0 else bands[min(9, 1 + int(percent // 5))]
        counts.setdefault(service, dict.fromkeys(bands, 0))[band] += 1
    return [
        [service, band, f"{count:,}", share(count, sum(of.values()))]
        for service, of in counts.items()
        for band, count in of.items()
    ]


COMPANY = "case when service_type = 'HVFHV' then licensee_name else service_type::varchar end"


def tenths(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.1'), ROUND_HALF_UP):,}"


def companies(filters: Filters, columns: str) -> str:
    return (
        f"select file_month, {COMPANY} as company, {columns} from fact_trips"
        " inner join dim_zones on pickup_zone_id = zone_id"
        " inner join dim_hvfhs_licensees using (hvfhs_license_number)"
        f" where {filters.files} and {filters.zones} group by 1, 2 having {TRIPS} > 0"
    )


def market(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    counted = (
        "not is_voided and trip_duration_seconds > 0"
        " and trip_distance_miles * 3600 / trip_duration_seconds between 1 and 80"
    )
    rows = warehouse.query(
        companies(
            filters,
            f"{TRIPS}, avg(wait_seconds) filter (not is_voided and wait_seconds >= 0),"
            f" sum(trip_distance_miles) filter ({counted}), sum(trip_duration_seconds) filter ({counted})",
        )
    )
    whole: dict[date, int] = {}
    for month, _, trips, *_ in rows:
        whole[month] = whole.get(month, 0) + trips
    return [
        [
            f"{month:%b %Y}",
            company,
            f"{trips:,}",
            share(trips, whole[month]),
            "" if wait is None else tenths(Decimal(wait) / 60),
            "" if miles is None else tenths(miles * 3600 / Decimal(seconds)),
        ]
        for month, company, trips, wait, miles, seconds in rows
    ]


def riders(warehouse: Warehouse, filters: Filters) -> list[list[str]]:
    rides = replace(filters, services=tuple({"HVFHV"} & set(filters.services)) or ("none",))
    rows = warehouse.query(companies(rides, "sum(total_amount), sum(driver_pay_amount)"))
    return [
        [f"{month:%b %Y}", company, money(paid), money(driver)]
        for month, company, paid, driver in rows
    ]


EXPECTED = {
    "market": market,
    "riders": riders,
    "revenue-service": revenue_by_service,
    "revenue-borough": revenue_by_borough,
    "daily": daily,
    "week": week,
    "flows": flows,
    "speed": speed,
    "tips": tips,
    "map": zones_of_map,
    "payment": payments,
    "airports": airports,
    "rejects": rejects,
}


def totals(warehouse: Warehouse, filters: Filters) -> dict[str, str]:
    of_days = "1 = 1"
    files = filters
    if (
        filters.days and not filters.zone
    ):  # days are kept by borough: they count by date, whatever the file
        first, last = filters.days
        of_days = (
            f"pickup_date between '{first}' and '{last}'"
            " and (service_type, date_trunc('month', pickup_date)) in"
            f" (select (service_type, file_month) from {LOADED} and {filters.files})"
        )
        files = replace(filters, first=None, last=None, whole_only=False, days=None)
    [[trips]] = warehouse.query(facts_by_zone(files, TRIPS, of_days))
    [[paid, amount, fares, tips]] = warehouse.query(
        facts_by_zone(
            files,
            f"{TRIPS}, sum(total_amount), sum(case when payment_type_id = 1 then fare_amount end),"
            " sum(case when payment_type_id = 1 then tip_amount end)",
            f"{METERED} and {of_days}",
        )
    )
    loaded = warehouse.scalar(
        f"select count(*) from {LOADED} and service_type = 'HVFHV' and {filters.files}"
    )
    [[paid_by_riders]] = warehouse.query(
        facts_by_zone(files, "sum(total_amount)", f"service_type = 'HVFHV' and {of_days}")
    )
    riders = {}
    if warehouse.scalar(f"select count(*) from {LOADED} and service_type = 'HVFHV'"):
        either = replace(filters, whole_only=False).files
        left_out = f"select count(*) from {LOADED} and service_type = 'HVFHV' and {either}"
        none = "left out" if warehouse.scalar(left_out) else "no HVFHV"
        riders["riders"] = money(paid_by_riders) if loaded else none
    if not has_money(warehouse, filters):
        return {
            **riders,
            "trips": f"{trips:,}",
            "cents": "no fares",
            "perTrip": "no fares",
            "tipRate": "no fares",
        }
    per_trip = (amount / paid).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        **riders,
        "trips": f"{trips:,}",
        "cents": money(amount),
        "perTrip": money(per_trip),
        "tipRate": share(tips, fares),
    }
