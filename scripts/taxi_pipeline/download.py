"""Fetch trip files from their publisher: a file is there complete, or it is not there.

Beside a file ``x`` lie ``x.origin.json`` (what the server said about it, to see later whether it
was republished) and, while a transfer is under way or interrupted, ``x.part``, ``x.part.json``.
"""

import errno
import json
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service

Progress = Callable[[int, int | None], None]
"""Called with the bytes on disk so far and the size of the whole file, None where it is unknown."""

SOURCES: dict[str, str] = {
    "tlc": "https://d37ci6vzurychx.cloudfront.net/trip-data/{service}_tripdata_{month}.parquet",
    "datatalks": "https://github.com/DataTalksClub/nyc-tlc-data/releases/download/{service}/"
    "{service}_tripdata_{month}.csv.gz",
}
"""Address of a month by the name of its publisher. The two differ in content."""

TIMEOUT_SECONDS = (10.0, 60.0)
"""How long to wait for a connection, and then for the next bytes."""

MAX_WAIT_SECONDS = 300.0
"""The longest pause between two attempts; a server that asks for more ends the download."""

_CHUNK_BYTES = 64 * 1024
_FIRST_YEAR = 2009
_MONTH = re.compile(r"(?P<year>20\d\d)(?:-(?P<month>0[1-9]|1[0-2]))?", re.ASCII)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MonthDownload:
    """What became of one month: either ``path`` or ``error`` is set.

    Attributes:
        month: the first day of the month.
        path: the complete file.
        error: why there is none, or why the copy at hand could not be compared with the server's.
    """

    month: date
    path: Path | None = None
    error: TaxiError | None = None


@dataclass(frozen=True)
class DownloadReport:
    """What became of the months asked for, in that order, each of them once."""

    months: tuple[MonthDownload, ...]

    @property
    def paths(self) -> list[Path]:
        """The files that are complete and up to date."""
        return [month.path for month in self.months if month.path]

    @property
    def errors(self) -> list[TaxiError]:
        """One error for each month that failed."""
        return [month.error for month in self.months if month.error]

    @property
    def exit_code(self) -> int:
        """0 if every month is there, else 2."""
        return TaxiError.exit_code if self.errors else 0


@dataclass(frozen=True)
class _Origin:
    """What a server said about a file: enough to see whether it is still the same one."""

    url: str
    etag: str | None
    last_modified: str | None
    length: int | None

    @classmethod
    def of(cls, response: requests.Response, url: str, length: int | None) -> "_Origin":
        headers = response.headers
        return cls(url, headers.get("ETag"), headers.get("Last-Modified"), length)

    @classmethod
    def load(cls, path: Path, url: str) -> "_Origin | None":
        """Read what was remembered of ``url``; None if nothing usable was."""
        try:
            origin = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return origin if origin.url == url else None

    def save(self, path: Path) -> None:
        draft = path.with_name(path.name + ".tmp")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        draft.replace(path)

    @property
    def strong_validator(self) -> str | None:
        """What may stand in ``If-Range``: a weak ETag does not promise the same bytes."""
        weak = self.etag is None or self.etag.startswith("W/")
        return self.last_modified if weak else self.etag

    def contradicts(self, other: "_Origin") -> bool:
        """Tell whether the two cannot be the same file."""
        pairs = (
            (self.etag, other.etag),
            (self.last_modified, other.last_modified),
            (self.length, other.length),
        )
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    def matches(self, other: "_Origin") -> bool:
        """Tell whether the two are surely the same file."""
        if self.contradicts(other):
            return False
        if self.etag and other.etag:
            return True
        return bool(self.last_modified and other.last_modified and self.length and other.length)


