"""One trip from its file, through the rules, to the cells of the marts that count it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.explain.ingested import IngestedValue, find_ingested_values
from taxi_pipeline.explain.keys import TripKey, parse_trip_id
from taxi_pipeline.explain.measures import FACT, MARTS, ExplainedMart, select_measures
from taxi_pipeline.explain.points import TripPoint, find_points
from taxi_pipeline.explain.provenance import file_on_record
from taxi_pipeline.explain.queries import Row, Select, one, where
from taxi_pipeline.explain.rules import (
    Flag,
    Repair,
    Rule,
    find_flags,
    find_repairs,
    judge_rules,
)
from taxi_pipeline.explain.thresholds import Thresholds
from taxi_pipeline.schemas import LINEAGE
from taxi_pipeline.texts import plural


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
        ingested: the values of it that ingestion made of others in the file.
        rules: every reject rule in order.
        flags: every flag.
        repairs: every value that differs from the lake's row.
        ended_in: the table that holds the row.
        row: the row there.
        points: where a file of points says that the trip began and ended, and the zones of these points.
        members: names of the row's zones and codes.
        fare_audit: what the fact says about the fare's parts; empty where it says nothing.
        counted: the cells of the marts that count it.
        problems: what does not agree; empty is good.
    """

    trip_id: int
    file: Row
    raw: Row
    ingested: tuple[IngestedValue, ...]
    rules: tuple[Rule, ...]
    flags: tuple[Flag, ...]
    repairs: tuple[Repair, ...]
    ended_in: str
    row: Row
    points: tuple[TripPoint, ...]
    members: Row
    fare_audit: Row
    counted: tuple[Counted, ...]
    problems: tuple[str, ...]

    @property
    def adds_up(self) -> bool:
        """Whether every table tells the same story."""
        return not self.problems


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
    file = file_on_record(select, key.service, key.month, (mart.name for mart in marts))
    if not 1 <= key.row <= file["row_count"]:
        raise TaxiError(
            f"trip {key.trip_id}",
            f"{file['source_file']} has {plural(file['row_count'], 'row')}, and none is row {key.row:,}",
            f"give a row from 1 to {file['row_count']:,}",
        )
    here = where(key.columns)
    staging = f"stg_{key.service}_tripdata"
    raw = one(select(f"select * from {staging} where {here}"))
    judged = one(select(f"select * from int_trips where {here}"))
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
        one(
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
    counted = (
        tuple(_count(select, mart, key, row, members, thresholds) for mart in marts) if fact else ()
    )
    return TripExplanation(
        trip_id=key.trip_id,
        file=file,
        raw=raw,
        ingested=find_ingested_values(key.service, raw, thresholds.last_year_of_texts),
        rules=judge_rules(reasons, raw, judged, earlier, thresholds),
        flags=find_flags(raw, judged, twin, thresholds),
        repairs=repairs,
        ended_in="fact_trips" if fact else "rejected_trips" if rejected else "nowhere",
        row=row,
        points=find_points(raw, file),
        members=members,
        fare_audit={name: row[name] for name in row if _is_fare_audit(name)},
        counted=counted,
        problems=tuple(find_problems(judged, twin, fact, rejected, repairs, counted)),
    )


def _is_fare_audit(column: str) -> bool:
    """Whether the fact says by this column how the fare's parts add up."""
    return column.startswith(("expected_", "fare_residual_", "fare_check", "net_"))


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
        yield "it is voided, but the other row of its pair does not have the opposite total"
    for repair in repairs:
        if not repair.reason:
            yield f"{repair.column} is {repair.kept}, the lake's row says {repair.reported}, and no rule explains it"
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
            payment_types.payment_type_name as payment_type_id, trip_types.trip_type_name as trip_type_id,
            licensees.licensee_name as hvfhs_license_number
        from fact_trips as trips
        left join dim_zones as pickup_zones on trips.pickup_zone_id = pickup_zones.zone_id
        left join dim_zones as dropoff_zones on trips.dropoff_zone_id = dropoff_zones.zone_id
        left join dim_vendors as vendors on trips.vendor_id = vendors.vendor_id
        left join dim_rate_codes as rate_codes on trips.rate_code_id = rate_codes.rate_code_id
        left join dim_payment_types as payment_types on trips.payment_type_id = payment_types.payment_type_id
        left join dim_trip_types as trip_types on trips.trip_type_id = trip_types.trip_type_id
        left join dim_hvfhs_licensees as licensees on trips.hvfhs_license_number = licensees.hvfhs_license_number
        where {where(key.columns, "trips.")}
        """
    )
    return row


def _count(
    select: Select,
    mart: ExplainedMart,
    key: TripKey,
    row: Row,
    members: Row,
    thresholds: Thresholds,
) -> Counted:
    """Find the cell of a mart that counts an accepted trip, and what the trip adds to it."""
    cell = {name: row[name] for name in mart.keys}
    totals = one(select(f"select * from {mart.name} where {where(cell)}"))
    if "pickup_zone_id" in cell:
        cell["zone_label"] = members["pickup_zone_id"]
    adds = {}
    if totals is not None:
        measures = select_measures(totals, row, thresholds)
        [adds] = select(f"select {measures} from {FACT} where {where(key.columns, 'trips.')}")
    return Counted(mart.name, cell, adds, totals)
