"""What has changed since everything was built: nothing, so that dbt need not start, or nothing but the lake.

The record of the last build is one file beside the warehouse. It is removed before dbt starts and written after a
build in which everything has passed: a process that dies in between leaves none. Builds of DuckDB only: its tables
are one file, which says when it was written; those of a server change behind this project's back.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from taxi_pipeline.artifacts import Artifact, read_artifact
from taxi_pipeline.atomic import write_text
from taxi_pipeline.lake import Lake
from taxi_pipeline.seeds import PROJECT_FILE, read_yaml
from taxi_pipeline.settings import Settings
from taxi_pipeline.signatures import signature
from taxi_pipeline.transform.runner import SUCCESS, BuildReport, NodeOutcome
from taxi_pipeline.warehouses.targets import target_of_one_file

_RECORD = "last_build.json"
_VERSION = 1

_FILES = (
    *("packages.yml", "package-lock.yml", "dependencies.yml", "selectors.yml"),
    *("profiles.yml", ".dbtignore", PROJECT_FILE),
)
_PACKAGES_KEY = "packages-install-path"
_FOLDERS = {
    "model-paths": ["models"],
    "seed-paths": ["seeds"],
    "test-paths": ["tests"],
    "macro-paths": ["macros"],
    "snapshot-paths": ["snapshots"],
    "analysis-paths": ["analyses"],
    "function-paths": ["functions"],
    "docs-paths": [],
    _PACKAGES_KEY: "dbt_packages",
}
"""Where dbt reads, by the setting that names it, and dbt's default; that of `docs-paths` is all the others."""

_SUFFIXES = {".sql", ".yml", ".yaml", ".csv", ".md", ".py"}
_PACKAGES = ("dbt-core", "dbt-adapters", "dbt-common", "dbt-duckdb", "duckdb", "nyc-taxi-warehouse")
_IN_SETTINGS = {"TAXI_DATA_DIR", "TAXI_LAKE_URL", "TAXI_MEMORY_LIMIT"}
"""The first two are hashed as the places that they name; the third changes no table."""

_ENV_VAR = re.compile(rb"""env_var\(\s*["'](\w+)["']""")
_HEADER_BYTES = 3 * 4096
"""DuckDB's headers: each checkpoint writes another number there, also where a file system's clock is coarse."""

_CHANCE = re.compile(
    r"\b(?:current_(?:local)?(?:date|time(?:stamp)?)|localtime(?:stamp)?|transaction_timestamp|get_current_\w+"
    r"|run_started_at|invocation_id|modules\.datetime|gen_random_uuid|nextval"
    r"|tablesample|using\s+sample|(?:now|today|age|random|uuid|uuidv\d)\s*\()",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:read_\w+|\w+_scan|glob|sniff_csv|st_read\w*|parquet_\w+)\s*\(|\b(?:from|join)\s+'"
    r"|[\"'][^\"'\n]*\.(?:csv|tsv|txt|json|jsonl|ndjson|parquet|xlsx|db|duckdb)(?:\.\w+)?[\"']",
    re.IGNORECASE,
)
_OWN_SOURCE = "lake"
READS_THE_LAKE = f"source:{_OWN_SOURCE}+"
"""dbt's selector of all that a change of the lake can change: models, and the tests of each of them."""

_ADAPTERS = {"dbt", "dbt_duckdb"}
"""Packages whose macros read a clock only for a node whose own text or compiled SQL says so."""


@dataclass(frozen=True)
class LastBuild:
    """A build of which the project and the tables are as it left them.

    Attributes:
        is_current: the lake is, too: there is nothing to build.
        finished_at: UTC, when dbt ended.
        files: months that the lake held, one per service.
        rows: of them all.
        report: how each node ended, without its SQL.
    """

    is_current: bool
    finished_at: datetime
    files: int
    rows: int
    report: BuildReport


