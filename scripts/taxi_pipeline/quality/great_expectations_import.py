"""Great Expectations, imported without what no check of this project uses.

It imports clients of clouds and of Spark, a drawing library and SciPy's distributions: more than half of its 5 s
(2026-11-26). The first it can do without, and says so where they are needed. The others are loaded when somebody uses
them.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

_OPTIONAL = frozenset(
    {"google.cloud", "google.api_core", "google.auth", "google.oauth2", "pyspark"}
)
"""Great Expectations asks for them and goes on without them; its own stand-in says which package is missing."""

_WHEN_USED = frozenset({"scipy.stats", "altair"})
"""Used by expectations about distributions and by their charts."""


class _Sparing(importlib.abc.MetaPathFinder):
    """Finds the optional modules nowhere, and the others so that they are loaded at their first use."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in _OPTIONAL:
            raise ModuleNotFoundError(f"{fullname} is not needed to judge", name=fullname)
        if fullname not in _WHEN_USED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@cache
def great_expectations() -> Any:
    """Import Great Expectations, once in a process; it sends nothing anywhere and logs errors only."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    sparing = _Sparing()
    sys.meta_path.insert(0, sparing)
    try:
        import great_expectations as gx  # noqa: PLC0415 - a command without anything new to judge need not wait for it
    finally:
        sys.meta_path.remove(sparing)
    for logger in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(logger).setLevel(
            logging.ERROR
        )  # the latter tells of a folder it does not use
    return gx
