"""Events without a broker: schemas and their versions, messages that are no trips, months, offsets, settings."""

import io
import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pytest

from live_events import made_up_events, plant, windows_of
from servers import serving
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry, manifest
from taxi_pipeline.lake.lake import open_storage
from taxi_pipeline.lake.stream_log import (
    OffsetsTakenError,
    StreamBatch,
    StreamLog,
    appended,
    next_offsets,
)
from taxi_pipeline.lake.stream_log import (
    newest as newest_batches,
)
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_variables
from taxi_pipeline.stream.events import (
    Decoder,
    Encoder,
    TripSchema,
    UnreadableError,
    as_schema,
    bytes_of,
    field_names,
    newest,
    schemas,
    units_of,
)
from taxi_pipeline.stream.kafka import KafkaSettings, load_kafka, registry_of
from taxi_pipeline.stream.rows import Message, booked_month, event_schema, rows_of

SENT_AT = int(datetime(2025, 10, 20, 12, tzinfo=UTC).timestamp() * 1000)
JANUARY = (date(2026, 1, 1) - date(1970, 1, 1)).days


def micros(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)  # type: ignore[misc, arg-type]


def trip(**values: Any) -> dict[str, Any]:
    """A trip by the names of the schema, null where nothing is said."""
    given = {
        "event_id": "yellow:1",
        "event_at": micros(2025, 10, 20, 8, 30),
        "service_type": "yellow",
        "is_synthetic": False,
        "pickup_at": micros(2025, 10, 20, 8),
        "total_amount": bytes_of(1234),
        **values,
    }
    return {name: given.get(name) for name in field_names(newest())}


def message(value: bytes | None, key: bytes = b"green:7", offset: int = 0) -> Message:
    return Message(value, key, SENT_AT, 2, offset)


def sent(**values: Any) -> Message:
    return message(Encoder().encode(trip(**values)))


def one_row(*messages: Message) -> dict[str, Any]:
    [row] = rows_of(messages, Decoder(), Service.YELLOW).table.to_pylist()
    return dict(row)


def test_the_schema_has_the_columns_of_a_trip_in_their_types() -> None:
    logical = {
        "code": "int",
        "text": "string",
        "degrees": "double",
        "time": {"type": "long", "logicalType": "local-timestamp-micros"},
        "money": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
        "miles": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3},
    }
    stated = {
        name: ["null", logical[column["kind"]]]
        for name, column in read_variables()["trip_columns"].items()
    }
    fields = {field["name"]: field["type"] for field in json.loads(newest().text)["fields"]}
    assert {name: fields[name] for name in stated} == stated
    assert list(fields)[-len(stated) :] == list(stated)


def test_a_fingerprint_is_that_of_the_specification() -> None:
    """Of Avro 1.12: the fingerprint of "int" is 0x7275d51a3f395c8f, and a message has it with the lowest byte first."""
    assert as_schema(0, '"int"').fingerprint == struct.pack("<Q", 0x7275D51A3F395C8F)
    encoded = Encoder().encode(trip())
    assert encoded[:10] == b"\xc3\x01" + newest().fingerprint
    assert len({schema.fingerprint for schema in schemas()}) == len(schemas())


@pytest.mark.parametrize("units", [0, 1, -1, 127, 128, -128, -129, 10**12 - 1, -(10**12) + 1])
def test_amounts_are_avros_decimals(units: int) -> None:
    assert units_of(bytes_of(units)) == units
    schema = fastavro.parse_schema(json.loads(newest().text))
    stream = io.BytesIO(Encoder().encode(trip(total_amount=bytes_of(units)))[10:])
    told: Any = fastavro.schemaless_reader(stream, schema, None)
    assert told["total_amount"] == Decimal(units) / 100
    assert told["pickup_at"] == datetime(2025, 10, 20, 8)


