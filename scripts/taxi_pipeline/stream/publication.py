"""A streamed month becomes a version of the lake's month: every event once, in the order in which the lake has them.

So the rows go through the same rules, marts and loads as a file's, whole each time; and the month's file, when TLC
publishes it, takes their place as one version takes that of another.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.errors import DataError
from taxi_pipeline.file_names import TripFile
from taxi_pipeline.ingest import INGEST_VERSION
from taxi_pipeline.ingest.partition import copy_sql, partition_sql
from taxi_pipeline.lake import (
    Lake,
    ManifestEntry,
    new_load_id,
    quote_identifier,
    quote_literal,
)
from taxi_pipeline.lake.manifest import STREAM_FORMAT
from taxi_pipeline.lake.stream_log import StreamBatch, StreamLog
from taxi_pipeline.restatements.versions import publish_version
from taxi_pipeline.schemas import Service, columns_of, trip_columns_of
from taxi_pipeline.settings import Settings
from taxi_pipeline.texts import plural

Key = tuple[str, str]


@dataclass(frozen=True)
class StreamedMonth:
    """What became of the events of a month.

    Attributes:
        key: service and month.
        status: ``published``; ``unchanged`` where no event has come since; ``superseded`` where the lake has the
            month's file, which a stream never replaces.
        rows: of the version that the lake has now.
        events: in the stream, repeats among them.
        repeats: events whose id had come before, dropped.
        contradicted: of these, those that say something else than the first.
    """

    key: Key
    status: str
    rows: int
    events: int
    repeats: int = 0
    contradicted: int = 0


def publish_months(
    lake: Lake, settings: Settings, tell: Callable[[str], None]
) -> list[StreamedMonth]:
    """Publish each month of which events have come since the last time.

    Args:
        lake: with the events, and where the months go.
        settings: memory limit and temporary folder.
        tell: told what is going on.

    Raises:
        DataError: a file of events is damaged.
        TaxiError: the lake cannot be written.
    """
    lake.ensure(tell)
    batches = StreamLog(lake.storage).batches()
    events: dict[Key, int] = {}
    for batch in batches:
        for name, rows in batch.months.items():
            events[_key(name)] = events.get(_key(name), 0) + rows
    return [
        _publish(key, rows, batches, lake, settings, tell) for key, rows in sorted(events.items())
    ]


def _key(name: str) -> Key:
    service, _, month = name.partition(" ")
    return service, month


def _publish(
    key: Key,
    events: int,
    batches: Sequence[StreamBatch],
    lake: Lake,
    settings: Settings,
    tell: Callable[[str], None],
) -> StreamedMonth:
    service, month = Service.of_label(key[0]), date.fromisoformat(key[1])
    present = lake.find(service, month)
    if present is not None and not present.is_stream:
        return StreamedMonth(key, "superseded", present.row_count, events)
    # The stream only grows: as many events of a topic are the same events.
    content = hashlib.sha256(f"{batches[0].topic} {key[0]} {key[1]} {events}".encode()).hexdigest()
    if present is not None and (present.source_sha256, present.ingest_version) == (
        content,
        INGEST_VERSION,
    ):
        return StreamedMonth(key, "unchanged", present.row_count, events)
    name = f"{key[0]} {key[1]}"
    held = [batch for batch in batches if name in batch.months]
    tell(f"Publishing {plural(events, 'event')} of {key[0]} {key[1][:7]}")
    with scratch_folder(settings) as scratch, open_engine(settings, scratch) as connection:
        lake.storage.connect(connection)
        draft = lake.draft()
        try:
            file = TripFile(service, month, f"stream of {batches[0].topic}", STREAM_FORMAT)
            entry, facts = _write(connection, draft, file, held, content, lake)
            rival = publish_version(draft, entry, lake, settings, tell)
        finally:
            draft.unlink(missing_ok=True)
    if rival is not None:
        status = "unchanged" if rival.is_stream else "superseded"
        return StreamedMonth(key, status, rival.row_count, events)
    return StreamedMonth(key, "published", facts.rows, events, facts.repeats, facts.contradicted)


@dataclass(frozen=True)
class _Facts:
    """What a month's events add up to."""

    rows: int
    unparseable: int
    repeats: int
    contradicted: int
    total_amount: Decimal | None
    is_synthetic: bool


