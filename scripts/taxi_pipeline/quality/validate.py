"""``taxi validate``: every suite judged, what has not changed left alone, the verdicts written as pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry
from taxi_pipeline.lake.verify import require_intact
from taxi_pipeline.quality.checks import Tell, Verdict
from taxi_pipeline.quality.lake_month import suite_name
from taxi_pipeline.quality.marts import SUITES
from taxi_pipeline.quality.pages import write_pages
from taxi_pipeline.quality.store import MonthJudge, month_of
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses import open_reader


@dataclass(frozen=True)
class Choice:
    """What to validate.

    Attributes:
        target: whose marts; None for the default.
        service: months of this service only.
        month: this month only.
        again: judge anew what has not changed, too.
    """

    target: str | None = None
    service: Service | None = None
    month: date | None = None
    again: bool = False

    def takes(self, entry: ManifestEntry) -> bool:
        """Whether a file is among those to validate; what is expected of a month says nothing of events so far."""
        service, month = month_of(entry)
        return (
            not entry.is_stream and self.service in {None, service} and self.month in {None, month}
        )

    @property
    def takes_marts(self) -> bool:
        """Marts hold all months: they are left out where one month or service is asked for."""
        return self.service is None and self.month is None


@dataclass(frozen=True)
class Validation:
    """What was found.

    Attributes:
        verdicts: one per suite, the lake's months first.
        page: where to read it.
    """

    verdicts: tuple[Verdict, ...]
    page: Path

    @property
    def exit_code(self) -> int:
        """1 where a critical check failed that nobody has accepted, else 0."""
        return int(any(verdict.failed("critical") for verdict in self.verdicts))


def validate(settings: Settings, choice: Choice, tell: Tell) -> Validation:
    """Judge the months of the lake and the marts, and write the pages.

    Args:
        settings: project and data folder.
        choice: what to validate.
        tell: told what is going on.

    Raises:
        TaxiError: there is nothing to validate, or the marts cannot be read.
    """
    lake = Lake.of(settings)
    entries = find_entries(lake, choice)
    judge = MonthJudge.of(settings)
    _profile(judge, lake, entries, settings, again=choice.again, tell=tell)
    verdicts = list(_judge_lake(judge, lake, entries, again=choice.again, tell=tell))
    if choice.takes_marts:
        with open_reader(settings, choice.target) as reader:
            tell(f"Checking the marts in {reader.name}")
            for suite in SUITES:
                verdicts.append(judge.store.verdict(suite(reader), again=choice.again))
    page = write_pages(settings.site_dir / "docs" / "quality", _all_verdicts(judge, lake))
    return Validation(tuple(verdicts), page)


def find_entries(lake: Lake, choice: Choice) -> list[ManifestEntry]:
    """The months of the lake that are to be judged.

    Raises:
        TaxiError: there is none.
    """
    entries = sorted(filter(choice.takes, lake.current()), key=lambda entry: entry.key)
    if not entries:
        raise TaxiError(
            lake.url,
            "it holds no such month" if lake.current() else "the lake is empty",
            "see `taxi status` for what it holds, or run `taxi ingest PATH`",
        )
    return entries


def _all_verdicts(judge: MonthJudge, lake: Lake) -> list[Verdict]:
    """What is known of the months that the lake holds and of the marts, whether judged now or earlier."""
    accepted = {
        suite_name(*month_of(entry)): judge.store.accepted(entry.load_id)
        for entry in lake.current()
    }
    return [
        verdict.accepting(accepted.get(verdict.name, ()))
        for verdict in judge.store.kept_verdicts()
        if verdict.name in accepted or not verdict.name.startswith("lake-")
    ]


def _profile(
    judge: MonthJudge,
    lake: Lake,
    entries: list[ManifestEntry],
    settings: Settings,
    *,
    again: bool,
    tell: Tell,
) -> None:
    """Add up the months whose numbers are not known, with them those that they are compared with."""
    services = {entry.service_type for entry in entries}
    chosen = {entry.load_id for entry in entries}
    unknown = [
        entry
        for entry in lake.current()
        if entry.service_type in services
        and not entry.is_stream
        and ((again and entry.load_id in chosen) or judge.store.profile(entry.load_id) is None)
    ]
    if not unknown:
        return
    with duckdb.connect(
        config={"memory_limit": settings.memory_limit, "temp_directory": str(settings.temp_dir)}
    ) as connection:
        connection.execute("set enable_progress_bar = false")
        lake.storage.connect(connection)
        for entry in unknown:
            tell(f"Reading {entry.source_file}")
            require_intact(lake, [entry])
            part = lake.location(entry)
            judge.store.keep_profile(entry.load_id, judge.profile(connection, part, entry))


def _judge_lake(
    judge: MonthJudge, lake: Lake, entries: list[ManifestEntry], *, again: bool, tell: Tell
) -> Iterator[Verdict]:
    for entry in entries:
        profile = judge.store.profile(entry.load_id)
        if profile is None:
            raise AssertionError(entry.load_id)
        tell(f"Checking {entry.source_file}")
        verdict = judge.store.verdict(judge.suite(entry, profile, lake), again=again)
        yield verdict.accepting(judge.store.accepted(entry.load_id))
