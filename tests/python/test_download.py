"""Downloads, against a real HTTP server on the loopback that misbehaves as told."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from filelock import FileLock
from typer.testing import CliRunner

import taxi_pipeline
from taxi_pipeline.cli import app
from taxi_pipeline.download import transfer as download
from taxi_pipeline.download.months import DownloadReport, download_months, targets_of
from taxi_pipeline.download.room import measure
from taxi_pipeline.download.sources import (
    SOURCES,
    month_url,
    parse_files,
    parse_months,
    refusal,
    source_folder,
)
from taxi_pipeline.download.transfer import fetch
from taxi_pipeline.errors import NotPublishedError, TaxiError
from taxi_pipeline.schemas import Service

CONTENT, OTHER = (random.Random(seed).randbytes(1_000_000) for seed in (1, 2))  # noqa: S311
MONDAY = "Mon, 05 Feb 2024 10:00:00 GMT"
TUESDAY = "Tue, 06 Feb 2024 10:00:00 GMT"
FIRST = date(2024, 1, 1)
RANGE_START = len("bytes=")


@dataclass
class Answer:
    """How the server treats one request; what is not set is as the site has it.

    Attributes:
        status: answer with this status and no file.
        headers: further headers, or other values of the usual ones; empty to leave one out.
        cut_after: close the connection after so many bytes of the body.
        stall_after: after so many bytes of the body wait until the site is released.
        ignore_conditions: act as if the client had sent no If-Range and no If-None-Match.
        ignore_range: send the whole file whatever was asked for.
        chunked: send in chunks, without a length.
        before: called before anything is sent.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    ignore_conditions: bool = False
    ignore_range: bool = False
    chunked: bool = False
    before: Callable[[], None] = lambda: None


@dataclass
class Seen:
    """A request as the server saw it."""

    path: str
    headers: dict[str, str]
    status: int = 0
    body_bytes: int = 0


@dataclass
class Site:
    """What the server has, how it answers next, and what it was asked."""

    base: str = ""
    content: bytes = CONTENT
    etag: str | None = '"v1"'
    last_modified: str | None = MONDAY
    answers: deque[Answer] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    by_path: dict[str, Answer] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)
    told_length: int = len(CONTENT)

    @property
    def url(self) -> str:
        """Address of the file."""
        return f"{self.base}/trips.parquet"

    def will(self, *answers: Answer) -> None:
        """Give these answers first, one to each request."""
        self.answers.extend(answers)

    def republish(self) -> None:
        """Put another file of the same length in its place."""
        self.content, self.etag, self.last_modified = OTHER, '"v2"', TUESDAY


