"""The page of a stream's last hours, and the small JSON document beside it that it asks for again and again."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from taxi_pipeline.atomic import write_text
from taxi_pipeline.lake import utc_now
from taxi_pipeline.warehouses import Reader

LIVE_PAGE = "live/index.html"
_DOCUMENT = "live/live.json"
_BUSIEST = 20

_MART = """
select
    window_start_at, service_type, pickup_zone_id, pickup_zone, trip_count, total_amount,
    late_trip_count, too_late_trip_count, repeated_event_count, is_closed
from mart_live_zone_activity
"""


@dataclass(frozen=True)
class LiveWindow:
    """A row of ``mart_live_zone_activity``.

    Attributes:
        start: begin of the window, New York wall time.
        service: label of the service.
        zone_id: pickup zone.
        zone: its name.
        trips: reported in the window, each once.
        amount: dollars; None where no trip gives an amount.
        late: of these, trips that corrected the window after its end.
        too_late: further trips that came too late for it.
        repeats: events of trips that had been reported before.
        is_closed: nothing can change it any more.
    """

    start: datetime
    service: str
    zone_id: int
    zone: str
    trips: int
    amount: Decimal | None
    late: int
    too_late: int
    repeats: int
    is_closed: bool


def read_windows(reader: Reader) -> list[LiveWindow]:
    """The windows as the last build has left them; none without a stream."""
    return [
        LiveWindow(start.replace(tzinfo=None), service, zone_id, zone, trips, amount, *rest)
        for start, service, zone_id, zone, trips, amount, *rest in reader.query(_MART)
    ]


def live_document(windows: Sequence[LiveWindow], window_minutes: int) -> dict[str, Any]:
    """What the page shows: trips and money by window and service, and the busiest zones of the last full hour.

    Dollars stay with their service: metered charges and what riders paid are never added up, and FHV has none.

    Args:
        windows: of the last hours.
        window_minutes: length of a window.
    """
    starts = sorted({window.start for window in windows})
    newest = starts[-1] if starts else None
    sums: dict[tuple[datetime, str], list[Any]] = defaultdict(lambda: [0, None, 0, True])
    for window in windows:
        row = sums[window.start, window.service]
        row[0] += window.trips
        if window.amount is not None:
            row[1] = (row[1] or Decimal(0)) + window.amount
        row[2] += window.late
        row[3] = row[3] and window.is_closed
    return {
        "written_at": utc_now(),
        "window_minutes": window_minutes,
        "newest": None if newest is None else newest.isoformat(" ", "minutes"),
        "windows": [
            [
                start.isoformat(" ", "minutes"),
                service,
                trips,
                None if amount is None else f"{amount:.2f}",
                late,
                closed,
            ]
            for (start, service), (trips, amount, late, closed) in sorted(sums.items())
        ],
        "zones": [] if newest is None else _busiest(windows, newest, window_minutes),
        "late": sum(window.late for window in windows),
        "too_late": sum(window.too_late for window in windows),
        "repeats": sum(window.repeats for window in windows),
    }


def _busiest(
    windows: Iterable[LiveWindow], newest: datetime, window_minutes: int
) -> list[tuple[str, int]]:
    """Zones by trips in the hour that ends with the newest window: name, trips."""
    since = newest - timedelta(minutes=60 - window_minutes)
    zones = Counter[str]()
    for window in windows:
        if window.start >= since:
            zones[window.zone] += window.trips
    return sorted(zones.items(), key=lambda item: (-item[1], item[0]))[:_BUSIEST]


def write_live_document(folder: Path, document: dict[str, Any]) -> Path:
    """Write the document beside the page, whole or not at all.

    Args:
        folder: of the site.
        document: of ``live_document``.
    """
    path = folder / _DOCUMENT
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(document, separators=(",", ":")))
    return path
