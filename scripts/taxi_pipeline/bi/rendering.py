"""What an export prints while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.bi.export import OnTable
from taxi_pipeline.warehouses.base import Advance


@contextmanager
def export_progress() -> Iterator[OnTable]:
    """Show an export: a bar over the rows of its table on a terminal, nothing in a log.

    Yields:
        A function to be told which table begins and its rows; it gives the function to be told of them.
    """
    if not console.out.is_terminal:
        yield lambda _table, _rows: lambda _done: None
        return
    with console.rows_progress() as progress:
        task = progress.add_task("", total=0)

        def begin(table: str, rows: int) -> Advance:
            progress.update(task, description=escape(table), total=rows, completed=0)
            return lambda done: progress.advance(task, done)

        yield begin