class _TransientError(Exception):
    """A fault that may be gone at the next attempt, in ``wait_seconds`` if the server says so."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        self.reason = reason
        self.wait_seconds = wait_seconds
        super().__init__(reason)


class _Transfer:
    """One file on its way: the address, the four paths, and one attempt to complete it."""

    def __init__(self, url: str, destination: Path, progress: Progress | None) -> None:
        self.url = url
        self.destination = destination
        self.progress: Progress = progress or (lambda done, total: None)
        self.origin_path = destination.with_name(destination.name + ".origin.json")
        self.part = destination.with_name(destination.name + ".part")
        self.part_origin_path = destination.with_name(destination.name + ".part.json")

    def part_size(self) -> int:
        """Bytes of an unfinished transfer on disk."""
        return self.part.stat().st_size if self.part.exists() else 0

    def error(self, reason: str, remedy: str) -> TaxiError:
        """Make an error about this file; if a complete copy is at hand, the remedy is to use it."""
        if self.destination.exists():
            remedy = f"ingest the local copy at {self.destination}, or {remedy}"
        return TaxiError(self.destination.name, reason, remedy)

    def attempt(self, session: requests.Session) -> None:
        """Ask once, for no more than is missing, and complete the destination.

        Raises:
            _TransientError: worth another attempt; what came so far is in the part.
            TaxiError: not worth another attempt.
            OSError: the local disk refused.
        """
        offset = self.part_size()
        started = _Origin.load(self.part_origin_path, self.url) if offset else None
        if started and started.length == offset:  # killed between the last byte and the name
            self._revalidate(session, started, publish=True)
        elif started and started.strong_validator and offset < (started.length or 0):
            self._resume(session, started, offset, started.strong_validator)
        elif held := self._held():
            self._revalidate(session, held, publish=False)
        else:
            with self._get(session) as response:
                self._receive_whole(response)

    def _held(self) -> _Origin | None:
        """Look up what is known of the destination, if it has the length that it should have."""
        held = _Origin.load(self.origin_path, self.url)
        if held and self.destination.exists() and self.destination.stat().st_size == held.length:
            return held
        return None

    def _revalidate(self, session: requests.Session, known: _Origin, *, publish: bool) -> None:
        """Keep the complete copy if the server still has the same file, else receive the new one.

        Without an ETag the headers of the answer decide and its body is left unread: to
        ``If-Modified-Since`` a server says "not modified" of a file that an older one replaced.
        """
        with self._get(
            session, **({"If-None-Match": known.etag} if known.etag else {})
        ) as response:
            if response.status_code == HTTPStatus.NOT_MODIFIED or (
                response.status_code == HTTPStatus.OK
                and known.matches(_Origin.of(response, self.url, _content_length(response)))
            ):
                if publish:
                    self._publish()
                self.progress(known.length or 0, known.length)
            else:
                self._receive_whole(response)

    def _resume(
        self, session: requests.Session, started: _Origin, offset: int, validator: str
    ) -> None:
        """Receive what is missing from the part, or all of it if the file changed meanwhile."""
        headers = {"Range": f"bytes={offset}-", "If-Range": validator}
        with self._get(session, **headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._discard_part("the server has no such range of the file any more")
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                self._receive_whole(response)
                return
            content_range = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            first, last, length = map(int, content_range.groups()) if content_range else (0, 0, 0)
            now = _Origin.of(response, self.url, length)
            if (first, last) != (offset, length - 1) or started.contradicts(now):
                self._discard_part("the server sent another range or another file than asked for")
            if _content_length(response) not in (None, length - offset):
                self._discard_part("the server contradicts itself about the length")
            self._receive(response, started, offset)

    def _get(self, session: requests.Session, **headers: str) -> requests.Response:
        """Send the request; faults that may pass and answers that may change are transient."""
        # The bytes as they are published: neither packed for the way nor unpacked, a .gz stays one.
        headers["Accept-Encoding"] = "identity"
        try:
            response = session.get(self.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
        except (requests.ConnectionError, requests.Timeout) as fault:
            raise _TransientError(f"cannot reach the server ({_innermost(fault)})") from fault
        except requests.RequestException as fault:
            raise self.error(
                f"cannot be fetched ({fault})", f"check the address {self.url}"
            ) from fault
        status = response.status_code
        if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or (
            status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            with response:
                raise _TransientError(f"the server answers {status}", _retry_after(response))
        return response

    def _receive_whole(self, response: requests.Response) -> None:
        """Receive the file from its first byte, or say why the server does not give it."""
        status = response.status_code
        if status == HTTPStatus.FORBIDDEN:
            raise self.error(
                "not published yet (the server answers 403, as TLC's does for such a month)",
                "try again later, months appear about two months late",
            )
        if status == HTTPStatus.NOT_FOUND:
            raise self.error(
                f"not found at {self.url} (the server answers 404)",
                "check that this source has the service and the month",
            )
        if status != HTTPStatus.OK:
            raise self.error(
                f"cannot be fetched (the server answers {status})", f"check the address {self.url}"
            )
        length = _content_length(response)
        if length is None and "chunked" not in response.headers.get("Transfer-Encoding", ""):
            raise self.error(
                "the server does not say how long the file is, so a cut would go unnoticed",
                "use another source",
            )
        self.part.write_bytes(b"")  # before its origin is noted: never old bytes under a new one
        origin = _Origin.of(response, self.url, length)
        origin.save(self.part_origin_path)
        self._receive(response, origin, 0)

    def _receive(self, response: requests.Response, origin: _Origin, offset: int) -> None:
        """Append the body to the part; complete the destination if all of it came."""
        done = offset
        self.progress(done, origin.length)
        with self.part.open("ab") as file:
            try:
                for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
                    file.write(chunk)
                    done += len(chunk)
                    self.progress(done, origin.length)
            except HTTPError as fault:
                raise _TransientError(f"the connection broke after {done:,} bytes") from fault
            file.flush()
            os.fsync(file.fileno())
        if origin.length is None:  # sent in chunks, whose end is marked: what came is all there is
            replace(origin, length=done).save(self.part_origin_path)
        self._publish()

    def _publish(self) -> None:
        """Give the part its name. Killed in between, the old note does not fit the new file."""
        self.part.replace(self.destination)
        self.part_origin_path.replace(self.origin_path)

    def _discard_part(self, reason: str) -> NoReturn:
        self.part.unlink()
        raise _TransientError(reason)


def fetch(
    url: str,
    destination: Path,
    progress: Progress | None = None,
    *,
    retries: int = 5,
    backoff_seconds: float = 1.0,
) -> Path:
    """Download a file: afterwards it is there complete, or it is as it was before.

    An interrupted transfer, even a killed one, goes on where it stopped at the next call, unless
    the file changed at the server; then it starts again. A complete file that the server still has
    unchanged is not transferred again; one that was republished is replaced.

    Args:
        url: an http or https address.
        destination: the file to write; its folder is made.
        progress: called with bytes on disk and total bytes, at the start and after each chunk.
        retries: attempts after the first that may fail in a row without any progress.
        backoff_seconds: pause before the first of them, doubled for each further one, at most
            ``MAX_WAIT_SECONDS``. A ``Retry-After`` of the server comes first.

    Returns:
        The destination.

    Raises:
        TaxiError: not published yet (403), not found (404), refused otherwise, out of reach, no
            room on the disk, or another process is downloading the same file. A complete copy from
            before stays as it is, and the remedy names it.
    """
    transfer = _Transfer(url, destination, progress)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with (
            FileLock(destination.with_name(destination.name + ".lock"), timeout=0),
            requests.Session() as session,
        ):
            _persist(transfer, session, retries, backoff_seconds)
    except Timeout as fault:
        raise transfer.error(
            "another download of it is under way", "wait for its end and run this again"
        ) from fault
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise transfer.error(
                "the disk is full",
                f"free space in {destination.parent} and run this again, it goes on from there",
            ) from fault
        raise transfer.error(
            f"cannot be written ({fault.strerror or fault})",
            f"check the folder {destination.parent}",
        ) from fault
    return destination


def _persist(
    transfer: _Transfer, session: requests.Session, retries: int, backoff_seconds: float
) -> None:
    """Attempt until it works or ``retries`` attempts in a row brought nothing."""
    most_bytes = transfer.part_size()
    failures = 0
    while True:
        try:
            transfer.attempt(session)
        except _TransientError as fault:
            failures = 1 if transfer.part_size() > most_bytes else failures + 1
            most_bytes = max(most_bytes, transfer.part_size())
            wait = fault.wait_seconds
            if wait is not None and wait > MAX_WAIT_SECONDS:
                raise transfer.error(
                    f"{fault.reason} and asks for a pause of {wait:,.0f} seconds",
                    "run this again after that",
                ) from fault
            if failures > retries:
                raise transfer.error(
                    f"{fault.reason}, {failures} times in a row" if retries else fault.reason,
                    "check the connection and run this again, it goes on from there",
                ) from fault
            if wait is None:
                wait = min(backoff_seconds * 2 ** (failures - 1), MAX_WAIT_SECONDS)
            _log.warning(
                "%s: %s; trying again in %.3g s", transfer.destination.name, fault.reason, wait
            )
            time.sleep(wait)
        else:
            return


def _content_length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait, given as a number or as a date."""
    try:
        return Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, InvalidHeader):
        return None


