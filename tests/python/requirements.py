"""What some tests need and a machine may lack: a skip, or a failure where ``TAXI_REQUIRE`` names it."""

import os
from typing import NoReturn

import pytest

VARIABLE = "TAXI_REQUIRE"
NEEDS = (
    *("postgres", "bigquery", "chromium", "real", "excerpts"),
    *("container", "terraform", "airflow", "dagster", "prefect", "streaming", "spark"),
)
"""``excerpts`` are real files that nobody publishes: see ``tests/real_files.csv``."""


def required() -> frozenset[str]:
    """What must be there, from ``TAXI_REQUIRE=postgres,real``.

    Raises:
        pytest.UsageError: it names something that no test asks for.
    """
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()}
    if unknown := named - set(NEEDS):
        raise pytest.UsageError(
            f"{VARIABLE}: {', '.join(sorted(unknown))} is none of {', '.join(NEEDS)}"
        )
    return frozenset(named)


def lacking(need: str, reason: str) -> NoReturn:
    """Skip the test that runs now with a reason, or fail it where the need is required."""
    if need in required():
        pytest.fail(f"{VARIABLE} names {need}: {reason}", pytrace=False)
    pytest.skip(reason)
