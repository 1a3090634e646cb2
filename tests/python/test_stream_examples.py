"""Spark and Flink read the topic that `taxi stream` reads, and give the windows that the mart has."""

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from conftest import SharedBuild
from requirements import lacking
from servers.java import PACKAGE, find_java
from servers.kafka import KafkaServer, run_kafka
from warehouse import REPOSITORY, Warehouse

pytestmark = pytest.mark.full  # two engines of streams, each in a JVM

Window = tuple[str, str, int]
Windows = dict[Window, tuple[int, Decimal]]
TRIPS = 3_000


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaServer]:
    with run_kafka() as server:
        yield server


@pytest.fixture(scope="module")
def topic() -> str:
    return f"examples-{os.getpid()}"


def ends_of(kafka: KafkaServer, topic: str) -> str:
    """Where each partition ends, by reading it: Tansu answers that question with the begin of its last batch."""
    ends: dict[int, int] = {}
    for message in kafka.read(topic):
        partition, offset = int(message.partition() or 0), int(message.offset() or 0)
        ends[partition] = max(ends.get(partition, 0), offset + 1)
    return ",".join(f"{partition}:{end}" for partition, end in sorted(ends.items()))


@pytest.fixture(scope="module")
def mart(
    kafka: KafkaServer,
    topic: str,
    sample_run: SharedBuild,
    tmp_path_factory: pytest.TempPathFactory,
) -> Windows:
    """The windows of all trips of the topic, of which none is too late or repeated."""
    source = sample_run.copy(tmp_path_factory.mktemp("examples"))
    lake = Warehouse(source.project, source.data, kafka.environment(topic))
    lake.taxi("stream", "replay", "2025-11", "--late", "0.02", "--limit", str(TRIPS))
    lake.taxi("stream", "ingest", "--until-end")
    always = json.dumps({"live_hours": 24 * 90})
    lake.dbt("build", "--select", "stg_stream_events+", "--vars", always)
    rows = lake.query(
        "select window_start_at, service_type, pickup_zone_id, trip_count, coalesce(total_amount, 0),"
        " too_late_trip_count + repeated_event_count from mart_live_zone_activity"
    )
    assert sum(trips for _, _, _, trips, _, _ in rows) == TRIPS
    assert not any(other for *_, other in rows)
    names = {"Yellow": "yellow", "Green": "green", "FHV": "fhv", "HVFHV": "fhvhv"}
    return {
        (f"{start:%Y-%m-%d %H:%M}", names[service], zone): (trips, amount)
        for start, service, zone, trips, amount, _ in rows
    }


def run_example(engine: str, kafka: KafkaServer, topic: str, folder: Path) -> None:
    environment = REPOSITORY / f".venv-streaming-{engine}"
    if not (environment / "installed").exists():
        lacking("streaming", f"{environment.name} is not there: make {environment.name}/installed")
    if find_java() is None:
        lacking("streaming", f"there is no Java 17: install {PACKAGE}")
    # A client of a Connect server in this process has told every pyspark after it to be one too.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    done = subprocess.run(
        [
            str(environment / "bin/python"),
            str(REPOSITORY / f"streaming/{engine}/windows.py"),
            *(kafka.bootstrap, topic, str(folder), ends_of(kafka, topic)),
        ],
        cwd=folder,
        env={**inherited, "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def by_known_zones(rows: Iterator[tuple[str, str, int | None, int, Decimal]]) -> Windows:
    """Windows with the zones that dim_zones has: what the mart makes of the others, Unknown."""
    found: Windows = {}
    for start, service, zone, trips, amount in rows:
        key = (start, service, zone if zone is not None and 1 <= zone <= 265 else 264)
        before = found.get(key, (0, Decimal(0)))
        found[key] = (before[0] + trips, before[1] + amount)
    return found


def test_spark_structured_streaming_gives_the_windows_of_the_mart(
    kafka: KafkaServer, topic: str, mart: Windows, tmp_path: Path
) -> None:
    run_example("spark", kafka, topic, tmp_path)
    rows = json.loads((tmp_path / "windows.json").read_text())
    assert by_known_zones((*row[:4], Decimal(row[4] or 0)) for row in rows) == mart


def test_flink_sql_gives_the_windows_of_the_mart(
    kafka: KafkaServer, topic: str, mart: Windows, tmp_path: Path
) -> None:
    run_example("flink", kafka, topic, tmp_path)
    lines = [line for path in tmp_path.glob("part-*") for line in csv.reader(path.open())]
    rows = (
        (start, service, int(zone) if zone else None, int(trips), Decimal(cents or 0) / 100)
        for start, service, zone, trips, cents in lines
    )
    assert by_known_zones(rows) == mart
