"""Which trip or cell is meant: a trip's id, or a command's options."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.explain.measures import MARTS, ExplainedMart
from taxi_pipeline.explain.queries import Row, Select
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_variables

_EXAMPLE_ID = "1201901000000001"


@dataclass(frozen=True)
class TripKey:
    """What a trip's id says: the row of a file.

    Attributes:
        service: whose trip.
        month: first day of the month in the file's name.
        row: 1-based row in the file.
    """

    service: Service
    month: date
    row: int

    @property
    def trip_id(self) -> int:
        """The id itself, as ingest stamps it."""
        return self.service.code * 10**15 + int(f"{self.month:%Y%m}") * 10**9 + self.row

    @property
    def file(self) -> Row:
        """The columns that name the file in every table."""
        return {"service_type": self.service.label, "file_month": self.month}

    @property
    def columns(self) -> Row:
        """The columns that name the row in every table: literal month and service let engines prune."""
        return {**self.file, "trip_id": self.trip_id}


def parse_trip_id(text: str) -> TripKey:
    """Read a trip's id; underscores may part its digits.

    Raises:
        TaxiError: it is not the id of a row of a service's file.
    """
    digits = text.strip().replace("_", "")
    remedy = (
        f"give an id as in fact_trips, such as {_EXAMPLE_ID}: service, YYYYMM, row in nine digits"
    )
    subject = f"trip '{text}'"
    if not (digits.isascii() and digits.isdigit() and len(digits) == 16):
        raise TaxiError(subject, "a trip_id has 16 digits", remedy)
    services = {str(service.code): service for service in Service}
    if digits[0] not in services:
        known = ", ".join(f"{code} {service.label}" for code, service in services.items())
        raise TaxiError(subject, f"no service has the code {digits[0]} ({known})", remedy)
    try:
        month = date(int(digits[1:5]), int(digits[5:7]), 1)
    except ValueError:
        raise TaxiError(subject, f"'{digits[1:7]}' is not a month", remedy) from None
    return TripKey(services[digits[0]], month, int(digits[7:]))


@dataclass(frozen=True)
class CellKey:
    """Which cell of which mart.

    Attributes:
        mart: the table.
        service: whose trips.
        period: first day of the month, or the day.
        zone_id: the pickup zone; None where the mart has none.
        license_number: the licensee's number, or the member that stands for none; None where the mart has none.
    """

    mart: ExplainedMart
    service: Service
    period: date
    zone_id: int | None = None
    license_number: str | None = None

    @property
    def columns(self) -> Row:
        """The columns that name the cell."""
        values = (self.service.label, self.period, self.zone_id, self.license_number)
        return dict(zip(self.mart.keys, values, strict=False))

    @property
    def is_of_one_company(self) -> bool:
        """Whether the cell has the trips of one HVFHV licensee."""
        return self.license_number is not None and self.service is Service.HVFHV

    @property
    def label(self) -> str:
        """The cell in words."""
        period = f"{self.period}" if self.mart.is_daily else f"{self.period:%Y-%m}"
        zone = "" if self.zone_id is None else f", zone {self.zone_id}"
        license_ = f", license {self.license_number}" if self.is_of_one_company else ""
        return f"{self.mart.name}: {self.service.label} {period}{zone}{license_}"


def parse_cell(
    select: Select,
    mart: str,
    service: Service | None,
    month: str | None,
    day: str | None,
    zone: str | None,
    company: str | None = None,
) -> CellKey:
    """Read which cell is meant from a command's options.

    Args:
        select: asks for the zones and the licensees.
        mart: with or without ``mart_``.
        service: whose trips.
        month: ``YYYY-MM``, of a monthly mart.
        day: ``YYYY-MM-DD``, of a daily mart.
        zone: an id or a name, of a mart by zone.
        company: a licensee's name or number, of HVFHV in a mart by licensee.

    Raises:
        TaxiError: no cell can be meant by them.
    """
    name = mart.lower().removeprefix("mart_")
    if name not in MARTS:
        raise TaxiError(
            f"mart '{mart}'", "it cannot be explained", f"choose among {', '.join(MARTS)}"
        )
    found = MARTS[name]
    subject = f"taxi explain --mart {name}"
    has_licenses = "hvfhs_license_number" in found.keys
    wanted = {
        "--service": service,
        "--day" if found.is_daily else "--month": day if found.is_daily else month,
        **({"--zone": zone} if "pickup_zone_id" in found.keys else {}),
        **({"--company": company} if has_licenses and service is Service.HVFHV else {}),
    }
    given = {
        "--service": service,
        "--month": month,
        "--day": day,
        "--zone": zone,
        "--company": company,
    }
    if missing := [option for option, value in wanted.items() if value is None]:
        raise TaxiError(subject, f"it needs {' and '.join(missing)}", f"give {' '.join(wanted)}")
    if surplus := [
        option for option, value in given.items() if value is not None and option not in wanted
    ]:
        raise TaxiError(
            subject, f"its cells have no {' and '.join(surplus)}", f"give {' '.join(wanted)}"
        )
    assert service is not None  # noqa: S101 - among the options wanted
    if service not in found.services:
        raise TaxiError(
            subject,
            f"it does not count {service.label}, which has no fares",
            f"give --service {' or '.join(found.services)}",
        )
    period = _parse_period(day) if found.is_daily else _parse_period(f"{month}-01", str(month))
    zone_id = None if zone is None else find_zone(select("select * from dim_zones"), zone)
    license_number = find_licensee(select, service, company) if has_licenses else None
    return CellKey(found, service, period, zone_id, license_number)


def _parse_period(text: str | None, shown: str | None = None) -> date:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").date()
    except ValueError:
        kind, example = ("day", "2024-01-05") if shown is None else ("month", "2024-01")
        raise TaxiError(
            f"{kind} '{shown or text}'", f"it is not a {kind}", f"write it as {example}"
        ) from None


def find_licensee(select: Select, service: Service, company: str | None) -> str:
    """Find the license number that a company's trips have in the marts; that of "not applicable" without a company.

    Raises:
        TaxiError: there is no such licensee.
    """
    rows = select("select * from dim_hvfhs_licensees order by hvfhs_license_number")
    numbers = {str(row["licensee_name"]): str(row["hvfhs_license_number"]) for row in rows}
    not_applicable = read_variables()["not_applicable_license_number"]
    if service is not Service.HVFHV:
        return str(not_applicable)
    wanted = str(company).strip().casefold()
    for name, number in numbers.items():
        if wanted in (name.casefold(), number.casefold()) and number != not_applicable:
            return number
    known = ", ".join(name for name, number in numbers.items() if number != not_applicable)
    raise TaxiError(f"company '{company}'", "there is no such licensee", f"choose among {known}")


def find_zone(zones: Sequence[Row], text: str) -> int:
    """Find a zone by id, by name where it is unique, or by label.

    Raises:
        TaxiError: there is none, or several have the name.
    """
    wanted = text.strip().casefold()
    if wanted.isdigit():
        matches = [row for row in zones if row["zone_id"] == int(wanted)]
    else:
        matches = [
            row
            for row in zones
            if wanted in (str(row["zone_name"]).casefold(), str(row["zone_label"]).casefold())
        ]
    ids = sorted(int(row["zone_id"]) for row in matches)
    if not ids:
        raise TaxiError(
            f"zone '{text}'", "there is no such zone", "see dim_zones for ids and names"
        )
    if len(ids) > 1:
        listed = ", ".join(map(str, ids))
        raise TaxiError(
            f"zone '{text}'", f"{len(ids)} zones have that name", f"give an id: {listed}"
        )
    return ids[0]
