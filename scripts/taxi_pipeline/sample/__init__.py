"""Synthetic trips in the shape of TLC's files: to try the warehouse, and to prove what it does."""

from taxi_pipeline.sample.calendar import CLOCK_CHANGE, MONTHS, POINT_MONTH
from taxi_pipeline.sample.files import (
    MIN_SCALE,
    TRIPS,
    FileReport,
    SampleReport,
    write_sample,
)
from taxi_pipeline.sample.pathologies import PATHOLOGIES, Pathology, planted

__all__ = [
    "CLOCK_CHANGE",
    "MIN_SCALE",
    "MONTHS",
    "PATHOLOGIES",
    "POINT_MONTH",
    "TRIPS",
    "FileReport",
    "Pathology",
    "SampleReport",
    "planted",
    "write_sample",
]
