"""Prefect: a flow takes what is out, tries again what could not be done, and says what the data fail."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrators import MONTHS, SERVICES, Stage, environment_of, run, stage
from servers import free_port

pytestmark = pytest.mark.full  # a server of Prefect, two builds


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Stage]:
    environment_of("prefect")
    with stage(tmp_path) as found:
        yield found


def flow(scene: Stage, *words: str, exit_code: int = 0) -> str:
    """What a flow prints that is started as its README says."""
    return run(
        ["sh", str(scene.warehouse.project / "orchestration" / "prefect" / "start"), *words],
        {
            **scene.environment,
            "PREFECT_VENV": str(environment_of("prefect")),
            "PREFECT_HOME": str(scene.folder / "prefect"),
            "PREFECT_SERVER_API_PORT": str(free_port()),
            "PREFECT_API_URL": "",
        },
        scene.folder,
        exit_code,
    )


def month_before(count: int) -> str:
    today = datetime.now(UTC)
    number = today.year * 12 + today.month - 1 - count
    return f"{number // 12}-{number % 12 + 1:02}"


def test_a_month_that_is_not_out_is_passed_over_and_one_that_fails_is_not_tried_again(
    scene: Stage,
) -> None:
    scene.publish_broken(month_before(1))
    printed = flow(scene, month_before(2), month_before(1), exit_code=1)
    broken = f"yellow_tripdata_{month_before(1)}.parquet"
    assert [name for method, name in scene.publisher.asked if method == "GET"].count(broken) == 1
    assert printed.count("not published yet") >= len(SERVICES)
    assert len(scene.hook.texts) == 1
    assert broken in scene.hook.texts[0]


def test_a_month_is_taken_when_it_is_out_and_again_when_it_is_restated(scene: Stage) -> None:
    scene.publish(MONTHS[0])
    scene.publisher.down_until("HEAD")
    printed = flow(scene, "", MONTHS[0])
    assert "Retry 1/3" in printed  # the publisher was down
    rows = "select sum(row_count) from fact_file_completeness"
    before = scene.warehouse.scalar(rows)
    assert (scene.warehouse.data / "site" / "index.html").exists()
    scene.put(f"yellow_tripdata_{MONTHS[0]}.parquet", without=10)
    flow(scene, "", MONTHS[0])
    assert scene.warehouse.scalar(rows) == before - 10
    assert scene.hook.texts == []
