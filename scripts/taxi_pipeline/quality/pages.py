"""The verdicts as pages: whole HTML files that ask nothing of any other address."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from taxi_pipeline.lake import utc_now
from taxi_pipeline.quality.checks import BREAKS, Verdict

_INDEX = "index.html"


def write_pages(folder: Path, verdicts: Sequence[Verdict]) -> Path:
    """Write a page per suite and one that lists them, and return the latter.

    Args:
        folder: where; pages of suites that are gone leave it.
        verdicts: all that is known.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    common = {"written_at": utc_now(), "breaks": BREAKS}
    pages = {
        f"{verdict.name}.html": environment.get_template("suite.html").render(
            verdict=verdict, **common
        )
        for verdict in verdicts
    }
    pages[_INDEX] = environment.get_template("index.html").render(verdicts=verdicts, **common)
    for name, text in pages.items():
        _write(folder / name, text)
    for path in folder.glob("*.html"):
        if path.name not in pages:
            path.unlink()
    return folder / _INDEX


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".html.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
