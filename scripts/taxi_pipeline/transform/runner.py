"""dbt, driven in this process: commands as lists, progress per node, dbt's own exit codes."""

import gc
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import yaml

from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.faults import Interrupted
from taxi_pipeline.settings import Settings

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunResult
    from dbt_common.events.base_types import EventMsg

SUCCESS, NODES_FAILED, NOT_RUN = 0, 1, 2
"""dbt's exit codes: all well; some node failed; dbt could not do what it was asked to."""


@dataclass(frozen=True)
class BuildOptions:
    """What ``taxi build`` passes on to ``dbt build``, under dbt's own names.

    Unit tests speak of the code and not of the data: dbt's guide keeps them to development and CI,
    so they run on request (``unit_tests``), and a plain ``dbt build`` runs them always.

    Raises:
        TaxiError: the variables are no YAML of names and values, which dbt itself says to the terminal.
    """

    target: str | None = None
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    variables: str | None = None
    full_refresh: bool = False
    unit_tests: bool = False

    def __post_init__(self) -> None:
        """Refuse variables that dbt could not read."""
        if self.variables and not _is_mapping(self.variables):
            raise TaxiError(
                f"--vars {self.variables}",
                "it is no YAML of names and values",
                "write it as in --vars 'check: all'",
            )

    @property
    def is_of_everything(self) -> bool:
        """Whether every seed, model, snapshot and data test is built, and as the project says."""
        return not (self.select or self.exclude or self.variables)


def _is_mapping(text: str) -> bool:
    try:
        return isinstance(yaml.safe_load(text), dict)
    except yaml.YAMLError:
        return False


@dataclass(frozen=True)
class NodeOutcome:
    """How one node ended.

    Attributes:
        name: the node's name, such as ``fact_trips``.
        kind: ``model``, ``test``, ``unit_test``, ``seed``, ``snapshot`` or ``operation``.
        status: dbt's status: success, pass, warn, fail, error or skipped.
        message: dbt's message, empty when there is none.
        path: the compiled SQL, relative to the project; empty when there is none.
        seconds: how long it took.
        materialized: ``table``, ``view``, ``incremental``, ...; ``test`` for a test.
        sql: the compiled SQL; empty when there is none.
        failing_rows: the table that keeps the rows on which a claim failed; empty when none does.
    """

    name: str
    kind: str
    status: str
    message: str
    path: str
    seconds: float
    materialized: str = ""
    sql: str = ""
    failing_rows: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether this node makes the build fail; skipped nodes follow from others."""
        return self.status in {"fail", "error", "runtime error"}


@dataclass(frozen=True)
class BuildReport:
    """The result of one dbt command.

    Attributes:
        exit_code: dbt's exit code; also 2 where nodes failed for want of the server, of memory or of disk alone.
        nodes: every node that ran or was skipped.
        complaint: why dbt could not start, or empty.
    """

    exit_code: int
    nodes: tuple[NodeOutcome, ...] = ()
    complaint: str = ""

    def count(self, kind: str, *statuses: str) -> int:
        """Number of nodes of a kind that ended in one of the statuses."""
        return sum(1 for node in self.nodes if node.kind == kind and node.status in statuses)

    @property
    def failures(self) -> list[NodeOutcome]:
        """The nodes that failed, in the order in which they ended."""
        return [node for node in self.nodes if node.is_failure]


@dataclass
class BuildListener:
    """Where progress goes while dbt works; every call is optional.

    Attributes:
        on_total: number of nodes to come.
        on_start: a node begins, by name.
        on_finish: a node has ended: name, kind, status.
    """

    on_total: Callable[[int], None] = lambda _total: None
    on_start: Callable[[str], None] = lambda _name: None
    on_finish: Callable[[str, str, str], None] = lambda _name, _kind, _status: None
    unmatched: list[str] = field(default_factory=list)
    hook_fault: str = ""
    _adapter_fault: str = ""

    def __call__(self, event: "EventMsg") -> None:
        """Receive one dbt event."""
        name, data = event.info.name, event.data
        if name == "ConcurrencyLine":
            self.on_total(data.node_count)
        elif name == "NodeStart":
            self.on_start(data.node_info.node_name)
        elif name == "NodeFinished":
            info = data.node_info
            self.on_finish(info.node_name, info.resource_type, info.node_status)
        elif name == "NoNodesForSelectionCriteria":
            self.unmatched.append(str(data.spec_raw))
        elif name == "LogHookStartLine":
            self._adapter_fault = ""
        elif name == "AdapterEventDebug" and not self._adapter_fault:
            # dbt tells the reason of a hook's fault to its log alone, and then stumbles over the exposures.
            _, sign, reason = str(getattr(event.info, "msg", "")).partition(" error: ")
            self._adapter_fault = reason if sign else ""
        elif name == "LogHookEndLine" and data.status == "error":
            self.hook_fault = self.hook_fault or self._adapter_fault


def build_command(options: BuildOptions) -> list[str]:
    """The ``dbt build`` command line for these options, without the program's name."""
    command = ["build"]
    if options.target:
        command += ["--target", options.target]
    if options.select:
        command += ["--select", *options.select]
    if options.exclude:
        command += ["--exclude", *options.exclude]
    if options.variables:
        command += ["--vars", options.variables]
    if options.full_refresh:
        command += ["--full-refresh"]
    if not options.unit_tests:
        command += ["--exclude-resource-type", "unit_test"]
    return command


