"""Months of the lake as a stream: in the order in which the trips were reported, some late, some twice."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from confluent_kafka import Producer

from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry, quote_identifier, quote_literal
from taxi_pipeline.schemas import Service, trip_columns_of
from taxi_pipeline.settings import Settings
from taxi_pipeline.stream.events import DECIMALS, Encoder, bytes_of, newest
from taxi_pipeline.stream.kafka import (
    KafkaSettings,
    ensure_topic,
    faults_named,
    registry_of,
    retention_ms,
)
from taxi_pipeline.stream.rows import now_ms, trip_kinds
from taxi_pipeline.texts import plural

_FETCHED = 5_000
_POLLED = 1_000
_TOLD = 50_000


@dataclass(frozen=True)
class ReplayOptions:
    """How trips are played.

    Attributes:
        speed: times as fast as they happened; 0 for as fast as the broker takes them.
        late: share of trips that are reported late.
        late_seconds: by at most so much.
        repeated: share of trips that are sent twice.
        seed: of the choice of both.
        partitions: of a topic that is not there yet.
        limit: at most so many trips; 0 for all.
    """

    speed: float = 0.0
    late: float = 0.0
    late_seconds: int = 7_200
    repeated: float = 0.0
    seed: int = 1
    partitions: int = 6
    limit: int = 0


@dataclass(frozen=True)
class Replayed:
    """What was sent.

    Attributes:
        trips: rows of the lake.
        repeats: events that were sent a second time.
        texts: of the trips, those that the lake could not read, which were sent as they are.
        seconds: time taken.
    """

    trips: int
    repeats: int
    texts: int
    seconds: float


def replay(
    entries: Sequence[ManifestEntry],
    lake: Lake,
    settings: Settings,
    kafka: KafkaSettings,
    options: ReplayOptions,
    tell: Callable[[str], None],
) -> Replayed:
    """Send the rows of some months to the topic, which is made if it is not there.

    Args:
        entries: current versions of the lake.
        lake: that holds them.
        settings: memory limit and temporary folder.
        kafka: the broker and the topic.
        options: order, speed, faults.
        tell: told how far it is.

    Raises:
        TaxiError: the broker cannot be reached, or deletes messages as old as these trips.
    """
    ensure_topic(kafka, kafka.topic, options.partitions)
    _refuse_short_retention(kafka, entries)
    encoder = Encoder(_registered(kafka))
    sender = _Sender(kafka)
    sent = repeats = texts = 0
    began = time.monotonic()
    first: int | None = None
    with faults_named(kafka):
        for row in _events(entries, lake, settings, options):
            is_repeat, raw, moment = row.pop("is_repeat"), row.pop("raw_line"), row["event_at"]
            if options.speed > 0:
                first = moment if first is None else first
                sender.wait(began + (moment - first) / 1e6 / options.speed)
            zone = row["pickup_zone_id"]
            key = f"{row['service_type']}:{'' if zone is None else zone}".encode()
            sender.send(encoder.encode(row) if raw is None else raw.encode(), key, moment)
            repeats += is_repeat
            texts += raw is not None
            sent += 1
            if sent % _TOLD == 0:
                tell(f"{plural(sent, 'event')} sent")
        sender.finish()
    return Replayed(sent - repeats, repeats, texts, time.monotonic() - began)


class _Sender:
    """A producer that waits where its queue is full, and says what was not taken."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._failed: list[str] = []
        self._sent = 0
        self._producer = Producer(
            kafka.client(
                enable_idempotence=True, linger_ms=20, queue_buffering_max_messages=100_000
            )
        )

    def send(self, value: bytes, key: bytes, moment: int) -> None:
        """Send a message whose own time is that of its event, microseconds since 1970."""
        while True:
            try:
                self._producer.produce(
                    self._kafka.topic,
                    value,
                    key,
                    timestamp=moment // 1000,
                    on_delivery=self._delivered,
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._sent += 1
        if self._sent % _POLLED == 0:
            self._producer.poll(0)
            self._require_taken(0)

    def wait(self, until: float) -> None:
        """Wait until a moment of the monotonic clock."""
        while (left := until - time.monotonic()) > 0:
            self._producer.poll(min(left, 0.5))

    def finish(self) -> None:
        """Wait until the broker has everything.

        Raises:
            TaxiError: it has not.
        """
        self._require_taken(self._producer.flush(60))

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._failed.append(error.str())

    def _require_taken(self, left: int) -> None:
        if self._failed or left:
            raise TaxiError(
                f"Kafka at {self._kafka.bootstrap}",
                f"it did not take every message ({(self._failed or ['no answer'])[0]})",
                "check the broker; to begin anew, use another topic",
            )


def _registered(kafka: KafkaSettings) -> int | None:
    registry = registry_of(kafka)
    if registry is None:
        return None
    from confluent_kafka.schema_registry import Schema  # noqa: PLC0415 - an extra

    return int(registry.register_schema(f"{kafka.topic}-value", Schema(newest().text, "AVRO")))


def _refuse_short_retention(kafka: KafkaSettings, entries: Sequence[ManifestEntry]) -> None:
    kept = retention_ms(kafka, kafka.topic)
    oldest = min(date.fromisoformat(entry.file_month) for entry in entries)
    age = now_ms() - int(time.mktime(oldest.timetuple())) * 1000
    if kept is not None and kept < age:
        raise TaxiError(
            f"topic {kafka.topic}",
            f"it deletes messages older than {kept // 3_600_000:,} hours, and these trips are older",
            "set retention.ms=-1 on the topic, or use another one: `taxi stream replay` makes it so",
        )


def _events(
    entries: Sequence[ManifestEntry], lake: Lake, settings: Settings, options: ReplayOptions
) -> Iterator[dict[str, Any]]:
    """Rows as the schema has them, in the order in which they are sent."""
    with scratch_folder(settings) as scratch, open_engine(settings, scratch) as connection:
        lake.storage.connect(connection)
        parts = " union all ".join(_part_sql(entry, lake) for entry in entries)
        cursor = connection.execute(_order_sql(parts, options))
        names = [column[0] for column in cursor.description]
        decimals = [name for name, kind in trip_kinds().items() if kind in DECIMALS]
        while rows := cursor.fetchmany(_FETCHED):
            for values in rows:
                row = dict(zip(names, values, strict=True))
                for name in decimals:
                    row[name] = bytes_of(row[name])
                yield row


def _part_sql(entry: ManifestEntry, lake: Lake) -> str:
    """A month's rows by the columns of the schema: instants in microseconds, days, amounts in units."""
    service = entry.service
    given = {name: column[service.value][0] for name, column in trip_columns_of(service).items()}
    items = [
        f"{quote_literal(str(service))} || ':' || cast(trip_id as varchar) as event_id",
        f"{_reported_sql(service)} as reported_at",
        f"{quote_literal(str(service))} as service_type",
        "file_month - date '1970-01-01' as file_month",
        f"{str(entry.is_synthetic).lower()} as is_synthetic",
        "unreadable_fields",
        "raw_line",
    ]
    for name, kind in trip_kinds().items():
        column = quote_identifier(given[name]) if name in given else "null"
        if kind in DECIMALS:
            column = f"cast({column} * {10 ** DECIMALS[kind]} as bigint)"
        elif kind == "timestamp":
            column = f"epoch_us(cast({column} as timestamp))"
        items.append(f"{column} as {name}")
    paths = [lake.empty_location(service), lake.location(entry)]
    listed = ", ".join(quote_literal(path) for path in paths)
    return (
        f"select {', '.join(items)} from read_parquet([{listed}], union_by_name = true,"
        " hive_partitioning = false)"
    )


def _reported_sql(service: Service) -> str:
    """When a trip is reported: at its end; where that cannot be, at its begin, and within its month."""
    columns = trip_columns_of(service)
    pickup, dropoff = (columns[name][service.value][0] for name in ("pickup_at", "dropoff_at"))
    return (
        f"case when {dropoff} between {pickup} and {pickup} + interval 1 day"
        f" and {pickup} >= file_month - interval 1 day and {pickup} < file_month + interval 32 day then {dropoff}"
        f" when {pickup} >= file_month - interval 1 day and {pickup} < file_month + interval 32 day then {pickup}"
        " else cast(file_month as timestamp) end"
    )


def _order_sql(parts: str, options: ReplayOptions) -> str:
    """All events in the order in which they are sent: a late one later than it says, a repeat up to an hour after."""
    seed = options.seed

    def chosen(salt: str, share: float) -> str:
        return f"hash(event_id, {seed}, '{salt}') % 1000000 < {round(share * 1e6)} and raw_line is null"

    late_by = f"1 + hash(event_id, {seed}, 'by') % {options.late_seconds}"
    delay = f"case when {chosen('late', options.late)} then {late_by} else 0 end"
    again = f"1 + hash(event_id, {seed}, 'again') % 3600"
    limit = f" limit {options.limit}" if options.limit else ""
    sent = f"epoch_us(reported_at) + 1000000 * ({delay})"
    return (
        f"with trips as (select *, {sent} as sent_at from ({parts})),"
        " firsts as (select *, false as is_repeat from trips order by sent_at, event_id"
        + limit
        + "),"
        f" sent as (select * from firsts union all select * replace (sent_at + 1000000 * ({again}) as sent_at,"
        f" true as is_repeat) from firsts where {chosen('twice', options.repeated)})"
        " select * exclude (reported_at, sent_at), epoch_us(reported_at) as event_at from sent"
        " order by sent_at, event_id, is_repeat"
    )
