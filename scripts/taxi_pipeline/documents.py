"""What a command has done as one JSON document, for schedulers and other programs; ``docs/json.md`` shows it.

Pure: results in, plain values out. Amounts are text, so that no cent is lost; months are ``2024-01``; services are as
in the names of TLC's files.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from taxi_pipeline.errors import MEANINGS, DataError, NotPublishedError, TaxiError
from taxi_pipeline.file_names import parse
from taxi_pipeline.ingest import IngestResult, ManyResult
from taxi_pipeline.lake import ManifestEntry
from taxi_pipeline.plan.planning import Plan, PlannedMonth
from taxi_pipeline.quality.checks import Outcome, Verdict
from taxi_pipeline.quality.gate import describe
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.results import Built, Loaded, Run, Status
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.runner import NodeOutcome
from taxi_pipeline.warehouses.base import FileKey


class ErrorPart(TypedDict):
    """A fault: what is concerned, why, and the way out."""

    subject: str
    reason: str
    remedy: str
    exit_code: int


class MonthPart(TypedDict):
    """A file by its service and month; null where a name does not say them."""

    service: str | None
    month: str | None


class FilePart(MonthPart):
    """What became of one file.

    ``status``: ingested, replaced, repaired, unchanged; kept_out (a critical check fails, or the data are at fault),
    not_published, failed.
    """

    source_file: str
    status: str
    rows: int | None
    rows_before: int | None
    unparseable_rows: int | None
    total_amount: str | None
    remarks: list[str]
    error: ErrorPart | None


class LoadPart(TypedDict):
    """What went to a server."""

    warehouse: str
    seconds: float
    loaded: list[MonthPart]
    rows: int
    removed: list[MonthPart]
    unchanged: int
    kept: list[MonthPart]


class FindingPart(TypedDict):
    """A node of dbt or a check that did not pass: its sentence, and the table that keeps its failing rows."""

    name: str
    kind: str
    status: str
    sentence: str
    table: str | None


class BuildPart(TypedDict):
    """How dbt's nodes ended."""

    seconds: float
    unchanged: bool
    nodes: dict[str, int]
    failures: list[FindingPart]
    warnings: list[FindingPart]


class ValidationPart(TypedDict):
    """Checks of months and marts that failed."""

    passed: int
    failures: list[FindingPart]
    warnings: list[FindingPart]
    page: str


class StatusPart(MonthPart):
    """A month of the lake; what the target's last build says of it is null where it was not built."""

    source_file: str
    rows: int
    unparseable_rows: int
    total_amount: str | None
    ingested_at: str
    is_synthetic: bool
    edition: str | None
    official_rows: int | None
    completeness: str | None
    row_count_check: str | None
    report_check: str | None
    failed_checks: list[str]


class PlanPart(MonthPart):
    """A month of a plan; the states are those of ``taxi plan``."""

    state: str
    reason: str
    rows: int | None
    published_rows: int | None
    bytes: int | None


class Document(TypedDict, total=False):
    """The document of a command; the first four fields are always there, the others where the command has the step."""

    command: str
    exit_code: int
    meaning: str
    error: ErrorPart | None
    files: list[FilePart]
    passed_over: list[str]
    load: LoadPart | None
    build: BuildPart | None
    validation: ValidationPart | None
    page: str | None
    months: Sequence[StatusPart] | Sequence[PlanPart]
    forgotten: list[MonthPart]
    kept: list[MonthPart]
    complaint: str | None
    seconds: float


def _head(command: str, exit_code: int, error: TaxiError | None = None) -> Document:
    meaning = MEANINGS.get(exit_code, "it ended with another exit code")
    part = None if error is None else error_part(error)
    return {"command": command, "exit_code": exit_code, "meaning": meaning, "error": part}


def fault_document(command: str, exit_code: int, error: TaxiError | None) -> Document:
    """The document of a command that a fault or an interruption has ended.

    Args:
        command: its name.
        exit_code: with which it ends.
        error: the fault; None for an interruption.
    """
    return _head(command, exit_code, error)


def run_document(run: Run) -> Document:
    """The document of ``taxi run``."""
    ingested, published = run.ingested, run.published
    return {
        **_head("run", run.exit_code, _deciding_error(run.exit_code, ingested, run.built)),
        "files": [] if ingested is None else _files(ingested),
        "passed_over": [] if ingested is None else ingested.passed_over,
        "load": None if run.loaded is None else _load(run.loaded),
        "build": None if run.built is None else _build(run.built),
        "validation": None if published is None else _validation(published.validation),
        "page": None if published is None else str(published.page),
        "seconds": round(run.seconds, 1),
    }


def ingest_document(outcome: ManyResult) -> Document:
    """The document of ``taxi ingest``."""
    return {
        **_head("ingest", outcome.exit_code, _deciding_error(outcome.exit_code, outcome, None)),
        "files": _files(outcome),
        "passed_over": outcome.passed_over,
    }


def load_document(loaded: Loaded) -> Document:
    """The document of ``taxi load``."""
    return {**_head("load", 0), "load": _load(loaded)}


def build_document(built: Built) -> Document:
    """The document of ``taxi build``."""
    code = built.report.exit_code
    return {**_head("build", code, _deciding_error(code, None, built)), "build": _build(built)}


def validation_document(validation: Validation) -> Document:
    """The document of ``taxi validate``."""
    return {**_head("validate", validation.exit_code), "validation": _validation(validation)}


def site_document(page: Path) -> Document:
    """The document of ``taxi site``."""
    return {**_head("site", 0), "page": str(page)}


