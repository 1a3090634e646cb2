"""One row and the rules: every reject rule, flag and repair with the values that it rests on.

The verdicts are the warehouse's (``int_trips``); here are the words beside them. Nothing is asked of the warehouse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from taxi_pipeline.explain.points import show_point
from taxi_pipeline.explain.queries import Row
from taxi_pipeline.explain.thresholds import Thresholds


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
    """A value that differs from the lake's row, and why."""

    column: str
    reported: Any
    kept: Any
    reason: str


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
        duplicate = f"{raw['service_type']} rows are never compared: equal rows are distinct trips"
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
        "is_voided": f"row {_row_of(judged['reversal_twin_trip_id'])} of the file has the opposite total, {taken_back}"
        f" (trip_id {judged['reversal_twin_trip_id']})",
        "is_unmatched_reversal": f"total {_money(judged['total_amount'])}, and no row of the file takes it back",
        "is_app_dispatched": "neither passenger count nor rate code",
        "is_distance_implausible": f"reported {miles}; plausible are 0 to {thresholds.max_distance_miles}",
        "is_amount_implausible": f"an amount beyond {thresholds.max_amount_dollars:,} dollars",
        "is_partly_unreadable": f"not readable in the file: {raw.get('unreadable_fields')}",
        "is_duration_clock_adjusted": f"{clock_seconds(raw)} s on the clock, an hour more in truth",
        "is_dropoff_dummy": f"dropoff {raw['dropoff_at']}; a dummy from {thresholds.fhv_dummy_dropoff_from} on",
        **{
            f"is_{end}_point_outside_zones": "no taxi zone contains the point "
            f"{show_point(raw.get(f'{end}_longitude'), raw.get(f'{end}_latitude'))} (longitude, latitude)"
            for end in ("pickup", "dropoff")
        },
        "is_store_and_forward": f"store_and_forward_flag {raw.get('store_and_forward_flag')}",
        "is_shared_ride": f"shared_ride_flag {raw.get('shared_ride_flag')}"
        if raw.get("shared_match_flag") is None
        else f"shared_match_flag {raw['shared_match_flag']}",
        "is_shared_ride_requested": f"shared_request_flag {raw.get('shared_request_flag')}",
        "is_wheelchair_requested": f"wheelchair_request_flag {raw.get('wheelchair_request_flag')}",
        "is_wheelchair_accessible": f"wheelchair_match_flag {raw.get('wheelchair_match_flag')}",
        "is_access_a_ride": f"access_a_ride_flag {raw.get('access_a_ride_flag')}",
        "is_prearranged": f"requested {raw.get('request_at')}, after the pickup",
        "is_wait_implausible": f"requested {raw.get('request_at')}; plausible are"
        f" {thresholds.max_wait_hours} h before or after the pickup",
        "is_duration_contradicted": f"reported {raw.get('reported_duration_seconds')} s, on the clock"
        f" {judged['trip_duration_seconds']} s; plausible are"
        f" {thresholds.max_reported_duration_difference_seconds} s between them",
        "is_wait_clock_adjusted": f"requested {raw.get('request_at')}, in the hour that occurs twice:"
        f" {judged['wait_seconds']} s before the pickup",
        "is_fare_missing": "no base fare; the total is the sum of the other amounts",
        "is_fare_zero": "base fare 0",
        "is_fare_negative": f"base fare {_money(judged['fare_amount'])}",
    }
    return tuple(
        Flag(name, value, evidence.get(name, "") if value else "")
        for name, value in judged.items()
        if name.startswith("is_") and name != "is_metered"
    )


def _row_of(trip_id: int | None) -> str:
    """The row of the file that a trip's id names."""
    return "?" if trip_id is None else f"{int(trip_id) % 10**9:,}"


def _money(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:,.2f}"


def find_repairs(raw: Row, row: Row, judged: Row, thresholds: Thresholds) -> tuple[Repair, ...]:
    """Compare a row with the lake's, column by column; a difference that no rule explains has no reason."""
    reasons = dict.fromkeys(
        (
            "dispatching_base_number",
            "affiliated_base_number",
            "originating_base_number",
            "hvfhs_license_number",
        ),
        "trimmed, in upper case",
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
