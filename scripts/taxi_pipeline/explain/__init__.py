"""Defend a number: one trip from its file to the marts that count it, or a mart's cell and what it is made of.

Verdicts, flags and repairs are read from the warehouse, never judged here. Measures of the marts are stated a second
time (``measures.py``), as the claims in ``tests/`` do: only so can a cell be shown not to add up. The statements are
the same on every engine and name service, month and trip as literals, so that each reads one file's rows.
"""

from taxi_pipeline.explain.cell import CellExplanation, explain_cell
from taxi_pipeline.explain.json_form import to_json
from taxi_pipeline.explain.keys import CellKey, parse_cell, parse_trip_id
from taxi_pipeline.explain.measures import MARTS
from taxi_pipeline.explain.queries import Row, Select
from taxi_pipeline.explain.thresholds import Thresholds, read_thresholds
from taxi_pipeline.explain.trip import TripExplanation, explain_trip

__all__ = [
    "MARTS",
    "CellExplanation",
    "CellKey",
    "Row",
    "Select",
    "Thresholds",
    "TripExplanation",
    "explain_cell",
    "explain_trip",
    "parse_cell",
    "parse_trip_id",
    "read_thresholds",
    "to_json",
]
