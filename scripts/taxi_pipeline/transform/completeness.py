"""How complete the loaded files are, as the warehouse of a target has judged them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry
from taxi_pipeline.texts import plural
from taxi_pipeline.warehouses import Reader

_VERDICTS = """
select
    load_id, edition, official_row_count, row_count_check, report_check, severity, row_count_reason,
    month_completeness
from mart_source_completeness
"""


@dataclass(frozen=True)
class FileVerdict:
    """What ``mart_source_completeness`` says of one version of a file.

    Attributes:
        edition: official_parquet, datatalks_csv, neither, stream or synthetic.
        official_rows: rows of the official Parquet file; None where they are not known.
        row_count_check: verdict on the rows.
        report_check: verdict on TLC's monthly report.
        severity: ok, warn or error.
        reason: the verdict on the rows in words.
        state: whether the file is the whole month.
    """

    edition: str
    official_rows: int | None
    row_count_check: str
    report_check: str
    severity: str
    reason: str
    state: "State"


@dataclass(frozen=True)
class FileVerdicts:
    """The verdicts by load_id, and why there are none where there are none."""

    by_load_id: dict[str, FileVerdict]
    complaint: TaxiError | None = None

    def lacks(self, load_ids: Sequence[str]) -> bool:
        """Whether some of these versions have not been built yet."""
        return any(load_id not in self.by_load_id for load_id in load_ids)


def read_verdicts(reader: Reader) -> FileVerdicts:
    """Read the verdicts of a warehouse.

    Args:
        reader: open on a target that has been built.
    """
    return FileVerdicts(
        {str(load_id): FileVerdict(*rest) for load_id, *rest in reader.query(_VERDICTS)}
    )


def read_forgotten(reader: Reader, lake: Lake) -> tuple[ManifestEntry, ...]:
    """Read which months the tables still hold that somebody has removed from the lake.

    Args:
        reader: open on a target that has been built.
        lake: that the target is built from; one that is not there has removed nothing.
    """
    built = read_verdicts(reader).by_load_id
    current = {entry.key for entry in lake.current()}
    return tuple(
        entry
        for entry in lake.history()
        if entry.forgotten_at is not None and entry.key not in current and entry.load_id in built
    )


State = Literal["whole", "part", "unknown", "synthetic"]
"""``month_completeness`` of ``fact_file_completeness``: which verdict means what is a column of its seed."""

_PARTS = {
    "excerpt": "excerpt",
    "neighbor_excerpt": "excerpt, far fewer rows than the months around it",
    "streamed": "streamed so far",
}
"""What a part of a month is called, by the verdict on its rows."""

_COMPLETENESS = """
select service_type, file_month, month_completeness, row_count_check, row_count, official_row_count
from fact_file_completeness
order by file_month, service_type
"""


@dataclass(frozen=True)
class MonthCompleteness:
    """What one loaded month of one service holds.

    Attributes:
        service: label of the service.
        month: first day of the file's month.
        state: ``part`` where rows are missing, ``unknown`` where the count cannot be judged.
        text: the verdict in a few words, such as ``excerpt, 0.12 % of the month``.
    """

    service: str
    month: date
    state: State
    text: str


@dataclass(frozen=True)
class Completeness:
    """The completeness of every loaded month."""

    months: tuple[MonthCompleteness, ...]

    def count(self, state: State) -> int:
        """Number of loaded months (one per service) in this state."""
        return sum(month.state == state for month in self.months)

    @property
    def headline(self) -> str:
        """``2 of 14 months are whole``, counting a month once for each service."""
        whole, known = self.count("whole"), len(self.months)
        are = "is" if 1 in {whole, known} else "are"
        return f"{whole} of {plural(known, 'month')} {are} whole"

    def of(self, service: str, month: date) -> MonthCompleteness | None:
        """The completeness of one file."""
        return next((m for m in self.months if (m.service, m.month) == (service, month)), None)


def read_completeness(reader: Reader) -> Completeness:
    """Read the verdict on every loaded month from ``fact_file_completeness``."""
    return Completeness(
        tuple(
            MonthCompleteness(str(service), month, state, describe(state, check, rows, official))
            for service, month, state, check, rows, official in reader.query(_COMPLETENESS)
        )
    )


def describe(state: State, check: str, rows: int, official_rows: int | None) -> str:
    """The verdict on a file's row count as the pages and the terminal say it of its month."""
    share = f"{share_of(int(rows), int(official_rows))} of the month" if official_rows else ""
    texts: dict[State, str] = {
        "whole": "whole",
        "synthetic": "synthetic",
        "part": ", ".join(filter(None, (_PARTS.get(check, "rows missing"), share))),
        "unknown": f"not confirmed, {share}" if share else "no official row count",
    }
    return texts[state]


def share_of(rows: int, official_rows: int) -> str:
    """Rows as a percentage of the official rows: two decimals, and never rounded up to 100 %."""
    percent = (Decimal(100) * rows / official_rows).quantize(Decimal("0.01"))
    if rows and not percent:
        return "less than 0.01 %"
    if rows < official_rows and percent == 100:
        return "more than 99.99 %"
    return f"{percent} %"
