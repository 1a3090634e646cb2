"""What the commands of a stream print."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.table import Table

from taxi_pipeline import console
from taxi_pipeline.stream.kafka import KafkaSettings
from taxi_pipeline.texts import plural

if TYPE_CHECKING:
    from taxi_pipeline.stream.consume import Progress
    from taxi_pipeline.stream.publication import StreamedMonth
    from taxi_pipeline.stream.replay import Replayed

_SHOWN = 16
"""Rows of the newest windows on a terminal."""


def print_replayed(done: "Replayed", topic: str) -> None:
    """Say what was sent, and how fast."""
    sent = done.trips + done.repeats
    rate = sent / done.seconds if done.seconds else 0
    texts = f", {done.texts:,} of them unreadable" if done.texts else ""
    console.out.print(
        f"Sent {plural(done.trips, 'trip')}{texts} and {plural(done.repeats, 'repeat')} to {topic}: "
        f"{rate:,.0f} events/s."
    )


def print_progress(progress: "Progress", kafka: KafkaSettings) -> None:
    """Say what a member of the group has brought into the lake."""
    console.out.print(
        f"{plural(progress.rows, 'event')} in {plural(progress.batches, 'file')}, "
        f"{progress.rows_per_second:,.0f} events/s."
    )
    if progress.unreadable:
        console.print_warning(
            f"{plural(progress.unreadable, 'message')} without a trip: see the topic {kafka.dead_letters}, and"
            " rejected_trips (unparseable)."
        )
    if progress.dropped:
        console.print_note(
            f"{progress.dropped:,} more were read and not written: another consumer had written them."
        )


def print_months(months: Sequence["StreamedMonth"]) -> None:
    """A line for each month with events."""
    for month in months:
        name = f"{month.key[0]} {month.key[1][:7]}"
        if month.status == "superseded":
            unused = plural(month.events, "event")
            text = (
                f"the lake has the published file ({plural(month.rows, 'row')}); {unused} not used"
            )
        else:
            text = f"{plural(month.rows, 'trip')}, provisional"
            if month.status == "unchanged":
                text += "; nothing new"
        if month.repeats:
            text += f"; {plural(month.repeats, 'repeated event')} dropped"
        if month.contradicted:
            text += f", {month.contradicted:,} of them unlike the first"
        console.out.print(f"{name}: {text}.", markup=False)


@contextmanager
def live_table() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show the last hours, on a terminal in place; yields a function that takes the document of the live page."""
    if not console.out.is_terminal:
        yield lambda document: console.out.print(_table_of(document))
        return
    with Live(console=console.out, auto_refresh=False) as live:
        yield lambda document: live.update(_table_of(document), refresh=True)


def _table_of(document: dict[str, Any]) -> Table:
    title = (
        "The stream holds no event."
        if document["newest"] is None
        else f"Newest window {document['newest']}; {document['late']:,} late, {document['too_late']:,} too late,"
        f" {document['repeats']:,} repeats"
    )
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    table.add_column("window")
    table.add_column("service")
    for name in ("trips", "US$", "late"):
        table.add_column(name, justify="right")
    for start, service, trips, amount, late, closed in document["windows"][-_SHOWN:]:
        state = start if closed else f"{start} *"
        table.add_row(
            state, service, f"{trips:,}", console.money(amount) if trips else "", f"{late:,}"
        )
    table.caption = "* can still change"
    return table
