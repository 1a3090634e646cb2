"""When trips start: days of a month and hours of a day, as busy as TLC's files show them."""

from datetime import date, timedelta

import numpy as np

from taxi_pipeline.sample.draws import Draws, Ints
from taxi_pipeline.schemas import Service

DAY = 86_400
HOUR = 3_600
MONTHS = (date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1))
POINT_MONTH = date(2010, 5, 1)
"""The month whose places are points; the sample has it where there are shapes of the zones."""
CLOCK_CHANGE = date(2025, 11, 2)
"""On this Sunday the hour from 01:00 to 02:00 happened twice."""

_HOLIDAYS = (date(2025, 11, 27), date(2025, 12, 25))
_SPECIAL_DAYS = {
    date(2025, 10, 13): 0.93,  # Columbus Day
    date(2025, 10, 31): 1.12,  # Halloween
    date(2025, 11, 26): 0.95,
    date(2025, 11, 27): 0.70,  # Thanksgiving
    date(2025, 11, 28): 0.78,
    date(2025, 12, 12): 1.10,
    date(2025, 12, 13): 1.15,  # office parties, shopping
    date(2025, 12, 24): 0.82,
    date(2025, 12, 25): 0.55,  # Christmas
    date(2025, 12, 26): 0.78,
    date(2025, 12, 31): 0.95,
}
"""How busy a day was against another of its weekday; a judgment, not a measurement."""

_WEEKDAY = {
    Service.YELLOW: (0.90, 0.99, 1.03, 1.09, 1.07, 1.06, 0.88),
    Service.GREEN: (1.01, 1.04, 1.06, 1.08, 1.08, 0.92, 0.80),
    Service.FHV: (1.03, 1.07, 1.09, 1.10, 1.08, 0.86, 0.76),
    Service.HVFHV: (0.88, 0.92, 0.95, 1.00, 1.10, 1.18, 0.98),
}
"""Relative trips from Monday to Sunday."""

# Pickups by hour, 0 to 23, in tenths of a percent of the day: Monday to Thursday, Friday,
# Saturday, Sunday. Yellow 2019 and green 2024 as measured, FHV after one month of 2020.
_YELLOW_HOURS = (
    (17, 10, 7, 4, 5, 9, 23, 44, 54, 49, 46, 48, 51, 50, 54, 52, 50, 56, 65, 67, 60, 58, 51, 41),
    (30, 18, 11, 7, 6, 7, 25, 43, 46, 43, 44, 48, 50, 51, 50, 49, 47, 53, 63, 65, 55, 52, 56, 50),
    (50, 40, 27, 19, 10, 8, 11, 17, 25, 35, 39, 48, 51, 51, 53, 57, 55, 56, 62, 58, 49, 50, 54, 55),
    (58, 54, 38, 25, 18, 9, 13, 16, 24, 38, 47, 50, 58, 58, 62, 61, 61, 58, 58, 48, 45, 41, 38, 28),
)
_GREEN_HOURS = (
    (12, 8, 5, 4, 4, 6, 17, 47, 57, 60, 57, 56, 55, 58, 64, 74, 79, 85, 80, 62, 45, 33, 27, 20),
    (15, 9, 6, 4, 4, 6, 17, 44, 53, 56, 55, 55, 55, 58, 64, 73, 78, 83, 81, 66, 48, 38, 34, 28),
    (31, 27, 19, 17, 10, 5, 9, 20, 27, 41, 47, 55, 58, 64, 68, 73, 75, 72, 70, 67, 50, 44, 38, 39),
    (41, 37, 31, 24, 16, 8, 11, 15, 21, 31, 40, 54, 51, 63, 72, 76, 71, 76, 77, 70, 52, 42, 29, 24),
)
_FHV_HOURS = (
    (15, 9, 8, 10, 18, 32, 52, 70, 84, 72, 62, 60, 58, 60, 60, 58, 50, 48, 40, 34, 32, 28, 26, 22),
    (16, 10, 8, 10, 18, 31, 50, 68, 80, 70, 61, 60, 58, 60, 60, 58, 51, 49, 43, 38, 35, 32, 30, 26),
    (
        30,
        24,
        18,
        16,
        20,
        26,
        32,
        38,
        46,
        52,
        55,
        57,
        58,
        58,
        57,
        56,
        54,
        53,
        50,
        46,
        42,
        40,
        40,
        37,
    ),
    (
        34,
        28,
        22,
        18,
        20,
        24,
        30,
        36,
        46,
        52,
        56,
        58,
        58,
        58,
        57,
        56,
        54,
        52,
        48,
        44,
        40,
        36,
        32,
        26,
    ),
)
# fmt: off
_HVFHV_HOURS = (
    (22, 14, 10, 10, 14, 22, 34, 50, 56, 48, 42, 42, 42, 43, 46, 49, 52, 57, 60, 58, 54, 50, 42, 31),
    (26, 17, 12, 11, 14, 21, 32, 46, 51, 45, 41, 41, 42, 43, 46, 49, 52, 57, 62, 62, 57, 54, 54, 45),
    (52, 43, 33, 24, 18, 15, 18, 24, 31, 37, 41, 44, 46, 47, 48, 49, 51, 54, 57, 57, 53, 52, 54, 53),
    (58, 51, 42, 32, 22, 16, 17, 21, 28, 36, 43, 47, 48, 48, 49, 49, 49, 50, 51, 49, 45, 41, 36, 28),
)
# fmt: on
"""A judgment: like yellow, with later evenings and earlier flights."""
_HOURS = {
    Service.YELLOW: _YELLOW_HOURS,
    Service.GREEN: _GREEN_HOURS,
    Service.FHV: _FHV_HOURS,
    Service.HVFHV: _HVFHV_HOURS,
}


def seconds(day: date) -> int:
    """Midnight of a day in seconds since 1970, as New York wall time."""
    return (day - date(1970, 1, 1)).days * DAY


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month + timedelta(days=32)).replace(day=1)


def draw_pickups(draws: Draws, service: Service, month: date, size: int) -> Ints:
    """Draw pickup times within a month, in seconds since 1970.

    Args:
        draws: the stream to draw from.
        service: whose weekdays and hours to use.
        month: the first day of the month.
        size: how many times.
    """
    weights = []
    for offset in range((next_month(month) - month).days):
        day = month + timedelta(days=offset)
        shape = 3 if day in _HOLIDAYS else max(0, day.weekday() - 3)
        hours = np.array(_HOURS[service][shape], dtype=np.float64)
        hours /= hours.sum()
        if day == CLOCK_CHANGE:
            hours[1] *= 2
        weights.append(hours * _WEEKDAY[service][day.weekday()] * _SPECIAL_DAYS.get(day, 1.0))
    hour = draws.pick(np.concatenate(weights), size)
    return seconds(month) + hour * HOUR + draws.integers(0, HOUR, size)


def hour_of(times: Ints) -> Ints:
    """Return the hour of the day, 0 to 23."""
    return times % DAY // HOUR


def weekday_of(times: Ints) -> Ints:
    """Return the day of the week, Monday 0 to Sunday 6; 1970-01-01 was a Thursday."""
    return (times // DAY + 3) % 7


def is_holiday(times: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether the time lies on a holiday, on which no rush hour surcharge is due."""
    days = np.array([seconds(day) // DAY for day in _HOLIDAYS])
    return np.asarray(np.isin(times // DAY, days), dtype=np.bool_)
