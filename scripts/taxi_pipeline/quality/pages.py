"""The verdicts as pages: whole HTML files that ask nothing of any other address."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from taxi_pipeline.atomic import write_text
from taxi_pipeline.lake import utc_now
from taxi_pipeline.quality.checks import BREAKS, Outcome, Verdict

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
    environment.filters["words"] = _words
    environment.filters["sentence"] = _sentence
    environment.filters["breakable"] = _breakable
    common = {"written_at": utc_now(), "breaks": BREAKS, "note": _note}
    pages = {
        f"{verdict.name}.html": environment.get_template("suite.html").render(
            verdict=verdict, **common
        )
        for verdict in verdicts
    }
    pages[_INDEX] = environment.get_template("index.html").render(verdicts=verdicts, **common)
    for name, text in pages.items():
        write_text(folder / name, text)
    for path in folder.glob("*.html"):
        if path.name not in pages:
            path.unlink()
    return folder / _INDEX


_SPELLED = {"tlc": "TLC", "fhv": "FHV", "hvfhv": "HVFHV"}


def _words(name: str) -> str:
    """A check's name as a title."""
    words = [_SPELLED.get(word, word) for word in name.split("_")]
    return _sentence(" ".join(words).replace("new york", "New York"))


def _sentence(text: str) -> str:
    """The same with a capital first letter; the others stay as they are, as in TLC."""
    return text[:1].upper() + text[1:]


def _breakable(title: str) -> Markup:
    """A title that may break after an underscore, for narrow screens."""
    return escape(title).replace("_", Markup("_<wbr>"))


def _note(outcome: Outcome) -> str:
    """A finding for information, in a few words."""
    return f"{outcome.check.words}: {outcome.observed}"
