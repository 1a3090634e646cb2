"""What a load prints."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.markup import escape

from taxi_pipeline import console
from taxi_pipeline.lake.verify import name_files
from taxi_pipeline.texts import plural
from taxi_pipeline.warehouses.base import Advance, FileKey, Partition
from taxi_pipeline.warehouses.load import LoadReport


@contextmanager
def load_progress() -> Iterator[tuple[Callable[[int], None], Callable[[Partition], Advance]]]:
    """Show a load: a bar over its rows on a terminal, a line per file in a log.

    Yields:
        A function to be told the rows in all, and one to be told which file begins; the latter gives
        the function to be told of that file's rows.
    """
    if not console.out.is_terminal:

        def begin_logged(partition: Partition) -> Advance:
            console.out.print(_load_line(partition))
            return lambda _rows: None

        yield lambda _total: None, begin_logged
        return
    with console.rows_progress() as progress:
        task = progress.add_task("Comparing with the lake", total=0)

        def begin(partition: Partition) -> Advance:
            progress.update(task, description=_load_line(partition))
            return lambda rows: progress.advance(task, rows)

        yield lambda total: progress.update(task, total=total), begin


def _load_line(partition: Partition) -> str:
    what = f"{partition.service.label} {partition.month:%Y-%m}"
    return (
        f"removing {what}"
        if partition.part is None
        else f"loading  {what}: {plural(partition.rows, 'row')}"
    )


def print_loaded(report: LoadReport, warehouse: str, seconds: float) -> None:
    """Print what a load did, as one line."""
    parts = [f"{plural(len(report.loaded), 'file')} loaded ({plural(report.rows, 'row')})"]
    if report.removed:
        parts.append(f"{len(report.removed)} removed")
    parts.append(f"{report.unchanged} unchanged")
    if report.events:
        parts.append(f"{plural(report.events, 'event')} of the stream's last hours")
    console.out.print(f"{escape(warehouse)}: {', '.join(parts)} in {seconds:.1f} s")
    print_kept(report.kept)


def print_kept(keys: Sequence[FileKey]) -> None:
    """Print which months a server keeps that this lake does not hold; nothing where there are none."""
    if keys:
        stay = "stays" if len(keys) == 1 else "stay"
        console.print_note(
            f"{plural(len(keys), 'month')} {stay} that this lake does not hold: {name_files(keys)}. "
            "`taxi forget ... --target ...` removes a month."
        )
