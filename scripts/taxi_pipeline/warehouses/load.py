"""From the lake into a warehouse: only what changed, one file after the other, resumable after every one.

A load adds and replaces. It removes only what somebody has removed with ``taxi forget``, and the synthetic
sample where real files come.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry
from taxi_pipeline.lake.stream_log import StreamLog, newest
from taxi_pipeline.lake.verify import name_files, require_intact, require_whole
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_variables
from taxi_pipeline.texts import plural
from taxi_pipeline.warehouses.base import (
    MANIFEST,
    RESTATEMENTS,
    Advance,
    FileKey,
    LoadedFile,
    Partition,
    Warehouse,
    events_schema,
)

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class LoadPlan:
    """What a load has to do.

    Attributes:
        partitions: files to bring over, and files to remove (those without a path).
        kept: files in the warehouse that the lake does not know; they stay.
    """

    partitions: tuple[Partition, ...]
    kept: tuple[FileKey, ...]


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes:
        loaded: files brought over, with their rows.
        removed: files removed because somebody has removed them from the lake.
        unchanged: files that were there already.
        kept: files in the warehouse that the lake does not know.
        events: of the stream's last hours, that were brought over.
    """

    loaded: tuple[Partition, ...]
    removed: tuple[Partition, ...]
    unchanged: int
    kept: tuple[FileKey, ...] = ()
    events: int = 0

    @property
    def rows(self) -> int:
        """Rows brought over."""
        return sum(partition.rows for partition in self.loaded)


def plan_load(
    history: Sequence[ManifestEntry], present: Mapping[FileKey, LoadedFile], lake: Lake
) -> LoadPlan:
    """Name the files of which the warehouse holds another version than the lake, and those to remove.

    Args:
        history: the lake's manifest, oldest version first.
        present: the files in the warehouse.
        lake: where the partitions are.
    """
    versions = _versions(history)
    changes = lake.restatements()
    partitions: list[Partition] = []
    kept = kept_files(history, present)
    for key in sorted(versions.keys() | present.keys()):
        entries = versions.get(key, [])
        current = next((entry for entry in entries if entry.superseded_at is None), None)
        held = present.get(key)
        if (current is None and held is None) or key in kept:
            continue
        if current is not None and held is not None and held.load_id == current.load_id:
            continue
        records = {
            MANIFEST: [MANIFEST.row(entry) for entry in entries],
            RESTATEMENTS: [RESTATEMENTS.row(change) for change in changes if change.key == key],
        }
        partitions.append(
            Partition(
                service_of(key),
                date.fromisoformat(key[1]),
                lake.file(current) if current else None,
                current.row_count if current else 0,
                records,
            )
        )
    return LoadPlan(tuple(partitions), kept)


def kept_files(
    history: Sequence[ManifestEntry], present: Mapping[FileKey, LoadedFile]
) -> tuple[FileKey, ...]:
    """Name the files of a warehouse that stay there although the lake does not hold them.

    A version of another lake stays: this one can only give up what it has had.

    Args:
        history: the lake's manifest, oldest version first.
        present: the files in the warehouse.
    """
    versions = _versions(history)
    current = {entry.key for entry in history if entry.superseded_at is None}
    is_real = any(not entry.is_synthetic for entry in history if entry.superseded_at is None)

    def stays(key: FileKey) -> bool:
        entries, held = versions.get(key, []), present[key]
        was_ours = held.load_id in {entry.load_id for entry in entries}
        was_forgotten = was_ours and entries[-1].forgotten_at is not None
        return not was_forgotten and not (held.is_synthetic and is_real)

    return tuple(sorted(key for key in present.keys() - current if stays(key)))


def _versions(history: Sequence[ManifestEntry]) -> dict[FileKey, list[ManifestEntry]]:
    """The versions of each file, oldest first."""
    versions: dict[FileKey, list[ManifestEntry]] = {}
    for entry in history:
        versions.setdefault(entry.key, []).append(entry)
    return versions


def service_of(key: FileKey) -> Service:
    """The service that a file's key names."""
    return Service.of_label(key[0])


def real_files(present: Mapping[FileKey, LoadedFile]) -> list[FileKey]:
    """The files of a warehouse that are TLC's."""
    return sorted(key for key, file in present.items() if not file.is_synthetic)


def refuse_sample(warehouse: str, real: Sequence[FileKey], lake: Lake) -> TaxiError:
    """The error where the sample would stand in for real months."""
    return TaxiError(
        warehouse,
        f"it holds {plural(len(real), 'real month')} ({name_files(real)}), and {lake.url} holds none; "
        "nothing was changed",
        "check that TAXI_DATA_DIR names the right folder and that it is mounted. To try the sample, use another "
        "target or schema",
    )


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
        TaxiError: the lake has lost a partition, the sample would stand beside real months, or a partition could not be
            loaded. Those that are complete stay, and the next call goes on with it.
        DataError: a partition is damaged.
    """
    require_whole(lake)
    warehouse.prepare()
    history = lake.history()
    present = warehouse.loaded()
    plan = plan_load(history, present, lake)
    current = [entry for entry in history if entry.superseded_at is None]
    real = real_files(present)
    if real and any(entry.is_synthetic for entry in current):
        raise refuse_sample(warehouse.name, real, lake)
    on_plan(sum(partition.rows for partition in plan.partitions))
    wanted = {partition.key for partition in plan.partitions if partition.part is not None}
    require_intact(lake, [entry for entry in current if entry.key in wanted])
    with ThreadPoolExecutor(warehouse.workers) as pool:
        steps = [
            pool.submit(lambda one: warehouse.replace(one, on_partition(one)), partition)
            for partition in plan.partitions
        ]
        try:
            for step in as_completed(steps):
                step.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    log = StreamLog(lake.storage)
    events = warehouse.replace_events(_newest_events(log)) if log.exists() else 0
    if plan.partitions:
        warehouse.finish()
    loaded = tuple(partition for partition in plan.partitions if partition.part is not None)
    removed = tuple(partition for partition in plan.partitions if partition.part is None)
    return LoadReport(loaded, removed, len(current) - len(loaded), plan.kept, events)


def _newest_events(log: StreamLog) -> Iterator["pa.Table"]:
    """The events of the live view, a file at a time."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, for a lake with a stream
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = events_schema()
    for batch in newest(log.batches(), int(read_variables()["live_hours"])):
        with log.storage.open(batch.file) as stream:
            table = pq.read_table(stream, columns=schema.names[1:])
        table = table.filter(pc.is_valid(table["event_id"]))
        topic = pa.repeat(batch.topic, table.num_rows)
        yield table.add_column(0, "topic", topic).select(schema.names).cast(schema)


def forget_files(warehouse: Warehouse, keys: Sequence[FileKey]) -> None:
    """Remove files from a warehouse's raw tables, with all that is on record of them.

    Args:
        warehouse: prepared, and asked what is loaded.
        keys: which; each goes wholly or not at all.
    """
    for key in keys:
        partition = Partition(
            service_of(key),
            date.fromisoformat(key[1]),
            None,
            0,
            {MANIFEST: [], RESTATEMENTS: []},
        )
        warehouse.replace(partition, lambda _rows: None)
    warehouse.finish()