def _innermost(fault: BaseException) -> str:
    """Find the cause that says something, below the layers that passed it on."""
    while cause := fault.__cause__ or fault.__context__:
        fault = cause
    return str(fault) or type(fault).__name__


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
    if year < _FIRST_YEAR:
        raise _months_error(text, f"TLC's files begin with January {_FIRST_YEAR}")
    month = match["month"]
    return date(year, int(month or 1), 1), date(year, int(month or 12), 1)


def _months_error(text: str, reason: str) -> TaxiError:
    return TaxiError(
        f"months '{text}'",
        reason,
        "write for example 2024-01, 2024-01..2024-03, 2024-01,2024-03 or 2024",
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
        usable = bool(parts.hostname) and parts.scheme in ("http", "https")
    except ValueError:
        usable = False
    remedy = f"use {', '.join(SOURCES)}, or an address such as https://example.org/trip-data"
    if not usable:
        raise TaxiError(f"source '{source}'", "is no known source and no web address", remedy)
    if parts.username or parts.query or parts.fragment:
        # They would end up in names of files and in messages; a password belongs in ~/.netrc.
        raise TaxiError(
            f"source at {parts.hostname}", "its address has a user, a query or a fragment", remedy
        )


def download_months(
    service: Service,
    months: Sequence[date],
    source: str,
    folder: Path,
    progress: Callable[[date, int, int | None], None] | None = None,
    *,
    retries: int = 5,
    backoff_seconds: float = 1.0,
) -> DownloadReport:
    """Download the files of several months, one after the other; go on after one that fails.

    Args:
        service: which trips.
        months: any day of each month.
        source: a name in ``SOURCES`` or the address of a mirror, see ``month_url``.
        folder: the files land in a folder of it named after the source, since the sources differ
            in content: ``<folder>/tlc/yellow_tripdata_2024-01.parquet``.
        progress: called with the month, its bytes on disk and its total bytes.
        retries: see ``fetch``.
        backoff_seconds: see ``fetch``.

    Returns:
        For every month its file or its error.

    Raises:
        TaxiError: the source is unknown. Whatever is wrong with one month is in the report.
    """
    target = folder / source_folder(source)
    outcomes = []
    for month in dict.fromkeys(month.replace(day=1) for month in months):
        url = month_url(service, month, source)
        try:
            path = fetch(
                url,
                target / url.rsplit("/", 1)[1],
                partial(progress, month) if progress else None,
                retries=retries,
                backoff_seconds=backoff_seconds,
            )
        except TaxiError as error:
            outcomes.append(MonthDownload(month, error=error))
        else:
            outcomes.append(MonthDownload(month, path=path))
    return DownloadReport(tuple(outcomes))
