"""Trips as Avro: the schemas of this project, how a message names its schema, and what is no message of ours."""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

from taxi_pipeline.schemas import MILES, MONEY

SINGLE_OBJECT = b"\xc3\x01"
"""First bytes of a message by Avro's single-object encoding (specification 1.12); eight bytes of fingerprint follow."""

CONFLUENT = b"\x00"
"""First byte of a message in Confluent's wire format; four bytes, big-endian, name the schema in a registry."""

DECIMALS = {MONEY: 2, MILES: 3}
"""Digits after the point, by the lake's type of a column; Avro has such a number as bytes, and as so many units."""

_VERSION = re.compile(r"trip-(\d+)\.avsc")

Record = dict[str, Any]
"""A trip by the names of the schema: times in microseconds, dates in days since 1970, amounts as bytes of units."""


class UnreadableError(ValueError):
    """A message that is no trip, with the reason as a clause."""


@dataclass(frozen=True)
class TripSchema:
    """One version of the schema.

    Attributes:
        version: from 1 on.
        text: as it is kept, to register it.
        raw: parsed without its logical types, so that values stay numbers and bytes: three times as fast.
        fingerprint: CRC-64-AVRO of its canonical form, eight bytes, little-endian.
    """

    version: int
    text: str
    raw: Any
    fingerprint: bytes


def as_schema(version: int, text: str) -> TripSchema:
    """Read a version of the schema."""
    stated = json.loads(text)
    mark = fingerprint(to_parsing_canonical_form(stated), "CRC-64-AVRO")
    raw = fastavro.parse_schema(json.loads(text, object_hook=_without_logic))
    return TripSchema(version, text, raw, bytes.fromhex(mark))


def _without_logic(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "logicalType"}


@cache
def schemas() -> tuple[TripSchema, ...]:
    """Every version of the schema that producers may have, oldest first."""
    folder = files("taxi_pipeline.stream") / "schemas"
    found = [(match, item) for item in folder.iterdir() if (match := _VERSION.fullmatch(item.name))]
    return tuple(
        sorted(
            (as_schema(int(match[1]), item.read_text(encoding="utf-8")) for match, item in found),
            key=lambda schema: schema.version,
        )
    )


def newest() -> TripSchema:
    """The version that is written, and that older ones are read as."""
    return schemas()[-1]


class Encoder:
    """Trips to messages.

    Args:
        registered: the id of the newest schema in a registry; None for single-object encoding.
    """

    def __init__(self, registered: int | None = None) -> None:
        schema = newest()
        self._schema = schema.raw
        self._prefix = (
            SINGLE_OBJECT + schema.fingerprint
            if registered is None
            else CONFLUENT + registered.to_bytes(4, "big")
        )

    def encode(self, record: Record) -> bytes:
        """A message that says which schema it is written in."""
        stream = io.BytesIO()
        stream.write(self._prefix)
        fastavro.schemaless_writer(stream, self._schema, record)
        return stream.getvalue()


Lookup = Callable[[int], str]
"""The text of a schema by its id in a registry."""


class Decoder:
    """Messages to trips, by whatever version of the schema they are written in.

    Args:
        lookup: asks a registry; None where none is configured.
        known: schemas by their fingerprint; of this project where none are given.
    """

    def __init__(
        self, lookup: Lookup | None = None, known: tuple[TripSchema, ...] | None = None
    ) -> None:
        known = known or schemas()
        self._target = known[-1].raw
        self._known: Mapping[bytes, Any] = {schema.fingerprint: schema.raw for schema in known}
        self._newest = known[-1].fingerprint
        self._lookup = lookup
        self._registered: dict[int, Any] = {}

    def decode(self, message: bytes | None) -> Record:
        """A trip as the newest schema has it.

        Raises:
            UnreadableError: the message is no trip, or is written in a schema that cannot be read as the newest.
        """
        if not message:
            raise UnreadableError("it is empty")
        stream = io.BytesIO(message)
        try:
            writer, reader = self._schemas_of(stream)
            record: Any = fastavro.schemaless_reader(stream, writer, reader)
        except UnreadableError:
            raise
        except Exception as error:  # the decoder has no kind of its own for bytes that are none
            detail = " ".join(str(error).split())[:200] or type(error).__name__
            raise UnreadableError(f"its bytes are no trip ({detail})") from error
        if stream.tell() != len(message):
            raise UnreadableError("bytes are left after the trip")
        return dict(record)

    def _schemas_of(self, stream: io.BytesIO) -> tuple[Any, Any]:
        head = stream.read(2)
        if head == SINGLE_OBJECT:
            mark = stream.read(8)
            if mark == self._newest:
                return self._target, None
            if (writer := self._known.get(mark)) is None:
                raise UnreadableError(f"no version of the schema has the fingerprint {mark.hex()}")
            return writer, self._target
        if head[:1] == CONFLUENT:
            if self._lookup is None:
                raise UnreadableError("it names a schema in a registry, and none is configured")
            return self._from_registry(int.from_bytes(head[1:] + stream.read(3), "big"))
        raise UnreadableError("it does not begin as a message of Avro's single-object encoding")

    def _from_registry(self, number: int) -> tuple[Any, Any]:
        if number not in self._registered and self._lookup is not None:
            try:
                self._registered[number] = as_schema(0, self._lookup(number)).raw
            except (SchemaParseException, KeyError, ValueError) as error:
                raise UnreadableError(f"the registry has no such schema as {number}") from error
        return self._registered[number], self._target


def units_of(value: bytes | None) -> int | None:
    """The number of units that the bytes of a decimal stand for: two's complement, big-endian."""
    return None if value is None else int.from_bytes(value, "big", signed=True)


def bytes_of(units: int | None) -> bytes | None:
    """The shortest bytes that stand for a number of units."""
    if units is None:
        return None
    return units.to_bytes((units.bit_length() + 8) // 8, "big", signed=True)


def field_names(schema: TripSchema) -> Iterator[str]:
    """The names of a schema's fields, in order."""
    yield from (field["name"] for field in json.loads(schema.text)["fields"])
