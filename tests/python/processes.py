"""Commands in processes of their own that start with dbt loaded, whose import costs seconds."""

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

# gRPC's handlers of a fork end a server's child before it has become the server.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

_LOADED = (
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "dbt.adapters.postgres",
    "dbt.adapters.bigquery",
    "dbt_metricflow.cli.main",
    "typer",
    "rich.progress",
    "processes",
)
_MODULES = {
    "taxi": "taxi_pipeline",
    "dbt": "dbt.cli.main",
    "mf": "dbt_metricflow.cli.main",
}


class Tier:
    """What the test that runs now may do; ``conftest.py`` sets it before each test.

    Attributes:
        may_start: whether it may start commands of the project. A quick test may not.
    """

    may_start = True


def name_main_module() -> None:
    """Give the main module a file: pyspark takes a process without one for a doctest, and ends it."""
    vars(sys.modules["__main__"]).setdefault("__file__", __file__)


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    return context


def run_command(
    name: str, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> tuple[int, str]:
    """Run ``taxi``, ``dbt`` or ``mf`` as a fresh process does, with this environment.

    Returns:
        Its exit code, and what it printed on standard output, then on standard error.

    Raises:
        AssertionError: a quick test asks for it.
    """
    assert Tier.may_start, f"{name} {' '.join(arguments)}: mark this test `build` or `full`"
    with tempfile.TemporaryDirectory() as scratch:
        printed = [str(Path(scratch) / stream) for stream in ("stdout", "stderr")]
        process = _context().Process(
            target=_run, args=(name, arguments, str(folder), dict(environment), printed)
        )
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        if code is None:
            raise AssertionError(name)
        return code, "".join(Path(path).read_text(encoding="utf-8") for path in printed)


def _run(
    name: str,
    arguments: tuple[str, ...],
    folder: str,
    environment: Mapping[str, str],
    printed: list[str],
) -> None:
    for number, path in enumerate(printed, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the process's life
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    name_main_module()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    sys.argv = [name, *arguments]
    module: Any = _MODULES[name]
    try:
        if name == "taxi":
            runpy.run_module(module, run_name="__main__")
        else:
            sys.modules[module].cli()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
