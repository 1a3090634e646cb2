"""The project's folder, and its seeds, variables and YAML files, as Python reads them where there is no warehouse."""

import csv
import os
from pathlib import Path
from typing import Any

import yaml

from taxi_pipeline.errors import TaxiError

PROJECT_FILE = "dbt_project.yml"
PROJECT_VARIABLE = "TAXI_PROJECT_DIR"


def named_folder(variable: str, given: str, text: str, base: Path = Path()) -> Path:
    """The folder that a variable names, absolute.

    Args:
        variable: its name.
        given: its value, for the message.
        text: the path; may begin with ``~``.
        base: what a relative path starts from.

    Raises:
        TaxiError: it names no folder, such as the home of a user that does not exist.
    """
    try:
        return (base / Path(text).expanduser()).resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise TaxiError(
            f"{variable}={given}",
            f"it names no folder: {str(error).rstrip('.')}",
            "give the path of a folder",
        ) from error


def find_project() -> Path:
    """The dbt project: the folder that ``TAXI_PROJECT_DIR`` names, else the clone that this code is part of.

    Raises:
        TaxiError: the variable names another folder, or the code was installed without its project.
    """
    if given := os.environ.get(PROJECT_VARIABLE, "").strip():
        project = named_folder(PROJECT_VARIABLE, given, given)
        if not (project / PROJECT_FILE).is_file():
            raise TaxiError(
                f"{PROJECT_VARIABLE}={given}",
                f"there is no {PROJECT_FILE} in {project}",
                "name the folder of a clone of this project, of the version that is installed",
            )
        return project
    project = Path(__file__).resolve().parents[2]
    if not (project / PROJECT_FILE).exists():
        raise TaxiError(
            "nyc-taxi-warehouse",
            "it was installed without its dbt project, whose models, seeds and tests it needs",
            f"clone the repository and name its folder in {PROJECT_VARIABLE}, or run `make run` there",
        )
    return project


def seed_path(name: str, project_dir: Path | None = None) -> Path:
    """Where a seed is."""
    return (project_dir or find_project()) / "seeds" / f"{name}.csv"


def read_seed(name: str, project_dir: Path | None = None) -> list[dict[str, str]]:
    """The rows of a seed, each value as it is written."""
    with seed_path(name, project_dir).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_variables(project_dir: Path | None = None) -> dict[str, Any]:
    """The vars of ``dbt_project.yml``: the thresholds of the rules."""
    return dict(read_yaml((project_dir or find_project()) / PROJECT_FILE)["vars"])


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, by the parser in C where PyYAML has it: ten times as fast.

    Raises:
        OSError: it cannot be read.
        yaml.YAMLError: it is no YAML.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - both are safe loaders
