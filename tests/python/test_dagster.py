"""Dagster: partitions of the lake, dbt's tables and tests as assets and checks, what is tried again and what is not."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrators import MONTHS, SERVICES, Stage, environment_of, run, stage

pytestmark = pytest.mark.full  # Dagster in a process, one build


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Stage]:
    environment_of("dagster")
    with stage(tmp_path) as found:
        yield found


def dagster(scene: Stage, *words: str) -> Any:
    """What ``dagster_runs.py`` prints; its log is in ``dagster.log``."""
    home = scene.folder / "home"
    home.mkdir(exist_ok=True)
    with (scene.folder / "dagster.log").open("a") as log:
        done = subprocess.run(
            [
                str(environment_of("dagster") / "bin" / "python"),
                str(scene.warehouse.project / "tests" / "python" / "dagster_runs.py"),
                *words,
            ],
            env={**scene.environment, "PYTHONPATH": "", "DAGSTER_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=False,
        )
    assert done.returncode == 0, (scene.folder / "dagster.log").read_text()[-5000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_months_become_tables_with_lineage_and_checks_and_faults_are_told_apart(
    scene: Stage,
) -> None:
    project = scene.warehouse.project
    printed = run(
        [
            "sh",
            str(project / "orchestration" / "dagster" / "start"),
            "definitions",
            "validate",
            "-f",
            "definitions.py",
        ],
        {
            **scene.environment,
            "DAGSTER_VENV": str(environment_of("dagster")),
            "DAGSTER_HOME": str(scene.folder / "home"),
        },
        scene.folder,
    )
    assert "Validation successful" in printed
    graph = dagster(scene, "graph")
    manifest = json.loads((project / "target" / "manifest.json").read_text())
    tests = [node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert graph["checks"] == sorted(tests)
    assert graph["children"]["lake/yellow"] == ["internal/stg_yellow_tripdata"]
    assert graph["children"]["quality"] == ["site"]
    assert graph["pools"] == ["taxi_writer"]

    scene.publish(MONTHS[0])
    scene.publisher.down_until("GET")
    asked = dagster(scene, "ingest", MONTHS[0])
    assert asked["success"]
    assert asked["restarts"] == 1  # the publisher was down
    assert sorted(asked["assets"]) == sorted(f"lake/{service}" for service in SERVICES)

    published = dagster(scene, "publish")
    assert published["success"], published["errors"]
    assert {"lake/yellow", "quality", "site"} - set(published["assets"]) == {"lake/yellow"}
    assert set(published["checks"]) == set(tests)
    assert (scene.warehouse.data / "site" / "index.html").exists()
    assert scene.warehouse.scalar("select count(*) from fact_file_completeness") == len(SERVICES)

    scene.put(f"yellow_tripdata_{MONTHS[0]}.parquet", without=10)
    scene.publish_broken(MONTHS[1])
    wanted = dagster(scene, "sensor")
    assert sorted(":".join(key.split(":")[:3]) for key in wanted) == [
        f"green:{MONTHS[1]}:missing",
        f"yellow:{MONTHS[0]}:restated",
        f"yellow:{MONTHS[1]}:missing",
    ]
    broken = dagster(scene, "ingest", MONTHS[1])
    assert not broken["success"]
    assert broken["restarts"] == 0
    assert len(scene.hook.texts) == len(SERVICES)
    assert all("_tripdata_" in text and MONTHS[1] in text for text in scene.hook.texts)
    assert dagster(scene, "ingest", MONTHS[0])["success"]
    assert not any(MONTHS[0] in key for key in dagster(scene, "sensor"))
