"""A project in a folder of its own, driven as a user would, and comparisons of the warehouses it builds."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from processes import Tier, run_command
from taxi_pipeline.warehouses.embedded import search_schemas

REPOSITORY = Path(__file__).resolve().parents[2]

TABLES = (
    "dim_annotations",
    "dim_zones",
    "dim_dates",
    "fact_trips",
    "rejected_trips",
    "fact_file_completeness",
    "int_exact_duplicates",
    "int_reversal_pairs",
    "mart_monthly_zone_revenue",
    "mart_daily_service_summary",
    "mart_fare_audit",
    "mart_data_quality",
    "mart_source_completeness",
    "rpt_trips_daily",
    "mart_hourly_borough_trips",
    "mart_monthly_payment_mix",
    "mart_monthly_rejects",
    "mart_monthly_tip_rates",
    "mart_monthly_zone_flows",
)


SCHEMA = "nyc_taxi"
"""The schema of the marts on DuckDB, as profiles.yml.example names it."""


READERS = frozenset({("taxi", "sql"), ("taxi", "export")})
"""Commands that open the warehouse to read only."""


def address(table: str, schema: str = SCHEMA) -> str:
    """A table with its schema, where the target's own schema is this one."""
    is_internal = table.startswith(("stg_", "int_", "file_ledger"))
    return f"{schema}_internal.{table}" if is_internal else f"{schema}.{table}"


def copy_project(folder: Path) -> Path:
    """Copy what git would hand out, without the environment, the data and what was built."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listing.stdout.splitlines():
        source, target = REPOSITORY / name, folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return folder


@dataclass(frozen=True)
class Warehouse:
    """A copy of the project with a data folder.

    Attributes:
        project: the copy.
        data: the data folder.
        variables: further variables of the environment, such as those of a server.
        is_shared: whether all workers of a run read it. DuckDB then allows nobody to write, so only commands that
            open it to read may run.
    """

    project: Path
    data: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    is_shared: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """What a command sees: this copy's code, this data folder, and no colors."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TAXI_", "DBT_"))
        }
        return {
            **kept,
            "PYTHONPATH": str(self.project / "scripts"),
            "TAXI_DATA_DIR": str(self.data),
            "NO_COLOR": "1",
            "COLUMNS": "200",
            **self.variables,
        }

    def taxi_command(self, *arguments: str) -> list[str]:
        """The command line of ``taxi`` in this copy, for tests that may start it."""
        assert Tier.may_start, "mark this test `build` or `full`"
        assert not self.is_shared or ("taxi", *arguments[:1]) in READERS, arguments
        return [sys.executable, "-m", "taxi_pipeline", *arguments]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``taxi``, whose lines can be read as they come."""
        return subprocess.Popen(
            self.taxi_command(*arguments),
            cwd=self.project,
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def taxi(self, *arguments: str, exit_code: int = 0) -> str:
        """Run ``taxi`` and return what it printed; fails when the exit code is another."""
        return self.run("taxi", *arguments, exit_code=exit_code)

    def dbt(self, *arguments: str, exit_code: int = 0) -> str:
        """Run ``dbt`` by hand in the project's folder."""
        return self.run("dbt", *arguments, exit_code=exit_code)

    def mf(self, *arguments: str, exit_code: int = 0) -> str:
        """Run MetricFlow in the project's folder; it reads what dbt has parsed last."""
        return self.run("mf", *arguments, exit_code=exit_code)

    def run(self, command: str, *arguments: str, exit_code: int = 0) -> str:
        """Run a command in the project's folder with its environment, as the others do."""
        assert not self.is_shared or (command, *arguments[:1]) in READERS, (
            f"{command} {' '.join(arguments)} may write: take a copy of the shared warehouse"
        )
        code, printed = run_command(command, arguments, self.project, self.environment)
        assert code == exit_code, printed
        return printed

    def connect(self, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        """Open the DuckDB file, with names found in the schemas that dbt builds."""
        connection = duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=read_only)
        search_schemas(connection, SCHEMA)
        return connection

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the warehouse."""
        with self.connect(read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def scalar(self, sql: str) -> Any:
        """The one value of a query on the warehouse."""
        [[value]] = self.query(sql)
        return value


def differences(one: Warehouse, other: Warehouse) -> dict[str, int]:
    """Rows, per table, that only one of two warehouses has; when and as what a file was ingested does not count."""
    different: dict[str, int] = {}
    with duckdb.connect() as connection:
        for name, warehouse in (("one", one), ("other", other)):
            connection.execute(
                f"attach '{warehouse.data / 'warehouse.duckdb'}' as {name} (read_only)"
            )
        for table in TABLES:
            columns = "columns(c -> c not in ('ingested_at', 'load_id'))"
            for left, right in (("one", "other"), ("other", "one")):
                lacking = connection.sql(
                    f"select {columns} from {left}.{address(table)}"
                    f" except all select {columns} from {right}.{address(table)}"
                )
                different[table] = different.get(table, 0) + len(lacking.fetchall())
    return {table: rows for table, rows in different.items() if rows}
