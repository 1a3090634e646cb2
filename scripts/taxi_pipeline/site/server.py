"""The site over HTTP: its files and nothing else, on this machine unless another address is asked for."""

import io
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.site.publish import START_PAGE

LOOPBACK = "127.0.0.1"

_HEADERS = {
    # Pages hold their own scripts, styles and data; they ask nobody for anything.
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' 'self'; "
    "style-src 'unsafe-inline' 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class SiteHandler(SimpleHTTPRequestHandler):
    """Serves the files of one folder: no lists of folders, no links that lead out of it."""

    server_version = "taxi"
    sys_version = ""

    def send_head(self) -> io.BytesIO | None:
        """Answer with the file, or with 404 for whatever is not a file of the site."""
        if not self._is_page():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()  # type: ignore[return-value]

    def _is_page(self) -> bool:
        try:
            path = Path(self.translate_path(self.path)).resolve()
            is_inside = path.is_relative_to(Path(self.directory).resolve())
            return is_inside and (path.is_file() or (path / START_PAGE).is_file())
        except (OSError, ValueError, RuntimeError):  # a long name, a NUL byte, a circle of links
            return False

    def end_headers(self) -> None:
        """Add the headers that keep a page to itself."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Log nothing: the terminal shows the address."""


def make_server(site: Path, host: str, port: int) -> ThreadingHTTPServer:
    """A server for the site.

    Args:
        site: the folder.
        host: an address of this machine.
        port: TCP port; 0 for any free one.

    Raises:
        TaxiError: there is no site yet, or the address cannot be used.
    """
    if not (site / START_PAGE).exists():
        raise TaxiError(str(site), "there is no site yet", "run `taxi site` first")
    try:
        return ThreadingHTTPServer((host, port), partial(SiteHandler, directory=str(site)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TaxiError(
            f"{host}:{port}",
            f"the address cannot be used: {reason}",
            "choose another with --host or --port",
        ) from error
