"""What the JSON documents of ``taxi`` say: why a command failed, which rows did, which months are restated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

Document = Mapping[str, Any]
"""The one JSON document that a command writes to standard output; `taxi_pipeline/documents.py` has its form."""

TO_INGEST = ("missing", "restated")
SERVICES = ("yellow", "green", "fhv", "fhvhv")


@dataclass(frozen=True, order=True)
class Month:
    """One file of TLC: a service and the first day of a month."""

    service: str
    first: date

    @classmethod
    def of(cls, service: str, month: str) -> Self:
        """Read ``2024-01``, or a day of it in ISO form.

        Raises:
            ValueError: there is no such service or month.
        """
        if service not in SERVICES:
            raise ValueError(f"{service!r} is none of {', '.join(SERVICES)}")
        return cls(service, date.fromisoformat(f"{month[:7]}-01"))

    def __str__(self) -> str:
        return f"{self.service}:{self.first:%Y-%m}"


@dataclass(frozen=True)
class Planned:
    """A month that is to be ingested.

    Attributes:
        month: which.
        state: ``missing`` in the lake, or ``restated`` by the publisher since it was ingested.
        version: what tells this file of the publisher from the one before: its bytes, and what has changed.
    """

    month: Month
    state: str
    version: str = ""

    @property
    def key(self) -> str:
        """The same for the same file, and another one once it is published anew."""
        return f"{self.month}:{self.state}:{self.version}"


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


def planned(document: Document) -> list[Planned]:
    """The months of a plan that are to be ingested, the oldest first; an excerpt is as the publisher has it."""
    found = [
        Planned(
            Month.of(str(item["service"]), str(item["month"])),
            str(item["state"]),
            " ".join(str(part) for part in (item.get("bytes"), item.get("reason")) if part),
        )
        for item in document.get("months", ())
        if item["state"] in TO_INGEST
    ]
    return sorted(found, key=lambda item: (item.month.first, item.month.service))


def _failures(document: Document) -> Iterator[Mapping[str, Any]]:
    for part in ("build", "validation"):
        yield from (document.get(part) or {}).get("failures", ())
