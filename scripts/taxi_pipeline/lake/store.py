"""The lake: one canonical Parquet file per service and month, and a manifest of their versions.

Layout under the lake's folder::

    <service>/file_month=YYYY-MM-01/part.parquet   the rows of one source file
    <service>/no_rows/part.parquet                 no rows; a service without files can be read too
    manifest.jsonl                                 one line per version of a file, oldest first
    previous/<service>/file_month=.../<load_id>.parquet   the version before the current one, if any
    restatements.jsonl                             one line per change of version and pickup zone

A partition's manifest entry is also in its own Parquet footer, so that rows and record change in
one rename. The manifest follows; if the process dies in between, the next one appends the entry.
A partition that gets a successor is first linked under ``previous``, where no warehouse looks: whoever
dies at whatever step, the version before the current one is there, and nothing else for long.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from taxi_pipeline.atomic import writing_to
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.liveness import is_abandoned, temp_tag
from taxi_pipeline.lake.seen import Seen
from taxi_pipeline.schemas import LINEAGE, Column, Service, columns_of

FOOTER_KEY = "taxi"
"""The key of the manifest entry in a partition's Parquet footer."""

_PART_PREFIX = ".part-"
_RECORDS_PREFIX = ".manifest-"
_SEEN = "lake_seen.json"
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


def quote_literal(text: str | Path) -> str:
    """Write a text as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """Write a name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def canonical_columns(service: Service) -> tuple[Column, ...]:
    """Every column of a service's partitions, in order."""
    return LINEAGE + columns_of(service)


def utc_now() -> str:
    """Return the present second in UTC, as the manifest writes it."""
    return datetime.now(UTC).strftime(_TIME_FORMAT)


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
            that TLC does not use.
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