def _write(
    connection: duckdb.DuckDBPyConnection,
    draft: Path,
    file: TripFile,
    batches: Sequence[StreamBatch],
    content: str,
    lake: Lake,
) -> tuple[ManifestEntry, _Facts]:
    """Write a month's partition; gives its entry, and what its events add up to."""
    _require_intact(batches, lake)
    listed = ", ".join(quote_literal(lake.storage.location(batch.file)) for batch in batches)
    columns = ", ".join(trip_columns_of(file.service))
    connection.execute(
        f"create temp table events as select *, hash({columns}) as content, row_number() over"
        " (partition by event_id order by file_index, file_row_number) as delivery from (select *, file_index"
        f" from read_parquet([{listed}], file_row_number = true, hive_partitioning = false))"
        f" where service_type = {quote_literal(file.service.label)} and file_month = date '{file.month}'"
    )
    facts = _facts(connection, file.service)
    entry = ManifestEntry(
        load_id=new_load_id(),
        service_type=file.service.label,
        file_month=file.month.isoformat(),
        source_file=file.name,
        source_sha256=content,
        source_bytes=sum(_size(batch, lake) for batch in batches),
        source_format=STREAM_FORMAT,
        row_count=facts.rows,
        unparseable_count=facts.unparseable,
        total_amount=None if facts.total_amount is None else f"{facts.total_amount:.2f}",
        rounded_count=0,
        unknown_columns=(),
        is_synthetic=facts.is_synthetic,
        ingest_version=INGEST_VERSION,
        ingested_at=lake.next_ingested_at(file.service, file.month),
    )
    query = partition_sql(file, _converted_sql(file.service), entry.ingested_at)
    connection.execute(copy_sql(query, draft, entry.to_json()))
    return entry, facts


_COUNTS = "event_id is null or delivery = 1"
"""Of a trip that was delivered more than once, the first delivery."""


def _facts(connection: duckdb.DuckDBPyConnection, service: Service) -> _Facts:
    amount = f"sum({_total_sql(service)}) filter ({_COUNTS})" if _has_total(service) else "null"
    row = connection.execute(
        f"select count(*) filter ({_COUNTS}), count(*) filter (raw_line is not null),"
        f" count(*) filter (not ({_COUNTS})), cast({amount} as decimal(18, 2)), bool_or(is_synthetic) from events"
    ).fetchone()
    if row is None:
        raise AssertionError(service)
    rows, unparseable, repeats, amount, is_synthetic = row
    contradicted = 0
    if repeats:
        [(contradicted,)] = connection.execute(
            "select count(*) from events as later join events as first on later.event_id = first.event_id"
            " where later.delivery > 1 and first.delivery = 1 and later.content <> first.content"
        ).fetchall()
    return _Facts(rows, unparseable, repeats, contradicted, amount, is_synthetic)


def _has_total(service: Service) -> bool:
    return "total_amount" in trip_columns_of(service)


def _total_sql(service: Service) -> str:
    """The total as the event gives it; where its service's files give none, else the sum of its parts."""
    names = {column[service.value][0]: name for name, column in trip_columns_of(service).items()}
    total = next(column for column in columns_of(service) if names[column.name] == "total_amount")
    if not total.parts:
        return "total_amount"
    parts = [names[part] for part in total.parts]
    added = " + ".join(f"coalesce({part}, 0)" for part in parts)
    known = " or ".join(f"{part} is not null" for part in parts)
    return f"coalesce(total_amount, case when {known} then cast({added} as decimal(12, 2)) end)"


def _converted_sql(service: Service) -> str:
    """The rows that count, numbered, under the names of the lake."""
    items = [
        f"{_total_sql(service) if name == 'total_amount' else name}"
        f" as {quote_identifier(column[service.value][0])}"
        for name, column in trip_columns_of(service).items()
    ]
    return (
        f"select {', '.join(items)}, raw_line, unreadable_fields,"
        " row_number() over (order by file_index, file_row_number) - 1 as file_row_number"
        f" from events where {_COUNTS} order by file_row_number"
    )


def _size(batch: StreamBatch, lake: Lake) -> int:
    state = lake.storage.state(batch.file)
    return state.size if state is not None else 0


def _require_intact(batches: Sequence[StreamBatch], lake: Lake) -> None:
    for batch in batches:
        state = lake.storage.state(batch.file)
        if state is None or lake.storage.checksum(batch.file) != batch.sha256:
            raise DataError(
                lake.storage.location(batch.file),
                "the file of events is missing, or its bytes are not those that were written",
                "restore it from a backup; while the topic keeps its messages, another lake can read them again",
            )
