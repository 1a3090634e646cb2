"""What a build was: how dbt ended, from which files, at which commit. The start page says nothing else."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.lake import Lake
from taxi_pipeline.quality.store import failed_months
from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.state import BuildState, require_passed
from taxi_pipeline.transform.summary import WarehouseSummary, summarize
from taxi_pipeline.warehouses import Reader

_FILES = """
select service_type, file_month, source_file, source_sha256, row_count, total_amount, ingested_at
from stg_ingested_files
where load_id in (select load_id from fact_file_completeness)
order by file_month, case service_type when 'Yellow' then 1 when 'Green' then 2 else 3 end
"""

"""The files that the tables hold, which are not those of the lake before the next build."""

Json = dict[str, Any]


@dataclass(frozen=True)
class SourceFile:
    """A file that is loaded: its service, month, name, checksum, rows and dollars, and when it was ingested (UTC)."""

    service: str
    month: date
    name: str
    sha256: str
    rows: int
    amount: Decimal | None
    ingested_at: datetime


@dataclass(frozen=True)
class BuildFacts:
    """What the start page says.

    Attributes:
        results: how every table and test ended when it last ran.
        engine: dbt's name of the adapter.
        commit: abbreviated, with ``+`` behind it where files differ from it; None outside of a repository.
        summary: services, rows and rejects.
        files: what is loaded, by month and service.
        tables: name and rows of each fact, mart and dimension.
        failed_months: critical checks that loaded months fail, by service and month.
    """

    results: BuildState
    engine: str
    commit: str | None
    summary: WarehouseSummary
    files: tuple[SourceFile, ...]
    tables: tuple[tuple[str, int], ...]
    failed_months: Mapping[str, Sequence[str]]


def gather_facts(settings: Settings, reader: Reader) -> BuildFacts:
    """Read all that the start page says, none of it from a scan of all trips."""
    summary = summarize(reader.query)
    return BuildFacts(
        results=require_passed(reader),
        engine=reader.engine,
        commit=commit_of(settings.project_dir),
        summary=summary,
        files=tuple(
            SourceFile(
                service=str(service),
                month=month,
                name=str(name),
                sha256=str(sha256),
                rows=int(rows),
                amount=None if amount is None else Decimal(str(amount)),
                ingested_at=ingested_at,
            )
            for service, month, name, sha256, rows, amount, ingested_at in reader.query(_FILES)
        ),
        tables=_tables(settings, reader, summary),
        failed_months=failed_months(settings, Lake.of(settings)),
    )


def commit_of(folder: Path) -> str | None:
    """The commit of the project; None where it is not in a repository, or git is not there."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(  # noqa: S603 - no word of it comes from outside
            command, check=True, capture_output=True, text=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + (
            "+" if git("status", "--porcelain") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def _tables(
    settings: Settings, reader: Reader, summary: WarehouseSummary
) -> tuple[tuple[str, int], ...]:
    """Rows of each table that users read; those of the two large ones are known from the summary."""
    known = {
        "fact_trips": sum(service.accepted for service in summary.services),
        "rejected_trips": sum(service.rejected for service in summary.services),
    }
    manifest = read_artifact(settings.target_dir, "manifest")
    names = sorted(
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["fqn"][1] == "marts"
        and node["name"] not in known
    )
    counted = reader.query(
        " union all ".join(
            f"select '{name}' as name, count(*) as row_count from {name}" for name in names
        )
    )
    rows = {str(name): int(count) for name, count in counted}
    return (*known.items(), *((name, rows[name]) for name in names))
