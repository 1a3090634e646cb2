"""The real TLC files that some tests read: which they are, where they are, and how to get them.

The project commits none of them. ``tests/real_files.csv`` lists them; a file without an address there is an
excerpt that nobody publishes.

    python tests/python/real_files.py        # fetch what the folder of real files lacks into .real_files
"""

import csv
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import requests

from requirements import lacking, required
from taxi_pipeline.atomic import draft_of
from trip_files import YELLOW_HEADER

DATA = "TAXI_TEST_DATA"

_REPOSITORY = Path(__file__).resolve().parents[2]

LIST = _REPOSITORY / "tests" / "real_files.csv"
CACHE = _REPOSITORY / ".real_files"

_SECONDS = (5, 30)
"""To connect, and between two pieces of an answer."""


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _header_of_tlc(content: bytes) -> bytes:
    return f"{YELLOW_HEADER}\n".encode() + content.partition(b"\n")[2]


MADE: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: content,
    "whole lines": _whole_lines,
    "header of TLC": _header_of_tlc,
}
"""How a file is made from what its address serves."""


@dataclass(frozen=True)
class RealFile:
    """A line of the list.

    Attributes:
        name: its path in the folder of real files.
        sha256: its checksum.
        size: its bytes.
        rows: its rows of data; none for the shapes of the zones.
        address: where it is published; empty where it is not.
        made: a key of ``MADE``; empty without an address.
        origin: whose rows it holds and who took them.
    """

    name: str
    sha256: str
    size: int
    rows: int | None
    address: str
    made: str
    origin: str

    def fault(self, folder: Path) -> str:
        """What is wrong with the file in a folder, or empty."""
        path = folder / self.name
        if not path.is_file():
            return f"{self.name} is not in {folder}: {self.origin}"
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            return f"{path} is not the file of tests/real_files.csv: its SHA-256 differs"
        return ""

    def fetch(self, folder: Path) -> str:
        """Write the file into a folder; what went wrong, or empty. A file of another checksum is not written."""
        try:
            answer = requests.get(self.address, timeout=_SECONDS)
            answer.raise_for_status()
        except requests.RequestException as error:
            return f"{self.name} cannot be fetched: {error}"
        content = MADE[self.made](answer.content)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            return (
                f"{self.name}: {self.address} serves another file than tests/real_files.csv lists"
            )
        with draft_of(folder / self.name) as draft:
            draft.write_bytes(content)
        return ""


def listed(path: Path = LIST) -> list[RealFile]:
    """The real files, in the order of the list."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            RealFile(
                row["name"],
                row["sha256"],
                int(row["bytes"]),
                int(row["rows"]) if row["rows"] else None,
                row["address"],
                row["made"],
                row["origin"],
            )
            for row in csv.DictReader(stream)
        ]


def given_folder() -> Path:
    """The folder that ``TAXI_TEST_DATA`` names, or ``shared/data`` beside the repository."""
    return Path(os.environ.get(DATA) or _REPOSITORY.parent / "shared" / "data").resolve()


def folder_of_tests(files: Iterable[RealFile], given: Path, kept: Path = CACHE) -> Path:
    """Where tests look: the given folder where it has all that is published, else the cache if there is one."""
    is_complete = all((given / file.name).is_file() for file in files if file.address)
    return given if is_complete or not kept.is_dir() else kept


FOLDER = folder_of_tests(listed(), given_folder())
"""Where the tests of this run look."""


@cache
def real_file(name: str) -> Path:
    """A listed file whose checksum is right, for the test that runs now; without it the test is skipped."""
    [file] = [file for file in listed() if file.name == name]
    fault = file.fault(FOLDER)
    if fault and (FOLDER / name).exists():
        pytest.fail(fault, pytrace=False)
    if fault:
        lacking("real" if file.address else "excerpts", fault)
    return FOLDER / name


def real_months() -> list[Path]:
    """The months of ``real/``; for an excerpt that is not there the first rows of the same month, which are published.

    ``TAXI_REQUIRE=excerpts`` asks for the excerpts themselves.
    """
    names = [file.name for file in listed() if file.name.startswith("real/") and file.rows]
    heads = {
        file.name for file in listed() if not file.address and not (FOLDER / file.name).exists()
    }
    if "excerpts" in required():
        heads.clear()
    return [
        real_file(name.replace("real/", "heads/", 1) if name in heads else name) for name in names
    ]


def gather(files: list[RealFile], given: Path, kept: Path = CACHE) -> list[str]:
    """Have every file in one folder: take what the given one has, fetch the rest into the cache.

    Returns:
        What is wrong with files that have an address. After the first that cannot be fetched no other is tried.
    """
    if not any(file.fault(given) for file in files if file.address):
        return []
    for file in files:
        if not file.fault(kept):
            continue
        if not file.fault(given):
            with draft_of(kept / file.name) as draft:
                shutil.copyfile(given / file.name, draft)
        elif file.address and (fault := file.fetch(kept)):
            return [fault]
    return []


def main() -> int:
    """Run the script; exit code 1 when ``TAXI_REQUIRE`` names what could not be had."""
    files, given = listed(), given_folder()
    faults = gather(files, given)
    folder = folder_of_tests(files, given)
    missing = [file for file in files if file.fault(folder)]
    excerpts = [file.name for file in missing if not file.address]
    for fault in faults:
        print(f"{fault}. Tests that need it are skipped.")
    if excerpts:
        print(f"Published nowhere known: {', '.join(excerpts)}. Tests do without, or are skipped.")
    print(f"{len(files) - len(missing)} of {len(files)} real files are in {folder}.")
    lacks = {"real"} if len(missing) > len(excerpts) else set()
    return 1 if required() & (lacks | ({"excerpts"} if excerpts else set())) else 0


if __name__ == "__main__":
    sys.exit(main())
