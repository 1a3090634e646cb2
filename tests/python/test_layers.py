"""The layers of the project, checked on dbt's own manifest: who may read whom, and that everything is described."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from taxi_pipeline.schemas import LINEAGE, Service, columns_of
from warehouse import REPOSITORY

PROJECT = Path(__file__).resolve().parents[2]

RULE_SEEDS = {
    "completeness_verdicts",
    "fare_rules",
    "hvfhv_rates",
    "published_count_bands",
    "published_trip_counts",
    "reject_reasons",
    "trip_flags",
    "unitemized_charges",
}
"""Rule tables may be read where the rule applies; every other seed is a code list, read only by dims."""

FINEST_MART = "rpt_trips_daily"
"""The additive table at the finest grain; other marts are sums of it."""

FACTS_OF_FILES = {"fact_file_completeness", "fact_file_versions", "fact_restatements"}
"""Facts about files, not about trips: no rule of the intermediate layer touches them, so they read staging."""

LIVE = ("mart_live_zone_activity", "int_live_events")
"""Events before the rules, which no fact holds: the one mart that reads the intermediate layer."""

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
        and not (layer(read) == "staging" and reader["name"] in FACTS_OF_FILES)
        and (reader["name"], read["name"]) != LIVE
        and not (read["name"] == FINEST_MART and layer(reader) == "mart")
        and not (read["name"] in RULE_SEEDS and layer(reader) in {"intermediate", "fact", "mart"})
    ]
    assert not wrong


def test_every_model_has_a_yml_of_its_own_name_beside_it(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            sql = Path(node["original_file_path"])
            assert node["patch_path"] == f"nyc_taxi://{sql.with_suffix('.yml')}", node["name"]


def described(manifest: dict[str, Any]) -> Iterator[Node]:
    """Every relation of the project: models, seeds, snapshots and sources."""
    for node in (*manifest["nodes"].values(), *manifest["sources"].values()):
        if node["resource_type"] in {"model", "seed", "source", "snapshot"}:
            yield node


def is_thin(description: str) -> bool:
    """Whether a description says less than a name does."""
    return len(description.split()) < 3


def test_every_model_and_column_is_described_in_a_sentence(manifest: dict[str, Any]) -> None:
    thin = []
    for node in described(manifest):
        assert node["columns"], f"{node['name']} lists no columns"
        if is_thin(node["description"]):
            thin.append(node["name"])
        thin += [
            f"{node['name']}.{name}"
            for name, column in node["columns"].items()
            if is_thin(column["description"])
        ]
    assert not thin


def test_sources_list_the_columns_that_ingest_writes(manifest: dict[str, Any]) -> None:
    sources = {node["name"]: set(node["columns"]) for node in manifest["sources"].values()}
    for service in Service:
        columns = columns_of(service)
        assert sources[service] == {column.name for column in (*LINEAGE, *columns)}


OWN_WORDS = {
    "mart_live_zone_activity.total_amount": "money of trips as they were reported",
    "mart_live_zone_activity.trip_count": "trips as they were reported, before any rule",
    "mart_data_quality.row_count": "rows of a check, not of a table",
    "mart_data_quality.total_amount": "money of a check",
    "mart_monthly_rejects.row_count": "rejected rows",
    "mart_monthly_rejects.total_amount": "money of rejected rows",
    "stg_restatements.pickup_zone_id": "as the file gives it, and null where it gives none",
    "rejected_trips.trip_duration_seconds": "out of bounds, or it would not be rejected",
}
"""Columns that mean something else than those of their name elsewhere. A dimension's key has words of its own too."""


def test_the_tag_unverified_files_is_on_the_tests_that_look_at_nothing_else(
    manifest: dict[str, Any],
) -> None:
    """A build counts files as verified when the tests with the tag have passed: `record_verified_files`."""
    condition = "macro.nyc_taxi.in_unverified_files"
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    looking = {
        node["name"]
        for node in tests
        if condition in node["depends_on"]["macros"]
        or node["config"]["where"] == "__unverified_files__"
    }
    assert len(looking) > 30
    assert {node["name"] for node in tests if "unverified_files" in node["tags"]} == looking


