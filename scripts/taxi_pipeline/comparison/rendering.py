"""How a comparison of two warehouses is written: a table for a terminal, Markdown for a pull request, JSON."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal

from rich.table import Table

from taxi_pipeline import console
from taxi_pipeline.comparison.two_warehouses import KeyChange, TableComparison
from taxi_pipeline.texts import plural
from taxi_pipeline.transform.results_of_dbt import NodeEnd

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 160
"""Characters of a value in an example; a longer one is cut."""


def as_table(compared: Sequence[TableComparison]) -> Table:
    """One line a table: rows and metered money before and after, and how many keys differ."""
    table = console.compact_table("Before and after")
    table.add_column("table", min_width=12)
    for heading in (
        "rows before",
        "after",
        "added",
        "gone",
        "changed",
        "metered $ before",
        "after $",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in compared:
        before, after = _main_sums(one)
        table.add_row(
            one.name,
            _count(one.rows_before),
            _count(one.rows_after),
            *(f"{n:,}" for n in (one.added_count, one.gone_count, one.changed_count)),
            before,
            after,
        )
    return table


def as_json(compared: Sequence[TableComparison], nodes: Sequence[NodeEnd]) -> str:
    """One document. Amounts are text, because a JSON number would be a double."""
    document = {
        "is_same": all(one.is_same for one in compared),
        "tables": [{**asdict(one), "is_same": one.is_same} for one in compared],
        "nodes": [asdict(node) for node in nodes],
    }
    return json.dumps(document, default=str, ensure_ascii=False, indent=2)


def as_markdown(compared: Sequence[TableComparison], nodes: Sequence[NodeEnd]) -> str:
    """What is posted on a pull request: every table's rows, the money that changed, the rows that differ, the tests."""
    return "\n".join([*_tables(compared), *_money(compared), *_rows(compared), *_nodes(nodes)])


def _tables(compared: Sequence[TableComparison]) -> Iterator[str]:
    different = [one for one in compared if not one.is_same]
    yield "## Marts before and after"
    yield ""
    yield (
        f"{len(different)} of {plural(len(compared), 'table')} differ."
        if different
        else f"All {plural(len(compared), 'table')} are the same, row by row."
    )
    yield ""
    yield "| table | rows before | rows after | added | gone | changed | metered total before, $ | after, $ |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for one in compared:
        cells = (
            f"{'' if one.is_same else '**'}{one.name}{'' if one.is_same else '**'}",
            _count(one.rows_before),
            _count(one.rows_after),
            *(f"{n:,}" for n in (one.added_count, one.gone_count, one.changed_count)),
            *_main_sums(one),
        )
        yield f"| {' | '.join(cells)} |"


def _money(compared: Sequence[TableComparison]) -> Iterator[str]:
    changed = [
        (one.name, sums) for one in compared for sums in one.money if sums.before != sums.after
    ]
    if not changed:
        return
    yield ""
    yield "### Money that changed"
    yield ""
    yield "| table | column | before, $ | after, $ | change, $ |"
    yield "|---|---|---:|---:|---:|"
    for name, sums in changed:
        change = (sums.after or Decimal()) - (sums.before or Decimal())
        yield f"| {name} | {sums.column} | {_dollars(sums.before)} | {_dollars(sums.after)} | {change:+,.2f} |"


def _rows(compared: Sequence[TableComparison]) -> Iterator[str]:
    for one in compared:
        if one.is_same:
            continue
        notes = [
            *(f"column `{name}` is new" for name in one.columns_added),
            *(f"column `{name}` is gone" for name in one.columns_gone),
        ]
        if not notes and not one.examples:
            continue
        yield ""
        yield f"<details><summary>{one.name}: what differs</summary>"
        yield ""
        yield from (f"- {note}" for note in notes)
        yield from (f"- {_example(one.key, example)}" for example in one.examples)
        more = one.added_count + one.gone_count + one.changed_count - len(one.examples)
        if one.examples and more:
            yield f"- and {more:,} more"
        yield ""
        yield "</details>"


def _nodes(nodes: Sequence[NodeEnd]) -> Iterator[str]:
    if not nodes:
        return
    failed = [node for node in nodes if node.is_failure]
    yield ""
    yield "### Build and tests"
    yield ""
    yield "| kind | passed | warned | failed | skipped |"
    yield "|---|---:|---:|---:|---:|"
    for kind in sorted({node.kind for node in nodes}):
        ours = [node for node in nodes if node.kind == kind]
        warned = sum(node.status == "warn" for node in ours)
        skipped = sum(node.status == "skipped" for node in ours)
        failing = sum(node.is_failure for node in ours)
        passed = len(ours) - warned - skipped - failing
        yield f"| {kind.replace('_', ' ')} | {passed:,} | {warned:,} | {failing:,} | {skipped:,} |"
    if failed:
        yield ""
        yield "What failed; tables that depend on it are as they were before:"
        yield ""
        yield from (f"- **{node.name}**: {_short(node.message)}" for node in failed)


def _example(key: str, example: KeyChange) -> str:
    values = ", ".join(
        f"{name} {_value(before)} → {_value(after)}"
        for name, (before, after) in example.values.items()
    )
    return f"{example.kind}: {key} `{_short(example.key)}`{f': {_short(values)}' if values else ''}"


def _value(text: str | None) -> str:
    return "null" if text is None else f"`{text}`"


def _short(text: str) -> str:
    line = " ".join(_COLOR.sub("", text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _count(rows: int | None) -> str:
    return "not there" if rows is None else f"{rows:,}"


def _dollars(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def _main_sums(one: TableComparison) -> tuple[str, str]:
    """Of the column that says what was charged, of metered trips, where there is one."""
    sums = next((sums for sums in one.money if sums.column == "total_amount"), None)
    return ("", "") if sums is None else (_dollars(sums.before), _dollars(sums.after))
