"""Fetch trip files from their publisher: a file is there complete, or it is not there.

Beside a file ``x`` lie ``x.origin.json`` (what the server said about it, to see later whether it
was republished) and, while a transfer is under way or interrupted, ``x.part``, ``x.part.json``.
"""

import errno
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from taxi_pipeline.addresses import public_address, redact
from taxi_pipeline.download.origin import Origin, content_length, note_of
from taxi_pipeline.download.sources import refusal
from taxi_pipeline.errors import TaxiError

Progress = Callable[[int, int | None], None]
"""Called with the bytes on disk so far and the size of the whole file, None where it is unknown."""


TIMEOUT_SECONDS = (10.0, 60.0)
"""How long to wait for a connection, and then for the next bytes."""

MAX_WAIT_SECONDS = 300.0
"""The longest pause between two attempts; a server that asks for more ends the download."""

_NO_NETWORK = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_CHUNK_BYTES = 64 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)

_log = logging.getLogger(__name__)


class TransientError(Exception):
    """A fault that may be gone at the next attempt, in ``wait_seconds`` if the server says so."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        self.reason = reason
        self.wait_seconds = wait_seconds
        super().__init__(reason)


class _UnreachableError(TransientError):
    """No way to the server at all: another attempt helps only where there was one a moment ago."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(reason)


