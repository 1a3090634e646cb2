"""Events for the live view: planted in a lake without a broker, and the windows that they make, computed apart."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from taxi_pipeline.lake import new_load_id, utc_now
from taxi_pipeline.lake.lake import open_storage
from taxi_pipeline.lake.stream_log import StreamBatch, StreamLog, next_offsets
from taxi_pipeline.seeds import read_variables
from taxi_pipeline.stream.rows import event_schema, months_of, span_of

Event = dict[str, Any]
Window = tuple[datetime, str, int]

LAST = datetime(2025, 12, 31, 23, 40)
PARTITIONS = 3


def made_up_events(count: int) -> list[Event]:
    """Trips of three and a half days, 5 % late by up to six hours, 2 % sent twice; in the order of each partition."""
    chance = random.Random(7)  # noqa: S311 - a test
    sent = []
    for number in range(count):
        reported = LAST - timedelta(seconds=chance.randrange(84 * 3600))
        zone = chance.choice((4, 79, 132, 264, 999, None))
        service = chance.choice(("Yellow", "Green", "FHV", "HVFHV"))
        delay = chance.randrange(6 * 3600) if chance.random() < 0.05 else 0
        event = {
            "event_id": f"{service}-{number}",
            "event_at": reported,
            "service_type": service,
            "file_month": reported.date().replace(day=1),
            "is_synthetic": True,
            "pickup_zone_id": zone,
            "total_amount": None
            if service == "FHV"
            else Decimal(chance.randrange(-500, 9000)) / 100,
        }
        place = (zone or 0) * 7 + len(service)
        partition = place % PARTITIONS
        arrived = reported + timedelta(seconds=delay)
        sent.append((arrived, number, partition, event))
        if chance.random() < 0.02:
            sent.append((arrived + timedelta(minutes=9), number, partition, event))
    sent.sort(key=lambda one: one[:2])
    offsets: dict[int, int] = defaultdict(int)
    events = []
    for _, _, partition, event in sent:
        events.append({**event, "kafka_partition": partition, "kafka_offset": offsets[partition]})
        offsets[partition] += 1
    return events


def plant(data: Path, events: list[Event], size: int = 700) -> None:
    """Write events to the lake of a data folder as batches of a topic."""
    log = StreamLog(open_storage(str(data / "lake"), data))
    for first in range(0, len(events), size):
        table = pa.Table.from_pylist(events[first : first + size], schema=event_schema())
        ends = next_offsets(log.batches(), "planted")
        held = table.group_by("kafka_partition").aggregate([("kafka_offset", "max")]).to_pylist()
        offsets = {
            str(row["kafka_partition"]): (
                ends.get(row["kafka_partition"], 0),
                row["kafka_offset_max"] + 1,
            )
            for row in held
        }
        earliest, latest = span_of(table)
        log.append(
            table,
            StreamBatch(
                batch_id=new_load_id(),
                topic="planted",
                offsets=offsets,
                file="",
                sha256="",
                rows=table.num_rows,
                unreadable=0,
                months=months_of(table),
                first_event_at=earliest,
                last_event_at=latest,
                written_at=utc_now(),
            ),
        )


def windows_of(events: list[Event]) -> dict[Window, tuple[int, Decimal | None, int, int, int]]:
    """What the mart is to hold, event by event: trips, money, late ones, too late ones, repeats."""
    limits = read_variables()
    length = timedelta(minutes=limits["live_window_minutes"])
    lateness = timedelta(minutes=limits["live_lateness_minutes"])
    shown_from = max(event["event_at"] for event in events) - timedelta(hours=limits["live_hours"])
    watermarks: dict[int, datetime] = {}
    seen: set[str] = set()
    found: dict[Window, list[Any]] = {}
    for event in events:
        moment = event["event_at"]
        midnight = datetime(moment.year, moment.month, moment.day)
        begin = midnight + (moment - midnight) // length * length
        watermark = watermarks.get(event["kafka_partition"], datetime.min)
        watermarks[event["kafka_partition"]] = max(watermark, moment)
        is_repeat = event["event_id"] in seen
        seen.add(event["event_id"])
        if begin < shown_from:
            continue
        zone = event["pickup_zone_id"] if event["pickup_zone_id"] in {4, 79, 132} else 264
        row = found.setdefault((begin, event["service_type"], zone), [0, None, 0, 0, 0])
        if is_repeat:
            row[4] += 1
        elif watermark >= begin + length + lateness:
            row[3] += 1
        else:
            row[0] += 1
            row[2] += watermark >= begin + length
            if event["total_amount"] is not None:
                row[1] = (row[1] or Decimal(0)) + event["total_amount"]
    return {window: tuple(row) for window, row in found.items()}


MART = (
    "select window_start_at, service_type, pickup_zone_id, trip_count, total_amount, late_trip_count,"
    " too_late_trip_count, repeated_event_count from {}"
)


def as_windows(rows: Any) -> dict[Window, tuple[int, Decimal | None, int, int, int]]:
    """Rows of ``MART``, from whatever engine, as ``windows_of`` gives them."""
    return {
        (start.replace(tzinfo=None), service, zone): (
            trips,
            None if amount is None else Decimal(str(amount)),
            late,
            too_late,
            repeats,
        )
        for start, service, zone, trips, amount, late, too_late, repeats in rows
    }
