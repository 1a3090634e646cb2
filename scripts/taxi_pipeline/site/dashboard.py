"""What the dashboard shows: small sums from the marts, by every axis that its filters turn on.

The page adds them up itself, so no number depends on an engine; all are whole numbers, money in cents.
"""

import calendar
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import prod
from typing import Any

from taxi_pipeline.schemas import Service
from taxi_pipeline.site.cubes import BANDS, CUBES, PAIR_BASE, PAIRS, Cube, encode
from taxi_pipeline.transform.completeness import Completeness
from taxi_pipeline.warehouses import Reader

BOROUGHS = ("Manhattan", "Queens", "Brooklyn", "Bronx", "Staten Island", "EWR", "Unknown", "N/A")
"""Every borough of ``dim_zones`` in the order of the legend."""

_FILES = """
select service_type, file_month, max(case when is_synthetic then 1 else 0 end) as is_synthetic
from fact_file_completeness
group by service_type, file_month
"""

_ZONES = """
select zone_id, zone_label, borough, borough_label, latitude, longitude, is_airport, is_unknown
from dim_zones
order by zone_id
"""

_ANNOTATIONS = """
select annotation_date, annotated_service, annotation_label, annotation_source
from dim_annotations
order by annotation_date, annotation_label, annotated_service
"""

_PAYMENTS = """
select payment_type_id, payment_type_name from dim_payment_types order by payment_type_id
"""

_COMPANIES = "select distinct service_type, company from mart_market_share"

_REASONS = "select reject_reason, description from dim_reject_reasons order by rule_order"

Axes = dict[str, Sequence[Any]]
"""The members of each axis, in their order."""

Json = dict[str, Any]


def dashboard_data(
    reader: Reader, completeness: Completeness, speed: tuple[int, int], target: str | None
) -> Json:
    """All that the page needs: axes, names, and each cube as a flat list in the order of its axes.

    Args:
        reader: on a warehouse that has been built.
        completeness: how much of its month each file holds.
        speed: miles per hour that a trip is counted from and to, where speed is shown.
        target: what ``--target`` a command needs to see the same warehouse; None for the default.
    """
    files = [(str(service), month) for service, month, _ in reader.query(_FILES)]
    months = sorted({month for _, month in files})
    services = [
        service.label for service in Service if any(service.label == name for name, _ in files)
    ]
    zones = reader.query(_ZONES)
    payments = [(int(code), str(name)) for code, name in reader.query(_PAYMENTS)]
    reasons = [(str(code), str(text)) for code, text in reader.query(_REASONS)]
    companies = _companies(reader.query(_COMPANIES))
    names = {str(zone[2]): str(zone[3]) for zone in zones}
    days = list(_days(months))
    pairs = [int(pair) for (pair,) in reader.query(PAIRS)]
    axes: Axes = {
        "service": services,
        "month": months,
        "borough": BOROUGHS,
        "dropoff_borough": BOROUGHS,
        "zone": [int(zone[0]) for zone in zones],
        "dropoff_zone": [int(zone[0]) for zone in zones],
        "pair": pairs,
        "band": BANDS,
        "day": days,
        "weekday": range(1, 8),
        "hour": range(24),
        "payment": [code for code, _ in payments],
        "reason": [code for code, _ in reasons],
        "company": [name for _, name in companies],
    }
    zone_places = {zone_id: place for place, zone_id in enumerate(axes["zone"])}
    return {
        "services": [_service(Service.of_label(name)) for name in services],
        "companies": [
            {"name": name, "service": services.index(service)} for service, name in companies
        ],
        "months": [f"{month:%Y-%m}" for month in months],
        "loaded": [[int((name, month) in files) for month in months] for name in services],
        "completeness": [
            [
                {"state": found.state, "text": found.text}
                if (found := completeness.of(name, month))
                else None
                for month in months
            ]
            for name in services
        ],
        "boroughs": [names[code] for code in BOROUGHS],
        "boroughCodes": BOROUGHS,
        "zones": [
            {
                "id": int(zone_id),
                "label": str(label),
                "borough": BOROUGHS.index(borough),
                "lat": None if latitude is None else float(latitude),
                "lon": None if longitude is None else float(longitude),
                "airport": bool(is_airport),
                "unknown": bool(is_unknown),
            }
            for zone_id, label, borough, _, latitude, longitude, is_airport, is_unknown in zones
        ],
        "days": [day.isoformat() for day in days],
        "payments": [name for _, name in payments],
        "pairs": [
            {"from": zone_places[pair // PAIR_BASE], "to": zone_places[pair % PAIR_BASE]}
            for pair in pairs
        ],
        "bands": BANDS,
        "annotations": [
            {
                "date": day.isoformat(),
                "service": str(service),
                "label": str(label),
                "source": str(source),
            }
            for day, service, label, source in reader.query(_ANNOTATIONS)
        ],
        "speed": speed,
        "target": target,
        "reasons": [{"code": code, "text": text} for code, text in reasons],
        "sizes": {axis: len(members) for axis, members in axes.items()},
        "cubes": {name: cube for shape in CUBES for name, cube in _fill(shape, reader, axes)},
    }


def _service(service: Service) -> Json:
    """What the page has to know of a service."""
    return {
        "name": service.label,
        "file": service.value,
        "metered": service.is_metered,
        "rides": service is Service.HVFHV,
        "hasDistance": service is not Service.FHV,
    }


def _companies(rows: Iterable[Sequence[Any]]) -> list[tuple[str, str]]:
    """Service and name of each company, in the order of the legend."""
    order = [service.label for service in Service]
    found = {(str(service), str(company)) for service, company in rows}
    return sorted(found, key=lambda one: (order.index(one[0]), one[1]))


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
        yield name, {"axes": list(shape.axes), "values": encode(values)}


def _whole(value: Any, measure: str) -> int:
    """A sum as a whole number: cents for money, and 0 for none."""
    if value is None:
        return 0
    return int(Decimal(str(value)) * 100) if measure.endswith("cents") else int(value)


def _days(months: Iterable[date]) -> Iterator[date]:
    for month in months:
        for day in range(calendar.monthrange(month.year, month.month)[1]):
            yield month + timedelta(days=day)
