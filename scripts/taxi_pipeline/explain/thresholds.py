"""The project's thresholds, and what follows from them for a file's month or a day."""

from dataclasses import dataclass
from datetime import date, timedelta

from taxi_pipeline.seeds import read_variables
from taxi_pipeline.settings import Settings


@dataclass(frozen=True)
class Thresholds:
    """The vars of ``dbt_project.yml`` that an explanation names."""

    file_month_tolerance_days: int
    dropoff_cut_seconds: int
    max_duration_hours: int
    max_distance_miles: int
    max_amount_dollars: int
    fhv_dummy_dropoff_from: str
    unknown_zone_id: int
    unknown_vendor_id: int
    unknown_payment_type_id: int
    unknown_rate_code_id: int
    unknown_trip_type_id: int
    unknown_license_number: str
    max_reported_duration_difference_seconds: int
    max_wait_hours: int
    last_year_of_texts: int
    min_speed_mph: int
    max_speed_mph: int

    @property
    def unknown_members(self) -> dict[str, int | str]:
        """Per code column of the fact, the member that stands for unknown."""
        return {
            "pickup_zone_id": self.unknown_zone_id,
            "dropoff_zone_id": self.unknown_zone_id,
            "vendor_id": self.unknown_vendor_id,
            "payment_type_id": self.unknown_payment_type_id,
            "rate_code_id": self.unknown_rate_code_id,
            "trip_type_id": self.unknown_trip_type_id,
            "hvfhs_license_number": self.unknown_license_number,
        }

    @property
    def tolerance(self) -> timedelta:
        """How far a pickup may lie outside its file's month."""
        return timedelta(days=self.file_month_tolerance_days)

    def first_pickup(self, month: date) -> date:
        """The first day on which a pickup of a month's file may lie."""
        return month - self.tolerance

    def end_of_pickups(self, month: date) -> date:
        """The day after the last one."""
        return _next_month(month) + self.tolerance

    def months_of(self, day: date) -> list[date]:
        """The files, by month, that may hold an accepted trip of a day."""
        reach = (day - self.tolerance, day, day + self.tolerance)
        return sorted({at.replace(day=1) for at in reach})


def read_thresholds(settings: Settings) -> Thresholds:
    """Read them from the project."""
    variables = read_variables(settings.project_dir)
    return Thresholds(**{name: variables[name] for name in Thresholds.__dataclass_fields__})


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
