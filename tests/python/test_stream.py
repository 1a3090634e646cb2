"""Trips as events of a real broker: each in the lake once, whoever dies when, and the same numbers as by files."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from servers.kafka import KafkaServer, run_kafka
from stream_members import POINTS, Member, start_member
from taxi_pipeline.lake import Lake
from taxi_pipeline.lake.lake import open_storage
from taxi_pipeline.lake.stream_log import StreamLog
from warehouse import REPOSITORY, Warehouse

EVENTS = int(os.environ.get("TAXI_TEST_STREAM_EVENTS", "20000"))
"""Trips of the long test: 200000 is what docs/stream.md reports, in ten minutes."""

KILLS = 30 if EVENTS >= 200_000 else 6
MONTHS = "2025-10..2025-12"
POISON: list[tuple[bytes | None, bytes, int]] = [
    (b"no trip %d" % number, b"green:7", 1_761_000_000_000) for number in range(30)
]
"""Messages that are no trips, of green in October 2025 by their key and time."""

pytestmark = pytest.mark.full  # a broker, and consumers in processes of their own


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaServer]:
    with run_kafka() as server:
        yield server


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A lake of the sample, whose months are replayed."""
    warehouse = Warehouse(REPOSITORY, tmp_path_factory.mktemp("source"))
    warehouse.taxi("sample", "--scale", str(EVENTS / 200_000))
    warehouse.taxi("ingest", str(warehouse.data / "sample"))
    return warehouse


def with_kafka(warehouse: Warehouse, kafka: KafkaServer, topic: str) -> Warehouse:
    return Warehouse(warehouse.project, warehouse.data, kafka.environment(topic))


def replay(source: Warehouse, kafka: KafkaServer, topic: str, *options: str) -> str:
    return with_kafka(source, kafka, topic).taxi("stream", "replay", MONTHS, *options)


@pytest.fixture(scope="module")
def topic(kafka: KafkaServer, source: Warehouse) -> str:
    """The sample with 2 % late and 1 % repeated events, and 30 messages that are no trips."""
    name = f"trips-{os.getpid()}"
    replay(source, kafka, name, "--late", "0.02", "--repeated", "0.01")
    kafka.send(name, POISON)
    return name


def months(data: Path) -> dict[tuple[str, str], tuple[int, Decimal | None]]:
    """Rows and money of each month of a lake."""
    lake = Lake(open_storage(str(data / "lake"), data))
    return {
        entry.key: (
            entry.row_count,
            None if entry.total_amount is None else Decimal(entry.total_amount),
        )
        for entry in lake.current()
    }


def events(data: Path, sql: str) -> Any:
    """A value of the events that count in a lake."""
    log = StreamLog(open_storage(str(data / "lake"), data))
    files = [log.storage.location(batch.file) for batch in log.batches()]
    with duckdb.connect() as connection:
        connection.execute(f"create view events as from read_parquet({files!r})")
        [value] = connection.execute(sql).fetchall()
    return value


def check_all_are_there_once(source: Path, data: Path, messages: int) -> None:
    """Every message of the topic is in the lake once, and the months that it makes are those of the files."""
    log = StreamLog(open_storage(str(data / "lake"), data))
    read = "count(*), count(distinct (kafka_partition, kafka_offset)), count(*) filter (event_id is null)"
    assert events(data, f"select {read} from events") == (messages, messages, 30)
    assert sum(batch.rows for batch in log.batches()) == messages
    assert sum(batch.unreadable for batch in log.batches()) == 30
    expected = months(source)
    rows, amount = expected["Green", "2025-10-01"]
    expected["Green", "2025-10-01"] = (rows + 30, amount)
    assert months(data) == expected
    trips = sum(rows for rows, _ in expected.values()) - 30
    assert events(data, "select count(distinct event_id) from events") == (trips,)


def test_whoever_dies_wherever_every_event_is_in_the_lake_once(
    kafka: KafkaServer, source: Warehouse, topic: str, tmp_path: Path
) -> None:
    """Members die at random points, two at a time, with a group of their own or the same one; the broker dies twice."""
    chance = random.Random(16)  # noqa: S311 - a test
    lake = with_kafka(Warehouse(source.project, tmp_path / "data"), kafka, topic)
    messages = len(kafka.read(topic))
    options = ("--until-end", "--batch-rows", str(messages // (4 * KILLS)), "--batch-seconds", "1")
    died = 0
    while died < KILLS:
        group = {"TAXI_KAFKA_GROUP": f"{topic}-{died}"}
        rival = {"TAXI_KAFKA_GROUP": f"{topic}-{died if died % 4 == 0 else 'other'}-{died}"}
        point = chance.choice(POINTS[:4])
        pair = [
            start_member({**lake.environment, **group}, tmp_path, *options, die_at=f"{point}:1"),
            start_member(
                {**lake.environment, **rival},
                tmp_path,
                *options,
                die_at=f"{chance.choice(POINTS)}:{chance.randint(1, 2)}",
            ),
        ]
        if kafka.may_restart and died in {2, 4}:
            kafka.restart(pause=1.0)
        died += sum(member.wait() == -signal.SIGKILL for member in pair)
    last = start_member({**lake.environment, "TAXI_KAFKA_GROUP": "last"}, tmp_path, *options)
    assert died >= KILLS
    assert last.wait() == 0, last.log.read_text()
    lake.taxi("stream", "publish")
    check_all_are_there_once(source.data, tmp_path / "data", messages)


def test_members_that_join_and_leave_while_events_come_share_the_partitions(
    kafka: KafkaServer, source: Warehouse, tmp_path: Path
) -> None:
    topic = f"shared-{os.getpid()}"
    kafka.make_topic(topic, 4)
    lake = with_kafka(Warehouse(source.project, tmp_path / "data"), kafka, topic)
    options = ("--batch-rows", "500", "--batch-seconds", "0.5")

    def join(*more: str) -> Member:
        member = start_member(lake.environment, tmp_path, *options, *more)
        wait_for(lambda: "Reading" in member.log.read_text())
        return member

    def send(service: str) -> None:
        replay(source, kafka, topic, "--service", service)

    first = join()
    send("yellow")
    second = join()
    send("fhv")
    assert first.end(signal.SIGTERM) == 143
    send("green")
    kafka.send(topic, POISON)
    third = join("--until-end")
    send("fhvhv")
    assert second.end(signal.SIGINT) == 130
    assert third.wait() == 0, third.log.read_text()
    last = start_member(
        lake.environment, tmp_path, "--until-end"
    )  # what came after the end of the third
    assert last.wait() == 0, last.log.read_text()
    lake.taxi("stream", "publish")
    check_all_are_there_once(source.data, tmp_path / "data", len(kafka.read(topic)))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
