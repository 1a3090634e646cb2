"""An explanation as JSON, the same on every engine."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from taxi_pipeline.explain.cell import CellExplanation
from taxi_pipeline.explain.queries import Row
from taxi_pipeline.explain.trip import TripExplanation


def to_json(explanation: TripExplanation | CellExplanation) -> Row:
    """Lay an explanation out for machines; the same on every engine.

    Amounts and miles are text, so that no cent is lost; times are ISO with a blank.
    """
    values = asdict(explanation)
    values["adds_up"] = explanation.adds_up
    plain: Row = _plain(values)
    return plain


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        # BigQuery drops the zeros at the end, DuckDB and Postgres keep as many as the column has.
        return f"{value:.2f}" if name.endswith("_amount") else f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value
