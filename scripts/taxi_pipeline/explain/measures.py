"""The marts that can be explained, and their measures stated a second time over the fact.

``macros/measures.sql`` states them for the models. A cell that is computed by the mart's own macro could never be
shown not to add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from taxi_pipeline.explain.thresholds import Thresholds
from taxi_pipeline.schemas import Service, trip_columns_of


@dataclass(frozen=True)
class ExplainedMart:
    """A reporting table whose cells can be explained.

    Attributes:
        name: the table.
        keys: columns of the mart and of ``fact_trips`` alike that name a cell, the period second.
        services: those that it counts.
    """

    name: str
    keys: tuple[str, ...]
    services: tuple[Service, ...]

    @property
    def is_daily(self) -> bool:
        """Whether the period of a cell is a day and not a month."""
        return self.keys[1] == "pickup_date"


MARTS = {
    mart.name.removeprefix("mart_"): mart
    for mart in (
        ExplainedMart(
            "mart_monthly_zone_revenue",
            ("service_type", "file_month", "pickup_zone_id"),
            (Service.YELLOW, Service.GREEN, Service.HVFHV),
        ),
        ExplainedMart(
            "mart_daily_service_summary", ("service_type", "pickup_date"), tuple(Service)
        ),
        ExplainedMart(
            "mart_market_share",
            ("service_type", "file_month", "pickup_zone_id", "hvfhs_license_number"),
            tuple(Service),
        ),
    )
}

# Money is summed over all rows of the fact, a pair nets to zero; what counts trips leaves the voided rows out.
_TRIP = "not trips.is_voided"
_MILES_PER_HOUR = "trips.trip_distance_miles * 3600"
_HAS_SPEED = (
    f"{_TRIP} and trips.trip_duration_seconds > 0"
    f" and {_MILES_PER_HOUR} >= {{min_speed_mph}} * trips.trip_duration_seconds"
    f" and {_MILES_PER_HOUR} <= {{max_speed_mph}} * trips.trip_duration_seconds"
)
_METERED = "trips.service_type in ('Yellow', 'Green')"
_MEASURES = {
    "row_count": "cast(count(*) as bigint)",
    "trip_count": f"cast(sum(case when {_TRIP} then 1 else 0 end) as bigint)",
    "metered_trip_count": f"cast(count(case when {_TRIP} and {_METERED} then trips.total_amount end) as bigint)",
    "voided_row_count": f"cast(sum(case when {_TRIP} then 0 else 1 end) as bigint)",
    "app_dispatched_trip_count": f"cast(count(case when {_TRIP} and trips.is_app_dispatched then 1 end) as bigint)",
    "passenger_count": f"cast(sum(case when {_TRIP} then trips.passenger_count end) as bigint)",
    "distance_trip_count": f"cast(count(case when {_TRIP} then trips.trip_distance_miles end) as bigint)",
    "trip_distance_miles": f"sum(case when {_TRIP} then trips.trip_distance_miles end)",
    "duration_trip_count": f"cast(count(case when {_TRIP} then trips.trip_duration_seconds end) as bigint)",
    "trip_duration_seconds": f"cast(sum(case when {_TRIP} then trips.trip_duration_seconds end) as bigint)",
    "wait_trip_count": f"cast(count(case when {_TRIP} and trips.wait_seconds >= 0 then 1 end) as bigint)",
    "wait_seconds": f"cast(sum(case when {_TRIP} and trips.wait_seconds >= 0 then trips.wait_seconds end) as bigint)",
    "metered_revenue_amount": f"sum(case when {_METERED} then trips.total_amount end)",
    "rider_payment_amount": "sum(case when trips.service_type = 'HVFHV' then trips.total_amount end)",
    "card_trip_count": f"cast(sum(case when payment_types.is_card and {_TRIP} then 1 else 0 end) as bigint)",
    "card_fare_amount": "sum(case when payment_types.is_card then trips.fare_amount end)",
    "card_tip_amount": "sum(case when payment_types.is_card then trips.tip_amount end)",
    "speed_trip_count": f"cast(count(case when {_HAS_SPEED} then 1 end) as bigint)",
    "speed_distance_miles": f"sum(case when {_HAS_SPEED} then trips.trip_distance_miles end)",
    "speed_duration_seconds": f"cast(sum(case when {_HAS_SPEED} then trips.trip_duration_seconds end) as bigint)",
}
FACT = (
    "fact_trips as trips left join dim_payment_types as payment_types"
    " on trips.payment_type_id = payment_types.payment_type_id"
)
"""What the measures are stated over, to stand behind ``from``: ``trips``, each with its ``payment_types``."""


def select_measures(
    mart: Iterable[str], fact: Iterable[str], thresholds: Thresholds, also: Iterable[str] = ()
) -> str:
    """Write the select list of a mart's measures over ``FACT``; amounts are those that both have.

    Counts and seconds are whole numbers, distances are miles, amounts US dollars.

    Args:
        mart: columns of the mart.
        fact: columns of ``fact_trips``.
        thresholds: of the project; they decide which trips count for speed.
        also: amounts of the fact that are summed whether the mart has them or not.
    """
    amounts = [name for name in mart if name.endswith("_amount") and name in set(fact)]
    columns = {
        name: sql.format_map(vars(thresholds))
        for name, sql in _MEASURES.items()
        if name in set(mart)
    }
    columns |= {name: f"sum(trips.{name})" for name in (*amounts, *also)}
    return ", ".join(f"{sql} as {name}" for name, sql in columns.items())


def money_columns(service: Service) -> tuple[str, ...]:
    """The amounts that TLC publishes for a service, by their names from staging on."""
    stated = trip_columns_of(service)
    return tuple(name for name, column in stated.items() if column["kind"] == "money")
