"""DuckDB for work on files: within the memory limit, spilling to a folder of its own that is removed."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from taxi_pipeline.lake import is_abandoned, temp_tag
from taxi_pipeline.settings import Settings

_SCRATCH_PREFIX = "ingest-"


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """Make a folder for this run alone; those that killed runs left are removed."""
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    for left in settings.temp_dir.glob(f"{_SCRATCH_PREFIX}*"):
        if is_abandoned(left, _SCRATCH_PREFIX, settings.data_dir):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{_SCRATCH_PREFIX}{temp_tag(settings.data_dir)}-",
        dir=settings.temp_dir,
        ignore_cleanup_errors=True,
    ) as folder:
        yield Path(folder)


@contextmanager
def open_engine(settings: Settings, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Start DuckDB within the memory limit, spilling to a folder that no other process uses."""
    with duckdb.connect(
        config={
            "memory_limit": settings.memory_limit,
            "temp_directory": str(scratch / "spill"),
            "preserve_insertion_order": True,
            "autoinstall_known_extensions": False,
        }
    ) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("set TimeZone = 'UTC'")  # a zoned clock reading is kept as it is stored
        yield connection
