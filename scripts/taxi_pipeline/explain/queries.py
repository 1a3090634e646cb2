"""What every statement is made of: literals, conditions on keys, and the row that is asked for.

Service, month and trip stand in a statement as literals: engines then read one file's rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from taxi_pipeline.lake import quote_literal

Row = dict[str, Any]
Select = Callable[[str], list[Row]]
"""Gives the rows of a query on the target's schema, by column name."""


def literal(value: object) -> str:
    """Write a key's value as SQL that every engine reads."""
    if isinstance(value, date):
        return f"cast({quote_literal(value.isoformat())} as date)"
    return str(value) if isinstance(value, int) else quote_literal(str(value))


def where(columns: Mapping[str, object], prefix: str = "") -> str:
    """Write a condition on key columns."""
    return " and ".join(f"{prefix}{name} = {literal(value)}" for name, value in columns.items())


def in_months(months: Iterable[date], prefix: str = "") -> str:
    """Write a condition on the month of the file; at least one is given, each by its first day."""
    return f"{prefix}file_month in ({', '.join(literal(month) for month in months)})"


def one(rows: Sequence[Row]) -> Row | None:
    """Take the row of a query that gives one at most; None where it gives none."""
    return rows[0] if rows else None
