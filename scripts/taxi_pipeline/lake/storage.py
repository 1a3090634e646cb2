"""Where the lake's files are kept: a folder or a bucket, behind the few operations that both do safely.

A file that has been created never changes. The two records of the lake change by compare-and-swap: a writer says
which version it has read, and is refused if another one has written since.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

import duckdb
from filelock import FileLock

from taxi_pipeline.atomic import writing_to
from taxi_pipeline.lake.liveness import is_abandoned, temp_tag

DRAFT_PREFIX = ".part-"
_LOCK = ".lock"
_DRAFTS = ".drafts"
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
Tell = Callable[[str], None]


class ChangedError(Exception):
    """Another writer has changed the record since it was read."""


@dataclass(frozen=True)
class StoredFile:
    """What a storage says of a file without opening it.

    Attributes:
        name: its path below the storage's root, parts separated by ``/``.
        size: in bytes.
        version: differs from any earlier one of the same name whenever somebody has written the file.
        modified: by the storage's own clock.
    """

    name: str
    size: int
    version: str
    modified: datetime


class Storage(Protocol):
    """Files under one root."""

    @property
    def url(self) -> str:
        """The root: the path of a folder, or an address such as ``s3://bucket/lake``."""

    def location(self, name: str) -> str:
        """Where an engine reads a file: a path or an address."""

    def connect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let an engine read from locations."""

    def exists(self) -> bool:
        """Whether there is anything under the root."""

    def state(self, name: str) -> StoredFile | None:
        """What is known of a file; None where there is none."""

    def list_files(self, folder: str) -> list[StoredFile]:
        """The files below a folder, sorted by name; drafts and temporaries are left out."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read."""

    def read(self, name: str) -> tuple[bytes, str | None]:
        """Content and version of a record; nothing and None where there is none."""

    def swap(self, name: str, content: bytes, version: str | None) -> None:
        """Write a record if its version still is this one; None: if there is none.

        Raises:
            ChangedError: it is not.
        """

    def draft(self) -> Path:
        """A new local name to write a file under before it is created."""

    def create(self, name: str, draft: Path, tell: Tell | None = None) -> None:
        """Make a draft a file, which appears whole or not at all; the draft is gone afterwards.

        Raises:
            FileExistsError: there is a file of this name.
        """

    def overwrite(self, name: str, draft: Path) -> None:
        """As `create`, in place of a file if there is one: for what every writer writes alike."""

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""

    def checksum(self, name: str) -> str:
        """SHA-256 of a file, in hex."""

    def clean(self) -> None:
        """Remove the drafts of processes that are gone."""

    def now(self) -> datetime:
        """The time by the storage's own clock, which may differ from that of this machine."""


class FolderStorage:
    """A folder of this machine, or of a file server that it has mounted.

    Args:
        root: the folder; made by the first writer.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._drafts = root / _DRAFTS

    @property
    def url(self) -> str:
        """As of `Storage`."""
        return str(self._root)

    def _path(self, name: str) -> Path:
        return self._root / name

    def location(self, name: str) -> str:
        """As of `Storage`."""
        return str(self._path(name))

    def connect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """As of `Storage`; an engine reads paths by itself."""

    def exists(self) -> bool:
        """As of `Storage`."""
        return self._root.exists()

    def state(self, name: str) -> StoredFile | None:
        """As of `Storage`."""
        return _state_of(self._path(name), name)

    def list_files(self, folder: str) -> list[StoredFile]:
        """As of `Storage`."""
        names = sorted(
            path.relative_to(self._root).as_posix()
            for path in self._path(folder).rglob("*")
            if not path.name.startswith(".") and path.is_file()
        )
        return [state for name in names if (state := self.state(name)) is not None]

    def open(self, name: str) -> IO[bytes]:
        """As of `Storage`."""
        return self._path(name).open("rb")

    def read(self, name: str) -> tuple[bytes, str | None]:
        """As of `Storage`."""
        try:
            with self.open(name) as stream:
                version = _version(os.fstat(stream.fileno()))
                return stream.read(), version
        except FileNotFoundError:
            return b"", None

    def swap(self, name: str, content: bytes, version: str | None) -> None:
        """As of `Storage`."""
        path = self._path(name)
        with writing_to(path), self._locked():
            present = self.state(name)
            if (present.version if present else None) != version:
                raise ChangedError(name)
            draft = self.draft()
            try:
                with draft.open("wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

    def draft(self) -> Path:
        """As of `Storage`: beside the files, on the same file system, so that a change of name makes it a file."""
        self._drafts.mkdir(parents=True, exist_ok=True)
        return self._drafts / f"{DRAFT_PREFIX}{temp_tag(self._drafts)}.tmp"

    def create(self, name: str, draft: Path, tell: Tell | None = None) -> None:
        """As of `Storage`."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        sync(draft)
        with self._locked():
            if path.exists():
                raise FileExistsError(errno.EEXIST, "the file exists", str(path))
            draft.replace(path)
        sync(path.parent, tell)

    def overwrite(self, name: str, draft: Path) -> None:
        """As of `Storage`."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        sync(draft)
        draft.replace(path)

    def delete(self, name: str) -> None:
        """As of `Storage`; a folder that is empty then goes, too."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # other versions, or somebody else's files
            path.parent.rmdir()

    def checksum(self, name: str) -> str:
        """As of `Storage`; the file is read each time, since a disk may change what it holds."""
        return hash_file(self._path(name))

    def clean(self) -> None:
        """As of `Storage`."""
        for draft in self._drafts.glob(f"{DRAFT_PREFIX}*"):
            if is_abandoned(draft, DRAFT_PREFIX, self._drafts):
                draft.unlink(missing_ok=True)

    def now(self) -> datetime:
        """As of `Storage`."""
        draft = self.draft()
        draft.touch()
        try:
            return _modified(draft.stat())
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with FileLock(self._root / _LOCK):
            yield


def _state_of(path: Path, name: str) -> StoredFile | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return StoredFile(name, state.st_size, _version(state), _modified(state))


def _version(state: os.stat_result) -> str:
    # The time of the last change of the inode cannot be set by a program: a file restored from a backup is a new one.
    return f"{state.st_ino}-{state.st_size}-{state.st_mtime_ns}-{state.st_ctime_ns}"


def _modified(state: os.stat_result) -> datetime:
    return datetime.fromtimestamp(state.st_mtime, UTC)


def hash_file(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path, tell: Tell | None = None) -> None:
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
