"""A BigQuery that takes dbt's own requests: an emulator on DuckDB, in an environment of its own.

It needs Python 3.13 and versions of its own, which are installed once beside the project.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from servers import die_with_parent, free_port

PROJECT = "nyc-local"
_HERE = Path(__file__).resolve().parent
_ENVIRONMENT = _HERE.parents[2] / ".venv-bigquery"
_START_SECONDS = 60
_WHICH_PLATFORM = "import duckdb; print(duckdb.sql('pragma platform').fetchone()[0])"


def find_python() -> Path | None:
    """Python 3.13 on the path, of pyenv or of uv; ``TAXI_BQ_PYTHON`` says which."""
    candidates = [os.environ.get("TAXI_BQ_PYTHON"), shutil.which("python3.13")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path) for path in sorted(pyenv.glob("3.13*/bin/python3.13"))]
    for candidate in candidates:
        if candidate is None:
            continue
        told = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if told.returncode == 0 and told.stdout.startswith("Python 3.13"):
            return Path(candidate)
    return None


def install(python: Path) -> Path:
    """Make the emulator's environment where it is missing or of other versions; return its Python."""
    wanted = (_HERE / "bigquery_emulator.txt").read_text()
    installed = _ENVIRONMENT / "installed.txt"
    with FileLock(f"{_ENVIRONMENT}.lock"):
        if not installed.exists() or installed.read_text() != wanted:
            shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
            subprocess.run([str(python), "-m", "venv", str(_ENVIRONMENT)], check=True)
            requirements = str(_HERE / "bigquery_emulator.txt")
            pip = [str(_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            subprocess.run(
                [*pip, "--disable-pip-version-check", "--requirement", requirements], check=True
            )
            _place_extensions()
            installed.write_text(wanted)
    return _ENVIRONMENT / "bin" / "python"


def _place_extensions() -> None:
    """Put DuckDB's extensions where it looks for them, below a home folder of the emulator's own."""
    packages = next((_ENVIRONMENT / "lib").glob("python3.13/site-packages"))
    binaries = list(packages.rglob("*.duckdb_extension"))
    if not binaries:
        raise RuntimeError(f"no DuckDB extension in {packages}")
    asked = [str(_ENVIRONMENT / "bin" / "python"), "-c", _WHICH_PLATFORM]
    platform = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    for binary in binaries:
        version = binary.parent.name
        target = _ENVIRONMENT / "home" / ".duckdb" / "extensions" / version / platform
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(binary, target / binary.name)


@dataclass
class BigQueryServer:
    """A running emulator.

    Attributes:
        port: of its REST interface on 127.0.0.1.
        process: to be cut off in the middle of a load.
    """

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def endpoint(self) -> str:
        """What stands for Google's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the target ``prod`` in profiles.yml."""
        return {
            "DBT_BQ_METHOD": "oauth-secrets",
            "DBT_ENV_SECRET_BQ_TOKEN": "no-secret-token",
            "DBT_BQ_API_ENDPOINT": self.endpoint,
            "DBT_BQ_PROJECT": PROJECT,
        }

    def client(self) -> bigquery.Client:
        """Google's own client, pointed at the emulator."""
        return bigquery.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=self.endpoint),
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query in the dataset of the models."""
        dataset = bigquery.DatasetReference(PROJECT, "nyc_taxi")
        config = bigquery.QueryJobConfig(default_dataset=dataset)
        rows = self.client().query_and_wait(sql, job_config=config)
        return [tuple(row.values()) for row in rows]


@contextmanager
def run_bigquery(python: Path, folder: Path | None = None) -> Iterator[BigQueryServer]:
    """Start an emulator.

    Args:
        python: a Python 3.13, from ``find_python``.
        folder: where its data are, to stay; without one it begins empty and leaves nothing.
    """
    interpreter = install(python)
    port, rpc_port = free_port(), free_port()
    is_kept = folder is not None
    folder = folder or Path(tempfile.mkdtemp(prefix="taxi-bq-"))
    command = [
        *(str(interpreter), str(_HERE / "bigquery_emulator.py"), "serve"),
        *("--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(rpc_port)),
        *("--project", PROJECT, "--data-dir", str(folder / "data")),
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(_ENVIRONMENT / "home")},
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    try:
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                requests.get(
                    f"http://127.0.0.1:{port}/bigquery/v2/projects/{PROJECT}/datasets", timeout=2
                )
                break
            except (requests.ConnectionError, requests.Timeout):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((folder / "server.log").read_text()) from None
                time.sleep(0.1)
        yield BigQueryServer(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