class _Transfer:
    """One file on its way: the address, the four paths, and one attempt to complete it."""

    def __init__(self, url: str, destination: Path, progress: Progress | None) -> None:
        self.url = url
        self.address = public_address(url)
        self.destination = destination
        self.progress: Progress = progress or (lambda done, total: None)
        self.received = False  # whether the server has sent anything since this call began
        self.origin_path = note_of(destination)
        self.part = destination.with_name(destination.name + ".part")
        self.part_origin_path = destination.with_name(destination.name + ".part.json")

    def part_size(self) -> int:
        """Bytes of an unfinished transfer on disk."""
        return self.part.stat().st_size if self.part.exists() else 0

    def error(self, reason: str, remedy: str, kind: type[TaxiError] = TaxiError) -> TaxiError:
        """Make an error about this file; if a complete copy is at hand, the remedy is to use it."""
        if self.destination.exists():
            remedy = f"ingest the local copy at {self.destination}, or {remedy}"
        return kind(self.destination.name, reason, remedy)

    def attempt(self, session: requests.Session) -> None:
        """Ask once, for no more than is missing, and complete the destination.

        Raises:
            TransientError: worth another attempt; what came so far is in the part.
            TaxiError: not worth another attempt.
            OSError: the local disk refused.
        """
        offset = self.part_size()
        started = Origin.load(self.part_origin_path, self.url) if offset else None
        if started and started.length == offset:  # killed between the last byte and the name
            self._revalidate(session, started, publish=True)
        elif started and started.strong_validator and offset < (started.length or 0):
            self._resume(session, started, offset, started.strong_validator)
        elif held := self._held():
            self._revalidate(session, held, publish=False)
        else:
            with self._get(session) as response:
                self._receive_whole(response)

    def _held(self) -> Origin | None:
        """Look up what is known of the destination, if it has the length that it should have."""
        held = Origin.load(self.origin_path, self.url)
        if held and self.destination.exists() and self.destination.stat().st_size == held.length:
            return held
        return None

    def _revalidate(self, session: requests.Session, known: Origin, *, publish: bool) -> None:
        """Keep the complete copy if the server still has the same file, else receive the new one.

        Without an ETag the headers of the answer decide and its body is left unread: to
        ``If-Modified-Since`` a server says "not modified" of a file that an older one replaced.
        """
        with self._get(
            session, **({"If-None-Match": known.etag} if known.etag else {})
        ) as response:
            if response.status_code == HTTPStatus.NOT_MODIFIED or (
                response.status_code == HTTPStatus.OK
                and known.matches(
                    Origin.of(response.headers, self.url, content_length(response.headers))
                )
            ):
                if publish:
                    self._publish()
                self.progress(known.length or 0, known.length)
            else:
                self._receive_whole(response)

    def _resume(
        self, session: requests.Session, started: Origin, offset: int, validator: str
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
            now = Origin.of(response.headers, self.url, length)
            if (first, last) != (offset, length - 1) or started.contradicts(now):
                self._discard_part("the server sent another range or another file than asked for")
            if content_length(response.headers) not in (None, length - offset):
                self._discard_part("the server contradicts itself about the length")
            self._receive(response, started, offset)

    def _get(self, session: requests.Session, **headers: str) -> requests.Response:
        """Send the request; faults that may pass and answers that may change are transient."""
        # The bytes as they are published: neither packed for the way nor unpacked, a .gz stays one.
        headers["Accept-Encoding"] = "identity"
        try:
            response = session.get(self.url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
        except requests.exceptions.SSLError as fault:
            raise self.error(
                f"the server's certificate is not trusted ({_innermost(fault)})",
                "check the address; behind a company's proxy, set REQUESTS_CA_BUNDLE to its certificate",
            ) from fault
        except (requests.ConnectionError, requests.Timeout) as fault:
            raise connection_error(fault, self.url) from fault
        except (requests.RequestException, ValueError) as fault:
            # What is said of an address that cannot be read may hold any part of it.
            said = "it is not a valid web address" if "@" in self.url else _said(fault)
            raise self.error(
                f"cannot be fetched ({said})", f"check the address {self.address}"
            ) from fault
        status = response.status_code
        if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or (
            status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            with response:
                raise TransientError(f"the server answers {status}", _retry_after(response))
        return response

    def _receive_whole(self, response: requests.Response) -> None:
        """Receive the file from its first byte, or say why the server does not give it."""
        status = response.status_code
        if status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            fault = refusal(self.url, status, datetime.now(UTC).date())
            raise self.error(fault.reason, fault.remedy, type(fault))
        if status != HTTPStatus.OK:
            raise self.error(
                f"cannot be fetched (the server answers {status})",
                f"check the address {self.address}",
            )
        length = content_length(response.headers)
        if length is None and "chunked" not in response.headers.get("Transfer-Encoding", ""):
            raise self.error(
                "the server does not say how long the file is, so a cut would go unnoticed",
                "use another source",
            )
        self.part.write_bytes(b"")  # before its origin is noted: never old bytes under a new one
        origin = Origin.of(response.headers, self.url, length)
        origin.save(self.part_origin_path)
        self._receive(response, origin, 0)

    def _receive(self, response: requests.Response, origin: Origin, offset: int) -> None:
        """Append the body to the part; complete the destination if all of it came."""
        done = offset
        self.received = True
        self.progress(done, origin.length)
        with self.part.open("ab") as file:
            try:
                for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
                    file.write(chunk)
                    done += len(chunk)
                    self.progress(done, origin.length)
            except HTTPError as fault:
                raise TransientError(f"the connection broke after {done:,} bytes") from fault
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
        raise TransientError(reason)


def fetch(
    url: str,
    destination: Path,
    progress: Progress | None = None,
    *,
    retries: int = 5,
    backoff_seconds: float = 1.0,
    waits: bool = False,
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
        waits: wait for another process that downloads the same file, and then ask what it left.

    Returns:
        The destination.

    Raises:
        TaxiError: not published yet (a ``NotPublishedError``), not found, refused otherwise, out of reach, no
            room on the disk, or another process is downloading the same file. A complete copy from
            before stays as it is, and the remedy names it.
    """
    transfer = _Transfer(url, destination, progress)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with (
            FileLock(destination.with_name(destination.name + ".lock"), timeout=-1 if waits else 0),
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
        except TransientError as fault:
            failures = 1 if transfer.part_size() > most_bytes else failures + 1
            most_bytes = max(most_bytes, transfer.part_size())
            if isinstance(fault, _UnreachableError) and not transfer.received:
                raise transfer.error(fault.reason, fault.remedy) from fault
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


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait, given as a number or as a date."""
    try:
        return Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, InvalidHeader):
        return None


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault, and the causes below it that it was passed on from."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def _innermost(fault: BaseException) -> str:
    """What the lowest cause says: those above only pass it on."""
    *_, cause = _causes(fault)
    return _said(cause)


def _said(fault: BaseException) -> str:
    """What a fault says, without the query or parameters of an address, which may stand there without its host."""
    return re.sub(r"[?;]\S+", "?...", redact(str(fault))) or type(fault).__name__


def connection_error(fault: requests.RequestException, url: str) -> TransientError:
    """Tell a server that does not answer now from a name that nobody knows and a network that is not there."""
    said = _innermost(fault)
    if isinstance(fault, requests.exceptions.ProxyError):
        return _UnreachableError(
            f"the proxy does not give the connection ({said})",
            "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        )
    for cause in _causes(fault):
        if isinstance(cause, socket.gaierror):
            return _UnreachableError(
                f"the host name {urlsplit(url).hostname} is not known here ({said})",
                "check the name; if it is right, check your network, or set HTTPS_PROXY",
            )
        if isinstance(cause, OSError) and cause.errno in _NO_NETWORK:
            return _UnreachableError(
                f"there is no way to {urlsplit(url).hostname} ({said})",
                "check your network, or set HTTPS_PROXY",
            )
    return TransientError(f"cannot reach the server ({said})")
