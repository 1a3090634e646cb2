"""Defend a number: one trip from its file to the marts that count it, or a mart's cell and what it is made of.

Verdicts, flags and repairs are read from the warehouse, never judged here. Measures of the marts are stated a second
time (``_MEASURES``), as the claims in ``tests/`` do: only so can a cell be shown not to add up. The statements are the
same on every engine and name service, month and trip as literals, so that each reads one file's rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import quote_literal
from taxi_pipeline.schemas import COLUMNS, LINEAGE, MONEY, Service
from taxi_pipeline.settings import Settings

Row = dict[str, Any]
Select = Callable[[str], list[Row]]
"""Gives the rows of a query on the target's schema, by column name."""

_EXAMPLE_ID = "1201901000000001"
_BUILD = "run `taxi build`"


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
        TaxiError: it is not the id of a row of a yellow, green or FHV file.
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
class Mart:
    """A reporting table whose cells can be explained.

    Attributes:
        name: the table.
        keys: columns of the mart and of ``fact_trips`` alike that name a cell, the period second.
        services: those that it counts.
    """

    name: str
    keys: tuple[str, str, str] | tuple[str, str]
    services: tuple[Service, ...]

    @property
    def is_daily(self) -> bool:
        """Whether the period of a cell is a day and not a month."""
        return self.keys[1] == "pickup_date"


MARTS = {
    mart.name.removeprefix("mart_"): mart
    for mart in (
        Mart(
            "mart_monthly_zone_revenue",
            ("service_type", "file_month", "pickup_zone_id"),
            (Service.YELLOW, Service.GREEN),
        ),
        Mart("mart_daily_service_summary", ("service_type", "pickup_date"), tuple(Service)),
    )
}

# Money is summed over all rows of the fact, a pair nets to zero; what counts trips leaves the voided rows out.
_TRIP = "not trips.is_voided"
_MEASURES = {
    "row_count": "cast(count(*) as bigint)",
    "trip_count": f"cast(sum(case when {_TRIP} then 1 else 0 end) as bigint)",
    "voided_row_count": f"cast(sum(case when {_TRIP} then 0 else 1 end) as bigint)",
    "app_dispatched_trip_count": f"cast(count(case when {_TRIP} and trips.is_app_dispatched then 1 end) as bigint)",
    "passenger_count": f"cast(sum(case when {_TRIP} then trips.passenger_count end) as bigint)",
    "distance_trip_count": f"cast(count(case when {_TRIP} then trips.trip_distance_miles end) as bigint)",
    "trip_distance_miles": f"sum(case when {_TRIP} then trips.trip_distance_miles end)",
    "duration_trip_count": f"cast(count(case when {_TRIP} then trips.trip_duration_seconds end) as bigint)",
    "trip_duration_seconds": f"cast(sum(case when {_TRIP} then trips.trip_duration_seconds end) as bigint)",
    "card_trip_count": f"cast(sum(case when payment_types.is_card and {_TRIP} then 1 else 0 end) as bigint)",
    "card_fare_amount": "sum(case when payment_types.is_card then trips.fare_amount end)",
    "card_tip_amount": "sum(case when payment_types.is_card then trips.tip_amount end)",
}
_FACT = (
    "fact_trips as trips left join dim_payment_types as payment_types"
    " on trips.payment_type_id = payment_types.payment_type_id"
)
_PART = """case
    when trips.is_voided then 'voided pairs'
    when trips.is_unmatched_reversal then 'unmatched reversals'
    when trips.is_app_dispatched then 'dispatched trips'
    else 'trips' end"""
_REPAIRS = {
    "distance outside the plausible range, set to null": "trips.is_distance_implausible",
    "clocks went back, an hour added to the duration": "trips.is_duration_clock_adjusted",
    "dropoff cut to the minute, duration 0": "trips.trip_duration_seconds = 0 and trips.dropoff_at < trips.pickup_at",
    "dropoff a dummy, set to null": "trips.is_dropoff_dummy",
}


