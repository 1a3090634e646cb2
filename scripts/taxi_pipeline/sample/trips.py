"""Clean trips: one month of one service without a single fault.

Every column is an array of whole numbers: seconds since 1970, cents, hundredths of a mile, codes.
What no clean trip may be: equal to another, shorter than a minute, longer than three hours, out of
its month, without money, in an unknown zone. ``pathologies`` counts on it.
"""

from datetime import date

import numpy as np

from taxi_pipeline.sample import geography, tariff
from taxi_pipeline.sample.calendar import draw_pickups, hour_of
from taxi_pipeline.sample.draws import NULL, Bools, Draws, Floats, Ints
from taxi_pipeline.schemas import Service

Columns = dict[str, Ints]

MIN_SECONDS, MAX_SECONDS = 60, 3 * 3_600
DISPATCH_SHARE = {Service.YELLOW: 0.20, Service.GREEN: 0.10}
"""App-dispatched trips: 26 % of yellow in 2026, 6 % of green in January 2024."""

MONEY = (
    *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge"),
    *("congestion_surcharge", "airport_fee", "cbd_congestion_fee", "total_amount"),
)

FHV_BASES = 140
PLAIN, PADDED, LOWER = 0, 1, 2
"""How a base number is written: as it should be, with blanks behind, in lower case."""

_SPEED_BY_HOUR = (
    *(1.35, 1.4, 1.45, 1.5, 1.5, 1.4, 1.2, 1.0, 0.9, 0.92, 0.92, 0.9),
    *(0.88, 0.88, 0.86, 0.84, 0.85, 0.82, 0.88, 0.98, 1.08, 1.12, 1.18, 1.28),
)


def miles_driven(routes: geography.Routes, draws: Draws) -> Ints:
    """Miles driven, in hundredths: streets are a fifth longer than the straight line."""
    size = len(routes.miles)
    streets = routes.miles * draws.between(1.08, 1.42, size)
    miles = streets + draws.between(0.1, 0.8, size)
    return np.floor(miles * 100).astype(np.int64)


def seconds_driven(miles: Floats, pickup_at: Ints, draws: Draws) -> Ints:
    """Seconds on the way: short trips crawl (about 9 miles an hour), long ones take a highway."""
    size = len(miles)
    hourly = np.array(_SPEED_BY_HOUR)[hour_of(pickup_at)]
    speed = np.minimum(6.8 + 1.4 * miles, 25.0) * hourly * draws.between(0.72, 1.32, size)
    shortest = draws.integers(MIN_SECONDS + 1, 3 * MIN_SECONDS, size)
    seconds = np.floor(miles / speed * 3_600).astype(np.int64)
    return np.asarray(np.clip(seconds, shortest, MAX_SECONDS - 1), dtype=np.int64)


def first_of_each(keys: tuple[Ints, ...], size: int) -> Ints:
    """Find the first ``size`` rows whose key no earlier row has."""
    _, first = np.unique(np.stack(keys, axis=1), axis=0, return_index=True)
    return np.sort(first)[:size].astype(np.int64)


def some_more(size: int) -> int:
    """Draw a few more than needed, because rows with an equal key are dropped."""
    return size + size // 20 + 20


