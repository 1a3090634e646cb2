"""What has been looked at: a partition that nobody has touched since need not be opened again.

A file counts as untouched while its inode, size, and times of change are the same. The time of the last change
of the inode cannot be set by a program, so a copy or a file that was restored from a backup is always a new one.
The record is a memory and no part of the lake: without it, everything is looked at again.
"""

import json
from contextlib import suppress
from pathlib import Path

_VERSION = 1
Signature = list[int]
"""Inode, size in bytes, and times of change of content and of inode, in nanoseconds."""


class Seen:
    """A note per file, which holds for as long as the file is untouched.

    Args:
        path: where the notes are kept.
        root: the folder whose files they are about.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self._path = path
        self._root = root
        self._kept = self._read()
        self._now: dict[str, list[object]] = {}

    def note(self, file: Path) -> str | None:
        """The note about a file; None where there is none, or the file is another one now."""
        name, present = self._name(file), signature(file)
        kept = self._kept.get(name)
        if present is None or kept is None or kept[:-1] != present:
            return None
        self._now[name] = kept
        return str(kept[-1])

    def keep(self, file: Path, note: str) -> None:
        """Write a note about a file that has just been looked at."""
        present = signature(file)
        if present is not None:
            self._now[self._name(file)] = [*present, note]

    def save(self, draft: Path) -> None:
        """Keep the notes that were asked for or written, and no others.

        Args:
            draft: a name that no other process uses, in the folder of the notes.
        """
        if self._now == self._kept:
            return
        with suppress(OSError):  # without the notes the next command takes longer, and that is all
            draft.write_text(json.dumps({"version": _VERSION, "files": self._now}))
            draft.replace(self._path)

    def _read(self) -> dict[str, list[object]]:
        try:
            values = json.loads(self._path.read_bytes())
            return dict(values["files"]) if values["version"] == _VERSION else {}
        except (OSError, ValueError, TypeError, KeyError):
            return {}

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._root))


def signature(file: Path) -> Signature | None:
    """What changes whenever somebody touches a file; None where there is none."""
    try:
        state = file.stat()
    except OSError:
        return None
    return [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]
