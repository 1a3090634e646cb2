"""Look at the lake, at the notes beside its downloads, and at the publisher."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from taxi_pipeline.download.asking import ask
from taxi_pipeline.download.months import targets_of
from taxi_pipeline.download.origin import Origin, note_of
from taxi_pipeline.download.sources import Month
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import ManifestEntry, hash_file
from taxi_pipeline.plan.planning import REFUSALS, Held, Plan, ingested_at, judge
from taxi_pipeline.texts import plural
from taxi_pipeline.transform.completeness import FileVerdict

_TOLD_EVERY = 100
"""Replies between two remarks on progress."""


def survey(
    months: Sequence[Month],
    source: str,
    folder: Path,
    entries: Sequence[ManifestEntry],
    verdicts: Mapping[str, FileVerdict],
    counts: Mapping[Month, int | None],
    today: date,
    tell: Callable[[str], None],
) -> Plan:
    """Compare months of the lake with those of a publisher.

    Args:
        months: which to look at, each once.
        source: the publisher, see ``month_url``.
        folder: of the downloads.
        entries: the current versions of the lake's months.
        verdicts: on their completeness, by load_id.
        counts: published rows by month.
        today: the present day.
        tell: told how many months have been asked for.

    Raises:
        TaxiError: the source is unknown.
    """
    targets = targets_of(months, source, folder)

    def count_replies(done: int) -> None:
        if done % _TOLD_EVERY == 0 or done == len(targets):  # each is a line in a log
            tell(f"Asking the publisher: {done} of {plural(len(targets), 'month')}")

    replies = ask([url for url, _ in targets], count_replies)
    real = {entry.key: entry for entry in entries if not (entry.is_synthetic or entry.is_stream)}
    planned = []
    for month, (url, path), reply in zip(months, targets, replies, strict=True):
        entry = real.get((month.service.label, month.first.isoformat()))
        held = (
            None
            if entry is None
            else Held(entry, verdicts.get(entry.load_id), _kept(entry, url, path))
        )
        count = counts.get(month)
        planned.append(judge(month, url, held, reply.status, reply.origin, count, today))
    faults = [
        reply.reason or f"{month}: the publisher answers {reply.status}"
        for month, reply in zip(months, replies, strict=True)
        if reply.origin is None and reply.status not in REFUSALS
    ]
    complaint = _complaint(source, faults, len(replies)) if faults else None
    return Plan(tuple(planned), source, complaint)


def _complaint(source: str, faults: Sequence[str], asked: int) -> TaxiError:
    return TaxiError(
        source,
        f"{len(faults)} of {plural(asked, 'month')} could not be asked for: {faults[0]}",
        "check the connection; the plan says of them only what the lake and the published counts know",
    )


def _kept(entry: ManifestEntry, url: str, path: Path) -> Origin | None:
    """What the publisher said of the download, if that is the file in the lake."""
    origin = Origin.load(note_of(path), url)
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    if origin is None or state.st_size != entry.source_bytes:
        return None
    is_older = datetime.fromtimestamp(state.st_mtime, UTC) <= ingested_at(entry)
    return origin if is_older or hash_file(path) == entry.source_sha256 else None
