"""What a build would scan on BigQuery, asked of BigQuery itself before anything is spent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.transform.runner import NodeOutcome


@runtime_checkable
class ByteCounter(Protocol):
    """A warehouse that can say what a statement would scan."""

    def bytes_scanned(self, sql: str) -> int:
        """Bytes that the statement would scan; costs nothing."""


@dataclass(frozen=True)
class Estimate:
    """What one node would scan.

    Attributes:
        name: the node's name.
        kind: ``model`` or ``test``.
        scanned_bytes: by a dry run; None where what it reads does not exist yet.
        reason: why it is not known, or empty.
    """

    name: str
    kind: str
    scanned_bytes: int | None
    reason: str = ""


def estimate_scans(nodes: Sequence[NodeOutcome], warehouse: ByteCounter) -> Iterator[Estimate]:
    """Ask for every compiled model and test that reads data; views and seeds scan nothing.

    Args:
        nodes: the outcome of ``dbt compile``, with the SQL of the slice that is to be built.
        warehouse: who to ask.
    """
    for node in nodes:
        if node.kind not in {"model", "test"} or node.materialized == "view" or not node.sql:
            continue
        try:
            yield Estimate(node.name, node.kind, warehouse.bytes_scanned(node.sql))
        except TaxiError as error:
            yield Estimate(node.name, node.kind, None, error.reason)
