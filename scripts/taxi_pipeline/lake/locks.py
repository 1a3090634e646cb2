"""The lock of a data folder: one process writes a warehouse at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def data_lock(data_dir: Path, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the data folder for one writer; may be taken again by the process that holds it.

    Args:
        data_dir: the folder that holds the lake and the warehouse.
        on_wait: told once, in a sentence, when another process has the lock.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / "taxi.lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait(f"Another taxi command is writing to {data_dir}; waiting for it to finish.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