def in_file_order(columns: Columns, last: Bools) -> Columns:
    """Sort as TLC does: by the hour, unsorted within it; the dispatch block at the end."""
    order = np.lexsort((columns["pickup_at"] // 3_600, last))
    return {name: values[order] for name, values in columns.items()}


def _vendors(service: Service, is_dispatched: Bools, draws: Draws) -> Ints:
    size = len(is_dispatched)
    codes, weights = ((1, 2, 7), (22, 76, 2)) if service is Service.YELLOW else ((1, 2), (13, 87))
    metered = np.array(codes)[draws.pick(weights, size)]
    return np.where(is_dispatched & draws.hit(0.85, size), 2, metered).astype(np.int64)


def _money(ride: tariff.Ride, vendor: Ints, rate: Ints, payment: Ints, draws: Draws) -> Columns:
    """Every amount of the trip, and the total by its vendor's rule (tlc.md section 5)."""
    yellow, one = ride.service is Service.YELLOW, (vendor == 1) & ~ride.is_dispatched
    fare = tariff.fares(ride, rate, draws)
    charged = tariff.surcharges_by_time_and_place(ride, rate)
    congestion, cbd = tariff.congestion(ride), tariff.cbd_toll(ride)
    airport = tariff.airport_fee(ride) if yellow else np.zeros_like(fare)
    airport = np.where(ride.is_dispatched, 0, airport)
    tolls = tariff.tolls(ride, draws)
    no_tax = (rate == tariff.NEGOTIATED) | (ride.is_dispatched & (not yellow))
    mta_tax = np.where(no_tax, 0, tariff.MTA_TAX)
    # An app's price mostly holds the congestion surcharge, but no column says so.
    without = ride.is_dispatched & draws.hit(0.12, ride.size)
    congestion = np.where(without, 0, congestion)
    before_tip = fare + charged + mta_tax + tolls + tariff.IMPROVEMENT + congestion + airport + cbd
    tip = tariff.tips(before_tip, payment, draws)
    inside_tax = one & (not yellow)
    return {
        "fare_amount": fare,
        "extra": charged + np.where(one, congestion + airport + cbd, 0),
        "mta_tax": mta_tax + np.where(inside_tax, tariff.IMPROVEMENT, 0),
        "tip_amount": tip,
        "tolls_amount": tolls,
        "improvement_surcharge": np.full_like(fare, tariff.IMPROVEMENT),
        "congestion_surcharge": np.where(ride.is_dispatched, NULL, congestion),
        "airport_fee": np.where(ride.is_dispatched, NULL, airport),
        "cbd_congestion_fee": cbd,
        "total_amount": before_tip + tip,
    }


def metered_trips(service: Service, month: date, size: int, draws: Draws) -> Columns:
    """Yellow or green trips of a month.

    No two have the same vendor, pickup second and pickup zone, so no trip can be taken for the
    duplicate or the reversal of another.

    Args:
        service: yellow or green.
        month: the first day of the month.
        size: how many trips.
        draws: the stream to draw from.
    """
    drawn = some_more(size)
    is_dispatched = draws.hit(DISPATCH_SHARE[service], drawn)
    routes = geography.draw_routes(draws, service, drawn)
    hundredths = miles_driven(routes, draws)
    pickup_at = draw_pickups(draws, service, month, drawn)
    seconds = seconds_driven(hundredths / 100, pickup_at, draws)
    # Apps report whole minutes: green always, yellow for about half of the trips.
    cut = is_dispatched & draws.hit(1.0 if service is Service.GREEN else 0.5, drawn)
    pickup_at = np.where(cut, pickup_at // 60 * 60, pickup_at)
    seconds = np.where(cut, seconds // 60 * 60, seconds)
    ride = tariff.Ride(
        service=service,
        pickup_at=pickup_at,
        pickup_zone=routes.pickup,
        dropoff_zone=routes.dropoff,
        miles=hundredths / 100,
        duration=seconds,
        is_dispatched=is_dispatched,
    )
    rate = tariff.rate_codes(ride, draws)
    vendor = _vendors(service, is_dispatched, draws)
    weights = (82, 16, 0.6, 1.2) if service is Service.YELLOW else (65, 33, 0.8, 0.3)
    payment = draws.pick(weights, drawn) + tariff.CARD
    payment = np.where(is_dispatched, tariff.FLEX_FARE, payment)
    # 1 is the driver's default; 5 and 6 are vans.
    passengers = draws.pick((78, 13, 3.5, 2, 1.6, 1.2), drawn) + 1
    money = _money(ride, vendor, rate, payment, draws)
    trip_type = np.where(rate == tariff.NEGOTIATED, 2, 1)
    no_payment = is_dispatched & (service is Service.GREEN)
    columns = {
        "vendor": vendor,
        "pickup_at": pickup_at,
        "dropoff_at": pickup_at + seconds,
        "passenger_count": np.where(is_dispatched, NULL, passengers),
        "trip_distance": hundredths,
        "rate_code": np.where(is_dispatched, NULL, rate),
        "is_stored": np.where(is_dispatched, NULL, draws.hit(0.003, drawn)),
        "pickup_zone": routes.pickup,
        "dropoff_zone": routes.dropoff,
        "payment_type": np.where(no_payment, NULL, payment),
        "trip_type": np.where(is_dispatched, NULL, trip_type),
        **money,
    }
    kept = first_of_each((vendor, pickup_at, routes.pickup), size)
    columns = {name: np.asarray(values[kept], np.int64) for name, values in columns.items()}
    return in_file_order(columns, columns["passenger_count"] == NULL)


def fhv_trips(month: date, size: int, draws: Draws) -> Columns:
    """Trips of for-hire vehicles of a month: bases, times, and zones that mostly are missing.

    No two have the same base and the same times.

    Args:
        month: the first day of the month.
        size: how many trips.
        draws: the stream to draw from.
    """
    drawn = some_more(size)
    routes = geography.draw_routes(draws, Service.FHV, drawn)
    pickup_at = draw_pickups(draws, Service.FHV, month, drawn)
    minutes = draws.quantiles(
        (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), (1.1, 2.4, 6.2, 11.2, 19.3, 43, 170), drawn
    )
    seconds = np.floor(minutes * 60).astype(np.int64)
    cut = draws.hit(0.25, drawn)
    pickup_at = np.where(cut, pickup_at // 60 * 60, pickup_at)
    seconds = np.where(cut, np.maximum(seconds // 60, 2) * 60, seconds)
    # A few bases send most of the trips.
    weights = 1 / (np.arange(FHV_BASES) + 3.0)
    base, other = draws.pick(weights, drawn), draws.pick(weights, drawn)
    columns = {
        "base": base,
        "base_style": np.full(drawn, PLAIN),
        "pickup_at": pickup_at,
        "dropoff_at": pickup_at + seconds,
        "pickup_zone": np.where(draws.hit(0.82, drawn), NULL, routes.pickup),
        "dropoff_zone": np.where(draws.hit(0.28, drawn), NULL, routes.dropoff),
        "affiliated_base": np.where(draws.hit(0.86, drawn), base, other),
    }
    kept = first_of_each((base, pickup_at, columns["dropoff_at"]), size)
    columns = {name: np.asarray(values[kept], np.int64) for name, values in columns.items()}
    return in_file_order(columns, np.zeros(size, dtype=np.bool_))
