"""How a command ends that does not end well: interrupted, a fault of the system, or one that nobody thought of."""

import errno
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from taxi_pipeline.errors import TaxiError

DEBUG = "TAXI_DEBUG"
"""The variable that shows tracebacks."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_OUT_OF_MEMORY = "the command takes more memory than allowed"
_MORE_MEMORY = "raise TAXI_MEMORY_LIMIT, such as TAXI_MEMORY_LIMIT=2GB"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_DESCRIBED = "taxi_description"
_NO_LEAKS_TOLD = "ignore:resource_tracker:UserWarning"
"""For the process in which Python keeps account of semaphores: it tells of those of a command that was interrupted."""
_received: list[int] = []
"""The signal that has come: DuckDB answers it with an error of its own while a query runs."""


class Interrupted(BaseException):
    """Somebody wants the command to end: Ctrl-C, or a system that shuts down.

    Not a KeyboardInterrupt: dbt and Typer catch those, and say something else.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)


def run_guarded(
    command: Callable[[], None], say: Callable[[TaxiError], None], note: Callable[[str], None]
) -> None:
    """Run a command so that no fault of it is a traceback.

    Args:
        command: the command; ends the process by itself where it ends well.
        say: prints an error.
        note: prints a remark on standard error.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    given = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{given},{_NO_LEAKS_TOLD}" if given else _NO_LEAKS_TOLD
    try:
        command()
    except Interrupted:
        _end_interrupted(note)
    except BrokenPipeError:  # whoever read the output has seen enough
        _leave(0)
    except Exception as error:
        if _received:
            _end_interrupted(note)
        say(fault := described(error))
        sys.exit(fault.exit_code)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    for other in _SIGNALS:  # once is enough: a second one would break off the way out
        signal.signal(other, signal.SIG_IGN)
    _received.append(number)
    raise Interrupted(number)


def _end_interrupted(note: Callable[[str], None]) -> NoReturn:
    note("Interrupted. Tables are whole; run it again.")
    _leave(128 + _received[0])


def _leave(exit_code: int) -> NoReturn:
    """End at once: threads that still wait for an engine's answer would hold the process."""
    sys.stderr.flush()
    os._exit(exit_code)


def ending(fault: BaseException) -> tuple[int, TaxiError | None]:
    """The exit code that a fault ends the command with, and its words; None where somebody interrupted it."""
    if _received or not isinstance(fault, Exception):
        return 128 + (_received[0] if _received else signal.SIGINT), None
    error = described(fault)
    return error.exit_code, error


def described(error: Exception) -> TaxiError:
    """Put an exception into words; the traceback of one that is no ``TaxiError`` is kept in a file, once.

    Args:
        error: that ends a command.
    """
    if isinstance(error, TaxiError):
        return error
    known: TaxiError | None = getattr(error, _DESCRIBED, None)
    if known is None:
        kept = _keep_traceback()
        known = (
            _system_fault(error)
            if isinstance(error, OSError)
            else TaxiError("DuckDB", _OUT_OF_MEMORY, _MORE_MEMORY)
            if _is_out_of_memory(error)
            else TaxiError(
                "taxi",
                f"unexpected error: {type(error).__name__}: {_one_line(error)}",
                f"report it, with {kept}",
            )
        )
        setattr(error, _DESCRIBED, known)
    return known


def _is_out_of_memory(error: Exception) -> bool:
    """Whether DuckDB says so; a command that does not use it need not import it."""
    duckdb = sys.modules.get("duckdb")
    return duckdb is not None and isinstance(error, duckdb.OutOfMemoryException)


def _system_fault(error: OSError) -> TaxiError:
    subject = str(error.filename2 or error.filename or "taxi")  # of a copy, what is written
    reason = f"{error.strerror or _one_line(error)}"
    remedy = remedy_of(error, f"the disk of {subject}" if error.filename else "the disk")
    otherwise = (
        "or set TAXI_DATA_DIR to another folder"
        if error.errno in _FORBIDDEN
        else "then run it again"
    )
    return TaxiError(subject, reason, f"{remedy}, {otherwise}")


def remedy_of(error: Exception, disk: str) -> str:
    """The way out of a fault of the file system, by its number; an engine names it only in words.

    Args:
        error: of the system, or of an engine that tells what the system said.
        disk: what to call the disk that is concerned.
    """
    said = str(error)
    number = (
        error.errno
        if isinstance(error, OSError)
        else next((n for n in (*_DISK_FULL, *_FORBIDDEN) if os.strerror(n) in said), None)
    )
    if number in _DISK_FULL:
        return f"free some space on {disk}"
    return "check who may write there" if number in _FORBIDDEN else "check the path and the disk"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _keep_traceback() -> Path:
    """Write the traceback to a file, and to the terminal where somebody asks for it."""
    text = traceback.format_exc()
    if os.environ.get(DEBUG):
        sys.stderr.write(text)
    descriptor, name = tempfile.mkstemp(
        prefix=f"taxi-{time.strftime('%Y%m%d-%H%M%S')}-", suffix=".log"
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)
