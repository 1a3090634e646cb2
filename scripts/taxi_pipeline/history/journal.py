"""Records that are not in the warehouse yet, a file each under ``runs/`` in the data folder.

DuckDB admits no writer beside a reader, and a write to its file makes the next build start dbt: what does not build
leaves its record here, and the next build moves it. A process that is killed leaves a record without an end.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxi_pipeline.atomic import write_text
from taxi_pipeline.history.records import Record
from taxi_pipeline.lake import is_abandoned, temp_tag
from taxi_pipeline.settings import Settings

_MOST = 300
"""Records that wait; beyond them the oldest go: a folder where nothing is ever built again does not grow."""


@dataclass(frozen=True)
class Pending:
    """A record that waits for a warehouse.

    Attributes:
        path: of its file.
        record: what is known.
        is_running: its process lives, and has not ended the step.
    """

    path: Path
    record: Record
    is_running: bool


@dataclass(frozen=True)
class Journal:
    """The records that wait, and a copy of what the warehouses said last.

    Args:
        settings: where the data folder is.
    """

    settings: Settings

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.settings.data_dir / "runs"

    def path_for(self, record: Record) -> Path:
        """A name for the file of a record of this process, which says whose it is."""
        prefix = _prefix(record.step.run_id, record.step.step)
        return self.folder / f"{prefix}{temp_tag(self.settings.data_dir)}.json"

    def write(self, path: Path, record: Record) -> None:
        """Write a record in place of what is there of it.

        Raises:
            OSError: it cannot be written.
        """
        write_text(path, json.dumps(record.to_json()))

    def pending(self) -> list[Pending]:
        """The records that wait, oldest first; a damaged one counts as none."""
        found = []
        for path in sorted(self.folder.glob("*.*.json")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                record = Record.from_json(json.loads(path.read_bytes()))
                found.append(Pending(path, record, self._is_running(path, record)))
        return found

    def _is_running(self, path: Path, record: Record) -> bool:
        if record.step.ended_at is not None:
            return False
        prefix = _prefix(record.step.run_id, record.step.step)
        try:
            return not is_abandoned(path, prefix, self.settings.data_dir)
        except OSError:  # a folder that only others may write: whoever does is not known
            return True

    def prune(self) -> None:
        """Let the oldest records go where too many wait."""
        waiting = [pending for pending in self.pending() if not pending.is_running]
        for pending in waiting[:-_MOST]:
            pending.path.unlink(missing_ok=True)

    def keep_copy(self, target: str, records: Sequence[Record]) -> None:
        """Remember what a target's tables hold, for when they cannot be read.

        Raises:
            OSError: it cannot be written.
        """
        write_text(self._copy(target), json.dumps([record.to_json() for record in records]))

    def read_copy(self, target: str) -> list[Record]:
        """What a target's tables held when they were read last."""
        try:
            documents: list[Any] = json.loads(self._copy(target).read_bytes())
            return [Record.from_json(document) for document in documents]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _copy(self, target: str) -> Path:
        """A file for any name of a target, which may have a slash."""
        return self.folder / f"copy_{target.encode().hex()}"


def _prefix(run_id: str, step: str) -> str:
    return f"{run_id}.{step}."
