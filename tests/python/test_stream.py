"""Trips as events of a real broker: each in the lake once, whoever dies when, and the same numbers as by files."""

import json
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
from playwright.sync_api import sync_playwright

from browser import find_chromium
from conftest import SharedBuild
from live_events import made_up_events, plant
from requirements import lacking
from servers import serving
from servers.kafka import KafkaServer, run_kafka
from stream_members import POINTS, Member, start_member
from taxi_pipeline.lake import Lake
from taxi_pipeline.lake.lake import open_storage
from taxi_pipeline.lake.stream_log import StreamLog
from taxi_pipeline.site.server import make_server
from trip_files import restate
from warehouse import REPOSITORY, Warehouse, address

SAMPLE_EVENTS = 20_000
EVENTS = int(os.environ.get("TAXI_TEST_STREAM_EVENTS", str(SAMPLE_EVENTS)))
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
def source(sample_run: SharedBuild, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A lake of the sample, whose months are replayed."""
    folder = tmp_path_factory.mktemp("source")
    if EVENTS == SAMPLE_EVENTS:
        return sample_run.copy(folder)
    warehouse = Warehouse(REPOSITORY, folder)
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
    died = rounds = 0
    while died < KILLS:
        rounds += 1
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
        if kafka.may_restart and rounds <= 2:
            kafka.restart(pause=2.0)
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
    # What came after the end of the third. In a group of its own: Tansu can leave a newcomer of a group that many have
    # left without an answer, and where to read on is the lake's to say.
    last = start_member({**lake.environment, "TAXI_KAFKA_GROUP": "last"}, tmp_path, "--until-end")
    assert last.wait() == 0, last.log.read_text()
    lake.taxi("stream", "publish")
    check_all_are_there_once(source.data, tmp_path / "data", len(kafka.read(topic)))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


TABLES = (
    *(
        "fact_trips",
        "rejected_trips",
        "rpt_trips_daily",
        "mart_monthly_zone_revenue",
        "mart_fare_audit",
    ),
    *(
        "mart_daily_service_summary",
        "mart_data_quality",
        "mart_hourly_borough_trips",
        "mart_market_share",
    ),
    *(
        "mart_monthly_payment_mix",
        "mart_monthly_rejects",
        "mart_monthly_tip_rates",
        "mart_monthly_zone_flows",
    ),
)
OF_THE_FILE = (
    *("trip_id", "source_row", "source_file", "ingested_at", "reversal_twin_trip_id"),
    *("month_completeness", "official_row_share"),
)
"""Columns that name the file, a row of it, or how whole it is: what differs between a stream and a file."""


def unlike(one: Warehouse, other: Warehouse) -> dict[str, int]:
    """Rows, per table, that only one of two warehouses has, but for the columns of the file."""
    found: dict[str, int] = {}
    with duckdb.connect() as connection:
        for name, warehouse in (("one", one), ("other", other)):
            path = warehouse.data / "warehouse.duckdb"
            connection.execute(f"attach '{path}' as {name} (read_only)")
        for table in TABLES:
            columns = f"columns(name -> name not in {OF_THE_FILE!r})"
            for left, right in (("one", "other"), ("other", "one")):
                [[rows]] = connection.execute(
                    f"select count(*) from (select {columns} from {left}.{address(table)}"
                    f" except all select {columns} from {right}.{address(table)})"
                ).fetchall()
                found[table] = found.get(table, 0) + rows
    return {table: rows for table, rows in found.items() if rows}


def test_streamed_months_have_the_numbers_of_their_files_and_give_way_to_them(
    kafka: KafkaServer, sample_run: SharedBuild, tmp_path: Path
) -> None:
    """Then the yellow file with planted differences, which `taxi diff` names; no event counts after that."""
    topic = f"months-{os.getpid()}"
    month = "2025-11"
    by_file = sample_run.copy(tmp_path / "files")
    lake = with_kafka(Warehouse(by_file.project, tmp_path / "stream"), kafka, topic)
    replay(by_file, kafka, topic, "--repeated", "0.05")
    lake.taxi("stream", "ingest", "--until-end", "--batch-rows", "5000")
    assert "repeated events dropped" in lake.taxi("stream", "publish")
    lake.taxi("build")
    assert unlike(by_file, lake) == {}
    marks = (
        "select distinct edition, row_count_check, month_completeness from fact_file_completeness"
    )
    assert lake.query(marks) == [("stream", "streamed", "part")]
    assert lake.scalar("select count(*) from mart_restatements") == 0
    assert "nothing new" in lake.taxi("stream", "publish")

    yellow = by_file.data / "sample" / f"yellow_tripdata_{month}.parquet"
    rows = duckdb.sql(f"select count(*) from '{yellow}'").fetchall()[0][0]
    altered = (
        "case when file_row_number between 10 and 16 then total_amount + 1 else total_amount end"
    )
    planted = restate(
        yellow,
        tmp_path / "planted",
        f"* exclude (file_row_number) replace ({altered} as total_amount)",
        source=f"read_parquet('{yellow}', file_row_number = true)",
        limit=rows - 5,
    )
    lake.taxi("ingest", str(planted))
    assert f"0 rows added, 5 gone, 7 altered, {rows - 12:,} unchanged" in lake.taxi(
        "diff", "yellow", month
    )
    lake.taxi("build")
    held = (
        "(select service_type, file_month from fact_trips"
        " union all select service_type, file_month from rejected_trips)"
    )
    condition = f"service_type = 'Yellow' and file_month = date '{month}-01'"
    assert lake.scalar(f"select count(*) from {held} where {condition}") == rows - 5
    edition = (
        "select edition from fact_file_completeness"
        f" where service_type = 'Yellow' and file_month = date '{month}-01'"
    )
    assert lake.query(edition) == [("synthetic",)]
    replay(by_file, kafka, topic, "--service", "yellow", "--limit", "100")
    lake.taxi("stream", "ingest", "--until-end")
    assert f"Yellow {month}: the lake has the published file ({rows - 5:,} rows)" in lake.taxi(
        "stream", "publish"
    )
    assert months(lake.data)["Yellow", f"{month}-01"][0] == rows - 5


def test_the_page_and_the_terminal_show_what_the_mart_holds(
    sample_run: SharedBuild, tmp_path: Path
) -> None:
    warehouse = sample_run.copy(tmp_path)
    planted = made_up_events(4_000)
    plant(warehouse.data, planted)
    printed = warehouse.taxi("stream", "watch", "--once")
    document = json.loads((warehouse.data / "site/live/live.json").read_text())
    warehouse.taxi("build")
    warehouse.taxi("site")
    built = json.loads((warehouse.data / "site/live/live.json").read_text())
    assert built | {"written_at": ""} == document | {"written_at": ""}
    sums = "sum(late_trip_count), sum(too_late_trip_count), sum(repeated_event_count)"
    [found] = warehouse.query(f"select {sums} from mart_live_zone_activity")
    assert found == (document["late"], document["too_late"], document["repeats"])
    assert f"Newest window {document['newest']}" in printed
    # Money stays with its service: FHV has none, and what riders paid is added to no metered charge.
    amounts: dict[str, set[bool]] = {}
    for _, service, trips, amount, *_ in document["windows"]:
        if trips:
            amounts.setdefault(service, set()).add(amount is None)
    assert amounts["FHV"] == {True}
    assert amounts["Yellow"] == amounts["HVFHV"] == {False}
    assert all(len(zone) == 2 for zone in document["zones"])
    assert 'href="live/index.html"' in (warehouse.data / "site/index.html").read_text()
    last = document["windows"][-1]
    binary = find_chromium()
    if binary is None:
        lacking("chromium", "there is no Chromium: install it, or name it in TAXI_CHROMIUM")
    with (
        serving(make_server(warehouse.data / "site", "127.0.0.1", 0)) as address_,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address_}/live/index.html")
        page.locator("#windows tr").first.wait_for()
        shown = page.locator("#windows tr").first.inner_text().split("\t")
        assert shown[:3] == [last[0], last[1], f"{last[2]:,}"]
        later = document | {"newest": "2099-01-01 00:00"}
        (warehouse.data / "site/live/live.json").write_text(json.dumps(later))
        page.get_by_text("2099-01-01").wait_for()
        browser.close()
    assert {url.removeprefix(address_) for url in asked} == {"/live/index.html", "/live/live.json"}
