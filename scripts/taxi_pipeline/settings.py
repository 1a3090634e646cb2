"""Where things are: the project's folder, and the data folder that ``TAXI_DATA_DIR`` names."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schema_names import check_schema_names
from taxi_pipeline.seeds import find_project, named_folder

BUCKET_SCHEMES = ("s3", "gs")
"""Of the addresses that a lake can have beside the path of a folder."""

_SIZE = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*(?:([kmgt])(i?))?b", re.IGNORECASE)
_SMALLEST_MEGABYTES = 10
"""With 1 MB DuckDB opens a warehouse and answers nothing, with 2 MB `taxi status` (2026-11-28); rounded up."""

_NOT_IN_A_PATH = {
    "?": "dbt takes what follows for a query",
    "#": "dbt takes what follows for a fragment",
    "\\": "DuckDB takes it for an escape",
}


@dataclass(frozen=True)
class Settings:
    """Folders and limits of one run.

    Attributes:
        project_dir: the dbt project, the folder that holds ``dbt_project.yml``.
        data_dir: holds ``lake/`` where no other place is named, ``downloads/`` and ``warehouse.duckdb``; absolute.
        memory_limit: DuckDB's own limit, such as ``2GB``, for ingest and build alike.
        lake_address: ``TAXI_LAKE_URL``: the absolute path of a folder, or ``s3://...`` or ``gs://...``; empty for
            ``lake/`` in the data folder.
    """

    project_dir: Path
    data_dir: Path
    memory_limit: str
    lake_address: str = ""

    @property
    def lake_url(self) -> str:
        """The canonical partitions, the only input of every warehouse: the path of a folder, or an address."""
        return self.lake_address or str(self.data_dir / "lake")

    @property
    def download_dir(self) -> Path:
        """Where files fetched from the publisher are kept."""
        return self.data_dir / "downloads"

    @property
    def sample_dir(self) -> Path:
        """Where the synthetic sample is written."""
        return self.data_dir / "sample"

    @property
    def zones_dir(self) -> Path:
        """Where the shapes of the taxi zones are kept."""
        return self.data_dir / "zones"

    @property
    def site_dir(self) -> Path:
        """The pages to look at: in the project for its own data folder, else beside the data that they show."""
        is_default = self.data_dir == self.project_dir / "data"
        return (self.project_dir if is_default else self.data_dir) / "site"

    @property
    def target_dir(self) -> Path:
        """Where dbt writes its artifacts; by dbt's own variable, or where a file can be written."""
        return self._dbt_dir("DBT_TARGET_PATH", "target")

    @property
    def log_dir(self) -> Path:
        """Where dbt writes its log."""
        return self._dbt_dir("DBT_LOG_PATH", "logs")

    def _dbt_dir(self, variable: str, name: str) -> Path:
        if given := os.environ.get(variable):
            return self.project_dir / given
        folder = self.project_dir / name
        if os.access(folder if folder.exists() else self.project_dir, os.W_OK):
            return folder
        return self.data_dir / name

    @property
    def warehouse_path(self) -> Path:
        """The embedded DuckDB database of target ``dev``."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def temp_dir(self) -> Path:
        """Where DuckDB spills what does not fit in memory."""
        return self.data_dir / "tmp"


def load_settings() -> Settings:
    """Read the settings from the environment; an empty variable counts as none.

    Raises:
        TaxiError: a variable has a value that no command could work with.
    """
    check_schema_names(os.environ)
    project_dir = find_project()
    return Settings(
        project_dir=project_dir,
        data_dir=_data_dir(project_dir, os.environ.get("TAXI_DATA_DIR", "")),
        memory_limit=_memory_limit(os.environ.get("TAXI_MEMORY_LIMIT", "")),
        lake_address=_lake_address(project_dir, os.environ.get("TAXI_LAKE_URL", "")),
    )


def _data_dir(project_dir: Path, given: str) -> Path:
    return _folder(project_dir, "TAXI_DATA_DIR", given, given.strip() or "data")


def _folder(project_dir: Path, variable: str, given: str, text: str) -> Path:
    folder = named_folder(variable, given, text, project_dir)
    for character, reason in _NOT_IN_A_PATH.items():
        if character in str(folder):
            raise TaxiError(
                f"{variable}={given}",
                f"the path {folder} has a '{character}', and {reason}",
                "choose a path without it",
            )
    if not str(folder).isprintable():
        raise TaxiError(
            f"{variable}={given}",
            "the path has characters that cannot be printed",
            "choose another path",
        )
    if folder.exists() and not folder.is_dir():
        raise TaxiError(f"{variable}={given}", f"{folder} is a file", "give the path of a folder")
    return folder


def _lake_address(project_dir: Path, given: str) -> str:
    text = given.strip().removeprefix("file://")
    if not text:
        return ""
    scheme, separator, path = text.partition("://")
    if not separator:
        return str(_folder(project_dir, "TAXI_LAKE_URL", given, text))
    scheme = "gs" if scheme == "gcs" else scheme
    if scheme not in BUCKET_SCHEMES or not path.strip("/"):
        raise TaxiError(
            f"TAXI_LAKE_URL={given}",
            "it names no place for a lake",
            "give a folder, s3://bucket/folder or gs://bucket/folder",
        )
    if any(character in path for character in "?#*[]@"):
        raise TaxiError(
            f"TAXI_LAKE_URL={given}",
            "the name has one of the characters ? # * [ ] @",
            "choose another name; credentials come from the environment",
        )
    return f"{scheme}://{path.strip('/')}"


def _memory_limit(given: str) -> str:
    text = given.strip() or "2GB"
    size = _SIZE.fullmatch(text)
    if size is None:
        raise TaxiError(
            f"TAXI_MEMORY_LIMIT={given}",
            "it is not a size",
            "give a number with a unit, such as 2GB, 512MB or 1.5GiB",
        )
    number, prefix, binary = size.groups()
    factor = (1024 if binary else 1000) ** (" kmgt".index((prefix or " ").lower()))
    if float(number) * factor < _SMALLEST_MEGABYTES * 1000**2:
        raise TaxiError(
            f"TAXI_MEMORY_LIMIT={given}",
            f"DuckDB can do nothing with less than {_SMALLEST_MEGABYTES}MB",
            "give more, such as 2GB; builds need 200MB",
        )
    return text
