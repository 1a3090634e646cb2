"""What `taxi diff` prints."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.lake import ManifestEntry, ZoneChange
from taxi_pipeline.restatements.versions import AlteredRow, Counts
from taxi_pipeline.texts import plural


def print_versions(versions: Sequence[ManifestEntry]) -> None:
    """Print the versions of one month, oldest first."""
    newest = versions[-1]
    table = console.compact_table(
        f"{newest.service_type} {newest.file_month[:7]}: versions on record"
    )
    for heading in ("ingested (UTC)", "format", "sha256"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rows", "total_amount $"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in versions:
        table.add_row(
            entry.ingested_at,
            entry.source_format,
            entry.source_sha256[:12],
            f"{entry.row_count:,}",
            console.money(entry.total_amount),
        )
    console.print_wide(table)


def print_zone_changes(
    versions: Sequence[ManifestEntry],
    changes: Sequence[ZoneChange],
    labels: Mapping[int, str],
    limit: int,
) -> None:
    """Print the zones in which the newest version of a month changed most.

    Args:
        versions: the versions of the month, oldest first.
        changes: the lake's record of restatements.
        labels: the name of each zone.
        limit: how many zones.
    """
    ours = [change for change in changes if change.load_id_after == versions[-1].load_id]
    changed = [
        change
        for change in ours
        if change.rows_before + change.rows_after > 2 * change.unchanged_count
    ]
    if not changed:
        return
    table = console.compact_table("Changes by pickup zone, the largest first")
    table.add_column("zone", min_width=10)
    for heading in (
        *("before,\nafter", "altered", "moved\nin, out", "gone,\nadded"),
        *("$ before,\n$ after", "$ change"),
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for change in sorted(changed, key=_size, reverse=True)[:limit]:
        table.add_row(
            escape(_zone_label(change.pickup_zone_id, labels)),
            f"{change.rows_before:,}\n{change.rows_after:,}",
            f"{change.altered_count:,}",
            f"{change.moved_in_count:,}\n{change.moved_out_count:,}",
            f"{change.gone_count:,}\n{change.added_count:,}",
            *_revenue_cells(change, has_money=versions[-1].total_amount is not None),
        )
    console.print_wide(table)
    if len(changed) > limit:
        console.out.print(
            f"... and {plural(len(changed) - limit, 'zone')} more: mart_restatements has them all."
        )


def _size(change: ZoneChange) -> tuple[Decimal, int]:
    rows = change.rows_before + change.rows_after - 2 * change.unchanged_count
    return abs(_revenue_change(change)), rows


def _revenue_change(change: ZoneChange) -> Decimal:
    return Decimal(change.total_amount_after or 0) - Decimal(change.total_amount_before or 0)


def _revenue_cells(change: ZoneChange, *, has_money: bool) -> tuple[str, str]:
    if not has_money:
        return "no fares", ""
    before, after = change.total_amount_before or "0", change.total_amount_after or "0"
    return f"{console.money(before)}\n{console.money(after)}", f"{_revenue_change(change):+,.2f}"


def _zone_label(zone: int | None, labels: Mapping[int, str]) -> str:
    return "none given" if zone is None else f"{zone} {labels.get(zone, 'not in the lookup')}"


def print_comparison(
    counts: Counts, columns: Sequence[tuple[str, int]], examples: Sequence[AlteredRow]
) -> None:
    """Print what became of the rows of a month in its newest version.

    Args:
        counts: the rows by kind.
        columns: in how many altered rows each column changed.
        examples: some altered rows.
    """
    console.out.print(
        f"{plural(counts.added, 'row')} added, {counts.gone:,} gone, {counts.altered:,} altered, "
        f"{counts.unchanged:,} unchanged."
    )
    if columns:
        named = ", ".join(f"{escape(name)} {count:,}" for name, count in columns)
        console.out.print(f"Altered columns: {named}.")
    for example in examples:
        values = ", ".join(
            f"{name} {before} -> {after}" for name, (before, after) in example.changes.items()
        )
        console.out.print(
            f"  row {example.row_before:,} -> {example.row_after:,}: {escape(values)}"
        )
