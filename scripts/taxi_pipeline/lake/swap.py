"""How a record of the lake changes: by compare-and-swap, as often as others come before."""

import random
import time
from collections.abc import Callable

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.storage import ChangedError, Storage

_ATTEMPTS = 100
_FAULTS = 3
_LONGEST_WAIT_SECONDS = 1.0


def change_record(storage: Storage, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change a record in one step; nothing is written where it stays the same.

    After a fault, the record is read again: the change may have been made although its answer was lost.

    Args:
        storage: where it is.
        name: of the record.
        change: gives what it is to hold, from what it holds; called again for each attempt.

    Raises:
        TaxiError: the storage cannot be written, or others write without a pause.
    """
    faults = 0
    for attempt in range(_ATTEMPTS):
        content, version = storage.read(name)
        wanted = change(content)
        if wanted == content and version is not None:
            return
        try:
            storage.swap(name, wanted, version)
            return
        except ChangedError:
            pass
        except TaxiError:
            faults += 1
            if faults == _FAULTS:
                raise
        wait = min(_LONGEST_WAIT_SECONDS, 0.01 * 2 ** min(attempt, 10))
        time.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - so that two writers do not meet again
    raise TaxiError(
        storage.location(name),
        f"other processes have changed it {_ATTEMPTS} times in a row",
        "run it again when fewer of them write",
    )