def docs_command(target: str | None = None) -> list[str]:
    """The command that writes the documentation as one page that needs no server."""
    return ["docs", "generate", "--static", *(["--target", target] if target else [])]


def parse_command(target: str | None = None) -> list[str]:
    """The command that reads the project and writes the manifest, without a connection."""
    return ["parse", *(["--target", target] if target else [])]


def compile_command(options: BuildOptions) -> list[str]:
    """The command that writes the SQL of a build and runs none of it."""
    return ["compile", *build_command(replace(options, unit_tests=True))[1:]]


def retry_command() -> list[str]:
    """The command that runs again what failed or was skipped in the last build."""
    return ["retry"]


def prepare_profile(settings: Settings) -> None:
    """Copy ``profiles.yml.example`` to ``profiles.yml`` when there is none; never overwrite one."""
    profile = settings.project_dir / "profiles.yml"
    if not profile.exists():
        shutil.copyfile(settings.project_dir / "profiles.yml.example", profile)


def _release_warehouse() -> None:
    """Close the DuckDB file, which dbt-duckdb keeps open from node to node and beyond its last one."""
    connections = sys.modules.get("dbt.adapters.duckdb.connections")
    if connections is not None:
        connections.DuckDBConnectionManager.close_all_connections()


def _complaint(text: str) -> str:
    """What dbt says, and of a refusal in on-run-start only our own sentence."""
    head, *lines = text.strip().splitlines()
    if "-on-run-start-" not in head:
        return text.strip()
    return " ".join(line.strip() for line in lines if line.strip() and "> " not in line[:5])


_REPEATABLE = {"build", "run", "seed", "snapshot", "test", "retry"}
"""Commands of dbt that `dbt retry` can go on with."""

_NO_SPACE = "No space left on device"

_REMEDIES = (
    ("Out of Memory Error", "Raise TAXI_MEMORY_LIMIT, such as TAXI_MEMORY_LIMIT=2GB."),
    ("manifest", "Load the lake into the target first: `taxi load --target ...`."),
)


_SPARKS_OWN = re.compile(r"(?<=;)\s*'\w+ .*|\s*JVM stacktrace:.*", re.DOTALL)
"""What Spark adds to the reason: its plan, and where in its code it was."""

_NOT_DONE = re.compile(
    r"closed the connection|connection (?:refused|reset|timed out|already closed)|terminating connection|"
    r"could not connect|database system is|SSL SYSCALL|Out of Memory|No space left on device|could not extend file",
    re.IGNORECASE,
)
"""What servers and engines say of a node that might pass later, or with more room: nothing is said of the data."""


_OTHER_COLUMNS = "schemas on this incremental model are out of sync"
"""What dbt says, among other things, when a table has not the columns of its model (on_schema_change: fail)."""


def target_of_failed_build(settings: Settings) -> str | None:
    """The target of what dbt did last, which it goes on with; None for the default.

    Pages are written only after everything has passed, so that what was done last is a build where one has failed.

    Raises:
        TaxiError: nothing has been built, or what dbt did last was no build.
    """
    try:
        last = read_artifact(settings.target_dir, "run_results")
    except FileNotFoundError:
        last = {}
    if last.get("args", {}).get("which") not in _REPEATABLE:
        raise TaxiError(
            "taxi build --retry", "no node failed in the last build", "run `taxi build` instead"
        )
    target: str | None = last["args"].get("target")
    return target


