"""How large files are that are to be downloaded, and whether the disk has room for them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from taxi_pipeline.download.asking import ask
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.texts import plural


@dataclass(frozen=True)
class Sizes:
    """What is to be transferred.

    Attributes:
        files: how many files are not in the folder yet.
        known_bytes: what the server says that they take, those of unknown size left out.
        unknown: files whose size it does not say; those that are not published are among them.
        free_bytes: of the folder's disk.
    """

    files: int
    known_bytes: int
    unknown: int
    free_bytes: int

    def __str__(self) -> str:
        sizes = [_gigabytes(self.known_bytes)] if self.unknown < self.files else []
        sizes += [f"{self.unknown} of unknown size"] if self.unknown else []
        return (
            f"{plural(self.files, 'file')} to download: {', and '.join(sizes)}; "
            f"{_gigabytes(self.free_bytes)} are free."
        )


def measure(targets: Sequence[tuple[str, Path]]) -> Sizes:
    """Ask the server for the sizes of the files that are not there yet; a fault is a size that is not known.

    Args:
        targets: address and destination of each file, all in one folder.
    """
    missing = [(url, path) for url, path in targets if not path.exists()]
    origins = [reply.origin for reply in ask([url for url, _ in missing])]
    sizes = [None if origin is None else origin.length for origin in origins]
    held = sum(part.stat().st_size for _, path in missing if (part := _part(path)).exists())
    known = [size for size in sizes if size is not None]
    folder = targets[0][1].parent
    free = shutil.disk_usage(
        next(place for place in (folder, *folder.parents) if place.exists())
    ).free
    return Sizes(len(missing), max(0, sum(known) - held), len(sizes) - len(known), free)


def require_room(sizes: Sizes, folder: Path) -> None:
    """Refuse a download that the disk has no room for.

    Raises:
        TaxiError: it has not.
    """
    if sizes.known_bytes > sizes.free_bytes:
        raise TaxiError(
            str(folder),
            f"the files take {_gigabytes(sizes.known_bytes)}, and {_gigabytes(sizes.free_bytes)} are free",
            "free some space, set TAXI_DATA_DIR to a folder on another disk, or ask for fewer months",
        )


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"
