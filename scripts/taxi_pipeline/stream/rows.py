"""Messages to rows: decoded, checked, column by column, in the order in which they came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxi_pipeline.file_names import FIRST_YEAR, LAST_YEAR
from taxi_pipeline.schemas import CODE, DEGREES, MILES, MONEY, TIME, Service
from taxi_pipeline.seeds import read_variables
from taxi_pipeline.stream.events import (
    DECIMALS,
    Decoder,
    Record,
    UnreadableError,
    bytes_of,
    units_of,
)

_KINDS = {"code": CODE, "time": TIME, "money": MONEY, "miles": MILES, "degrees": DEGREES}
_EPOCH = date(1970, 1, 1)
_DAY = 86_400_000_000
_FIRST_INSTANT = (date(1, 1, 1) - _EPOCH).days * _DAY
_LAST_INSTANT = (date(9999, 12, 31) - _EPOCH).days * _DAY + _DAY - 1
_MOST_UNITS = 10**12 - 1
_LONGEST_UNITS = 7
"""Bytes of a decimal that are looked at; more than these hold is beyond the type, or written longer than need be."""

_INT32 = 2**31 - 1

OWN_COLUMNS = (
    ("event_id", pa.string()),
    ("event_at", pa.timestamp("us")),
    ("service_type", pa.string()),
    ("file_month", pa.date32()),
    ("is_synthetic", pa.bool_()),
    ("unreadable_fields", pa.string()),
    ("raw_line", pa.string()),
    ("message_at", pa.timestamp("us")),
    ("kafka_partition", pa.int32()),
    ("kafka_offset", pa.int64()),
)
"""What an event has beside the columns of its trip. ``event_id`` and ``event_at`` are null where the message is no
trip; ``raw_line`` is its text then, and null otherwise."""


class Message(NamedTuple):
    """What the broker gives.

    Attributes:
        value: the bytes.
        key: the bytes that chose the partition, such as ``yellow:132``.
        sent_at: its own time, milliseconds since 1970.
        partition: of the topic.
        offset: in the partition.
    """

    value: bytes | None
    key: bytes | None
    sent_at: int
    partition: int
    offset: int


class Refused(NamedTuple):
    """A message that is no trip, and why."""

    message: Message
    reason: str


@cache
def trip_kinds() -> dict[str, str]:
    """The lake's type of each column of a trip, by its name."""
    stated = read_variables()["trip_columns"]
    return {name: _KINDS.get(column["kind"], "varchar") for name, column in stated.items()}


@cache
def event_schema() -> pa.Schema:
    """The one schema of files of events."""
    types = {CODE: pa.int32(), TIME: pa.timestamp("us"), DEGREES: pa.float64()}
    trip = [
        (
            name,
            pa.decimal128(12, DECIMALS[kind]) if kind in DECIMALS else types.get(kind, pa.string()),
        )
        for name, kind in trip_kinds().items()
    ]
    return pa.schema([*OWN_COLUMNS, *trip])


@dataclass(frozen=True)
class EventRows:
    """What some messages became: a row each, in their order.

    Attributes:
        table: by ``event_schema``.
        refused: those that are no trips.
    """

    table: pa.Table
    refused: Sequence[Refused]


def rows_of(messages: Sequence[Message], decoder: Decoder, default: Service) -> EventRows:
    """Turn messages into rows.

    Args:
        messages: of a topic.
        decoder: of their values.
        default: whose trip an unreadable message counts as, where its key names no service.
    """
    decoded: list[Record | None] = []
    refused: list[Refused] = []
    for message in messages:
        try:
            record = decoder.decode(message.value)
            _complete(record, message)
            decoded.append(record)
        except UnreadableError as error:
            refused.append(Refused(message, str(error)))
            decoded.append(None)
    rows: list[Record] = [
        one if one is not None else _unreadable(message, default)
        for one, message in zip(decoded, messages, strict=True)
    ]
    try:
        return EventRows(_table(rows), refused)
    except (OverflowError, pa.ArrowInvalid):
        # A value beyond its type, on one row of a million: the rows are looked at one by one.
        for index, (one, message) in enumerate(zip(decoded, messages, strict=True)):
            if one is not None and (name := _beyond(one)):
                refused.append(Refused(message, f"the value of {name} is out of range"))
                rows[index] = _unreadable(message, default)
            elif one is not None:
                _shorten(one)
        return EventRows(_table(rows), refused)


def _complete(record: Record, message: Message) -> None:
    """Add what a row has beside what the event says.

    Raises:
        UnreadableError: the event names no service or no month of TLC's.
    """
    service = _label(record["service_type"])
    if service is None:
        raise UnreadableError(f"there is no service {record['service_type'][:40]!r}")
    sent_at = message.sent_at * 1000
    month = record["file_month"]
    if month is None:
        record["file_month"] = booked_month(record["pickup_at"], sent_at)
    elif not _is_month(month):
        raise UnreadableError("its file_month is not the first day of a month of TLC's")
    record["service_type"] = service
    record["event_at"] = min(record["event_at"], sent_at)
    record["raw_line"] = None
    record["message_at"] = sent_at
    record["kafka_partition"] = message.partition
    record["kafka_offset"] = message.offset


