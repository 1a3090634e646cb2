"""Micro-batches: immutable files of events, and the record that says which count and how far each partition is read.

A batch counts when the record names it, and by nothing else: its rows and the offsets that they end at appear in the
one step of a compare-and-swap. A writer whose partition begins elsewhere than the record says is refused, so an event
is in the record once, whoever reads the same partition at the same time, and dies when.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.storage import Storage, hash_file
from taxi_pipeline.lake.swap import change_record

if TYPE_CHECKING:
    import pyarrow as pa

RECORD = "stream.jsonl"
FOLDER = "stream"
_FOOTER_KEY = b"taxi"


@dataclass(frozen=True)
class StreamBatch:
    """One file of events.

    Attributes:
        batch_id: unique to it.
        topic: that it was read from.
        offsets: first offset and the one after the last, by partition; ranges of a partition join without a gap.
        file: its name under the lake's root.
        sha256: checksum of the file.
        rows: messages in it, repeats and unreadable ones among them.
        unreadable: messages that are no trips.
        lost: messages that the broker had deleted before they were read, and somebody accepted that.
        months: rows by service and month, such as ``{"Yellow 2024-01-01": 20}``.
        first_event_at: the earliest ``event_at``, ISO; empty where no message is a trip.
        last_event_at: the latest.
        written_at: UTC, ``YYYY-MM-DD HH:MM:SS``.
    """

    batch_id: str
    topic: str
    offsets: Mapping[str, tuple[int, int]]
    file: str
    sha256: str
    rows: int
    unreadable: int
    months: Mapping[str, int]
    first_event_at: str
    last_event_at: str
    written_at: str
    lost: int = field(default=0)

    def to_json(self) -> str:
        """Write the batch as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "StreamBatch":
        """Read a batch; fields that a later version added are passed over."""
        values = {name: value for name, value in json.loads(text).items() if name in _names()}
        values["offsets"] = {
            name: (int(first), int(end)) for name, (first, end) in values["offsets"].items()
        }
        return cls(**values)


@cache
def _names() -> frozenset[str]:
    return frozenset(one.name for one in fields(StreamBatch))


Change = Callable[[list[StreamBatch]], list[StreamBatch]]
"""Gives the batches that are to count, from those that do."""


class OffsetsTakenError(Exception):
    """Another consumer has written a partition on from where this one began."""


def next_offsets(batches: Sequence[StreamBatch], topic: str) -> dict[int, int]:
    """The offset that each partition is to be read from; a partition that was never read is left out."""
    found: dict[int, int] = {}
    for batch in batches:
        if batch.topic == topic:
            found.update({int(name): end for name, (_, end) in batch.offsets.items()})
    return found


def appended(batches: Sequence[StreamBatch], new: StreamBatch) -> list[StreamBatch]:
    """The batches with one more.

    Raises:
        OffsetsTakenError: it does not go on where the record ends.
    """
    if new.batch_id in {batch.batch_id for batch in batches}:  # done; the answer was lost
        return list(batches)
    ends = next_offsets(batches, new.topic)
    for name, (first, _) in new.offsets.items():
        if ends.get(int(name), first) != first:
            raise OffsetsTakenError(name)
    return [*batches, new]


def newest(batches: Sequence[StreamBatch], hours: int) -> list[StreamBatch]:
    """The batches with an event that is at most some hours older than the newest of all."""
    ends = {
        batch.batch_id: datetime.fromisoformat(batch.last_event_at)
        for batch in batches
        if batch.last_event_at
    }
    if not ends:
        return []
    oldest = max(ends.values()) - timedelta(hours=hours)
    return [batch for batch in batches if batch.batch_id in ends and ends[batch.batch_id] >= oldest]


class StreamLog:
    """The record of the batches of a lake.

    Args:
        storage: of the lake.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._known: tuple[str | None, list[StreamBatch]] = (None, [])

    def exists(self) -> bool:
        """Whether the lake has a stream."""
        return self.storage.state(RECORD) is not None

    def batches(self) -> list[StreamBatch]:
        """Every batch that counts, in the order in which they were written.

        Raises:
            TaxiError: the record is damaged, or lost.
        """
        state = self.storage.state(RECORD)
        if state is None:
            if self.storage.list_files(FOLDER):
                raise TaxiError(
                    self.storage.location(RECORD),
                    "the record of the stream is lost, and files of events are there",
                    f"restore it from a backup; or move the folder {FOLDER} away and read the topic again",
                )
            return []
        if state.version != self._known[0]:
            content, version = self.storage.read(RECORD)
            self._known = (version, self._read(content))
        return list(self._known[1])

    def _read(self, content: bytes) -> list[StreamBatch]:
        try:
            return [StreamBatch.from_json(line) for line in content.splitlines() if line.strip()]
        except (ValueError, TypeError, KeyError) as error:
            raise TaxiError(
                self.storage.location(RECORD),
                "the record of the stream is damaged",
                "restore it from a backup",
            ) from error

    def append(self, table: "pa.Table", batch: StreamBatch) -> StreamBatch:
        """Write a batch's file, then let it count.

        Args:
            table: its rows.
            batch: what is said of them; the file's name and checksum are added.

        Raises:
            OffsetsTakenError: another consumer has come before; nothing counts, and the file is gone.
            TaxiError: the lake cannot be written.
        """
        import pyarrow.parquet as pq  # noqa: PLC0415 - 0.3 s, which who only reads the record need not wait for

        name = f"{FOLDER}/{batch.batch_id}.parquet"
        draft = self.storage.draft()
        try:
            footer = {_FOOTER_KEY: batch.to_json()}
            pq.write_table(table.replace_schema_metadata(footer), draft, compression="zstd")
            named = replace(batch, file=name, sha256=hash_file(draft))
            self.storage.create(name, draft)
        finally:
            draft.unlink(missing_ok=True)
        try:
            self.change(lambda batches: appended(batches, named))
        except OffsetsTakenError:
            self.storage.delete(name)
            raise
        return named

    def change(self, change: Change) -> None:
        """Change the record in one step.

        Args:
            change: gives the batches that are to count, from those that do.
        """

        def write(content: bytes) -> bytes:
            return "".join(batch.to_json() + "\n" for batch in change(self._read(content))).encode()

        change_record(self.storage, RECORD, write)
