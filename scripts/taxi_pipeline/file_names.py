"""Trip files by name: which service and month each holds."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from taxi_pipeline.addresses import is_url, public_address
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service

FIRST_YEAR = 2009
"""The first year that TLC published."""


LAST_YEAR = 2099
"""A later year is a slip of the pen (2026-11-26); dates near the end of the calendar also break what adds a month."""


_FORMATS = {
    "parquet": "parquet",
    "csv": "csv",
    "csv.gz": "csv.gz",
    "zip": "csv.zip",
    "csv.zip": "csv.zip",
}


TRIP_NAME = re.compile(
    r"(?P<service>[a-z]+)_tripdata_(?P<month>[^.]*)\.(?P<format>.+)", re.IGNORECASE
)


_MONTH = re.compile(r"(\d{4})[-_]?(\d{2})", re.ASCII)


_COPY = re.compile(
    r"(?:copy of )?(?P<stem>.+?)(?: ?\(\d+\)| - copy(?: ?\(\d+\))?| copy(?: \d+)?)?(?P<rest>(?:\.[^.\s()]+)+)",
    re.IGNORECASE,
)


EXAMPLE = "yellow_tripdata_2024-01.parquet"


@dataclass(frozen=True)
class TripFile:
    """What the name of a trip file says.

    Attributes:
        service: whose trips it holds.
        month: the first day of the month under which TLC published it.
        name: the file's name without its folder.
        format: ``parquet``, ``csv``, ``csv.gz`` or ``csv.zip``.
    """

    service: Service
    month: date
    name: str
    format: str


def file_name(argument: str | Path) -> str:
    """Return the last part of a path or URL, without a URL's query and parameters: secrets stand there.

    Raises:
        TaxiError: the argument looks like a URL and is none.
    """
    if not isinstance(argument, str) or not is_url(argument):
        return Path(argument).name
    try:
        path = urlsplit(argument).path
    except ValueError as error:
        raise TaxiError(argument, "it is not a valid web address", "check it") from error
    last = PurePosixPath(path).name.partition(";")[0]
    return unquote(last) or public_address(argument)


def parse(argument: str | Path) -> TripFile:
    """Read service, month and format from the name of a path or URL.

    Upper and lower case are alike, and a month may be written 2024-01, 2024_01 or 202401.

    Raises:
        TaxiError: the name is not a trip file's.
    """
    name = file_name(argument)
    if original := original_name(name):
        raise TaxiError(
            name,
            f"by its name it is a copy of {original}",
            f"if it is the file to read, rename it to {original}",
        )
    match = TRIP_NAME.fullmatch(name)
    if match is None and name.lower().startswith("taxi_zones"):
        raise TaxiError(
            name, "it holds TLC's zone shapes, not trips", f"use `taxi zones {argument}`"
        )
    if match is None:
        raise TaxiError(
            name,
            "its name does not say which service and month it holds",
            f"if it holds one month, name it as TLC does, such as {_likely_name(name)}; "
            "if it holds several, split it by the month of the pickup first",
        )
    form = _FORMATS.get(match["format"].lower())
    if form is None:
        raise TaxiError(
            name,
            f"'.{match['format']}' is not a format that trips are read from",
            "use a .parquet, .csv, .csv.gz or .zip file",
        )
    return TripFile(
        _parse_service(name, match["service"].lower()),
        _parse_month(name, match["month"]),
        name,
        form,
    )


def copied_name(name: str) -> str | None:
    """The name of the file that this name is a copy of, as browsers and desktops name copies."""
    match = _COPY.fullmatch(name)
    original = match["stem"] + match["rest"] if match else name
    return original if original != name else None


def original_name(name: str) -> str | None:
    """The name of the trip file that this name is a copy of."""
    original = copied_name(name)
    return original if original and TRIP_NAME.fullmatch(original) else None


def _likely_name(name: str) -> str:
    """An example of a good name that is as near to this one as can be."""
    lowered = name.lower()
    service = next((word for word in ("green", "fhvhv", "fhv") if word in lowered), "yellow")
    year = re.search(r"20\d\d", name)
    form = next((form for form in ("csv.gz", "csv", "zip") if lowered.endswith(form)), "parquet")
    return f"{service}_tripdata_{year[0] if year else 2024}-01.{form}"


def _parse_service(name: str, text: str) -> Service:
    if text in set(Service):
        return Service(text)
    raise TaxiError(name, f"'{text}' is not a TLC service", "use yellow, green, fhv or fhvhv files")


def _parse_month(name: str, text: str) -> date:
    match = _MONTH.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= 12:
        raise TaxiError(name, f"'{text}' is not a month", f"name it as TLC does, such as {EXAMPLE}")
    if not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise TaxiError(
            name,
            f"there is no TLC file of the year {match[1]}",
            f"name it by a month from {FIRST_YEAR}-01 on, such as {EXAMPLE}",
        )
    return date(int(match[1]), int(match[2]), 1)
