"""Trip files by name: which service and month each holds, and what an argument stands for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import FIRST_ZONE_MONTH, Service
from taxi_pipeline.settings import Settings

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, or None where the publisher does not say."""

_EXAMPLE = "yellow_tripdata_2024-01.parquet"
_FORMATS = ("parquet", "csv", "csv.gz")
_NAME = re.compile(r"(?P<service>[a-z]+)_tripdata_(?P<month>[^.]*)\.(?P<format>.+)")


@dataclass(frozen=True)
class TripFile:
    """What the name of a trip file says.

    Attributes:
        service: whose trips it holds.
        month: the first day of the month under which TLC published it.
        name: the file's name without its folder.
        format: ``parquet``, ``csv`` or ``csv.gz``.
    """

    service: Service
    month: date
    name: str
    format: str


def is_url(argument: str) -> bool:
    """Whether the argument is to be fetched rather than opened."""
    return argument.lower().startswith(("http://", "https://"))


def file_name(argument: str | Path) -> str:
    """Return the last part of a path or URL, without a URL's query."""
    if isinstance(argument, str) and is_url(argument):
        return PurePosixPath(unquote(urlsplit(argument).path)).name or argument
    return Path(argument).name


def parse(argument: str | Path) -> TripFile:
    """Read service, month and format from the name of a path or URL.

    Raises:
        TaxiError: the name is not a trip file's, or the file holds no taxi zones.
    """
    name = file_name(argument)
    match = _NAME.fullmatch(name)
    if match is None:
        raise TaxiError(
            name,
            "the name does not say which service and month it holds",
            f"name it as TLC does, such as {_EXAMPLE}",
        )
    if match["format"] not in _FORMATS:
        raise TaxiError(
            name,
            f"'.{match['format']}' is not a format that TLC trips come in",
            "use a .parquet, .csv or .csv.gz file",
        )
    service = _parse_service(name, match["service"])
    month = _parse_month(name, match["month"])
    first = FIRST_ZONE_MONTH[service]
    if month < first:
        raise TaxiError(
            name,
            f"{service.label} files before {first:%Y-%m} carry no pickup and dropoff zones",
            f"use {first:%Y-%m} or later",
        )
    return TripFile(service, month, name, match["format"])


def _parse_service(name: str, text: str) -> Service:
    if text in set(Service):
        return Service(text)
    if text == "fhvhv":
        raise TaxiError(
            name,
            "high-volume FHV trips (fhvhv) are not supported",
            "use yellow, green or fhv files",
        )
    raise TaxiError(name, f"'{text}' is not a TLC service", "use yellow, green or fhv files")


def _parse_month(name: str, text: str) -> date:
    if re.fullmatch(r"\d{4}-\d{2}", text):
        try:
            return date.fromisoformat(f"{text}-01")
        except ValueError:
            pass
    raise TaxiError(name, f"'{text}' is not a month", f"name it as TLC does, such as {_EXAMPLE}")


def expand(
    argument: str | Path, settings: Settings, progress: DownloadProgress | None = None
) -> list[Path]:
    """Turn a path, a folder or a URL into the paths of trip files.

    A folder stands for the trip files in it (not below it), by name; others are passed over.
    A URL is downloaded to ``settings.download_dir`` after its name has been checked.

    Raises:
        TaxiError: nothing is there, a folder has no trip file, or the download failed.
    """
    if isinstance(argument, str) and is_url(argument):
        return [_fetch(argument, settings, progress)]
    path = Path(argument)
    if path.is_dir():
        return _expand_folder(path)
    if not path.exists():
        raise TaxiError(str(argument), "there is no such file or folder", "check the path")
    return [path]


def _expand_folder(folder: Path) -> list[Path]:
    try:
        names = sorted(entry for entry in folder.iterdir() if entry.is_file())
    except OSError as error:
        raise TaxiError(
            str(folder), f"the folder cannot be read: {error.strerror}", "check its permissions"
        ) from error
    found = [path for path in names if _is_trip_file(path)]
    if not found:
        raise TaxiError(
            str(folder),
            "the folder holds no trip file that can be used",
            f"put files there that are named as TLC does, such as {_EXAMPLE}",
        )
    return found


def _is_trip_file(path: Path) -> bool:
    """Whether a file is meant as a trip file; one that cannot be used is refused by name later."""
    return "_tripdata_" in path.name and path.name.endswith(tuple(f".{form}" for form in _FORMATS))


def _fetch(url: str, settings: Settings, progress: DownloadProgress | None) -> Path:
    trip_file = parse(url)  # a wrong name is not worth a download
    from taxi_pipeline.download import fetch  # noqa: PLC0415 - only URLs need it

    return fetch(url, settings.download_dir / trip_file.name, progress)
