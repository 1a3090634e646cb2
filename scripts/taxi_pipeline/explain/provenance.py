"""The files behind an explanation: each on record, and built everywhere in the version that is loaded now."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.explain.queries import Row, Select, literal, one, where
from taxi_pipeline.schemas import Service
from taxi_pipeline.transform.completeness import describe

_BUILD = "run `taxi build`"

_FACT = "fact_trips"


def file_on_record(select: Select, service: Service, month: date, marts: Iterable[str]) -> Row:
    """The version of a file, if the warehouse has built that version everywhere.

    Args:
        select: asks the warehouse.
        service: whose file.
        month: first day of the month in its name.
        marts: tables that must hold the version, besides those that every explanation reads.

    Raises:
        TaxiError: the file is not loaded, or some table still holds another version of it.
    """
    key = {"service_type": service.label, "file_month": month}
    ledger = select(f"select model, load_id from file_ledger where {where(key)}")
    built = {row["model"]: row["load_id"] for row in ledger}
    file = one(
        select(f"select * from stg_ingested_files where {where(key)} and superseded_at is null")
    )
    if file is None and _FACT in built:
        raise TaxiError(
            f"{service.label} {month:%Y-%m}",
            "its file was removed with `taxi forget`, and the tables still hold its rows",
            "run `taxi build`, which removes them; or ingest the file again",
        )
    if file is None:
        loaded = select(
            "select file_month from stg_ingested_files where superseded_at is null"
            f" and service_type = {literal(service.label)} order by file_month"
        )
        raise TaxiError(
            f"{service.label} {month:%Y-%m}",
            "no such file is loaded",
            f"load it, or choose among {list_months(row['file_month'] for row in loaded)}",
        )
    behind = [
        model
        for model in (
            "int_exact_duplicates",
            "int_reversal_pairs",
            _FACT,
            "rejected_trips",
            *marts,
        )
        if not _holds(built.get(model, ""), str(file["load_id"]))
    ]
    if behind:
        raise TaxiError(
            str(file["source_file"]),
            f"{behind[0]} does not hold the version that is loaded now",
            _BUILD,
        )
    return {**file, "completeness": _completeness(select, key)}


def _completeness(select: Select, key: Mapping[str, Any]) -> str:
    """Whether the file is the whole month, in a few words."""
    found = one(
        select(
            "select month_completeness, row_count_check, row_count, official_row_count"
            f" from fact_file_completeness where {where(key)}"
        )
    )
    return "" if found is None else describe(*found.values())


def _holds(versions: str, load_id: str) -> bool:
    """Whether a model holds this version, by its entry in the ledger.

    The entry of a mart that follows several models names each of them with its version.
    """
    return versions == load_id or f"fact_trips {load_id}" in versions


def list_months(periods: Iterable[date]) -> str:
    """Write months as ``YYYY-MM`` to choose among, in the order given; a span of them where there are more than 12."""
    texts = [f"{period:%Y-%m}" for period in periods]
    if len(texts) > 12:
        return f"{len(texts)} months from {texts[0]} to {texts[-1]}"
    return ", ".join(texts) or "the files of another service: there is none of this one"
