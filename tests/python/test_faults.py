"""Faults of the system: what is concerned and the way out are those of the file that could not be written."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from taxi_pipeline.atomic import write_text
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.faults import run_guarded
from taxi_pipeline.settings import Settings
from taxi_pipeline.site.publish import replace_page, write_docs
from taxi_pipeline.transform.runner import BuildListener, run_dbt

FULL = Path("/dev/full")  # each write to it fails as on a full disk


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], str]:
    """Run something as a command runs; gives the error that is printed."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(command: Callable[[], None]) -> str:
        said: list[TaxiError] = []
        with pytest.raises(SystemExit) as ended:
            run_guarded(command, said.append, lambda _: None)
        assert ended.value.code == 2
        return str(said[0])

    return run


def full_draft(page: Path) -> None:
    """Let the draft of a page be on a full disk."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.with_name(f".{page.name}.{os.getpid()}").symlink_to(FULL)


def test_a_full_disk_is_that_of_the_page_and_not_of_its_draft(
    tmp_path: Path, guarded: Callable[[Callable[[], None]], str]
) -> None:
    draft, page = tmp_path / "target" / "site" / "index.html", tmp_path / "site" / "index.html"
    draft.parent.mkdir(parents=True)
    draft.write_text("x" * 100_000)
    full_draft(page)
    assert guarded(lambda: replace_page(draft, page)) == (
        f"{page}: No space left on device. Free some space on the disk of {page}, then run it again."
    )
    full_draft(page)
    assert f"the disk of {page}" in guarded(lambda: write_text(page, "x"))
    assert list(page.parent.iterdir()) == []


def test_a_full_disk_of_a_page_that_is_made_from_dbts_is_that_of_the_page(
    tmp_path: Path, guarded: Callable[[Callable[[], None]], str]
) -> None:
    (tmp_path / "static_index.html").write_text("<head></head><body></body>")
    page = tmp_path / "docs.html"
    page.symlink_to(FULL)
    assert f"the disk of {page}" in guarded(lambda: write_docs(tmp_path, page))


def test_a_copy_to_a_full_disk_names_the_copy(
    guarded: Callable[[Callable[[], None]], str],
) -> None:
    def copy() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/a/source", None, "/b/copy")

    assert guarded(copy).startswith("/b/copy: No space left on device. Free some space on the disk")


def test_too_little_memory_is_no_unexpected_error(
    guarded: Callable[[Callable[[], None]], str],
) -> None:
    def answer() -> None:
        raise duckdb.OutOfMemoryException("failed to pin block")

    said = "DuckDB: the command takes more memory than allowed. Raise TAXI_MEMORY_LIMIT"
    assert guarded(answer).startswith(said)


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            'IO Error: Could not write file "/data/warehouse.duckdb": No space left on device',
            "Free some space on the disk of /data/warehouse.duckdb, then run it again.",
        ),
        (
            "[Errno 28] No space left on device: '/project/target/manifest.json'",
            "Free some space on the disk of /project/target/manifest.json, then run it again.",
        ),
        (
            'could not extend file "base/16384/2619": No space left on device',
            "Free some space on the full disk (of TAXI_DATA_DIR, of the project, or of the server)",
        ),
    ],
)
def test_a_full_disk_under_dbt_is_the_one_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, remedy: str
) -> None:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - slow to import

    def invoke(_self: object, _arguments: list[str]) -> Any:
        return SimpleNamespace(exception=OSError(reason), result=None, success=False)

    monkeypatch.setattr(dbtRunner, "invoke", invoke)
    (tmp_path / "profiles.yml").touch()
    report = run_dbt(["build"], Settings(tmp_path, tmp_path, "1GB"), BuildListener())
    assert report.complaint.startswith(reason)
    assert remedy in report.complaint
