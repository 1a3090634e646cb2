"""The pages to look at: written aside, moved into the site page by page, served on this machine only."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings

HOST = "127.0.0.1"

START_PAGE = "index.html"
"""Relative to the site; the page that leads to the others."""


DOCS_PAGE = "docs/index.html"
"""dbt's documentation."""


_ADDRESSES = {
    # An address of an icon that Angular has yet to fill in, and one that dbt forgot to.
    '<use xlink:href="{{': '<use ng-attr-xlink:href="{{',
    "${require('./assets/favicons/favicon.ico')}": "data:,",
}


def publish_docs(settings: Settings) -> Path:
    """Put the static page that dbt has generated into the site; the old page stays until then."""
    draft = settings.project_dir / "target" / "docs.html"
    write_docs(settings.project_dir / "target", draft)
    replace_page(draft, settings.site_dir / DOCS_PAGE)
    return settings.site_dir / DOCS_PAGE


def write_docs(target_dir: Path, page: Path) -> None:
    """Write dbt's static page, without the addresses in it that lead to files that are not there."""
    text = (target_dir / "static_index.html").read_text(encoding="utf-8")
    for address, mended in _ADDRESSES.items():
        text = text.replace(address, mended)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


def publish(draft: Path, site: Path) -> None:
    """Put every page of a draft into the site, the start page last: it never speaks of pages that are not there."""
    pages = [path.relative_to(draft) for path in draft.rglob("*") if path.is_file()]
    for page in sorted(pages, key=lambda path: (path == Path(START_PAGE), path)):
        replace_page(draft / page, site / page)


def replace_page(source: Path, page: Path) -> None:
    """Copy a file over a page of the site; a reader sees the old one or the new one, whole."""
    page.parent.mkdir(parents=True, exist_ok=True)
    draft = page.with_name(page.name + ".tmp")
    shutil.copyfile(source, draft)
    draft.replace(page)


def make_server(settings: Settings, port: int) -> ThreadingHTTPServer:
    """A server for the site on the loopback address.

    Args:
        settings: where the site is.
        port: TCP port; 0 for any free one.

    Raises:
        TaxiError: there is no site yet, or the port is taken.
    """
    if not (settings.site_dir / START_PAGE).exists():
        raise TaxiError(str(settings.site_dir), "there is no site yet", "run `taxi site` first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(settings.site_dir))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise TaxiError(
            f"port {port}", f"cannot be used: {error.strerror}", "choose another with --port"
        ) from error
