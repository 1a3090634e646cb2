"""A lake in a bucket of S3 or Google Cloud Storage; credentials come from where the vendors' clients look."""

import hashlib
import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import duckdb

from taxi_pipeline.atomic import write_text
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.liveness import is_abandoned, temp_tag
from taxi_pipeline.lake.storage import (
    DRAFT_PREFIX,
    ChangedError,
    StoredFile,
    Tell,
    hash_file,
)

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs"}
"""What reads a bucket, by the scheme of its address; each is an extra of this project of the scheme's name."""

_MEMORY = "lake_checksums.json"


class BucketStorage:
    """Objects under a prefix of a bucket.

    Args:
        url: such as ``s3://bucket/lake``.
        data_dir: a local folder for drafts, and for what is known of objects that were read in full.
    """

    def __init__(self, url: str, data_dir: Path) -> None:
        self._url = url.rstrip("/")
        scheme, _, path = self._url.partition("://")
        self._scheme = scheme
        self._bucket, _, self._prefix = path.partition("/")
        self._data_dir = data_dir
        self._drafts = data_dir / "tmp"
        self._files: AbstractFileSystem | None = None

    @property
    def url(self) -> str:
        """As of `Storage`."""
        return self._url

    @property
    def _fs(self) -> "AbstractFileSystem":
        if self._files is None:
            self._files = open_filesystem(self._scheme)
        return self._files

    def _path(self, name: str) -> str:
        return "/".join(part for part in (self._bucket, self._prefix, name) if part)

    def location(self, name: str) -> str:
        """As of `Storage`."""
        return f"{self._scheme}://{self._path(name)}"

    def connect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """As of `Storage`."""
        connection.register_filesystem(self._fs)

    def exists(self) -> bool:
        """As of `Storage`."""
        return bool(self.list_files(""))

    def state(self, name: str) -> StoredFile | None:
        """As of `Storage`."""
        with self._faults_named(name):
            try:
                return self._stored(self._fs.info(self._path(name)))
            except FileNotFoundError:
                return None

    def list_files(self, folder: str) -> list[StoredFile]:
        """As of `Storage`."""
        with self._faults_named(folder):
            try:
                found = self._fs.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return []
        return sorted(map(self._stored, found.values()), key=lambda stored: stored.name)

    def _stored(self, info: dict[str, Any]) -> StoredFile:
        root = self._path("")
        modified = info.get("LastModified") or info["mtime"]
        version = info.get("ETag") or info["generation"]
        return StoredFile(
            str(info["name"]).removeprefix(f"{root}/"), int(info["size"]), str(version), modified
        )

    def open(self, name: str) -> IO[bytes]:
        """As of `Storage`."""
        with self._faults_named(name):
            stream: IO[bytes] = self._fs.open(self._path(name), "rb")
            return stream

    def read(self, name: str) -> tuple[bytes, str | None]:
        """As of `Storage`; read again if somebody has written meanwhile."""
        while True:
            before = self.state(name)
            if before is None:
                return b"", None
            with self._faults_named(name), suppress(FileNotFoundError):
                content: bytes = self._fs.cat_file(self._path(name))
                after = self.state(name)
                if after is not None and after.version == before.version:
                    return content, after.version

    def swap(self, name: str, content: bytes, version: str | None) -> None:
        """As of `Storage`."""
        with self._faults_named(name):
            if self._scheme == "gs":
                self._swap_on_google(name, content, version)
            else:
                self._swap_on_s3(name, content, version)

    def _swap_on_s3(self, name: str, content: bytes, version: str | None) -> None:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            self._fs.pipe_file(self._path(name), content, **condition)
        except OSError as error:
            if "PreconditionFailed" in str(error.__cause__) or "ConditionalRequestConflict" in str(
                error.__cause__
            ):
                raise ChangedError(name) from error
            raise

    def _swap_on_google(self, name: str, content: bytes, version: str | None) -> None:
        from google.api_core.exceptions import PreconditionFailed  # noqa: PLC0415 - 0.5 s, for one vendor
        from google.cloud import storage  # noqa: PLC0415

        # gcsfs writes on the condition that there is no object, and on no other.
        blob = (
            storage.Client().bucket(self._bucket).blob("/".join((self._prefix, name)).lstrip("/"))
        )
        try:
            blob.upload_from_string(content, if_generation_match=int(version or 0))
        except PreconditionFailed as error:
            raise ChangedError(name) from error

    def draft(self) -> Path:
        """As of `Storage`."""
        self._drafts.mkdir(parents=True, exist_ok=True)
        return self._drafts / f"{DRAFT_PREFIX}{temp_tag(self._data_dir)}.tmp"

    def create(self, name: str, draft: Path, tell: Tell | None = None) -> None:
        """As of `Storage`."""
        del tell
        checksum = hash_file(draft)
        with self._faults_named(name):
            try:
                self._fs.put_file(str(draft), self._path(name), mode="create")
            except (
                FileExistsError
            ):  # ours, if the first answer was lost and the client has tried again
                if self.checksum(name) != checksum:
                    raise
        draft.unlink()
        if (state := self.state(name)) is not None:
            self._remember(state, checksum)

    def overwrite(self, name: str, draft: Path) -> None:
        """As of `Storage`."""
        with self._faults_named(name):
            self._fs.put_file(str(draft), self._path(name))
        draft.unlink()

    def delete(self, name: str) -> None:
        """As of `Storage`."""
        with self._faults_named(name), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def checksum(self, name: str) -> str:
        """As of `Storage`; an object is read once, since a bucket gives every change another version."""
        state = self.state(name)
        if state is None:
            raise FileNotFoundError(self.location(name))
        known = self._memory().get(name)
        if known is not None and known[0] == state.version:
            return known[1]
        with self._faults_named(name), self.open(name) as stream:
            digest = hashlib.sha256()
            while piece := stream.read(1 << 22):
                digest.update(piece)
        self._remember(state, digest.hexdigest())
        return digest.hexdigest()

    def clean(self) -> None:
        """As of `Storage`."""
        for draft in self._drafts.glob(f"{DRAFT_PREFIX}*"):
            if is_abandoned(draft, DRAFT_PREFIX, self._data_dir):
                draft.unlink(missing_ok=True)

    def now(self) -> datetime:
        """As of `Storage`."""
        name = f".clock-{temp_tag(self._data_dir)}"
        with self._faults_named(name):
            self._fs.pipe_file(self._path(name), b"")
            state = self.state(name)
            self.delete(name)
        return state.modified if state is not None else datetime.now(UTC)

    def _memory(self) -> dict[str, list[str]]:
        try:
            kept = json.loads((self._data_dir / _MEMORY).read_bytes())
            return dict(kept["files"]) if kept["url"] == self._url else {}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def _remember(self, state: StoredFile, checksum: str) -> None:
        kept = {**self._memory(), state.name: [state.version, checksum]}
        with suppress(OSError):  # without it the object is read again, and that is all
            write_text(self._data_dir / _MEMORY, json.dumps({"url": self._url, "files": kept}))

    @contextmanager
    def _faults_named(self, name: str) -> Iterator[None]:
        """Turn faults of a client into one that names the object and a way out.

        Raises:
            TaxiError: the bucket cannot be read or written.
        """
        try:
            yield
        except (FileNotFoundError, FileExistsError, ChangedError, TaxiError):
            raise
        except Exception as error:  # each client has kinds of its own
            subject = self.location(name) if name else self._url
            detail = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
            if isinstance(error, PermissionError):
                raise TaxiError(
                    subject, f"access is denied ({detail})", "check the credentials and the role"
                ) from error
            raise TaxiError(
                subject,
                f"the bucket cannot be reached ({detail})",
                "check TAXI_LAKE_URL, the network and the credentials, and run it again",
            ) from error


def open_filesystem(scheme: str) -> "AbstractFileSystem":
    """Open the buckets of a vendor; its settings come from the environment (``AWS_*``, ``GOOGLE_*``, ``FSSPEC_*``).

    Args:
        scheme: ``s3`` or ``gs``.

    Raises:
        TaxiError: the package for it is not installed.
    """
    try:
        import fsspec  # noqa: PLC0415 - 0.1 s, for a lake in a bucket only

        importlib.import_module(_PACKAGES[scheme])
    except ImportError as error:
        raise TaxiError(
            f"TAXI_LAKE_URL={scheme}://...",
            f"{error.name or _PACKAGES[scheme]} is not installed",
            f"install it: `pip install --constraint constraints.txt --editable '.[{scheme}]'`",
        ) from error
    files: AbstractFileSystem = fsspec.filesystem(scheme, use_listings_cache=False)
    return files
