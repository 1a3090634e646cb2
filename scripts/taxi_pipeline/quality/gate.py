"""The gate between conversion and lake: a month that fails a critical check does not count as ingested."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from taxi_pipeline.errors import DataError
from taxi_pipeline.lake import Lake, ManifestEntry
from taxi_pipeline.quality.checkpoint import run_checkpoint
from taxi_pipeline.quality.checks import Outcome, Verdict
from taxi_pipeline.quality.definitions import SMALLEST_MONTH_ROWS, definitions
from taxi_pipeline.quality.lake_month import published_rows
from taxi_pipeline.quality.profile import Profile
from taxi_pipeline.quality.store import MonthJudge
from taxi_pipeline.settings import Settings
from taxi_pipeline.texts import plural

GATE_ROWS = 10_000
"""A third of the smallest month that TLC has published (2026-11-21). What is smaller was cut by hand: it goes in
without the 5 s that Great Expectations takes to start, and `taxi validate` and `taxi run` judge it."""


@dataclass(frozen=True)
class Passage:
    """A partition that may go into the lake.

    Attributes:
        judge: who has judged it.
        entry: its manifest entry.
        profile: what it is like.
        verdict: what the checks say of it.
        accepted: critical checks that the user lets pass.
    """

    judge: MonthJudge
    entry: ManifestEntry
    profile: Profile
    verdict: Verdict
    accepted: Sequence[str]

    @property
    def remarks(self) -> list[str]:
        """The checks that it failed, in a line each."""
        failed = self.verdict.accepting(self.accepted).failed("accepted", "warning")
        return [f"{outcome.severity}: {describe(outcome)}" for outcome in failed]

    def record(self) -> None:
        """Remember the profile, for the months to come, and what was accepted; once the partition is in the lake."""
        self.judge.store.keep_profile(self.entry.load_id, self.profile)
        self.judge.store.keep_verdict(self.verdict)
        if self.accepted:
            self.judge.store.accept(self.entry.load_id, self.accepted)


def examine(
    connection: duckdb.DuckDBPyConnection,
    part: Path,
    entry: ManifestEntry,
    lake: Lake,
    settings: Settings,
    *,
    accept_critical: bool,
) -> Passage | None:
    """Judge a converted partition before it takes its place.

    Args:
        connection: of the engine that has written it.
        part: the partition, under its temporary name.
        entry: its manifest entry.
        lake: where it is to go; the months in it are what it is compared with.
        settings: where seeds and profiles are.
        accept_critical: let it pass in spite of critical failures, and remember that.

    Returns:
        None for an excerpt of fewer than ``GATE_ROWS`` rows, which is not judged here.

    Raises:
        DataError: a critical check failed.
    """
    if not accept_critical:
        _refuse_to_shrink(entry, lake)
    if entry.row_count < GATE_ROWS:
        return None
    judge = MonthJudge.of(settings)
    profile = judge.profile(connection, part, entry)
    verdict = run_checkpoint(judge.suite(entry, profile, lake))
    critical = verdict.failed("critical")
    if critical and not accept_critical:
        raise DataError(
            entry.source_file,
            "it was kept out of the lake: " + "; ".join(map(describe, critical)),
            "get the right file; if the file is right, ingest it with --accept-critical, which is recorded",
        )
    return Passage(judge, entry, profile, verdict, [outcome.check.name for outcome in critical])


def _refuse_to_shrink(entry: ManifestEntry, lake: Lake) -> None:
    """Neither an excerpt nor a file without amounts takes the place of a month by mistake."""
    for other in lake.current():
        if other.key != entry.key or other.is_synthetic or other.is_stream:
            continue
        if other.total_amount is not None and entry.total_amount is None:
            raise DataError(
                entry.source_file,
                f"it has no amounts, and the version in the lake has {Decimal(other.total_amount):,.2f} dollars",
                "get the file with amounts; to replace the month all the same, ingest it with --accept-critical",
            )
        # TLC's own new versions differ by some percent.
        if other.row_count >= max(SMALLEST_MONTH_ROWS, 2 * entry.row_count) or (
            _is_whole(other) and not _is_whole(entry)
        ):
            raise DataError(
                entry.source_file,
                f"it has {plural(entry.row_count, 'row')}, and the version in the lake has {other.row_count:,}",
                "get the whole file; to replace the month all the same, ingest it with --accept-critical",
            )


def _is_whole(entry: ManifestEntry) -> bool:
    """Whether a version has about as many rows as TLC has published."""
    published = published_rows().get((entry.service.value, entry.file_month[:7]))
    least = definitions().named("row_count_reaches_the_published_count").least
    return published is not None and least is not None and entry.row_count >= least * published


def describe(outcome: Outcome) -> str:
    """A failed check in one line: its name, what was found, what was expected, and what that points to."""
    check = outcome.check
    if outcome.severity == "info":
        return f"{check.finds}, {check.words}: {outcome.observed}"
    return (
        f"{check.name} failed: {check.words}: {outcome.observed}, expected {check.expected}. "
        f"Possible cause: {check.finds}"
    )
