"""Whether what a warehouse holds has passed its tests: read from its table `node_states`, not from the last command."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from taxi_pipeline.errors import DataError, TaxiError
from taxi_pipeline.warehouses import Reader

_STATES = "select node, status, failures, changed_at from node_states order by node"
_PASSED = {"success", "pass", "warn"}
_OF_THE_DATA = {"fail", "skipped"}
"""A test that found rows, and what depends on it: the same data fail again."""
_MEANING = {
    "running": "was interrupted",
    "outdated": "was not run since its table was built",
    "skipped": "was skipped",
}
_SHOWN = 5


@dataclass(frozen=True)
class BuildState:
    """The state of a warehouse in which everything has passed.

    Attributes:
        finished_at: UTC, when a node last ran.
        dbt_version: of dbt-core.
        relations: models, seeds and snapshots that were built.
        passed: data tests that passed without a warning.
        warnings: name and number of rows of each test that warned.
    """

    finished_at: datetime
    dbt_version: str
    relations: int
    passed: int
    warnings: tuple[tuple[str, int], ...]


def require_passed(reader: Reader) -> BuildState:
    """Read the state of a target's warehouse, before something of it is published.

    Raises:
        DataError: nothing but tests have failed, and what depends on them was skipped.
        TaxiError: a table has failed, a table or test was interrupted or is outdated, or there has been no build.
    """
    states = [
        (str(node).split("."), str(status), int(failures or 0), str(changed))
        for node, status, failures, changed in reader.query(_STATES)
    ]
    open_ends = {
        f"{parts[2]} {_MEANING.get(status, 'failed')}": status
        for parts, status, _, _ in states
        if status not in _PASSED
    }
    if open_ends or not states:
        shown = ", ".join(list(open_ends)[:_SHOWN]) or "there has been no build"
        more = f" and {len(open_ends) - _SHOWN} more" if len(open_ends) > _SHOWN else ""
        fault = (
            DataError
            if "fail" in (found := set(open_ends.values())) and found <= _OF_THE_DATA
            else TaxiError
        )
        raise fault(
            reader.name,
            f"not every table and test has passed: {shown}{more}; they are not published",
            "correct the cause, then run `taxi build`",
        )
    tests = [
        (parts[2], status, failures) for parts, status, failures, _ in states if parts[0] == "test"
    ]
    return BuildState(
        finished_at=datetime.fromisoformat(max(changed for *_, changed in states)).replace(
            tzinfo=UTC
        ),
        dbt_version=version("dbt-core"),
        relations=len(states) - len(tests),
        passed=sum(status == "pass" for _, status, _ in tests),
        warnings=tuple((name, failures) for name, status, failures in tests if status == "warn"),
    )
