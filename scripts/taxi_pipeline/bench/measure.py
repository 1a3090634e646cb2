"""How long it takes and how much memory: the whole path on a lake of the size of 2019-2020.

Everything is measured in one run on one machine, each step in a process of its own, next to a floor:
a plain typed ``create table as select`` of the same rows with the same memory limit.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import quote_literal
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.settings import Settings
from taxi_pipeline.synthetic import METADATA_KEY
from taxi_pipeline.warehouses.embedded import search_schemas

REPLACED_MONTH = "2019-06"
"""The yellow month that is restated: an ordinary one of 6.9 million rows at scale 1."""

_YEARS = {Service.YELLOW: ("2019", "2020"), Service.GREEN: ("2019", "2020"), Service.FHV: ("2019",)}

QUERIES = {
    "trips by service": "select service_type, count(*) from fact_trips group by all",
    "mean total by passengers": "select passenger_count, avg(total_amount) from fact_trips group by all",
    "trips by passengers and year": "select passenger_count, year(pickup_at), count(*) from fact_trips group by all",
    "trips by passengers, year and miles": "select passenger_count, year(pickup_at), round(trip_distance_miles),"
    " count(*) from fact_trips group by all order by 2, 4 desc",
}
"""The four queries that engines have been compared with on these trips for years; here they run on the fact."""

_DEAREST = 10

# 64 random bits per row, cut into the columns; `salt` gives a restated month other amounts.
_TIMES = """
    epoch_ms(month_ms + (draw % month_seconds)::bigint * 1000) as pickup,
    pickup + to_seconds((60 + draw // 4096 % 3600)::bigint) as dropoff,
    1 + (draw // 65536 % 265)::int as pickup_zone,
    1 + (draw // 33554432 % 265)::int as dropoff_zone
"""

# Parts and totals follow the tariff and the vendors' ways with it, as far as seeds/fare_rules.csv knows them.
# Every 200th row takes back the row behind it, as TLC's do; every 100th comes from the dispatch block;
# one row in 50,000 repeats the row before it, one in 20,000 lies outside its month.
_METERED = """
with drawn as (
    select
        i,
        i % 200 = 100 as is_reversal,
        i % 100 = 50 as is_dispatched,
        i % 20000 = 7 as is_outside,
        hash(case when is_reversal then i + 1 when i % 50000 = 9 then i - 1 else i end, {seed}) as draw
    from range({rows}) as numbers(i)
), timed as (
    select *, {times}
    from drawn, (select epoch_ms(timestamp '{month}-01') as month_ms,
        date_diff('second', timestamp '{month}-01', timestamp '{month}-01' + interval 1 month) as month_seconds)
), priced as (
    select
        *,
        case when is_reversal or i % 200 = 101 then 2 else 1 + draw % 2 end::bigint as vendor,
        case when is_reversal then -1 else 1 end as sign,
        3 + draw // 1024 % 4000 / 100.0 + {salt} as fare,
        -- Tips are recorded of cards alone.
        case when not is_dispatched and draw // 16 % 2 = 0
            then round(0.2 * (3 + draw // 1024 % 4000 / 100.0), 2) else 0 end as tip,
        case when month_ms >= epoch_ms(timestamp '2019-02-01') and not is_dispatched then 2.5 end as congestion
    from timed
)
select
    vendor as "VendorID",
    case when is_outside then pickup - interval 4000 day else pickup end as {prefix}_pickup_datetime,
    dropoff as {prefix}_dropoff_datetime,
    case when not is_dispatched then (draw // 8 % 6)::double end as passenger_count,
    draw // 128 % 1500 / 100.0 as trip_distance,
    case when not is_dispatched then 1.0::double end as "RatecodeID",
    case when not is_dispatched then 'N' end as store_and_fwd_flag,
    pickup_zone::bigint as "PULocationID",
    dropoff_zone::bigint as "DOLocationID",
    case when is_dispatched then 0 else 1 + draw // 16 % 2 end::bigint as payment_type,
    sign * fare as fare_amount,
    sign * (0.5 + case when vendor = 1 then coalesce(congestion, 0) else 0 end)::double as extra,
    sign * 0.5::double as mta_tax,
    sign * tip as tip_amount,
    0.0::double as tolls_amount,
    sign * 0.3::double as improvement_surcharge,
    round(sign * (fare + 1.3 + coalesce(congestion, 0) + tip), 2)::double as total_amount,
    sign * congestion::double as congestion_surcharge
    {extra}
from priced
"""

_EXTRA = {
    Service.YELLOW: ", null::int as airport_fee",
    Service.GREEN: ", null::double as ehail_fee, 1.0::double as trip_type",
}

_FHV = """
with drawn as (
    select i, hash(i, {seed}) as draw from range({rows}) as numbers(i)
), timed as (
    select *, {times}
    from drawn, (select epoch_ms(timestamp '{month}-01') as month_ms,
        date_diff('second', timestamp '{month}-01', timestamp '{month}-01' + interval 1 month) as month_seconds)
)
select
    'B' || lpad((draw % 900)::varchar, 5, '0') as dispatching_base_num,
    pickup as pickup_datetime,
    dropoff as "dropOff_datetime",
    case when i % 3 = 0 then pickup_zone::double end as "PUlocationID",
    dropoff_zone::double as "DOlocationID",
    null::int as "SR_Flag",
    'B' || lpad((draw // 1024 % 900)::varchar, 5, '0') as "Affiliated_base_number"
from timed
"""


@dataclass(frozen=True)
class Step:
    """One measured step.

    Attributes:
        name: what was done.
        rows: rows that it was about.
        seconds: wall time.
        cpu_seconds: processor time of its process, all threads together.
        peak_bytes: largest resident set of its process.
        disk_bytes: size of what it wrote, afterwards.
    """

    name: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class BenchReport:
    """The steps at one scale, and whether the tables equal those of a full refresh.

    Attributes:
        scale: times the published rows of 2019-2020.
        rows: of all files.
        steps: what was measured, the floor first.
        equals_full_refresh: after a month was replaced, the tables were those of a full refresh.
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


def published_rows(settings: Settings) -> Iterator[tuple[Service, str, int]]:
    """Service, month and published row count of the files of 2019 and 2020 (FHV: 2019)."""
    for row in read_seed("published_trip_counts", settings.project_dir):
        service, month = row["service_type"], row["file_month"][:7]
        if month[:4] in _YEARS.get(Service(service), ()):
            yield Service(service), month, int(row["parquet_rows"])


def file_sql(service: Service, month: str, rows: int, salt: int = 0) -> str:
    """The query for a TLC-shaped file.

    Args:
        service: whose columns.
        month: ``YYYY-MM``.
        rows: how many.
        salt: dollars to add to every fare, for another version of the same month.
    """
    seed = service.code * 1_000_000 + int(month.replace("-", ""))
    template = _FHV if service is Service.FHV else _METERED
    return template.format(
        rows=rows,
        month=month,
        seed=seed,
        salt=salt,
        times=_TIMES,
        prefix="tpep" if service is Service.YELLOW else "lpep",
        extra=_EXTRA.get(service, ""),
    )


def write_file(folder: Path, service: Service, month: str, rows: int, salt: int = 0) -> Path:
    """Write one TLC-shaped Parquet file."""
    path = folder / f"{service}_tripdata_{month}.parquet"
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        connection.execute(
            f"copy ({file_sql(service, month, rows, salt)}) to {quote_literal(path)}"
            f" (format parquet, kv_metadata {{{METADATA_KEY}: 'true'}})"
        )
    return path


def run_bench(
    settings: Settings, folder: Path, scale: float, memory: str, tell: Callable[[str], None]
) -> BenchReport:
    """Measure ingest, full build, one month replaced, and a build without changes.

    Args:
        settings: the project.
        folder: where to work; emptied before and after.
        scale: times the published row counts of 2019-2020.
        memory: DuckDB's memory limit, for the floor as for the rest.
        tell: told what is going on.

    Raises:
        TaxiError: a step failed; its output is in the message.
    """
    shutil.rmtree(folder, ignore_errors=True)
    files, data = folder / "files", folder / "data"
    files.mkdir(parents=True)
    counts = [(s, m, max(1000, round(rows * scale))) for s, m, rows in published_rows(settings)]
    total = sum(rows for _, _, rows in counts)
    [month_rows] = [rows for s, m, rows in counts if (s, m) == (Service.YELLOW, REPLACED_MONTH)]
    tell(f"Scale {scale:g}: writing {total:,} TLC-shaped rows in {len(counts)} files")
    for service, month, rows in counts:
        write_file(files, service, month, rows)

    measure = _Stopwatch(data, memory, settings, tell)
    # Zones, hours and fares drawn at random are no month of taxi trips; the gate is run, measured, and told so.
    take = ["ingest", "--accept-critical"]
    ingest = measure("ingest", total, [*take, str(files)])
    floor = measure.floor(total)
    build = measure("full build and tests", total, ["build", "--full-refresh"])
    nodes = dearest_nodes(data / "target" / "run_results.json")
    tell("queries ...")
    queries = _time_queries(data / "warehouse.duckdb", memory)
    shutil.rmtree(files)
    files.mkdir()
    restated = write_file(files, Service.YELLOW, REPLACED_MONTH, month_rows, salt=1)
    again = measure("one month: ingest", month_rows, [*take, str(restated)])
    month_build = measure("one month: build and tests", month_rows, ["build"])
    idle = measure("build without changes", 0, ["build"])
    increments = _fingerprint(data / "warehouse.duckdb")
    measure("full refresh to compare with", total, ["build", "--full-refresh"])
    equal = increments == _fingerprint(data / "warehouse.duckdb")
    shutil.rmtree(folder, ignore_errors=True)
    return BenchReport(
        scale, total, (floor, ingest, build, again, month_build, idle), equal, queries, nodes
    )


@dataclass
class _Stopwatch:
    """Runs a step in a process of its own and measures it."""

    data: Path
    memory: str
    settings: Settings
    tell: Callable[[str], None]

    def __call__(self, name: str, rows: int, arguments: list[str]) -> Step:
        self.tell(f"{name} ...")
        command = [sys.executable, "-m", "taxi_pipeline", *arguments]
        wrote = self.data / ("lake" if "ingest" in arguments else "warehouse.duckdb")
        return self._run(name, rows, command, wrote)

    def floor(self, rows: int) -> Step:
        """Measure the plain table that every ratio is taken to."""
        self.tell("floor ...")
        database = self.data / "floor.duckdb"
        parts = " union all by name ".join(
            f"select * from read_parquet({quote_literal(self.data / 'lake' / s / '*' / 'part.parquet')})"
            for s in Service
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
