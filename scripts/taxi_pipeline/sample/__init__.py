"""Synthetic trips in the shape of TLC's files: to try the warehouse, and to prove what it does."""

from taxi_pipeline.sample.calendar import CLOCK_CHANGE, MONTHS
from taxi_pipeline.sample.files import (
    METADATA_KEY,
    MIN_SCALE,
    NOTICE,
    TRIPS,
    FileReport,
    SampleReport,
    write_sample,
)
from taxi_pipeline.sample.pathologies import PATHOLOGIES, Pathology, planted

__all__ = [
    "CLOCK_CHANGE",
    "METADATA_KEY",
    "MIN_SCALE",
    "MONTHS",
    "NOTICE",
    "PATHOLOGIES",
    "TRIPS",
    "FileReport",
    "Pathology",
    "SampleReport",
    "planted",
    "write_sample",
]
