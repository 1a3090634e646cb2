"""The checks as they stand in ``checks.toml``, and how a suite takes those that apply to it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from taxi_pipeline.quality.checks import Check, Frame, Severity


@dataclass(frozen=True)
class Size:
    """A number that a file must reach before a check says something.

    Attributes:
        counts: what is counted.
        least: how many are needed.
        reason: why so many.
    """

    counts: str
    least: int
    reason: str


@dataclass(frozen=True)
class Measure:
    """What is measured.

    Attributes:
        words: the measure in words.
        percent: a share, printed as a percentage.
        unknown: why it can be missing; None if it never is.
    """

    words: str
    percent: bool = False
    unknown: str | None = None


@dataclass(frozen=True)
class Definition:
    """One check of ``checks.toml``; its header describes the fields."""

    name: str
    suite: str
    frame: str
    measure: str
    severity: Severity
    finds: str
    reason: str
    set_on: Any
    least: float | None = None
    most: float | None = None
    services: Sequence[str] = ()
    needs: Sequence[str] = ()
    warning_below: Sequence[str] = ()
    column: str | None = None
    values: Sequence[Any] | None = None

    def of_code(self, column: str, code: str, values: Sequence[Any]) -> "Definition":
        """The same for one code column.

        Args:
            column: the code's column in the lake.
            code: its name in words, with underscores.
            values: the codes that are known.
        """
        words = {"column": column, "code": code, "code_words": code.replace("_", " ")}
        is_list = self.measure == "codes"
        return replace(
            self,
            name=self.name.format(**words),
            frame=self.frame.format(**words),
            finds=self.finds.format(**words),
            column=column if is_list else f"{code}_shift",
            values=values if is_list else None,
        )

    @property
    def is_per_code(self) -> bool:
        """Whether it stands for one check per code column."""
        return "{code}" in self.name


@dataclass(frozen=True)
class Definitions:
    """All that ``checks.toml`` holds."""

    sizes: Mapping[str, Size]
    measures: Mapping[str, Measure]
    checks: Sequence[Definition]

    def of(self, suite: str, service: str | None = None) -> Iterator[Definition]:
        """The checks of a suite, and of a service if it is about one."""
        for check in self.checks:
            if check.suite == suite and (not check.services or service in check.services):
                yield check

    def named(self, name: str) -> Definition:
        """The check of a name."""
        return next(check for check in self.checks if check.name == name)

    def least(self, size: str) -> int:
        """How much a size needs."""
        return self.sizes[size].least

    def apply(
        self, checks: Sequence[Definition], frames: Mapping[str, Frame], counts: Mapping[str, int]
    ) -> tuple[list[Check], list[tuple[str, str]]]:
        """Turn definitions into checks of these frames.

        Args:
            checks: what may apply.
            frames: what is judged, by name.
            counts: how many there are of what sizes count.

        Returns:
            The checks that apply, and the names of the others with the reason.
        """
        applied: list[Check] = []
        skipped: list[tuple[str, str]] = []
        for check in checks:
            measure = self.measures[check.measure]
            column = check.column or check.measure
            known = any(row[column] is not None for row in frames[check.frame])
            few = next((size for size in check.needs if self._is_below(size, counts)), None)
            if few is not None:
                counted = self.sizes[few].counts
                number, words = counts[counted], counted.replace("_", " ")
                skipped.append(
                    (check.name, f"{number:,} {words}, and it needs {self.least(few):,}")
                )
            elif not frames[check.frame]:
                skipped.append((check.name, f"there are no {check.frame} to check"))
            elif not known and measure.unknown:
                skipped.append((check.name, measure.unknown))
            else:
                applied.append(self._apply(check, measure, column, counts))
        return applied, skipped

    def _apply(
        self, check: Definition, measure: Measure, column: str, counts: Mapping[str, int]
    ) -> Check:
        is_part = any(self._is_below(size, counts) for size in check.warning_below)
        bounds = {"min_value": check.least, "max_value": check.most}
        is_list = check.values is not None
        return Check(
            name=check.name,
            finds=check.finds,
            reason=check.reason,
            severity="warning" if is_part and check.severity == "critical" else check.severity,
            frame=check.frame,
            column=column,
            words=measure.words,
            percent=measure.percent,
            expectation="expect_column_values_to_be_in_set"
            if is_list
            else "expect_column_values_to_be_between",
            arguments={"value_set": list(check.values or ())}
            if is_list
            else {name: value for name, value in bounds.items() if value is not None},
            set_on=str(check.set_on),
        )

    def _is_below(self, size: str, counts: Mapping[str, int]) -> bool:
        return counts[self.sizes[size].counts] < self.least(size)


@cache
def definitions() -> Definitions:
    """Read ``checks.toml``."""
    content = tomllib.loads((Path(__file__).parent / "checks.toml").read_text(encoding="utf-8"))
    return Definitions(
        {name: Size(**size) for name, size in content["size"].items()},
        {name: Measure(**measure) for name, measure in content["measure"].items()},
        [Definition(**check) for check in content["check"]],
    )


SMALLEST_MONTH_ROWS = definitions().least("smallest_month")
"""No month published since 2016-07 has fewer rows. What a whole month is, ``fact_file_completeness`` says."""

MIN_PREVIOUS = definitions().least("earlier_months")
"""Months before this one that a comparison needs."""
