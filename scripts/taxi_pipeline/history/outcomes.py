"""What becomes of a step's result in its record."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from taxi_pipeline.history.records import RunFile, RunNode
from taxi_pipeline.ingest import ManyResult
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.results import Built, Loaded
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.runner import NodeOutcome

UNCHANGED = "Nothing had changed: dbt was not started."

_INGESTED = {"ingested": "new", "replaced": "restated", "repaired": "repaired"}
_DBT_KINDS = ("seed", "model", "snapshot", "test", "unit_test")


@dataclass(frozen=True)
class Ending:
    """What is known of a step at its end.

    Attributes:
        values: of columns of `runs`.
        nodes: for `run_nodes`; the recorder fills in run and step.
        files: likewise.
    """

    values: dict[str, Any]
    nodes: Sequence[RunNode] = field(default=())
    files: Sequence[RunFile] = field(default=())


def of_ingest(outcome: ManyResult) -> Ending:
    """Files whose version is new to the lake, and those that could not be read."""
    files = [
        RunFile(
            "",
            "",
            entry.service_type,
            date.fromisoformat(entry.file_month),
            entry.load_id,
            _INGESTED[result.status],
            entry.row_count,
            _decimal(entry.total_amount),
        )
        for result in outcome.results
        if result.status in _INGESTED
        for entry in (result.entry,)
    ]
    nodes = [
        RunNode(
            "",
            "",
            failure.subject,
            failure.subject,
            "file",
            "error",
            message=f"{failure.reason}. {failure.remedy[:1].upper()}{failure.remedy[1:]}.",
        )
        for failure in outcome.failures
    ]
    counts = {"exit_code": outcome.exit_code, "failed_count": len(nodes)}
    return Ending(counts | _sums(files), nodes, files)


def of_load(loaded: Loaded) -> Ending:
    """Files that went over, and those that were removed."""
    files = [
        RunFile(
            "",
            "",
            partition.service.label,
            partition.month,
            status=status,
            row_count=partition.rows,
        )
        for status, partitions in (
            ("loaded", loaded.report.loaded),
            ("removed", loaded.report.removed),
        )
        for partition in partitions
    ]
    return Ending({"exit_code": 0} | _sums(files), files=files)


def of_build(built: Built) -> Ending:
    """How dbt ended; where its hooks have come to their end, what they wrote takes the place of this."""
    report = built.report
    if built.unchanged is not None:
        return Ending({"exit_code": 0, "message": UNCHANGED, "changed_file_count": 0})
    nodes = [_node(node) for node in report.nodes if node.kind in _DBT_KINDS]
    statuses = [node.status for node in nodes]
    return Ending(
        {
            "exit_code": report.exit_code,
            "message": report.complaint or None,
            "built_count": statuses.count("success"),
            "passed_count": statuses.count("pass"),
            "warned_count": statuses.count("warn"),
            "failed_count": sum(node.is_failure for node in nodes),
            "skipped_count": statuses.count("skipped"),
        },
        nodes,
    )


def _node(node: NodeOutcome) -> RunNode:
    return RunNode(
        "",
        "",
        f"{node.kind}.{node.name}",
        node.name,
        node.kind,
        node.status,
        seconds=Decimal(f"{node.seconds:.3f}"),
        failing_rows=node.failing_rows or None,
        message=node.message if node.status not in {"success", "pass"} else None,
    )


def of_validation(validation: Validation) -> Ending:
    """How many checks passed, and each that did not."""
    nodes = [
        RunNode(
            "",
            "",
            f"{verdict.name}.{outcome.check.name}",
            f"{verdict.title}: {outcome.check.name}",
            "check",
            outcome.severity,
            message=f"{outcome.check.words}: {outcome.observed}",
        )
        for verdict in validation.verdicts
        for outcome in verdict.failed()
    ]
    failed = sum(node.is_failure for node in nodes)
    return Ending(
        {
            "exit_code": validation.exit_code,
            "changed_file_count": sum(v.name.startswith("lake-") for v in validation.verdicts),
            "passed_count": sum(verdict.passed for verdict in validation.verdicts),
            "warned_count": len(nodes) - failed,
            "failed_count": failed,
        },
        nodes,
    )


def _sums(files: Sequence[RunFile]) -> dict[str, Any]:
    rider = [file for file in files if file.service_type == Service.HVFHV.label]
    metered = [file for file in files if file.service_type != Service.HVFHV.label]
    return {
        "changed_file_count": len(files),
        "row_count": sum(file.row_count or 0 for file in files),
        "metered_total_amount": _amount(metered),
        "rider_total_amount": _amount(rider),
    }


def _amount(files: Sequence[RunFile]) -> Decimal | None:
    amounts = [file.total_amount for file in files if file.total_amount is not None]
    return sum(amounts, Decimal()) if amounts else None


def _decimal(amount: Any) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))
