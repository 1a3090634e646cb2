"""Which kind of warehouse a target of ``profiles.yml`` is, without the 3 s that importing dbt takes."""

import os
from typing import Any

import yaml
from jinja2 import Environment, TemplateError

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.seeds import read_yaml
from taxi_pipeline.settings import Settings

_UNTELLABLE = (OSError, yaml.YAMLError, TemplateError, KeyError, TypeError, AttributeError)


def require_target(settings: Settings, target: str | None) -> None:
    """Refuse a name that is not in the profile; a profile that cannot be read is left to dbt.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name that somebody gave; None for the profile's default, which ``DBT_TARGET`` may name.

    Raises:
        TaxiError: there is no such target; those that hold a warehouse are named.
    """
    try:
        profile = read_yaml(settings.project_dir / "profiles.yml")["nyc_taxi"]
        name, outputs = _name(profile, settings, target), profile["outputs"]
        lasting = [name for name, output in outputs.items() if output.get("path") != ":memory:"]
    except _UNTELLABLE:
        return
    if name not in outputs:
        raise TaxiError(
            f"target {name}",
            "profiles.yml has no such target",
            f"use one of: {', '.join(lasting)}. profiles.yml.example has the targets of this version",
        )


def is_embedded(settings: Settings, target: str | None) -> bool:
    """Whether a target is DuckDB.

    What cannot be told here, such as a profile that is no YAML, is left to dbt to complain of: the answer is no.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.
    """
    try:
        return _render(_output(settings, target)["type"], settings) == "duckdb"
    except _UNTELLABLE:
        return False


def reads_lake_in_place(settings: Settings, target: str | None) -> bool:
    """Whether a target needs no copy of the lake: DuckDB and Spark.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.
    """
    return target_kind(settings, target)[1] in {"duckdb", "spark"}


def require_filesystem(settings: Settings, target: str | None) -> None:
    """Refuse a DuckDB target without an entry for buckets where the lake is in one.

    Such a profile is of an earlier version.

    Raises:
        TaxiError: it has none.
    """
    if "://" in settings.lake_url and not _output(settings, target).get("filesystems"):
        raise TaxiError(
            "profiles.yml",
            f"the lake is in a bucket ({settings.lake_url}), and the target has no `filesystems` to read it",
            "take the entry from profiles.yml.example",
        )


def target_kind(settings: Settings, target: str | None) -> tuple[str | None, str | None]:
    """The name of a target and dbt's name of its adapter; None for what cannot be told here.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.
    """
    try:
        name, output = _find(settings, target)
        return name, _render(output["type"], settings)
    except _UNTELLABLE:
        return target, None


def call_target(settings: Settings, target: str | None) -> str:
    """What to call a target in a message: by its name, also where it is the profile's default."""
    name, _ = target_kind(settings, target)
    return f"target {name}" if name else "the default target"


def schema_of_target(settings: Settings, target: str | None) -> str:
    """The schema of the marts on a DuckDB or Spark target; dbt's default where the profile names none.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs that has a ``schema``; None for its default.
    """
    return _render(_output(settings, target).get("schema", "main"), settings)


_IN_ONE_FILE = {
    *("type", "path", "schema", "threads", "keep_open", "config_options", "settings"),
    "filesystems",  # a bucket that the lake is in
}


def target_of_one_file(settings: Settings, target: str | None) -> str | None:
    """The name of a DuckDB target that reads and writes the data folder's warehouse and nothing else.

    Args:
        settings: where ``profiles.yml`` and the data folder are.
        target: a name among its outputs; None for its default.

    Returns:
        None for a server, for another file, and for a profile with more in it, such as databases to attach.
    """
    try:
        name, output = _find(settings, target)
        path = settings.project_dir / _render(output["path"], settings)
    except _UNTELLABLE:
        return None
    is_own = path.resolve() == settings.warehouse_path and output.keys() <= _IN_ONE_FILE
    return name if is_own and is_embedded(settings, target) else None


def _output(settings: Settings, target: str | None) -> Any:
    return _find(settings, target)[1]


def _find(settings: Settings, target: str | None) -> tuple[str, Any]:
    """The name of a target and its output."""
    profile = read_yaml(settings.project_dir / "profiles.yml")["nyc_taxi"]
    name = _name(profile, settings, target)
    return name, profile["outputs"][name]


def _name(profile: Any, settings: Settings, target: str | None) -> str:
    return target or _render(profile.get("target", "default"), settings)


def _render(value: Any, settings: Settings) -> str:
    """A value of the profile, with dbt's ``env_var``, which finds the data folder as dbt does."""
    variables = {**os.environ, "TAXI_DATA_DIR": str(settings.data_dir)}
    environment = Environment(autoescape=False)  # noqa: S701 - a name, not a page
    return environment.from_string(str(value)).render(env_var=variables.get)
