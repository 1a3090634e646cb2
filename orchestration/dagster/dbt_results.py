"""dbt's artifacts as Dagster sees them: which asset a test checks, and what a build of ``taxi`` leaves of each node."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_asset_check_key_for_test

Manifest = Mapping[str, Any]

ASSETS = ("model", "seed", "snapshot")
"""Kinds of node that are assets."""


class Translator(DagsterDbtTranslator):
    """Names as Dagster shows them; a source of dbt is the lake's asset of the service."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The source ``raw.yellow`` is ``lake/yellow``; everything else is as dagster-dbt names it."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey(["lake", dbt_resource_props["name"]])
        return super().get_asset_key(dbt_resource_props)


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json``; each test of several tables checks the one that is built last.

    dagster-dbt makes no check of a test that it cannot attach to one asset.

    Raises:
        FileNotFoundError: dbt has not parsed the project yet.
    """
    path = folder / "manifest.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: `orchestration/dagster/start` writes it")
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    depths: dict[str, int] = {}
    for node in manifest["nodes"].values():
        parents = [
            name for name in node["depends_on"].get("nodes", ()) if name in manifest["nodes"]
        ]
        if node["resource_type"] == "test" and not node.get("attached_node") and len(parents) > 1:
            node["attached_node"] = max(
                parents, key=lambda name: (_depth(manifest, name, depths), name)
            )
    return manifest


def _depth(manifest: Manifest, name: str, known: dict[str, int]) -> int:
    """How many nodes stand one upon the other below this one."""
    if name not in known:
        parents = manifest["nodes"].get(name, {}).get("depends_on", {}).get("nodes", ())
        known[name] = 1 + max((_depth(manifest, parent, known) for parent in parents), default=0)
    return known[name]


def read_results(folder: Path) -> dict[str, Any]:
    """Read what the last build left of each node, by its id; nothing where the last command was no build."""
    try:
        document = json.loads((folder / "run_results.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if document["args"].get("which") != "build":
        return {}
    return {result["unique_id"]: result for result in document["results"]}


def events(
    manifest: Manifest, results: Mapping[str, Any], translator: Translator, *, passed: bool
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """What a build means to Dagster.

    Args:
        manifest: see ``read_manifest``.
        results: of the nodes that ran; see ``read_results``.
        translator: names the assets.
        passed: whether the build ended well. Then tables that it left out are as they should be, and count too.
    """
    depths: dict[str, int] = {}
    in_order = sorted(manifest["nodes"], key=lambda name: _depth(manifest, name, depths))
    for name in in_order:  # Dagster refuses a table before those that it reads
        node, result = manifest["nodes"][name], results.get(name)
        is_current = passed or (result is not None and result["status"] == "success")
        if node["resource_type"] in ASSETS and is_current:
            yield dg.MaterializeResult(
                asset_key=translator.get_asset_spec(manifest, name, None).key,
                metadata=_metadata(result) if result else {"status": "unchanged"},
            )
    for name, result in results.items():
        key = (
            get_asset_check_key_for_test(manifest, translator, name, None)
            if name in manifest["nodes"]
            else None
        )
        if key is None or result["status"] == "skipped":
            continue
        rows = result.get("relation_name") or manifest["nodes"][name].get("relation_name")
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=result["status"] == "pass",
            severity=dg.AssetCheckSeverity.WARN
            if result["status"] == "warn"
            else dg.AssetCheckSeverity.ERROR,
            metadata={
                **_metadata(result),
                "failing_rows": result.get("failures") or 0,
                **({"table_of_failing_rows": rows} if rows else {}),
            },
        )


def _metadata(result: Mapping[str, Any]) -> dict[str, Any]:
    rows = (result.get("adapter_response") or {}).get("rows_affected")
    return {
        "status": result["status"],
        "seconds": round(float(result["execution_time"]), 3),
        **({"rows_affected": rows} if isinstance(rows, int) and rows >= 0 else {}),
    }
