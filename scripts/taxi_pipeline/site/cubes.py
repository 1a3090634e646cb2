"""The sums that the dashboard's page holds: each a query on the marts, by the axes that filters turn on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

PAIR_BASE = 1000
"""A pair of zones as one number: the id of the pickup zone times this, plus the id of the dropoff zone."""

BANDS = ("0", *(f"{lower}-{lower + 5}" for lower in range(0, 40, 5)), "40+", "no fare")
"""The bands of ``mart_monthly_tip_rates`` in their order, also those that no trip falls into."""

_PAIRS_OF_A_BOROUGH = 40

_RANKED = f"""
flows as (
    select
        mart.service_type, mart.file_month, starts.borough,
        mart.pickup_zone_id * {PAIR_BASE} + mart.dropoff_zone_id as pair_id,
        mart.trip_count
    from mart_monthly_zone_flows as mart
    inner join dim_zones as starts on mart.pickup_zone_id = starts.zone_id
    inner join dim_zones as ends on mart.dropoff_zone_id = ends.zone_id
    where not starts.is_unknown and not ends.is_unknown
),

summed as (
    select service_type, borough, pair_id, sum(trip_count) as trip_count
    from flows
    group by service_type, borough, pair_id
),

ranked as (
    select pair_id, row_number() over (partition by service_type, borough order by trip_count desc, pair_id) as place
    from summed
    where trip_count > 0
),

kept as (select distinct pair_id from ranked where place <= {_PAIRS_OF_A_BOROUGH})
"""

PAIRS = f"with {_RANKED} select pair_id from kept order by pair_id"
"""The pairs of zones that the page lists from: the largest of each service and borough over all months."""


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
        ("voided_rows", "trips", "cents", "rider_cents"),
        """
        select
            service_type, file_month, pickup_zone_id,
            sum(voided_row_count) as voided_row_count, sum(trip_count) as trip_count,
            sum(metered_revenue_amount) as metered_revenue_amount, sum(rider_payment_amount) as rider_payment_amount
        from rpt_trips_daily
        group by service_type, file_month, pickup_zone_id
        """,
    ),
    Cube(
        ("service", "month", "zone"),
        ("card_fare_cents", "card_tip_cents"),
        """
        select service_type, revenue_month, pickup_zone_id, card_fare_amount, card_tip_amount
        from mart_monthly_zone_revenue
        """,
    ),
    Cube(
        ("service", "borough", "day"),
        ("day_trips", "day_cents", "day_rider_cents", "day_card_fare_cents", "day_card_tip_cents"),
        """
        select
            service_type, pickup_borough, pickup_date,
            sum(trip_count) as trip_count, sum(metered_revenue_amount) as metered_revenue_amount,
            sum(rider_payment_amount) as rider_payment_amount,
            sum(card_fare_amount) as card_fare_amount, sum(card_tip_amount) as card_tip_amount
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
        ("service", "month", "borough", "hour"),
        ("speed_trips", "speed_thousandths_of_miles", "speed_seconds"),
        """
        select
            service_type, file_month, pickup_borough, pickup_hour,
            sum(speed_trip_count) as speed_trip_count, sum(speed_distance_miles) * 1000 as thousandths_of_miles,
            sum(speed_duration_seconds) as speed_duration_seconds
        from mart_hourly_borough_trips
        group by service_type, file_month, pickup_borough, pickup_hour
        """,
    ),
    Cube(
        ("service", "month", "borough", "band"),
        ("band_trips",),
        """
        select
            mart.service_type, mart.file_month, zones.borough, mart.tip_rate_band,
            sum(mart.card_trip_count) as card_trip_count
        from mart_monthly_tip_rates as mart
        inner join dim_zones as zones on mart.pickup_zone_id = zones.zone_id
        group by mart.service_type, mart.file_month, zones.borough, mart.tip_rate_band
        """,
    ),
    Cube(
        ("service", "month", "borough", "dropoff_borough"),
        ("flow_trips",),
        """
        select
            mart.service_type, mart.file_month, starts.borough, ends.borough as dropoff_borough,
            sum(mart.trip_count) as trip_count
        from mart_monthly_zone_flows as mart
        inner join dim_zones as starts on mart.pickup_zone_id = starts.zone_id
        inner join dim_zones as ends on mart.dropoff_zone_id = ends.zone_id
        group by mart.service_type, mart.file_month, starts.borough, ends.borough
        """,
    ),
    Cube(
        ("service", "month", "borough", "dropoff_zone"),
        ("dropoff_trips",),
        """
        select
            mart.service_type, mart.file_month, zones.borough, mart.dropoff_zone_id,
            sum(mart.trip_count) as trip_count
        from mart_monthly_zone_flows as mart
        inner join dim_zones as zones on mart.pickup_zone_id = zones.zone_id
        group by mart.service_type, mart.file_month, zones.borough, mart.dropoff_zone_id
        """,
    ),
    Cube(
        ("service", "month", "pair"),
        ("pair_trips",),
        f"""
        with {_RANKED}
        select flows.service_type, flows.file_month, flows.pair_id, flows.trip_count
        from flows
        inner join kept on flows.pair_id = kept.pair_id
        """,
    ),
    # The largest number of trips of a pair that is not kept: no such pair can have more than the sum of these over
    # the selected services and months, so the page knows which pairs are certain to be the largest.
    Cube(
        ("service", "month", "borough"),
        ("pair_bound",),
        f"""
        with {_RANKED}
        select flows.service_type, flows.file_month, flows.borough, max(flows.trip_count) as trip_count
        from flows
        left join kept on flows.pair_id = kept.pair_id
        where kept.pair_id is null
        group by flows.service_type, flows.file_month, flows.borough
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
        ("service", "month", "borough", "company"),
        (
            *("share_trips", "share_rider_cents", "driver_cents", "wait_trips", "wait_seconds"),
            *("share_thousandths_of_miles", "share_speed_seconds"),
        ),
        """
        select
            service_type, file_month, pickup_borough, company,
            sum(trip_count) as trip_count, sum(rider_payment_amount) as rider_payment_amount,
            sum(driver_pay_amount) as driver_pay_amount,
            sum(wait_trip_count) as wait_trip_count, sum(wait_seconds) as wait_seconds,
            sum(speed_distance_miles) * 1000 as thousandths_of_miles, sum(speed_duration_seconds) as speed_seconds
        from mart_market_share
        group by service_type, file_month, pickup_borough, company
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


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def encode(values: Sequence[int]) -> str:
    """Write whole numbers as a source map does (base 64, variable length), a run of zeros as 0 and its length.

    Most cells of a cube are empty, and two years of four services have to fit on a page of 2 MB.
    """
    text: list[str] = []
    for is_zero, run in groupby(values, key=lambda value: value == 0):
        numbers = list(run)
        for number in [0, len(numbers)] if is_zero else numbers:
            rest = 2 * abs(number) + (number < 0)
            while rest >= 32:
                text.append(_DIGITS[32 + rest % 32])
                rest //= 32
            text.append(_DIGITS[rest])
    return "".join(text)