def booked_month(pickup_at: int | None, sent_at: int) -> int:
    """The month that a trip belongs to where its producer does not say: that of the pickup.

    A pickup in no month near its message is a fault of a clock, and opens no month of its own: it is in the month of
    the message, where the rules reject it.

    Args:
        pickup_at: microseconds since 1970, wall time; None where there is none.
        sent_at: the message's own time, likewise.

    Returns:
        The first day of the month, days since 1970.
    """
    sent = _first_day(sent_at // _DAY)
    if pickup_at is None or not _FIRST_INSTANT <= pickup_at <= _LAST_INSTANT:
        return sent
    picked_up = _first_day(pickup_at // _DAY)
    return picked_up if picked_up in {sent, _first_day(sent - 1)} else sent


@cache
def _first_day(day: int) -> int:
    return ((_EPOCH + timedelta(days=day)).replace(day=1) - _EPOCH).days


@cache
def _is_month(day: int) -> bool:
    try:
        first = _EPOCH + timedelta(days=day)
    except OverflowError:
        return False
    return first.day == 1 and FIRST_YEAR <= first.year <= LAST_YEAR


@cache
def _label(name: str) -> str | None:
    return Service(name).label if name in set(Service) else None


def _unreadable(message: Message, default: Service) -> Record:
    name = (message.key or b"").split(b":")[0].decode("latin-1")
    sent_at = message.sent_at * 1000
    return dict.fromkeys(event_schema().names) | {
        "service_type": _label(name) or default.label,
        "file_month": booked_month(None, sent_at),
        "is_synthetic": False,
        "raw_line": _text(message.value or b""),
        "message_at": sent_at,
        "kafka_partition": message.partition,
        "kafka_offset": message.offset,
    }


def _text(value: bytes) -> str:
    """The bytes as text: as it stands where it is one, else in hex as Postgres writes bytes."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return f"\\x{value.hex()}"
    return text if "\0" not in text else f"\\x{value.hex()}"


def _table(rows: Sequence[Record]) -> pa.Table:
    """The rows as columns.

    Raises:
        OverflowError: a number is beyond its type.
        ArrowInvalid: the same.
    """
    kinds = trip_kinds()
    arrays = []
    for name, type_ in zip(event_schema().names, event_schema().types, strict=True):
        values = [row[name] for row in rows]
        arrays.append(_array(values, kinds.get(name, ""), type_))
    return pa.Table.from_arrays(arrays, schema=event_schema())


def _array(values: list[Any], kind: str, type_: pa.DataType) -> pa.Array:
    if kind in DECIMALS:
        return _decimals(pa.array(values, pa.binary()), type_)
    if pa.types.is_timestamp(type_):
        instants = pa.array(values, pa.int64())
        _check_range(instants, _FIRST_INSTANT, _LAST_INSTANT)
        return instants.view(type_)
    if pa.types.is_date32(type_):
        return pa.array(values, pa.int32()).view(type_)
    return pa.array(values, type_)


def _decimals(encoded: pa.Array, type_: pa.DataType) -> pa.Array:
    """The bytes of Avro's decimals as Arrow's: numbers of units in 16 bytes, all of them at a time."""
    validity, offsets, data = encoded.buffers()
    ends = np.frombuffer(offsets, np.int32, len(encoded) + 1)
    begins, lengths = ends[:-1], np.diff(ends)
    longest = int(lengths.max(initial=0))
    if longest > _LONGEST_UNITS:
        raise OverflowError
    digits = np.frombuffer(data, np.uint8) if longest else np.zeros(0, np.uint8)
    units = np.zeros(len(encoded), np.int64)
    for place in range(longest):
        held = np.flatnonzero(lengths > place)
        byte = digits[begins[held] + place].astype(np.int64)
        if place == 0:  # its highest bit is the sign
            byte = np.where(byte < 128, byte, byte - 256)
        units[held] = units[held] * 256 + byte
    if np.abs(units).max(initial=0) > _MOST_UNITS:
        raise OverflowError
    wide = np.stack([units, units >> 63], axis=1)
    return pa.Array.from_buffers(type_, len(encoded), [validity, pa.py_buffer(wide)])


def _check_range(values: pa.Array, least: int, most: int) -> None:
    found = pc.min_max(values).as_py()
    if found["min"] is not None and not (least <= found["min"] and found["max"] <= most):
        raise OverflowError


def _shorten(record: Record) -> None:
    """Write decimals in as few bytes as they need; a producer may pad them."""
    for name, kind in trip_kinds().items():
        if kind in DECIMALS:
            record[name] = bytes_of(units_of(record[name]))


def _beyond(record: Record) -> str | None:
    """The first column whose value is beyond its type."""
    for name, kind in {**trip_kinds(), "event_at": TIME}.items():
        value = record.get(name)
        if value is None:
            continue
        number = units_of(value) if kind in DECIMALS else value
        limits = _LIMITS.get(kind)
        if limits is not None and not limits[0] <= int(number or 0) <= limits[1]:
            return name
    return None


_LIMITS: dict[str, tuple[int, int]] = {
    MONEY: (-_MOST_UNITS, _MOST_UNITS),
    MILES: (-_MOST_UNITS, _MOST_UNITS),
    CODE: (-_INT32 - 1, _INT32),
    TIME: (_FIRST_INSTANT, _LAST_INSTANT),
}


def months_of(table: pa.Table) -> dict[str, int]:
    """Rows by service and month, such as ``{"Yellow 2024-01-01": 20}``."""
    counted = table.group_by(["service_type", "file_month"]).aggregate([([], "count_all")])
    return {
        f"{row['service_type']} {row['file_month']}": row["count_all"]
        for row in counted.to_pylist()
    }


def span_of(table: pa.Table) -> tuple[str, str]:
    """The earliest and the latest ``event_at``, ISO; empty where no message is a trip."""
    found = pc.min_max(table["event_at"]).as_py()
    first, last = found["min"], found["max"]
    return ("", "") if first is None else (first.isoformat(" "), last.isoformat(" "))


def now_ms() -> int:
    """The present, milliseconds since 1970."""
    return int(datetime.now(UTC).timestamp() * 1000)
