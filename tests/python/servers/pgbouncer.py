"""A connection pooler before the throw-away Postgres: each transaction may get another session of the server."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from servers import die_with_parent, free_port
from servers.postgres import PASSWORD, PostgresServer

_START_SECONDS = 20


def find_pgbouncer() -> Path | None:
    """The program, on the path or where distributions put it."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


@contextmanager
def run_pgbouncer(program: Path, server: PostgresServer) -> Iterator[int]:
    """Start a pooler in transaction mode, with two sessions of the server for everyone.

    Args:
        program: from ``find_pgbouncer``.
        server: what it leads to.

    Yields:
        its port on 127.0.0.1.
    """
    folder = Path(tempfile.mkdtemp(prefix="taxi-pgbouncer-"))
    port = free_port()
    (folder / "users").write_text(f'"taxi" "{PASSWORD}"\n')
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": folder / "users",
        "pool_mode": "transaction",
        "default_pool_size": 2,
        "server_round_robin": 1,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    database = f"nyc_taxi = host=127.0.0.1 port={server.port} dbname=nyc_taxi"
    (folder / "pgbouncer.ini").write_text(
        "\n".join(["[databases]", database, "[pgbouncer]", *lines, ""])
    )
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root
        owner = pwd.getpwnam("nobody")
        identity = {"user": owner.pw_uid, "group": owner.pw_gid}
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, owner.pw_uid, owner.pw_gid)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), str(folder / "pgbouncer.ini")],
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
            **identity,
        )
    try:
        _wait(port, process, folder / "log")
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"postgresql://taxi:{PASSWORD}@127.0.0.1:{port}/nyc_taxi").close()
            return
        except psycopg.Error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
