"""What the commands print: progress, tables and errors, on a terminal and in a log alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from taxi_pipeline.errors import TaxiError, sentences
from taxi_pipeline.synthetic import NOTICE
from taxi_pipeline.texts import printable


class _Console(Console):
    """A console that prints no text of a file as a command to the terminal.

    It leaves it to ``faults`` what a reader who has seen enough means: no failure.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape control characters in every text and every cell of a table."""
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        """Say so to the caller, where rich would end the process with exit code 1."""
        raise BrokenPipeError


out = _Console(highlight=False, soft_wrap=True)
err = _Console(stderr=True, highlight=False, soft_wrap=True)

_NUMBERS_WIDTH, _LONGEST_NAME = 30, 70
"""Columns of a terminal for the bar and the numbers beside what is going on, and at most for its name."""


def print_error(*errors: TaxiError) -> None:
    """Print errors on standard error, one line for those that differ in their subject alone."""
    for sentence in sentences(errors):
        err.print(f"[bold red]error[/] {escape(sentence)}")


def print_note(text: str) -> None:
    """Print a remark that is not an error."""
    out.print(f"[dim]{escape(text)}[/]")


def print_warning(text: str) -> None:
    """Print a remark on standard error."""
    err.print(f"[yellow]{escape(text)}[/]")


def print_synthetic_notice() -> None:
    """Say that the numbers are not TLC's."""
    out.print(f"[bold yellow]Synthetic sample.[/] {escape(NOTICE)}")


@contextmanager
def activity(title: str) -> Iterator[Callable[[str], None]]:
    """Show what is going on while something takes time; yields a function that says it."""
    if not out.is_terminal:
        yield lambda text: out.print(escape(text))
        return
    with Progress(
        SpinnerColumn(),
        description(),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as progress:
        task = progress.add_task(_described(title))
        yield lambda text: progress.update(task, description=_described(text))


def _described(text: str) -> str:
    """A text as ``description`` shows it, which is not given to the console as a text."""
    return escape(printable(text))


def description() -> TextColumn:
    """What is going on, shortened where a narrow terminal needs room for the numbers beside it."""
    column = Column(max_width=name_width(), no_wrap=True)
    return TextColumn("{task.description}", table_column=column)


def rows_progress() -> Progress:
    """A bar over the rows of what is going on, which leaves nothing behind."""
    return Progress(
        SpinnerColumn(),
        description(),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} rows"),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    )


def name_width() -> int:
    """Columns of the terminal that the name of what is going on may take."""
    return min(max(out.width - _NUMBERS_WIDTH, _NUMBERS_WIDTH), _LONGEST_NAME)


@contextmanager
def transfer() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show downloads; yields a function that takes a name, the bytes here, and the bytes in all."""
    with Progress(
        description(),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=out,
    ) as progress:
        tasks = {}

        def update(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(_described(name))
            progress.update(tasks[name], completed=done, total=total)

        yield update


def words(name: str) -> str:
    """A code as words: ``rows_missing`` is ``rows missing``."""
    return name.replace("_", " ")


def money(amount: str | Decimal | None) -> str:
    """Dollars with thousands parted; FHV has none."""
    return "no fares" if amount is None else f"{Decimal(amount):,.2f}"


def compact_table(title: str) -> Table:
    """A table of many columns that fits a terminal of 80, where the one with ``min_width`` gives way."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.pad_edge, table.collapse_padding = False, True
    return table


def print_wide(table: Table) -> None:
    """Print a table that a log, which has no width of its own, would break."""
    (out if out.is_terminal else _Console(highlight=False, width=120)).print(table)
