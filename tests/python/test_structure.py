"""The shape of the Python package: what may import what, and how long a module may be."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "scripts" / "taxi_pipeline"

LAYERS = (
    {
        *("addresses", "artifacts", "atomic", "console", "errors", "faults", "file_names"),
        *(
            "options",
            "schema_names",
            "schemas",
            "seeds",
            "settings",
            "signatures",
            "synthetic",
            "texts",
        ),
    },
    {"lake"},
    {"engine", "sample", "download", "zones"},
    {"restatements", "warehouses"},
    {"quality"},
    {"ingest", "transform"},
    {"bench", "bi", "comparison", "dictionary", "explain", "plan", "site", "sql", "stream"},
    {"results"},
    {"history"},
    {"observer", "documents"},
    {"workflow"},
    {"terminal"},
    {"command"},
    {"cli"},
    {"__main__"},
)
"""From the lowest to the highest. `command.py` of a feature is above the workflows that it calls."""

LONGEST = 400
LONGER = {
    "bi/lookml.py": "one table of the project to one file of LookML, in the order of the file",
    "ingest/one_file.py": "the steps from one file to one partition",
    "lake/lake.py": "the one writer of the manifest",
    "sample/pathologies.py": "a list: a function for each known fault of the data",
    "warehouses/bigquery.py": "one server: its client, its loads, its faults",
    "warehouses/postgres.py": "one server: its client, its loads, its faults",
    "workflow.py": "what every command does, as a list of functions",
}
"""Modules over ``LONGEST`` lines, and why."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(module: str) -> int:
    """The layer of a module, given as its path below the package, without the suffix."""
    parts = module.split("/")
    name = "command" if parts[-1] == "command" else parts[0]
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def imports_of(path: Path) -> Iterator[str]:
    """The modules of the package that one imports, in functions too, as paths without the suffix."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        head, _, rest = node.module.partition(".")
        if head != "taxi_pipeline":
            continue
        for alias in node.names:
            inside = "/".join([*filter(None, rest.split(".")), alias.name])
            is_module = (PACKAGE / f"{inside}.py").exists() or (PACKAGE / inside).is_dir()
            if is_module or rest:
                yield inside if is_module else rest.replace(".", "/")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_nothing_from_a_higher_layer(path: Path) -> None:
    own = name_of(path).removesuffix(".py")
    if own == "__init__":
        return
    higher = {other for other in imports_of(path) if layer_of(other) > layer_of(own)}
    assert not higher


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {}
    for path in MODULES:
        own = name_of(path).removesuffix(".py").removesuffix("/__init__")
        graph[own] = {other for other in imports_of(path) if other != own}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_module_of_a_name_stands_twice() -> None:
    shared = {"__init__", "command", "rendering"}
    shared.add("store")  # of the lake and of quality: each is what its feature keeps on disk
    names = [path.stem for path in MODULES if path.stem not in shared]
    assert {name for name in names if names.count(name) > 1} == set()


def test_no_public_class_of_a_name_stands_twice() -> None:
    names = [
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert {name for name in names if names.count(name) > 1} == set()


def test_a_long_module_has_a_reason() -> None:
    long = {
        name_of(path)
        for path in MODULES
        if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST
    }
    assert long == set(LONGER)
