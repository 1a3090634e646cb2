"""What a metered trip costs: TLC's tariff of 2022-12-19 and the tolls and surcharges of 2025.

All money is in cents. Sources: tlc.md section 5 (rates and their dates) for every surcharge; the
meter's step of 70 cents for 1/5 mile, or for a minute in slow traffic, is the same tariff.
"""

from dataclasses import dataclass

import numpy as np

from taxi_pipeline.sample.calendar import hour_of, is_holiday, weekday_of
from taxi_pipeline.sample.draws import Bools, Draws, Floats, Ints
from taxi_pipeline.sample.geography import (
    EWR,
    JFK,
    LGA,
    in_cbd,
    in_congestion_zone,
    in_manhattan,
    is_in,
)
from taxi_pipeline.schemas import Service

DROP = 300
STEP = 70
JFK_FLAT = 7000
NEWARK_SURCHARGE = 2000
MTA_TAX = 50
IMPROVEMENT = 100
RUSH_HOUR = 250
RUSH_HOUR_JFK = 500
OVERNIGHT = 100
LAGUARDIA = 500
AIRPORT_FEE = 175
CBD_TOLL = 75
CONGESTION = {Service.YELLOW: 250, Service.GREEN: 275}
BRIDGE_TOLL = 694  # MTA bridges and tunnels, E-ZPass
NEWARK_TOLL = 1606  # Port Authority, E-ZPass at peak hours

STANDARD, TO_JFK, NEWARK, NEGOTIATED = 1, 2, 3, 5
CARD, CASH, NO_CHARGE, DISPUTE, FLEX_FARE = 1, 2, 3, 4, 0


@dataclass(frozen=True)
class Ride:
    """What the meter knows about each trip.

    Attributes:
        service: yellow or green.
        pickup_at: seconds since 1970.
        pickup_zone: TLC zone.
        dropoff_zone: TLC zone.
        miles: distance driven.
        duration: seconds.
        is_dispatched: ordered in an app, at a price agreed in advance.
    """

    service: Service
    pickup_at: Ints
    pickup_zone: Ints
    dropoff_zone: Ints
    miles: Floats
    duration: Ints
    is_dispatched: Bools

    @property
    def size(self) -> int:
        """The number of trips."""
        return len(self.pickup_at)

    def touches(self, *zones: int) -> Bools:
        """Trips that start or end in one of the zones."""
        return is_in(self.pickup_zone, zones) | is_in(self.dropoff_zone, zones)


def rate_codes(ride: Ride, draws: Draws) -> Ints:
    """Which tariff holds: JFK to or from Manhattan is flat, some green trips are negotiated."""
    manhattan = in_manhattan(ride.pickup_zone) | in_manhattan(ride.dropoff_zone)
    negotiated = draws.hit(0.034 if ride.service is Service.GREEN else 0.004, ride.size)
    return np.select(
        [ride.touches(EWR), ride.touches(JFK) & manhattan, negotiated],
        [NEWARK, TO_JFK, NEGOTIATED],
        STANDARD,
    ).astype(np.int64)


def steps_driven(ride: Ride) -> Ints:
    """How often the meter steps: each fifth of a mile, or each minute in slow traffic.

    The share of time in which the meter counts minutes falls with the average speed; it was fitted
    to fares, distances and durations of green taxis in January 2024.
    """
    minutes = ride.duration / 60
    speed = ride.miles / (minutes / 60)
    slow_minutes = minutes * np.clip(0.9 - 0.045 * speed, 0.2, 0.9)
    return np.floor(5 * ride.miles + slow_minutes).astype(np.int64)


def fares(ride: Ride, rate_code: Ints, draws: Draws) -> Ints:
    """Compute the fare without surcharges."""
    meter = DROP + STEP * steps_driven(ride)
    agreed = np.maximum(1000, meter // 500 * 500)  # negotiated: whole five dollars
    upfront = np.floor(meter * draws.between(0.85, 1.2, ride.size)).astype(np.int64)
    upfront = np.maximum(upfront, 700)
    by_rate = np.select(
        [rate_code == TO_JFK, rate_code == NEWARK, rate_code == NEGOTIATED],
        [np.full_like(meter, JFK_FLAT), meter + NEWARK_SURCHARGE, agreed],
        meter,
    )
    return np.where(ride.is_dispatched, upfront, by_rate).astype(np.int64)


def surcharges_by_time_and_place(ride: Ride, rate_code: Ints) -> Ints:
    """Rush hour on working days 16:00-20:00, overnight 20:00-06:00, and LaGuardia: ``extra``."""
    hour = hour_of(ride.pickup_at)
    is_rush = (hour >= 16) & (hour < 20) & (weekday_of(ride.pickup_at) < 5)
    is_rush &= ~is_holiday(ride.pickup_at)
    is_night = (hour >= 20) | (hour < 6)
    by_time = np.where(
        is_rush,
        np.where(rate_code == TO_JFK, RUSH_HOUR_JFK, RUSH_HOUR),
        np.where(is_night & (rate_code != TO_JFK), OVERNIGHT, 0),
    )
    charged = by_time + np.where(ride.touches(LGA), LAGUARDIA, 0)
    return np.where(ride.is_dispatched | (rate_code == NEGOTIATED), 0, charged).astype(np.int64)


def congestion(ride: Ride) -> Ints:
    """Charge for Manhattan below 96th Street, whether itemized or not."""
    due = in_congestion_zone(ride.pickup_zone) | in_congestion_zone(ride.dropoff_zone)
    return np.where(due, CONGESTION[ride.service], 0).astype(np.int64)


def cbd_toll(ride: Ride) -> Ints:
    """Charge the toll for Manhattan below 60th Street."""
    due = in_cbd(ride.pickup_zone) | in_cbd(ride.dropoff_zone)
    return np.where(due, CBD_TOLL, 0).astype(np.int64)


def airport_fee(ride: Ride) -> Ints:
    """Charge the access fee of yellow pickups at LaGuardia and JFK."""
    return np.where(is_in(ride.pickup_zone, (JFK, LGA)), AIRPORT_FEE, 0).astype(np.int64)


def tolls(ride: Ride, draws: Draws) -> Ints:
    """Bridge and tunnel tolls, by how often such trips show one."""
    to_manhattan = in_manhattan(ride.pickup_zone) != in_manhattan(ride.dropoff_zone)
    chance = np.where(to_manhattan, np.where(ride.touches(LGA, JFK), 0.45, 0.09), 0.002)
    bridge = np.where(draws.hit(chance, ride.size), BRIDGE_TOLL, 0)
    return np.where(ride.touches(EWR), NEWARK_TOLL, bridge).astype(np.int64)


def tips(before_tip: Ints, payment_type: Ints, draws: Draws) -> Ints:
    """Tips, which TLC records for cards only: mostly a button of the screen, some round dollars.

    Args:
        before_tip: what the screen shows, in cents.
        payment_type: TLC's code; 0 is an app that passes its tips on.
        draws: the stream to draw from.
    """
    size = len(before_tip)
    share = np.array([0.0, 0.15, 0.20, 0.20, 0.25, 0.30])[draws.pick((11, 8, 43, 12, 14, 5), size)]
    button = np.floor(before_tip * share + 0.5).astype(np.int64)
    dollars = draws.integers(1, 6, size) * 100
    chosen = np.where(draws.hit(0.12, size), dollars, button)
    app = np.where(draws.hit(0.45, size), button, 0)
    return np.where(
        payment_type == CARD, chosen, np.where(payment_type == FLEX_FARE, app, 0)
    ).astype(np.int64)
