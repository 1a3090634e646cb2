"""The lake: canonical Parquet files, one per version of a TLC file, and the manifest that says which are current.

Layout under the lake's root, which is a folder or a bucket::

    <service>/file_month=YYYY-MM-01/<load_id>.parquet   the rows of one version of one source file; never changes
    <service>/no_rows/part.parquet                      no rows; a service without files can be read too
    manifest.jsonl                                      one line per version of a file, oldest first
    restatements.jsonl                                  one line per change of version and pickup zone

A version is published when the manifest names it, and by nothing else: whoever dies before leaves a file that nobody
reads. A version that is replaced or forgotten stays, for those who read it at that moment and for comparisons, until
`taxi lake prune`. The manifest entry is also in the file's own footer, so that a lost manifest can be made anew.
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar

import duckdb

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.bucket import BucketStorage
from taxi_pipeline.lake.manifest import (
    TIME_FORMAT,
    ManifestEntry,
    ZoneChange,
    appended,
    forgotten,
    is_same_content,
    utc_now,
    versions_before,
    without_synthetic,
)
from taxi_pipeline.lake.older_layout import has_older_layout, migrate
from taxi_pipeline.lake.quoting import quote_identifier, quote_literal
from taxi_pipeline.lake.storage import ChangedError, FolderStorage, Storage, StoredFile, Tell
from taxi_pipeline.lake.stream_log import FOLDER as STREAM_FOLDER
from taxi_pipeline.lake.stream_log import RECORD as STREAM_RECORD
from taxi_pipeline.lake.stream_log import StreamLog
from taxi_pipeline.lake.swap import change_record
from taxi_pipeline.schemas import LINEAGE, Column, Service, columns_of
from taxi_pipeline.settings import Settings
from taxi_pipeline.texts import plural

FOOTER_KEY = "taxi"
"""The key of the manifest entry in a partition's Parquet footer."""

_MANIFEST = "manifest.jsonl"
_RESTATEMENTS = "restatements.jsonl"
_ORPHAN_AGE = timedelta(days=1)
"""After which a file that no manifest names is no longer on its way: reading the largest month takes minutes."""

Record = TypeVar("Record", ManifestEntry, ZoneChange)


def canonical_columns(service: Service) -> tuple[Column, ...]:
    """Every column of a service's partitions, in order."""
    return LINEAGE + columns_of(service)


def open_storage(url: str, data_dir: Path) -> Storage:
    """The storage that an address names.

    Args:
        url: the path of a folder, or an address of ``s3`` or ``gs``.
        data_dir: a local folder, for what a bucket needs beside itself.
    """
    return BucketStorage(url, data_dir) if "://" in url else FolderStorage(Path(url))


@dataclass(frozen=True)
class Prunable:
    """A file of the lake that nothing needs any more.

    Attributes:
        file: its name and size.
        entry: the version whose rows it holds; None for a file that was never published.
    """

    file: StoredFile
    entry: ManifestEntry | None


@dataclass(frozen=True)
class LakeFile:
    """A partition that a warehouse takes over.

    Attributes:
        storage: where it is.
        name: its name there.
    """

    storage: Storage
    name: str

    @property
    def location(self) -> str:
        """Its path or address."""
        return self.storage.location(self.name)

    @property
    def size(self) -> int:
        """In bytes; 0 where it is gone."""
        state = self.storage.state(self.name)
        return state.size if state is not None else 0

    def open(self) -> IO[bytes]:
        """Open it to read."""
        return self.storage.open(self.name)


