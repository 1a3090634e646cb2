"""The data dictionary: every table and column in words, from dbt's manifest and catalog."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxi_pipeline.artifacts import read_artifact

LAYERS = {
    "reporting": "Marts: answers to questions",
    "core": "Facts and dimensions",
    "intermediate": "Intermediate: rules and flags",
    "staging": "Staging: TLC's files under this project's names",
    "seeds": "Code lists",
    "snapshots": "Snapshots",
    "sources": "Raw tables, and records of runs",
}
"""Headings of the groups, in the order of the page."""


@dataclass(frozen=True)
class DescribedColumn:
    """A column: its name, its type in this warehouse, and its meaning with the unit."""

    name: str
    type: str
    description: str
    is_required: bool


@dataclass(frozen=True)
class Table:
    """A table of the dictionary.

    Attributes:
        name: as in SQL.
        group: a key of ``LAYERS``.
        kind: how it is materialized.
        description: what one row is, and what for.
        columns: in the order of the table.
    """

    name: str
    group: str
    kind: str
    description: str
    columns: tuple[DescribedColumn, ...]


def read_tables(target_dir: Path) -> list[Table]:
    """Every table of the project, grouped by layer and ordered by name.

    Args:
        target_dir: holds ``manifest.json`` and ``catalog.json``.
    """
    manifest = read_artifact(target_dir, "manifest")
    catalog = read_artifact(target_dir, "catalog")
    types = {**catalog["nodes"], **catalog["sources"]}
    groups = list(LAYERS)
    return sorted(
        _tables(manifest, types), key=lambda table: (groups.index(table.group), table.name)
    )


def _tables(manifest: dict[str, Any], types: dict[str, Any]) -> Iterator[Table]:
    nodes = {**manifest["nodes"], **manifest["sources"]}
    for unique_id, node in nodes.items():
        kind = node["resource_type"]
        if kind not in {"model", "seed", "snapshot", "source"}:
            continue
        group = f"{kind}s"
        if kind == "model":
            group = node["fqn"][-2]
        actual = {
            name.lower(): column
            for name, column in types.get(unique_id, {}).get("columns", {}).items()
        }
        described = {name.lower(): column for name, column in node["columns"].items()}
        names = sorted(actual, key=lambda name: actual[name]["index"]) or list(described)
        yield Table(
            name=node["name"],
            group=group,
            kind=str(node["config"].get("materialized") or kind),
            description=node["description"].strip(),
            columns=tuple(
                _column(name, actual.get(name, {}), described.get(name, {})) for name in names
            ),
        )


def _plain_type(type_: str) -> str:
    """The type without the members of an enumeration, which are in the column's description."""
    return "enum" if type_.startswith("enum(") else type_


def _column(name: str, actual: dict[str, Any], described: dict[str, Any]) -> DescribedColumn:
    constraints = {constraint["type"] for constraint in described.get("constraints") or []}
    return DescribedColumn(
        name=name,
        type=_plain_type(str(actual.get("type") or described.get("data_type") or "").lower()),
        description=(described.get("description") or "").strip(),
        is_required="not_null" in constraints,
    )
