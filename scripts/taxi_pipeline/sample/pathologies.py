"""What is wrong in TLC's files, planted in known numbers, and what a warehouse must make of it.

Numbers do not depend on the scale of the sample: every file has exactly what ``PATHOLOGIES`` says.
Each one is planted on rows of its own, so a row has one fault and never two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from taxi_pipeline.sample.calendar import (
    CLOCK_CHANGE,
    DAY,
    HOUR,
    MONTHS,
    POINT_MONTH,
    hour_of,
    next_month,
    seconds,
)
from taxi_pipeline.sample.draws import NULL, Bools, Draws, Ints
from taxi_pipeline.sample.high_volume import BLANK
from taxi_pipeline.sample.tariff import CARD, CASH, DISPUTE, NO_CHARGE
from taxi_pipeline.sample.trips import LOWER, MONEY, PADDED, Columns
from taxi_pipeline.schemas import Service

PerMonth = tuple[int, int, int]


@dataclass(frozen=True)
class Pathology:
    """One kind of fault or trap.

    Attributes:
        meaning: what such a row is, and what must become of it.
        counts: per service, how many in each of the three months.
        reject_reason: why its rows are rejected; None if they are kept.
        flag: the flag that its rows carry in the warehouse.
        rows_each: rows that one case puts into the rejects, or that carry the flag.
        added_each: rows that one case adds to the clean trips; 0 where it alters one of them.
        of_points: how many in the month whose places are points.
    """

    meaning: str
    counts: Mapping[Service, PerMonth]
    reject_reason: str | None = None
    flag: str | None = None
    rows_each: int = 1
    added_each: int = 0
    of_points: int = 0


def _counts(
    yellow: PerMonth | None = None,
    green: PerMonth | None = None,
    fhv: PerMonth | None = None,
    hvfhv: PerMonth | None = None,
) -> Mapping[Service, PerMonth]:
    given = {
        Service.YELLOW: yellow,
        Service.GREEN: green,
        Service.FHV: fhv,
        Service.HVFHV: hvfhv,
    }
    return {service: counts for service, counts in given.items() if counts is not None}


_OUTSIDE = "pickup_outside_file_month"

PATHOLOGIES: Mapping[str, Pathology] = {
    "clock_change": Pathology(
        "2025-11-02, clocks go back during the trip: dropoff 40 to 49 minutes before pickup; kept",
        _counts((0, 12, 0), (0, 3, 0), (0, 8, 0), (0, 14, 0)),
        flag="is_duration_clock_adjusted",
    ),
    "pickup_missing": Pathology(
        "no pickup time",
        _counts((1, 0, 1), (0, 1, 0), (1, 1, 0)),
        reject_reason="pickup_missing",
    ),
    "pickup_in_2009": Pathology(
        "a taxi meter that has lost its clock",
        _counts((1, 0, 0), (0, 0, 1), (0, 1, 0)),
        reject_reason=_OUTSIDE,
    ),
    "pickup_in_2090": Pathology(
        "the row that breaks every max(pickup) watermark",
        _counts((0, 1, 0), (1, 0, 0), (0, 0, 1)),
        reject_reason=_OUTSIDE,
    ),
    "pickup_late_arrival": Pathology(
        "a trip of 3 to 40 days before the month",
        _counts((7, 6, 6), (3, 3, 2), (5, 4, 4)),
        reject_reason=_OUTSIDE,
        of_points=5,
    ),
    "pickup_just_outside": Pathology(
        "a second before the day before the month; the second that ends the day after it",
        _counts((2, 2, 2), (2, 2, 2), (2, 2, 2)),
        reject_reason=_OUTSIDE,
    ),
    "pickup_edge": Pathology(
        "within the day before or after the month, first and last second of that included; kept",
        _counts((8, 8, 8), (4, 4, 4), (6, 6, 6)),
    ),
    "dropoff_before_pickup": Pathology(
        "dropoff 61 seconds to 6 hours before pickup; 45 minutes, too, but not in the clock hour",
        _counts((9, 8, 7), (3, 3, 3), (6, 6, 6)),
        reject_reason="dropoff_before_pickup",
        of_points=6,
    ),
    "dropoff_seconds_before_pickup": Pathology(
        "dropoff 1 to 60 seconds before pickup, cut to the minute; kept with duration 0",
        _counts((24, 20, 22), (3, 3, 3), (10, 10, 10)),
    ),
    "duration_nearly_24h": Pathology(
        "23 to 24 hours, 24:00:00 included: a meter of vendor 2 left open; kept",
        _counts((55, 50, 52), (6, 6, 6)),
    ),
    "duration_over_24h": Pathology(
        "24:00:01 to 70 hours",
        _counts((3, 3, 3), (2, 2, 2), (4, 4, 4), (2, 2, 2)),
        reject_reason="duration_over_24h",
        of_points=3,
    ),
    "dropoff_year_dummy": Pathology(
        "dropoff in the year 3025, typed wrong; kept",
        _counts(fhv=(12, 11, 10)),
    ),
    "exact_duplicate": Pathology(
        "equal in every column to an earlier row of the file; the first of them has two copies",
        _counts((20, 18, 19), (5, 5, 5)),
        reject_reason="exact_duplicate",
        added_each=1,
        of_points=4,
    ),
    "equal_row": Pathology(
        "FHV or HVFHV row equal in every column to an earlier one: another trip; kept",
        _counts(fhv=(30, 28, 29), hvfhv=(6, 5, 6)),
        added_each=1,
    ),
    "other_affiliated_base": Pathology(
        "FHV row equal to an earlier one but for Affiliated_base_number; kept",
        _counts(fhv=(40, 38, 39)),
        added_each=1,
    ),
    "same_key_other_trip": Pathology(
        "vendor, pickup second and pickup zone of another trip, but a later dropoff; kept",
        _counts((15, 15, 15), (4, 4, 4)),
        added_each=1,
    ),
    "reversal_pair": Pathology(
        "vendor 2's negative row directly before its positive twin; both kept, both voided",
        _counts((80, 75, 78), (10, 9, 10)),
        flag="is_voided",
        rows_each=2,
        added_each=1,
    ),
    "reversal_pair_apart": Pathology(
        "the same with 30 rows between the two",
        _counts((1, 1, 1), (1, 1, 1)),
        flag="is_voided",
        rows_each=2,
        added_each=1,
    ),
    "reversal_group": Pathology(
        "one ride: a lone positive row and, 12 and 24 rows on, a pair of negative and positive;"
        " all kept, the pairs voided (nearest rows first), the lone row a trip",
        _counts((0, 1, 0), (0, 1, 0)),
        flag="is_voided",
        rows_each=4,
        added_each=4,
    ),
    "reversal_unmatched": Pathology(
        "a negative row of vendor 2 without a twin; kept, its money counts",
        _counts((9, 8, 8), (2, 1, 2)),
        flag="is_unmatched_reversal",
    ),
    "refund_of_part": Pathology(
        "a negative row before a trip of the same key whose total has a tip more: no pair; kept",
        _counts((2, 2, 2), (1, 1, 1)),
        flag="is_unmatched_reversal",
        added_each=1,
    ),
    "fare_negative_total_positive": Pathology(
        "Flex Fare with a negative fare and a positive total: no reversal, no flag; kept",
        _counts((18, 17, 19)),
    ),
    "distance_over_200": Pathology(
        "200.01 to 310,000 miles; kept, the distance is null",
        _counts((6, 6, 6), (2, 2, 2), hvfhv=(4, 4, 4)),
        flag="is_distance_implausible",
    ),
    "distance_negative": Pathology(
        "less than 0 miles; kept, the distance is null",
        _counts((3, 3, 3), (1, 1, 1)),
        flag="is_distance_implausible",
    ),
    "distance_200": Pathology(
        "200 miles to the point: still plausible; kept",
        _counts((1, 0, 0), (0, 1, 0)),
    ),
    "distance_zero": Pathology(
        "0 miles, as many real rows have; kept, plausible",
        _counts((220, 205, 215), (40, 36, 38), hvfhv=(5, 4, 5)),
        of_points=40,
    ),
    "pickup_zone_264": Pathology(
        "pickup zone Unknown; kept",
        _counts((110, 105, 108), (6, 6, 6), (150, 140, 145), (3, 3, 3)),
    ),
    "dropoff_zone_264": Pathology(
        "dropoff zone Unknown; kept",
        _counts((110, 105, 108), (8, 8, 8), (150, 140, 145), (3, 3, 3)),
    ),
    "dropoff_zone_265": Pathology(
        "dropoff outside of NYC; kept",
        _counts((60, 56, 58), (10, 9, 10), (60, 56, 58), (300, 290, 305)),
    ),
    "pickup_zone_null": Pathology(
        "a metered trip without pickup zone (most of FHV has none); kept as zone 264",
        _counts((2, 2, 2), (1, 1, 1)),
    ),
    "pickup_zone_not_in_list": Pathology(
        "pickup zone 0 or 999, which TLC's list does not have; kept as zone 264",
        _counts((3, 3, 3), (2, 1, 2), (4, 4, 4)),
    ),
    "pickup_zone_corona": Pathology(
        "pickup in zone 56 or 57, which share a name; kept",
        _counts((6, 6, 6), (12, 10, 12), (10, 10, 10), (60, 58, 61)),
    ),
    "dropoff_zone_islands": Pathology(
        "dropoff in zone 103, 104 or 105, which share a name; kept",
        _counts((3, 3, 3), (1, 1, 1), (3, 3, 3)),
    ),
    "rate_code_99": Pathology(
        "rate code 99, unknown; kept",
        _counts((150, 140, 145), (3, 3, 3)),
    ),
    "passenger_count_0": Pathology(
        "0 passengers, a driver's default; kept",
        _counts((180, 170, 175), (25, 23, 24)),
        of_points=30,
    ),
    "total_with_ehail_fee": Pathology(
        "card trip whose total is 1.95, 3.90 or 4.95 more than its parts; kept",
        _counts((40, 38, 39), (6, 6, 6)),
    ),
    "vendor_6": Pathology(
        "Myle: the total is never the sum of its parts; kept",
        _counts((12, 11, 11), (2, 2, 2)),
    ),
    "base_number_padded": Pathology(
        "FHV base number with trailing blanks; kept",
        _counts(fhv=(500, 470, 480)),
    ),
    "base_number_lower_case": Pathology(
        "FHV base number in lower case; kept",
        _counts(fhv=(60, 56, 58)),
    ),
    "request_after_pickup": Pathology(
        "HVFHV ride ordered for a later time: the request lies after the pickup; kept",
        _counts(hvfhv=(100, 97, 102)),
        flag="is_prearranged",
    ),
    "reported_duration_off": Pathology(
        "HVFHV trip_time more than 120 seconds from the clocks; kept",
        _counts(hvfhv=(40, 38, 41)),
        flag="is_duration_contradicted",
    ),
    "reported_duration_edge": Pathology(
        "HVFHV trip_time 120 seconds from the clocks to the second: still alike; kept",
        _counts(hvfhv=(2, 2, 2)),
    ),
    "fare_zero": Pathology(
        "HVFHV trip with a base fare of 0, of which no tax is due; kept",
        _counts(hvfhv=(30, 28, 31)),
        flag="is_fare_zero",
    ),
    "fare_negative": Pathology(
        "HVFHV trip with a negative base fare, tax and fund: no reversal; kept",
        _counts(hvfhv=(12, 11, 12)),
        flag="is_fare_negative",
    ),
    "driver_pay_zero": Pathology(
        "HVFHV trip for which the driver got nothing; kept",
        _counts(hvfhv=(20, 19, 20)),
    ),
    "airport_fee_of_other_heights": Pathology(
        "HVFHV airport fee of 1.75, 3.50 or 7.00 instead of 2.50; kept",
        _counts(hvfhv=(12, 12, 12)),
    ),
    "flag_blank": Pathology(
        "HVFHV access_a_ride_flag of one blank, as Uber's through 2023: unknown; kept",
        _counts(hvfhv=(200, 195, 205)),
    ),
    "sales_tax_off": Pathology(
        "HVFHV sales tax three cents above its share of fare and tolls; kept",
        _counts(hvfhv=(150, 145, 155)),
    ),
    "pickup_point_zero": Pathology(
        "pickup at longitude 0, latitude 0, as meters without reception write it; kept as zone 264",
        _counts(),
        flag="is_pickup_point_outside_zones",
        of_points=120,
    ),
    "pickup_point_missing": Pathology(
        "no point of the pickup; kept as zone 264", _counts(), of_points=9
    ),
    "pickup_point_outside": Pathology(
        "pickup in New Jersey, which no zone holds; kept as zone 264",
        _counts(),
        flag="is_pickup_point_outside_zones",
        of_points=24,
    ),
    "dropoff_point_zero": Pathology(
        "dropoff at longitude 0, latitude 0; kept as zone 264",
        _counts(),
        flag="is_dropoff_point_outside_zones",
        of_points=110,
    ),
    "dropoff_point_outside": Pathology(
        "dropoff in New Jersey, which no zone holds; kept as zone 264",
        _counts(),
        flag="is_dropoff_point_outside_zones",
        of_points=36,
    ),
}
"""Every planted pathology by name. The order is that of planting: the pickiest first."""


def planted(service: Service, month: date) -> dict[str, int]:
    """How many of each pathology a file has, those that it lacks left out."""
    if month == POINT_MONTH:
        numbers = {name: p.of_points for name, p in PATHOLOGIES.items()}
    else:
        at = MONTHS.index(month)
        numbers = {
            name: p.counts[service][at] for name, p in PATHOLOGIES.items() if service in p.counts
        }
    return {name: number for name, number in numbers.items() if number}


class _File:
    """The rows of one file while pathologies are planted.

    Args:
        service: the service of the file.
        month: its month.
        columns: clean trips in file order.
        draws: the stream to draw from.
    """

    def __init__(self, service: Service, month: date, columns: Columns, draws: Draws) -> None:
        self.service = service
        self.month = month
        self.columns = columns
        self.draws = draws
        size = len(columns["pickup_at"])
        self.order = np.arange(size, dtype=np.float64)
        self._unused = np.ones(size, dtype=np.bool_)
        # Around the clock change a negative duration can be right: no other fault is put there.
        day = columns["pickup_at"] // DAY == seconds(CLOCK_CHANGE) // DAY
        self._unused &= ~(day & (hour_of(columns["pickup_at"]) < 3))
        self._shuffled = draws.shuffled(size)

    def take(self, number: int, where: Bools | None = None) -> Ints:
        """Choose rows that nothing is planted on yet.

        Args:
            number: how many.
            where: which rows qualify, by default all.
        """
        qualified = self._unused
        if where is not None:  # copies stand behind the clean rows and never qualify
            qualified = qualified & where[: len(qualified)]
        rows = self._shuffled[qualified[self._shuffled]][:number]
        if len(rows) < number:
            raise ValueError(f"{self.service} {self.month}: {number} rows asked, {len(rows)} left")
        self._unused[rows] = False
        return rows

    def copy(self, rows: Ints, shift: float) -> Ints:
        """Repeat rows, ``shift`` rows further down (up if negative); where the copies stand."""
        size = len(self.order)
        self.columns = {n: np.concatenate((v, v[rows])) for n, v in self.columns.items()}
        self.order = np.concatenate((self.order, self.order[rows] + shift))
        return np.arange(size, size + len(rows), dtype=np.int64)

    def negate(self, rows: Ints) -> None:
        """Turn every amount round, as a reversal does."""
        for name in MONEY:
            values = self.columns[name][rows]
            self.columns[name][rows] = np.where(values == NULL, NULL, -values)

    def move_pickup(self, rows: Ints, pickup_at: Ints) -> None:
        """Set the pickup and keep the duration and the wait."""
        lasted = self.columns["dropoff_at"][rows] - self.columns["pickup_at"][rows]
        moved = pickup_at - self.columns["pickup_at"][rows]
        self.columns["pickup_at"][rows] = pickup_at
        self.columns["dropoff_at"][rows] = pickup_at + lasted
        for name in {"request_at", "on_scene_at"} & set(self.columns):
            values = self.columns[name][rows]
            self.columns[name][rows] = np.where(values == NULL, NULL, values + moved)

    def end_after(self, rows: Ints, duration: Ints) -> None:
        """Set the dropoff, in seconds after the pickup."""
        self.columns["dropoff_at"][rows] = self.columns["pickup_at"][rows] + duration

    @property
    def dispatched(self) -> Bools:
        """App-dispatched rows; none for FHV and HVFHV, where every trip is."""
        if not self.service.is_metered:
            return np.zeros(len(self.order), dtype=np.bool_)
        return np.asarray(self.columns["passenger_count"] == NULL, dtype=np.bool_)

    @property
    def of_vendor_2(self) -> Bools:
        """Metered trips of vendor 2, who alone writes reversals."""
        return np.asarray((self.columns["vendor"] == 2) & ~self.dispatched, dtype=np.bool_)

    def in_file_order(self) -> Columns:
        """Return the columns, copies where they belong."""
        order = np.argsort(self.order, kind="stable")
        return {name: values[order] for name, values in self.columns.items()}


def _with_first(values: Ints, *first: int) -> Ints:
    """Replace the first values by the limits that a rule must get right."""
    values[: len(first)] = first[: len(values)]
    return values


def _clock_change(file: _File, number: int) -> None:
    lasted = file.columns["dropoff_at"] - file.columns["pickup_at"]
    rows = file.take(number, (lasted >= 11 * 60) & (lasted <= 20 * 60))
    begin = seconds(CLOCK_CHANGE) + HOUR + 50 * 60
    pickup_at = begin + np.arange(number, dtype=np.int64) * 41 + 7
    file.move_pickup(rows, pickup_at)
    file.columns["dropoff_at"][rows] -= HOUR


def _pickup_missing(file: _File, number: int) -> None:
    file.columns["pickup_at"][file.take(number)] = NULL


def _pickup_in(year: int) -> Callable[[_File, int], None]:
    def plant(file: _File, number: int) -> None:
        rows = file.take(number)
        away = seconds(file.month.replace(year=year)) - seconds(file.month)
        file.move_pickup(rows, file.columns["pickup_at"][rows] + away)

    return plant


def _pickup_late_arrival(file: _File, number: int) -> None:
    rows = file.take(number)
    time = file.columns["pickup_at"][rows] % DAY
    file.move_pickup(rows, seconds(file.month) - file.draws.integers(3, 41, number) * DAY + time)


def _pickup_just_outside(file: _File, number: int) -> None:
    after = seconds(next_month(file.month)) + DAY
    limits = np.array([seconds(file.month) - DAY - 1, after], dtype=np.int64)
    file.move_pickup(file.take(number), limits[:number])


def _pickup_edge(file: _File, number: int) -> None:
    rows = file.take(number)
    first, after = seconds(file.month) - DAY, seconds(next_month(file.month))
    day = np.where(np.arange(number) % 2 == 0, first, after)
    pickup_at = day + file.columns["pickup_at"][rows] % DAY
    file.move_pickup(rows, _with_first(pickup_at, first, after + DAY - 1))


def _dropoff_before_pickup(file: _File, number: int) -> None:
    pickup_at = file.columns["pickup_at"]
    on_the_day = np.asarray(pickup_at // DAY == seconds(CLOCK_CHANGE) // DAY, dtype=np.bool_)
    if file.month == CLOCK_CHANGE.replace(day=1):
        # The day is right, the hour is not.
        row = file.take(1, on_the_day & (hour_of(pickup_at) >= 4))
        file.end_after(row, np.array([-45 * 60], dtype=np.int64))
        number -= 1
    rows = file.take(number, ~on_the_day)
    before = file.draws.integers(120, 6 * HOUR, number)
    file.end_after(rows, -_with_first(before, 61, 45 * 60))


def _dropoff_seconds_before_pickup(file: _File, number: int) -> None:
    rows = file.take(number, file.dispatched if file.service.is_metered else None)
    minute = file.columns["pickup_at"][rows] // 60 * 60
    late = _with_first(file.draws.integers(2, 60, number), 0, 1)
    file.columns["pickup_at"][rows] = minute + late
    file.columns["dropoff_at"][rows] = minute - np.where(late == 0, 60, 0)


def _duration_nearly_24h(file: _File, number: int) -> None:
    rows = file.take(number, file.of_vendor_2)
    file.end_after(rows, _with_first(file.draws.integers(23 * HOUR, DAY, number), DAY))


def _duration_over_24h(file: _File, number: int) -> None:
    rows = file.take(number)
    file.end_after(rows, _with_first(file.draws.integers(25 * HOUR, 70 * HOUR, number), DAY + 1))


def _dropoff_year_dummy(file: _File, number: int) -> None:
    rows = file.take(number)
    # 1,000 years on the calendar: 365,242 days from any date of 2025 after February.
    file.columns["dropoff_at"][rows] += (
        (date(3025, 10, 1) - date(2025, 10, 1)) // timedelta(days=1) * DAY
    )


def _exact_duplicate(file: _File, number: int) -> None:
    rows = file.take(number - 1)
    file.copy(rows, 40.25)
    file.copy(rows[:1], 9.25)


def _equal_row(file: _File, number: int) -> None:
    file.copy(file.take(number), 5.25)


def _other_affiliated_base(file: _File, number: int) -> None:
    copies = file.copy(file.take(number), 0.25)
    file.columns["affiliated_base"][copies] += 1


def _same_key_other_trip(file: _File, number: int) -> None:
    copies = file.copy(file.take(number, file.columns["vendor"] == 2), 3.25)
    file.columns["dropoff_at"][copies] += file.draws.integers(2, 10, number) * 60
    file.columns["trip_distance"][copies] += file.draws.integers(3, 60, number)


def _take_twins(file: _File, number: int) -> Ints:
    """Cash trips of vendor 2, turned into no charge or dispute: what a reversal takes back."""
    rows = file.take(number, file.of_vendor_2 & (file.columns["payment_type"] == CASH))
    kind = np.where(file.draws.hit(0.75, number), NO_CHARGE, DISPUTE)
    file.columns["payment_type"][rows] = kind
    return rows


def _reversal_pair(rows_before: float) -> Callable[[_File, int], None]:
    def plant(file: _File, number: int) -> None:
        file.negate(file.copy(_take_twins(file, number), -rows_before))

    return plant


def _reversal_group(file: _File, number: int) -> None:
    # The rows of a group must not be equal, or they would be duplicates: passengers differ.
    twins = _take_twins(file, number)
    file.columns["passenger_count"][twins] = 1
    file.negate(file.copy(twins, -0.1))
    alone = file.copy(twins, -12.3)
    file.columns["passenger_count"][alone] = 2
    again = file.copy(twins, 12.6)
    file.columns["passenger_count"][again] = 3
    file.negate(file.copy(again, -0.1))


def _reversal_unmatched(file: _File, number: int) -> None:
    file.negate(_take_twins(file, number))


def _refund_of_part(file: _File, number: int) -> None:
    is_tipped = (file.columns["payment_type"] == CARD) & (file.columns["tip_amount"] > 0)
    copies = file.copy(file.take(number, file.of_vendor_2 & is_tipped), -0.1)
    file.columns["total_amount"][copies] -= file.columns["tip_amount"][copies]
    file.columns["tip_amount"][copies] = 0
    file.negate(copies)


def _fare_negative_total_positive(file: _File, number: int) -> None:
    rows = file.take(number, file.dispatched)
    file.columns["fare_amount"][rows] = -file.draws.integers(50, 1200, number)


def _distance(low: int, high: int, *first: int) -> Callable[[_File, int], None]:
    """Plant distances in hundredths of a mile; absurd ones come from apps (tlc.md section 4)."""

    def plant(file: _File, number: int) -> None:
        qualified = file.dispatched if high > 0 and file.service.is_metered else ~file.dispatched
        rows = file.take(number, qualified)
        miles = _with_first(file.draws.integers(low, high, number), *first)
        file.columns["trip_distance"][rows] = miles

    return plant


def _set(column: str, *codes: int) -> Callable[[_File, int], None]:
    """Plant codes in turn; those of the meter only where there is a meter."""

    def plant(file: _File, number: int) -> None:
        metered = column in {"rate_code", "passenger_count"}
        rows = file.take(number, ~file.dispatched if metered else None)
        file.columns[column][rows] = np.resize(np.array(codes, dtype=np.int64), number)

    return plant


def _total_with_ehail_fee(file: _File, number: int) -> None:
    is_card = np.asarray(file.columns["payment_type"] == CARD, dtype=np.bool_)
    rows = file.take(number, is_card & ~file.dispatched)
    file.columns["total_amount"][rows] += np.resize(np.array([195, 390, 495]), number)


def _vendor_6(file: _File, number: int) -> None:
    rows = file.take(number, file.dispatched)
    file.columns["vendor"][rows] = 6
    file.columns["total_amount"][rows] += 137 + file.draws.integers(0, 40, number)


def _request_after_pickup(file: _File, number: int) -> None:
    rows = file.take(number)
    late = _with_first(file.draws.integers(2, 600, number), 1)
    file.columns["request_at"][rows] = file.columns["pickup_at"][rows] + late


def _reported_duration(*first: int) -> Callable[[_File, int], None]:
    """Plant a reported duration that differs from the clocks: by the first seconds given, then by more."""

    def plant(file: _File, number: int) -> None:
        rows = file.take(number)
        off = _with_first(file.draws.integers(122, 900, number), *first)
        lasted = file.columns["dropoff_at"][rows] - file.columns["pickup_at"][rows]
        file.columns["trip_time"][rows] = lasted + off

    return plant


def _fare_times(factor: int) -> Callable[[_File, int], None]:
    """Plant fares of nothing or below; what is a share of the fare follows, and nothing else."""

    def plant(file: _File, number: int) -> None:
        rows = file.take(number, file.columns["tolls"] == 0)
        for name in ("base_fare", "sales_tax", "black_car_fund"):
            file.columns[name][rows] *= factor

    return plant


def _point(end: str, longitude: int, latitude: int) -> Callable[[_File, int], None]:
    """Plant one point, in millionths of a degree, that no zone holds."""

    def plant(file: _File, number: int) -> None:
        rows = file.take(number)
        file.columns[f"{end}_longitude"][rows] = longitude
        file.columns[f"{end}_latitude"][rows] = latitude
        file.columns[f"{end}_zone"][rows] = NULL

    return plant


def _sales_tax_off(file: _File, number: int) -> None:
    file.columns["sales_tax"][file.take(number)] += 3


_PLANT: Mapping[str, Callable[[_File, int], None]] = {
    "clock_change": _clock_change,
    "pickup_missing": _pickup_missing,
    "pickup_in_2009": _pickup_in(2009),
    "pickup_in_2090": _pickup_in(2090),
    "pickup_late_arrival": _pickup_late_arrival,
    "pickup_just_outside": _pickup_just_outside,
    "pickup_edge": _pickup_edge,
    "dropoff_before_pickup": _dropoff_before_pickup,
    "dropoff_seconds_before_pickup": _dropoff_seconds_before_pickup,
    "duration_nearly_24h": _duration_nearly_24h,
    "duration_over_24h": _duration_over_24h,
    "dropoff_year_dummy": _dropoff_year_dummy,
    "exact_duplicate": _exact_duplicate,
    "equal_row": _equal_row,
    "other_affiliated_base": _other_affiliated_base,
    "same_key_other_trip": _same_key_other_trip,
    "reversal_pair": _reversal_pair(0.1),
    "reversal_pair_apart": _reversal_pair(30.6),
    "reversal_group": _reversal_group,
    "reversal_unmatched": _reversal_unmatched,
    "refund_of_part": _refund_of_part,
    "fare_negative_total_positive": _fare_negative_total_positive,
    "distance_over_200": _distance(20_100, 31_000_000, 20_001),
    "distance_negative": _distance(-2_000, -1),
    "distance_200": _distance(20_000, 20_001),
    "distance_zero": _distance(0, 0),
    "pickup_zone_264": _set("pickup_zone", 264),
    "dropoff_zone_264": _set("dropoff_zone", 264),
    "dropoff_zone_265": _set("dropoff_zone", 265),
    "pickup_zone_null": _set("pickup_zone", NULL),
    "pickup_zone_not_in_list": _set("pickup_zone", 0, 999),
    "pickup_zone_corona": _set("pickup_zone", 56, 57),
    "dropoff_zone_islands": _set("dropoff_zone", 103, 104, 105),
    "rate_code_99": _set("rate_code", 99),
    "passenger_count_0": _set("passenger_count", 0),
    "total_with_ehail_fee": _total_with_ehail_fee,
    "vendor_6": _vendor_6,
    "base_number_padded": _set("base_style", PADDED),
    "base_number_lower_case": _set("base_style", LOWER),
    "request_after_pickup": _request_after_pickup,
    "reported_duration_off": _reported_duration(121, -121),
    "reported_duration_edge": _reported_duration(120, -120),
    "fare_zero": _fare_times(0),
    "fare_negative": _fare_times(-1),
    "driver_pay_zero": _set("driver_pay", 0),
    "airport_fee_of_other_heights": _set("airport_fee", 175, 350, 700),
    "flag_blank": _set("access_a_ride", BLANK),
    "sales_tax_off": _sales_tax_off,
    "pickup_point_zero": _point("pickup", 0, 0),
    "pickup_point_missing": _point("pickup", NULL, NULL),
    "pickup_point_outside": _point("pickup", -74_300_000, 40_800_000),
    "dropoff_point_zero": _point("dropoff", 0, 0),
    "dropoff_point_outside": _point("dropoff", -74_300_000, 40_800_000),
}


def plant(service: Service, month: date, columns: Columns, draws: Draws) -> Columns:
    """Plant every pathology of a file on its clean trips.

    Args:
        service: the service of the file.
        month: its month, one of ``MONTHS`` or ``POINT_MONTH``.
        columns: clean trips in file order.
        draws: the stream to draw from.

    Returns:
        The columns of the file, rows that were added where TLC would have them.
    """
    file = _File(service, month, columns, draws)
    for name, number in planted(service, month).items():
        _PLANT[name](file, number)
    return file.in_file_order()