class Lake:
    """The canonical partitions under one root, and their record.

    Args:
        storage: where they are.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._known: tuple[str | None, list[ManifestEntry]] = (None, [])

    @classmethod
    def of(cls, settings: Settings) -> "Lake":
        """The lake that the settings name."""
        return cls(open_storage(settings.lake_url, settings.data_dir))

    @property
    def url(self) -> str:
        """Its root: the path of a folder, or an address."""
        return self.storage.url

    def location(self, entry: ManifestEntry) -> str:
        """Where the rows of a version are, as an engine reads it: a path or an address."""
        return self.storage.location(name_of(entry))

    def file(self, entry: ManifestEntry) -> LakeFile:
        """The partition of a version, for a warehouse that takes it over."""
        return LakeFile(self.storage, name_of(entry))

    def empty_location(self, service: Service) -> str:
        """The partition without rows, which has every column of the service."""
        return self.storage.location(_empty_name(service))

    def history(self) -> list[ManifestEntry]:
        """Every version ever ingested, oldest first; the manifest is read again only after it has changed."""
        state = self.storage.state(_MANIFEST)
        if state is None:
            return []
        if state.version != self._known[0]:
            content, version = self.storage.read(_MANIFEST)
            self._known = (version, self._entries(content))
        return list(self._known[1])

    def _entries(self, content: bytes) -> list[ManifestEntry]:
        try:
            return [ManifestEntry.from_json(line) for line in _lines(content)]
        except (ValueError, TypeError, KeyError) as error:
            raise TaxiError(
                self.storage.location(_MANIFEST),
                "the manifest is damaged",
                "restore it from a backup; or delete it: the next command makes it anew from the partitions, "
                "and months that were forgotten and not pruned come back",
            ) from error

    def restatements(self) -> list[ZoneChange]:
        """What every new version changed, by pickup zone, oldest first."""
        return self._changes(self.storage.read(_RESTATEMENTS)[0])

    def _changes(self, content: bytes) -> list[ZoneChange]:
        try:
            return [ZoneChange.from_json(line) for line in _lines(content)]
        except (ValueError, TypeError) as error:
            raise TaxiError(
                self.storage.location(_RESTATEMENTS),
                "the record of restatements is damaged",
                "delete it; the next command compares again the versions that are still kept",
            ) from error

    def records(self) -> list[tuple[str, bytes]]:
        """The records as they are, by name; that of a stream is empty where there is none."""
        names = (_MANIFEST, _RESTATEMENTS, STREAM_RECORD)
        return [(name, self.storage.read(name)[0]) for name in names]

    def record_restatement(self, changes: Sequence[ZoneChange]) -> None:
        """Add what one new version changed, unless another process has done so."""

        def add(present: list[ZoneChange]) -> list[ZoneChange]:
            known = {change.versions for change in present}
            return [*present, *(change for change in changes if change.versions not in known)]

        self._change(_RESTATEMENTS, self._changes, add)

    def predecessor(self, entry: ManifestEntry) -> ManifestEntry | None:
        """The version whose place a current one took, if its rows are kept."""
        found = versions_before(self.history()).get(entry.load_id)
        return found if found is not None and self.holds(found) else None

    def holds(self, entry: ManifestEntry) -> bool:
        """Whether the rows of a version are here."""
        return self.storage.state(name_of(entry)) is not None

    def uncompared(
        self, key: tuple[str, str] | None = None
    ) -> list[tuple[ManifestEntry, ManifestEntry]]:
        """Every current version whose difference from the one before is still to be recorded: before, after.

        Args:
            key: service and month, to look at one file only.
        """
        history = [entry for entry in self.history() if key in {None, entry.key}]
        before = versions_before(history)
        pairs = [
            (before[entry.load_id], entry)
            for entry in history
            if entry.superseded_at is None and entry.load_id in before
        ]
        if not pairs:  # the record of all restatements is long, and most files have none
            return []
        recorded = {change.versions for change in self.restatements()}
        return [
            (earlier, entry)
            for earlier, entry in pairs
            if (earlier.load_id, entry.load_id) not in recorded and self.holds(earlier)
        ]

    def current(self) -> list[ManifestEntry]:
        """Return the versions that count now, oldest first."""
        return [entry for entry in self.history() if entry.superseded_at is None]

    def published(self) -> list[ManifestEntry]:
        """Return what `current` would after `ensure`, for who only reads: writes nothing, but for an older layout."""
        if has_older_layout(self.storage):
            self.ensure()
        history = self.history() if self.storage.state(_MANIFEST) else self._history_of_footers()
        return [entry for entry in history if entry.superseded_at is None]

    def find(self, service: Service, month: date) -> ManifestEntry | None:
        """Find the current version of one file, if its rows are there."""
        key = (service.label, f"{month:%Y-%m}-01")
        found = next((entry for entry in self.current() if entry.key == key), None)
        return found if found is not None and self.holds(found) else None

    def files(self) -> list[StoredFile]:
        """The partitions with rows, published or not."""
        return [
            file
            for service in Service
            for file in self.storage.list_files(service)
            if _is_partition(file)
        ]

    def current_files(self) -> list[StoredFile]:
        """The partitions of current versions that are here."""
        current = {name_of(entry) for entry in self.current()}
        return [file for file in self.files() if file.name in current]

    def missing(self) -> list[ManifestEntry]:
        """Return the versions that should be here and whose partition is not."""
        present = {file.name for file in self.files()}
        return [entry for entry in self.current() if name_of(entry) not in present]

    def is_intact(self, entry: ManifestEntry) -> bool:
        """Whether the partition of a version is, byte for byte, what ingestion wrote.

        True where nothing is known of its bytes (``partition_sha256``).
        """
        try:
            return entry.partition_sha256 in {"", self.storage.checksum(name_of(entry))}
        except FileNotFoundError:
            return False

    def next_ingested_at(self, service: Service, month: date) -> str:
        """Return the present second in UTC, or a later one that no version of the file has."""
        key = (service.label, f"{month:%Y-%m}-01")
        last = max((entry.ingested_at for entry in self.history() if entry.key == key), default="")
        if not last:
            return utc_now()
        after_last = datetime.strptime(last, TIME_FORMAT) + timedelta(seconds=1)
        return max(utc_now(), after_last.strftime(TIME_FORMAT))

    def ensure(self, tell: Tell | None = None) -> None:
        """Make a lake that every service can be read from; changes nothing that is in order.

        Args:
            tell: told what is done about a lake of an earlier version, or without a manifest.

        Raises:
            TaxiError: a partition of a lake without a manifest is damaged.
        """
        self.storage.clean()
        if has_older_layout(self.storage):
            self._migrate(tell)
        if self.storage.state(_MANIFEST) is None:
            self._make_manifest(tell)
        for service in Service:
            self._ensure_empty_part(service)
        if self.storage.state(_RESTATEMENTS) is None:
            with suppress(ChangedError):
                self.storage.swap(_RESTATEMENTS, b"", None)

    def ensure_present(self, tell: Tell | None = None) -> None:
        """As `ensure`, but only where there is a lake: a command that only reads makes no folder."""
        if self.storage.exists():
            self.ensure(tell)

    def _migrate(self, tell: Tell | None) -> None:
        if tell is not None:
            tell(f"{self.url}: moving the partitions to the layout of this version")
        found = migrate(self.storage, self.history(), read_footer, name_of)

        def add(history: list[ManifestEntry]) -> list[ManifestEntry]:
            for entry in found:
                history = appended(history, entry)
            return history

        self._change(_MANIFEST, self._entries, add)

    def _make_manifest(self, tell: Tell | None) -> None:
        """Make the manifest anew from the footers of the partitions; an empty one where there are none."""
        history = self._history_of_footers()
        if history and tell is not None:
            tell(
                f"{self.url}: the manifest was lost; it is made anew from {plural(len(history), 'partition')}."
            )
        with suppress(ChangedError):  # somebody else has made it
            self.storage.swap(_MANIFEST, _written(history), None)
        known = {entry.load_id for entry in history}
        self._change(
            _RESTATEMENTS,
            self._changes,
            lambda changes: [change for change in changes if known.issuperset(change.versions)],
        )

    def _history_of_footers(self) -> list[ManifestEntry]:
        entries = [
            replace(
                read_footer(self.storage, file.name),
                partition_sha256=self.storage.checksum(file.name),
            )
            for file in self.files()
        ]
        history: list[ManifestEntry] = []
        for entry in sorted(entries, key=lambda one: one.ingested_at):
            history = appended(history, entry)
        return without_synthetic(history)

    def _ensure_empty_part(self, service: Service) -> None:
        # DuckDB takes the first file for the size of all of them: this one comes last wherever files are listed.
        columns = canonical_columns(service)
        values = ", ".join(
            f"cast(null as {column.type}) as {quote_identifier(column.name)}" for column in columns
        )
        wanted = f"select {values} where false"
        name = _empty_name(service)
        if self.storage.state(name) is not None:
            with suppress(duckdb.Error), duckdb.connect() as connection:
                self.storage.connect(connection)
                found = connection.execute(
                    f"select decode(value) from parquet_kv_metadata({quote_literal(self.storage.location(name))})"
                    f" where decode(key) = '{FOOTER_KEY}'"
                ).fetchone()
                if found == (wanted,):
                    return
        draft = self.storage.draft()
        try:
            with duckdb.connect() as connection:
                connection.execute(
                    f"copy ({wanted}) to {quote_literal(draft)} (format parquet, "
                    f"kv_metadata {{{FOOTER_KEY}: {quote_literal(wanted)}}})"
                )
            self.storage.overwrite(name, draft)
        finally:
            draft.unlink(missing_ok=True)

    def draft(self) -> Path:
        """Make a new local name to write a partition under; no reader looks there."""
        return self.storage.draft()

    def publish(
        self, draft: Path, entry: ManifestEntry, checksum: str, tell: Tell | None = None
    ) -> ManifestEntry | None:
        """Make a version the current one of its service and month, in one step: the change of the manifest.

        Args:
            draft: the partition, under a name from ``draft``; gone afterwards.
            entry: its manifest entry, which is in its footer too.
            checksum: SHA-256 of the partition.
            tell: told what else changes.

        Returns:
            None, or the entry of what stays: the same content, which another process has just published, or the
            month's file, whose place a stream never takes.

        Raises:
            TaxiError: it is synthetic, and the lake holds real files.
        """
        entry = replace(entry, partition_sha256=checksum)
        name = name_of(entry)
        present = self.find(entry.service, date.fromisoformat(entry.file_month))
        damaged = present if present is not None and not self.is_intact(present) else None
        rival: list[ManifestEntry] = []

        def add(history: list[ManifestEntry]) -> list[ManifestEntry]:
            rival.clear()
            current = [one for one in history if one.superseded_at is None]
            if entry.load_id in {one.load_id for one in history}:  # done; the answer was lost
                return history
            same = [one for one in current if _stays(one, entry)]
            if same and same[0] != damaged and self.holds(same[0]):
                rival.append(same[0])
                return history
            if entry.is_synthetic and not all(one.is_synthetic for one in current):
                raise TaxiError(
                    entry.source_file,
                    "it is synthetic, and the lake holds real files",
                    "set TAXI_DATA_DIR to another folder to try the sample",
                )
            return without_synthetic(appended(history, entry))

        self.storage.create(name, draft, tell)
        try:
            before = self._change(_MANIFEST, self._entries, add)
        except TaxiError:
            if entry.load_id not in {one.load_id for one in self.history()}:
                self.storage.delete(name)
            raise
        if rival:
            self.storage.delete(name)
            return rival[0]
        if damaged is not None:
            self.storage.delete(name_of(damaged))
        left = sum(one.is_synthetic for one in before if one.superseded_at is None)
        if left and not entry.is_synthetic and tell is not None:
            tell(
                f"Removed the {plural(left, 'file')} of the synthetic sample: the lake now holds real files."
            )
        return None

    def forget(self, entries: Sequence[ManifestEntry]) -> None:
        """Remove months that somebody wants removed; their rows stay until they are pruned.

        Args:
            entries: current versions.
        """
        load_ids = {entry.load_id for entry in entries}
        self._change(_MANIFEST, self._entries, lambda history: forgotten(history, load_ids))

    def record_checksum(self, entry: ManifestEntry, checksum: str) -> None:
        """Write down the checksum of a partition that had none."""
        self._change(
            _MANIFEST,
            self._entries,
            lambda history: [
                replace(one, partition_sha256=checksum) if one.load_id == entry.load_id else one
                for one in history
            ],
        )

    def prunable(self, *, previous: bool = False) -> list[Prunable]:
        """The files that nothing needs.

        They are the versions before the one before the current one, those of forgotten months, versions of a stream
        that a later one has replaced, and what dead writers left a day ago or longer.

        Args:
            previous: the version before the current one, too.
        """
        history = self.history()
        by_name = {name_of(entry): entry for entry in history}
        current = [entry for entry in history if entry.superseded_at is None]
        wanted = {name_of(entry) for entry in current}
        if not previous:
            before = versions_before(history)
            wanted |= {name_of(before[one.load_id]) for one in current if one.load_id in before}
        log = StreamLog(self.storage)
        wanted |= {batch.file for batch in log.batches()}
        present = [*self.files(), *self.storage.list_files(STREAM_FOLDER)]
        files = [file for file in present if file.name not in wanted]
        if not files:
            return []
        oldest = self.storage.now() - _ORPHAN_AGE
        return [
            Prunable(file, by_name.get(file.name))
            for file in files
            if file.name in by_name or file.modified < oldest
        ]

    def prune(self, files: Sequence[Prunable]) -> None:
        """Remove files for good.

        Args:
            files: of ``prunable``.
        """
        for one in files:
            self.storage.delete(one.file.name)

    def _change(
        self,
        name: str,
        read: Callable[[bytes], list[Record]],
        change: Callable[[list[Record]], list[Record]],
    ) -> list[Record]:
        """Change a record, as `change_record` does; returns it as it was before.

        Args:
            name: of the record.
            read: makes records of its content.
            change: gives what it is to hold; the same where there is nothing to do.
        """
        before: list[Record] = []

        def write(content: bytes) -> bytes:
            before[:] = read(content)
            wanted = _written(change(list(before)))
            return content if wanted == _written(before) else wanted

        change_record(self.storage, name, write)
        return before


def _stays(present: ManifestEntry, new: ManifestEntry) -> bool:
    """Whether a current version keeps its place: the same content, or a file's where the new one is a stream's."""
    if present.key != new.key:
        return False
    return is_same_content(present, new) or (new.is_stream and not present.is_stream)


def name_of(entry: ManifestEntry) -> str:
    """The name of a version's partition under the lake's root."""
    return f"{entry.service}/file_month={entry.file_month}/{entry.load_id}.parquet"


def new_load_id() -> str:
    """A name for a version, which no other version has."""
    return secrets.token_hex(8)


def _empty_name(service: Service) -> str:
    return f"{service}/no_rows/part.parquet"


def _is_partition(file: StoredFile) -> bool:
    folder = file.name.split("/")[1:-1]
    return (
        len(folder) == 1 and folder[0].startswith("file_month=") and file.name.endswith(".parquet")
    )


def read_footer(storage: Storage, name: str) -> ManifestEntry:
    """Read the manifest entry in a partition's own footer.

    Raises:
        TaxiError: the file was not written by ingest, or is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.3 s, which a command that opens no partition need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with storage.open(name) as stream:
            metadata = pq.read_metadata(stream).metadata or {}
        return ManifestEntry.from_json(metadata[FOOTER_KEY.encode()])
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise TaxiError(
            storage.location(name),
            "the partition is damaged or was not written by taxi ingest",
            "delete it and ingest the month again",
        ) from error


def _lines(content: bytes) -> list[bytes]:
    """The lines of a record; a text may hold other line ends."""
    return [line for line in content.split(b"\n") if line.strip()]


def _written(records: Sequence[ManifestEntry] | Sequence[ZoneChange]) -> bytes:
    return "".join(record.to_json() + "\n" for record in records).encode()
