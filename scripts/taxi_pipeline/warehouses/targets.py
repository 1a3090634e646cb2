"""Which kind of warehouse a target of ``profiles.yml`` is, without the 3 s that importing dbt takes."""

import os
from typing import Any

import yaml
from jinja2 import Environment, TemplateError

from taxi_pipeline.settings import Settings

_UNTELLABLE = (OSError, yaml.YAMLError, TemplateError, KeyError, TypeError, AttributeError)


def is_embedded(settings: Settings, target: str | None) -> bool:
    """Whether a target is DuckDB.

    What cannot be told here, such as a profile that is no YAML, is left to dbt to complain of: the answer is no.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.
    """
    try:
        return _render(_output(settings, target)["type"]) == "duckdb"
    except _UNTELLABLE:
        return False


def embedded_schema(settings: Settings, target: str | None) -> str:
    """The schema of the marts on a DuckDB target; dbt's default where the profile names none.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs, of which ``is_embedded`` is true; None for its default.
    """
    return _render(_output(settings, target).get("schema", "main"))


def _output(settings: Settings, target: str | None) -> Any:
    text = (settings.project_dir / "profiles.yml").read_text(encoding="utf-8")
    profile = yaml.safe_load(text)["nyc_taxi"]
    return profile["outputs"][target or _render(profile.get("target", "default"))]


def _render(value: Any) -> str:
    """A value of the profile, with dbt's ``env_var``."""
    environment = Environment(autoescape=False)  # noqa: S701 - a name, not a page
    return environment.from_string(str(value)).render(env_var=os.environ.get)
