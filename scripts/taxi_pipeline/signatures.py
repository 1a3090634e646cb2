"""What a local file looks like from outside: whether somebody has touched it since."""

from pathlib import Path

Signature = list[int]
"""Inode, size in bytes, and times of change of content and of inode, in nanoseconds."""


def signature(file: Path) -> Signature | None:
    """What changes whenever somebody touches a file; None where there is none."""
    try:
        state = file.stat()
    except OSError:
        return None
    return [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]
