"""What a Spark Connect server on this machine costs, read from its process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import open_writer
from taxi_pipeline.warehouses.targets import call_target, schema_of_target, target_kind

OWN_SCHEMAS = {
    "DBT_SPARK_SCHEMA": "taxi_bench",
    "TAXI_RAW_SCHEMA": "taxi_bench_raw",
    "TAXI_OPS_SCHEMA": "taxi_bench_ops",
}
"""The variables of a build that is measured: nothing that the server holds already is touched."""

_DROPPED = [
    f"drop schema if exists {schema} cascade"
    for schema in (*OWN_SCHEMAS.values(), "taxi_bench_internal", "taxi_bench_test_failures")
]


@dataclass(frozen=True)
class ServerProcess:
    """A server's process on this machine.

    Attributes:
        target: the name in ``profiles.yml`` by which it is built on.
        pid: of the process.
    """

    target: str
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time since it started."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Count the largest resident set from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak_bytes(self) -> int:
        """Largest resident set since ``forget_peak``."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@contextmanager
def server_of(settings: Settings, target: str) -> Iterator[ServerProcess]:
    """Find the process of a target's server; from now on the target stands for schemas of the measurement alone.

    They are dropped before and after.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs.

    Raises:
        TaxiError: it is no Spark target, its schema is a fixed one, or its server is no process of this machine.
    """
    subject = call_target(settings, target)
    if target_kind(settings, target)[1] != "spark":
        raise TaxiError(
            subject, "only Spark is measured beside DuckDB", "give a Spark target, or none"
        )
    if not os.environ.get("SPARK_REMOTE"):
        raise TaxiError(
            subject,
            "SPARK_REMOTE is not set, and a Spark of dbt's own process ends with each step",
            "start a Connect server on this machine, and set SPARK_REMOTE",
        )
    os.environ.update(OWN_SCHEMAS)
    if schema_of_target(settings, target) != OWN_SCHEMAS["DBT_SPARK_SCHEMA"]:
        raise TaxiError(
            subject,
            "its schema is not that of DBT_SPARK_SCHEMA: the measurement would replace its tables",
            "take the target `spark` of profiles.yml.example",
        )
    with open_writer(settings, target) as server:
        server.write([*_DROPPED, f"create schema {OWN_SCHEMAS['DBT_SPARK_SCHEMA']}"])
        [[pid]] = server.query("select reflect('java.lang.ProcessHandle', 'current')")
        command = Path(f"/proc/{pid}/cmdline")
        if not (command.exists() and b"java" in command.read_bytes()):
            raise TaxiError(
                server.name,
                "its processor time and memory can be read on its own machine only",
                "run the benchmark there",
            )
        try:
            yield ServerProcess(target, int(pid))
        finally:
            server.write(_DROPPED)
