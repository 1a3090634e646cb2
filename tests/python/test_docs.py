"""The README and the manual: short where they promise it, without broken links, with examples that run."""

import re
import subprocess
import sys
from pathlib import Path

from warehouse import REPOSITORY, Warehouse

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
MOST_LINES = 130


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert len(links) > 10
    assert not [link for link in links if not (REPOSITORY / link).exists()]


def test_every_test_that_is_named_exists() -> None:
    """A promise names its test; a renamed test must not leave it behind."""
    text = README + (REPOSITORY / "docs" / "promises.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(assert_\w+)`", text))
    files = {path.stem for path in (REPOSITORY / "tests").glob("assert_*.sql")}
    assert named
    assert named <= files
    paths = set(re.findall(r"`(tests/python/\w+\.py)`", text))
    assert not [path for path in paths if not (REPOSITORY / path).exists()]


def test_the_queries_of_the_readme_and_the_manual_run(built_sample: Warehouse) -> None:
    manual = (REPOSITORY / "docs" / "query.md").read_text(encoding="utf-8")
    queries = re.findall(r'^taxi sql "([^"]+)"', README + manual, flags=re.MULTILINE)
    assert len(queries) >= 3
    for query in queries:
        assert built_sample.taxi("sql", query, "--format", "csv").count("\n") > 1, query


def test_the_python_of_the_manual_runs(built_sample: Warehouse) -> None:
    manual = (REPOSITORY / "docs" / "query.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"```python\n(.*?)```", manual, flags=re.DOTALL)
    assert built_sample.data.name == "data"
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=built_sample.data.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "borough" in done.stdout


def test_every_page_of_the_manual_is_listed() -> None:
    listed = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    folder = REPOSITORY / "docs"
    pages = [path.relative_to(folder).as_posix() for path in folder.glob("*.md")]
    assert not [page for page in pages if page not in listed]


def test_every_decision_has_its_page_and_its_parts() -> None:
    folder = REPOSITORY / "docs" / "decisions"
    index = (folder / "index.md").read_text(encoding="utf-8")
    pages = sorted(path for path in folder.glob("*.md") if path.name != "index.md")
    assert [int(path.name[:4]) for path in pages] == list(range(1, len(pages) + 1))
    for path in pages:
        assert path.name in index
        text = path.read_text(encoding="utf-8")
        for part in ("## Context", "## Decision", "## Consequences", "Date: ", "Status: "):
            assert part in text, (path.name, part)


def test_no_page_names_a_file_that_is_gone() -> None:
    """Python and SQL files that the contributor's guide names are there."""
    guide = Path(REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:scripts|models|macros|tests|seeds)/[\w./]+)`", guide)
    assert len(named) > 20
    assert not [name for name in named if not (REPOSITORY / name).exists()]
