"""The page of the site that shows the runs, from what is known beside the warehouse: it is written after each run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from taxi_pipeline.atomic import write_text
from taxi_pipeline.history.runs import History, PastRun, kept_history
from taxi_pipeline.settings import Settings
from taxi_pipeline.site import render_page
from taxi_pipeline.site.publish import HISTORY_PAGE
from taxi_pipeline.warehouses.targets import target_kind

SHOWN = 60
"""Runs on the page."""


@dataclass(frozen=True)
class Bar:
    """A run in the chart of durations.

    Attributes:
        run: the run.
        percent: its height, in percent of the longest.
    """

    run: PastRun
    percent: float


def write_history_page(settings: Settings, target: str | None) -> Path:
    """Write the page of the runs.

    Args:
        settings: where the site and the data folder are.
        target: a name of ``profiles.yml``; None for its default.

    Raises:
        OSError: it cannot be written.
    """
    history = kept_history(settings, target)
    name, _ = target_kind(settings, target)
    page = settings.site_dir / HISTORY_PAGE
    write_text(page, page_of(history, str(name)))
    return page


def refresh_page(settings: Settings, target: str | None) -> None:
    """Write the page anew, where the site has one.

    Raises:
        OSError: it cannot be written.
    """
    if (settings.site_dir / HISTORY_PAGE).exists():
        write_history_page(settings, target)


def page_of(history: History, target: str) -> str:
    """The page as HTML.

    Args:
        history: of the target.
        target: its name.
    """
    runs = list(history.runs[:SHOWN])
    return render_page(
        "history.html",
        runs=runs,
        bars=bars(runs),
        target=target,
        bad=[run for run in runs if run.is_bad],
        duration=duration,
        day=_day,
    )


def bars(runs: Sequence[PastRun]) -> list[Bar]:
    """The runs with an end as bars, oldest first."""
    ended = [(run, run.seconds) for run in reversed(runs)]
    longest = max((seconds for _, seconds in ended if seconds), default=1) or 1
    return [
        Bar(run, max(100 * seconds / longest, 1)) for run, seconds in ended if seconds is not None
    ]


def duration(seconds: float | None) -> str:
    """Seconds as people say them: ``4.2 s``, ``3 min 05 s``, ``1 h 02 min``; a dash where it is not known."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
