"""Results of the benchmark as files: one JSON a run, with the machine and the commit, and two of them compared."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from taxi_pipeline.bench.measure import BenchReport
from taxi_pipeline.errors import TaxiError

Results = Mapping[str, Any]


def write_results(
    reports: Sequence[BenchReport], memory: str, project_dir: Path, folder: Path | None = None
) -> Path:
    """Keep what a run has measured.

    Args:
        reports: one per scale.
        memory: DuckDB's memory limit.
        project_dir: whose commit it was.
        folder: where to write; None for ``benchmarks`` in the project.
    """
    now = datetime.now(UTC)
    values = {
        "measured_at": now.isoformat(timespec="seconds"),
        "commit": _commit(project_dir),
        "machine": {
            "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
            "duckdb": duckdb.__version__,
        },
        "memory_limit": memory,
        "reports": [asdict(report) for report in reports],
    }
    path = (folder or project_dir / "benchmarks") / f"{now:%Y%m%d-%H%M%S}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return path


def read_results(path: Path) -> Results:
    """Read what ``write_results`` has written.

    Raises:
        TaxiError: there is no such file, or it is not a result.
    """
    try:
        values: Results = json.loads(path.read_text(encoding="utf-8"))
        for report in values["reports"]:
            _costs(report)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TaxiError(
            str(path), "it is no result of `taxi bench`", "give two files of the folder benchmarks"
        ) from error
    return values


def compare_results(before: Results, after: Results) -> Iterator[str]:
    """Two results in lines: per scale that both have, each step and query before, after and their ratio.

    Seconds of two machines say little of the code; a difference of machines is said first.
    """
    yield f"{before['commit']} ({before['measured_at']}) -> {after['commit']} ({after['measured_at']})"
    for name in ("machine", "memory_limit"):
        if before[name] != after[name]:
            yield f"The {name.replace('_', ' ')} differs: {before[name]} and {after[name]}"
    earlier = {report["scale"]: _costs(report) for report in before["reports"]}
    for report in after["reports"]:
        known = earlier.get(report["scale"], {})
        for name, seconds in _costs(report).items():
            if name in known:
                ratio = seconds / known[name] if known[name] else float("nan")
                yield f"{report['scale']:g} {name}: {known[name]:.3f} s -> {seconds:.3f} s, x {ratio:.2f}"


def _costs(report: Mapping[str, Any]) -> dict[str, float]:
    steps = {step["name"]: float(step["seconds"]) for step in report["steps"]}
    return steps | {f"query: {name}": float(cost) for name, cost in report["queries"].items()}


def _commit(project_dir: Path) -> str:
    """The commit of the code, with a ``+`` where files differ from it; empty outside a repository."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(project_dir), *arguments]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        except OSError:
            return ""
        return answer.stdout.strip() if answer.returncode == 0 else ""

    commit = git("rev-parse", "--short", "HEAD")
    return commit and commit + ("+" if git("status", "--porcelain", "-uno") else "")
