"""What the workflows return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_pipeline.download.months import DownloadReport
from taxi_pipeline.errors import TaxiError, deciding
from taxi_pipeline.ingest import ManyResult
from taxi_pipeline.lake import ManifestEntry
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.transform.completeness import (
    Completeness,
    FileVerdicts,
)
from taxi_pipeline.transform.deps import PackageOrigin
from taxi_pipeline.transform.runner import (
    BuildReport,
)
from taxi_pipeline.transform.summary import WarehouseSummary
from taxi_pipeline.transform.unchanged import LastBuild
from taxi_pipeline.warehouses.base import FileKey
from taxi_pipeline.warehouses.load import LoadReport

if TYPE_CHECKING:
    from taxi_pipeline.sample import SampleReport


@dataclass(frozen=True)
class Sample:
    """The synthetic sample, and where it is."""

    folder: Path
    report: "SampleReport"


@dataclass(frozen=True)
class Loaded:
    """A load: into which warehouse, and how long it took."""

    report: LoadReport
    warehouse: str
    seconds: float


@dataclass(frozen=True)
class Built:
    """A build, and how long dbt took.

    Attributes:
        report: how every node ended; that of the last build where nothing has changed since.
        seconds: of dbt; 0 where it was not started.
        unchanged: the last build, where nothing has changed since; else None.
    """

    report: BuildReport
    seconds: float
    unchanged: LastBuild | None = None


Result = Sample | DownloadReport | ManyResult | Loaded | PackageOrigin | Built | Validation
"""What a step leaves; an observer is told of it when the step ends."""


class DbtError(TaxiError):
    """A command of dbt that was to prepare something else has failed.

    Args:
        command: dbt's, such as ``docs generate``.
        report: what it said.
    """

    def __init__(self, command: str, report: BuildReport) -> None:
        super().__init__(
            f"dbt {command}",
            report.complaint or "it failed",
            "fix the project; `taxi build` says more",
        )
        self.report = report
        self.exit_code = report.exit_code


@dataclass(frozen=True)
class Status:
    """What the lake holds, and what the target's last build says of it.

    Attributes:
        entries: the current version of each month; empty where the lake is.
        verdicts: on their completeness.
        forgotten: removed from the lake, and still in the tables of the target until its next build.
        failed: critical checks that months of the lake fail, by service and month.
        unpublishable: why the target's tables cannot be published, such as an interrupted build.
        kept: months that a server holds and the lake does not, and that a load leaves there.
    """

    entries: list[ManifestEntry]
    verdicts: FileVerdicts
    forgotten: tuple[ManifestEntry, ...] = ()
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unpublishable: TaxiError | None = None
    kept: tuple[FileKey, ...] = ()


@dataclass(frozen=True)
class Published:
    """What a run ends with when everything was built.

    Attributes:
        validation: of months and marts.
        page: the site's start page.
        summary: rows and money by service.
        completeness: of the loaded months.
    """

    validation: Validation
    page: Path
    summary: WarehouseSummary
    completeness: Completeness


@dataclass(frozen=True)
class Run:
    """What became of a run, as far as it came.

    Attributes:
        ingested: the files; None where none were given and the lake was not empty.
        built: the build; None where no file could be ingested.
        published: what came after a build without failures.
        loaded: what went to a server; None where the target is DuckDB.
        seconds: how long it took.
    """

    ingested: ManyResult | None
    built: Built | None
    published: Published | None
    seconds: float
    loaded: Loaded | None = None

    @property
    def exit_code(self) -> int:
        """As ``deciding`` has it of the files, the build and the validation."""
        return deciding(
            (
                self.ingested.exit_code if self.ingested else 0,
                self.built.report.exit_code if self.built else 0,
                self.published.validation.exit_code if self.published else 0,
            )
        )
