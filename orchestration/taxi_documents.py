"""What the JSON documents of ``taxi`` say: why a command failed, which rows did, which months are restated."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
"""The one JSON document that a command writes to standard output; its form is in docs/settings.md."""


def sentence(document: Document) -> str:
    """Why the command did not end well, in one sentence; empty where the document does not say."""
    if error := document.get("error"):
        remedy = str(error["remedy"])
        return f"{error['subject']}: {error['reason']}. {remedy[:1].upper()}{remedy[1:]}."
    failures = list(_failures(document))
    if failures:
        others = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
        return f"{failures[0]['sentence']}{others}"
    return str(document.get("meaning") or "")


def failing(document: Document) -> list[str]:
    """A line for each failure, with the table of its failing rows where it has one."""
    return [
        f"  {failure['name']}: {failure['sentence']}"
        + (f" Rows: select * from {failure['table']}" if failure.get("table") else "")
        for failure in _failures(document)
    ]


def restated_months(document: Document) -> list[tuple[str, str]]:
    """Service and month (``2024-01``) of what the publisher has changed since it was ingested."""
    return [
        (str(month["service"]), str(month["month"]))
        for month in document.get("months", ())
        if month["state"] == "restated"
    ]


def _failures(document: Document) -> Iterator[Mapping[str, Any]]:
    for part in ("build", "validation"):
        yield from (document.get(part) or {}).get("failures", ())
