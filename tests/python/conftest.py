"""Fixtures that several test files share; what is slow to build is built once for all workers of a run."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from processes import Tier
from real_files import real_file, real_months
from requirements import required
from warehouse import Warehouse, copy_project

TIERS = {
    "sample_run": "build",
    "built_sample": "build",
    "real_run": "build",
    "small": "full",  # a build that each test of test_settings.py breaks and mends
}
"""Fixtures that build: a test that asks for one of them is of its tier without a mark of its own."""


SLOWEST_FIRST = (
    *("test_engines", "test_spark", "test_explain", "test_increments", "test_site", "test_metrics"),
    *("test_pipeline", "test_quality", "test_build", "test_load", "test_settings", "test_bench"),
)
"""Files of minutes: a worker that begins one last leaves the others idle. The first three share no build."""


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a need in TAXI_REQUIRE that no test has, before anything runs."""
    required()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what builds by its fixtures; `full` wins where a test has both marks. Slow files go first."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in TIERS:
                item.add_marker(TIERS[fixture])
    places = {name: place for place, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A quick test that starts a command of the project fails: it would make `make check` slow."""
    Tier.may_start = any(item.get_closest_marker(tier) for tier in ("build", "full"))


@dataclass(frozen=True)
class SharedBuild:
    """A warehouse that is built once in a run: tests that only read use it, others take a copy.

    Attributes:
        folder: with the project and the data folder.
        printed: what the command that built it printed.
    """

    folder: Path
    printed: str

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse itself, not to be changed."""
        return Warehouse(self.folder / "project", self.folder / "data", is_shared=True)

    def copy(self, folder: Path) -> Warehouse:
        """A copy of project and data folder, to be changed."""
        for part in ("project", "data"):
            shutil.copytree(self.folder / part, folder / part, symlinks=True)
        return Warehouse(folder / "project", folder / "data")


def build_once(
    factory: pytest.TempPathFactory, name: str, build: Callable[[Warehouse], str]
) -> SharedBuild:
    """What one worker of a run builds for all of them."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / f"built_{name}"
    printed = folder / "printed.txt"
    with FileLock(root / f"built_{name}.lock"):
        if not printed.exists():
            shutil.rmtree(folder, ignore_errors=True)
            project = copy_project(folder / "project")
            printed.write_text(build(Warehouse(project, folder / "data")), encoding="utf-8")
    return SharedBuild(folder, printed.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> SharedBuild:
    """`taxi run` on the real months, with the shapes of the zones."""
    zones, months = real_file("real/taxi_zones.zip"), real_months()

    def build(warehouse: Warehouse) -> str:
        warehouse.taxi("zones", str(zones))
        return warehouse.taxi("run", *map(str, months))

    return build_once(tmp_path_factory, "real", build)


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> SharedBuild:
    """`taxi run` on a small sample."""

    def build(warehouse: Warehouse) -> str:
        warehouse.taxi("sample", "--scale", "0.1")
        return warehouse.taxi("run", str(warehouse.data / "sample"))

    return build_once(tmp_path_factory, "sample", build)


@pytest.fixture(scope="session")
def built_sample(sample_run: SharedBuild) -> Warehouse:
    """A small sample that has been built, for tests that only read it."""
    return sample_run.warehouse
