"""From the lake into a warehouse: only what changed, one file after the other, resumable after every one."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry
from taxi_pipeline.schemas import Service
from taxi_pipeline.warehouses.base import (
    MANIFEST,
    RESTATEMENTS,
    Advance,
    FileKey,
    Partition,
    Warehouse,
)


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes:
        loaded: files brought over, with their rows.
        removed: files taken away because the lake no longer holds them.
        unchanged: files that were there already.
    """

    loaded: tuple[Partition, ...]
    removed: tuple[Partition, ...]
    unchanged: int

    @property
    def rows(self) -> int:
        """Rows brought over."""
        return sum(partition.rows for partition in self.loaded)


def plan_load(
    history: Sequence[ManifestEntry], present: Mapping[FileKey, str], lake: Lake
) -> list[Partition]:
    """Name the partitions of which the warehouse holds another version than the lake, or one too many.

    Args:
        history: the lake's manifest, oldest version first.
        present: load_id of each file in the warehouse.
        lake: where the partitions are.
    """
    versions: dict[FileKey, list[ManifestEntry]] = {}
    for entry in history:
        versions.setdefault(entry.key, []).append(entry)
    changes = lake.restatements()
    partitions = []
    for key in sorted(versions.keys() | present.keys()):
        entries = versions.get(key, [])
        current = next((entry for entry in entries if entry.superseded_at is None), None)
        if present.get(key) == (current.load_id if current else None):
            continue
        service = next(service for service in Service if service.label == key[0])
        month = date.fromisoformat(key[1])
        path = lake.part_path(service, month) if current else None
        rows = current.row_count if current else 0
        records = {
            MANIFEST: [MANIFEST.row(entry) for entry in entries],
            RESTATEMENTS: [RESTATEMENTS.row(change) for change in changes if change.key == key],
        }
        partitions.append(Partition(service, month, path, rows, records))
    return partitions


def load_changes(
    lake: Lake,
    warehouse: Warehouse,
    on_plan: Callable[[int], None],
    on_partition: Callable[[Partition], Advance],
) -> LoadReport:
    """Bring every changed partition over; each goes in wholly or not at all.

    Args:
        lake: where the partitions are; its lock is held by the caller.
        warehouse: where they go.
        on_plan: told how many rows are to go over.
        on_partition: told which partition begins; what it returns is told of its rows.

    Raises:
        TaxiError: a partition could not be loaded. Those that are complete stay, and the next call goes on with it.
    """
    warehouse.prepare()
    history = lake.history()
    present = warehouse.loaded()
    partitions = plan_load(history, present, lake)
    on_plan(sum(partition.rows for partition in partitions))
    for partition in partitions:
        if partition.path is not None and not partition.path.exists():
            raise TaxiError(
                str(partition.path),
                "the manifest names this partition but it is not there",
                "ingest its file again, then load again",
            )
    with ThreadPoolExecutor(warehouse.workers) as pool:
        steps = [
            pool.submit(lambda one: warehouse.replace(one, on_partition(one)), partition)
            for partition in partitions
        ]
        try:
            for step in as_completed(steps):
                step.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if partitions:
        warehouse.finish()
    current = sum(1 for entry in history if entry.superseded_at is None)
    loaded = tuple(partition for partition in partitions if partition.path is not None)
    removed = tuple(partition for partition in partitions if partition.path is None)
    return LoadReport(loaded, removed, current - len(loaded))
