"""The pages to look at: written in one move, served on this machine only."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings

HOST = "127.0.0.1"


def publish_docs(settings: Settings) -> Path:
    """Put the static page that dbt has generated into the site; the old page stays until then."""
    docs_dir = settings.site_dir / "docs"
    docs_dir.mkdir(parents=True, exist_ok=True)
    page, draft = docs_dir / "index.html", docs_dir / "index.html.tmp"
    shutil.copyfile(settings.project_dir / "target" / "static_index.html", draft)
    draft.replace(page)
    return page


def make_server(settings: Settings, port: int) -> ThreadingHTTPServer:
    """A server for the site on the loopback address.

    Args:
        settings: where the site is.
        port: TCP port; 0 for any free one.

    Raises:
        TaxiError: there is no site yet, or the port is taken.
    """
    if not (settings.site_dir / "docs" / "index.html").exists():
        raise TaxiError(str(settings.site_dir), "there is no site yet", "run `taxi docs` first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(settings.site_dir))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise TaxiError(
            f"port {port}", f"cannot be used: {error.strerror}", "choose another with --port"
        ) from error