@contextmanager
def data_lock(data_dir: Path, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the data folder for one writer; may be taken again by the process that holds it.

    Args:
        data_dir: the folder that holds the lake and the warehouse.
        on_wait: told once, in a sentence, when another process has the lock.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / "taxi.lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait(f"Another taxi command is writing to {data_dir}; waiting for it to finish.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class Lake:
    """The canonical partitions under one folder.

    Args:
        root: the lake's folder; its parent is the data folder, which holds the lock.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: tuple[tuple[int, ...] | None, list[ManifestEntry]] = (None, [])

    @property
    def manifest_path(self) -> Path:
        """The manifest, one JSON object a line."""
        return self.root / "manifest.jsonl"

    @property
    def restatements_path(self) -> Path:
        """What new versions changed, one JSON object a line."""
        return self.root / "restatements.jsonl"

    def previous_path(self, entry: ManifestEntry) -> Path:
        """Where the rows of a version are kept once another one has taken its place."""
        folder = f"{_service(entry)}/file_month={entry.file_month}"
        return self.root / "previous" / folder / f"{entry.load_id}.parquet"

    def part_path(self, service: Service, month: date) -> Path:
        """Where the rows of one file are."""
        return self.root / service / f"file_month={month:%Y-%m}-01" / "part.parquet"

    def empty_path(self, service: Service) -> Path:
        """The partition without rows, which has every column of the service."""
        return self.root / service / "no_rows" / "part.parquet"

    def temp_path(self, service: Service) -> Path:
        """Make a new name to write a partition under; no reader's pattern matches it."""
        folder = self.root / service
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{_PART_PREFIX}{temp_tag(self.root.parent)}.parquet.tmp"

    def history(self) -> list[ManifestEntry]:
        """Every version ever ingested, oldest first; the manifest is read again only after it has changed."""
        state = _state(self.manifest_path)
        if state is None or state != self._known[0]:
            self._known = (state, self._read_history())
        return list(self._known[1])

    def _read_history(self) -> list[ManifestEntry]:
        try:
            return [ManifestEntry.from_json(line) for line in _lines(self.manifest_path)]
        except (ValueError, TypeError, KeyError) as error:
            raise TaxiError(
                str(self.manifest_path),
                "the manifest is damaged",
                "delete it; the next command rebuilds it from the partitions, and every month stays",
            ) from error

    def restatements(self) -> list[ZoneChange]:
        """What every new version changed, by pickup zone, oldest first."""
        try:
            return [ZoneChange.from_json(line) for line in _lines(self.restatements_path)]
        except (ValueError, TypeError) as error:
            raise TaxiError(
                str(self.restatements_path),
                "the record of restatements is damaged",
                "delete it; the next command compares again the versions that are still kept",
            ) from error

    def record_restatement(self, changes: Sequence[ZoneChange]) -> None:
        """Add what one new version changed; the lock is held by the caller."""
        self._write_lines(self.restatements_path, [*self.restatements(), *changes])

    def predecessor(self, entry: ManifestEntry) -> ManifestEntry | None:
        """The version whose place a current one took, if its rows are kept."""
        found = _predecessors(self.history()).get(entry.load_id)
        return found if found is not None and self.previous_path(found).exists() else None

    def uncompared(
        self, key: tuple[str, str] | None = None
    ) -> list[tuple[ManifestEntry, ManifestEntry]]:
        """Every current version whose difference from the one before is still to be recorded: before, after.

        Args:
            key: service and month, to look at one file only.
        """
        history = [entry for entry in self.history() if key in {None, entry.key}]
        before = _predecessors(history)
        pairs = [
            (before[entry.load_id], entry)
            for entry in history
            if entry.superseded_at is None
            and entry.load_id in before
            and self.previous_path(before[entry.load_id]).exists()
        ]
        if not pairs:  # the record of all restatements is long, and most files have none
            return []
        recorded = {change.versions for change in self.restatements()}
        return [pair for pair in pairs if (pair[0].load_id, pair[1].load_id) not in recorded]

    def current(self) -> list[ManifestEntry]:
        """Return the versions that the partitions hold now, oldest first."""
        return [entry for entry in self.history() if entry.superseded_at is None]

    def published(self) -> list[ManifestEntry]:
        """Return what `current` would after `heal`, for who only reads: without the lock, and nothing is written."""
        is_anew = not self.manifest_path.exists()
        recorded = self._kept() if is_anew else self.history()
        seen = Seen(self.root.parent / _SEEN, self.root)
        healed = _append_footers(recorded, self._footers(recorded, seen), lambda entry: entry)
        return [entry for entry in _without_synthetic(healed, None) if entry.superseded_at is None]

    def find(self, service: Service, month: date) -> ManifestEntry | None:
        """Find the current version of one file, if its rows are there."""
        key = (service.label, f"{month:%Y-%m}-01")
        if not self.part_path(service, month).exists():
            return None
        return next((entry for entry in self.current() if entry.key == key), None)

    def missing(self) -> list[ManifestEntry]:
        """Return the versions that should be here and whose partition is not."""
        return [entry for entry in self.current() if not self.path_of(entry).exists()]

    def path_of(self, entry: ManifestEntry) -> Path:
        """Where the rows of a current version are."""
        return self.part_path(_service(entry), date.fromisoformat(entry.file_month))

    def is_intact(self, entry: ManifestEntry) -> bool:
        """Whether the partition of a current version is, byte for byte, what ingestion wrote.

        True where nothing is known of its bytes (``partition_sha256``).
        """
        path = self.path_of(entry)
        return path.exists() and entry.partition_sha256 in {"", hash_file(path)}

    def forget(self, entries: Sequence[ManifestEntry]) -> None:
        """Remove months that somebody wants removed.

        The manifest says so first: a process that dies in between leaves partitions that the next one removes.

        Args:
            entries: current versions.
        """
        with data_lock(self.root.parent):
            self.heal()
            self._write_manifest(_forgotten(self.history(), {entry.load_id for entry in entries}))
            self.heal()

    def record_checksum(self, entry: ManifestEntry, checksum: str) -> None:
        """Write down the checksum of a partition that had none."""
        with data_lock(self.root.parent):
            self._write_manifest(
                [
                    replace(one, partition_sha256=checksum) if one.load_id == entry.load_id else one
                    for one in self.history()
                ]
            )

    def ensure(self, on_wait: Callable[[str], None] | None = None) -> None:
        """Make a lake that every service can be read from; changes nothing that is in order."""
        with data_lock(self.root.parent, on_wait):
            self._heal(on_wait, ensure=True)
            if not self.restatements_path.exists():
                self._write_lines(self.restatements_path, [])

    def ensure_present(self, on_wait: Callable[[str], None] | None = None) -> None:
        """As `ensure`, but only where there is a lake: a command that only reads makes no folder."""
        if self.root.exists():
            self.ensure(on_wait)

    def heal(self, on_wait: Callable[[str], None] | None = None) -> None:
        """Bring the manifest in line with the partitions, and remove what dead writers left.

        The partitions are right: an entry in a footer that the manifest lacks is appended. A partition that is gone is
        missing until somebody ingests its file again or forgets the month; its entry stays. Synthetic partitions leave
        where real ones are, and forgotten ones if they are still there. Of the earlier versions only those stay that
        came right before a current one.
        """
        with data_lock(self.root.parent, on_wait):
            self._heal(on_wait)

    def _heal(self, tell: Callable[[str], None] | None, *, ensure: bool = False) -> None:
        self._remove_temporaries()
        seen = Seen(self.root.parent / _SEEN, self.root)
        for service in Service:
            self._ensure_empty_part(service, seen, write=ensure)
        is_anew = not self.manifest_path.exists()
        recorded = self._kept() if is_anew else self.history()
        healed = _append_footers(recorded, self._footers(recorded, seen), self._checksum)
        healed = _without_synthetic(healed, tell)
        if is_anew:
            self._forget_restatements_beyond(healed)
        if healed != recorded or is_anew:
            self._write_manifest(healed)
        self._remove_forgotten(healed, tell)
        self._remove_older_versions(healed)
        seen.save(self.root.parent / f"{_SEEN}-{temp_tag(self.root.parent)}.tmp")

    def _heal_month(self, service: Service, month: date) -> None:
        """Bring the manifest in line with the partition of one month, whose last writer may have died."""
        part = self.part_path(service, month)
        recorded = self.history()
        if not self.manifest_path.exists():
            self.heal()
        elif part.exists():
            with suppress(TaxiError):  # a damaged one is replaced
                healed = _append_footers(recorded, [read_footer(part)], self._checksum)
                if healed != recorded:
                    self._write_manifest(healed)

    def publish(
        self, temp: Path, entry: ManifestEntry, on_wait: Callable[[str], None] | None = None
    ) -> ManifestEntry | None:
        """Put a complete partition in place of the one of the same service and month.

        Looks at this month alone: `heal` looks at the others, once before files are ingested.

        Args:
            temp: the partition, under a name from ``temp_path``; gone afterwards.
            entry: its manifest entry, which is in its footer too.
            on_wait: told when another process has the lock, or synthetic files leave the lake.

        Returns:
            None, or, where another process has just published the same content, its entry.
        """
        service = _service(entry)
        month = date.fromisoformat(entry.file_month)
        with data_lock(self.root.parent, on_wait):
            self._heal_month(service, month)
            present = self.find(service, month)
            is_intact = present is not None and self.is_intact(present)
            if present is not None and is_intact and is_same_content(present, entry):
                temp.unlink()
                return present
            if entry.is_synthetic and not all(other.is_synthetic for other in self.current()):
                raise TaxiError(
                    entry.source_file,
                    "it is synthetic, and the lake holds real files",
                    "set TAXI_DATA_DIR to another folder to try the sample",
                )
            part = self.part_path(service, month)
            part.parent.mkdir(parents=True, exist_ok=True)
            _sync(temp)
            checksum = hash_file(temp)
            if present is not None and is_intact and present.is_synthetic == entry.is_synthetic:
                self._keep(part, present)
            temp.replace(part)
            _sync(part.parent, on_wait)
            published = _append(self.history(), replace(entry, partition_sha256=checksum))
            remaining = _without_synthetic(published, on_wait)
            self._write_manifest(remaining)
            if remaining is not published:
                self._remove_forgotten(remaining, on_wait)
                self._remove_older_versions(remaining)
            else:
                self._remove_older_versions([one for one in remaining if one.key == entry.key])
        return None

    def _keep(self, part: Path, entry: ManifestEntry) -> None:
        """Give the rows of a version that is to be replaced a second name, which outlives the first."""
        kept = self.previous_path(entry)
        kept.parent.mkdir(parents=True, exist_ok=True)
        temp = kept.parent / f"{_PART_PREFIX}{temp_tag(self.root.parent)}.parquet.tmp"
        try:
            os.link(part, temp)
        except OSError:  # not every file system has links
            shutil.copyfile(part, temp)
            _sync(temp)
        temp.replace(kept)
        _sync(kept.parent)

    def _kept(self) -> list[ManifestEntry]:
        """The earlier versions by their own footers, for a manifest that has to be made anew."""
        entries = []
        for kept in sorted((self.root / "previous").glob("*/file_month=*/*.parquet")):
            with suppress(TaxiError):  # a damaged one tells nothing, and nothing depends on it
                entries.append(read_footer(kept))
        return entries

    def _forget_restatements_beyond(self, history: list[ManifestEntry]) -> None:
        """Leave out changes of versions that a new manifest knows nothing of."""
        known = {entry.load_id for entry in history}
        changes = [change for change in self.restatements() if known.issuperset(change.versions)]
        if changes != self.restatements():
            self._write_lines(self.restatements_path, changes)

    def _remove_older_versions(self, history: list[ManifestEntry]) -> None:
        """Remove the kept versions of the files in a history but for those right before a current one."""
        before = _predecessors(history)
        wanted = {
            self.previous_path(before[entry.load_id])
            for entry in history
            if entry.superseded_at is None and entry.load_id in before
        }
        for folder in {self.previous_path(entry).parent for entry in history}:
            for kept in folder.glob("*.parquet"):
                if kept not in wanted:
                    kept.unlink()
                    with suppress(OSError):  # the version that is wanted, or somebody else's files
                        kept.parent.rmdir()

    def _remove_forgotten(
        self, history: Sequence[ManifestEntry], tell: Callable[[str], None] | None
    ) -> None:
        """Remove the partitions of forgotten versions; a new version of the month stays."""
        current = {entry.key for entry in history if entry.superseded_at is None}
        for entry in history:
            if entry.forgotten_at is None or entry.key in current:
                continue
            part = self.path_of(entry)
            if not part.exists():
                continue
            part.unlink()
            with suppress(OSError):  # somebody else's files may be in the folder
                part.parent.rmdir()
            if tell is not None and not entry.is_synthetic:
                month = f"{entry.service_type} {entry.file_month[:7]}"
                tell(
                    f"Removed the partition of {month}, which was forgotten. To restore it, ingest its file."
                )

    def _checksum(self, entry: ManifestEntry) -> ManifestEntry:
        return replace(entry, partition_sha256=hash_file(self.path_of(entry)))

    def next_ingested_at(self, service: Service, month: date) -> str:
        """Return the present second in UTC, or a later one that no version of the file has."""
        key = (service.label, f"{month:%Y-%m}-01")
        last = max((entry.ingested_at for entry in self.history() if entry.key == key), default="")
        if not last:
            return utc_now()
        after_last = datetime.strptime(last, _TIME_FORMAT) + timedelta(seconds=1)
        return max(utc_now(), after_last.strftime(_TIME_FORMAT))

    def _ensure_empty_part(self, service: Service, seen: Seen, *, write: bool) -> None:
        # A name behind file_month=...: DuckDB takes the first file for the size of all of them, and with
        # none at all it would put 160 million trips on the side of a join that has to fit in memory.
        part = self.empty_path(service)
        columns = canonical_columns(service)
        values = ", ".join(
            f"cast(null as {column.type}) as {quote_identifier(column.name)}" for column in columns
        )
        wanted = f"select {values} where false"
        note = hashlib.sha256(wanted.encode()).hexdigest()
        if seen.note(part) == note or not write:
            return
        with duckdb.connect() as connection:
            if part.exists():
                source = f"read_parquet({quote_literal(part)}, hive_partitioning = false)"
                with suppress(duckdb.Error):
                    present = connection.sql(f"select * from {source}")
                    model = connection.sql(wanted)
                    if (present.columns, present.types) == (model.columns, model.types):
                        seen.keep(part, note)
                        return
            part.parent.mkdir(parents=True, exist_ok=True)
            temp = self.temp_path(service)
            connection.execute(f"copy ({wanted}) to {quote_literal(temp)} (format parquet)")
        _sync(temp)
        temp.replace(part)
        seen.keep(part, note)

    def _footers(self, recorded: Sequence[ManifestEntry], seen: Seen) -> list[ManifestEntry]:
        """The entries in the partitions but for those that are on record and were not touched since.

        A damaged partition of a month on record is for `taxi lake verify` to name.
        """
        known = {self.path_of(entry): entry for entry in recorded if entry.superseded_at is None}
        entries = []
        for service in Service:
            for part in sorted((self.root / service).glob("file_month=*/part.parquet")):
                on_record = known.get(part)
                if on_record is not None and seen.note(part) == on_record.load_id:
                    continue
                try:
                    entry = read_footer(part)
                except TaxiError:
                    if on_record is None:
                        raise
                else:
                    entries.append(entry)
                    seen.keep(part, entry.load_id)
        return sorted(entries, key=lambda entry: entry.ingested_at)

    def _remove_temporaries(self) -> None:
        for pattern, prefix in (
            *((f"{service}/{_PART_PREFIX}*", _PART_PREFIX) for service in Service),
            (f"previous/*/*/{_PART_PREFIX}*", _PART_PREFIX),
            (f"{_RECORDS_PREFIX}*", _RECORDS_PREFIX),
        ):
            for temp in self.root.glob(pattern):
                if is_abandoned(temp, prefix, self.root.parent):
                    temp.unlink(missing_ok=True)

    def _write_manifest(self, entries: list[ManifestEntry]) -> None:
        self._write_lines(self.manifest_path, entries)

    def _write_lines(self, path: Path, records: Sequence[ManifestEntry | ZoneChange]) -> None:
        with writing_to(path):
            self.root.mkdir(parents=True, exist_ok=True)
            temp = self.root / f"{_RECORDS_PREFIX}{temp_tag(self.root.parent)}"
            with temp.open("w", encoding="utf-8") as stream:
                stream.writelines(record.to_json() + "\n" for record in records)
                stream.flush()
                os.fsync(stream.fileno())
            temp.replace(path)


def _state(path: Path) -> tuple[int, ...] | None:
    """What changes whenever a record is written; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def is_same_content(one: ManifestEntry, other: ManifestEntry) -> bool:
    """Whether two versions come from the same bytes, read by the same rules, points with the same shapes of zones."""
    return _content(one) == _content(other)


def _content(entry: ManifestEntry) -> tuple[str, int, str, int]:
    return entry.source_sha256, entry.ingest_version, entry.zone_shapes_sha256, entry.zone_method


def read_footer(part: Path) -> ManifestEntry:
    """Read the manifest entry in a partition's own footer.

    Raises:
        TaxiError: the file was not written by ingest, or is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.3 s, which a command that opens no partition need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        metadata = pq.read_metadata(part).metadata or {}
        return ManifestEntry.from_json(metadata[FOOTER_KEY.encode()])
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise TaxiError(
            str(part),
            "the partition is damaged or was not written by taxi ingest",
            "delete its folder and ingest the month again",
        ) from error


def _service(entry: ManifestEntry) -> Service:
    return Service.of_label(entry.service_type)


def _lines(path: Path) -> list[bytes]:
    """The lines of a record; none where there is no such file."""
    try:
        lines = path.read_bytes().split(b"\n")  # a text may hold other line ends
    except FileNotFoundError:
        return []
    return [line for line in lines if line.strip()]


def _predecessors(history: Sequence[ManifestEntry]) -> dict[str, ManifestEntry]:
    """The version that came right before another one of the same file, by the load_id of the later one."""
    last: dict[tuple[str, str], ManifestEntry] = {}
    before = {}
    for entry in history:
        if entry.key in last:
            before[entry.load_id] = last[entry.key]
        last[entry.key] = entry
    return before


def _append_footers(
    recorded: list[ManifestEntry],
    footers: Sequence[ManifestEntry],
    complete: Callable[[ManifestEntry], ManifestEntry],
) -> list[ManifestEntry]:
    """Append the partitions that the manifest lacks: their writer died before it could.

    An earlier version that was restored from a backup becomes the current one again.

    Args:
        recorded: the manifest.
        footers: the entries in the partitions.
        complete: adds to an entry what a footer cannot hold.
    """
    healed = recorded
    settled = {
        entry.load_id
        for entry in recorded
        if entry.superseded_at is None or entry.forgotten_at is not None
    }
    for footer in footers:
        if footer.load_id in settled:
            continue
        others = [entry for entry in healed if entry.load_id != footer.load_id]
        healed = _append(others, complete(footer))
        settled.add(footer.load_id)
    return healed


def _without_synthetic(
    entries: list[ManifestEntry], tell: Callable[[str], None] | None
) -> list[ManifestEntry]:
    """Forget the synthetic files if there are real ones."""
    current = [entry for entry in entries if entry.superseded_at is None]
    synthetic = {entry.load_id for entry in current if entry.is_synthetic}
    if not synthetic or len(synthetic) == len(current):
        return entries
    if tell is not None:
        tell(
            f"Removed the {len(synthetic)} files of the synthetic sample: the lake now holds real files."
        )
    return _forgotten(entries, synthetic)


def _forgotten(entries: Sequence[ManifestEntry], load_ids: Collection[str]) -> list[ManifestEntry]:
    now = utc_now()
    return [
        replace(entry, superseded_at=max(now, entry.ingested_at), forgotten_at=now)
        if entry.load_id in load_ids
        else entry
        for entry in entries
    ]


def _append(entries: list[ManifestEntry], new: ManifestEntry) -> list[ManifestEntry]:
    """Append a new version, which supersedes the current one of its file."""
    return [
        replace(entry, superseded_at=max(new.ingested_at, entry.ingested_at))
        if entry.key == new.key and entry.superseded_at is None
        else entry
        for entry in entries
    ] + [new]


def hash_file(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path, tell: Callable[[str], None] | None = None) -> None:
    """Make a file or a folder's list of names survive a power cut.

    Not every network mount can do that for a folder. That is said, and no reason to stop.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC or not path.is_dir():
            raise
        if tell is not None:
            tell(
                f"{path}: this file system cannot sync a folder. After a power cut, run `taxi lake verify`."
            )
    finally:
        os.close(descriptor)
