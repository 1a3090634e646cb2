"""What `taxi explain` prints."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.markup import escape
from rich.table import Table

from taxi_pipeline import console
from taxi_pipeline.explain import CellExplanation, Row, TripExplanation
from taxi_pipeline.explain.ingested import staged_columns
from taxi_pipeline.explain.points import TripPoint, show_point
from taxi_pipeline.schemas import Service
from taxi_pipeline.texts import plural, shortened

_LONGEST_TEXT = 100
"""Characters of a value that are printed; JSON has it in full. TLC's own texts are shorter."""

_VERDICTS = {"applies": "[red]applies[/]", "does not apply": "no", "not asked": "[dim]not asked[/]"}


def print_explanation(explanation: TripExplanation | CellExplanation) -> None:
    """Print how a trip got to its marts, or what a cell is made of; whether it adds up comes last."""
    if isinstance(explanation, TripExplanation):
        _print_trip(explanation)
    else:
        _print_cell(explanation)


def _print_trip(trip: TripExplanation) -> None:
    raw = trip.raw
    pickup = "no pickup time" if raw["pickup_at"] is None else f"picked up {raw['pickup_at']}"
    month = f"{raw['service_type']} {raw['file_month']:%Y-%m}"
    console.out.print(
        f"[bold]{month}, row {raw['source_row']:,} of the file[/], {pickup} (trip_id {trip.trip_id})"
    )
    _print_file(trip.file, f"1 File: row {trip.raw['source_row']:,} of ")
    _print_row(trip)
    _print_table(
        "2 Reject rules, in order",
        ("rule", "applies", "observed"),
        [
            (rule.reject_reason, _VERDICTS[rule.verdict], escape(rule.observed))
            for rule in trip.rules
        ],
    )
    _print_flags_and_repairs(trip)
    reason = trip.row.get("reject_reason")
    console.out.print(f"4 Ended in [bold]{trip.ended_in}[/]" + (f" as {reason}" if reason else ""))
    codes = {name: f"{trip.row[name]} ({member})" for name, member in trip.members.items()}
    _print_values("  codes", codes)
    _print_values("  fare audit", trip.fare_audit)
    console.out.print("5 Counted in" if trip.counted else "5 Counted in no mart")
    for cell in trip.counted:
        where = ", ".join(_shown(name, value) for name, value in cell.cell.items())
        _print_table(
            f"{cell.mart}: {escape(where)}",
            ("measure", "adds >", "to a total of >"),
            [
                (name, _shown(name, value), _shown(name, (cell.totals or {})[name]))
                for name, value in cell.adds.items()
                if value is not None
            ],
        )
    for problem in trip.problems:
        console.out.print(f"[bold red]does not add up[/] {escape(problem)}")
    if trip.adds_up:
        console.out.print("Adds up: file, rules, tables and marts agree.")
    _print_if_synthetic([trip.file])


def _print_row(trip: TripExplanation) -> None:
    """Print what the file reports of the trip, apart from what ingestion made of it."""
    raw = trip.raw
    if raw["raw_line"] is not None:
        console.out.print("  reported: a text that could not be read, shown below")
        return
    made = {value.column for value in trip.ingested}
    columns = staged_columns(Service.of_label(raw["service_type"]))
    unreadable = (raw["unreadable_fields"] or "").split(",")
    _print_values(
        "  reported",
        {name: raw[name] for name in columns if raw[name] is not None and name not in made},
    )
    empty = [
        name
        for name, column in columns.items()
        if raw[name] is None and column.name not in unreadable
    ]
    if empty:
        console.out.print(f"  empty or not in the file: {', '.join(empty)}")
    for value in trip.ingested:
        shown = _shown(value.column, value.value)
        console.out.print(f"  made by ingestion: {value.column} {escape(shown)}, {value.origin}")
    for point in trip.points:
        console.out.print(f"  {escape(_describe_point(point, trip.members))}")


def _print_flags_and_repairs(trip: TripExplanation) -> None:
    console.out.print("3 Flags and repairs")
    for flag in trip.flags:
        if flag.value:
            console.out.print(f"  [yellow]{flag.name}[/] {escape(flag.evidence)}")
    console.out.print(
        f"  not set: {', '.join(flag.name for flag in trip.flags if not flag.value) or 'none'}"
    )
    for repair in trip.repairs:
        kept = _shown(repair.column, repair.kept)
        if name := trip.members.get(repair.column):
            kept += f" ({name})"
        console.out.print(
            f"  {repair.column}: {escape(_shown(repair.column, repair.reported))} -> {escape(kept)},"
            f" {escape(repair.reason or 'and nothing explains it')}"
        )
    if not trip.repairs:
        console.out.print("  no rule changes a value")