def test_a_row_is_the_trip_as_it_was_sent() -> None:
    row = one_row(
        sent(
            trip_distance_miles=bytes_of(-1_005),
            pickup_zone_id=132,
            pickup_longitude=-73.98,
            dispatching_base_number="B02512",
        )
    )
    assert row == dict.fromkeys(event_schema().names) | {
        "event_id": "yellow:1",
        "event_at": datetime(2025, 10, 20, 8, 30),
        "service_type": "Yellow",
        "file_month": date(2025, 10, 1),
        "is_synthetic": False,
        "message_at": datetime(2025, 10, 20, 12),
        "kafka_partition": 2,
        "kafka_offset": 0,
        "pickup_at": datetime(2025, 10, 20, 8),
        "total_amount": Decimal("12.34"),
        "trip_distance_miles": Decimal("-1.005"),
        "pickup_zone_id": 132,
        "pickup_longitude": -73.98,
        "dispatching_base_number": "B02512",
    }


def test_an_amount_may_be_written_longer_than_it_need_be() -> None:
    assert one_row(sent(total_amount=b"\xff" * 12 + b"\x9c"))["total_amount"] == Decimal(-1)


def test_a_clock_that_is_ahead_moves_no_watermark() -> None:
    """An event is never later than its message."""
    assert one_row(sent(event_at=micros(2088, 1, 1)))["event_at"] == datetime(2025, 10, 20, 12)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "it is empty"),
        (b"", "it is empty"),
        (b"no trip", "does not begin as a message"),
        (b'{"event_id": "1"}', "does not begin as a message"),
        (b"\xc3\x01" + b"\0" * 8 + b"rest", "no version of the schema has the fingerprint"),
        (b"\0\0\0\0\1rest", "none is configured"),
        (Encoder().encode(trip())[:-1], "its bytes are no trip"),
        (Encoder().encode(trip())[:12], "its bytes are no trip"),
        (Encoder().encode(trip()) + b"\0", "bytes are left after the trip"),
        (Encoder().encode(trip(service_type="ferry")), "there is no service 'ferry'"),
        (Encoder().encode(trip(file_month=JANUARY + 1)), "file_month is not the first day"),
        (Encoder().encode(trip(total_amount=bytes_of(10**12))), "total_amount is out of range"),
        (Encoder().encode(trip(tip_amount=b"\x7f" * 40)), "tip_amount is out of range"),
        (Encoder().encode(trip(dropoff_at=2**62)), "dropoff_at is out of range"),
    ],
)
def test_a_message_that_is_no_trip_is_refused_alone_and_kept(
    value: bytes | None, reason: str
) -> None:
    good = sent()
    rows = rows_of([good, message(value, offset=1), good], Decoder(), Service.YELLOW)
    [(refused, why)] = rows.refused
    assert (refused.offset, reason in why) == (1, True), why
    before, row, after = rows.table.to_pylist()
    assert before == after
    assert before["event_id"] == "yellow:1"
    kept = (value or b"").decode("latin-1")
    is_text = kept.isascii() and "\0" not in kept
    assert row["raw_line"] == (kept if is_text else "\\x" + (value or b"").hex())
    assert (row["service_type"], row["file_month"]) == ("Green", date(2025, 10, 1))
    assert row["event_id"] is row["event_at"] is row["total_amount"] is None


def test_a_key_without_a_service_makes_it_the_default() -> None:
    for key in (b"", b"132", b"\xff\xfe"):
        rows = rows_of([message(b"no trip", key)], Decoder(), Service.HVFHV)
        assert rows.table["service_type"].to_pylist() == ["HVFHV"]


@pytest.mark.parametrize(
    ("pickup", "month"),
    [
        ((2025, 10, 20), (2025, 10, 1)),
        ((2025, 9, 30), (2025, 9, 1)),
        ((2025, 8, 31), (2025, 10, 1)),
        ((2025, 11, 1), (2025, 10, 1)),
        ((2002, 12, 31), (2025, 10, 1)),
        (None, (2025, 10, 1)),
    ],
)
def test_a_pickup_far_from_its_message_opens_no_month(
    pickup: tuple[int, ...] | None, month: tuple[int, int, int]
) -> None:
    first = booked_month(None if pickup is None else micros(*pickup), SENT_AT * 1000)
    assert first == (date(*month) - date(1970, 1, 1)).days


