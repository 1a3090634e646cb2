"""A publisher of trip files on the loopback: files come, change, are not there yet, or the whole server is down."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder as TLC's server does: 403 for what is not there."""

    def __init__(self, *arguments: Any, publisher: "Publisher", **options: Any) -> None:
        self.publisher = publisher
        super().__init__(*arguments, **options)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name it has there)
        """Keep the test's output clean."""

    def send_head(self) -> Any:
        """Answer GET and HEAD."""
        name = Path(self.path).name
        self.publisher.asked.append((self.command, name))
        if self.publisher.is_down.is_set():
            self.send_response(HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Retry-After", "3600")  # longer than a command waits by itself
            self.send_header("Content-Length", "0")
            self.end_headers()
            return self.publisher.unavailable(self.command)
        if not (self.publisher.folder / name).is_file():
            self.send_error(HTTPStatus.FORBIDDEN)
            return self.publisher.refused()
        if self.command == "GET":
            self.publisher.wait(name)
        return super().send_head()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no fault of the server."""


@dataclass
class Publisher:
    """What the server has and was asked.

    Attributes:
        folder: the files that are out.
        address: of the server.
        is_down: while it is set every answer is 503.
        asked: method and file name of each request.
        held: set once a transfer of the file that ``hold`` names has begun.
    """

    folder: Path
    address: str = ""
    is_down: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, str]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)
    _held_name: str = ""
    _refusals: int = 0
    _after_refusals: Callable[[], None] = lambda: None
    _up_after: str = ""

    def hold(self, name: str) -> None:
        """Let transfers of a file stand still until they are released."""
        self._held_name = name

    def release(self) -> None:
        """Let them go on, and those that come."""
        self._released.set()

    def wait(self, name: str) -> None:
        """Stand still where the file is held."""
        if name == self._held_name and not self._released.is_set():
            self.held.set()
            self._released.wait()

    def on_refusal(self, count: int, then: Callable[[], None]) -> None:
        """Do something once so many requests have been for files that are not there."""
        self._refusals, self._after_refusals = count, then

    def down_until(self, method: str) -> None:
        """Be down until one request of this method has had its answer, which is to ask again in an hour."""
        self._up_after = method
        self.is_down.set()

    def unavailable(self, method: str) -> None:
        """Be up again where it was the request that ``down_until`` waits for."""
        if method == self._up_after:
            self.is_down.clear()

    def refused(self) -> None:
        """Count a request for a file that is not there."""
        self._refusals -= 1
        if self._refusals == 0:
            self._after_refusals()

    def publish(self, file: Path, name: str = "") -> None:
        """Put a file out, whole at once, in place of the one of that name."""
        draft = self.folder / "draft"
        shutil.copyfile(file, draft)  # not its times: it is published now
        draft.replace(self.folder / (name or file.name))


@contextmanager
def publisher(folder: Path) -> Iterator[Publisher]:
    """Serve a folder until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Publisher(folder)
    handler = partial(_Handler, publisher=found, directory=str(folder))
    with _Server(("127.0.0.1", 0), handler) as server:
        found.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
