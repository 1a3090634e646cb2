"""What is kept of earlier judgments, under ``quality/`` in the data folder.

All of it can be made again, except for what a user has accepted::

    profiles/<load_id>.json     the profile of one version of a file
    accepted/<load_id>.json     names of the critical checks that a user has let pass for that version
    verdicts/<suite>.json       the last verdict on a suite
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry, temp_tag
from taxi_pipeline.quality.checkpoint import run_checkpoint
from taxi_pipeline.quality.checks import Suite, Verdict, is_comparable
from taxi_pipeline.quality.definitions import SMALLEST_MONTH_ROWS
from taxi_pipeline.quality.lake_month import (
    MAX_PREVIOUS,
    Lists,
    lake_month_suite,
    read_lists,
    suite_name,
)
from taxi_pipeline.quality.profile import Profile, profile_partition
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings

Kept = TypeVar("Kept")


def _parsed(read: Callable[[str], Kept | None], text: str | None) -> Kept | None:
    """What a file holds; None where it is missing or damaged, because it can be made again."""
    try:
        return None if text is None else read(text)
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True)
class Store:
    """The kept judgments of one data folder.

    Args:
        settings: where it is.
    """

    settings: Settings

    def _path(self, kind: str, name: str) -> Path:
        return self.settings.data_dir / "quality" / kind / f"{name}.json"

    def _read(self, kind: str, name: str) -> str | None:
        try:
            return self._path(kind, name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def _write(self, kind: str, name: str, text: str) -> None:
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{name}-{temp_tag(self.settings.data_dir)}.tmp")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    def profile(self, load_id: str) -> Profile | None:
        """The profile of a version, where it is known."""
        return _parsed(Profile.from_json, self._read("profiles", load_id))

    def keep_profile(self, load_id: str, profile: Profile) -> None:
        """Remember a version's profile."""
        self._write("profiles", load_id, profile.to_json())

    def accepted(self, load_id: str) -> list[str]:
        """The critical checks that a user has let pass for a version."""
        try:
            return list(json.loads(self._read("accepted", load_id) or "[]"))
        except (ValueError, TypeError) as error:
            raise TaxiError(
                str(self._path("accepted", load_id)),
                "the record of overridden checks is damaged",
                "delete it, then ingest the month again with --accept-critical if it is right",
            ) from error

    def accept(self, load_id: str, names: Sequence[str]) -> None:
        """Remember that a user has let these checks pass."""
        self._write("accepted", load_id, json.dumps(list(names)))

    def verdict(self, suite: Suite, *, again: bool = False) -> Verdict:
        """The verdict on a suite: the last one, where measures and thresholds are the same, else a new one."""
        last = None if again else _parsed(Verdict.from_json, self._read("verdicts", suite.name))
        if last is not None and last.fingerprint == suite.fingerprint:
            return last
        verdict = run_checkpoint(suite)
        self.keep_verdict(verdict)
        return verdict

    def kept_verdicts(self) -> list[Verdict]:
        """The last verdict on every suite, by name."""
        folder = self._path("verdicts", "any").parent
        read = (
            _parsed(Verdict.from_json, self._read("verdicts", path.stem))
            for path in sorted(folder.glob("*.json"))
        )
        return [verdict for verdict in read if verdict is not None]

    def keep_verdict(self, verdict: Verdict) -> None:
        """Remember the verdict on a suite."""
        self._write("verdicts", verdict.name, verdict.to_json())


def failed_months(settings: Settings, lake: Lake) -> dict[str, list[str]]:
    """Months of the lake that fail critical checks by their last verdicts, whether a user has accepted that or not.

    Args:
        settings: where the verdicts are.
        lake: whose months.

    Returns:
        Names of the failed checks by service and month, such as ``Yellow 2025-10``.
    """
    names = {
        suite_name(*month_of(entry)): f"{entry.service_type} {entry.file_month[:7]}"
        for entry in lake.current()
    }
    return {
        names[verdict.name]: [outcome.check.name for outcome in failed]
        for verdict in Store(settings).kept_verdicts()
        if verdict.name in names and (failed := verdict.failed("critical"))
    }


@dataclass(frozen=True)
class MonthJudge:
    """Judges months of the lake against their tariff, the map, and the months before them.

    Args:
        store: what is kept.
        lists: the seeds.
    """

    store: Store
    lists: Lists

    @classmethod
    def of(cls, settings: Settings) -> "MonthJudge":
        """The judge of a project and its data folder."""
        return cls(Store(settings), read_lists())

    def profile(
        self, connection: duckdb.DuckDBPyConnection, part: str | Path, entry: ManifestEntry
    ) -> Profile:
        """Add up a partition."""
        return profile_partition(connection, part, *month_of(entry))

    def suite(self, entry: ManifestEntry, profile: Profile, lake: Lake) -> Suite:
        """What is expected of a month, in the light of those before it whose profiles are known."""
        service, month = month_of(entry)
        return lake_month_suite(
            service,
            month,
            profile,
            self._previous(entry, profile, lake),
            self.lists,
            is_synthetic=entry.is_synthetic,
        )

    def _previous(self, entry: ManifestEntry, profile: Profile, lake: Lake) -> list[Profile]:
        """Comparable profiles of the year before a month: no break in between, small files apart from large ones."""
        service, month = month_of(entry)
        is_large = profile.rows >= SMALLEST_MONTH_ROWS
        found = []
        for other in lake.current():
            earlier = date.fromisoformat(other.file_month)
            distance = 12 * (month.year - earlier.year) + month.month - earlier.month
            if (
                other.service_type == entry.service_type
                and not other.is_stream
                and 0 < distance <= MAX_PREVIOUS
                and is_comparable(service.label, earlier, month)
                and (known := self.store.profile(other.load_id)) is not None
                and (known.rows >= SMALLEST_MONTH_ROWS) == is_large
            ):
                found.append((earlier, known))
        return [known for _, known in sorted(found, key=lambda pair: pair[0])]


def month_of(entry: ManifestEntry) -> tuple[Service, date]:
    """The service and the month of a version."""
    service = Service.of_label(entry.service_type)
    return service, date.fromisoformat(entry.file_month)
