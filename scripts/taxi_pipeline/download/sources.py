"""Where the publishers keep their files, which months there are, and what a refusal means."""

import re
from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from taxi_pipeline.addresses import has_scheme, public_address
from taxi_pipeline.errors import NotPublishedError, TaxiError
from taxi_pipeline.file_names import FIRST_YEAR, TripFile, file_name, parse
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed

TLC = "tlc"
"""The name of the official publisher."""

SOURCES: dict[str, str] = {
    TLC: "https://d37ci6vzurychx.cloudfront.net/trip-data/{service}_tripdata_{month}.parquet",
    "datatalks": "https://github.com/DataTalksClub/nyc-tlc-data/releases/download/{service}/"
    "{service}_tripdata_{month}.csv.gz",
}
"""Address of a month by the name of its publisher. The two differ in content."""


PUBLISHED_AFTER_MONTHS = 4
"""A month is out by then (2026-11-26): TLC publishes about two months late."""


class Month(NamedTuple):
    """One file of a publisher: whose trips, and the first day of their month."""

    service: Service
    first: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``yellow:2024-01``.

        Raises:
            TaxiError: it names no service, no month, or more than one.
        """
        service, colon, month = text.partition(":")
        if not colon:
            raise TaxiError(f"month '{text}'", "it names no service", "write it as yellow:2024-01")
        _require_service(service)
        months = parse_months(month)
        if len(months) > 1:
            raise TaxiError(
                f"month '{text}'", "it is more than one month", "use --months and --services"
            )
        return cls(Service(service), months[0])

    def __str__(self) -> str:
        return f"{self.service}:{self.first:%Y-%m}"


_FOLDER = SOURCES[TLC].rpartition("/")[0]


_MONTH = re.compile(r"(?P<year>20\d\d)(?:-(?P<month>0[1-9]|1[0-2]))?", re.ASCII)


def parse_months(text: str) -> list[date]:
    """Read which months are meant.

    Args:
        text: months and years, single (``2024-01``, ``2024``), as a span with both ends included
            (``2024-01..2024-03``), or several of these with commas between them.

    Returns:
        The first day of each month, in order, each once.

    Raises:
        TaxiError: the text is none of these, a span runs backwards, or a month lies before 2009,
            the first year that TLC published.
    """
    months: set[date] = set()
    for item in text.split(","):
        ends = [_parse_end(end.strip(), text) for end in item.split("..")]
        if len(ends) > 2:
            raise _months_error(text, f"'{item.strip()}' has more than two ends")
        first, last = ends[0][0], ends[-1][1]
        if first > last:
            raise _months_error(text, f"'{item.strip()}' runs backwards")
        months.update(
            date(number // 12, number % 12 + 1, 1)
            for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        )
    return sorted(months)


def _parse_end(end: str, text: str) -> tuple[date, date]:
    """First and last month of one end of a span: the same month, or January and December."""
    match = _MONTH.fullmatch(end)
    if not match:
        raise _months_error(text, f"'{end}' is no month and no year")
    year = int(match["year"])
    if year < FIRST_YEAR:
        raise _months_error(text, f"TLC's files begin with January {FIRST_YEAR}")
    month = match["month"]
    return date(year, int(month or 1), 1), date(year, int(month or 12), 1)


def _months_error(text: str, reason: str) -> TaxiError:
    return TaxiError(
        f"months '{text}'",
        reason,
        "write for example 2024-01, 2024-01..2024-03, 2024-01,2024-03 or 2024",
    )


def parse_files(services: str, months: Sequence[date]) -> list[Month]:
    """Read for which services files are wanted: names with commas between them, or ``all``.

    ``all`` leaves out months from before a service's first file, by the seed ``published_trip_counts``.

    Raises:
        TaxiError: there is no such service.
    """
    if services == "all":
        first: dict[Service, date] = {}
        for row in read_seed("published_trip_counts"):
            service, month = (
                Service(row["service_type"]),
                date.fromisoformat(row["file_month"][:7] + "-01"),
            )
            first[service] = min(month, first.get(service, month))
        return [
            Month(service, month)
            for service in Service
            for month in months
            if month >= first[service]
        ]
    names = services.split(",")
    for name in names:
        _require_service(name)
    return [Month(Service(name), month) for name in names for month in months]


def _require_service(name: str) -> None:
    if name not in set(Service):
        raise TaxiError(
            f"service '{name}'", "there is no such service", f"use {', '.join(Service)}, or all"
        )


def month_url(service: Service, month: date, source: str) -> str:
    """Give the address of a month's file.

    Args:
        service: which trips.
        month: any day of the month.
        source: a name in ``SOURCES``, or the address of a folder with files named as TLC names
            them, ``<service>_tripdata_YYYY-MM.parquet``.

    Raises:
        TaxiError: the source is neither.
    """
    values = {"service": service.value, "month": f"{month:%Y-%m}"}
    if source in SOURCES:
        return SOURCES[source].format(**values)
    _check_base_url(source)
    return source.rstrip("/") + "/{service}_tripdata_{month}.parquet".format(**values)


def source_folder(source: str) -> str:
    """Name the folder for a source's files: the source's name, or its host and path.

    Raises:
        TaxiError: the source is neither a name in ``SOURCES`` nor the address of a folder.
    """
    if source in SOURCES:
        return source
    _check_base_url(source)
    return re.sub(r"[^A-Za-z0-9.-]+", "_", source.split("://", 1)[1].rstrip("/"))


def _check_base_url(source: str) -> None:
    try:
        parts = urlsplit(source)
        usable = bool(parts.hostname) and parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        usable = False
    remedy = f"use {', '.join(SOURCES)}, or an address such as https://example.org/trip-data"
    if not usable:
        shown = public_address(source) if has_scheme(source) else source
        raise TaxiError(f"source {shown!r}", "is neither a known source nor a web address", remedy)
    if "@" in parts.netloc or ";" in parts.path or parts.query or parts.fragment:
        # They would end up in names of files; a password belongs in ~/.netrc.
        raise TaxiError(
            f"source at {parts.hostname}",
            "its address has a user, a parameter, a query or a fragment",
            remedy,
        )


def refusal(url: str, status: int, today: date) -> TaxiError:
    """Say what a 403 or 404 means: TLC's server gives a 403 for a file that is not there.

    Args:
        url: what was asked for.
        status: 403 or 404.
        today: the day on which it was.

    Returns:
        A ``NotPublishedError`` where the month may still come, which is worth waiting for; else a ``TaxiError``.
    """
    host = (urlsplit(url).hostname or "").lower()
    try:
        trip_file = parse(url)
    except TaxiError:
        trip_file = None
    name = trip_file.name if trip_file else file_name(url)
    if host.endswith("amazonaws.com") and "nyc-tlc" in url:
        return TaxiError(
            name,
            f"this is TLC's old S3 bucket, which is closed (the server answers {status})",
            f"TLC's files are at {_FOLDER} now: `taxi download SERVICE MONTH` fetches them",
        )
    if trip_file is not None and not _is_closed_series(url) and is_awaited(trip_file.month, today):
        as_tlc = ", as TLC's does for such a month" if status == HTTPStatus.FORBIDDEN else ""
        return NotPublishedError(
            name,
            f"not published yet (the server answers {status}{as_tlc})",
            "try again later, months appear about two months late",
        )
    if status == HTTPStatus.NOT_FOUND:
        return TaxiError(
            name,
            f"not found at {public_address(url)} (the server answers 404)",
            "check that this source has the service and the month",
        )
    if trip_file is None:
        return TaxiError(
            name, "the server refuses it (403)", f"check the address {public_address(url)}"
        )
    return TaxiError(
        name, *_refusal_of_old_month(trip_file, is_official=host == urlsplit(_FOLDER).hostname)
    )


def is_awaited(month: date, today: date) -> bool:
    """Whether a month that a publisher does not have may still come."""
    months = 12 * (today.year - month.year) + today.month - month.month
    return months < PUBLISHED_AFTER_MONTHS


def _is_closed_series(url: str) -> bool:
    """Whether no month is added any more: DataTalksClub's copy ends with 2021."""
    return url.startswith(SOURCES["datatalks"].partition("{")[0])


def _refusal_of_old_month(trip_file: TripFile, *, is_official: bool) -> tuple[str, str]:
    service, month = trip_file.service, f"{trip_file.month:%Y-%m}"
    if is_official:
        return (
            f"the server refuses it (403), and a month as old as {month} is published or never will be",
            "check the service and the month (Parquet files begin with yellow 2009-01, green 2014-01, fhv 2015-01, "
            "fhvhv 2019-02), and whether your network may reach the server",
        )
    return (
        f"the server refuses it (403), though {month} has long been published: "
        "the address is closed, or the file is not there",
        f"TLC's files are at {_FOLDER} now: `taxi download {service.value} {month}` fetches it",
    )