@dataclass(frozen=True)
class BuildMemory:
    """What is known of the last build of everything in a data folder.

    Attributes:
        settings: where the project, the warehouse and the record are.
        lake: what is built from.
        project: SHA-256 of all that dbt would read now but for the lake. Secrets are in it, and cannot be had from it.
        partitions: SHA-256 of the lake's records, and of what its files look like from outside.
    """

    settings: Settings
    lake: Lake
    project: str
    partitions: str

    @classmethod
    def of(cls, settings: Settings, target: str | None, lake: Lake) -> "BuildMemory | None":
        """Look at what a build would read.

        Args:
            settings: where the project and the data are.
            target: a name of ``profiles.yml``; None for its default.
            lake: which is in order, and locked by the caller.

        Returns:
            None for a target whose tables are not in this data folder's warehouse alone, and for a project whose
            folders only dbt knows.
        """
        name = target_of_one_file(settings, target)
        if name is None or _has_templates(settings):
            return None
        project = (("target", name.encode()), *_project(settings))
        return cls(settings, lake, _digest(project), _digest(_partitions(lake)))

    @property
    def _path(self) -> Path:
        return self.settings.data_dir / _RECORD

    def recall(self) -> LastBuild | None:
        """The last build, if it read this project, and its tables and artifacts are as it left them.

        None where the environment asks dbt for a full refresh.
        """
        if os.environ.get("DBT_FULL_REFRESH"):
            return None
        try:
            record = json.loads(self._path.read_bytes())
            if (record["version"], record["project"]) != (_VERSION, self.project):
                return None
            if record["warehouse"] != _state(self.settings.warehouse_path):
                return None
            last = LastBuild(
                record["partitions"] == self.partitions,
                datetime.fromisoformat(record["finished_at"]),
                int(record["files"]),
                int(record["rows"]),
                BuildReport(SUCCESS, tuple(NodeOutcome(**node) for node in record["nodes"])),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None
        artifacts = (
            self.settings.target_dir / f"{name}.json" for name in ("manifest", "run_results")
        )
        return last if all(path.exists() for path in artifacts) else None

    def forget(self) -> None:
        """Remove the record, before anything is built."""
        self._path.unlink(missing_ok=True)

    def keep(self, report: BuildReport, last: LastBuild | None) -> None:
        """Write the record of a build of everything, where it has passed and would find the same again.

        Args:
            report: of dbt, which has closed the warehouse.
            last: the build of everything to which this one adds what reads the lake, if it does.
        """
        if report.exit_code != SUCCESS or not report.nodes:
            return
        if reads_more(read_artifact(self.settings.target_dir, "manifest"), report.nodes):
            return
        nodes = {(node.kind, node.name): node for node in (*_nodes(last), *report.nodes)}
        current = self.lake.current()
        record = {
            "version": _VERSION,
            "project": self.project,
            "partitions": self.partitions,
            "warehouse": _state(self.settings.warehouse_path),
            "finished_at": datetime.now(UTC).isoformat(),
            "files": len(current),
            "rows": sum(entry.row_count for entry in current),
            "nodes": [
                asdict(replace(node, sql="")) for node in nodes.values() if node.kind != "unit_test"
            ],
        }
        with suppress(OSError):  # the build has passed; without its record, the next one starts dbt
            write_text(self._path, json.dumps(record))


def _nodes(last: LastBuild | None) -> Sequence[NodeOutcome]:
    return last.report.nodes if last else ()


def reads_more(manifest: Artifact, nodes: Sequence[NodeOutcome]) -> str:
    """The first node that depends on the time, on chance, or on files beside the lake; empty where none does.

    Such a node may find something else although no file of the project and of the lake has changed.

    Args:
        manifest: dbt's.
        nodes: with their compiled SQL.
    """
    read = {
        name for node in manifest["nodes"].values() for name in node["depends_on"].get("nodes", ())
    }
    for name, source in manifest["sources"].items():
        if source["source_name"] != _OWN_SOURCE and name in read:
            return str(name)
    macros: Mapping[str, Any] = manifest["macros"]
    for node in manifest["nodes"].values():
        if node["resource_type"] not in {"model", "snapshot", "test"}:
            continue
        hooks = [
            hook["sql"]
            for when in ("pre-hook", "post-hook")
            for hook in node.get("config", {}).get(when) or ()
        ]
        texts = [node["raw_code"], *hooks, *_macro_texts(macros, node["depends_on"]["macros"])]
        if node.get("language") == "python" or any(
            pattern.search(text) for text in texts for pattern in (_CHANCE, _ELSEWHERE)
        ):
            return str(node["name"])
    return next((node.name for node in nodes if _CHANCE.search(node.sql)), "")


def _macro_texts(macros: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    """The texts of macros and of those that they call."""
    seen: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name in seen or name not in macros or macros[name]["package_name"] in _ADAPTERS:
            continue
        seen.add(name)
        yield macros[name]["macro_sql"]
        ahead += macros[name]["depends_on"]["macros"]


def _digest(pieces: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for what, content in pieces:
        digest.update(f"{what}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _project(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """What a build reads beside the lake, piece by piece: a name and its content."""
    yield "versions", json.dumps({name: version(name) for name in _PACKAGES}).encode()
    yield "data folder", str(settings.data_dir).encode()
    yield "lake", settings.lake_url.encode()
    named: set[str] = set()
    for path in _project_files(settings.project_dir):
        content = path.read_bytes()
        named.update(name.decode() for name in _ENV_VAR.findall(content))
        yield os.path.relpath(path, settings.project_dir), content
    for name in sorted(os.environ):
        if (name.startswith(("TAXI_", "DBT_")) or name in named) and name not in _IN_SETTINGS:
            yield f"variable {name}", os.fsencode(os.environ[name])


def _partitions(lake: Lake) -> Iterator[tuple[str, bytes]]:
    """What a build reads of the lake: its records, and of each partition what changes when somebody touches it."""
    yield from lake.records()
    for file in lake.current_files():
        yield file.name, file.version.encode()


def _has_templates(settings: Settings) -> bool:
    """Whether dbt would have to render the names of folders."""
    config = read_yaml(settings.project_dir / PROJECT_FILE)
    return any("{{" in str(config.get(key)) for key in _FOLDERS)


def _project_files(project: Path) -> Iterator[Path]:
    """The files that dbt reads, in a fixed order."""
    config = read_yaml(project / PROJECT_FILE)
    yield from (path for name in _FILES if (path := project / name).is_file())
    for key, default in _FOLDERS.items():
        given = config.get(key, default)
        wanted = _SUFFIXES - {".py"} if key == "test-paths" else _SUFFIXES
        folders = [project / folder for folder in ([given] if isinstance(given, str) else given)]
        if key == _PACKAGES_KEY:  # `dbt deps` makes a link to a package that is a folder elsewhere
            folders = [
                package
                for folder in folders
                if folder.is_dir()
                for package in sorted(folder.iterdir())
            ]
        for folder in folders:
            paths = (path for path in folder.rglob("*") if path.suffix.lower() in wanted)
            yield from sorted(path for path in paths if path.is_file())


def _state(warehouse: Path) -> list[Any]:
    """What changes whenever DuckDB writes to its file, or to the log beside it."""
    with warehouse.open("rb") as stream:
        header = hashlib.sha256(stream.read(_HEADER_BYTES)).hexdigest()
    return [header, signature(warehouse), signature(warehouse.with_name(f"{warehouse.name}.wal"))]
