"""Files that are written whole or not at all: aside, then moved into place.

The lake and the record of checks have drafts of their own, whose names say which process they belong to.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Let a fault of the system name the file that is written; a full disk names none, and a copy its source.

    Raises:
        OSError: with ``path`` as its file.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file to write beside ``path``; it takes its place in one move, or goes where the writing fails.

    Raises:
        OSError: with ``path`` as its file.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in place of a file: who reads it sees the old one or the new one, whole."""
    with draft_of(path) as draft:
        draft.write_text(text, encoding="utf-8")
