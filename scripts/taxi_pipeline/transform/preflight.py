"""What has to hold before a lake is built from, or the sample takes an empty one."""

from collections.abc import Callable
from datetime import UTC, datetime

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, name_of
from taxi_pipeline.lake.verify import name_files, require_intact, require_whole
from taxi_pipeline.settings import Settings
from taxi_pipeline.texts import plural
from taxi_pipeline.warehouses import (
    Reader,
    is_embedded,
    open_reader,
    open_warehouse,
    reads_lake_in_place,
)
from taxi_pipeline.warehouses.base import FileKey
from taxi_pipeline.warehouses.embedded import open_embedded
from taxi_pipeline.warehouses.load import real_files, refuse_sample
from taxi_pipeline.warehouses.targets import schema_of_target

_REAL_MONTHS = """
select service_type, file_month
from fact_file_versions
where is_current and not is_synthetic
order by 1, 2
"""
_BUILT = "select load_id from file_ledger where model = 'fact_trips'"
_EXISTS = "select count(*) from information_schema.tables where table_name = '{table}'"


def refuse_to_replace(lake: Lake, settings: Settings, target: str | None) -> None:
    """Refuse to take a lake for an empty one where the target holds real months: it is lost or not mounted.

    Months that somebody removed from this lake count as none: the next build removes them.

    Raises:
        TaxiError: it names the months.
    """
    forgotten = {entry.key for entry in lake.history() if entry.forgotten_at is not None}
    if is_embedded(settings, target):
        name, real = str(settings.warehouse_path), _real_months(settings)
    elif reads_lake_in_place(settings, target):
        with open_reader(settings, target) as reader:
            schema = schema_of_target(settings, target)
            is_built = reader.holds(schema, "fact_file_versions")
            name, real = reader.name, _as_keys(reader) if is_built else []
    else:
        with open_warehouse(settings, target) as warehouse:
            present = warehouse.loaded() if warehouse.is_prepared() else {}
            name, real = warehouse.name, real_files(present)
    if real := [key for key in real if key not in forgotten]:
        raise refuse_sample(name, real, lake)


def check_lake(
    lake: Lake, settings: Settings, *, everything: bool, tell: Callable[[str], None]
) -> None:
    """Check the lake before DuckDB builds from it in place.

    Only partitions that the build reads anew, or that somebody touched since the last build, are read: a build
    without changes costs nothing.

    Args:
        lake: to be built from.
        settings: where the warehouse is.
        everything: the build reads every partition.
        tell: told what is being checked.

    Raises:
        TaxiError: a partition is missing, or the warehouse holds real months that the lake has never held.
        DataError: a partition is damaged.
    """
    require_whole(lake)
    known = {entry.key for entry in lake.history()}
    if lost := [key for key in _real_months(settings) if key not in known]:
        raise TaxiError(
            lake.url,
            f"the warehouse holds {plural(len(lost), 'real month')} that the lake does not know ({name_files(lost)}); "
            "nothing was changed",
            f"restore the lake, or ingest their files again. To drop them, delete {settings.warehouse_path}; "
            "the next build rebuilds it from the lake",
        )
    built = set() if everything else _built_versions(settings) - _touched_versions(lake, settings)
    require_intact(lake, [entry for entry in lake.current() if entry.load_id not in built], tell)


def _real_months(settings: Settings) -> list[FileKey]:
    if not settings.warehouse_path.exists():
        return []
    with open_embedded(settings) as reader:
        if not _exists(reader, "fact_file_versions"):
            return []
        return _as_keys(reader)


def _as_keys(reader: Reader) -> list[FileKey]:
    return [(str(service), str(month)) for service, month in reader.query(_REAL_MONTHS)]


def _built_versions(settings: Settings) -> set[str]:
    if not settings.warehouse_path.exists():
        return set()
    with open_embedded(settings) as reader:
        if not _exists(reader, "file_ledger"):
            return set()
        return {str(load_id) for (load_id,) in reader.query(_BUILT)}


def _touched_versions(lake: Lake, settings: Settings) -> set[str]:
    """Versions whose partition was written after the warehouse was: they are never written again by the lake itself."""
    if not settings.warehouse_path.exists():
        return set()
    built_at = datetime.fromtimestamp(settings.warehouse_path.stat().st_mtime, UTC)
    touched = {file.name for file in lake.current_files() if file.modified > built_at}
    return {entry.load_id for entry in lake.current() if name_of(entry) in touched}


def _exists(reader: Reader, table: str) -> bool:
    [(number,)] = reader.query(_EXISTS.format(table=table))
    return bool(number)
