"""The rows of a query as text: a table for people, CSV or JSON lines for programs."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from taxi_pipeline.texts import printable
from taxi_pipeline.warehouses.base import Answer


class Form(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def as_table(answer: Answer) -> Table:
    """An answer as a table for a terminal; numbers stand at the right."""
    table = Table(box=SIMPLE_HEAD)
    for position, name in enumerate(answer.names):
        is_number = any(_is_number(row[position]) for row in answer.rows)
        table.add_column(escape(name), justify="right" if is_number else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(escape(_shown(value)) for value in row))
    return table


def width_of(answer: Answer) -> int:
    """Columns of a terminal that an answer takes as a table: text that is longer than 40 characters may break."""
    columns = zip(answer.names, *answer.rows, strict=True)
    return sum(
        2 + max(len(name), *(min(len(_shown(value)), 40) for value in values))
        for name, *values in columns
    )


def as_records(answer: Answer) -> str:
    """An answer with a line per value, for rows that are wider than the terminal."""
    width = max(map(len, answer.names))
    blocks = (
        "\n".join(
            [
                f"row {number:,}",
                *(
                    f"  {name:<{width}}  {_shown(value)}"
                    for name, value in zip(answer.names, row, strict=True)
                ),
            ]
        )
        for number, row in enumerate(answer.rows, start=1)
    )
    return "\n".join(blocks)


def as_csv(answer: Answer) -> str:
    """An answer as CSV with a header; null is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(answer.names)
    writer.writerows([_plain(value) for value in row] for row in answer.rows)
    return stream.getvalue()


def as_json(answer: Answer) -> str:
    """An answer as one JSON object a line. Amounts are text, because a JSON number would be a double."""
    return "".join(
        json.dumps(dict(zip(answer.names, map(_plain, row), strict=True)), ensure_ascii=False)
        + "\n"
        for row in answer.rows
    )


WRITERS: dict[Form, Callable[[Answer], str]] = {Form.CSV: as_csv, Form.JSON: as_json}
"""The forms that are for programs."""


def split_statements(text: str) -> tuple[Sequence[str], str]:
    """Split typed lines at the semicolons that end a line.

    Returns:
        The complete statements without their semicolons, and what is still incomplete.
    """
    complete: list[str] = []
    rest: list[str] = []
    for line in text.splitlines():
        rest.append(line)
        if line.rstrip().endswith(";"):
            complete.append("\n".join(rest).rstrip().rstrip(";"))
            rest = []
    return [statement for statement in complete if statement.strip()], "\n".join(rest)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A value as JSON and CSV have it."""
    if isinstance(value, (Decimal, date, datetime, time)):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _shown(value: Any) -> str:
    """A value as a person reads it. Keys and years have no thousands separators, so whole numbers get none."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return printable(str(value))