@dataclass(frozen=True)
class Rule:
    """A reject rule as it met one row.

    Attributes:
        reject_reason: its code.
        description: its words, from ``dim_reject_reasons``.
        verdict: ``applies``, ``does not apply``, or ``not asked`` behind the first that applies.
        observed: the values that decide it; empty where it was not asked.
    """

    reject_reason: str
    description: str
    verdict: str
    observed: str


@dataclass(frozen=True)
class Flag:
    """A flag of ``int_trips``; ``evidence`` says what it rests on where it is set."""

    name: str
    value: bool | None
    evidence: str


@dataclass(frozen=True)
class Repair:
    """A value that differs from the file's, and why."""

    column: str
    reported: Any
    kept: Any
    reason: str


@dataclass(frozen=True)
class Counted:
    """A cell that counts the trip.

    Attributes:
        mart: the table.
        cell: its key, and the zone's name.
        adds: what the trip adds to each measure.
        totals: the cell's row; None if there is none, which is a fault.
    """

    mart: str
    cell: Row
    adds: Row
    totals: Row | None


@dataclass(frozen=True)
class TripExplanation:
    """One trip from its file to the marts.

    Attributes:
        trip_id: the id.
        file: the file's version, as on record.
        raw: the row as the lake carries it.
        rules: every reject rule in order.
        flags: every flag.
        repairs: every value that differs from the file's.
        ended_in: the table that holds the row.
        row: the row there.
        members: names of the row's zones and codes.
        fare_audit: what the fact says about the fare's parts; empty where it says nothing.
        counted: the cells of the marts that count it.
        problems: what does not agree; empty is good.
    """

    trip_id: int
    file: Row
    raw: Row
    rules: tuple[Rule, ...]
    flags: tuple[Flag, ...]
    repairs: tuple[Repair, ...]
    ended_in: str
    row: Row
    members: Row
    fare_audit: Row
    counted: tuple[Counted, ...]
    problems: tuple[str, ...]

    @property
    def adds_up(self) -> bool:
        """Whether every table tells the same story."""
        return not self.problems


@dataclass(frozen=True)
class Check:
    """Two figures that must be equal.

    Attributes:
        what: the figure.
        parts: what the parts add up to.
        whole: what the whole says.
        holds: whether they are.
    """

    what: str
    parts: Any
    whole: Any
    holds: bool


def compare(what: str, parts: Any, whole: Any) -> Check:
    """Compare what parts add up to with what the whole says."""
    return Check(what, parts, whole, bool(parts == whole))


@dataclass(frozen=True)
class CellExplanation:
    """A mart's cell and what it is made of.

    Attributes:
        mart: the table.
        cell: its key, and the zone's name.
        totals: the cell's row.
        files: the versions of the files that its rows come from.
        parts: the fact's rows by kind, each with every measure.
        payment_types: the same by payment type.
        repairs: rows of the fact that were repaired, by kind.
        rejects: rows that belonged there and were rejected, by reason and file, with their money.
        source: rows of the files that belonged there, with their money, before any rule.
        checks: what must be equal, and whether it is.
    """

    mart: str
    cell: Row
    totals: Row
    files: tuple[Row, ...]
    parts: tuple[Row, ...]
    payment_types: tuple[Row, ...]
    repairs: Row
    rejects: tuple[Row, ...]
    source: Row
    checks: tuple[Check, ...]

    @property
    def adds_up(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)


# ------------------------------------------------------------------------------------------------ thresholds and SQL


