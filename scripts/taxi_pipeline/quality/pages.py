"""The verdicts as pages: whole HTML files that ask nothing of any other address."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from taxi_pipeline.lake import utc_now
from taxi_pipeline.quality.checks import BREAKS, Verdict


def write_pages(folder: Path, verdicts: Sequence[Verdict], *, everything: bool) -> Path:
    """Write a page per suite and one that lists them.

    Args:
        folder: where; pages of suites that are gone leave it.
        verdicts: what was judged.
        everything: these are all suites there are; else the list of all stays as it is.

    Returns:
        The page to begin with: the list, or the page of the one suite that was judged.
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
    for verdict in verdicts:
        page = environment.get_template("suite.html").render(verdict=verdict, **common)
        _write(folder / f"{verdict.name}.html", page)
    if not everything:
        return folder / f"{verdicts[0].name}.html"
    index = folder / "index.html"
    _write(index, environment.get_template("index.html").render(verdicts=verdicts, **common))
    current = {index.name, *(f"{verdict.name}.html" for verdict in verdicts)}
    for page_path in folder.glob("*.html"):
        if page_path.name not in current:
            page_path.unlink()
    return index


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".html.tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
