"""The layers of the project, checked on dbt's own manifest: who may read whom, and what is described."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]

RULE_SEEDS = {"fare_rules", "reject_reasons", "unitemised_charges"}
"""Rule tables may be read where the rule applies; every other seed is a code list, read only by dims."""

Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("target")
    environment = {**os.environ, "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    subprocess.run(
        [
            str(Path(sys.executable).parent / "dbt"),
            "--quiet",
            "parse",
            "--project-dir",
            str(PROJECT),
            "--profiles-dir",
            str(PROJECT),
        ],
        env=environment,
        check=True,
    )
    return dict(json.loads((target / "manifest.json").read_text()))


def layer(node: Node) -> str:
    """Name the layer of a node: source, seed, snapshot, staging, intermediate, dim, fact or mart."""
    if node["resource_type"] != "model":
        return str(node["resource_type"])
    name = node["name"]
    if name.startswith("stg_"):
        return "staging"
    if name.startswith("int_"):
        return "intermediate"
    if name.startswith("dim_"):
        return "dim"
    return "mart" if name.startswith(("mart_", "rpt_")) else "fact"


def edges(manifest: dict[str, Any]) -> Iterator[tuple[Node, Node]]:
    """Every (reader, read) pair of models and snapshots."""
    everything = {**manifest["nodes"], **manifest["sources"]}
    for node in manifest["nodes"].values():
        if node["resource_type"] in {"model", "snapshot"}:
            for parent in node["depends_on"]["nodes"]:
                yield node, everything[parent]


ALLOWED = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate"},
    "dim": {"seed", "dim"},
    "fact": {"intermediate", "dim"},
    "mart": {"fact", "dim"},
    "snapshot": {"seed"},
}


def test_every_model_reads_only_the_layers_that_it_may(manifest: dict[str, Any]) -> None:
    wrong = [
        f"{reader['name']} reads {read['name']}"
        for reader, read in edges(manifest)
        if layer(read) not in ALLOWED[layer(reader)]
        and not (read["name"] in RULE_SEEDS and layer(reader) in {"intermediate", "fact", "mart"})
    ]
    assert not wrong


def test_every_model_has_a_yml_of_its_own_name_beside_it(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            sql = Path(node["original_file_path"])
            assert node["patch_path"] == f"nyc_taxi://{sql.with_suffix('.yml')}", node["name"]


def test_every_model_and_column_is_described(manifest: dict[str, Any]) -> None:
    missing = []
    for node in (*manifest["nodes"].values(), *manifest["sources"].values()):
        if node["resource_type"] in {"model", "seed", "source", "snapshot"}:
            if not node["description"].strip():
                missing.append(node["name"])
            missing += [
                f"{node['name']}.{name}"
                for name, column in node["columns"].items()
                if not column["description"].strip()
            ]
    assert not missing


def test_every_macro_and_analysis_is_described(manifest: dict[str, Any]) -> None:
    own = [macro for macro in manifest["macros"].values() if macro["package_name"] == "nyc_taxi"]
    undescribed = [
        macro["name"]
        for macro in own
        if not macro["description"].strip()
        and "__" not in macro["name"]
        and not macro["name"].startswith("test_")
    ]
    undescribed += [
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "analysis" and not node["description"].strip()
    ]
    assert own
    assert not undescribed


def test_dims_facts_and_marts_have_an_enforced_contract(manifest: dict[str, Any]) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    without = [
        node["name"]
        for node in models
        if layer(node) in {"dim", "fact", "mart"} and not node["config"]["contract"]["enforced"]
    ]
    assert not without


def test_every_incremental_model_follows_the_files_of_a_model_that_it_reads(
    manifest: dict[str, Any],
) -> None:
    followed = {}
    for node in manifest["nodes"].values():
        if node["config"].get("materialized") == "incremental":
            assert node["config"]["incremental_strategy"] == "by_file"
            followed[node["name"]] = node["config"]["meta"]["files_from"]
    assert followed
    for name, upstream in followed.items():
        assert upstream == "lake" or upstream in followed, f"{name} follows {upstream}"


def test_marts_list_their_columns() -> None:
    """A star imports a relation into a CTE or selects the last CTE; no step passes columns on unnamed."""
    for sql in sorted((PROJECT / "models" / "marts").rglob("*.sql")):
        for source in re.findall(r"\*\s+from\s+(\S+)", sql.read_text()):
            assert source in {"{{", "final"}, f"{sql.name}: * from {source}"


def test_no_model_asks_which_engine_it_runs_on() -> None:
    for sql in sorted((PROJECT / "models").rglob("*.sql")):
        assert "target." not in sql.read_text(), sql.name
