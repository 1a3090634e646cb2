"""Whose temporaries are still in use: each process holds a lock for as long as it lives.

A process number would not do: two containers that share a volume have numbers of their own.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_LOCKS = "locks"
_held: dict[Path, tuple[int, str, FileLock]] = {}


def temp_tag(data_dir: Path) -> str:
    """Make a part of a temporary name that says which process owns it.

    Args:
        data_dir: the folder in which the owners' locks are kept.
    """
    return f"{_owner(data_dir)}-{secrets.token_hex(4)}"


def is_abandoned(path: Path, prefix: str, data_dir: Path) -> bool:
    """Whether a temporary ``<prefix><owner>-<random>`` belongs to a process that is gone."""
    owner = path.name.removeprefix(prefix).partition("-")[0]
    held = _held.get(data_dir)
    if held is not None and held[:2] == (os.getpid(), owner):
        return False
    lock_path = _lock_path(data_dir, owner)
    if not owner.isalnum() or not lock_path.exists():
        return True
    lock = FileLock(lock_path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    with suppress(OSError):
        lock_path.unlink()
    lock.release()
    return True


def _lock_path(data_dir: Path, owner: str) -> Path:
    return data_dir / _LOCKS / f"{owner}.lock"


def _owner(data_dir: Path) -> str:
    """This process's name among the owners; its lock is released when the process ends, however it ends."""
    held = _held.get(data_dir)
    if held is not None and held[0] == os.getpid() and _lock_path(data_dir, held[1]).exists():
        return held[1]
    while True:
        owner = secrets.token_hex(6)
        path = _lock_path(data_dir, owner)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
        if path.exists():  # else somebody took the new lock for one that was left
            _held[data_dir] = (os.getpid(), owner, lock)
            return owner
        lock.release()
