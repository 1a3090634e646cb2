"""The manifest: what the lake holds, one record per version of a file, and what follows from it."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from taxi_pipeline.schemas import Service

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

STREAM_FORMAT = "stream"
"""The ``source_format`` of a month whose rows came as events, until TLC's file takes its place."""


def utc_now() -> str:
    """Return the present second in UTC, as the manifest writes it."""
    return datetime.now(UTC).strftime(TIME_FORMAT)


@dataclass(frozen=True)
class ManifestEntry:
    """One ingested version of a file.

    Attributes:
        load_id: 16 hex characters, unique to this version.
        service_type: ``Yellow``, ``Green``, ``FHV`` or ``HVFHV``.
        file_month: first day of the month in the file's name, ISO.
        source_file: the file's name.
        source_sha256: checksum of the file as it was given, compressed or not; of part files, that of their list.
        source_bytes: its size.
        source_format: ``parquet``, ``csv``, ``csv.gz`` or ``csv.zip``; ``parquet (DuckDB)`` where a program wrote it
            that TLC does not use; ``stream`` where the rows are the events of a topic so far.
        row_count: rows in the file and in the partition, unparseable ones included.
        unparseable_count: rows kept as raw text only.
        total_amount: sum in dollars over the parsed rows; None where the file has no amounts, as of FHV.
        rounded_count: amounts that had fractions of a cent.
        unknown_columns: columns of the file that the lake does not have.
        is_synthetic: the file says that it is this project's own sample, not TLC's data.
        ingest_version: version of the rules that read the file.
        ingested_at: UTC, ``YYYY-MM-DD HH:MM:SS``.
        superseded_at: when another version took its place, or it was forgotten; None for the current one.
        forgotten_at: when somebody removed the month, or real files took the sample's place; else None. Only such a
            file leaves a warehouse.
        partition_sha256: checksum of the partition in the lake; in the manifest only, because a file cannot hold its
            own. Empty where an earlier version of this project wrote it and nothing has verified it since.
        zone_shapes_sha256: checksum of TLC's zone shapes by which points became zones; empty where the file has zones.
        zone_method: version of the way that was done; 0 where the file has zones.
    """

    load_id: str
    service_type: str
    file_month: str
    source_file: str
    source_sha256: str
    source_bytes: int
    source_format: str
    row_count: int
    unparseable_count: int
    total_amount: str | None
    rounded_count: int
    unknown_columns: tuple[str, ...]
    is_synthetic: bool
    ingest_version: int
    ingested_at: str
    superseded_at: str | None = None
    forgotten_at: str | None = None
    partition_sha256: str = field(default="", compare=False)
    zone_shapes_sha256: str = ""
    zone_method: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What a version is a version of."""
        return self.service_type, self.file_month

    @property
    def service(self) -> Service:
        """Whose trips they are."""
        return Service.of_label(self.service_type)

    @property
    def is_stream(self) -> bool:
        """Whether the rows are events of a topic: provisional, and no version of TLC's file."""
        return self.source_format == STREAM_FORMAT

    def to_json(self) -> str:
        """Write the entry as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "ManifestEntry":
        """Read an entry; fields that a later version added are passed over."""
        values: dict[str, Any] = json.loads(text)
        values["unknown_columns"] = tuple(values["unknown_columns"])
        return cls(**{name: value for name, value in values.items() if name in _entry_fields()})


@cache
def _entry_fields() -> frozenset[str]:
    return frozenset(one.name for one in fields(ManifestEntry))


@dataclass(frozen=True)
class ZoneChange:
    """What a new version of a file changed in one pickup zone.

    Rows before are unchanged, altered, moved out or gone; rows after are unchanged, altered, moved in or added.

    Attributes:
        load_id_before: the version that was replaced.
        load_id_after: the version that took its place.
        service_type: ``Yellow``, ``Green``, ``FHV`` or ``HVFHV``.
        file_month: first day of the month in the file's name, ISO.
        pickup_zone_id: as the file gives it; None where it gives none.
        rows_before: rows of the earlier version with this pickup zone.
        rows_after: rows of the new version with this pickup zone.
        unchanged_count: rows that are the same in every column.
        altered_count: rows that changed in another column than the pickup zone.
        moved_out_count: rows that had this pickup zone and have another one now.
        moved_in_count: rows that have this pickup zone now and had another one.
        gone_count: rows that the new version does not have.
        added_count: rows that the earlier version did not have.
        total_amount_before: dollars, over all readable rows before; None where there are none, as of FHV.
        total_amount_after: the same of the new version.
    """

    load_id_before: str
    load_id_after: str
    service_type: str
    file_month: str
    pickup_zone_id: int | None
    rows_before: int
    rows_after: int
    unchanged_count: int
    altered_count: int
    moved_out_count: int
    moved_in_count: int
    gone_count: int
    added_count: int
    total_amount_before: str | None
    total_amount_after: str | None

    @property
    def key(self) -> tuple[str, str]:
        """The service and month that it is about."""
        return self.service_type, self.file_month

    @property
    def versions(self) -> tuple[str, str]:
        """The version that was replaced, and the one that took its place."""
        return self.load_id_before, self.load_id_after

    def to_json(self) -> str:
        """Write the change as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "ZoneChange":
        """Read a change."""
        return cls(**json.loads(text))


def is_same_content(one: ManifestEntry, other: ManifestEntry) -> bool:
    """Whether two versions come from the same bytes, read by the same rules, points with the same shapes of zones."""
    return _content(one) == _content(other)


def _content(entry: ManifestEntry) -> tuple[str, int, str, int]:
    return entry.source_sha256, entry.ingest_version, entry.zone_shapes_sha256, entry.zone_method


def versions_before(history: Sequence[ManifestEntry]) -> dict[str, ManifestEntry]:
    """The version that each version took the place of, by the load_id of the later one.

    None for the first version of a month, for one that came after the month was forgotten, for a real file in
    place of a synthetic one, which have nothing to do with each other, and for a month that is still streamed: it
    grows, and nobody has restated it.

    Args:
        history: oldest version first.
    """
    last: dict[tuple[str, str], ManifestEntry] = {}
    before = {}
    for entry in history:
        earlier = last.get(entry.key)
        if (
            earlier is not None
            and not entry.is_stream
            and earlier.forgotten_at is None
            and earlier.is_synthetic == entry.is_synthetic
        ):
            before[entry.load_id] = earlier
        last[entry.key] = entry
    return before


def without_synthetic(entries: Sequence[ManifestEntry]) -> list[ManifestEntry]:
    """Forget the synthetic files if there are real ones."""
    current = [entry for entry in entries if entry.superseded_at is None]
    synthetic = {entry.load_id for entry in current if entry.is_synthetic}
    if not synthetic or len(synthetic) == len(current):
        return list(entries)
    return forgotten(entries, synthetic)


def forgotten(entries: Sequence[ManifestEntry], load_ids: Collection[str]) -> list[ManifestEntry]:
    """Mark versions as removed by somebody, those that are not so marked yet."""
    now = utc_now()
    return [
        replace(entry, superseded_at=max(now, entry.ingested_at), forgotten_at=now)
        if entry.load_id in load_ids and entry.forgotten_at is None
        else entry
        for entry in entries
    ]


def appended(entries: Sequence[ManifestEntry], new: ManifestEntry) -> list[ManifestEntry]:
    """Append a new version, which supersedes the current one of its file."""
    return [
        replace(entry, superseded_at=max(new.ingested_at, entry.ingested_at))
        if entry.key == new.key and entry.superseded_at is None
        else entry
        for entry in entries
    ] + [new]
