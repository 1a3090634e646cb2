"""Who is told what a workflow does: of its progress, and of what each step leaves."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from taxi_pipeline.results import Result
from taxi_pipeline.transform.runner import (
    BuildListener,
)
from taxi_pipeline.warehouses.base import Advance, Partition

Tell = Callable[[str], None]


LoadProgress = tuple[Callable[[int], None], Callable[[Partition], Advance]]
"""Told how many rows are to go over; told which partition begins, and gives what is told of its rows."""


TransferProgress = Callable[[str, int, int | None], None]
"""Told of a file by its service and month: the bytes here, and the bytes in all where the publisher says so."""


def _ignore(*_said: object) -> None:
    pass


class Observer:
    """Told what goes on; does nothing with it. A program overrides what it wants to know."""

    def note(self, text: str) -> None:
        """Receive a remark, such as that another process has the lock."""

    def activity(self, title: str) -> AbstractContextManager[Tell]:
        """Follow something that takes time; what it gives is told its steps."""
        del title
        return nullcontext(_ignore)

    def transferring(self) -> AbstractContextManager[TransferProgress]:
        """Follow downloads."""
        return nullcontext(_ignore)

    def loading(self) -> AbstractContextManager[LoadProgress]:
        """Follow a load."""
        return nullcontext((_ignore, lambda _partition: _ignore))

    def building(self, title: str) -> AbstractContextManager[BuildListener]:
        """Follow dbt from node to node."""
        del title
        return nullcontext(BuildListener())

    def finished(self, result: Result) -> None:
        """Receive what a step has left."""


SILENT = Observer()
