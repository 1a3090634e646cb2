"""A publisher of trip files on the loopback: the files of a folder, as TLC's server answers for them."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from servers import serving


@dataclass
class Publisher:
    """What it has, how it misbehaves, and what it was asked.

    Attributes:
        folder: its files; one that is not there is refused, as TLC's server does (403).
        address: of the folder, to be given as ``--source``.
        statuses: answers other than that, by the name of the file.
        stall_after: bytes of a body after which it waits until it is released.
        asked: method, name of the file, and bytes of the body that were sent, in the order of the requests.
        released: set it to end the waiting.
    """

    folder: Path
    address: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    stall_after: int | None = None
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def publish(self, name: str, content: bytes) -> None:
        """Put a file there, or another one in its place."""
        (self.folder / name).write_bytes(content)

    def transferred(self, name: str) -> int:
        """Bytes of a file that were sent."""
        return sum(sent for _, asked, sent in self.asked if asked == name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name it has there)
        """Keep the test's output clean."""

    def do_HEAD(self) -> None:
        """Say what is there."""
        self._answer("HEAD")

    def do_GET(self) -> None:
        """Send it, or the rest of it that is asked for."""
        self._answer("GET")

    def _answer(self, method: str) -> None:
        name = self.path.rsplit("/", 1)[1]
        path = self.publisher.folder / name
        status = self.publisher.statuses.get(name, 200 if path.exists() else 403)
        body = path.read_bytes() if status == 200 else b""
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        length = len(body)
        if status == 200 and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        asked = self.headers.get("Range")
        if status == 200 and asked and self.headers.get("If-Range") in (None, etag):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            status, body = 206, body[start:]
        self.send_response(status)
        if status in (200, 206, 304):
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", formatdate(path.stat().st_mtime, usegmt=True))
        if status == 206:
            self.send_header("Content-Range", f"bytes {length - len(body)}-{length - 1}/{length}")
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = 0 if method == "HEAD" else self._send(body)
        self.publisher.asked.append((method, name, sent))

    def _send(self, body: bytes) -> int:
        stop = self.publisher.stall_after
        first = body if stop is None else body[:stop]
        try:
            self.wfile.write(first)
            if len(first) < len(body):
                self.wfile.flush()
                self.publisher.stalled.set()
                self.publisher.released.wait(60)
                self.wfile.write(body[len(first) :])
        except OSError:  # the client is gone, as some tests mean it to be
            self.close_connection = True
            return len(first)
        return len(body)


@contextmanager
def run_publisher(folder: Path) -> Iterator[Publisher]:
    """Serve a folder until the end of the block; it is made."""
    folder.mkdir(parents=True, exist_ok=True)
    publisher = Publisher(folder)
    handler = type("PublisherHandler", (_Handler,), {"publisher": publisher})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with serving(server) as address:
        publisher.address = f"{address}/trip-data"
        try:
            yield publisher
        finally:
            publisher.released.set()