def version(number: int, change: Any) -> TripSchema:
    """The newest schema after a change of its fields."""
    stated = json.loads(newest().text)
    change(stated["fields"])
    return as_schema(number, json.dumps(stated))


def written_in(schema: TripSchema, **values: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema.raw, {**trip(), **values})
    return b"\xc3\x01" + schema.fingerprint + stream.getvalue()


def test_every_version_of_the_schema_is_read_as_the_newest() -> None:
    decoder = Decoder()
    for schema in schemas():
        assert decoder.decode(written_in(schema))["event_id"] == "yellow:1"


def test_a_field_that_comes_with_a_default_or_goes_is_compatible_in_both_directions() -> None:
    more = version(
        2,
        lambda fields: fields.append({"name": "app", "type": ["null", "string"], "default": None}),
    )
    both = (newest(), more)
    old = Decoder(known=both).decode(written_in(newest()))
    assert (old["event_id"], old["app"]) == ("yellow:1", None)
    new = Decoder(known=(more, newest())).decode(written_in(more, app="x"))
    assert new["event_id"] == "yellow:1"
    assert "app" not in new


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.append({"name": "app", "type": "string"}),
        lambda fields: fields[0].update(type="long"),
        lambda fields: fields[0].update(name="id"),
    ],
)
def test_an_incompatible_schema_is_refused_message_by_message(change: Any) -> None:
    changed = version(2, change)
    with pytest.raises(UnreadableError, match="its bytes are no trip"):
        Decoder(known=(newest(), changed)).decode(written_in(newest()))


@contextmanager
def registry() -> Iterator[str]:
    """The two answers of a Confluent registry that are asked for: register a schema, and give it by its id."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known.append(asked["schema"])
            self._answer({"id": len(known), "version": len(known), **asked})

        def do_GET(self) -> None:
            number = int(self.path.partition("?")[0].rsplit("/", 1)[1])
            self._answer({"schema": known[number - 1], "schemaType": "AVRO"})

        def _answer(self, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing."""

    known: list[str] = []
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Answers)) as address:
        yield address


def test_with_a_registry_messages_are_in_confluents_wire_format() -> None:
    from confluent_kafka.schema_registry import Schema  # noqa: PLC0415

    with registry() as url:
        client = registry_of(KafkaSettings("nowhere:1", registry=url))
        assert client is not None
        number = client.register_schema("trips-value", Schema(newest().text, "AVRO"))
        encoded = Encoder(number).encode(trip())
        assert encoded[:5] == b"\0" + struct.pack(">I", number)
        decoder = Decoder(lambda one: str(client.get_schema(one).schema_str))
        assert decoder.decode(encoded)["event_id"] == "yellow:1"
        assert decoder.decode(Encoder().encode(trip()))["event_id"] == "yellow:1"


def batch(name: str, **offsets: tuple[int, int]) -> StreamBatch:
    ranges = {key.removeprefix("p"): value for key, value in offsets.items()}
    return StreamBatch(name, "trips", ranges, f"stream/{name}.parquet", "", 1, 0, {}, "", "", "")


def test_a_batch_counts_only_where_it_goes_on_from_the_record() -> None:
    held = appended([], batch("a", p0=(0, 10), p1=(3, 5)))
    held = appended(held, batch("b", p0=(10, 12)))
    assert next_offsets(held, "trips") == {0: 12, 1: 5}
    assert next_offsets(held, "other") == {}
    assert (
        appended(held, batch("b", p0=(10, 12))) == held
    )  # the answer was lost, and it is tried again
    for taken in (
        batch("c", p0=(10, 20)),
        batch("c", p0=(13, 20)),
        batch("c", p0=(12, 13), p1=(0, 9)),
    ):
        with pytest.raises(OffsetsTakenError):
            appended(held, taken)
    assert StreamBatch.from_json(held[0].to_json()) == held[0]