@dataclass(frozen=True)
class Thresholds:
    """The vars of ``dbt_project.yml`` that an explanation names."""

    file_month_tolerance_days: int
    dropoff_cut_seconds: int
    max_duration_hours: int
    max_distance_miles: int
    fhv_dummy_dropoff_from: str
    unknown_zone_id: int
    unknown_vendor_id: int
    unknown_payment_type_id: int
    unknown_rate_code_id: int
    unknown_trip_type_id: int

    @property
    def unknown_members(self) -> dict[str, int]:
        """Per code column of the fact, the member that stands for unknown."""
        return {
            "pickup_zone_id": self.unknown_zone_id,
            "dropoff_zone_id": self.unknown_zone_id,
            "vendor_id": self.unknown_vendor_id,
            "payment_type_id": self.unknown_payment_type_id,
            "rate_code_id": self.unknown_rate_code_id,
            "trip_type_id": self.unknown_trip_type_id,
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
    """Read them as dbt reads its project."""
    from dbt.config.project import load_raw_project  # noqa: PLC0415 - 1.5 s

    variables = load_raw_project(str(settings.project_dir))["vars"]
    return Thresholds(**{name: variables[name] for name in Thresholds.__dataclass_fields__})


def money_columns(service: Service) -> tuple[str, ...]:
    """The amounts that TLC publishes for a service, by their names from staging on."""
    names = (column.name for column in COLUMNS[service] if column.type == MONEY)
    return tuple(name.removesuffix("_amount") + "_amount" for name in names)


def literal(value: object) -> str:
    """Write a key's value as SQL that every engine reads."""
    if isinstance(value, date):
        return f"cast({quote_literal(value.isoformat())} as date)"
    return str(value) if isinstance(value, int) else quote_literal(str(value))


def where(columns: Mapping[str, object], prefix: str = "") -> str:
    """Write a condition on key columns."""
    return " and ".join(f"{prefix}{name} = {literal(value)}" for name, value in columns.items())


def _in_months(months: Iterable[date], prefix: str = "") -> str:
    return f"{prefix}file_month in ({', '.join(literal(month) for month in months)})"


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _measures(mart: Iterable[str], fact: Iterable[str], also: Iterable[str] = ()) -> str:
    """Select list of a mart's measures over the fact; amounts are those that both have."""
    amounts = [name for name in mart if name.endswith("_amount") and name in set(fact)]
    columns = {name: sql for name, sql in _MEASURES.items() if name in set(mart)}
    columns |= {name: f"sum(trips.{name})" for name in (*amounts, *also)}
    return ", ".join(f"{sql} as {name}" for name, sql in columns.items())


def _one(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None


# ------------------------------------------------------------------------------------------------ files and versions


def _file_on_record(select: Select, service: Service, month: date, marts: Iterable[str]) -> Row:
    """The version of a file, if the warehouse has built that version everywhere.

    Raises:
        TaxiError: the file is not loaded, or some table still holds another version of it.
    """
    key = {"service_type": service.label, "file_month": month}
    file = _one(
        select(f"select * from stg_ingested_files where {where(key)} and superseded_at is null")
    )
    if file is None:
        loaded = select(
            "select file_month from stg_ingested_files where superseded_at is null"
            f" and service_type = {literal(service.label)} order by file_month"
        )
        raise TaxiError(
            f"{service.label} {month:%Y-%m}",
            "no such file is loaded",
            f"load it, or choose among {_listed(row['file_month'] for row in loaded)}",
        )
    ledger = select(f"select model, load_id from file_ledger where {where(key)}")
    built = {row["model"]: row["load_id"] for row in ledger}
    behind = [
        model
        for model in (
            "int_exact_duplicates",
            "int_reversal_pairs",
            "fact_trips",
            "rejected_trips",
            *marts,
        )
        if built.get(model) != file["load_id"]
    ]
    if behind:
        raise TaxiError(
            str(file["source_file"]),
            f"{behind[0]} does not hold the version that is loaded now",
            _BUILD,
        )
    return file


def _listed(periods: Iterable[date]) -> str:
    """Months, or a span of them where there are many."""
    texts = [f"{period:%Y-%m}" for period in periods]
    if len(texts) > 12:
        return f"{len(texts)} months from {texts[0]} to {texts[-1]}"
    return ", ".join(texts) or "the files of another service: there is none of this one"


# ------------------------------------------------------------------------------------------------ one trip


def explain_trip(select: Select, text: str, thresholds: Thresholds) -> TripExplanation:
    """Follow one trip from its file to the cells that count it.

    Args:
        select: asks the warehouse.
        text: the trip's id.
        thresholds: for the words beside each rule.

    Raises:
        TaxiError: the id is malformed, its file is not loaded or not built, or has no such row.
    """
    key = parse_trip_id(text)
    marts = [mart for mart in MARTS.values() if key.service in mart.services]
    file = _file_on_record(select, key.service, key.month, (mart.name for mart in marts))
    if not 1 <= key.row <= file["row_count"]:
        raise TaxiError(
            f"trip {key.trip_id}",
            f"{file['source_file']} has {file['row_count']:,} rows, and none is row {key.row:,}",
            f"give a row from 1 to {file['row_count']:,}",
        )
    here = where(key.columns)
    staging = f"stg_{key.service}_tripdata"
    raw = _one(select(f"select * from {staging} where {here}"))
    judged = _one(select(f"select * from int_trips where {here}"))
    if raw is None or judged is None:
        raise TaxiError(
            f"trip {key.trip_id}", f"{staging} has no such row", "ingest its file again"
        )
    fact = select(f"select * from fact_trips where {here}")
    rejected = select(f"select * from rejected_trips where {here}")
    reasons = select("select * from dim_reject_reasons order by rule_order")
    earlier = (
        _equal_row_before(select, staging, key, raw)
        if judged["reject_reason"] == "exact_duplicate"
        else None
    )
    twin = (
        _one(
            select(
                f"select * from int_trips where {where({**key.file, 'trip_id': judged['reversal_twin_trip_id']})}"
            )
        )
        if judged["is_voided"]
        else None
    )
    row = (fact + rejected + [judged])[0]
    repairs = find_repairs(raw, row, judged, thresholds)
    members = _members(select, key) if fact else {}
    counted = tuple(_count(select, mart, key, row, members) for mart in marts) if fact else ()
    return TripExplanation(
        trip_id=key.trip_id,
        file=file,
        raw=raw,
        rules=judge_rules(reasons, raw, judged, earlier, thresholds),
        flags=find_flags(raw, judged, twin, thresholds),
        repairs=repairs,
        ended_in="fact_trips" if fact else "rejected_trips" if rejected else "nowhere",
        row=row,
        members=members,
        fare_audit={name: row[name] for name in row if _is_fare_audit(name)},
        counted=counted,
        problems=tuple(find_problems(judged, twin, fact, rejected, repairs, counted)),
    )


def _is_fare_audit(column: str) -> bool:
    """Whether the fact says by this column how the fare's parts add up."""
    return column.startswith(("expected_", "fare_residual_", "fare_check", "net_"))


def judge_rules(
    reasons: Sequence[Row], raw: Row, judged: Row, earlier_row: int | None, thresholds: Thresholds
) -> tuple[Rule, ...]:
    """Lay out the rules in order, with the warehouse's verdict and what it rests on.

    Args:
        reasons: the rows of ``dim_reject_reasons``, in order.
        raw: the row of staging.
        judged: the row of ``int_trips``.
        earlier_row: of an exact duplicate, the row of the file that it equals.
        thresholds: what the rules compare with.
    """
    verdict = judged["reject_reason"]
    observations = _observations(raw, judged, earlier_row, thresholds)
    rules = []
    is_decided = False
    for reason in reasons:
        code = str(reason["reject_reason"])
        if is_decided:
            rules.append(Rule(code, reason["description"], "not asked", ""))
            continue
        is_decided = code == verdict
        rules.append(
            Rule(
                code,
                reason["description"],
                "applies" if is_decided else "does not apply",
                observations.get(code, ""),
            )
        )
    return tuple(rules)


def _observations(
    raw: Row, judged: Row, earlier_row: int | None, thresholds: Thresholds
) -> dict[str, str]:
    """The values that decide each rule, in words that hold for either verdict."""
    first = thresholds.first_pickup(raw["file_month"])
    end = thresholds.end_of_pickups(raw["file_month"])
    pickup = "no pickup" if raw["pickup_at"] is None else f"pickup {raw['pickup_at']}"
    duration = judged["trip_duration_seconds"]
    duplicate = "no earlier row of the file is equal in every column"
    if earlier_row is not None:
        duplicate = f"equals row {earlier_row:,} of the file in every column"
    elif not judged["is_metered"]:
        duplicate = "FHV rows are never compared: equal rows are distinct trips"
    return {
        "unparseable": "the row could be read"
        if raw["raw_line"] is None
        else f"kept as text: {raw['raw_line']}",
        "pickup_missing": pickup,
        "pickup_outside_file_month": f"{pickup}; the file's month takes from {first} to before {end}",
        "dropoff_before_pickup": _observe_dropoff(raw, judged, thresholds),
        "duration_over_24h": "no duration"
        if duration is None
        else f"{duration:,} s; at most {thresholds.max_duration_hours} hours",
        "exact_duplicate": duplicate,
    }


def _observe_dropoff(raw: Row, judged: Row, thresholds: Thresholds) -> str:
    seconds = clock_seconds(raw)
    if seconds is None:
        return "no dropoff"
    if judged["is_dropoff_dummy"]:
        return f"dropoff {raw['dropoff_at']} is a dummy: no dropoff"
    said = f"dropoff {raw['dropoff_at']}, {abs(seconds):,} s {'before' if seconds < 0 else 'after'} the pickup"
    if judged["is_duration_clock_adjusted"]:
        return f"{said}, in the hour that occurs twice as the clocks go back"
    return f"{said}; up to {thresholds.dropoff_cut_seconds} s before is a dropoff cut to the minute"


def clock_seconds(raw: Row) -> int | None:
    """Seconds from pickup to dropoff as the file's clock readings have it."""
    if raw["pickup_at"] is None or raw["dropoff_at"] is None:
        return None
    pickup, dropoff = (raw[name].replace(microsecond=0) for name in ("pickup_at", "dropoff_at"))
    return int((dropoff - pickup).total_seconds())


def find_flags(raw: Row, judged: Row, twin: Row | None, thresholds: Thresholds) -> tuple[Flag, ...]:
    """List every flag of a row, those that are set with what they rest on."""
    taken_back = _money(None if twin is None else twin["total_amount"])
    miles = f"{raw.get('trip_distance_miles')} miles"
    evidence = {
        "is_voided": f"its twin is trip {judged['reversal_twin_trip_id']}, total {taken_back}",
        "is_unmatched_reversal": f"total {_money(judged['total_amount'])}, and no row of the file takes it back",
        "is_app_dispatched": "neither passenger count nor rate code",
        "is_distance_implausible": f"reported {miles}; plausible are 0 to {thresholds.max_distance_miles}",
        "is_duration_clock_adjusted": f"{clock_seconds(raw)} s on the clock, an hour more in truth",
        "is_dropoff_dummy": f"dropoff {raw['dropoff_at']}; a dummy from {thresholds.fhv_dummy_dropoff_from} on",
        "is_store_and_forward": f"store_and_forward_flag {raw.get('store_and_forward_flag')}",
        "is_shared_ride": f"shared_ride_flag {raw.get('shared_ride_flag')}",
    }
    return tuple(
        Flag(name, value, evidence.get(name, "") if value else "")
        for name, value in judged.items()
        if name.startswith("is_") and name != "is_metered"
    )


def find_repairs(raw: Row, row: Row, judged: Row, thresholds: Thresholds) -> tuple[Repair, ...]:
    """Compare a row with the file's, column by column; a difference that no rule explains has no reason."""
    reasons = dict.fromkeys(
        ("dispatching_base_number", "affiliated_base_number"), "trimmed, in upper case"
    )
    for code, unknown in thresholds.unknown_members.items():
        if row.get(code) == unknown:
            reasons[code] = "missing or not in the code list: the member that stands for unknown"
    if judged["is_distance_implausible"]:
        reasons["trip_distance_miles"] = f"outside 0 to {thresholds.max_distance_miles} miles"
    if judged["is_dropoff_dummy"]:
        reasons["dropoff_at"] = reasons["trip_duration_seconds"] = "a typed dummy is no dropoff"
    elif judged["is_duration_clock_adjusted"]:
        reasons["trip_duration_seconds"] = "the clocks went back: an hour added"
    elif judged["trip_duration_seconds"] == 0:
        reasons["trip_duration_seconds"] = "the dropoff was cut to the minute"
    reported = {**raw, "trip_duration_seconds": clock_seconds(raw)}
    return tuple(
        Repair(name, reported[name], row[name], reasons.get(name, ""))
        for name in reported
        if name in row and row[name] != reported[name]
    )


def find_problems(
    judged: Row,
    twin: Row | None,
    fact: Sequence[Row],
    rejected: Sequence[Row],
    repairs: Iterable[Repair],
    counted: Iterable[Counted],
) -> Iterable[str]:
    """Name what does not agree between int_trips, the tables and the marts."""
    expected = (1, 0) if judged["reject_reason"] is None else (0, 1)
    if (len(fact), len(rejected)) != expected:
        yield (
            f"int_trips says {judged['reject_reason'] or 'accepted'}, but fact_trips holds the row"
            f" {len(fact)} times and rejected_trips {len(rejected)} times"
        )
    elif rejected and rejected[0]["reject_reason"] != judged["reject_reason"]:
        yield f"int_trips says {judged['reject_reason']}, rejected_trips {rejected[0]['reject_reason']}"
    if judged["is_voided"] and (twin is None or twin["total_amount"] != -judged["total_amount"]):
        yield "it is voided, but its twin does not take its total back"
    for repair in repairs:
        if not repair.reason:
            yield f"{repair.column} is {repair.kept}, the file says {repair.reported}, and no rule explains it"
    for cell in counted:
        if cell.totals is None:
            yield f"{cell.mart} has no cell for it"


def _equal_row_before(select: Select, staging: str, key: TripKey, raw: Row) -> int | None:
    lineage = {column.name for column in LINEAGE}
    equal = " and ".join(
        f"earlier.{name} is not distinct from trips.{name}" for name in raw if name not in lineage
    )
    [row] = select(
        f"select min(earlier.source_row) as source_row from {staging} as trips"
        f" inner join {staging} as earlier on trips.file_month = earlier.file_month and {equal}"
        f" where {where(key.columns, 'trips.')} and {where(key.file, 'earlier.')}"
        f" and earlier.source_row < {key.row}"
    )
    return row["source_row"] if row["source_row"] is None else int(row["source_row"])


def _members(select: Select, key: TripKey) -> Row:
    """The names of an accepted trip's zones and codes."""
    [row] = select(
        f"""
        select
            pickup_zones.zone_label as pickup_zone_id, dropoff_zones.zone_label as dropoff_zone_id,
            vendors.vendor_name as vendor_id, rate_codes.rate_code_name as rate_code_id,
            payment_types.payment_type_name as payment_type_id, trip_types.trip_type_name as trip_type_id
        from fact_trips as trips
        left join dim_zones as pickup_zones on trips.pickup_zone_id = pickup_zones.zone_id
        left join dim_zones as dropoff_zones on trips.dropoff_zone_id = dropoff_zones.zone_id
        left join dim_vendors as vendors on trips.vendor_id = vendors.vendor_id
        left join dim_rate_codes as rate_codes on trips.rate_code_id = rate_codes.rate_code_id
        left join dim_payment_types as payment_types on trips.payment_type_id = payment_types.payment_type_id
        left join dim_trip_types as trip_types on trips.trip_type_id = trip_types.trip_type_id
        where {where(key.columns, "trips.")}
        """
    )
    return row


def _count(select: Select, mart: Mart, key: TripKey, row: Row, members: Row) -> Counted:
    """Find the cell of a mart that counts an accepted trip, and what the trip adds to it."""
    cell = {name: row[name] for name in mart.keys}
    totals = _one(select(f"select * from {mart.name} where {where(cell)}"))
    if "pickup_zone_id" in cell:
        cell["zone_label"] = members["pickup_zone_id"]
    adds = {}
    if totals is not None:
        measures = _measures(totals, row)
        [adds] = select(f"select {measures} from {_FACT} where {where(key.columns, 'trips.')}")
    return Counted(mart.name, cell, adds, totals)


# ------------------------------------------------------------------------------------------------ one cell


@dataclass(frozen=True)
class CellKey:
    """Which cell of which mart.

    Attributes:
        mart: the table.
        service: whose trips.
        period: first day of the month, or the day.
        zone_id: the pickup zone; None where the mart has none.
    """

    mart: Mart
    service: Service
    period: date
    zone_id: int | None = None

    @property
    def columns(self) -> Row:
        """The columns that name the cell."""
        values = (self.service.label, self.period, self.zone_id)
        return dict(zip(self.mart.keys, values, strict=False))

    @property
    def label(self) -> str:
        """The cell in words."""
        period = f"{self.period}" if self.mart.is_daily else f"{self.period:%Y-%m}"
        zone = "" if self.zone_id is None else f", zone {self.zone_id}"
        return f"{self.mart.name}: {self.service.label} {period}{zone}"


def parse_cell(
    select: Select,
    mart: str,
    service: Service | None,
    month: str | None,
    day: str | None,
    zone: str | None,
) -> CellKey:
    """Read which cell is meant from a command's options.

    Args:
        select: asks for the zones.
        mart: with or without ``mart_``.
        service: whose trips.
        month: ``YYYY-MM``, of a monthly mart.
        day: ``YYYY-MM-DD``, of a daily mart.
        zone: an id or a name, of a mart by zone.

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
    wanted = {
        "--service": service,
        "--day" if found.is_daily else "--month": day if found.is_daily else month,
        **({"--zone": zone} if "pickup_zone_id" in found.keys else {}),
    }
    given = {"--service": service, "--month": month, "--day": day, "--zone": zone}
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
    return CellKey(found, service, period, zone_id)


def _parse_period(text: str | None, shown: str | None = None) -> date:
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").date()
    except ValueError:
        kind, example = ("day", "2024-01-05") if shown is None else ("month", "2024-01")
        raise TaxiError(
            f"{kind} '{shown or text}'", f"it is not a {kind}", f"write it as {example}"
        ) from None


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


def explain_cell(select: Select, key: CellKey, thresholds: Thresholds) -> CellExplanation:
    """Take a cell apart, and put it together again from the fact and from the files.

    Args:
        select: asks the warehouse.
        key: the cell.
        thresholds: for the files that a day can lie in, and the zone that stands for unknown.

    Raises:
        TaxiError: there is no such cell, or a file of it is not built in its present version.
    """
    totals = _one(select(f"select * from {key.mart.name} where {where(key.columns)}"))
    if totals is None:
        raise _no_such_cell(select, key)
    amounts = money_columns(key.service)
    sums = ", ".join(
        [
            "cast(count(*) as bigint) as row_count",
            *(f"sum(trips.{name}) as {name}" for name in amounts),
        ]
    )
    label = (
        {}
        if key.zone_id is None
        else select(f"select zone_label from dim_zones where zone_id = {key.zone_id}")[0]
    )
    # Where a row belongs is a matter of its pickup alone, whatever else is wrong with it.
    zoned = "left join dim_zones as zones on trips.pickup_zone_id = zones.zone_id"
    belongs = (
        f"cast(trips.pickup_at as date) = {literal(key.period)}"
        if key.mart.is_daily
        else f"trips.file_month = {literal(key.period)}"
        f" and coalesce(zones.zone_id, {thresholds.unknown_zone_id}) = {key.zone_id}"
    )
    of_service = f"trips.service_type = {literal(key.service.label)}"
    rejects = select(
        f"select trips.reject_reason, trips.file_month, {sums} from rejected_trips as trips {zoned}"
        f" where {of_service} and {belongs} group by trips.reject_reason, trips.file_month"
        " order by trips.file_month, trips.reject_reason"
    )
    reach = thresholds.months_of(key.period) if key.mart.is_daily else [key.period]
    in_fact = f"{where(key.columns, 'trips.')} and {_in_months(reach, 'trips.')}"
    sample = _one(select(f"select * from fact_trips as trips where {in_fact} limit 1")) or {}
    measures = _measures(totals, sample, amounts)
    parts = select(
        f"select {_PART} as part, {measures} from {_FACT} where {in_fact} group by {_PART} order by 1"
    )
    by_payment_type = select(
        f"select payment_types.payment_type_name as payment_type, {measures} from {_FACT}"
        f" where {in_fact} group by payment_types.payment_type_name order by 2 desc, 1"
    )
    repaired = ", ".join(
        f"cast(coalesce(sum(case when {condition} then 1 else 0 end), 0) as bigint) as repair_{number}"
        for number, condition in enumerate(_REPAIRS.values())
    )
    [repairs] = select(f"select {repaired} from fact_trips as trips where {in_fact}")
    # A file beyond reach of the day can only have rejected rows of it.
    months = sorted({*reach, *(row["file_month"] for row in rejects)})
    [source] = select(
        f"select {sums}, cast(sum(case when zones.zone_id is null then 1 else 0 end) as bigint) as unlisted_zone_count"
        f" from stg_{key.service}_tripdata as trips {zoned}"
        f" where {of_service} and {_in_months(months, 'trips.')} and {belongs}"
    )
    unlisted = source.pop("unlisted_zone_count") or 0
    loaded = {
        row["file_month"]
        for row in select(
            "select file_month from stg_ingested_files where superseded_at is null"
            f" and service_type = {literal(key.service.label)}"
        )
    }
    return CellExplanation(
        mart=key.mart.name,
        cell={**key.columns, **label},
        totals=totals,
        files=tuple(
            _file_on_record(select, key.service, month, [key.mart.name])
            for month in months
            if month in loaded
        ),
        parts=tuple(parts),
        payment_types=tuple(by_payment_type),
        repairs={
            **{name: repairs[f"repair_{number}"] for number, name in enumerate(_REPAIRS)},
            f"pickup zone missing or not in the lookup, counted as {thresholds.unknown_zone_id}": unlisted,
        },
        rejects=tuple(rejects),
        source=source,
        checks=tuple(check_cell(totals, parts, by_payment_type, rejects, source)),
    )


def check_cell(
    totals: Row,
    parts: Sequence[Row],
    by_payment_type: Sequence[Row],
    rejects: Sequence[Row],
    source: Row,
) -> Iterable[Check]:
    """Compare a cell with its parts, and its parts and rejects with the files.

    Args:
        totals: the mart's row.
        parts: the fact's rows by kind.
        by_payment_type: the same rows by payment type.
        rejects: rejected rows by reason.
        source: rows of the files.
    """
    for name in parts[0] if parts else ():
        if name in totals:
            yield compare(f"parts = cell: {name}", add_up(parts, name), totals[name])
    for name in ("row_count", "trip_count", "total_amount"):
        yield compare(f"payment types = cell: {name}", add_up(by_payment_type, name), totals[name])
    voided = [part for part in parts if part["part"] == "voided pairs"]
    if voided:
        yield compare(
            "voided pairs net to zero: total_amount", add_up(voided, "total_amount"), Decimal(0)
        )
    for name in source:
        yield compare(
            f"accepted + rejected = rows of the files: {name}",
            add_up([*parts, *rejects], name),
            source[name],
        )


def add_up(rows: Iterable[Row], name: str) -> Any:
    """Sum a column; None where no row has a value, as in SQL."""
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) if values else None


def _no_such_cell(select: Select, key: CellKey) -> TaxiError:
    """Say which cells there are, from the outside in: months or days first, then zones."""
    period = key.mart.keys[1]
    of_service = where({"service_type": key.service.label})
    periods = [
        row[period]
        for row in select(
            f"select distinct {period} from {key.mart.name} where {of_service} order by {period}"
        )
    ]
    if key.period not in periods:
        months = sorted({found.replace(day=1) for found in periods})
        remedy = f"choose among {_listed(months)}"
    else:
        zones = [
            str(row["pickup_zone_id"])
            for row in select(
                f"select pickup_zone_id from {key.mart.name} where {of_service}"
                f" and {period} = {literal(key.period)} order by pickup_zone_id"
            )
        ]
        remedy = f"choose among the zones {', '.join(zones)}"
    return TaxiError(key.label, "there is no such cell", remedy)


# ------------------------------------------------------------------------------------------------ JSON


def to_json(explanation: TripExplanation | CellExplanation) -> Row:
    """Lay an explanation out for machines; the same on every engine.

    Amounts and miles are text, so that no cent is lost; times are ISO with a blank.
    """
    values = asdict(explanation)
    values["adds_up"] = explanation.adds_up
    plain: Row = _plain(values)
    return plain


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        # BigQuery drops the zeros at the end, DuckDB and Postgres keep as many as the column has.
        return f"{value:.2f}" if name.endswith("_amount") else f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value


def _money(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:,.2f}"
