"""Whether the pages of the site are those that would be written now.

Asked by ``taxi run`` after a build for which dbt was not started; ``taxi site`` always writes. The record of the pages
that were written is a file beside that of the build, whose tables they show.
"""

import hashlib
import json
from pathlib import Path

from taxi_pipeline.atomic import write_text
from taxi_pipeline.lake import Lake
from taxi_pipeline.quality.store import failed_months
from taxi_pipeline.settings import Settings
from taxi_pipeline.signatures import Signature, signature
from taxi_pipeline.site import zones_path
from taxi_pipeline.site.facts import commit_of
from taxi_pipeline.site.live import LIVE_PAGE
from taxi_pipeline.site.publish import HISTORY_PAGE, START_PAGE
from taxi_pipeline.transform.unchanged import BuildMemory

_RECORD = "last_site.json"
_PACKAGE = Path(__file__).resolve().parents[1]
_QUALITY = Path("docs", "quality")
"""Written by ``taxi validate``; the start page shows whether they are there."""

_OWN_WAYS = {_QUALITY, Path(HISTORY_PAGE).parent, Path(LIVE_PAGE).parent}
"""Pages that are written when something else happens than a build."""


def current_page(settings: Settings, target: str | None) -> Path | None:
    """The start page, where every page is there as it was written and nothing that it shows has changed since.

    Args:
        settings: where the project, the site and the record are; the data folder is locked by the caller.
        target: whose tables.
    """
    try:
        kept = json.loads((settings.data_dir / _RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    is_current = kept == _record(settings, target) is not None
    return settings.site_dir / START_PAGE if is_current else None


def remember_pages(settings: Settings, target: str | None) -> None:
    """Write down what the pages that have just been written show.

    Args:
        settings: where the project, the site and the record are; the data folder is locked by the caller.
        target: whose tables.
    """
    record = _record(settings, target)
    if record is not None:
        write_text(settings.data_dir / _RECORD, json.dumps(record))


def _record(
    settings: Settings, target: str | None
) -> dict[str, str | dict[str, Signature | None]] | None:
    """What the pages show, and the pages; None where tables may have changed unseen."""
    lake = Lake.of(settings)
    memory = BuildMemory.of(settings, target, lake)
    last = None if memory is None else memory.recall()
    if memory is None or last is None:
        return None
    site = settings.site_dir
    shown = [
        *(memory.project, memory.partitions, last.finished_at.isoformat(), str(target), _code()),
        *(str(commit_of(settings.project_dir)), str(signature(zones_path(settings)))),
        str((site / _QUALITY).is_dir()),
        json.dumps(failed_months(settings, lake), sort_keys=True),
    ]
    pages = {
        str(name): signature(page)
        for page in sorted(site.rglob("*"))
        if page.is_file() and _OWN_WAYS.isdisjoint((name := page.relative_to(site)).parents)
    }
    return {"shows": hashlib.sha256(json.dumps(shown).encode()).hexdigest(), "pages": pages}


def _code() -> str:
    """SHA-256 of this package, which makes the pages."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(_PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
