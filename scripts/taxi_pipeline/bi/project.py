"""The facts, dims and marts as dbt's manifest describes them: what is exported, and what Looker is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.deps import install_packages
from taxi_pipeline.transform.runner import BuildListener, parse_command, run_dbt

Manifest = Mapping[str, Any]


class Unit(Enum):
    """What a number counts, by the ending of its column's name."""

    DOLLARS = "_amount"
    COUNT = "_count"
    MILES = "_miles"
    SECONDS = "_seconds"
    SHARE = "_share"


def unit_of(name: str) -> Unit | None:
    """The unit of a column; None for keys, names, dates and other numbers."""
    return next((unit for unit in Unit if name.endswith(unit.value)), None)


@dataclass(frozen=True)
class MartColumn:
    """A column by its contract.

    Attributes:
        name: in snake case.
        type: as the contract of this target declares it, such as ``decimal(18, 2)``.
        description: meaning and unit.
        is_required: whether it is never null.
        is_label: whether a dimension's member is called by it (``meta.is_label`` of the column).
    """

    name: str
    type: str
    description: str
    is_required: bool
    is_label: bool = False


@dataclass(frozen=True)
class Ratio:
    """A number that is never summed or averaged, only divided anew (``meta.ratios`` in a model's yml).

    Attributes:
        name: of the ratio; a column of that name may hold it row by row.
        numerator: a column to sum.
        denominator: a column to sum.
        description: the column's, or of the doc block that is named as the ratio.
    """

    name: str
    numerator: str
    denominator: str
    description: str


@dataclass(frozen=True)
class Reference:
    """A key of another table, as a ``relationships`` test promises it.

    Attributes:
        column: here.
        table: there.
        field: there.
    """

    column: str
    table: str
    field: str


@dataclass(frozen=True)
class Mart:
    """A fact, dimension or mart.

    Attributes:
        name: the model's.
        description: what a row is and what it is good for.
        relation: its address in the target, quoted by dbt.
        columns: by name, in their order.
        key: the column that is unique; None where there is none.
        references: its keys of dimensions.
        ratios: by name.
        partition: the column whose months the table is cut into; None where the target has no partitions.
    """

    name: str
    description: str
    relation: str
    columns: Mapping[str, MartColumn]
    key: str | None
    references: tuple[Reference, ...]
    ratios: Mapping[str, Ratio]
    partition: str | None

    @property
    def is_dimension(self) -> bool:
        """Whether it only explains codes."""
        return self.name.startswith("dim_")

    @property
    def has_rows_of_files(self) -> bool:
        """Whether a row is a row of a TLC file, and not a sum of many."""
        return "source_row" in self.columns


def parse_project(settings: Settings, target: str | None) -> Manifest:
    """Let dbt read the project for a target, and return its manifest.

    Raises:
        TaxiError: dbt cannot read it.
    """
    install_packages(settings)
    report = run_dbt(parse_command(target), settings, BuildListener())
    if report.exit_code:
        raise TaxiError(
            "dbt parse",
            report.complaint or "it failed",
            "fix the project; `dbt parse` says more",
        )
    return read_artifact(settings.target_dir, "manifest")


def read_marts(manifest: Manifest) -> dict[str, Mart]:
    """Every model of ``models/marts``, by name."""
    models = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
    tests: dict[str, list[dict[str, Any]]] = {unique_id: [] for unique_id in models}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node") in models:
            tests[node["attached_node"]].append(node)
    marts = (_mart(node, tests[unique_id], manifest) for unique_id, node in models.items())
    return {mart.name: mart for mart in sorted(marts, key=lambda mart: mart.name)}


def _declared_type(text: str) -> str:
    """The type under one name for every engine: an enumeration is read as text, and ``string`` is BigQuery's."""
    return "text" if text.lower().startswith(("enum(", "string")) else text


def _mart(node: Mapping[str, Any], tests: list[dict[str, Any]], manifest: Manifest) -> Mart:
    columns = {
        name: MartColumn(
            name,
            _declared_type(column["data_type"]),
            _one_line(column["description"]),
            any(constraint["type"] == "not_null" for constraint in column["constraints"]),
            bool(column["config"]["meta"].get("is_label")),
        )
        for name, column in node["columns"].items()
    }
    # A compound key has no `unique` test on a column; the yml then says which column is unique by construction.
    keys = {test["column_name"] for test in tests if _kind(test) == "unique"} | {
        name for name, column in node["columns"].items() if column["config"]["meta"].get("is_key")
    }
    references = [
        Reference(
            test["column_name"],
            manifest["nodes"][parent]["name"],
            test["test_metadata"]["kwargs"]["field"],
        )
        for test in tests
        if _kind(test) == "relationships"
        for parent in test["depends_on"]["nodes"]
        if parent != test["attached_node"]
    ]
    docs = {doc["name"]: doc["block_contents"] for doc in manifest["docs"].values()}
    order = list(columns)
    return Mart(
        name=node["name"],
        description=_one_line(node["description"]),
        relation=node["relation_name"],
        columns=columns,
        key=next((name for name in columns if name in keys), None),
        references=tuple(sorted(references, key=lambda item: order.index(item.column))),
        ratios={
            ratio["name"]: Ratio(
                ratio["name"],
                ratio["numerator"],
                ratio["denominator"],
                columns[ratio["name"]].description
                if ratio["name"] in columns
                else _one_line(docs[ratio["name"]]),
            )
            for ratio in node["config"]["meta"].get("ratios", ())
        },
        partition=_billed_column(node["config"].get("partition_by")),
    )


def _kind(test: Mapping[str, Any]) -> str:
    return str((test.get("test_metadata") or {}).get("name"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _billed_column(partition_by: Any) -> str | None:
    """BigQuery's column, without a condition on which a query reads, and is billed for, the whole table.

    Spark's is a list of columns, and bills nothing.
    """
    return partition_by.get("field") if isinstance(partition_by, dict) else None
