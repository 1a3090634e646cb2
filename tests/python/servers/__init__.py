"""Real servers for the tests, started on a free port of 127.0.0.1 and stopped afterwards."""

import socket


def free_port() -> int:
    """Find a TCP port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
