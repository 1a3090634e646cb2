"""A Spark Connect server in an environment of its own; what talks to it needs no Java.

Spark is installed once beside the project.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from processes import name_main_module
from servers import die_with_parent, free_port
from servers.java import SHORT_LIVED

_HERE = Path(__file__).resolve().parent
_ENVIRONMENT = _HERE.parents[2] / ".venv-spark"
_START_SECONDS = 120
_LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
"""


def install() -> Path:
    """Make the server's environment where it is missing or of other versions; return Spark's folder."""
    requirements = _HERE / "spark_server.txt"
    wanted, installed = requirements.read_text(), _ENVIRONMENT / "installed.txt"
    with FileLock(f"{_ENVIRONMENT}.lock"):
        if not installed.exists() or installed.read_text() != wanted:
            shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
            subprocess.run(["python3", "-m", "venv", str(_ENVIRONMENT)], check=True)
            pip = [str(_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            subprocess.run(
                [*pip, "--disable-pip-version-check", "--requirement", str(requirements)],
                check=True,
            )
            installed.write_text(wanted)
    [home] = (_ENVIRONMENT / "lib").glob("python3*/site-packages/pyspark")
    return home


@dataclass
class SparkServer:
    """A Connect server with a folder for its tables and its catalog.

    Attributes:
        folder: of the tables, the catalog and the log; they outlive a server that is killed.
        port: on 127.0.0.1.
        process: the server.
        client: the session of this process with that server.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    client: Any = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the target ``spark`` in profiles.yml."""
        return {"SPARK_REMOTE": f"sc://127.0.0.1:{self.port}", "PYTHONWARNINGS": "ignore"}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        home = install()
        (self.folder / "log4j2.properties").write_text(_LOGGING)
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.catalogImplementation": "hive",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
            "spark.ui.enabled": "false",
        }
        command = [
            *(str(home / "bin" / "spark-submit"), "--master", "local[2]"),
            *("--driver-memory", "3g"),
            *("--driver-java-options", f"{SHORT_LIVED} -Xms1g -Dderby.system.home={self.folder}"),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
            *(word for pair in settings.items() for word in ("--conf", "=".join(pair))),
            "spark-internal",
        ]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={
                    **{
                        name: os.environ[name]
                        for name in ("PATH", "JAVA_HOME")
                        if name in os.environ
                    },
                    "SPARK_HOME": str(home),
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "SPARK_CONF_DIR": str(self.folder),
                },
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, signal.SIGKILL),
            )
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "server.log").read_text()) from None
                time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self.leave()
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def leave(self) -> None:
        """End this process's session: later it would wait for a server that is gone."""
        if self.client is not None:
            self.client.stop()
            self.client = None

    def session(self) -> Any:
        """A client's session with the server that runs now."""
        if self.client is None:
            from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

            name_main_module()
            self.client = SparkSession.builder.remote(self.environment["SPARK_REMOTE"]).create()
            self.client.conf.set("spark.sql.session.timeZone", "UTC")
        return self.client

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return [tuple(row) for row in self.session().sql(sql).collect()]


@contextmanager
def run_spark(folder: Path) -> Iterator[SparkServer]:
    """Run a server while a block lasts.

    Args:
        folder: where its tables are.
    """
    server = SparkServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.leave()
        if server.process is not None and server.process.poll() is None:
            server.process.terminate()
            try:
                server.process.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