def status_document(status: Status) -> Document:
    """The document of ``taxi status``."""
    complaint = status.unpublishable or status.verdicts.complaint
    return {
        **_head("status", 0),
        "months": [_status(entry, status) for entry in sorted(status.entries, key=_key)],
        "forgotten": [_month(entry.key) for entry in status.forgotten],
        "kept": [_month(key) for key in status.kept],
        "complaint": None if complaint is None else str(complaint),
    }


def plan_document(plan: Plan) -> Document:
    """The document of ``taxi plan``."""
    return {
        **_head("plan", plan.exit_code, plan.complaint),
        "months": [_planned(one) for one in plan.months],
    }


def _planned(one: PlannedMonth) -> PlanPart:
    return {
        "service": one.month.service.value,
        "month": f"{one.month.first:%Y-%m}",
        "state": one.state,
        "reason": one.reason,
        "rows": one.rows,
        "published_rows": one.published_rows,
        "bytes": one.size,
    }


def error_part(error: TaxiError) -> ErrorPart:
    """A fault, laid out."""
    return {
        "subject": error.subject,
        "reason": error.reason,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }


def _deciding_error(
    exit_code: int, ingested: ManyResult | None, built: Built | None
) -> TaxiError | None:
    """The fault that made the exit code what it is; None where nodes and checks did, which say so themselves."""
    failures = ingested.failures if ingested else []
    found = next((fault for fault in failures if fault.exit_code == exit_code), None)
    if found is None and built is not None and built.report.complaint:
        return TaxiError(
            "dbt build", built.report.complaint, "correct the cause, then run it again"
        )
    return found


def _key(entry: ManifestEntry) -> FileKey:
    return entry.key


def _month(key: FileKey) -> MonthPart:
    return {"service": Service.of_label(key[0]).value, "month": key[1][:7]}


def _files(outcome: ManyResult) -> list[FilePart]:
    return [*map(_file, outcome.results), *map(_failed_file, outcome.failures)]


def _file(result: IngestResult) -> FilePart:
    entry = result.entry
    return {
        **_month(entry.key),
        "source_file": entry.source_file,
        "status": result.status,
        "rows": entry.row_count,
        "rows_before": result.rows_before,
        "unparseable_rows": entry.unparseable_count,
        "total_amount": entry.total_amount,
        "remarks": list(result.remarks),
        "error": None,
    }


def _failed_file(fault: TaxiError) -> FilePart:
    month: MonthPart = {"service": None, "month": None}
    try:
        trip_file = parse(fault.subject)
        month = {"service": trip_file.service.value, "month": f"{trip_file.month:%Y-%m}"}
    except TaxiError:
        pass  # a folder, or several files
    status = {NotPublishedError: "not_published", DataError: "kept_out"}.get(type(fault), "failed")
    return {
        **month,
        "source_file": fault.subject,
        "status": status,
        "rows": None,
        "rows_before": None,
        "unparseable_rows": None,
        "total_amount": None,
        "remarks": [],
        "error": error_part(fault),
    }


def _load(loaded: Loaded) -> LoadPart:
    report = loaded.report
    return {
        "warehouse": loaded.warehouse,
        "seconds": round(loaded.seconds, 1),
        "loaded": [_month(partition.key) for partition in report.loaded],
        "rows": report.rows,
        "removed": [_month(partition.key) for partition in report.removed],
        "unchanged": report.unchanged,
        "kept": [_month(key) for key in report.kept],
    }


def _build(built: Built) -> BuildPart:
    report = built.report
    statuses = [node.status for node in report.nodes]
    return {
        "seconds": round(built.seconds, 1),
        "unchanged": built.unchanged is not None,
        "nodes": {status: statuses.count(status) for status in sorted(set(statuses))},
        "failures": [*map(_node, report.failures)],
        "warnings": [_node(node) for node in report.nodes if node.status == "warn"],
    }


def _node(node: NodeOutcome) -> FindingPart:
    return {
        "name": node.name,
        "kind": node.kind,
        "status": node.status,
        "sentence": node.message,
        "table": node.failing_rows or None,
    }


def _validation(validation: Validation) -> ValidationPart:
    verdicts = validation.verdicts
    return {
        "passed": sum(verdict.passed for verdict in verdicts),
        "failures": _checks(verdicts, "critical"),
        "warnings": _checks(verdicts, "warning", "accepted"),
        "page": str(validation.page),
    }


def _checks(verdicts: Iterable[Verdict], *severities: str) -> list[FindingPart]:
    return [
        _check(verdict, outcome) for verdict in verdicts for outcome in verdict.failed(*severities)
    ]


def _check(verdict: Verdict, outcome: Outcome) -> FindingPart:
    return {
        "name": f"{verdict.name}: {outcome.check.name}",
        "kind": "check",
        "status": outcome.severity,
        "sentence": f"{verdict.title}: {describe(outcome)}",
        "table": None,
    }


def _status(entry: ManifestEntry, status: Status) -> StatusPart:
    verdict = status.verdicts.by_load_id.get(entry.load_id)
    return {
        **_month(entry.key),
        "source_file": entry.source_file,
        "rows": entry.row_count,
        "unparseable_rows": entry.unparseable_count,
        "total_amount": entry.total_amount,
        "ingested_at": entry.ingested_at,
        "is_synthetic": entry.is_synthetic,
        "edition": None if verdict is None else verdict.edition,
        "official_rows": None if verdict is None else verdict.official_rows,
        "completeness": None if verdict is None else verdict.state,
        "row_count_check": None if verdict is None else verdict.row_count_check,
        "report_check": None if verdict is None else verdict.report_check,
        "failed_checks": list(
            status.failed.get(f"{entry.service_type} {entry.file_month[:7]}", ())
        ),
    }
