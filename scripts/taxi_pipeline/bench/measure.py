"""How long it takes and how much memory: the whole path on a lake of the size that TLC has published.

Everything is measured in one run on one machine, each step in a process of its own, next to a floor:
a plain typed ``create table as select`` of the same rows with the same memory limit.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from taxi_pipeline.bench.made_up_files import published_rows, write_file
from taxi_pipeline.bench.spark_server import ServerProcess
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import quote_literal
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import open_reader
from taxi_pipeline.warehouses.embedded import search_schemas

REPLACED_MONTH = "2019-06"
"""The yellow month that is restated, where it is there: an ordinary one of 6.9 million rows at scale 1."""


QUERIES = {
    "trips by service": "select service_type, count(*) from fact_trips group by all",
    "mean total by passengers": "select passenger_count, avg(total_amount) from fact_trips group by all",
    "trips by passengers and year": "select passenger_count, year(pickup_at), count(*) from fact_trips group by all",
    "trips by passengers, year and miles": "select passenger_count, year(pickup_at), round(trip_distance_miles),"
    " count(*) from fact_trips group by all order by 2, 4 desc",
}
"""The four queries that engines have been compared with on these trips for years; here they run on the fact."""

_SUMMED = {
    "fact_trips": ("source_row", "total_amount", "trip_distance_miles", "trip_duration_seconds"),
    "rejected_trips": ("source_row", "total_amount"),
    "mart_monthly_zone_revenue": ("row_count", "trip_count", "total_amount", "card_tip_amount"),
    "mart_daily_service_summary": ("trip_count", "trip_duration_seconds"),
    "rpt_trips_daily": ("trip_count", "metered_revenue_amount"),
}
"""Tables, and columns that a wrong row of theirs is likely to change the sum of."""

_DEAREST = 10


@dataclass(frozen=True)
class Step:
    """One measured step.

    Attributes:
        name: what was done.
        rows: rows that it was about.
        seconds: wall time.
        cpu_seconds: processor time of its process, all threads together; on a server also the server's.
        peak_bytes: largest resident set of its process; of a server's, where there is one.
        disk_bytes: size of what it wrote, afterwards; 0 for what a server wrote.
        server_cpu_seconds: the server's share of the processor time.
    """

    name: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    disk_bytes: int
    server_cpu_seconds: float = 0


@dataclass(frozen=True)
class BenchReport:
    """The steps at one scale, and whether the tables equal those of a full refresh.

    Attributes:
        scale: times the published rows.
        rows: of all files.
        steps: what was measured, the floor first.
        equals_full_refresh: after a month was replaced, the tables were those of a full refresh, and the server's had
            their rows and sums.
        queries: seconds of each of ``QUERIES`` on the fact, by name.
        nodes: seconds of the dearest nodes of the full build, by name.
    """

    scale: float
    rows: int
    steps: tuple[Step, ...]
    equals_full_refresh: bool
    queries: Mapping[str, float]
    nodes: Mapping[str, float]

    @property
    def floor(self) -> Step:
        """The plain ``create table as select`` of the same run."""
        return self.steps[0]


def run_bench(
    settings: Settings,
    folder: Path,
    scale: float,
    memory: str,
    tell: Callable[[str], None],
    years: range | None = None,
    server: ServerProcess | None = None,
) -> BenchReport:
    """Measure ingest, full build, one month replaced, and a build without changes.

    Args:
        settings: the project.
        folder: where to work; emptied before and after.
        scale: times the published row counts.
        memory: DuckDB's memory limit, for the floor as for the rest.
        tell: told what is going on.
        years: as in ``published_rows``.
        server: builds the same lake, next to DuckDB.

    Raises:
        TaxiError: a step failed; its output is in the message.
    """
    shutil.rmtree(folder, ignore_errors=True)
    files, data = folder / "files", folder / "data"
    files.mkdir(parents=True)
    counts = [
        (s, m, max(1000, round(rows * scale))) for s, m, rows in published_rows(settings, years)
    ]
    total = sum(rows for _, _, rows in counts)
    yellow = {month: rows for service, month, rows in counts if service is Service.YELLOW}
    replaced = REPLACED_MONTH if REPLACED_MONTH in yellow else max(yellow)
    month_rows = yellow[replaced]
    tell(f"Scale {scale:g}: writing {total:,} TLC-shaped rows in {len(counts)} files")
    for service, month, rows in counts:
        write_file(files, service, month, rows)

    measure = _Stopwatch(data, memory, settings, tell, server)
    # Zones, hours and fares drawn at random are no month of taxi trips; the gate is run, measured, and told so.
    take = ["ingest", "--accept-critical"]
    ingest = measure("ingest", total, [*take, str(files)])
    floor = measure.floor(total, {service for service, _, _ in counts})
    build = measure("full build and tests", total, ["build", "--full-refresh"])
    nodes = dearest_nodes(data / "target" / "run_results.json")
    tell("queries ...")
    queries = _time_queries(data / "warehouse.duckdb", memory)
    on_server = list(measure.on_server("full build and tests", total, ["--full-refresh"]))
    shutil.rmtree(files)
    files.mkdir()
    restated = write_file(files, Service.YELLOW, replaced, month_rows, salt=1)
    again = measure("one month: ingest", month_rows, [*take, str(restated)])
    month_build = measure("one month: build and tests", month_rows, ["build"])
    idle = measure("build without changes", 0, ["build"])
    on_server += measure.on_server("one month: build and tests", month_rows, [])
    on_server += measure.on_server("build without changes", 0, [])
    increments = _fingerprint(data / "warehouse.duckdb")
    measure("full refresh to compare with", total, ["build", "--full-refresh"])
    equal = increments == _fingerprint(data / "warehouse.duckdb")
    if server is not None:
        with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
            search_schemas(connection, "nyc_taxi")
            embedded = sums_of(lambda sql: connection.execute(sql).fetchall())
        with open_reader(settings, server.target) as reader:
            equal = equal and embedded == sums_of(reader.query)
    shutil.rmtree(folder, ignore_errors=True)
    steps = (floor, ingest, build, again, month_build, idle, *on_server)
    return BenchReport(scale, total, steps, equal, queries, nodes)


def sums_of(query: Callable[[str], Sequence[Sequence[object]]]) -> dict[str, tuple[Decimal, ...]]:
    """Rows and sums of the main tables, which every engine has to give alike.

    Args:
        query: asks an engine, in which names without a schema are found.
    """
    found = {}
    for table, columns in _SUMMED.items():
        sums = ", ".join(f"sum({column})" for column in columns)
        [row] = query(f"select count(*), {sums} from {table}")
        found[table] = tuple(Decimal(str(value or 0)) for value in row)
    return found


@dataclass
class _Stopwatch:
    """Runs a step in a process of its own and measures it."""

    data: Path
    memory: str
    settings: Settings
    tell: Callable[[str], None]
    server: ServerProcess | None

    def __call__(self, name: str, rows: int, arguments: list[str]) -> Step:
        self.tell(f"{name} ...")
        command = [sys.executable, "-m", "taxi_pipeline", *arguments]
        wrote = self.data / ("lake" if "ingest" in arguments else "warehouse.duckdb")
        return self._run(name, rows, command, wrote)

    def on_server(self, name: str, rows: int, arguments: list[str]) -> Iterator[Step]:
        """Measure a build on the server, where there is one: its processor time beside that of its client."""
        if self.server is None:
            return
        self.tell(f"{self.server.target}: {name} ...")
        before = self.server.cpu_seconds()
        self.server.forget_peak()
        command = [sys.executable, "-m", "taxi_pipeline", "build", "--target", self.server.target]
        client = self._run(
            f"{self.server.target}: {name}", rows, [*command, *arguments], self.data / "none"
        )
        used = self.server.cpu_seconds() - before
        yield replace(
            client,
            cpu_seconds=client.cpu_seconds + used,
            server_cpu_seconds=used,
            peak_bytes=self.server.peak_bytes(),
        )

    def floor(self, rows: int, services: Collection[Service]) -> Step:
        """Measure the plain table that every ratio is taken to."""
        self.tell("floor ...")
        database = self.data / "floor.duckdb"
        parts = " union all by name ".join(
            f"select * from read_parquet({quote_literal(self.data / 'lake' / s / 'file_month=*' / '*.parquet')})"
            for s in sorted(services)
        )
        script = (
            "import duckdb, sys\n"
            "config = {'memory_limit': sys.argv[2], 'temp_directory': sys.argv[1] + '.tmp',"
            " 'preserve_insertion_order': False}\n"
            "duckdb.connect(sys.argv[1], config=config).execute('create table trips as ' + sys.argv[3])\n"
        )
        command = [sys.executable, "-c", script, str(database), self.memory, parts]
        step = self._run("floor: create table as select", rows, command, database)
        database.unlink()
        return step

    def _run(self, name: str, rows: int, command: list[str], wrote: Path) -> Step:
        environment = {
            **os.environ,
            "TAXI_DATA_DIR": str(self.data),
            "TAXI_MEMORY_LIMIT": self.memory,
            "DBT_TARGET_PATH": str(self.data / "target"),
            "DBT_LOG_PATH": str(self.data / "target"),
        }
        self.data.mkdir(parents=True, exist_ok=True)
        log = self.data / "step.log"
        started = time.monotonic()
        with log.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=self.settings.project_dir,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        if process.returncode:
            raise TaxiError(
                name,
                f"it failed:\n{log.read_text()[-3000:]}",
                "fix what it names, then run it again",
            )
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return Step(name, rows, seconds, cpu_seconds, usage.ru_maxrss * 1024, _size(wrote))


def dearest_nodes(run_results: Path) -> dict[str, float]:
    """Seconds of the nodes that took longest in the last build, the longest first.

    Args:
        run_results: dbt's file of that name.
    """
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    by_cost = sorted(results, key=lambda result: -float(result["execution_time"]))
    return {
        ".".join(result["unique_id"].split(".")[2:3]): round(float(result["execution_time"]), 3)
        for result in by_cost[:_DEAREST]
    }


def _time_queries(database: Path, memory: str) -> dict[str, float]:
    """Seconds of each query, the better of two runs: the first one also reads the file into memory."""
    seconds = {}
    with duckdb.connect(str(database), read_only=True, config={"memory_limit": memory}) as engine:
        search_schemas(engine, "nyc_taxi")
        for name, sql in QUERIES.items():
            runs = []
            for _ in range(2):
                started = time.monotonic()
                engine.execute(sql).fetchall()
                runs.append(time.monotonic() - started)
            seconds[name] = round(min(runs), 4)
    return seconds


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _fingerprint(database: Path) -> dict[str, tuple[object, ...]]:
    """Per table: rows, and an order-free checksum over all columns but when a file was ingested."""
    tables = (
        "fact_trips",
        "rejected_trips",
        "mart_monthly_zone_revenue",
        "mart_daily_service_summary",
        "rpt_trips_daily",
    )
    with duckdb.connect(str(database), read_only=True) as connection:
        search_schemas(connection, "nyc_taxi")
        return {
            table: connection.execute(
                "select count(*), sum(hash(columns)) from (select columns(c -> c <> 'ingested_at')"
                f" from {table}) as columns"
            ).fetchone()
            or ()
            for table in tables
        }
