"""What `taxi plan` prints: the months to do something about, consecutive ones in one line."""

from collections import Counter
from collections.abc import Sequence

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.download.sources import TLC
from taxi_pipeline.plan.planning import TO_DO, Plan, PlannedMonth, spans
from taxi_pipeline.texts import plural

_COLORS = {"missing": "yellow", "restated": "yellow", "incomplete": "yellow", "unavailable": "red"}


def print_plan(plan: Plan) -> None:
    """Print the months that are not current, then how many there are of each state, and the next command."""
    shown = list(spans([one for one in plan.months if one.state != "current"]))
    if shown:
        table = console.compact_table(f"Plan, against {plan.source}")
        table.add_column("service")
        table.add_column("months", no_wrap=True)
        table.add_column("files", justify="right")
        table.add_column("MB", justify="right")
        table.add_column("state, reason", min_width=24)
        for span in shown:
            first, last = span[0], span[-1]
            state = f"[{_COLORS.get(first.state, 'dim')}]{console.words(first.state)}[/]"
            reason = f": {escape(first.reason)}" if first.reason else ""
            table.add_row(
                first.month.service,
                _months(first, last),
                str(len(span)),
                _size(span),
                state + reason,
            )
        console.print_wide(table)
    counted = Counter(one.state for one in plan.months)
    numbers = ", ".join(f"{counted[state]:,} {console.words(state)}" for state in counted)
    console.out.print(f"{plural(len(plan.months), 'month')}: {numbers or 'none'}.")
    if plan.complaint is not None:
        console.print_warning(str(plan.complaint))
    if plan.to_do:
        month = next(one for state in TO_DO for one in plan.to_do if one.state == state).month
        source = "" if plan.source == TLC else f" --source {plan.source}"
        console.print_note(f"To take one: taxi run --month {month}{source}")


def _months(first: PlannedMonth, last: PlannedMonth) -> str:
    start, end = (f"{one.month.first:%Y-%m}" for one in (first, last))
    return start if start == end else f"{start}..{end}"


def _size(span: Sequence[PlannedMonth]) -> str:
    sizes = [one.size for one in span]
    known = [size for size in sizes if size is not None]
    return f"{sum(known) / 1e6:,.1f}" if len(known) == len(sizes) else ""
