"""What a build was: how dbt ended, from which files, at which commit. The start page says nothing else."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.summary import WarehouseSummary, summarize
from taxi_pipeline.warehouses import Reader

_BUILD_COMMANDS = {"build", "retry"}
_FAILURES = {"error", "fail", "runtime error", "skipped"}

_FILES = """
select service_type, file_month, source_file, source_sha256, row_count, total_amount, ingested_at
from stg_ingested_files
where superseded_at is null
order by file_month, case service_type when 'Yellow' then 1 when 'Green' then 2 else 3 end
"""

Json = dict[str, Any]


@dataclass(frozen=True)
class BuildResults:
    """How the last build ended.

    Attributes:
        finished_at: UTC.
        seconds: how long it took.
        dbt_version: of dbt-core.
        relations: models, seeds and snapshots built.
        passed: data tests (and unit tests, where they ran) that passed.
        warnings: name and message of each test that warned.
        failures: names of the nodes that failed or were skipped.
    """

    finished_at: datetime
    seconds: float
    dbt_version: str
    relations: int
    passed: int
    warnings: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]


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
        results: how dbt ended.
        engine: dbt's name of the adapter.
        commit: abbreviated, with ``+`` behind it where files differ from it; None outside of a repository.
        summary: services, rows and rejects.
        files: what is loaded, by month and service.
        tables: name and rows of each fact, mart and dimension.
    """

    results: BuildResults
    engine: str
    commit: str | None
    summary: WarehouseSummary
    files: tuple[SourceFile, ...]
    tables: tuple[tuple[str, int], ...]


def keep_results(settings: Settings) -> None:
    """Set the results of a build aside, before another dbt command writes its own over them."""
    written = settings.project_dir / "target" / "run_results.json"
    if written.exists() and read_json(written)["args"].get("which") in _BUILD_COMMANDS:
        shutil.copyfile(written, _kept(settings))


def read_results(settings: Settings) -> BuildResults:
    """Read how the last build ended.

    Raises:
        TaxiError: there was none, or it failed: a site would show tables that have not passed their tests.
    """
    keep_results(settings)
    path = _kept(settings)
    if not path.exists():
        raise TaxiError(str(path.parent), "there has been no build", "run `taxi build` first")
    results = _results(read_json(path))
    if results.failures:
        raise TaxiError(
            "the last build",
            f"failed or left out {len(results.failures)} nodes, the first is {results.failures[0]}",
            "mend it and run `taxi build --retry`; the site stays as it is",
        )
    return results


def gather_facts(settings: Settings, reader: Reader) -> BuildFacts:
    """Read all that the start page says, none of it from a scan of all trips."""
    summary = summarize(reader.query)
    return BuildFacts(
        results=read_results(settings),
        engine=reader.engine,
        commit=_commit(settings.project_dir),
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
    )


def read_json(path: Path) -> Json:
    """A JSON object from a file."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _kept(settings: Settings) -> Path:
    return settings.project_dir / "target" / "last_build.json"


def _results(document: Json) -> BuildResults:
    nodes = [(node["unique_id"].split("."), node) for node in document["results"]]
    return BuildResults(
        finished_at=datetime.fromisoformat(document["metadata"]["generated_at"]).astimezone(UTC),
        seconds=document["elapsed_time"],
        dbt_version=document["metadata"]["dbt_version"],
        relations=sum(
            parts[0] in {"model", "seed", "snapshot"} and node["status"] == "success"
            for parts, node in nodes
        ),
        passed=sum(node["status"] == "pass" for _, node in nodes),
        warnings=tuple(
            (parts[2], node["message"] or "") for parts, node in nodes if node["status"] == "warn"
        ),
        failures=tuple(parts[2] for parts, node in nodes if node["status"] in _FAILURES),
    )


def _commit(folder: Path) -> str | None:
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
    manifest = read_json(settings.project_dir / "target" / "manifest.json")
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
