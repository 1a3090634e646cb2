"""Whether a cell adds up: figures that must be equal, compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from taxi_pipeline.explain.queries import Row


@dataclass(frozen=True)
class Balance:
    """Two figures that must be equal.

    Attributes:
        what: the figure.
        parts: what the parts add up to.
        whole: what the whole says.
        holds: whether they are.
    """

    what: str
    parts: Any
    whole: Any
    holds: bool


def check_cell(
    totals: Row,
    parts: Sequence[Row],
    by_payment_type: Sequence[Row],
    rejects: Sequence[Row],
    source: Row,
) -> Iterable[Balance]:
    """Compare a cell with its parts, and its parts and rejects with the files.

    Args:
        totals: the mart's row.
        parts: the fact's rows by kind.
        by_payment_type: the same rows by payment type.
        rejects: rejected rows by reason.
        source: rows of the files.
    """
    for name in parts[0] if parts else ():
        if name in totals:
            yield compare(f"parts = cell: {name}", add_up(parts, name), totals[name])
    for name in ("row_count", "trip_count", "total_amount"):
        if name not in totals:
            continue
        yield compare(f"payment types = cell: {name}", add_up(by_payment_type, name), totals[name])
    voided = [part for part in parts if part["part"] == "voided pairs"]
    if voided:
        yield compare(
            "voided pairs net to zero: total_amount", add_up(voided, "total_amount"), Decimal(0)
        )
    for name in source:
        yield compare(
            f"accepted + rejected = rows of the files: {name}",
            add_up([*parts, *rejects], name),
            source[name],
        )


def compare(what: str, parts: Any, whole: Any) -> Balance:
    """Compare what parts add up to with what the whole says."""
    return Balance(what, parts, whole, bool(parts == whole))


def add_up(rows: Iterable[Row], name: str) -> Any:
    """Sum a column; None where no row has a value, as in SQL."""
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) if values else None
