"""Where things are: the project folder, and the data folder named by ``TAXI_DATA_DIR``."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Folders and limits of one run.

    Attributes:
        project_dir: the dbt project, the folder that holds ``dbt_project.yml``.
        data_dir: holds ``lake/``, ``downloads/`` and ``warehouse.duckdb``; absolute.
        memory_limit: DuckDB's own limit, such as ``2GB``, for ingest and build alike.
    """

    project_dir: Path
    data_dir: Path
    memory_limit: str

    @property
    def lake_dir(self) -> Path:
        """The folder of canonical partitions, the only input of every warehouse."""
        return self.data_dir / "lake"

    @property
    def download_dir(self) -> Path:
        """Where files fetched from the publisher are kept."""
        return self.data_dir / "downloads"

    @property
    def sample_dir(self) -> Path:
        """Where the synthetic sample is written."""
        return self.data_dir / "sample"

    @property
    def site_dir(self) -> Path:
        """The pages to look at: lineage and documentation."""
        return self.project_dir / "site"

    @property
    def warehouse_path(self) -> Path:
        """The embedded DuckDB database of target ``dev``."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def temp_dir(self) -> Path:
        """Where DuckDB spills what does not fit in memory."""
        return self.data_dir / "tmp"


def load_settings() -> Settings:
    """Read the settings from the environment; ``TAXI_DATA_DIR`` is relative to the project."""
    project_dir = Path(__file__).resolve().parents[2]
    data_dir = project_dir / os.environ.get("TAXI_DATA_DIR", "data")
    return Settings(
        project_dir=project_dir,
        data_dir=data_dir.resolve(),
        memory_limit=os.environ.get("TAXI_MEMORY_LIMIT", "2GB"),
    )
