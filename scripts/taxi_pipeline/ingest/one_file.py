"""One trip file in, one canonical partition out: every row, in order, or nothing at all.

CSV is read once into a converted copy beside the lake, because only Parquet numbers its rows
without giving up parallel reading.
"""

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate, product
from pathlib import Path
from typing import Literal

import duckdb

from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.file_names import TripFile, parse
from taxi_pipeline.ingest.arguments import part_files
from taxi_pipeline.ingest.convert import (
    EARLIEST,
    EXPECTED,
    LATEST,
    Facts,
    convert_sql,
    facts_sql,
    first_misfit_sql,
    refused_type,
)
from taxi_pipeline.ingest.matching import (
    TEXT_TYPE,
    ColumnMatch,
    SourceColumn,
    located_columns,
    match_columns,
)
from taxi_pipeline.ingest.packing import PARQUET_MAGIC
from taxi_pipeline.ingest.partition import copy_sql, partition_sql
from taxi_pipeline.ingest.text import (
    MOST_LINES,
    convert_csv_sql,
    csv_match,
    csv_relation,
    hash_parts,
    read_header,
    scan_text,
    split_header,
    wide_csv_relation,
    write_clean_copy,
)
from taxi_pipeline.lake import (
    Lake,
    ManifestEntry,
    hash_file,
    new_load_id,
    quote_identifier,
    quote_literal,
)
from taxi_pipeline.quality.gate import examine
from taxi_pipeline.restatements.versions import publish_version, record_restatements
from taxi_pipeline.schemas import TIME, Column, Service, columns_of
from taxi_pipeline.settings import Settings
from taxi_pipeline.synthetic import METADATA_KEY
from taxi_pipeline.texts import plural
from taxi_pipeline.zones.archive import METHOD_VERSION, kept_shapes, require_shapes
from taxi_pipeline.zones.lookup import let_points_be_zones
from taxi_pipeline.zones.polygons import ZoneShapes

INGEST_VERSION = 3
"""Raise it when the same file would give other rows; every file is then read again."""

UNREADABLE_SHARE = 0.5
"""Share of rows from which one unreadable column makes a file unusable: its header is wrong (2026-11-26). Real files
have no such row."""

Progress = Callable[[str], None]
"""Told what is going on, in a sentence."""

Status = Literal["ingested", "replaced", "repaired", "unchanged"]

_Locate = Callable[[ColumnMatch], ZoneShapes | None]
"""Makes points zones where columns ask for it; gives the shapes by which it does."""

