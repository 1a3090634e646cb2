"""A member of a consumer group that writes what it reads to the lake, exactly once.

The lake's record says from where each partition is read; the group only shares the partitions out, and its own
offsets are for those who watch the lag. So a member that dies, that is slow, or that still writes after its partition
has gone to another loses nothing and doubles nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)

from taxi_pipeline.errors import DataError, TaxiError
from taxi_pipeline.lake import Lake, new_load_id, utc_now
from taxi_pipeline.lake.stream_log import OffsetsTakenError, StreamBatch, StreamLog, next_offsets
from taxi_pipeline.schemas import Service
from taxi_pipeline.stream.events import Decoder
from taxi_pipeline.stream.kafka import (
    TIMEOUT_SECONDS,
    KafkaSettings,
    ensure_topic,
    faults_named,
    partitions_of,
    registry_of,
)
from taxi_pipeline.stream.rows import Message, Refused, months_of, now_ms, rows_of, span_of
from taxi_pipeline.texts import plural

_CHUNK = 5_000
"""Messages that become rows at a time: what is in memory as Python objects."""

_QUEUED_KB = 32_768
"""Kilobytes that the client reads ahead, all partitions together; it stops fetching beyond."""

_ALONE_SECONDS = 30.0
"""Seconds without a partition after which a member says so: three times what the broker waits for a dead one."""

_GONE = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE)
_Tell = Callable[[str], None]


@dataclass(frozen=True)
class IngestOptions:
    """How a topic is read.

    Attributes:
        batch_rows: rows after which a file is written.
        batch_seconds: and after which it is written though it has fewer.
        until_end: stop when every partition is read to its end; else go on until interrupted.
        accept_loss: go on where the broker has deleted messages that were never read.
        service: whose trip an unreadable message counts as, where its key names no service.
    """

    batch_rows: int = 50_000
    batch_seconds: float = 10.0
    until_end: bool = False
    accept_loss: bool = False
    service: Service = Service.YELLOW


@dataclass
class Progress:
    """What a member has done so far.

    Attributes:
        rows: messages in the lake, the unreadable ones among them.
        unreadable: messages that are no trips.
        batches: files.
        dropped: messages read and not written, because another member had come before.
        lag: messages that wait in its partitions, as far as the broker tells.
        began: when the first message came, by the monotonic clock.
        ended: when the last file counted.
    """

    rows: int = 0
    unreadable: int = 0
    batches: int = 0
    dropped: int = 0
    lag: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """Messages a second, from the first one to the last file."""
        return self.rows / max(self.ended - self.began, 0.001)


class StreamIngest:
    """One member of the group.

    Args:
        kafka: the broker and the topic.
        lake: where the events go.
        options: how.
        tell: told what is going on.
    """

    def __init__(
        self, kafka: KafkaSettings, lake: Lake, options: IngestOptions, tell: _Tell
    ) -> None:
        self.progress = Progress()
        self._kafka = kafka
        self._log = StreamLog(lake.storage)
        self._options = options
        self._tell = tell
        registry = registry_of(kafka)
        self._decoder = Decoder(
            (lambda number: str(registry.get_schema(number).schema_str)) if registry else None
        )
        self._letters: Producer | None = None
        self._messages: list[Message] = []
        self._tables: list[pa.Table] = []
        self._refused: list[Refused] = []
        self._held = 0
        self._began = 0.0
        self._first: dict[int, int] = {}
        self._next: dict[int, int] = {}
        self._lost: Counter[int] = Counter()
        self._at_end: set[int] = set()
        self._is_gone = False

    def run(self) -> Progress:
        """Read until the end, or until interrupted.

        Raises:
            TaxiError: the broker refuses, there is no such topic, or the lake cannot be written.
            DataError: messages were deleted before they were read.
        """
        if not partitions_of(self._kafka, self._kafka.topic):
            raise TaxiError(
                f"Kafka at {self._kafka.bootstrap}",
                f"there is no topic {self._kafka.topic}",
                "check TAXI_KAFKA_TOPIC, or make it: `taxi stream replay` does",
            )
        self._log.batches()  # a damaged record is said before anything is read
        with faults_named(self._kafka):
            consumer = Consumer(
                self._kafka.client(
                    group_id=self._kafka.group,
                    enable_auto_commit=False,
                    auto_offset_reset="error",
                    enable_partition_eof=True,
                    isolation_level="read_committed",
                    partition_assignment_strategy="range",
                    queued_max_messages_kbytes=_QUEUED_KB,
                    fetch_queue_backoff_ms=10,
                    session_timeout_ms=10_000,
                )
            )
            try:
                consumer.subscribe(
                    [self._kafka.topic],
                    on_assign=self._assigned,
                    on_revoke=self._revoked,
                    on_lost=self._lost_partitions,
                )
                self._loop(consumer)
            finally:
                consumer.close()
        return self.progress

    def _loop(self, consumer: Consumer) -> None:
        chunk = min(_CHUNK, self._options.batch_rows)
        began, is_told = time.monotonic(), False
        while True:
            if not (self._next or is_told) and time.monotonic() - began > _ALONE_SECONDS:
                is_told = True
                self._tell(
                    f"No partition yet: other members of the group {self._kafka.group} hold them, or the broker waits"
                    " for one that has died"
                )
            for message in consumer.consume(chunk, timeout=0.2):
                if (error := message.error()) is None:
                    self._take(message)
                else:
                    self._fault(error, message)
            if len(self._messages) >= chunk:
                self._convert()
            is_old = self._held + len(self._messages) > 0 and (
                time.monotonic() - self._began >= self._options.batch_seconds
            )
            ended = self._options.until_end and bool(self._next) and self._at_end >= set(self._next)
            if self._held >= self._options.batch_rows or is_old or ended:
                self._write(consumer)
                if ended and self._at_end >= set(self._next):
                    return

    def _take(self, message: Any) -> None:
        partition, offset = message.partition(), message.offset()
        if self._is_gone:
            self._is_gone = False
            self._tell("The broker is back")
        if not self._messages and not self._held:
            self._began = time.monotonic()
            self.progress.began = self.progress.began or self._began
        _, sent_at = message.timestamp()
        self._messages.append(
            Message(
                message.value(),
                message.key(),
                sent_at if sent_at > 0 else now_ms(),
                partition,
                offset,
            )
        )
        self._next[partition] = offset + 1
        self._at_end.discard(partition)

    def _fault(self, error: KafkaError, message: Any) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            self._at_end.add(message.partition())
        elif code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise _out_of_range(self._kafka.topic, message.partition(), error.str())
        elif code in _GONE or error.retriable():
            if not self._is_gone:
                self._tell("The broker does not answer; waiting for it")
            self._is_gone = True
        else:
            raise KafkaException(error)

    def _convert(self) -> None:
        """Make the messages rows, so that few are in memory as objects."""
        if not self._messages:
            return
        rows = rows_of(self._messages, self._decoder, self._options.service)
        self._tables.append(rows.table)
        self._refused += rows.refused
        self._held += len(self._messages)
        self._messages = []

    def _write(self, consumer: Consumer) -> None:
        """Write what has been read as one batch; rows and offsets count together or not at all."""
        self._convert()
        if not self._held:
            return
        table = pa.concat_tables(self._tables)
        first, last = span_of(table)
        offsets = {
            str(partition): (self._first[partition], end)
            for partition, end in self._next.items()
            if end > self._first[partition]
        }
        batch = StreamBatch(
            batch_id=new_load_id(),
            topic=self._kafka.topic,
            offsets=offsets,
            file="",
            sha256="",
            rows=table.num_rows,
            unreadable=len(self._refused),
            months=months_of(table),
            first_event_at=first,
            last_event_at=last,
            written_at=utc_now(),
            lost=sum(self._lost.values()),
        )
        self._send_letters()
        try:
            self._log.append(table, batch)
        except OffsetsTakenError:
            self.progress.dropped += table.num_rows
            self._tell("Another consumer has read these partitions on; going on from where it is")
            self._forget()
            self._seek(consumer)
            return
        self.progress.rows += table.num_rows
        self.progress.unreadable += len(self._refused)
        self.progress.batches += 1
        self.progress.ended = time.monotonic()
        self._forget()
        self._first = dict(self._next)
        self._commit(consumer)
        self.progress.lag = self._lag(consumer)
        self._tell(
            f"{plural(self.progress.rows, 'event')} in {plural(self.progress.batches, 'file')};"
            f" {self.progress.lag:,} wait"
        )

    def _forget(self) -> None:
        self._messages, self._tables, self._refused, self._held = [], [], [], 0
        self._lost.clear()

    def _send_letters(self) -> None:
        """Send what is no trip to the topic of dead letters, before its batch counts.

        A batch that is read again sends it again.
        """
        if not self._refused:
            return
        if self._letters is None:
            ensure_topic(self._kafka, self._kafka.dead_letters, 1)
            self._letters = Producer(self._kafka.client(enable_idempotence=True))
        failed: list[str] = []
        for message, reason in self._refused:
            self._letters.produce(
                self._kafka.dead_letters,
                message.value,
                message.key,
                headers={
                    "reason": reason.encode(),
                    "topic": self._kafka.topic.encode(),
                    "partition": str(message.partition).encode(),
                    "offset": str(message.offset).encode(),
                },
                on_delivery=lambda error, _: failed.append(error.str()) if error else None,
            )
            self._letters.poll(0)
        if self._letters.flush(TIMEOUT_SECONDS * 3) or failed:
            raise TaxiError(
                f"Kafka at {self._kafka.bootstrap}",
                f"the topic {self._kafka.dead_letters} takes no messages ({(failed or ['no answer'])[0]})",
                "check the rights on it, and run it again; nothing was lost",
            )

    def _commit(self, consumer: Consumer) -> None:
        """Tell the group how far the lake is, for those who watch the lag."""
        places = [
            TopicPartition(self._kafka.topic, partition, end)
            for partition, end in self._next.items()
        ]
        with suppress(KafkaException):  # nothing rests on it
            consumer.commit(offsets=places, asynchronous=True)

    def _lag(self, consumer: Consumer) -> int:
        waiting = 0
        for partition, end in self._next.items():
            with suppress(KafkaException):
                place = TopicPartition(self._kafka.topic, partition)
                _, high = consumer.get_watermark_offsets(place, cached=True)
                waiting += max(high - end, 0)
        return waiting

    def _assigned(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        self._forget()
        self._first, self._next, self._at_end = {}, {}, set()
        starts = self._starts(consumer, [place.partition for place in places])
        consumer.assign(starts)
        if places:
            names = ", ".join(str(place.partition) for place in places)
            self._tell(f"Reading {self._kafka.topic}, partitions {names}")

    def _seek(self, consumer: Consumer) -> None:
        partitions = list(self._next)
        self._first, self._next, self._at_end = {}, {}, set()
        consumer.assign(self._starts(consumer, partitions))

    def _starts(self, consumer: Consumer, partitions: Iterable[int]) -> list[TopicPartition]:
        """From where each partition is read: as the lake's record says, else from its oldest message."""
        ends = next_offsets(self._log.batches(), self._kafka.topic)
        places = []
        for partition in partitions:
            place = TopicPartition(self._kafka.topic, partition)
            low, _ = consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
            start = ends.get(partition, low)
            self._first[partition] = start
            if low > start:
                if not self._options.accept_loss:
                    raise _out_of_range(
                        self._kafka.topic, partition, f"the oldest is {low}, wanted is {start}"
                    )
                self._lost[partition] = low - start
                start = low
            self._next[partition] = start
            places.append(TopicPartition(self._kafka.topic, partition, start))
        return places

    def _revoked(self, consumer: Consumer, _places: Sequence[TopicPartition]) -> None:
        self._write(consumer)
        self._lost_partitions(consumer, _places)

    def _lost_partitions(self, _consumer: Consumer, _places: Sequence[TopicPartition]) -> None:
        self._forget()
        self._first, self._next, self._at_end = {}, {}, set()


def _out_of_range(topic: str, partition: int, detail: str) -> DataError:
    return DataError(
        f"topic {topic}, partition {partition}",
        f"messages were deleted before they were read, or the topic was made anew ({detail})",
        "raise retention.ms of the topic; to go on without them: `taxi stream ingest --accept-loss`",
    )
