"""What the dashboard shows: small sums from the marts, by every axis that its filters turn on.

The page adds them up itself, so no number depends on an engine; all are whole numbers, money in cents.
"""

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import prod
from typing import Any

from taxi_pipeline.schemas import Service
from taxi_pipeline.warehouses import Reader

BOROUGHS = (
    ("Manhattan", "Manhattan"),
    ("Queens", "Queens"),
    ("Brooklyn", "Brooklyn"),
    ("Bronx", "Bronx"),
    ("Staten Island", "Staten Island"),
    ("EWR", "Newark Airport"),
    ("Unknown", "Unknown"),
    ("N/A", "Outside of the city"),
)
"""Every borough of ``dim_zones`` in the order of the legend, and what to call it."""

_FILES = """
select service_type, file_month, max(case when is_synthetic then 1 else 0 end) as is_synthetic
from stg_ingested_files
where superseded_at is null
group by service_type, file_month
"""

_ZONES = """
select zone_id, zone_label, borough, latitude, longitude, is_airport from dim_zones order by zone_id
"""

_PAYMENTS = """
select payment_type_id, payment_type_name from dim_payment_types order by payment_type_id
"""

_REASONS = "select reject_reason, description from dim_reject_reasons order by rule_order"

Axes = dict[str, Sequence[Any]]
"""The members of each axis, in their order."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Cube:
    """Sums by some axes.

    Attributes:
        axes: names of the axes; the query's first columns are their members.
        measures: names of the sums, which are its further columns; those that end in ``cents`` are dollars there.
        sql: the query.
    """

    axes: tuple[str, ...]
    measures: tuple[str, ...]
    sql: str


CUBES = (
    Cube(
        ("service", "month", "zone"),
        ("rows", "trips", "cents"),
        """
        select
            service_type, file_month, pickup_zone_id,
            sum(row_count) as row_count, sum(trip_count) as trip_count, sum(total_amount) as total_amount
        from rpt_trips_daily
        group by service_type, file_month, pickup_zone_id
        """,
    ),
    Cube(
        ("service", "month", "borough"),
        ("card_fare_cents", "card_tip_cents"),
        """
        select
            mart.service_type, mart.revenue_month, zones.borough,
            sum(mart.card_fare_amount) as card_fare_amount, sum(mart.card_tip_amount) as card_tip_amount
        from mart_monthly_zone_revenue as mart
        inner join dim_zones as zones on mart.pickup_zone_id = zones.zone_id
        group by mart.service_type, mart.revenue_month, zones.borough
        """,
    ),
    Cube(
        ("service", "borough", "day"),
        ("day_trips",),
        """
        select service_type, pickup_borough, pickup_date, sum(trip_count) as trip_count
        from rpt_trips_daily
        group by service_type, pickup_borough, pickup_date
        """,
    ),
    Cube(
        ("service", "month", "borough", "weekday", "hour"),
        ("hour_trips",),
        """
        select service_type, file_month, pickup_borough, iso_day_of_week, pickup_hour, trip_count
        from mart_hourly_borough_trips
        """,
    ),
    Cube(
        ("service", "month", "borough", "payment"),
        ("payment_trips", "payment_cents"),
        """
        select
            mart.service_type, mart.file_month, zones.borough, mart.payment_type_id,
            sum(mart.trip_count) as trip_count, sum(mart.total_amount) as total_amount
        from mart_monthly_payment_mix as mart
        inner join dim_zones as zones on mart.pickup_zone_id = zones.zone_id
        group by mart.service_type, mart.file_month, zones.borough, mart.payment_type_id
        """,
    ),
    Cube(
        ("service", "month", "borough", "reason"),
        ("rejected_rows",),
        """
        select
            mart.service_type, mart.file_month, zones.borough, mart.reject_reason,
            sum(mart.row_count) as row_count
        from mart_monthly_rejects as mart
        inner join dim_zones as zones on mart.pickup_zone_id = zones.zone_id
        group by mart.service_type, mart.file_month, zones.borough, mart.reject_reason
        """,
    ),
)


def dashboard_data(reader: Reader) -> Json:
    """All that the page needs: axes, names, and each cube as a flat list in the order of its axes.

    Args:
        reader: on a warehouse that has been built.
    """
    files = [(str(service), month) for service, month, _ in reader.query(_FILES)]
    months = sorted({month for _, month in files})
    services = [
        service.label for service in Service if any(service.label == name for name, _ in files)
    ]
    zones = reader.query(_ZONES)
    payments = [(int(code), str(name)) for code, name in reader.query(_PAYMENTS)]
    reasons = [(str(code), str(text)) for code, text in reader.query(_REASONS)]
    days = list(_days(months))
    axes: Axes = {
        "service": services,
        "month": months,
        "borough": [borough for borough, _ in BOROUGHS],
        "zone": [int(zone[0]) for zone in zones],
        "day": days,
        "weekday": range(1, 8),
        "hour": range(24),
        "payment": [code for code, _ in payments],
        "reason": [code for code, _ in reasons],
    }
    boroughs = list(axes["borough"])
    return {
        "services": [{"name": name, "metered": name != Service.FHV.label} for name in services],
        "months": [f"{month:%Y-%m}" for month in months],
        "loaded": [[int((name, month) in files) for month in months] for name in services],
        "boroughs": [label for _, label in BOROUGHS],
        "zones": [
            {
                "id": int(zone_id),
                "label": str(label),
                "borough": boroughs.index(borough),
                "lat": None if latitude is None else float(latitude),
                "lon": None if longitude is None else float(longitude),
                "airport": bool(is_airport),
            }
            for zone_id, label, borough, latitude, longitude, is_airport in zones
        ],
        "days": [day.isoformat() for day in days],
        "payments": [name for _, name in payments],
        "reasons": [{"code": code, "text": text} for code, text in reasons],
        "sizes": {axis: len(members) for axis, members in axes.items()},
        "cubes": {name: cube for shape in CUBES for name, cube in _fill(shape, reader, axes)},
    }


def _fill(shape: Cube, reader: Reader, axes: Axes) -> Iterator[tuple[str, Json]]:
    places = [{member: place for place, member in enumerate(axes[axis])} for axis in shape.axes]
    measures = {name: [0] * prod(map(len, places)) for name in shape.measures}
    for row in reader.query(shape.sql):
        cell = 0
        for place, member in zip(places, row, strict=False):
            if member not in place:  # a day at the edge of a month whose neighbour is not loaded
                break
            cell = cell * len(place) + place[member]
        else:
            for name, value in zip(measures, row[len(places) :], strict=True):
                measures[name][cell] = _whole(value, name)
    for name, values in measures.items():
        yield name, {"axes": list(shape.axes), "values": values}


def _whole(value: Any, measure: str) -> int:
    """A sum as a whole number: cents for money, and 0 for none."""
    if value is None:
        return 0
    return int(Decimal(str(value)) * 100) if measure.endswith("cents") else int(value)


def _days(months: Iterable[date]) -> Iterator[date]:
    for month in months:
        for day in range(calendar.monthrange(month.year, month.month)[1]):
            yield month + timedelta(days=day)
