"""One month of a plan: what the lake holds of it against what the publisher has. Pure; asks nobody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from taxi_pipeline.download.origin import Origin
from taxi_pipeline.download.sources import Month, refusal
from taxi_pipeline.errors import NotPublishedError, TaxiError
from taxi_pipeline.file_names import parse
from taxi_pipeline.lake import ManifestEntry
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.completeness import FileVerdict

State = Literal[
    "missing", "restated", "incomplete", "current", "not_published", "unavailable", "unknown"
]
"""missing: published, not in the lake. restated: the publisher has another file than the one in the lake. incomplete:
a part of the month is in the lake. current: in the lake, and nothing is known against it. not_published: it may come.
unavailable: the publisher refuses it, or never had it. unknown: not in the lake, and the publisher was not reached."""

TO_DO: tuple[State, ...] = ("missing", "restated", "incomplete")

REFUSALS = (403, 404)
"""Status codes by which a publisher says that it has no such file."""

PUBLISHED_AFTER = 2
"""Months from the end of a month's own to its publication, as a rule: the last month that a plan looks for."""


@dataclass(frozen=True)
class PlannedMonth:
    """What is known of one month.

    Attributes:
        month: whose, and which.
        state: see ``State``.
        reason: why it is in this state, as a clause; empty where the state says all.
        rows: in the lake; None where it is not there.
        published_rows: by the seed of published counts; None where it does not know.
        size: bytes of the publisher's file; None where it did not say.
    """

    month: Month
    state: State
    reason: str = ""
    rows: int | None = None
    published_rows: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class Plan:
    """The months that were looked at, by service and month.

    Attributes:
        months: one entry each.
        source: the publisher.
        complaint: why the publisher could not be asked about all of them; None where it was.
    """

    months: tuple[PlannedMonth, ...]
    source: str
    complaint: TaxiError | None = None

    @property
    def exit_code(self) -> int:
        """0; 2 where the publisher could not be asked about every month."""
        return 0 if self.complaint is None else self.complaint.exit_code

    @property
    def to_do(self) -> list[PlannedMonth]:
        """The months that a run would change."""
        return [one for one in self.months if one.state in TO_DO]


def default_months(services: Sequence[Service], known: Sequence[Month], today: date) -> list[Month]:
    """The months that a plan looks for: those of which published counts are known, and all since that should be out.

    Args:
        services: whose.
        known: months of the seed of published counts.
        today: the present day.
    """
    last = _number(today) - PUBLISHED_AFTER
    months = []
    for service in services:
        counted = sorted(month.first for month in known if month.service == service)
        later = range(_number(counted[-1]) + 1, last + 1) if counted else range(0)
        firsts = [*counted, *(date(number // 12, number % 12 + 1, 1) for number in later)]
        months += [Month(service, first) for first in firsts]
    return months


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


@dataclass(frozen=True)
class Held:
    """What the lake has of a month.

    Attributes:
        entry: its current version.
        verdict: on its completeness, where a build has judged it.
        kept: what the publisher said of the file when it was downloaded; None where that is not known, or where the
            file that was downloaded is another one than that in the lake.
    """

    entry: ManifestEntry
    verdict: FileVerdict | None = None
    kept: Origin | None = None


def judge(
    month: Month,
    url: str,
    held: Held | None,
    status: int | None,
    now: Origin | None,
    published_rows: int | None,
    today: date,
) -> PlannedMonth:
    """Say what is to be done about one month.

    Args:
        month: which.
        url: the publisher's address of it.
        held: what the lake has of it; the synthetic sample and a stream count as nothing.
        status: of the publisher's answer; None where it was not reached.
        now: what it has.
        published_rows: by the seed.
        today: the present day.
    """
    size = None if now is None else now.length
    if held is None:
        state, reason = _absent(url, status, now, today, is_counted=published_rows is not None)
        return PlannedMonth(month, state, reason, None, published_rows, size)
    rows = held.entry.row_count
    change = None if now is None else restatement(held, url, now)
    if change is not None:
        return PlannedMonth(month, "restated", change, rows, published_rows, size)
    if held.verdict is not None and held.verdict.state == "part":
        return PlannedMonth(month, "incomplete", held.verdict.reason, rows, published_rows, size)
    return PlannedMonth(month, "current", "", rows, published_rows, size)


def _absent(
    url: str, status: int | None, now: Origin | None, today: date, *, is_counted: bool
) -> tuple[State, str]:
    if now is not None:
        return "missing", ""
    if status in REFUSALS:
        is_to_come = isinstance(refusal(url, status, today), NotPublishedError)
        return "not_published" if is_to_come else "unavailable", f"the publisher answers {status}"
    if status is not None:
        return "unknown", f"the publisher answers {status}"
    if is_counted:
        return "missing", "its published count is known; the publisher was not asked"
    return "unknown", "the publisher was not asked"


def restatement(held: Held, url: str, now: Origin) -> str | None:
    """Why the publisher's file is another one than that in the lake; None where nothing says so.

    A file of another edition, such as a CSV copy, is not compared.

    Args:
        held: what the lake has.
        url: the publisher's address of the month.
        now: what it has.
    """
    entry = held.entry
    if parse(url).format != entry.source_format.partition(" ")[0]:  # the rest names who wrote it
        return None
    if now.length is not None and now.length != entry.source_bytes:
        return f"{now.length:,} bytes at the publisher, {entry.source_bytes:,} in the lake"
    if held.kept is not None:
        return "the publisher's file is a later one" if held.kept.contradicts(now) else None
    changed = _time(now.last_modified)
    if changed is not None and changed > ingested_at(entry):
        return f"published again on {changed:%Y-%m-%d}, ingested on {entry.ingested_at[:10]}"
    return None


def ingested_at(entry: ManifestEntry) -> datetime:
    """When a version came into the lake, with its time zone, UTC."""
    return datetime.fromisoformat(entry.ingested_at).replace(tzinfo=UTC)


def _time(header: str | None) -> datetime | None:
    try:
        time = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def spans(months: Sequence[PlannedMonth]) -> Iterator[list[PlannedMonth]]:
    """Put consecutive months of one service together that have the same state for the same reason.

    Args:
        months: in the order of service and month.
    """
    span: list[PlannedMonth] = []
    for one in months:
        if span and not _continues(span[-1], one):
            yield span
            span = []
        span.append(one)
    if span:
        yield span


def _continues(before: PlannedMonth, after: PlannedMonth) -> bool:
    return (
        before.month.service == after.month.service
        and _number(before.month.first) + 1 == _number(after.month.first)
        and (before.state, before.reason) == (after.state, after.reason)
    )


def counts_of(rows: Sequence[Mapping[str, str]]) -> dict[Month, int | None]:
    """Rows of the official Parquet file by month, from the seed ``published_trip_counts``; None where it has none."""
    return {
        Month(Service(row["service_type"]), date.fromisoformat(row["file_month"][:7] + "-01")): int(
            row["parquet_rows"]
        )
        if row["parquet_rows"]
        else None
        for row in rows
    }
