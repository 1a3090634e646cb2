"""`taxi serve`: the site's files over HTTP, and nothing else."""

import http.client
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.options import repeat_option
from taxi_pipeline.site.server import LOOPBACK, make_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """A site of two pages, with a link that leads out of it."""
    site = tmp_path / "site"
    (site / "docs").mkdir(parents=True)
    (site / "empty").mkdir()
    for page in (site / "index.html", site / "docs" / "index.html"):
        page.write_text(f"<p>{page.parent.name}</p>")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "out.txt").symlink_to(tmp_path / "secret.txt")
    (site / "loop").symlink_to(site / "loop")
    with make_server(site, LOOPBACK, 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server: ThreadingHTTPServer, path: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode(), response.headers


@pytest.mark.parametrize("path", ["/", "/index.html", "/docs/", "/docs/index.html?x=1"])
def test_pages_come_with_headers_that_keep_them_to_themselves(
    server: ThreadingHTTPServer, path: str
) -> None:
    status, text, headers = ask(server, path)
    assert (status, text[:3]) == (200, "<p>")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("/empty/", "/out.txt", "/loop", "/../secret.txt", "/%2e%2e/secret.txt", "/%00"),
        "/" + "a" * 5000,
    ],
)
def test_what_is_no_file_of_the_site_is_not_found(server: ThreadingHTTPServer, path: str) -> None:
    status, text, _ = ask(server, path)
    assert status == 404
    assert "secret" not in text.removeprefix("secret.txt")
    assert ask(server, "/")[0] == 200


def test_an_address_that_cannot_be_used_is_one_sentence(server: ThreadingHTTPServer) -> None:
    site = Path(server.RequestHandlerClass.keywords["directory"])  # type: ignore[attr-defined]
    for host, port in ((LOOPBACK, server.server_port), ("203.0.113.1", 0), (LOOPBACK, 70000)):
        with pytest.raises(TaxiError, match="the address cannot be used"):
            make_server(site, host, port)


def test_an_option_takes_several_values_as_in_dbt() -> None:
    options = frozenset({"--select", "-s", "--exclude"})
    assert repeat_option(["--select", "a", "b", "--target", "dev", "-s", "c", "d"], options) == (
        ["--select", "a", "--select", "b", "--target", "dev", "-s", "c", "-s", "d"]
    )
    assert repeat_option(["--select", "--full-refresh"], options) == ["--select", "--full-refresh"]
