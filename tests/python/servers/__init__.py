"""Real servers for the tests, started on a free port of 127.0.0.1 and stopped afterwards."""

import ctypes
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from threading import Thread


def free_port() -> int:
    """Find a TCP port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(by: signal.Signals = signal.SIGQUIT) -> None:
    """To run in the child, between fork and exec: no server outlives a test run that is killed.

    Args:
        by: the signal that ends the server; Java only prints its threads on SIGQUIT.
    """
    if _LIBC is not None:
        _LIBC.prctl(1, by)  # PR_SET_PDEATHSIG


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Let a server of this process answer while a block lasts; yields its address."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
