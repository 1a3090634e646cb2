"""How complete the loaded files are, as the warehouse of a target has judged them."""

from collections.abc import Sequence
from dataclasses import dataclass

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.warehouses import Reader

_VERDICTS = """
select load_id, edition, official_row_count, row_count_check, report_check, severity, row_count_reason
from mart_source_completeness
"""


@dataclass(frozen=True)
class Verdict:
    """What ``mart_source_completeness`` says of one version of a file.

    Attributes:
        edition: official_parquet, datatalks_csv, neither or synthetic.
        official_rows: rows of the official Parquet file; None where they are not known.
        row_count_check: verdict on the rows.
        report_check: verdict on TLC's monthly report.
        severity: ok, warn or error.
        reason: the verdict on the rows in words.
    """

    edition: str
    official_rows: int | None
    row_count_check: str
    report_check: str
    severity: str
    reason: str


@dataclass(frozen=True)
class Verdicts:
    """The verdicts by load_id, and why there are none where there are none."""

    by_load_id: dict[str, Verdict]
    complaint: TaxiError | None = None

    def lacks(self, load_ids: Sequence[str]) -> bool:
        """Whether some of these versions have not been built yet."""
        return any(load_id not in self.by_load_id for load_id in load_ids)


def read_verdicts(reader: Reader) -> Verdicts:
    """Read the verdicts of a warehouse.

    Args:
        reader: open on a target that has been built.
    """
    return Verdicts({str(load_id): Verdict(*rest) for load_id, *rest in reader.query(_VERDICTS)})
