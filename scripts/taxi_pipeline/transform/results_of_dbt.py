"""How the nodes of dbt's last command ended, as its ``run_results.json`` says; who ran it does not matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.errors import TaxiError


@dataclass(frozen=True)
class NodeEnd:
    """How one node ended.

    Attributes:
        name: such as ``fact_trips``.
        kind: ``model``, ``test``, ``unit_test``, ``seed`` or ``snapshot``.
        status: success, pass, warn, fail, error or skipped.
        message: dbt's; empty where there is none.
    """

    name: str
    kind: str
    status: str
    message: str

    @property
    def is_failure(self) -> bool:
        """Whether it makes the build fail."""
        return self.status in {"fail", "error", "runtime error"}


def read_results(folder: Path) -> Sequence[NodeEnd]:
    """The nodes in the order in which they ended.

    Args:
        folder: where dbt wrote its artifacts.

    Raises:
        TaxiError: there are none.
    """
    try:
        results = read_artifact(folder, "run_results")["results"]
    except FileNotFoundError as error:
        raise TaxiError(
            str(folder), "there is no run_results.json", "name the folder that dbt has written to"
        ) from error
    return [
        NodeEnd(
            name=_name(result["unique_id"]),
            kind=str(result["unique_id"]).partition(".")[0],
            status=str(result["status"]),
            message=str(result.get("message") or ""),
        )
        for result in results
    ]


def _name(unique_id: str) -> str:
    """The name in ``model.nyc_taxi.fact_trips`` or ``unit_test.nyc_taxi.int_trips.a_rule``; a test's ends in a hash."""
    kind, _, *names = unique_id.split(".")
    return names[0] if kind == "test" else ".".join(names)
