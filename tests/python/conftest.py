"""Fixtures that several test files share."""

from pathlib import Path

import pytest

from warehouse import Warehouse, copy_project

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real TLC files beside the repository; tests that need it are skipped without."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there are no real TLC files in {folder}")
    return folder


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A small sample, built by DuckDB once for the tests of the group `sample`, which only read it."""
    folder = tmp_path_factory.mktemp("sample")
    warehouse = Warehouse(copy_project(folder / "project"), folder / "data")
    warehouse.taxi("sample", "--scale", "0.1")
    warehouse.taxi("ingest", str(warehouse.data / "sample"))
    warehouse.taxi("build")
    return warehouse