def test_the_live_view_reads_the_files_of_the_last_hours() -> None:
    ends = {
        "a": "2025-12-01 10:00:00",
        "b": "2025-12-03 10:00:00.5",
        "c": "2025-12-01 10:00:00.500001",
        "d": "",
    }
    held = [replace(batch(name), last_event_at=end) for name, end in ends.items()]
    assert [one.batch_id for one in newest_batches(held, 48)] == ["b", "c"]
    assert newest_batches(held[3:], 48) == []


def test_no_setting_that_is_a_secret_is_shown() -> None:
    kafka = load_kafka(
        {
            "TAXI_KAFKA_BOOTSTRAP": "broker:9093",
            "TAXI_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "TAXI_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "TAXI_KAFKA_USERNAME": "reader",
            "TAXI_KAFKA_PASSWORD": "a-secret",
            "TAXI_KAFKA_REGISTRY_SECRET": "reader:a-secret",
            "TAXI_KAFKA_TOPIC": " ",
        }
    )
    assert "a-secret" not in repr(kafka)
    assert "reader" not in repr(kafka)
    assert kafka.client(group_id="g") == {
        "bootstrap.servers": "broker:9093",
        "log_level": 0,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "reader",
        "sasl.password": "a-secret",
        "group.id": "g",
    }
    assert (kafka.topic, kafka.dead_letters) == ("trips", "trips-dead-letter")
    with pytest.raises(TaxiError, match="names no broker"):
        load_kafka({"TAXI_KAFKA_PASSWORD": "a-secret"})


def test_the_computation_event_by_event_sees_what_the_live_view_is_about() -> None:
    rows = windows_of(made_up_events(6_000)).values()
    assert all(any(row[place] for row in rows) for place in (0, 2, 3, 4))


def test_a_file_of_events_that_nothing_names_is_pruned_after_a_day_and_no_other(
    tmp_path: Path,
) -> None:
    plant(tmp_path, made_up_events(50))
    lake = Lake(open_storage(str(tmp_path / "lake"), tmp_path))
    lake.ensure()
    left = tmp_path / "lake/stream/0123456789abcdef.parquet"
    left.write_bytes(b"a dead writer's")
    assert lake.prunable() == []
    os.utime(left, (0, 0))
    assert [one.file.name for one in lake.prunable()] == ["stream/0123456789abcdef.parquet"]


def test_a_lost_record_is_said_and_nothing_begins_anew(tmp_path: Path) -> None:
    plant(tmp_path, made_up_events(50))
    (tmp_path / "lake/stream.jsonl").unlink()
    with pytest.raises(TaxiError, match="the record of the stream is lost"):
        StreamLog(open_storage(str(tmp_path / "lake"), tmp_path)).batches()


def test_a_stream_takes_no_place_of_a_file_and_is_no_version_before_another_stream() -> None:
    """A month grows while it is streamed; its file is compared with the last of it."""

    def version_of(load_id: str, source_format: str) -> ManifestEntry:
        return ManifestEntry(
            *(
                load_id,
                "Yellow",
                "2025-11-01",
                "a file",
                load_id,
                1,
                source_format,
                1,
                0,
                "1.00",
                0,
            ),
            *((), False, 2, f"2026-01-0{ord(load_id) - 96} 00:00:00"),
        )

    a, b, file = version_of("a", "stream"), version_of("b", "stream"), version_of("c", "parquet")
    history = manifest.appended(manifest.appended([a], b), file)
    before = manifest.versions_before(history)
    assert list(before) == ["c"]
    assert before["c"].load_id == "b"