_PICKUP_ONLY = frozenset(
    {"pickup_date", "locationid"}
)  # FHV files of 2015 and 2016 say no more of a trip
_DROPOFF = ("dropoff_datetime", "dolocationid")
_UTC = frozenset({"UTC", "Etc/UTC", "+00:00"})
_NOT_TLC_WRITERS = frozenset({"DuckDB", "Polars"})
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class IngestResult:
    """What became of one file.

    Attributes:
        status: ``ingested`` anew, ``replaced`` an earlier version, ``repaired`` a damaged partition, or ``unchanged``.
        entry: the manifest entry of the rows that are in the lake now.
        seconds: time taken.
        remarks: checks that the month failed, in a line each.
        rows_before: rows of the version that was replaced.
    """

    status: Status
    entry: ManifestEntry
    seconds: float
    remarks: tuple[str, ...] = ()
    rows_before: int | None = None


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    """Turn faults of the system and of the engine into one that names the file and a way out."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full(name) from error
        where = f" ({error.filename})" if error.filename else ""
        raise TaxiError(
            name,
            f"the file cannot be read or its rows written: {error.strerror or error}{where}",
            "check the permissions of the file and of the data folder",
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise TaxiError(
            name,
            "reading it takes more memory than allowed",
            "raise TAXI_MEMORY_LIMIT, such as TAXI_MEMORY_LIMIT=4GB",
        ) from error
    except duckdb.Error as error:
        if any(os.strerror(number) in str(error) for number in _DISK_FULL):
            raise _disk_full(name) from error
        raise _unreadable(name, error) from error


def _disk_full(name: str) -> TaxiError:
    return TaxiError(
        name,
        "there is no space left on the disk of the data folder",
        "free some space, or set TAXI_DATA_DIR to a folder on another disk",
    )


def _unreadable(name: str, error: Exception) -> TaxiError:
    detail = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
    return TaxiError(
        name, f"its content cannot be read: {detail[:200]}", "download it again or check its source"
    )


@dataclass(frozen=True)
class _Source:
    """A file that is ready to be written: its rows as SQL, and what they add up to."""

    converted: str
    facts: Facts
    unknown: tuple[str, ...]
    format: str
    is_synthetic: bool = False
    shapes: ZoneShapes | None = None


def ingest_file(
    path: Path,
    lake: Lake,
    settings: Settings,
    progress: Progress | None = None,
    *,
    accept_critical: bool = False,
    prepare: Callable[[], None] | None = None,
    may_fetch_shapes: bool = False,
) -> IngestResult:
    """Bring one trip file into the lake, in place of an earlier version of the same month.

    The lake changes in one step at the end, that of its manifest; before it, and on every fault, it is as it was.

    Args:
        path: a ``.parquet``, ``.csv``, ``.csv.gz`` or ``.zip`` file with TLC's name, or a folder ``x.parquet`` of
            part files.
        lake: where its rows go.
        settings: memory limit and temporary folder.
        progress: told what is going on.
        accept_critical: take the file although what is expected of a month says that it is not what its name says.
        prepare: called instead of ``prepare_lake`` before the lake is read, where a caller does that once for many.
        may_fetch_shapes: download TLC's zone shapes where the file has coordinates and they are not there.

    Raises:
        TaxiError: the file cannot be used or fails a critical check; the lake is as it was.
    """
    started = time.monotonic()
    tell = progress or (lambda _: None)
    trip_file = parse(path)
    with _faults_named(trip_file.name):
        parts = _check_path(path, trip_file)
        if prepare is None:
            prepare_lake(lake, settings, tell)
        else:
            prepare()
        before = _signature(parts)
        checksum = hash_parts(parts) if path.is_dir() else hash_file(path)
        present = lake.find(trip_file.service, trip_file.month)
        is_intact = present is not None and lake.is_intact(present)
        if (
            present is not None
            and is_intact
            and (present.source_sha256, present.ingest_version) == (checksum, INGEST_VERSION)
            and _zones_stay(present, settings)
        ):
            return IngestResult("unchanged", present, time.monotonic() - started)
        with scratch_folder(settings) as scratch, open_engine(settings, scratch) as connection:
            tell(f"Reading {trip_file.name}")

            def locate(match: ColumnMatch) -> ZoneShapes | None:
                if not match.located:
                    return None
                shapes = require_shapes(settings, trip_file.name, may_fetch=may_fetch_shapes)
                let_points_be_zones(connection, shapes)
                return shapes

            if trip_file.format == "parquet":
                source = _prepare_parquet(parts, trip_file, connection, scratch, locate)
            else:
                source = _prepare_csv(path, trip_file, connection, scratch, locate)
            entry = _make_entry(parts, trip_file, checksum, source, lake)
            temp = lake.draft()
            try:
                tell(f"Writing {plural(source.facts.rows, 'row')} of {trip_file.name}")
                query = partition_sql(trip_file, source.converted, entry.ingested_at)
                connection.execute(copy_sql(query, temp, entry.to_json()))
                _check_written(temp, trip_file, source.facts, connection)
                if _signature(parts) != before:
                    raise TaxiError(
                        trip_file.name,
                        "the file changed while it was read",
                        "ingest it again when it is complete",
                    )
                passage = examine(
                    connection, temp, entry, lake, settings, accept_critical=accept_critical
                )
                rival = publish_version(temp, entry, lake, settings, tell)
            finally:
                temp.unlink(missing_ok=True)
    seconds = time.monotonic() - started
    if rival is not None:
        return IngestResult("unchanged", rival, seconds)
    remarks: list[str] = []
    if passage is not None:
        passage.record()
        remarks = passage.remarks
    status: Status = "ingested"
    if present is not None:
        status = "replaced" if is_intact else "repaired"
    rows_before = present.row_count if present is not None and status == "replaced" else None
    return IngestResult(status, entry, seconds, tuple(remarks), rows_before)


def gives_points(path: Path) -> bool:
    """Whether a file gives places by points and not by zones, so that ingestion needs the shapes of the zones.

    Raises:
        TaxiError: its columns cannot be read.
    """
    trip_file = parse(path)
    with _faults_named(trip_file.name):
        if trip_file.format == "parquet":
            names = _read_footer(part_files(path)[0], trip_file).names
        else:
            names = split_header(read_header(path, trip_file))
    return bool(located_columns(trip_file.service, {name.strip().lower() for name in names}))


def _zones_stay(entry: ManifestEntry, settings: Settings) -> bool:
    """Whether the points of a file would get the same zones again; without the shapes nothing else can be had."""
    shapes = kept_shapes(settings) if entry.zone_shapes_sha256 else None
    record = entry.zone_shapes_sha256, entry.zone_method
    return shapes is None or record == (shapes.sha256, METHOD_VERSION)


def prepare_lake(lake: Lake, settings: Settings, tell: Progress) -> None:
    """Do once what every file would do for itself: what a process that died left undone, in the whole lake.

    Args:
        lake: where rows are to go.
        settings: memory limit and temporary folder.
        tell: told what is going on.
    """
    lake.ensure(tell)
    record_restatements(lake, settings, tell)


def _check_path(path: Path, trip_file: TripFile) -> list[Path]:
    """Return the files that hold the rows, each of which is there and not empty."""
    if not path.exists():
        raise TaxiError(str(path), "there is no such file", "check the path")
    if not path.is_file() and not (path.is_dir() and trip_file.format == "parquet"):
        raise TaxiError(str(path), "it is not a file", "give a file, a folder of files or a URL")
    parts = part_files(path)
    for part in parts:
        if part.stat().st_size == 0:
            subject = trip_file.name if part == path else f"{trip_file.name}/{part.name}"
            raise TaxiError(subject, "the file is empty", "download it again")
    return parts


def _signature(parts: Sequence[Path]) -> list[tuple[int, int]]:
    states = [part.stat() for part in parts]
    return [(state.st_size, state.st_mtime_ns) for state in states]


def _make_entry(
    parts: Sequence[Path], trip_file: TripFile, checksum: str, source: _Source, lake: Lake
) -> ManifestEntry:
    ingested_at = lake.next_ingested_at(trip_file.service, trip_file.month)
    facts = source.facts
    return ManifestEntry(
        load_id=new_load_id(),
        service_type=trip_file.service.label,
        file_month=trip_file.month.isoformat(),
        source_file=trip_file.name,
        source_sha256=checksum,
        source_bytes=sum(part.stat().st_size for part in parts),
        source_format=source.format,
        row_count=facts.rows,
        unparseable_count=facts.unparseable,
        total_amount=None if facts.total_amount is None else f"{facts.total_amount:.2f}",
        rounded_count=facts.rounded,
        unknown_columns=source.unknown,
        is_synthetic=source.is_synthetic,
        ingest_version=INGEST_VERSION,
        ingested_at=ingested_at,
        zone_shapes_sha256=source.shapes.sha256 if source.shapes else "",
        zone_method=METHOD_VERSION if source.shapes else 0,
    )


def _fetch_facts(connection: duckdb.DuckDBPyConnection, service: Service, sql: str) -> Facts:
    row = connection.execute(facts_sql(service, sql)).fetchone()
    if row is None:
        raise AssertionError(sql)
    rows, unparseable, unreadable, rounded, total = row
    return Facts(
        rows, unparseable, unreadable, int(rounded), None if total is None else Decimal(total)
    )


def _check_rows(name: str, counted: int, expected: int) -> None:
    if counted != expected:
        raise TaxiError(
            name,
            f"it holds {expected:,} rows but {counted:,} were read, so nothing was kept",
            "report it as a defect, with the file",
        )


def _no_rows(name: str) -> TaxiError:
    return TaxiError(
        name,
        "it has a header but no rows",
        "download it again, or wait until TLC publishes its rows",
    )


@dataclass(frozen=True)
class _Footer:
    """What a Parquet file says of itself.

    Attributes:
        names: its columns.
        rows: how many it holds.
        is_synthetic: it says that it is this project's own sample.
        writer: the program that wrote it.
        zones: the time zone of each column of instants, empty where it has none.
    """

    names: list[str]
    rows: int
    is_synthetic: bool
    writer: str
    zones: dict[str, str]


def _prepare_parquet(
    parts: Sequence[Path],
    trip_file: TripFile,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    locate: _Locate,
) -> _Source:
    footers = [_read_footer(part, trip_file) for part in parts]
    first = footers[0]
    for part, footer in zip(parts, footers, strict=True):
        if sorted(footer.names) != sorted(first.names):
            raise TaxiError(
                trip_file.name,
                f"its part files {parts[0].name} and {part.name} have different columns",
                "write the folder again, all parts by the same program",
            )
    rows = sum(footer.rows for footer in footers)
    if rows > MOST_LINES:
        raise TaxiError(
            trip_file.name,
            f"it holds {rows:,} rows, more than four times TLC's largest month",
            "check that it is one month of TLC's trips",
        )
    _refuse_twins(
        trip_file, [part for part, footer in zip(parts, footers, strict=True) if footer.rows]
    )
    relation = _parquet_relation(parts, [footer.rows for footer in footers], scratch)
    described = connection.execute(f"describe from {relation}").fetchall()
    columns = []
    members = []
    for name, (column, type_, *_) in zip(first.names, described, strict=False):
        identifier = quote_identifier(column)
        columns.append(SourceColumn(name, identifier, str(type_)))
        members.append(f"{identifier}: {_as_json(identifier, str(type_))}")
    match = match_columns(trip_file.service, columns, trip_file.name)
    if rows == 0:
        raise _no_rows(trip_file.name)
    _refuse_zones(trip_file, match, footers)
    shapes = locate(match)

    def convert(*, fits: bool) -> str:
        return convert_sql(
            trip_file.service,
            match,
            relation,
            malformed="false",
            raw=f"replace(cast(to_json({{{', '.join(members)}}}) as varchar), chr(0), '')",
            also=["file_row_number"],
            fits=fits,
        )

    for column in columns_of(trip_file.service):
        for found in match.sources.get(column.name, ()):
            if refused_type(column, found):
                _refuse_type(connection, trip_file, column, found, relation)
    facts = _fetch_facts(connection, trip_file.service, convert(fits=False))
    _check_rows(trip_file.name, facts.rows, rows)
    _refuse_unreadable(connection, trip_file, match, (f"({convert(fits=False)})", relation), facts)
    return _Source(
        convert(fits=facts.unreadable == 0),
        facts,
        match.unknown,
        _parquet_format(first.writer),
        any(footer.is_synthetic for footer in footers),
        shapes,
    )


def _refuse_twins(trip_file: TripFile, parts: Sequence[Path]) -> None:
    """Refuse part files of the same bytes: their rows would count twice. Only files of one size are read for it.

    Raises:
        TaxiError: it names two of them.
    """
    sizes = Counter(part.stat().st_size for part in parts)
    first: dict[str, Path] = {}
    for part in parts:
        if (
            sizes[part.stat().st_size] > 1
            and (twin := first.setdefault(hash_file(part), part)) != part
        ):
            raise TaxiError(
                trip_file.name,
                f"its part files {twin.name} and {part.name} hold the same bytes, so that their rows would count twice",
                "remove one of them",
            )


def _as_json(identifier: str, type_: str) -> str:
    """A value for the raw text of a row; instants beyond the calendar, which have no text, by their number."""
    if not type_.startswith("TIMESTAMP"):
        return identifier
    text = f"cast({identifier} as varchar)"
    within = f"{identifier} between {EARLIEST} and {LATEST}"
    return f"case when {within} then {text} when {identifier} is not null then 'out of range' end"


def _refuse_type(
    connection: duckdb.DuckDBPyConnection,
    trip_file: TripFile,
    column: Column,
    source: SourceColumn,
    relation: str,
) -> None:
    """Refuse a column of a type that holds no such values, unless it is empty: a null-typed column is none.

    Raises:
        TaxiError: it names the column, a value and what is expected.
    """
    sql = f"select cast({source.sql} as varchar) from {relation} where {source.sql} is not null limit 1"
    if (row := connection.execute(sql).fetchone()) is not None:
        raise TaxiError(
            trip_file.name,
            f"the column '{source.name}' is of type {source.type}, such as {row[0]!r}; "
            f"expected is {EXPECTED[column.type]}",
            "write the file again with TLC's types",
        )


def _refuse_zones(trip_file: TripFile, match: ColumnMatch, footers: Sequence[_Footer]) -> None:
    """Refuse trip times with a zone, unless it is UTC at all of them: Spark marks times without a zone so.

    Raises:
        TaxiError: it names the zone, and a column that has it.
    """
    columns: dict[str, str] = {}  # by zone, the first column that has it
    for column in columns_of(trip_file.service):
        sources = match.sources.get(column.name, ()) if column.type == TIME else ()
        for source, footer in product(sources, footers):
            if (zone := footer.zones.get(source.name)) is not None:
                columns.setdefault(zone, source.name)
    zoned = [zone for zone in columns if zone]
    if len(zoned) < len(columns) and zoned:
        reason = (
            f"some of its times have the time zone {zoned[0]}, as in '{columns[zoned[0]]}', "
            f"and others have none, as in '{columns['']}'"
        )
    elif foreign := [zone for zone in zoned if zone not in _UTC]:
        reason = f"the times in '{columns[foreign[0]]}' have the time zone {foreign[0]}"
    else:
        return
    raise TaxiError(
        trip_file.name, reason, "write all its times as New York wall time without a zone"
    )


def _refuse_unreadable(
    connection: duckdb.DuckDBPyConnection,
    trip_file: TripFile,
    match: ColumnMatch,
    relations: tuple[str, str],
    facts: Facts,
) -> None:
    """Refuse a file in which one column cannot be read on most rows: it is not what the header says.

    Args:
        connection: of the engine.
        trip_file: what is read.
        match: where the columns come from.
        relations: the converted rows, and the file's own.
        facts: what the file adds up to.

    Raises:
        TaxiError: it names the column, the first value and what is expected.
    """
    if facts.unreadable <= UNREADABLE_SHARE * facts.rows:
        return
    converted, given = relations
    counted = connection.execute(
        "select name, count(*) as rows from (select unnest(string_split(unreadable_fields, ',')) as name "
        f"from {converted} where unreadable_fields is not null) group by name order by rows desc, name"
    ).fetchall()
    name, rows = counted[0]
    if rows <= UNREADABLE_SHARE * facts.rows or name not in match.sources:
        return
    column = next(one for one in columns_of(trip_file.service) if one.name == name)
    found = connection.execute(first_misfit_sql(match, given, column)).fetchone()
    raise TaxiError(
        trip_file.name,
        f"the column '{match.sources[name][0].name.strip()}' cannot be read on {rows:,} of {facts.rows:,} rows; "
        f"the first value is {str(found and found[0])[:80]!r}, expected is {EXPECTED[column.type]}",
        "check the file's header and its publisher",
    )


def _parquet_relation(parts: Sequence[Path], rows: Sequence[int], scratch: Path) -> str:
    """Build the SQL that reads Parquet files one after the other, the rows numbered through from 0."""
    links = []
    for number, part in enumerate(
        parts
    ):  # names without characters that the engine takes as a pattern
        link = scratch / f"source-{number:06d}.parquet"
        link.symlink_to(part.resolve())
        links.append(quote_literal(link))
    read = (
        f"read_parquet([{', '.join(links)}], file_row_number = true, hive_partitioning = false"
        f"{', union_by_name = true' if len(parts) > 1 else ''})"
    )
    if len(parts) == 1:
        return read
    before = [0, *accumulate(rows)][: len(rows)]
    through = f"file_row_number + {before}[cast(file_index as bigint) + 1] as file_row_number"
    return f"(select * replace ({through}) from {read})"


def _parquet_format(writer: str) -> str:
    """Name the format, and a writer that TLC does not use: such a file was made from another, often from a CSV file."""
    name = writer.split(" ", 1)[0]
    return f"parquet ({name})" if name in _NOT_TLC_WRITERS else "parquet"


def _read_footer(path: Path, trip_file: TripFile) -> _Footer:
    """Read what a Parquet file says of itself."""
    with path.open("rb") as stream:
        start = stream.read(60)
        stream.seek(-min(len(PARQUET_MAGIC), path.stat().st_size), 2)
        end = stream.read()
    if not start.startswith(PARQUET_MAGIC):
        raise TaxiError(
            trip_file.name,
            f"it is not a Parquet file but starts with {start.decode('latin-1')!r}",
            "check that it is not, say, an error page, and download it again",
        )
    if end != PARQUET_MAGIC:
        raise TaxiError(trip_file.name, "the Parquet file is cut off", "download it again")
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, which a command that reads no file need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        return _Footer(
            names=list(schema.names),
            rows=metadata.num_rows,
            is_synthetic=(metadata.metadata or {}).get(METADATA_KEY.encode()) == b"true",
            writer=metadata.created_by or "",
            zones={
                field.name: field.type.tz or ""
                for field in schema
                if pa.types.is_timestamp(field.type)
            },
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(trip_file.name, error) from error


def _prepare_csv(
    path: Path,
    trip_file: TripFile,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    locate: _Locate,
) -> _Source:
    header = read_header(path, trip_file)
    names = split_header(header)
    columns = [SourceColumn(name, f"f{index}", TEXT_TYPE) for index, name in enumerate(names)]
    if {name.lower() for name in names} >= _PICKUP_ONLY:
        columns += [
            SourceColumn(name, f"cast(null as {TEXT_TYPE})", TEXT_TYPE) for name in _DROPOFF
        ]
    text = scan_text(path, trip_file)
    if text.lines == 0:
        raise TaxiError(trip_file.name, "the file is empty", "download it again")
    match = match_columns(trip_file.service, columns, trip_file.name)
    if text.lines == 1:
        raise _no_rows(trip_file.name)
    shapes = locate(match)
    readable = scratch / "source.csv"
    compression = "none"
    if (
        not text.is_clean or text.has_marks or trip_file.format == "csv.zip"
    ):  # the engine cannot unpack a zip file
        write_clean_copy(path, trip_file, readable)
    else:
        readable.symlink_to(path.resolve())
        compression = "gzip" if trip_file.format == "csv.gz" else "none"
    stage = scratch / "stage.parquet"
    staged = f"from read_parquet({quote_literal(stage)}, file_row_number = true)"
    for relate in (csv_relation, wide_csv_relation):
        relation = relate(readable, len(names), compression)
        converted = convert_csv_sql(trip_file.service, match, relation, len(names), text)
        connection.execute(copy_sql(converted, stage))
        if connection.execute(f"select bool_or(is_wider) {staged}").fetchone() != (True,):
            break
    facts = _fetch_facts(connection, trip_file.service, staged)
    _check_rows(trip_file.name, facts.rows, text.lines - 1)
    _refuse_unreadable(
        connection,
        trip_file,
        csv_match(trip_file.service, match, text),
        (staged.removeprefix("from "), relation),
        facts,
    )
    return _Source(staged, facts, match.unknown, trip_file.format, shapes=shapes)


def _check_written(
    temp: Path, trip_file: TripFile, facts: Facts, connection: duckdb.DuckDBPyConnection
) -> None:
    """Tie the written partition to the source: rows by its footer, the rest by reading it."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - as in _read_footer

    _check_rows(trip_file.name, pq.read_metadata(temp).num_rows, facts.rows)
    written = _fetch_facts(
        connection,
        trip_file.service,
        f"select *, 0 as rounded_amounts from read_parquet({quote_literal(temp)})",
    )
    if replace(written, rounded=facts.rounded) != facts:
        raise TaxiError(
            trip_file.name,
            f"the rows written do not add up to those read ({written} and {facts})",
            "report it as a defect, with the file",
        )
