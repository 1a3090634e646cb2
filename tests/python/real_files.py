"""Where the real TLC files are that some tests read; the project commits none of them."""

import os
from pathlib import Path

DATA = "TAXI_TEST_DATA"

_REPOSITORY = Path(__file__).resolve().parents[2]

REAL_FILES = Path(os.environ.get(DATA) or _REPOSITORY.parent / "shared" / "data").resolve()
"""The folder that ``TAXI_TEST_DATA`` names, or ``shared/data`` beside the repository."""
