"""What the examples need to know of a message: which service and zone it is of, and what the trip cost."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro

SCHEMA = Path(__file__).parents[1] / "scripts/taxi_pipeline/stream/schemas/trip-1.avsc"
HEAD_BYTES = 10
"""Of Avro's single-object encoding: two that say so, eight of the schema's fingerprint."""


class Trips:
    """Decodes messages of one schema; a reader of several looks each up by its fingerprint."""

    def __init__(self) -> None:
        self._schema = fastavro.parse_schema(json.loads(SCHEMA.read_text(encoding="utf-8")))

    def decode(self, message: bytes) -> dict[str, Any]:
        """A trip by the names of the schema, times as datetimes, amounts as decimals."""
        stream = io.BytesIO(message[HEAD_BYTES:])
        return dict(fastavro.schemaless_reader(stream, self._schema, None))  # type: ignore[arg-type]