def test_a_column_of_three_models_has_its_words_in_a_doc_block(manifest: dict[str, Any]) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    used = Counter(name for node in models for name in node["columns"])
    without = {
        f"{node['name']}.{name}"
        for node in models
        for name, column in node["columns"].items()
        if used[name] >= 3 and layer(node) != "dim" and not column["doc_blocks"]
    }
    assert without == set(OWN_WORDS)


def test_every_doc_block_is_used(manifest: dict[str, Any]) -> None:
    texts = {
        thing["description"]
        for kind in ("metrics", "exposures")
        for thing in manifest[kind].values()
    }
    ratios = {
        ratio["name"]
        for node in manifest["nodes"].values()
        for ratio in node["config"].get("meta", {}).get("ratios", ())
    }
    blocks = {
        block["unique_id"]
        for block in manifest["docs"].values()
        if block["package_name"] == "nyc_taxi"
        and not block["name"].startswith("__")
        and block["name"] not in ratios
        and block["block_contents"] not in texts
    }
    used = {
        block
        for node in described(manifest)
        for thing in (node, *node["columns"].values())
        for block in thing["doc_blocks"]
    }
    assert blocks
    assert not blocks - used


def test_the_overview_leads_to_every_table_that_people_query(manifest: dict[str, Any]) -> None:
    overview = manifest["docs"]["doc.nyc_taxi.__overview__"]["block_contents"]
    named = set(re.findall(r"\b(?:stg|int|dim|fact|rejected|mart|rpt)_\w+", overview)) - {"int_"}
    models = {
        node["name"]: layer(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    assert named <= set(models)
    assert {name for name, kind in models.items() if kind in {"dim", "fact", "mart"}} <= named


def signature(macro: Node) -> list[str]:
    """Names of the arguments of a macro, from its first line."""
    if macro["name"].startswith("materialization_"):
        return []
    head = re.search(
        r"{%-?\s*(?:macro|test)\s+\w+\s*\((.*?)\)\s*-?%}", macro["macro_sql"], re.DOTALL
    )
    assert head, macro["name"]
    return [name.split("=")[0].strip() for name in head[1].split(",") if name.strip()]


def test_every_macro_with_its_arguments_and_every_analysis_is_described(
    manifest: dict[str, Any],
) -> None:
    own = [
        macro
        for macro in manifest["macros"].values()
        if macro["package_name"] == "nyc_taxi" and "__" not in macro["name"]
    ]
    analyses = [node for node in manifest["nodes"].values() if node["resource_type"] == "analysis"]
    assert own
    assert not [node["name"] for node in (*own, *analyses) if is_thin(node["description"])]
    for macro in own:
        arguments = {argument["name"]: argument["description"] for argument in macro["arguments"]}
        assert list(arguments) == signature(macro), macro["name"]
        assert all(arguments.values()), macro["name"]


def test_every_analysis_says_how_whole_its_months_are() -> None:
    for path in (REPOSITORY / "analyses").glob("*.sql"):
        *_, final = path.read_text(encoding="utf-8").split("final as (")
        assert "month_completeness" in final, path.name


def test_every_claim_says_what_a_row_of_it_stands_for(manifest: dict[str, Any]) -> None:
    claims = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and not node.get("test_metadata")
    ]
    assert len(claims) == len(list((PROJECT / "tests").glob("assert_*.sql")))
    assert not [node["name"] for node in claims if is_thin(node["description"])]


def test_every_metric_and_what_it_is_made_of_is_described_and_has_a_unit(
    manifest: dict[str, Any],
) -> None:
    missing = []
    for metric in manifest["metrics"].values():
        if not metric["description"].strip() or not metric["config"]["meta"].get("unit"):
            missing.append(metric["name"])
    for model in manifest["semantic_models"].values():
        parts = [*model["entities"], *model["dimensions"], *model["measures"]]
        missing += [
            f"{model['name']}.{part['name']}"
            for part in (*parts, model)
            if not (part["description"] or "").strip()
        ]
        missing += [
            f"{model['name']}.{measure['name']}"
            for measure in model["measures"]
            if not measure["config"]["meta"].get("unit")
        ]
    assert manifest["metrics"]
    assert not missing


def test_metrics_read_only_facts_and_dims(manifest: dict[str, Any]) -> None:
    read = {
        layer(manifest["nodes"][parent])
        for model in manifest["semantic_models"].values()
        for parent in model["depends_on"]["nodes"]
    }
    assert read == {"fact", "dim"}


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
            files_from = node["config"]["meta"]["files_from"]
            followed[node["name"]] = [files_from] if isinstance(files_from, str) else files_from
    assert followed
    judges = {
        node["name"]
        for node in manifest["nodes"].values()
        if any("record_judged_files" in hook["sql"] for hook in node["config"].get("post-hook", ()))
    }
    assert judges == {"fact_file_completeness"}
    for name, upstreams in followed.items():
        for upstream in upstreams:
            known = {"lake", *judges, *followed}
            assert upstream in known, f"{name} follows {upstream}"


def test_marts_list_their_columns() -> None:
    """A star imports a relation into a CTE or selects the last CTE; no step passes columns on unnamed."""
    for sql in sorted((PROJECT / "models" / "marts").rglob("*.sql")):
        for source in re.findall(r"\*\s+from\s+(\S+)", sql.read_text()):
            assert source in {"{{", "final"}, f"{sql.name}: * from {source}"


def test_enumerations_have_the_members_of_what_they_enumerate() -> None:
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    with (PROJECT / "seeds" / "fare_checks.csv").open(newline="") as stream:
        fare_checks = {row["fare_check"] for row in csv.DictReader(stream)}
    for name, members in (
        ("service_type_type", {service.label for service in Service}),
        ("fare_check_type", fare_checks),
    ):
        assert set(re.findall(r"'(\w+)'", variables[name]["duckdb"])) == members, name


def test_no_model_asks_which_engine_it_runs_on() -> None:
    for sql in sorted((PROJECT / "models").rglob("*.sql")):
        assert "target." not in sql.read_text(), sql.name


def test_postgres_takes_the_name_of_every_unit_test(manifest: dict[str, Any]) -> None:
    """A relation of that name is made; Postgres has 63 characters for it."""
    assert len(manifest["unit_tests"]) > 40
    for test in manifest["unit_tests"].values():
        assert len(test["name"]) <= 63, test["name"]


def test_what_replaces_dbts_own_macros_is_in_one_file(manifest: dict[str, Any]) -> None:
    """Dbt prefers a project's macro to its own of the same name, wherever it is and whether that was meant or not."""
    macros = manifest["macros"].values()
    of_dbt = {macro["name"] for macro in macros if macro["package_name"].startswith("dbt")}
    replacing = {
        macro["name"]: macro["original_file_path"]
        for macro in macros
        if macro["package_name"] == "nyc_taxi" and macro["name"] in of_dbt
    }
    assert replacing
    assert set(replacing.values()) == {"macros/dbt_overrides.sql"}


NO_THRESHOLDS = {
    "3600": "seconds of an hour",
    "60": "minutes of an hour",
    "10000": "basis points of one",
    "27": "days that every month has after its first",
    "100": "flags are listed after the reasons for rejection",
    **dict.fromkeys(("132", "138"), "JFK and LaGuardia, as TLC numbers zones"),
    **dict.fromkeys("234567", "days of the week"),
}
"""Numbers that a model may name, and why none is a threshold; 0 and 1 aside."""


def test_every_threshold_is_a_variable_or_a_row_of_a_seed() -> None:
    """A number in a model's SQL is none of a rule's: those are in dbt_project.yml and seeds, with reason and date."""
    other = r"\{#.*?#\}|--[^\n]*|'[^'\n]*'|type_decimal\([^)]*\)|(?:group|order) by \d[\d, ]*"
    numbers = {
        (path.stem, number)
        for path in (PROJECT / "models").rglob("*.sql")
        for number in re.findall(
            r"(?<![\w.])\d+(?:\.\d+)?(?!\w)",
            re.sub(other, "", path.read_text(), flags=re.DOTALL),
        )
    }
    assert {number for _, number in numbers} > {"3600"}, "the pattern finds none"
    assert not [
        found for found in sorted(numbers) if found[1] not in NO_THRESHOLDS | {"0": "", "1": ""}
    ]
