"""A suite as data: frames of measures, and the checks that Great Expectations makes of them.

Great Expectations takes 5 s to import. A suite is therefore plain data up to the moment in which it is judged,
and a suite that has not changed since is not judged again (``Suite.fingerprint``).
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal

Severity = Literal["critical", "warning", "info"]
Frame = Sequence[Mapping[str, Any]]
"""Rows of measures; the column ``key`` says what a row is about."""


@dataclass(frozen=True)
class Check:
    """One expectation of a suite, in the form in which it is judged; ``checks.toml`` holds the definitions.

    Attributes:
        name: of the check.
        finds: the fault that it is there for.
        reason: why the bounds are where they are.
        severity: ``critical`` keeps a month out of the lake and ends in exit code 1.
        frame: the frame that it judges.
        column: the measure's column in it.
        words: the measure in words.
        percent: the measure is a share, printed as a percentage.
        expectation: Great Expectations' type.
        arguments: the bounds, under Great Expectations' names.
        set_on: date of the bounds, ISO.
    """

    name: str
    finds: str
    reason: str
    severity: Severity
    frame: str
    column: str
    words: str
    percent: bool
    expectation: str
    arguments: Mapping[str, Any]
    set_on: str

    @property
    def expected(self) -> str:
        """The bounds in words."""
        if "value_set" in self.arguments:
            return f"one of {', '.join(map(str, self.arguments['value_set']))}"
        low, high = (
            None if (bound := self.arguments.get(name)) is None else self.show(bound)
            for name in ("min_value", "max_value")
        )
        if low is None:
            return f"at most {high}"
        return f"at least {low}" if high is None else f"{low} to {high}"

    def show(self, value: Any) -> str:
        """A value of the measure, as a person reads it."""
        if isinstance(value, str):
            return value
        number = float(value) * (100 if self.percent else 1)
        shown = f"{number:,.0f}" if number.is_integer() else f"{number:,.4g}"
        return f"{shown} %" if self.percent else shown


@dataclass(frozen=True)
class Suite:
    """What is expected of one month of the lake, or of one mart.

    Attributes:
        name: file name of its page, such as ``lake-green-2024-01``.
        title: what it is about, in words.
        frames: what is judged, by name.
        checks: what is expected.
        skipped: checks that do not apply, with the reason.
        facts: what else a reader wants to know, by heading.
    """

    name: str
    title: str
    frames: Mapping[str, Frame]
    checks: Sequence[Check]
    skipped: Sequence[tuple[str, str]] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for the same measures and thresholds."""
        content = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """How one check ended.

    Attributes:
        check: what was expected.
        passed: whether it is so.
        severity: as Great Expectations reports it; ``critical`` becomes ``accepted`` where a user has said so.
        observed: what was found, in words.
        rows: how many rows of measures were judged.
    """

    check: Check
    passed: bool
    severity: str
    observed: str
    rows: int


@dataclass(frozen=True)
class Verdict:
    """A suite, judged.

    Attributes:
        name: the suite's.
        title: the suite's.
        fingerprint: the suite's.
        judged_at: UTC.
        outcomes: one per check.
        skipped: as in the suite.
        facts: as in the suite.
    """

    name: str
    title: str
    fingerprint: str
    judged_at: str
    outcomes: tuple[Outcome, ...]
    skipped: tuple[tuple[str, str], ...]
    facts: Mapping[str, str]

    def failed(self, *severities: str) -> list[Outcome]:
        """The checks that failed, of these severities or of all."""
        return [
            outcome
            for outcome in self.outcomes
            if not outcome.passed and (not severities or outcome.severity in severities)
        ]

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(outcome.passed for outcome in self.outcomes)

    def accepting(self, names: Sequence[str]) -> "Verdict":
        """The same, where the critical failures of these names have been accepted by the user."""
        outcomes = (
            replace(outcome, severity="accepted")
            if not outcome.passed and outcome.severity == "critical" and outcome.check.name in names
            else outcome
            for outcome in self.outcomes
        )
        return replace(self, outcomes=tuple(outcomes))

    def to_json(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), indent=1, default=str)

    @classmethod
    def from_json(cls, text: str) -> "Verdict":
        """Read it again."""
        values = json.loads(text)
        outcomes = tuple(
            Outcome(**{**outcome, "check": Check(**outcome["check"])})
            for outcome in values["outcomes"]
        )
        skipped = tuple((name, reason) for name, reason in values["skipped"])
        return cls(**{**values, "outcomes": outcomes, "skipped": skipped})


@dataclass(frozen=True)
class Break:
    """A stretch of time that says nothing about the months around it.

    Attributes:
        services: labels of the services that it concerns.
        first: first month.
        after: first month that is settled again; the same as ``first`` where the level changes at once.
        reason: what happened.
    """

    services: tuple[str, ...]
    first: date
    after: date
    reason: str


# Read off the published counts and fareboxes of all months since 2016-07 (seeds/published_trip_counts.csv) on
# 2026-11-21: with these two breaks no month leaves the bands of volume and mean fare, without them 24 do.
BREAKS = (
    Break(
        ("FHV",),
        date(2019, 2, 1),
        date(2019, 2, 1),
        "high-volume services (Uber, Lyft, Via, Juno) have left these files for files of their own",
    ),
    Break(
        ("Yellow", "Green", "FHV", "HVFHV"),
        date(2020, 3, 1),
        date(2021, 7, 1),
        "the lockdown of 2020 and the recovery from it",
    ),
)


def is_comparable(service: str, earlier: date, later: date) -> bool:
    """Whether an earlier month (or day) of a service is a measure for a later one."""
    return not any(
        service in event.services
        and (
            event.first <= earlier < event.after
            or event.first <= later < event.after
            or earlier < event.first <= later
        )
        for event in BREAKS
    )


def median_of(values: Sequence[float | None], at_least: int) -> float | None:
    """The median of what is known; None where fewer than ``at_least`` are."""
    known = sorted(value for value in values if value is not None)
    if len(known) < at_least:
        return None
    middle = len(known) // 2
    return known[middle] if len(known) % 2 else (known[middle - 1] + known[middle]) / 2


def ratio(value: float | None, measure: float | None) -> float | None:
    """How many times a measure a value is; None where either is unknown or the measure is 0."""
    return None if value is None or not measure else round(value / measure, 4)


def shift(one: Mapping[str, int], other: Mapping[str, int]) -> float | None:
    """The share of rows that would have to change their value to turn one distribution into the other."""
    total, other_total = sum(one.values()), sum(other.values())
    if not total or not other_total:
        return None
    parts = (
        abs(one.get(key, 0) / total - other.get(key, 0) / other_total)
        for key in one.keys() | other.keys()
    )
    return round(math.fsum(parts) / 2, 4)  # the same in any order


Tell = Callable[[str], None]
"""Told what is going on, in a sentence."""
