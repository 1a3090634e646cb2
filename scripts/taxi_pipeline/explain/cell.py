"""A mart's cell and what it is made of: rows of the fact by kind, repairs, rejects, files."""

from dataclasses import dataclass

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.explain.balance import Balance, check_cell
from taxi_pipeline.explain.keys import CellKey
from taxi_pipeline.explain.measures import FACT, money_columns, select_measures
from taxi_pipeline.explain.provenance import file_on_record, list_months
from taxi_pipeline.explain.queries import Row, Select, in_months, literal, one, where
from taxi_pipeline.explain.thresholds import Thresholds

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
    checks: tuple[Balance, ...]

    @property
    def adds_up(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)


def explain_cell(select: Select, key: CellKey, thresholds: Thresholds) -> CellExplanation:
    """Take a cell apart, and put it together again from the fact and from the files.

    Args:
        select: asks the warehouse.
        key: the cell.
        thresholds: for the files that a day can lie in, and the zone that stands for unknown.

    Raises:
        TaxiError: there is no such cell, or a file of it is not built in its present version.
    """
    totals = one(select(f"select * from {key.mart.name} where {where(key.columns)}"))
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
    # Where a row belongs is a matter of its pickup and company alone, whatever else is wrong with it.
    known = "left join dim_zones as zones on trips.pickup_zone_id = zones.zone_id"
    unlisted_counts = {"unlisted_zone_count": "zones.zone_id"}
    belongs = (
        f"cast(trips.pickup_at as date) = {literal(key.period)}"
        if key.mart.is_daily
        else f"trips.file_month = {literal(key.period)}"
        f" and coalesce(zones.zone_id, {thresholds.unknown_zone_id}) = {key.zone_id}"
    )
    if key.is_of_one_company:
        known += (
            " left join dim_hvfhs_licensees as licensees"
            " on upper(trim(trips.hvfhs_license_number)) = licensees.hvfhs_license_number"
        )
        unlisted_counts["unlisted_license_count"] = "licensees.hvfhs_license_number"
        member = f"coalesce(licensees.hvfhs_license_number, {literal(thresholds.unknown_license_number)})"
        belongs += f" and {member} = {literal(key.license_number)}"
    of_service = f"trips.service_type = {literal(key.service.label)}"
    rejects = select(
        f"select trips.reject_reason, trips.file_month, {sums} from rejected_trips as trips {known}"
        f" where {of_service} and {belongs} group by trips.reject_reason, trips.file_month"
        " order by trips.file_month, trips.reject_reason"
    )
    reach = thresholds.months_of(key.period) if key.mart.is_daily else [key.period]
    in_fact = f"{where(key.columns, 'trips.')} and {in_months(reach, 'trips.')}"
    sample = one(select(f"select * from fact_trips as trips where {in_fact} limit 1")) or {}
    measures = select_measures(totals, sample, thresholds, amounts)
    parts = select(
        f"select {_PART} as part, {measures} from {FACT} where {in_fact} group by {_PART} order by 1"
    )
    by_payment_type = select(
        f"select payment_types.payment_type_name as payment_type, {measures} from {FACT}"
        f" where {in_fact} group by payment_types.payment_type_name order by 2 desc, 1"
    )
    repaired = ", ".join(
        f"cast(coalesce(sum(case when {condition} then 1 else 0 end), 0) as bigint) as repair_{number}"
        for number, condition in enumerate(_REPAIRS.values())
    )
    [repairs] = select(f"select {repaired} from fact_trips as trips where {in_fact}")
    # A file beyond reach of the day can only have rejected rows of it.
    months = sorted({*reach, *(row["file_month"] for row in rejects)})
    counts = ", ".join(
        f"cast(sum(case when {column} is null then 1 else 0 end) as bigint) as {name}"
        for name, column in unlisted_counts.items()
    )
    [source] = select(
        f"select {sums}, {counts} from stg_{key.service}_tripdata as trips {known}"
        f" where {of_service} and {in_months(months, 'trips.')} and {belongs}"
    )
    unlisted = {name: source.pop(name) or 0 for name in unlisted_counts}
    counted_as_unknown = {
        f"pickup zone missing or not in the lookup, counted as {thresholds.unknown_zone_id}": unlisted[
            "unlisted_zone_count"
        ]
    }
    if key.is_of_one_company:
        counted_as_unknown[
            f"license missing or not in the list, counted as {thresholds.unknown_license_number}"
        ] = unlisted["unlisted_license_count"]
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
            file_on_record(select, key.service, month, [key.mart.name])
            for month in months
            if month in loaded
        ),
        parts=tuple(parts),
        payment_types=tuple(by_payment_type),
        repairs={
            **{name: repairs[f"repair_{number}"] for number, name in enumerate(_REPAIRS)},
            **counted_as_unknown,
        },
        rejects=tuple(rejects),
        source=source,
        checks=tuple(check_cell(totals, parts, by_payment_type, rejects, source)),
    )


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
        remedy = f"choose among {list_months(months)}"
    else:
        of_company = (
            where({"hvfhs_license_number": key.license_number}) if key.license_number else "1 = 1"
        )
        zones = [
            str(row["pickup_zone_id"])
            for row in select(
                f"select pickup_zone_id from {key.mart.name} where {of_service} and {of_company}"
                f" and {period} = {literal(key.period)} order by pickup_zone_id"
            )
        ]
        remedy = f"choose among the zones {', '.join(zones)}" if zones else "choose another company"
    return TaxiError(key.label, "there is no such cell", remedy)
