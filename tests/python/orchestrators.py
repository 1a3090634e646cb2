"""What tests of the orchestrators share: environments, a project, a publisher, a webhook, months with faults."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from processes import Tier
from publisher import Publisher, publisher
from requirements import lacking
from taxi_pipeline.quality.gate import GATE_ROWS
from taxi_pipeline.sample import MIN_SCALE, write_sample
from warehouse import REPOSITORY, Warehouse, copy_project

MONTHS = ("2025-10", "2025-11", "2025-12")
"""Those of the sample."""

SERVICES = ("yellow", "green")


def environment_of(orchestrator: str) -> Path:
    """The environment of an orchestrator, made by make; without it the test that runs now is skipped."""
    folder = REPOSITORY / f".venv-{orchestrator}"
    if not (folder / "installed").exists():
        lacking(orchestrator, f"{folder.name} is not there: make {folder.name}/installed")
    return folder


@dataclass
class Webhook:
    """A server that takes alerts.

    Attributes:
        address: where they are posted.
        texts: that came.
    """

    address: str = ""
    texts: list[str] = field(default_factory=list)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Take alerts until the end of the block."""
    found = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name it has there)
            """Keep the test's output clean."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.texts.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.address = f"http://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()


@dataclass
class Stage:
    """A copy of the project with its data folder, the publisher that it reads, and the webhook that it tells.

    Attributes:
        folder: of the test.
        warehouse: project and data.
        publisher: empty at first.
        hook: of TAXI_ALERT_URL.
    """

    folder: Path
    warehouse: Warehouse
    publisher: Publisher
    hook: Webhook

    @property
    def environment(self) -> dict[str, str]:
        """What an orchestrator sees: short pauses, and ``taxi`` of the copy."""
        executable = self.folder / "taxi"
        executable.write_text(f'#!/bin/sh\nexec {sys.executable} -m taxi_pipeline "$@"\n')
        executable.chmod(0o755)
        return {
            **self.warehouse.environment,
            "TAXI_PROJECT_DIR": str(self.warehouse.project),
            "TAXI_EXECUTABLE": str(executable),
            "DBT_EXECUTABLE": str(Path(sys.executable).with_name("dbt")),
            "TAXI_SOURCE": self.publisher.address,
            "TAXI_SERVICES": ",".join(SERVICES),
            "TAXI_FIRST_MONTH": MONTHS[0],
            "TAXI_RETRY_SECONDS": "1",
            "TAXI_WAIT_SECONDS": "1",
            "TAXI_ALERT_URL": self.hook.address,
        }

    @cached_property
    def sample(self) -> Path:
        """Months in the shape of TLC's."""
        folder = self.folder / "sample"
        write_sample(folder, MIN_SCALE)
        return folder

    def publish(self, *months: str) -> None:
        """Put months of the sample out, as if they were TLC's: the lake's own sample is replaced by any month."""
        for service in SERVICES:
            for month in months:
                self.put(f"{service}_tripdata_{month}.parquet")

    def put(self, name: str, without: int = 0) -> Path:
        """Put a month of the sample out without its last rows; returns the file."""
        table = pq.read_table(self.sample / name).replace_schema_metadata(None)
        made = self.folder / "made" / name
        made.parent.mkdir(exist_ok=True)
        pq.write_table(table.slice(0, len(table) - without), made)
        self.publisher.publish(made)
        return made

    def publish_broken(self, month: str) -> None:
        """Put files out that were put together from the same rows many times: a critical check fails."""
        for service in SERVICES:
            table = pq.read_table(self.sample / f"{service}_tripdata_{MONTHS[1]}.parquet")
            table = table.replace_schema_metadata(None)
            broken = self.folder / "broken.parquet"
            pq.write_table(pa.concat_tables([table] * (GATE_ROWS // len(table) + 1)), broken)
            self.publisher.publish(broken, f"{service}_tripdata_{month}.parquet")


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Everything that a test of an orchestrator stands on."""
    with publisher(folder / "published") as found, webhook() as hook:
        warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
        yield Stage(folder, warehouse, found, hook)


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[int]:
    """A program that runs until the end of the block, with all that it has started; gives its process group."""
    assert Tier.may_start
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process.pid
        finally:
            end_tree(process.pid)
            process.wait()


def descendants(pid: int) -> list[int]:
    """The processes that one has started, and those that they have, the outermost first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, ()))
    return found[1:]


def end_tree(pid: int) -> None:
    """Kill a process and all that it has started, whatever their groups."""
    for one in [pid, *descendants(pid)]:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def run(
    command: list[str], environment: dict[str, str], folder: Path, exit_code: int | None = 0
) -> str:
    """Run a program to its end and return what it printed; None takes any exit code."""
    assert Tier.may_start
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert exit_code in (None, done.returncode), done.stdout
    return done.stdout
