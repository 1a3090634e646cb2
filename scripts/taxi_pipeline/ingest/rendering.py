"""What ingestion prints: a line per file."""

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.ingest import IngestResult, ManyResult
from taxi_pipeline.schemas import Service
from taxi_pipeline.texts import plural

_PASSED_OVER_LINES = 20  # a folder of other things may hold thousands
_PASSED_OVER_NAMES = 200


def print_ingested(outcome: ManyResult) -> None:
    """Print one line per file, then what was passed over, then the failures."""
    for result in outcome.results:
        console.out.print(_ingest_line(result))
        for remark in result.remarks:
            console.out.print(f"          [yellow]{escape(remark)}[/]")
    for line in outcome.passed_over[:_PASSED_OVER_LINES]:
        console.print_note(f"Skipped {line}")
    if (more := len(outcome.passed_over) - _PASSED_OVER_LINES) > 0:
        names = [line.split(": ")[0] for line in outcome.passed_over[_PASSED_OVER_LINES:]]
        others = f" and {more - _PASSED_OVER_NAMES:,} others" if more > _PASSED_OVER_NAMES else ""
        console.print_note(
            f"Skipped {more:,} more that are not trip files: {', '.join(names[:_PASSED_OVER_NAMES])}{others}"
        )
    console.print_error(*outcome.failures)


def _ingest_line(result: IngestResult) -> str:
    entry = result.entry
    remarks = [plural(entry.row_count, "row")]
    if result.rows_before is not None:
        remarks[0] += f" (before: {result.rows_before:,}; `taxi diff` compares)"
    if entry.unparseable_count:
        remarks.append(f"[yellow]{entry.unparseable_count:,} unparseable, kept as text[/]")
    if entry.total_amount is None and entry.service_type == Service.HVFHV.label:
        remarks.append(
            "[yellow]no amounts: TLC's CSV files of these trips have none, its Parquet files do[/]"
        )
    if entry.rounded_count:
        remarks.append(f"{entry.rounded_count:,} amounts rounded to the cent")
    if entry.unknown_columns:
        names = ", ".join(escape(name) for name in entry.unknown_columns)
        remarks.append(f"[yellow]unknown columns not loaded: {names}[/]")
    return f"{result.status:9} {escape(entry.source_file)}: {', '.join(remarks)}"