def _with_remedy(reason: str) -> str:
    """The engine's reason and the way out, where it is known."""
    if reason.startswith("Out of Memory"):
        reason = reason.partition(" Possible solutions")[0]
    remedy = next((text for sign, text in _REMEDIES if sign in reason), "")
    if _NO_SPACE in reason:
        named = re.search(r"""["'](/[^"']+)["']""", reason)
        places = "the full disk (of TAXI_DATA_DIR, of the project, or of the server)"
        remedy = f"Free some space on {f'the disk of {named[1]}' if named else places}, then run it again."
    return f"{reason.rstrip('.')}. {remedy}".strip()


def _message(result: "RunResult") -> str:
    """What dbt says of a node; of a data test that found something, what it found, in the words of the project."""
    node, found = result.node, result.failures or 0
    if _OTHER_COLUMNS in (result.message or ""):
        return (
            "its table has the columns of another version of this project."
            " Run `taxi build --full-refresh`, which builds every table from the lake."
        )
    if str(node.resource_type) != "test" or str(result.status) not in {"fail", "warn"}:
        message = _SPARKS_OWN.sub("", (result.message or "").strip()).rstrip(";")
        return _with_remedy(message) if _NO_SPACE in message else message
    if getattr(node.config, "fail_calc", "count(*)") != "count(*)":
        return f"{found:,} {node.description}"
    rows = f"{found:,} {'row' if found == 1 else 'rows'}"
    return f"{rows}, {node.description}" if node.description else f"{rows} contradict this"


def run_dbt(command: Sequence[str], settings: Settings, listener: BuildListener) -> BuildReport:
    """Run one dbt command in this process.

    Args:
        command: the command line without the program's name.
        settings: where the project and the data are; dbt reads them from the environment.
        listener: told of progress.

    Raises:
        TaxiError: a selector matches nothing, which dbt itself would call a success.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - 1.5 s, which `taxi --help` need not wait for

    prepare_profile(settings)
    os.environ["TAXI_DATA_DIR"] = str(settings.data_dir)
    os.environ["TAXI_LAKE_URL"] = settings.lake_address
    os.environ["TAXI_MEMORY_LIMIT"] = settings.memory_limit
    project = str(settings.project_dir)
    log_level = os.environ.get("DBT_LOG_LEVEL_FILE") or "debug"
    logging.raiseExceptions = False  # a log that cannot be written is no reason for a traceback
    gc.set_threshold(
        100_000, 50, 50
    )  # parsing makes many objects that stay: looking for garbage among them took 0.5 s
    try:
        outcome = dbtRunner(callbacks=[listener]).invoke(
            [
                *("--log-level", "none", "--log-level-file", log_level),
                *("--log-path", str(settings.log_dir)),
                *command,
                *("--target-path", str(settings.target_dir)),
                *("--project-dir", project, "--profiles-dir", project),
            ]
        )
    except Interrupted:
        raise  # a query that still runs has the connection: closing it now would crash
    except BaseException:
        _release_warehouse()
        raise
    if isinstance(outcome.exception, Interrupted):
        raise outcome.exception
    _release_warehouse()
    nodes = tuple(
        NodeOutcome(
            name=result.node.name,
            kind=str(result.node.resource_type),
            status=str(result.status),
            message=_message(result),
            path=str(getattr(result.node, "compiled_path", None) or ""),
            seconds=result.execution_time,
            materialized=str(result.node.config.get("materialized", "")),
            sql=str(getattr(result.node, "compiled_code", None) or ""),
            failing_rows=str(result.node.relation_name)
            if result.node.config.get("store_failures") and result.status in {"fail", "warn"}
            else "",
        )
        for result in getattr(outcome.result, "results", None) or ()
    )
    if listener.hook_fault:
        return BuildReport(NOT_RUN, nodes, _with_remedy(" ".join(listener.hook_fault.split())))
    if outcome.exception is not None:
        complaint = _complaint(str(outcome.exception))
        if _NO_SPACE in complaint or "Out of Memory Error" in complaint:
            complaint = _with_remedy(" ".join(complaint.split()).removeprefix("Runtime Error "))
        return BuildReport(NOT_RUN, nodes, complaint)
    if listener.unmatched and not nodes:
        raise TaxiError(
            f"dbt {command[0]}",
            f"no model, seed, snapshot or test matches {' '.join(listener.unmatched)}",
            "check the spelling; `taxi build` without --select builds everything",
        )
    if outcome.success:
        return BuildReport(SUCCESS, nodes)
    failures = [node for node in nodes if node.is_failure]
    is_not_done = failures and all(_NOT_DONE.search(node.message) for node in failures)
    return BuildReport(NOT_RUN if is_not_done else NODES_FAILED, nodes)
