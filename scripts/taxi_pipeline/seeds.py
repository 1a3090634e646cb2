"""The project's seeds, variables and YAML files, as Python reads them where there is no warehouse to ask."""

import csv
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
"""The dbt project around this package."""


def seed_path(name: str, project_dir: Path = PROJECT) -> Path:
    """Where a seed is."""
    return project_dir / "seeds" / f"{name}.csv"


def read_seed(name: str, project_dir: Path = PROJECT) -> list[dict[str, str]]:
    """The rows of a seed, each value as it is written."""
    with seed_path(name, project_dir).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_variables(project_dir: Path = PROJECT) -> dict[str, Any]:
    """The vars of ``dbt_project.yml``: the thresholds of the rules."""
    return dict(read_yaml(project_dir / "dbt_project.yml")["vars"])


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, by the parser in C where PyYAML has it: ten times as fast.

    Raises:
        OSError: it cannot be read.
        yaml.YAMLError: it is no YAML.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - both are safe loaders
