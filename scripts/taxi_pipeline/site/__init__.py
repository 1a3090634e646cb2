"""The site: pages that open by double click, with no server and no request to any other host."""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from taxi_pipeline.atomic import writing_to
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.seeds import read_variables
from taxi_pipeline.settings import Settings
from taxi_pipeline.site.dashboard import dashboard_data
from taxi_pipeline.site.facts import BuildFacts, gather_facts
from taxi_pipeline.site.lineage import LINEAGE_QUERY, write_lineage
from taxi_pipeline.site.live import (
    LIVE_PAGE,
    live_document,
    read_windows,
    write_live_document,
)
from taxi_pipeline.site.publish import (
    DOCS_PAGE,
    HISTORY_PAGE,
    START_PAGE,
    publish,
    publish_docs,
    write_docs,
)
from taxi_pipeline.site.tables import LAYERS, read_tables
from taxi_pipeline.synthetic import NOTICE
from taxi_pipeline.transform.completeness import Completeness, read_completeness
from taxi_pipeline.warehouses import open_reader

__all__ = [
    "publish_docs",
    "render_live_page",
    "render_page",
    "write_site",
    "zones_path",
]

PAGES = (
    (
        "dashboard/index.html",
        "Dashboard",
        "Trips, revenue and tips by month, service, borough and zone; filters act on every number.",
    ),
    (
        LIVE_PAGE,
        "Live",
        "Trips of the last hours as a stream reports them, by quarter of an hour and zone.",
    ),
    (
        f"{DOCS_PAGE}#!/model/model.nyc_taxi.mart_monthly_zone_revenue",
        "Tables and lineage",
        "dbt's documentation: every model with its SQL and tests, and the graph from file to mart.",
    ),
    (
        f"lineage/index.html?{LINEAGE_QUERY}",
        "Lineage of columns",
        "From which columns of TLC's files each column comes, step by step.",
    ),
    (
        "docs/quality/index.html",
        "Data quality",
        "What the expectations on files and tables found, month by month.",
    ),
    (
        HISTORY_PAGE,
        "Runs",
        "What each run did and how it ended: duration, files, rows, tests, failures.",
    ),
    (
        "dictionary/index.html",
        "Data dictionary",
        "Every table and column in words, with its type and unit; to be searched.",
    ),
)
"""Address in the site, name, and what it is for. The start page leads to those that are there."""


_EVERY_SECONDS = 5
"""After which the live page asks for its document again."""


def zones_path(settings: Settings) -> Path:
    """Where ``taxi zones`` keeps the shapes of the zones."""
    return settings.zones_dir / "taxi_zones.geojson"


def write_site(settings: Settings, target: str | None) -> Path:
    """Write every page from what the last build has left in ``target/`` and in the warehouse.

    The pages are made aside and then moved in, the start page last: a fault leaves the old site.

    Args:
        settings: where the project and the data are.
        target: a name of ``profiles.yml``; None for its default.

    Returns:
        The start page.

    Raises:
        TaxiError: the last build failed, or the warehouse cannot be read or holds no file.
    """
    target_dir, site = settings.target_dir, settings.site_dir
    variables = read_variables(settings.project_dir)
    speed = (int(variables["min_speed_mph"]), int(variables["max_speed_mph"]))
    draft = target_dir / "site"
    shutil.rmtree(draft, ignore_errors=True)
    with open_reader(settings, target) as reader:
        facts = gather_facts(settings, reader)
        if not facts.files:
            raise TaxiError(
                reader.name,
                "its tables hold no file, so there is nothing to show",
                "run `taxi run PATH` with your files",
            )
        completeness = read_completeness(reader)
        data = dashboard_data(reader, completeness, speed, target)
        live = read_windows(reader)
    zones = zones_path(settings)
    pages = {
        "dictionary/index.html": render_page(
            "dictionary.html", tables=read_tables(target_dir), layers=LAYERS
        ),
        "dashboard/index.html": render_page(
            "dashboard.html",
            facts=facts,
            completeness=completeness,
            notice=NOTICE,
            speed=speed,
            data=_embed(
                data
                | {
                    "boroughShapes": json.loads(_asset("boroughs.json")),
                    "zoneShapes": json.loads(zones.read_text()) if zones.exists() else None,
                }
            ),
        ),
    }
    if live:
        minutes = int(variables["live_window_minutes"])
        pages[LIVE_PAGE] = render_live_page(minutes)
        write_live_document(draft, live_document(live, minutes))
    for address, text in pages.items():
        _write(draft / address, text)
    write_lineage(target_dir, draft / "lineage")
    write_docs(target_dir, draft / DOCS_PAGE)
    _write(draft / START_PAGE, _start_page(facts, completeness, draft, site))
    publish(draft, site)
    shutil.rmtree(draft)
    return site / START_PAGE


def render_live_page(window_minutes: int) -> str:
    """The page of the last hours; it holds no data, and asks for the document beside it."""
    return render_page("live.html", window_minutes=window_minutes, every_seconds=_EVERY_SECONDS)


def _start_page(facts: BuildFacts, completeness: Completeness, draft: Path, site: Path) -> str:
    pages = [
        page
        for page in PAGES
        if any((folder / re.split("[?#]", page[0])[0]).exists() for folder in (draft, site))
    ]
    return render_page(
        "start.html", facts=facts, completeness=completeness, pages=pages, notice=NOTICE
    )


def _write(path: Path, text: str) -> None:
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _asset(name: str) -> str:
    return (files(__name__) / "assets" / name).read_text(encoding="utf-8")


def _embed(document: Any) -> Markup:
    """JSON for a script element: no text in it can end the element."""
    return Markup(json.dumps(document, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704


def render_page(template: str, **values: Any) -> str:
    """A page of a template of this package; ``asset`` in it gives a file of ours."""
    environment = Environment(
        loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals["asset"] = lambda name: Markup(_asset(name))  # noqa: S704 - our own files
    return environment.get_template(template).render(values)