def _describe_point(point: TripPoint, members: Row) -> str:
    """How a point became a zone, in a sentence."""
    shown = show_point(point.longitude, point.latitude)
    how = (
        "how is not on record"
        if point.zone_method is None
        else f"point in polygon, method {point.zone_method}, zone shapes sha256 {point.zone_shapes_sha256[:16]}..."
    )
    if point.zone_id is not None:
        name = members.get(f"{point.end}_zone_id")
        found = f"zone {point.zone_id}" + (f" ({name})" if name else "")
    elif point.is_complete:
        found = "in no zone"
    else:
        found = "no zone: a coordinate is missing"
    return f"{point.end} point {shown} (longitude, latitude): {found}; {how}"


def _print_cell(cell: CellExplanation) -> None:
    where = ", ".join(_shown(name, value) for name, value in cell.cell.items())
    console.out.print(f"[bold]{cell.mart}: {escape(where)}[/]")
    for file in cell.files:
        _print_file(file, "File: ")
    measures = [
        name
        for name in (cell.parts[0] if cell.parts else ())
        if name in cell.totals and name != "part"
    ]
    names = [str(part["part"]) for part in cell.parts]
    _print_table(
        "Made of",
        ("measure", *(f"{name} >" for name in names), "cell >"),
        [
            (name, *(_shown(name, row[name]) for row in (*cell.parts, cell.totals)))
            for name in measures
            if cell.totals[name] is not None
        ],
    )
    few = ("row_count", "trip_count", "total_amount")
    _print_table(
        "By payment type",
        ("payment type", "rows >", "trips >", "total_amount $ >"),
        [
            (escape(str(row["payment_type"])), *(_shown(name, row.get(name)) for name in few))
            for row in cell.payment_types
        ],
    )
    console.out.print("Repaired rows")
    for repair, rows in cell.repairs.items():
        if rows:
            console.out.print(f"  {rows:,} {repair}")
    if not any(cell.repairs.values()):
        console.out.print("  none")
    _print_table(
        "Belonged here and were rejected",
        ("reason", "file >", "rows >", "total_amount $ >"),
        [
            (
                row["reject_reason"],
                f"{row['file_month']:%Y-%m}",
                f"{row['row_count']:,}",
                _shown("total_amount", row.get("total_amount")),
            )
            for row in cell.rejects
        ],
    )
    for check in cell.checks:
        if not check.holds:
            parts, whole = (_shown(check.what, value) for value in (check.parts, check.whole))
            console.out.print(
                f"[bold red]does not add up[/] {escape(check.what)}: {parts}, not {whole}"
            )
    if cell.adds_up:
        rejected = sum(row["row_count"] for row in cell.rejects)
        console.out.print(
            f"Adds up ({plural(len(cell.checks), 'check')}): {plural(cell.source['row_count'], 'row')} of the files ="
            f" {cell.totals['row_count']:,} accepted + {rejected:,} rejected; every part, to the cent."
        )
    _print_if_synthetic(cell.files)


def _print_file(file: Row, lead: str) -> None:
    console.out.print(
        f"{lead}{escape(str(file['source_file']))} ({plural(file['row_count'], 'row')}, {file['completeness']}),"
        f" sha256 {str(file['source_sha256'])[:16]}..., ingested {file['ingested_at']} UTC"
    )


def _print_if_synthetic(files: Sequence[Row]) -> None:
    if any(file["is_synthetic"] for file in files):
        console.print_synthetic_notice()


def _print_values(title: str, values: Row) -> None:
    """Print named values in lines that fit a terminal."""
    if values:
        said = ", ".join(f"{name} {_shown(name, value)}" for name, value in values.items())
        console.out.print(f"{title}: {escape(said)}")


def _print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its title even where it has no rows; a heading that ends in ``>`` is of numbers."""
    if not rows:
        console.out.print(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(
            escape(heading.removesuffix(" >")), justify="right" if heading.endswith(">") else "left"
        )
    for row in rows:
        table.add_row(*row)
    console.out.print(table)


def _shown(name: str, value: Any) -> str:
    """A value as people read it: numbers with thousands parted, ids without, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if name.endswith("_amount") else f"{value.normalize():,f}"
    if name == "file_month":
        return f"{value:%Y-%m}"
    if isinstance(value, int) and name.endswith(("_count", "_seconds")):
        return f"{value:,}"
    return shortened(f"{value}", _LONGEST_TEXT)
