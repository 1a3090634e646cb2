"""A month of yellow trips as TLC published it in 2010: places are points, codes are texts, the tariff is an older one.

Money is in cents, points are in millionths of a degree.
"""

from typing import TYPE_CHECKING

import numpy as np

from taxi_pipeline.sample import geography, tariff
from taxi_pipeline.sample.calendar import POINT_MONTH, draw_pickups, hour_of, weekday_of
from taxi_pipeline.sample.draws import Bools, Draws, Ints
from taxi_pipeline.sample.trips import (
    Columns,
    first_of_each,
    in_file_order,
    miles_driven,
    seconds_driven,
    some_more,
)
from taxi_pipeline.schemas import Service

if TYPE_CHECKING:
    from taxi_pipeline.zones.polygons import ZoneShapes

POINT_TRIPS = 12_000
"""Clean trips of the month at scale 1."""

MICRO = 1_000_000
_POINTS_PER_ZONE = 24
_FROM_BORDER = 0.0002
"""Degrees, some 20 meters: whoever rounds a point otherwise gets the same zone."""

# TLC's fares of 2006-11-30 to 2012-09-03.
_DROP, _STEP = 250, 40
_JFK_FLAT = 4500
_NEWARK_SURCHARGE = 1500
_PEAK, _NIGHT = 100, 50
_MTA_TAX = 50
_BRIDGE_TOLL = 457


def _points_of(shapes: "ZoneShapes") -> dict[int, Ints]:
    """Longitudes and latitudes within each zone that trips of the sample touch; shape (points, 2)."""
    import shapely  # noqa: PLC0415 - slow to import, and the sample has points only where there are shapes

    from taxi_pipeline.zones.polygons import in_degrees, read_zones  # noqa: PLC0415

    points = {}
    for record in read_zones(shapes.path):
        outline = in_degrees(record.outline)
        inner = outline.buffer(-_FROM_BORDER)
        area = outline if inner.is_empty else inner
        west, south, east, north = area.bounds
        draws = Draws(record.zone_id)
        found = np.empty((0, 2), dtype=np.int64)
        while len(found) < _POINTS_PER_ZONE:
            longitudes = np.rint(draws.between(west, east, 400) * MICRO).astype(np.int64)
            latitudes = np.rint(draws.between(south, north, 400) * MICRO).astype(np.int64)
            inside = shapely.contains_xy(area, longitudes / MICRO, latitudes / MICRO)
            found = np.concatenate((found, np.stack((longitudes, latitudes), axis=1)[inside]))
        points[record.zone_id] = found[:_POINTS_PER_ZONE]
    return points


def _places(zones: Ints, points: dict[int, Ints], draws: Draws) -> tuple[Ints, Ints]:
    """A longitude and a latitude within each zone."""
    known, position = np.unique(zones, return_inverse=True)
    table = np.stack([points[int(zone)] for zone in known])
    chosen = table[position, draws.integers(0, _POINTS_PER_ZONE, len(zones))]
    return chosen[:, 0], chosen[:, 1]


def _fares(ride: tariff.Ride, rate: Ints) -> Ints:
    meter = _DROP + _STEP * tariff.steps_driven(ride)
    return np.select(
        [rate == tariff.TO_JFK, rate == tariff.NEWARK],
        [np.full_like(meter, _JFK_FLAT), meter + _NEWARK_SURCHARGE],
        meter,
    ).astype(np.int64)


def _surcharges(pickup_at: Ints) -> Ints:
    hour = hour_of(pickup_at)
    is_peak: Bools = np.asarray((hour >= 16) & (hour < 20) & (weekday_of(pickup_at) < 5))
    return np.where(is_peak, _PEAK, np.where((hour >= 20) | (hour < 6), _NIGHT, 0)).astype(np.int64)


def point_trips(shapes: "ZoneShapes", size: int, draws: Draws) -> Columns:
    """Clean yellow trips of ``POINT_MONTH``.

    The zones that the points lie in are among the columns, for who wants to compare; no file has them.

    Args:
        shapes: of the zones.
        size: how many trips.
        draws: the stream to draw from.

    Raises:
        TaxiError: the shapes are no shapefile of the zones.
    """
    drawn = some_more(size)
    routes = geography.draw_routes(draws, Service.YELLOW, drawn)
    hundredths = miles_driven(routes, draws)
    pickup_at = draw_pickups(draws, Service.YELLOW, POINT_MONTH, drawn)
    seconds = seconds_driven(hundredths / 100, pickup_at, draws)
    ride = tariff.Ride(
        service=Service.YELLOW,
        pickup_at=pickup_at,
        pickup_zone=routes.pickup,
        dropoff_zone=routes.dropoff,
        miles=hundredths / 100,
        duration=seconds,
        is_dispatched=np.zeros(drawn, dtype=np.bool_),
    )
    rate = tariff.rate_codes(ride, draws)
    payment = draws.pick((40, 58, 0.6, 0.2), drawn) + tariff.CARD
    fare, surcharge = _fares(ride, rate), _surcharges(pickup_at)
    tolls = np.where(tariff.tolls(ride, draws) > 0, _BRIDGE_TOLL, 0)
    before_tip = fare + surcharge + _MTA_TAX + tolls
    tip = tariff.tips(before_tip, payment, draws)
    points = _points_of(shapes)
    pickup_longitude, pickup_latitude = _places(routes.pickup, points, draws)
    dropoff_longitude, dropoff_latitude = _places(routes.dropoff, points, draws)
    columns = {
        "vendor": draws.pick((46, 47, 7), drawn) + 1,
        "pickup_at": pickup_at,
        "dropoff_at": pickup_at + seconds,
        "passenger_count": draws.pick((70, 15, 4, 2, 7, 2), drawn) + 1,
        "trip_distance": hundredths,
        "pickup_longitude": pickup_longitude,
        "pickup_latitude": pickup_latitude,
        "rate_code": rate,
        "is_stored": draws.hit(0.01, drawn),
        "dropoff_longitude": dropoff_longitude,
        "dropoff_latitude": dropoff_latitude,
        "payment_type": payment,
        "fare_amount": fare,
        "surcharge": surcharge,
        "mta_tax": np.full_like(fare, _MTA_TAX),
        "tip_amount": tip,
        "tolls_amount": tolls,
        "total_amount": before_tip + tip,
        "pickup_zone": routes.pickup,
        "dropoff_zone": routes.dropoff,
    }
    kept = first_of_each((columns["vendor"], pickup_at, routes.pickup), size)
    columns = {name: np.asarray(values[kept], np.int64) for name, values in columns.items()}
    return in_file_order(columns, np.zeros(size, dtype=np.bool_))
