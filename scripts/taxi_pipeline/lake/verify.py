"""Whether the lake still is what ingestion wrote: every partition against the manifest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from taxi_pipeline.errors import DataError, TaxiError
from taxi_pipeline.lake.lake import Lake, name_of, read_footer
from taxi_pipeline.lake.manifest import ManifestEntry
from taxi_pipeline.lake.quoting import quote_literal
from taxi_pipeline.texts import plural


@dataclass(frozen=True)
class Finding:
    """What is wrong with one partition; an empty reason where nothing is."""

    entry: ManifestEntry
    reason: str


def verify_lake(lake: Lake, tell: Callable[[str], None]) -> Iterator[Finding]:
    """Read every current partition in full and compare it with the manifest.

    A partition without a checksum on record gets one if the rest agrees.

    Args:
        lake: which is not changed otherwise.
        tell: told which partition is being read.

    Yields:
        One finding per current version, oldest first.
    """
    for entry in lake.current():
        tell(f"Verifying {month_name(entry)}: {plural(entry.row_count, 'row')}")
        reason = _compare(lake, entry)
        if not reason and not entry.partition_sha256:
            lake.record_checksum(entry, lake.storage.checksum(name_of(entry)))
        yield Finding(entry, reason)


def _compare(lake: Lake, entry: ManifestEntry) -> str:
    name = name_of(entry)
    import pyarrow as pa  # noqa: PLC0415 - as in read_footer
    import pyarrow.parquet as pq  # noqa: PLC0415

    if not lake.holds(entry):
        return "the partition is missing"
    if not lake.is_intact(entry):
        return "its bytes are not those that ingestion wrote (checksum)"
    try:
        with lake.storage.open(name) as stream:
            rows = pq.read_metadata(stream).num_rows
        facts = {
            "version": (read_footer(lake.storage, name).load_id, entry.load_id),
            "rows": (rows, entry.row_count),
            "total_amount": (_total_amount(lake, entry), _decimal(entry.total_amount)),
        }
    except (TaxiError, pa.ArrowException, duckdb.Error, OSError):
        return "it cannot be read"
    return "; ".join(
        f"its {name} is {found}, the manifest says {expected}"
        for name, (found, expected) in facts.items()
        if found != expected
    )


def _decimal(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _total_amount(lake: Lake, entry: ManifestEntry) -> Decimal | None:
    if entry.total_amount is None:
        return None
    source = f"read_parquet({quote_literal(lake.location(entry))}, hive_partitioning = false)"
    with duckdb.connect() as connection:
        lake.storage.connect(connection)
        row = connection.execute(f"select coalesce(sum(total_amount), 0) from {source}").fetchone()
    return None if row is None else Decimal(row[0])


def month_name(entry: ManifestEntry) -> str:
    """A version's service and month as a person writes them: ``Green 2024-01``."""
    return f"{entry.service_type} {entry.file_month[:7]}"


def name_files(keys: Sequence[tuple[str, str]], limit: int = 6) -> str:
    """Files in a sentence: ``Green 2024-01, Yellow 2024-01``."""
    names = [f"{service} {month[:7]}" for service, month in keys]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def require_whole(lake: Lake) -> None:
    """Refuse a lake that has lost a partition.

    Raises:
        TaxiError: names what is missing, and how to get it back.
    """
    if missing := lake.missing():
        files = ", ".join(entry.source_file for entry in missing[:6])
        raise TaxiError(
            lake.url,
            f"the lake has lost {name_files([entry.key for entry in missing])}; nothing was changed",
            f"restore the files, ingest again ({files}), or remove the month for good with `taxi forget`",
        )


def require_intact(
    lake: Lake, entries: Sequence[ManifestEntry], tell: Callable[[str], None] | None = None
) -> None:
    """Check the bytes of partitions that are about to be read.

    Raises:
        DataError: a partition is damaged.
    """
    for entry in entries:
        if tell is not None:
            tell(f"Checking the partition of {month_name(entry)}")
        if not lake.is_intact(entry):
            raise DataError(
                lake.location(entry),
                f"the partition of {month_name(entry)} is damaged: its bytes are not those that ingestion wrote",
                f"ingest {entry.source_file} again, which repairs it; `taxi lake verify` checks all of them",
            )
