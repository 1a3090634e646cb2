"""The pages to look at: written aside, moved into the site page by page."""

import shutil
from pathlib import Path

from taxi_pipeline.atomic import draft_of, writing_to
from taxi_pipeline.settings import Settings

START_PAGE = "index.html"
"""Relative to the site; the page that leads to the others."""


HISTORY_PAGE = "history/index.html"
"""The runs; written anew after each of them."""


DOCS_PAGE = "docs/index.html"
"""dbt's documentation."""


_ADDRESSES = {
    # An address of an icon that Angular has yet to fill in, and one that dbt forgot to.
    '<use xlink:href="{{': '<use ng-attr-xlink:href="{{',
    "${require('./assets/favicons/favicon.ico')}": "data:,",
}


_WAY_BACK = (
    '<a href="../index.html" id="way-back" style="position:fixed;z-index:99999;border-radius:8px;'
    'background:#1b1f23;color:#fff;font:600 13px system-ui,sans-serif;text-decoration:none;{place}">'
    "NYC taxi warehouse</a>"
)

_DARK = (
    "<style>@media (prefers-color-scheme: dark) { html { background: #fff; filter: invert(.93) hue-rotate(180deg) }"
    " img, .logo, #way-back { filter: invert(1) hue-rotate(180deg) } }</style>"
)
"""dbt's page knows light colors only: turned round, hues kept."""

_PHONE = (
    "<style>@media (max-width: 700px) {"
    " html, body, .app { min-width: 0 !important; width: 100% !important } .app { display: block !important }"
    " .app-menu, .app-content { position: static !important; width: 100% !important; min-width: 0 !important }"
    " .app-menu { height: 34vh !important } .app-content { height: 66vh !important }"
    " .app-content .app-frame { width: auto !important; max-width: 100% !important; min-width: 0 !important } }</style>"
)
"""dbt's page is 960 pixels wide at least: on a phone its menu stands above its text."""


def add_way_back(text: str, place: str) -> str:
    """Add a link to the start page at the end of a tool's own page.

    Args:
        text: the page, in a folder of the site.
        place: where the link does not cover the page's own controls, as CSS.
    """
    head, end, tail = text.rpartition("</body>")
    return head + _WAY_BACK.format(place=place) + end + tail


def publish_docs(settings: Settings) -> Path:
    """Put the static page that dbt has generated into the site; the old page stays until then."""
    draft = settings.target_dir / "docs.html"
    write_docs(settings.target_dir, draft)
    replace_page(draft, settings.site_dir / DOCS_PAGE)
    return settings.site_dir / DOCS_PAGE


def write_docs(target_dir: Path, page: Path) -> None:
    """Write dbt's static page, without the addresses in it that lead to files that are not there."""
    text = (target_dir / "static_index.html").read_text(encoding="utf-8")
    for address, mended in _ADDRESSES.items():
        text = text.replace(address, mended)
    text = text.replace("</head>", f"{_DARK}{_PHONE}</head>", 1)
    with writing_to(page):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            add_way_back(text, "left:12px;bottom:12px;padding:6px 12px"), encoding="utf-8"
        )


def publish(draft: Path, site: Path) -> None:
    """Put every page of a draft into the site, the start page last: it never speaks of pages that are not there."""
    pages = [path.relative_to(draft) for path in draft.rglob("*") if path.is_file()]
    for page in sorted(pages, key=lambda path: (path == Path(START_PAGE), path)):
        replace_page(draft / page, site / page)


def replace_page(source: Path, page: Path) -> None:
    """Copy a file over a page of the site; a reader sees the old one or the new one, whole."""
    with draft_of(page) as draft:
        shutil.copyfile(source, draft)
