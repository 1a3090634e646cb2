"""Moves a lake of before 2026-11-27 to the present layout: names change, no row is read or written.

It held the current version of a month as ``<service>/file_month=.../part.parquet``, replaced in place, and the one
before as ``previous/<service>/file_month=.../<load_id>.parquet``. Only folders can have it. A process that dies in the
middle leaves the rest to the next one.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.manifest import ManifestEntry
from taxi_pipeline.lake.storage import FolderStorage, Storage, hash_file
from taxi_pipeline.schemas import Service

_PART = "part.parquet"
_PREVIOUS = "previous"


def has_older_layout(storage: Storage) -> bool:
    """Whether a lake has partitions in the earlier layout."""
    return isinstance(storage, FolderStorage) and (
        (Path(storage.url) / _PREVIOUS).exists() or bool(_parts(storage))
    )


def _parts(storage: Storage) -> list[Path]:
    root = Path(storage.url)
    return [
        part
        for service in Service
        for part in sorted((root / service).glob(f"file_month=*/{_PART}"))
    ]


def migrate(
    storage: Storage,
    history: Sequence[ManifestEntry],
    read_footer: Callable[[Storage, str], ManifestEntry],
    name_of: Callable[[ManifestEntry], str],
) -> list[ManifestEntry]:
    """Give every partition the name of its version.

    Args:
        storage: a folder.
        history: the manifest; a month's current version is its last.
        read_footer: reads the entry in a partition's footer.
        name_of: the name of a version's partition.

    Returns:
        The versions that the manifest lacks, because their writer died, or it is lost; the earlier ones first.
    """
    root = Path(storage.url)
    found = []
    known = {entry.load_id for entry in history}
    with FileLock(root / ".migration.lock"):
        kept = sorted((root / _PREVIOUS).glob("*/file_month=*/*.parquet"))
        for path in (*kept, *_parts(storage)):
            name = path.relative_to(root).as_posix()
            try:
                entry = read_footer(storage, name)
            except TaxiError:  # a damaged one keeps its month, so that it is named
                month = path.parent.name.removeprefix("file_month=")
                key = (Service(path.parent.parent.name).label, month)
                current = [one for one in history if one.key == key and one.superseded_at is None]
                if path.name != _PART or not current:
                    path.unlink(missing_ok=True)
                    continue
                entry = current[-1]
            target = root / name_of(entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            if entry.load_id not in known:
                found.append(replace(entry, partition_sha256=hash_file(path)))
            path.replace(target)
        for folder in sorted((root / _PREVIOUS).rglob("*"), reverse=True):
            with suppress(OSError):
                folder.rmdir() if folder.is_dir() else folder.unlink()
        with suppress(OSError):
            (root / _PREVIOUS).rmdir()
    (root / ".migration.lock").unlink(missing_ok=True)
    return found