class Handler(BaseHTTPRequestHandler):
    """Serves the site's one file under every path."""

    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name it has there)
        """Keep the test's output clean."""

    def do_HEAD(self) -> None:
        """Tell the size of the file, where it is published."""
        self.send_response(self.site.by_path.get(self.path, Answer()).status or 200)
        self.send_header("Content-Length", str(self.site.told_length))
        self.end_headers()

    def do_GET(self) -> None:
        """Answer as the site is told to."""
        site = self.site
        seen = Seen(self.path, dict(self.headers))
        site.seen.append(seen)
        answer = site.answers.popleft() if site.answers else Answer()
        answer = site.by_path.get(self.path, answer)
        answer.before()
        self.close_connection = True
        status, body, headers = self._prepare(answer)
        headers |= answer.headers
        seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if answer.chunked:
            body = b"".join(
                b"%x\r\n%b\r\n" % (len(body[at : at + 50_000]), body[at : at + 50_000])
                for at in range(0, len(body), 50_000)
            )
            body += b"0\r\n\r\n"
        self._send(body, answer, seen)

    def _prepare(self, answer: Answer) -> tuple[int, bytes, dict[str, str]]:
        site = self.site
        if answer.status is not None:
            return answer.status, b"", {"Content-Length": "0"}
        headers = {"ETag": site.etag or "", "Last-Modified": site.last_modified or ""}
        if not answer.ignore_conditions and self.headers.get("If-None-Match", "") == site.etag:
            return 304, b"", headers
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        unchanged = condition in (None, site.etag, site.last_modified)
        body, status = site.content, 200
        if asked and not answer.ignore_range and (unchanged or answer.ignore_conditions):
            start = int(asked[RANGE_START:].rstrip("-"))
            if start >= len(site.content):
                return 416, b"", {"Content-Length": "0"}
            body, status = site.content[start:], 206
            end = len(site.content) - 1
            headers["Content-Range"] = f"bytes {start}-{end}/{len(site.content)}"
        headers["Content-Length"] = "" if answer.chunked else str(len(body))
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
        return status, body, headers

    def _send(self, body: bytes, answer: Answer, seen: Seen) -> None:
        stops = [stop for stop in (answer.cut_after, answer.stall_after) if stop is not None]
        first = body[: stops[0]] if stops else body
        try:
            # Before the client has the last byte: it may look at this as soon as it does.
            seen.body_bytes = len(first)
            self.wfile.write(first)
            if answer.stall_after is not None:
                self.site.released.wait(10)
        except OSError:
            pass  # the client hung up, as some tests mean it to


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Site()
    handler = type("SiteHandler", (Handler,), {"site": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    state.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "trips.parquet"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of each pause between two attempts; nobody waits for them."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def get(site: Site, target: Path, retries: int = 2) -> Path:
    return fetch(site.url, target, retries=retries, backoff_seconds=0.001)


def fail(site: Site, target: Path, retries: int = 2) -> TaxiError:
    with pytest.raises(TaxiError) as caught:
        get(site, target, retries)
    return caught.value


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def leave_part(site: Site, target: Path, sent: int = 400_000) -> int:
    """Break a first download off; return how many bytes are on disk."""
    site.will(Answer(cut_after=sent))
    fail(site, target, retries=0)
    assert not target.exists()
    size = part_of(target).stat().st_size
    assert 0 < size <= sent
    site.seen.clear()
    return size


def names(target: Path) -> set[str]:
    """Files beside the target, apart from the lock, of which some systems leave an empty file."""
    return {path.name for path in target.parent.iterdir() if path.suffix != ".lock"}


# --- a whole file ---------------------------------------------------------------------------------


def test_a_file_arrives_complete_and_leaves_no_part(site: Site, target: Path) -> None:
    assert get(site, target) == target
    assert target.read_bytes() == CONTENT
    assert names(target) == {"trips.parquet", "trips.parquet.origin.json"}


def test_progress_counts_bytes_up_to_the_total(site: Site, target: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    fetch(site.url, target, lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert done[0] == 0
    assert done[-1] == len(CONTENT)
    assert done == sorted(done)
    assert len(done) > 5
    assert {call[1] for call in calls} == {len(CONTENT)}


def test_a_file_is_on_the_disk_before_it_gets_its_name(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.append((os.fstat(number).st_size, target.exists()))
    )
    get(site, target)
    assert synced == [(len(CONTENT), False)]


def test_a_packed_file_is_kept_as_published(site: Site, target: Path) -> None:
    site.will(Answer(headers={"Content-Encoding": "gzip"}))
    get(site, target, retries=0)
    assert target.read_bytes() == CONTENT
    assert site.seen[0].headers["Accept-Encoding"] == "identity"


def test_a_redirect_is_followed_with_the_range(site: Site, target: Path) -> None:
    size = leave_part(site, target)
    site.will(Answer(status=302, headers={"Location": f"{site.base}/elsewhere"}))
    get(site, target)
    assert [seen.path for seen in site.seen] == ["/trips.parquet", "/elsewhere"]
    assert site.seen[1].body_bytes == len(CONTENT) - size
    assert target.read_bytes() == CONTENT


def test_a_file_in_chunks_without_a_length_arrives(site: Site, target: Path) -> None:
    site.will(Answer(chunked=True))
    get(site, target)
    assert target.read_bytes() == CONTENT
    site.seen.clear()
    get(site, target)
    assert [seen.status for seen in site.seen] == [304]


def test_chunks_that_break_off_are_no_file(site: Site, target: Path) -> None:
    site.will(Answer(chunked=True, cut_after=300_000))
    assert "broke" in fail(site, target, retries=0).reason
    assert not target.exists()


def test_a_body_without_length_and_chunks_is_refused(site: Site, target: Path) -> None:
    site.will(Answer(headers={"Content-Length": ""}))
    assert "does not say how long" in fail(site, target).reason
    assert not target.exists()


# --- resuming -------------------------------------------------------------------------------------


def test_a_cut_connection_is_resumed_with_only_the_rest(site: Site, target: Path) -> None:
    site.will(Answer(cut_after=400_000), Answer(cut_after=200_000))
    get(site, target)
    assert target.read_bytes() == CONTENT
    assert [seen.status for seen in site.seen] == [200, 206, 206]
    start = int(site.seen[2].headers["Range"][RANGE_START:].rstrip("-"))
    assert 400_000 < start <= 600_000
    assert site.seen[2].body_bytes == len(CONTENT) - start
    assert site.seen[2].headers["If-Range"] == '"v1"'


def test_the_next_call_resumes_and_says_so_to_progress(site: Site, target: Path) -> None:
    size = leave_part(site, target)
    calls: list[int] = []
    fetch(site.url, target, lambda done, total: calls.append(done))
    assert [seen.status for seen in site.seen] == [206]
    assert site.seen[0].body_bytes == len(CONTENT) - size
    assert calls[0] == size
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_without_a_strong_etag_the_date_guards_the_rest(
    site: Site, target: Path, etag: str | None
) -> None:
    site.etag = etag
    leave_part(site, target)
    get(site, target)
    assert site.seen[0].headers["If-Range"] == MONDAY
    assert [seen.status for seen in site.seen] == [206]
    assert target.read_bytes() == CONTENT


def test_without_anything_to_compare_it_starts_again(site: Site, target: Path) -> None:
    site.etag = site.last_modified = None
    leave_part(site, target)
    get(site, target)
    assert "Range" not in site.seen[0].headers
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_between_attempts_starts_again(site: Site, target: Path) -> None:
    site.will(Answer(cut_after=400_000), Answer(before=site.republish))
    get(site, target)
    assert target.read_bytes() == OTHER
    assert [seen.status for seen in site.seen] == [200, 200]
    get(site, target)
    assert site.seen[-1].headers["If-None-Match"] == '"v2"'


@pytest.mark.parametrize(("etag", "modified"), [('"v2"', MONDAY), (None, TUESDAY)])
def test_a_server_that_ignores_if_range_gets_nothing_spliced(
    site: Site, target: Path, etag: str | None, modified: str
) -> None:
    leave_part(site, target)
    site.content, site.etag, site.last_modified = OTHER, etag, modified
    site.will(Answer(ignore_conditions=True))
    get(site, target)
    assert [seen.status for seen in site.seen] == [206, 200]
    assert target.read_bytes() == OTHER


def test_a_server_without_ranges_starts_again(site: Site, target: Path) -> None:
    leave_part(site, target)
    site.will(Answer(ignore_range=True))
    get(site, target)
    assert [seen.status for seen in site.seen] == [200]
    assert target.read_bytes() == CONTENT


def test_another_range_than_asked_for_is_not_appended(site: Site, target: Path) -> None:
    size = leave_part(site, target)
    moved = f"bytes {size + 1}-{len(CONTENT) - 1}/{len(CONTENT)}"
    site.will(Answer(headers={"Content-Range": moved}))
    get(site, target)
    assert [seen.status for seen in site.seen] == [206, 200]
    assert target.read_bytes() == CONTENT


def test_a_rest_of_another_length_than_its_range_is_not_appended(site: Site, target: Path) -> None:
    leave_part(site, target)
    site.will(Answer(headers={"Content-Length": "5"}))
    get(site, target)
    assert [seen.status for seen in site.seen] == [206, 200]
    assert target.read_bytes() == CONTENT


def test_a_part_beyond_the_end_of_a_file_that_shrank_starts_again(site: Site, target: Path) -> None:
    leave_part(site, target)
    site.content = CONTENT[:1000]
    site.will(Answer(ignore_conditions=True))
    get(site, target)
    assert [seen.status for seen in site.seen] == [416, 200]
    assert target.read_bytes() == CONTENT[:1000]


def test_a_part_of_another_address_is_not_continued(site: Site, target: Path) -> None:
    leave_part(site, target)
    fetch(f"{site.base}/mirror.parquet", target)
    assert "Range" not in site.seen[0].headers
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("note", [None, "", "[1]", '{"url": 1}'])
def test_a_part_of_unknown_origin_is_not_continued(
    site: Site, target: Path, note: str | None
) -> None:
    leave_part(site, target)
    note_path = target.with_name("trips.parquet.part.json")
    note_path.unlink() if note is None else note_path.write_text(note)
    get(site, target)
    assert "Range" not in site.seen[0].headers
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("changed", [False, True])
def test_a_part_with_all_its_bytes_is_asked_about_and_named(
    site: Site, target: Path, changed: bool
) -> None:
    leave_part(site, target)
    part_of(target).write_bytes(CONTENT)
    if changed:
        site.republish()
    get(site, target)
    assert [seen.status for seen in site.seen] == [200 if changed else 304]
    assert target.read_bytes() == (OTHER if changed else CONTENT)
    assert names(target) == {"trips.parquet", "trips.parquet.origin.json"}


def test_a_killed_process_leaves_no_file_and_the_next_call_resumes(
    site: Site, target: Path
) -> None:
    site.will(Answer(stall_after=600_000))
    code = "import sys, pathlib; from taxi_pipeline.download.transfer import fetch; "
    code += "fetch(sys.argv[1], pathlib.Path(sys.argv[2]))"
    scripts = str(Path(taxi_pipeline.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", code, site.url, str(target)],
        env=os.environ | {"PYTHONPATH": scripts},
    ) as process:
        deadline = time.monotonic() + 10
        part = part_of(target)
        while not part.exists() or part.stat().st_size < 500_000:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not target.exists()
    size = part.stat().st_size
    get(site, target)
    assert site.seen[1].status == 206
    assert site.seen[1].body_bytes == len(CONTENT) - size
    assert target.read_bytes() == CONTENT


def test_an_interrupt_keeps_the_part(site: Site, target: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > 300_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(site.url, target, interrupt)
    assert not target.exists()
    assert part_of(target).stat().st_size > 300_000
    get(site, target)
    assert [seen.status for seen in site.seen] == [200, 206]
    assert target.read_bytes() == CONTENT


# --- faults of the server -------------------------------------------------------------------------


def refuse(site: Site, target: Path, name: str) -> TaxiError:
    """Ask for a file that the server refuses; it is asked once, and nothing is left."""
    site.seen.clear()
    site.will(Answer(status=403))
    with pytest.raises(TaxiError) as caught:
        fetch(f"{site.base}/{name}", target.with_name(name))
    assert len(site.seen) == 1
    assert names(target) == set()
    return caught.value


def test_a_refused_month_is_not_out_yet_or_no_longer_there(site: Site, target: Path) -> None:
    today = datetime.now(UTC).date()
    recent = refuse(site, target, f"yellow_tripdata_{today:%Y-%m}.parquet")
    assert recent.reason.startswith("not published yet")
    old = refuse(site, target, "yellow_tripdata_2019-03.parquet")
    assert "2019-03 has long been published" in old.reason
    assert "`taxi download yellow 2019-03`" in old.remedy
    assert SOURCES["tlc"].split("/{")[0] in old.remedy
    other = refuse(site, target, "taxi_zones.zip")
    assert other.reason == "the server refuses it (403)"


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_judged_by_the_age_of_the_month_and_by_the_server(status: int) -> None:
    day = date(2026, 11, 26)
    faults = [
        refusal(month_url(Service.GREEN, month, source), status, day)
        for source in ("tlc", "https://mirror.example.org/taxi")
        for month in (date(2026, 12, 1), date(2026, 8, 1), date(2026, 7, 1))
    ]
    assert [type(fault) for fault in faults] == 2 * [
        NotPublishedError,
        NotPublishedError,
        TaxiError,
    ]
    assert [fault.exit_code for fault in faults] == 2 * [3, 3, 2]
    closed = refusal(month_url(Service.GREEN, date(2026, 8, 1), "datatalks"), status, day)
    assert closed.exit_code == 2, "no month is added to that copy any more"


def test_the_remedy_of_a_refusal_fits_the_server() -> None:
    day = date(2026, 11, 26)
    assert (
        "green 2014-01"
        in refusal(month_url(Service.GREEN, date(2013, 8, 1), "tlc"), 403, day).remedy
    )
    for bucket in (
        "https://s3.amazonaws.com/nyc-tlc/trip+data/yellow_tripdata_2019-01.csv",
        "https://nyc-tlc.s3.us-east-1.amazonaws.com/trip%20data/yellow_tripdata_2019-01.parquet",
    ):
        fault = refusal(bucket, 403, day)
        assert "old S3 bucket" in fault.reason
        assert "`taxi download" in fault.remedy


@pytest.mark.parametrize(("status", "reason"), [(404, "not found at http"), (410, "answers 410")])
def test_other_refusals_are_not_retried(site: Site, target: Path, status: int, reason: str) -> None:
    site.will(Answer(status=status))
    assert reason in fail(site, target).reason
    assert len(site.seen) == 1


@pytest.mark.parametrize("status", [204, 206])
def test_a_success_without_the_whole_file_is_an_error(
    site: Site, target: Path, status: int
) -> None:
    site.will(Answer(status=status))
    assert f"answers {status}" in fail(site, target).reason
    assert not target.exists()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_fault_that_may_pass_is_retried(site: Site, target: Path, status: int) -> None:
    site.will(Answer(status=status), Answer(status=status))
    get(site, target)
    assert target.read_bytes() == CONTENT
    assert len(site.seen) == 3


def test_retries_end_and_pauses_double(site: Site, target: Path, pauses: list[float]) -> None:
    site.will(*[Answer(status=500)] * 9)
    with pytest.raises(TaxiError, match="answers 500, 4 times in a row"):
        fetch(site.url, target, retries=3, backoff_seconds=0.5)
    assert len(site.seen) == 4
    assert pauses == [0.5, 1.0, 2.0]


def test_attempts_that_bring_bytes_are_no_failures_in_a_row(site: Site, target: Path) -> None:
    site.will(*[Answer(cut_after=150_000)] * 5)
    get(site, target, retries=1)
    assert target.read_bytes() == CONTENT


def test_attempts_that_start_again_and_again_come_to_an_end(site: Site, target: Path) -> None:
    site.will(*[Answer(cut_after=150_000, ignore_range=True)] * 20)
    assert "broke" in fail(site, target, retries=2).reason
    assert len(site.seen) == 3


def test_retry_after_in_seconds_is_honored(site: Site, target: Path, pauses: list[float]) -> None:
    site.will(Answer(status=429, headers={"Retry-After": "7"}))
    get(site, target)
    assert pauses == [7]
    assert target.read_bytes() == CONTENT


def test_retry_after_as_a_date_is_honored(site: Site, target: Path, pauses: list[float]) -> None:
    then = formatdate(time.time() + 30, usegmt=True)
    site.will(Answer(status=503, headers={"Retry-After": then}))
    get(site, target)
    assert len(pauses) == 1
    assert 25 < pauses[0] <= 30


def test_a_retry_after_that_says_nothing_is_a_usual_pause(
    site: Site, target: Path, pauses: list[float]
) -> None:
    site.will(Answer(status=503, headers={"Retry-After": "soon"}))
    get(site, target)
    assert pauses == [0.001]


def test_a_pause_of_an_hour_is_reported_instead(
    site: Site, target: Path, pauses: list[float]
) -> None:
    site.will(Answer(status=429, headers={"Retry-After": "3600"}))
    assert "pause of 3,600 seconds" in fail(site, target).reason
    assert pauses == []


def test_a_length_that_is_a_lie_gives_no_file(site: Site, target: Path) -> None:
    site.content = CONTENT[:200_000]
    lie = Answer(headers={"Content-Length": "300000"})
    site.will(lie, *[Answer(status=416)] * 9)
    fail(site, target)
    assert not target.exists()


def test_a_server_that_goes_silent_is_given_up(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", (1.0, 0.2))
    site.will(Answer(stall_after=300_000))
    get(site, target)
    assert [seen.status for seen in site.seen] == [200, 206]
    assert target.read_bytes() == CONTENT


def test_no_answer_at_all_is_retried(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", (1.0, 0.2))
    site.will(Answer(before=lambda: time.sleep(0.4)))
    get(site, target)
    assert len(site.seen) == 2
    assert target.read_bytes() == CONTENT


def unreachable() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def test_no_server_is_an_error_that_names_the_cause(site: Site, target: Path) -> None:
    site.base = unreachable()
    error = fail(site, target)
    assert "refused" in error.reason
    assert "3 times" in error.reason
    assert "check the connection" in error.remedy


def test_an_unknown_host_is_an_error_at_once(
    target: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(TaxiError, match=r"host name no-such-host\.invalid is not known") as caught:
        fetch("http://no-such-host.invalid/trips.parquet", target)
    assert "check the name" in caught.value.remedy
    assert pauses == []


def test_a_proxy_that_is_not_there_is_an_error_at_once(
    target: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", unreachable())
    monkeypatch.setenv("http_proxy", unreachable())
    with pytest.raises(TaxiError, match="proxy") as caught:
        fetch("http://files.invalid/trips.parquet", target)
    assert "HTTP_PROXY" in caught.value.remedy
    assert pauses == []


def test_secrets_in_an_address_are_sent_and_neither_printed_nor_stored(
    site: Site, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = site.url.replace("//", "//bob:SECRET-1@") + "?sig=SECRET-2&X-Amz-Signature=SECRET-3"
    site.will(Answer(cut_after=400_000), Answer(status=500), Answer(status=404))
    with pytest.raises(TaxiError, match="404") as caught:
        fetch(secret, target, backoff_seconds=0.001)
    kept = part_of(target).with_name(target.name + ".part.json")
    assert "SECRET" not in str(caught.value) + caplog.text + kept.read_text()
    assert "trying again" in caplog.text
    other = secret.replace("SECRET-2", "SECRET-4")  # signed anew, it is still the same file
    fetch(other, target, backoff_seconds=0.001)
    assert site.seen[-1].status == 206
    assert "sig=SECRET-4" in site.seen[-1].path
    assert site.seen[-1].headers["Authorization"].startswith("Basic ")
    assert target.read_bytes() == CONTENT
    record = target.with_name(target.name + ".origin.json").read_text()
    assert "SECRET" not in record
    assert site.url in record
    site.base = unreachable().replace("//", "//bob:SECRET-5@")
    assert "SECRET" not in str(fail(site, target, retries=0))


@pytest.mark.parametrize(
    "url",
    [
        "http://bob:SECRET/SECRET@127.0.0.1:1/y.csv",
        "http://bob:SECRET@[::1/y.csv",
        "http://bob:SECRET@127.0.0.1:99999/y.csv",
        "http://bob:SECRET\uff0f@127.0.0.1:1/y.csv",
        "http://bob:SECRET\udcff@127.0.0.1:1/y.csv",
        "http://SECRET @127.0.0.1:1/y.csv",
        "http://SECRET SECRET@[::1/y.csv",
    ],
)
def test_no_part_of_a_broken_address_gives_a_secret_away(target: Path, url: str) -> None:
    with pytest.raises(TaxiError) as caught:
        fetch(url, target, retries=0)
    assert "SECRET" not in str(caught.value)
    assert str(caught.value).isprintable()
    with pytest.raises(TaxiError) as caught:
        source_folder(url)
    assert "SECRET" not in str(caught.value)


def test_no_address_is_an_error_at_once(target: Path, pauses: list[float]) -> None:
    with pytest.raises(TaxiError, match="Check the address nonsense"):
        fetch("nonsense", target)
    assert pauses == []


# --- a copy is there already ----------------------------------------------------------------------


def test_an_unchanged_file_is_not_transferred_again(site: Site, target: Path) -> None:
    get(site, target)
    inode = target.stat().st_ino
    site.seen.clear()
    calls: list[tuple[int, int | None]] = []
    fetch(site.url, target, lambda done, total: calls.append((done, total)))
    assert [(seen.status, seen.body_bytes) for seen in site.seen] == [(304, 0)]
    assert calls == [(len(CONTENT), len(CONTENT))]
    assert target.stat().st_ino == inode


def test_without_an_etag_date_and_length_tell_that_it_is_unchanged(
    site: Site, target: Path
) -> None:
    site.etag = None
    get(site, target)
    inode = target.stat().st_ino
    site.will(Answer(stall_after=0))  # a client that wanted the body would wait for it
    get(site, target, retries=0)
    assert len(site.seen) == 2
    assert target.stat().st_ino == inode


def test_without_an_etag_another_date_is_another_file(site: Site, target: Path) -> None:
    site.etag = None
    site.last_modified = TUESDAY
    get(site, target)
    site.content, site.last_modified = OTHER, MONDAY  # older, as a restored copy is
    get(site, target)
    assert target.read_bytes() == OTHER


def test_without_an_etag_another_length_is_another_file(site: Site, target: Path) -> None:
    site.etag = None
    get(site, target)
    site.content = OTHER[:-1]
    get(site, target)
    assert target.read_bytes() == OTHER[:-1]


def test_a_length_alone_does_not_tell_that_a_file_is_unchanged(site: Site, target: Path) -> None:
    site.etag = site.last_modified = None
    get(site, target)
    site.content = OTHER
    get(site, target)
    assert target.read_bytes() == OTHER


def test_a_republished_file_replaces_the_copy(site: Site, target: Path) -> None:
    get(site, target)
    site.republish()
    get(site, target)
    assert target.read_bytes() == OTHER
    site.seen.clear()
    get(site, target)
    assert [seen.status for seen in site.seen] == [304]


def test_a_broken_off_replacement_leaves_the_old_copy_and_resumes(site: Site, target: Path) -> None:
    get(site, target)
    site.republish()
    site.will(Answer(cut_after=400_000))
    error = fail(site, target, retries=0)
    assert f"ingest the local copy at {target}" in error.remedy
    assert target.read_bytes() == CONTENT
    get(site, target)
    assert site.seen[-1].status == 206
    assert target.read_bytes() == OTHER


@pytest.mark.parametrize("damage", ["truncated", "no origin", "origin of another address"])
def test_a_copy_that_cannot_be_trusted_is_fetched_anew(
    site: Site, target: Path, damage: str
) -> None:
    url = site.url
    get(site, target)
    if damage == "truncated":
        target.write_bytes(CONTENT[:-1])
    elif damage == "no origin":
        target.with_name("trips.parquet.origin.json").unlink()
    else:
        url = f"{site.base}/mirror.parquet"
    fetch(url, target)
    assert [seen.status for seen in site.seen] == [200, 200]
    assert target.read_bytes() == CONTENT


def test_no_server_but_a_copy_is_an_error_that_points_to_the_copy(site: Site, target: Path) -> None:
    get(site, target)
    note = target.with_name("trips.parquet.origin.json")
    note.write_text(note.read_text().replace(site.base, base := unreachable()))
    site.base = base
    assert f"ingest the local copy at {target}" in fail(site, target).remedy
    assert target.read_bytes() == CONTENT


# --- faults on this side --------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_with_the_folder(site: Site, target: Path) -> None:
    target.parent.mkdir()
    part_of(target).symlink_to("/dev/full")
    error = fail(site, target)
    assert error.reason == "the disk is full"
    assert str(target.parent) in error.remedy
    assert len(site.seen) == 1
    assert not target.exists()


def test_a_folder_that_is_a_file_is_an_error(site: Site, target: Path) -> None:
    target.parent.write_text("")
    assert "cannot be written" in fail(site, target).reason


def test_two_downloads_of_one_file_do_not_mix(site: Site, target: Path) -> None:
    target.parent.mkdir()
    with FileLock(target.with_name("trips.parquet.lock")):
        assert "another download of it is under way" in fail(site, target).reason
    assert site.seen == []
    get(site, target)
    assert target.read_bytes() == CONTENT


# --- months and sources ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("2024-01", ["2024-01"]),
        ("2024-01..2024-03", ["2024-01", "2024-02", "2024-03"]),
        ("2023-11..2024-02", ["2023-11", "2023-12", "2024-01", "2024-02"]),
        ("2024-03..2024-03", ["2024-03"]),
        ("2024-01,2024-03", ["2024-01", "2024-03"]),
        (" 2024-03 , 2024-01 , 2024-01..2024-01", ["2024-01", "2024-03"]),
        ("2024", [f"2024-{month:02}" for month in range(1, 13)]),
        ("2023-12..2024", ["2023-12", *(f"2024-{month:02}" for month in range(1, 13))]),
    ],
)
def test_months_are_read(text: str, months: list[str]) -> None:
    assert parse_months(text) == [date.fromisoformat(f"{month}-01") for month in months]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-13",
        "2024-1",
        "24-01",
        "2024-01-01",
        "2024-01,",
        "2024-01..",
        "..2024-01",
        "2024-03..2024-01",
        "2024-01..2024-02..2024-03",
        "2008-12",
        "3024",
        "٢٠٢٤",
        "january",
    ],
)
def test_what_is_no_month_is_an_error_with_an_example(text: str) -> None:
    with pytest.raises(TaxiError) as caught:
        parse_months(text)
    assert "2024-01..2024-03" in caught.value.remedy


def test_the_publishers_addresses() -> None:
    assert set(SOURCES) == {"tlc", "datatalks"}
    assert month_url(Service.FHV, date(2019, 1, 31), "tlc") == (
        "https://d37ci6vzurychx.cloudfront.net/trip-data/fhv_tripdata_2019-01.parquet"
    )
    assert month_url(Service.GREEN, date(2020, 12, 1), "datatalks") == (
        "https://github.com/DataTalksClub/nyc-tlc-data/releases/download/green/"
        "green_tripdata_2020-12.csv.gz"
    )


def test_a_fault_is_told_without_the_secrets_of_the_address() -> None:
    for mark in "?;":
        fault = requests.ConnectionError(f"Max retries exceeded with url: /x.csv{mark}sig=SECRET")
        said = str(download.connection_error(fault, "https://h/x.csv"))
        assert said == "cannot reach the server (Max retries exceeded with url: /x.csv?...)"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_is_an_address_of_a_folder(slash: str) -> None:
    mirror = f"https://mirror.example.org:8443/taxi/files{slash}"
    assert month_url(Service.YELLOW, FIRST, mirror) == (
        "https://mirror.example.org:8443/taxi/files/yellow_tripdata_2024-01.parquet"
    )
    assert source_folder(mirror) == "mirror.example.org_8443_taxi_files"


@pytest.mark.parametrize(
    "source", ["tcl", "ftp://example.org/x", "https://", "http://[x", "/data/x"]
)
def test_what_is_no_source_is_an_error(source: str, tmp_path: Path) -> None:
    with pytest.raises(TaxiError, match="neither a known source") as caught:
        download_months([(Service.YELLOW, FIRST)], source, tmp_path)
    assert "tlc, datatalks" in caught.value.remedy


@pytest.mark.parametrize("address", ["me:secret@example.org/files", "example.org/a;sig=secret/b"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(TaxiError, match="has a user, a parameter, a query") as caught:
        source_folder(f"https://{address}")
    assert "secret" not in str(caught.value)


def test_months_go_on_after_one_that_is_not_published(site: Site, tmp_path: Path) -> None:
    site.by_path["/trip-data/yellow_tripdata_2024-02.parquet"] = Answer(status=403)
    mirror = f"{site.base}/trip-data"
    calls: list[tuple[str, int, int | None]] = []
    months = [FIRST, date(2024, 2, 1), date(2024, 3, 31), date(2024, 3, 1)]
    report = download_months(
        [(Service.YELLOW, month) for month in months],
        mirror,
        tmp_path,
        lambda file, done, total: calls.append((file, done, total)),
    )
    assert [outcome.month for outcome in report.months] == [
        FIRST,
        date(2024, 2, 1),
        date(2024, 3, 1),
    ]
    folder = tmp_path / source_folder(mirror)
    assert report.paths == [
        folder / "yellow_tripdata_2024-01.parquet",
        folder / "yellow_tripdata_2024-03.parquet",
    ]
    assert all(path.read_bytes() == CONTENT for path in report.paths)
    assert [error.subject for error in report.errors] == ["yellow_tripdata_2024-02.parquet"]
    assert report.months[1].error is report.errors[0]
    assert report.exit_code == 2
    assert ("yellow 2024-03", len(CONTENT), len(CONTENT)) in calls


def test_the_same_month_of_two_sources_does_not_meet(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source, suffix in (("tlc", "parquet"), ("datatalks", "csv.gz")):
        monkeypatch.setitem(SOURCES, source, f"{site.base}/{{service}}_{{month}}.{suffix}")
        report = download_months([(Service.GREEN, FIRST)], source, tmp_path)
        assert report.paths == [tmp_path / source / f"green_2024-01.{suffix}"]
        assert report.exit_code == 0


def test_services_are_names_or_all_that_tlc_has_published() -> None:
    months = [date(2013, 12, 1), date(2014, 1, 1)]
    assert parse_files("fhvhv,green", months) == [
        *((Service.HVFHV, month) for month in months),
        *((Service.GREEN, month) for month in months),
    ]
    assert parse_files("all", months) == [
        *((Service.YELLOW, month) for month in months),
        (Service.GREEN, date(2014, 1, 1)),
    ]
    with pytest.raises(TaxiError, match="service 'uber': there is no such service") as caught:
        parse_files("yellow,uber", months)
    assert caught.value.remedy == "use yellow, green, fhv, fhvhv, or all"


def test_sizes_are_those_of_files_that_are_not_there_yet(site: Site, tmp_path: Path) -> None:
    site.by_path["/yellow_tripdata_2024-03.parquet"] = Answer(status=403)
    months = [date(2024, month, 1) for month in (1, 2, 3, 4)]
    targets = targets_of([(Service.YELLOW, month) for month in months], site.base, tmp_path)
    folder = targets[0][1].parent
    folder.mkdir()
    targets[0][1].write_bytes(CONTENT)
    (folder / "yellow_tripdata_2024-04.parquet.part").write_bytes(CONTENT[:100])
    sizes = measure(targets)
    assert (sizes.files, sizes.known_bytes, sizes.unknown) == (3, 2 * len(CONTENT) - 100, 1)
    assert sizes.free_bytes == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)


def test_taxi_download_says_the_sizes_and_stops_where_there_is_no_room(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAXI_DATA_DIR", str(tmp_path))
    command = ["download", "all", "2019-02", "--source", site.base]
    site.told_length = 10**15
    full = CliRunner().invoke(app, command)
    assert isinstance(full.exception, TaxiError)
    assert "the files take 4,000,000.0 GB, and " in str(full.exception)
    assert not site.seen
    site.told_length = len(CONTENT)
    done = CliRunner().invoke(app, command)
    assert "4 files to download: " in done.output
    assert len(list((tmp_path / "downloads").rglob("*_tripdata_2019-02.parquet"))) == 4


def test_a_report_without_errors_is_success() -> None:
    assert DownloadReport(()).exit_code == 0
