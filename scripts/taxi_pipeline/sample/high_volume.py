"""Clean HVFHV trips: one month of Uber and Lyft without a single fault.

As in ``trips``, every column is an array of whole numbers. Rates are those of the seed ``hvfhv_rates`` for the end of
2025.
"""

from datetime import date

import numpy as np

from taxi_pipeline.sample import geography, tariff
from taxi_pipeline.sample.calendar import draw_pickups
from taxi_pipeline.sample.draws import NULL, Bools, Draws, Ints
from taxi_pipeline.sample.trips import (
    Columns,
    first_of_each,
    in_file_order,
    miles_driven,
    seconds_driven,
    some_more,
)
from taxi_pipeline.schemas import Service

LICENSES = ("HV0003", "HV0005")
BASES = ("B03404", "B03406")
UBER, LYFT = 0, 1
BLANK = 2
"""How a flag is written that is neither Y nor N: as one blank."""

SALES_TAX, BLACK_CAR_FUND = 0.08875, 0.025
SHARED_CONGESTION = 75
CBD_FEE = 150
AIRPORT_FEE = 250

PARTS = (
    *("base_fare", "tolls", "black_car_fund", "sales_tax", "tips"),
    *("congestion_surcharge", "airport_fee", "cbd_fee"),
)
"""What the passenger pays. Driver pay is no part of it."""


def high_volume_trips(month: date, size: int, draws: Draws) -> Columns:
    """HVFHV trips of a month.

    No two have the same company and the same times.

    Args:
        month: the first day of the month.
        size: how many trips.
        draws: the stream to draw from.
    """
    drawn = some_more(size)
    routes = geography.draw_routes(draws, Service.HVFHV, drawn)
    hundredths = miles_driven(routes, draws)
    pickup_at = draw_pickups(draws, Service.HVFHV, month, drawn)
    seconds = seconds_driven(hundredths / 100, pickup_at, draws)
    company = draws.pick((73, 27), drawn)
    wait = draws.integers(60, 900, drawn)
    at_curb = np.minimum(wait - 1, draws.integers(0, 240, drawn))
    asked_to_share = draws.hit(0.05, drawn)
    is_shared = asked_to_share & draws.hit(0.7, drawn)
    money = _money(hundredths, seconds, routes, is_shared, draws)
    of_uber = company == UBER
    columns = {
        "license": company,
        "hv_base": company,
        "originating_base": np.where(of_uber, company, NULL),
        "request_at": pickup_at - wait,
        "on_scene_at": np.where(of_uber, pickup_at - at_curb, NULL),
        "pickup_at": pickup_at,
        "dropoff_at": pickup_at + seconds,
        "pickup_zone": routes.pickup,
        "dropoff_zone": routes.dropoff,
        "trip_distance": hundredths,
        "trip_time": seconds + draws.integers(0, 2, drawn),
        **money,
        "shared_request": asked_to_share.astype(np.int64),
        "shared_match": is_shared.astype(np.int64),
        "access_a_ride": np.zeros(drawn, dtype=np.int64),
        "wheelchair_request": draws.hit(0.002, drawn).astype(np.int64),
        "wheelchair_match": draws.hit(0.07, drawn).astype(np.int64),
    }
    kept = first_of_each((company, pickup_at, columns["dropoff_at"]), size)
    columns = {name: np.asarray(values[kept], np.int64) for name, values in columns.items()}
    return in_file_order(columns, np.zeros(size, dtype=np.bool_))


def _money(
    hundredths: Ints, seconds: Ints, routes: geography.Routes, is_shared: Bools, draws: Draws
) -> Columns:
    """Every amount, in cents: a fare by miles and minutes, and what the law adds to it."""
    size = len(seconds)
    surge = draws.quantiles((0, 0.5, 0.8, 0.95, 1), (0.85, 1.0, 1.15, 1.6, 2.6), size)
    metered = 300 + 1.9 * hundredths + 45 * seconds / 60
    fare = np.floor(np.maximum(metered * surge * np.where(is_shared, 0.7, 1.0), 700))
    fare = fare.astype(np.int64)
    manhattan = geography.in_manhattan(routes.pickup), geography.in_manhattan(routes.dropoff)
    chance = np.where(manhattan[0] != manhattan[1], 0.2, 0.02)
    tolls = np.where(draws.hit(chance, size), tariff.BRIDGE_TOLL, 0)
    taxed = fare + tolls
    below_96th, below_60th, airport = (
        where(routes.pickup) | where(routes.dropoff)
        for where in (geography.in_congestion_zone, geography.in_cbd, geography.is_at_airport)
    )
    congestion = np.where(is_shared, SHARED_CONGESTION, tariff.CONGESTION[Service.GREEN])
    tip = np.floor(fare * np.array([0.1, 0.15, 0.2])[draws.pick((3, 4, 3), size)])
    return {
        "base_fare": fare,
        "tolls": tolls,
        "black_car_fund": np.floor(taxed * BLACK_CAR_FUND + 0.5).astype(np.int64),
        "sales_tax": np.floor(taxed * SALES_TAX + 0.5).astype(np.int64),
        "congestion_surcharge": np.where(below_96th, congestion, 0),
        "airport_fee": np.where(airport, AIRPORT_FEE, 0),
        "tips": np.where(draws.hit(0.2, size), tip, 0).astype(np.int64),
        "driver_pay": np.floor(fare * draws.between(0.6, 0.9, size)).astype(np.int64),
        "cbd_fee": np.where(below_60th, CBD_FEE, 0),
    }
