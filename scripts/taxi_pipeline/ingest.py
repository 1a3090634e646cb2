"""One trip file in, one canonical partition out: every row, in order, or nothing at all.

A row that cannot be read under the file's header or does not fit the canonical types is kept as raw
text, with its data columns null. CSV is read once into a converted copy beside the lake, because
only Parquet numbers its rows without giving up parallel reading.
"""

import errno
import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Literal, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from taxi_pipeline import files
from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.files import DownloadProgress, TripFile
from taxi_pipeline.lake import (
    FOOTER_KEY,
    Lake,
    ManifestEntry,
    quote_identifier,
    quote_literal,
)
from taxi_pipeline.quality.gate import examine
from taxi_pipeline.restatements import publish_version
from taxi_pipeline.sample import METADATA_KEY
from taxi_pipeline.schemas import CODE, COLUMNS, MILES, MONEY, TEXT, TIME, Column, Service
from taxi_pipeline.settings import Settings

INGEST_VERSION = 1
"""Raise it when the same file would give other rows; every file is then read again."""

Progress = Callable[[str], None]
"""Told what is going on, in a sentence."""

Status = Literal["ingested", "replaced", "unchanged"]

_CHUNK_BYTES = 1 << 20
_LONGEST_LINE_BYTES = 2_000_000
_SPARE_FIELDS = 4  # files of 2016 have two empty fields more than names
_NEVER_IN_A_FILE = "\x02null\x02"
_NEVER_IN_A_LINE = "\x1e\x1f\x1e"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEXT_TYPE = "VARCHAR"
_ALWAYS_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"})
_NUMBERS = _ALWAYS_WHOLE | {"BIGINT", "UINTEGER", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE"}


@dataclass(frozen=True)
class IngestResult:
    """What became of one file.

    Attributes:
        status: ``ingested`` anew, ``replaced`` an earlier version, or ``unchanged``.
        entry: the manifest entry of the rows that are in the lake now.
        seconds: time taken.
        remarks: checks that the month failed, in a line each.
    """

    status: Status
    entry: ManifestEntry
    seconds: float
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ManyResult:
    """What became of several files.

    Attributes:
        results: the files whose rows are in the lake, in the order given.
        failures: the faults of the others.
    """

    results: list[IngestResult] = field(default_factory=list)
    failures: list[TaxiError] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0, or 2 where any file failed."""
        return TaxiError.exit_code if self.failures else 0


@dataclass(frozen=True)
class SourceColumn:
    """A column of a source file.

    Attributes:
        name: its name in the file's header.
        sql: the expression that reads it.
        type: its DuckDB type.
    """

    name: str
    sql: str
    type: str


@dataclass(frozen=True)
class ColumnMatch:
    """Which columns of a file give the canonical ones.

    Attributes:
        sources: per canonical name, the file's columns in order of preference; maybe none.
        unknown: names in the file that the lake has no column for.
    """

    sources: dict[str, tuple[SourceColumn, ...]]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What a file adds up to.

    Attributes:
        rows: all rows.
        unparseable: rows kept as raw text only.
        rounded: amounts that had fractions of a cent.
        total_amount: dollars over the parsed rows; None for FHV.
    """

    rows: int
    unparseable: int
    rounded: int
    total_amount: Decimal | None


@dataclass(frozen=True)
class TextFacts:
    """What a CSV file is like as text.

    Attributes:
        lines: lines that are not blank, the header among them.
        is_clean: it is UTF-8, and no carriage return stands alone.
        needs_strip: a double quote or a tab occurs, so fields may stand in them.
    """

    lines: int
    is_clean: bool
    needs_strip: bool


# --- Pure: from names and types to SQL ------------------------------------------------------------


def match_columns(service: Service, columns: Sequence[SourceColumn], subject: str) -> ColumnMatch:
    """Match a file's columns to the canonical ones by name, without regard to case or blanks.

    Raises:
        TaxiError: a required column is missing, or none is a column of such trips.
    """
    by_name: dict[str, list[SourceColumn]] = {}
    for column in columns:
        by_name.setdefault(column.name.strip().lower(), []).append(column)
    sources = {
        wanted.name: tuple(
            column for name in (wanted.name, *wanted.aliases) for column in by_name.get(name, [])
        )
        for wanted in COLUMNS[service]
    }
    if not any(sources.values()):
        raise _not_a_tlc_header(subject, service, ",".join(column.name for column in columns))
    for wanted in COLUMNS[service]:
        if wanted.required and not sources[wanted.name]:
            raise TaxiError(
                subject,
                f"the required column '{wanted.name}' is missing",
                f"check that it is TLC's file of {service.value} trips, and download it again",
            )
    known = {name for wanted in COLUMNS[service] for name in (wanted.name, *wanted.aliases)}
    unknown = tuple(
        column.name.strip() for column in columns if column.name.strip().lower() not in known
    )
    return ColumnMatch(sources, unknown)


def _not_a_tlc_header(subject: str, service: Service, start: str) -> TaxiError:
    excerpt = start if len(start) <= 60 else start[:60] + "..."
    return TaxiError(
        subject,
        f"it does not start with a TLC header of {service.value} trips but with {excerpt!r}",
        "check that it is a trip file and not, say, an error page, and download it again",
    )


@dataclass(frozen=True)
class _Steps:
    """The SQL that takes a canonical column from text or number to value, one layer each.

    Attributes:
        given: the file's value, empty ones null.
        exact: the value before it is rounded; may use ``given``.
        value: the canonical value; may use ``exact``.
        misfit: whether the file's value is no such value.
        rounded: whether cents were rounded.
    """

    given: str
    exact: str
    value: str
    misfit: str | None = None
    rounded: str | None = None


def _steps(column: Column, sources: tuple[SourceColumn, ...], *, fits: bool) -> _Steps:
    given, exact, value = (_layer(prefix, column) for prefix in "gev")
    if not sources:
        return _Steps(f"cast(null as {column.type})", given, exact)
    read, source_type = _given(column, sources)
    is_text = source_type == _TEXT_TYPE
    # Casts pass over blanks; a field of nothing else is empty. Only failed casts pay for a trim.
    present = f"trim({given}) <> ''" if is_text else f"{given} is not null"
    misfit = f"case when {value} is null then {present} else false end"
    steps = _Steps(read, given, exact, misfit=misfit)
    # Six places are enough to tell float noise (8.9000000000000004) from fractions of a cent.
    cast_ = "cast" if fits and not is_text else "try_cast"
    six_places = f"{cast_}({given} as decimal(18, 6))"
    if column.type == TIME:
        finite = f"case when isfinite({exact}) then {exact} end"
        steps = replace(steps, exact=f"{cast_}({given} as timestamp)", value=finite)
    elif column.type == MILES:
        steps = replace(steps, exact=f"{cast_}({given} as {MILES})")
    elif column.type == MONEY:
        cents = f"{cast_}({exact} as {MONEY})"
        steps = replace(steps, exact=six_places, value=cents, rounded=f"{exact} <> {value}")
    elif column.type == CODE and source_type not in _ALWAYS_WHOLE:
        steps = replace(
            steps,
            exact=six_places if is_text else given,
            value=f"{cast_}({exact} as integer)",
            misfit=f"{steps.misfit} or {exact} <> {value}",
        )
    else:
        steps = replace(steps, misfit=None)
    return steps


def _given(column: Column, sources: tuple[SourceColumn, ...]) -> tuple[str, str]:
    """Return the file's value, with empty texts and NaN as null, and its type."""
    if len(sources) == 1 and column.type != TEXT:
        (source,) = sources
        if source.type in {"FLOAT", "DOUBLE"}:
            number = f"cast({source.sql} as double)"
            return f"case when isfinite({number}) then {number} end", "DOUBLE"
        if _keeps_type(column, source.type):
            return source.sql, source.type
    if len(sources) == 1 and column.type != TEXT and sources[0].type == _TEXT_TYPE:
        return f"nullif({sources[0].sql}, '')", _TEXT_TYPE
    texts = [f"nullif(trim(cast({source.sql} as varchar)), '')" for source in sources]
    return f"coalesce({', '.join(texts)})", _TEXT_TYPE


def _keeps_type(column: Column, source_type: str) -> bool:
    if column.type == TIME:
        return source_type == "DATE" or source_type.startswith("TIMESTAMP")
    return source_type in _NUMBERS or source_type.startswith("DECIMAL")


def _layer(prefix: str, column: Column) -> str:
    return f"{prefix}_{column.name}"


def convert_sql(
    service: Service,
    match: ColumnMatch,
    relation: str,
    *,
    malformed: str,
    raw: str,
    also: Sequence[str] = (),
    fits: bool = False,
) -> str:
    """Build the query that gives a file's rows in canonical columns.

    Args:
        service: whose columns to give.
        match: where they come from.
        relation: the SQL that reads the file.
        malformed: condition on the file's columns: the row has no readable form.
        raw: expression on the file's columns: the row as text.
        also: columns of the relation to pass through.
        fits: no row is unparseable, which makes the query quicker; it fails if one is.

    Returns:
        A query of the canonical columns, ``raw_line``, ``rounded_amounts`` and ``also``.
    """
    columns = COLUMNS[service]
    steps = {column: _steps(column, match.sources[column.name], fits=fits) for column in columns}

    def layer(prefix: str, expressions: dict[Column, str], source: str) -> str:
        items = (f"{sql} as {_layer(prefix, column)}" for column, sql in expressions.items())
        return f"select *, {', '.join(items)} from ({source})"

    given = layer("g", {c: s.given for c, s in steps.items()}, f"from {relation}")
    exact = layer("e", {c: s.exact for c, s in steps.items()}, given)
    valued = layer("v", {c: s.value for c, s in steps.items()}, exact)
    misfit = " or ".join([malformed, *(s.misfit for s in steps.values() if s.misfit)])
    rounded = [f"cast(coalesce({s.rounded}, false) as int)" for s in steps.values() if s.rounded]
    judged = (
        f"select *, {'false' if fits else f'coalesce({misfit}, false)'} as is_unparseable, "
        f"{' + '.join(rounded) or '0'} as amounts_off from ({valued})"
    )
    final = [
        *also,
        *(
            f"cast(case when not is_unparseable then {_layer('v', column)} end as {column.type})"
            f" as {quote_identifier(column.name)}"
            for column in columns
        ),
        f"case when is_unparseable then {raw} end as raw_line",
        "case when is_unparseable then 0 else amounts_off end as rounded_amounts",
    ]
    return f"select {', '.join(final)} from ({judged})"


def facts_sql(service: Service, converted: str) -> str:
    """Build the query for what converted rows add up to."""
    has_money = any(column.name == "total_amount" for column in COLUMNS[service])
    total = "coalesce(sum(total_amount), 0)" if has_money else "null"
    return (
        "select count(*), count(raw_line), coalesce(sum(rounded_amounts), 0), "
        f"{total} from ({converted})"
    )


def partition_sql(trip_file: TripFile, converted: str, ingested_at: str) -> str:
    """Build the query for a partition: lineage, then the canonical columns.

    Args:
        trip_file: the file that the rows come from.
        converted: the SQL of its rows, with ``file_row_number`` from 0.
        ingested_at: UTC time to stamp.
    """
    first_id = trip_file.service.code * 10**15 + int(f"{trip_file.month:%Y%m}") * 10**9
    lineage = {
        "trip_id": f"cast({first_id} + 1 + file_row_number as bigint)",
        "service_type": quote_literal(trip_file.service.label),
        "file_month": f"date '{trip_file.month.isoformat()}'",
        "source_row": "cast(file_row_number + 1 as bigint)",
        "source_file": quote_literal(trip_file.name),
        "ingested_at": f"timestamp '{ingested_at}'",
        "raw_line": "raw_line",
    }
    items = [f"{sql} as {name}" for name, sql in lineage.items()]
    items += [quote_identifier(column.name) for column in COLUMNS[trip_file.service]]
    return f"select {', '.join(items)} from ({converted})"


def copy_sql(query: str, path: Path, footer: str | None = None) -> str:
    """Build the statement that writes a query's rows, in order, to a Parquet file."""
    # On trips, zstd takes as long as snappy and 40 % less room. The encodings of version 2 (of 2015)
    # write numbered rows as differences: a third less time, and 13 % less room.
    options = "format parquet, parquet_version v2, compression zstd"
    if footer is not None:
        options += f", kv_metadata {{{FOOTER_KEY}: {quote_literal(footer)}}}"
    return f"copy ({query}) to {quote_literal(path)} ({options})"


def csv_relation(path: Path, width: int, compression: str) -> str:
    """Build the SQL that reads a CSV file line by line, as text.

    Quotes mean nothing to the reader, so a stray one cannot swallow the lines that follow. A
    line's missing fields are null, its empty ones are not: together they are the line again.

    Args:
        path: the file.
        width: fields of the header; a few more are read, and those after them are not.
        compression: ``gzip`` or ``none``.
    """
    return _read_csv(path, _field_names(width), ",", compression)


def wide_csv_relation(path: Path, width: int, compression: str) -> str:
    """Build the SQL for a CSV file with rows of any number of fields; slower than ``csv_relation``.

    The last field is the rest of the line, commas and all.
    """
    lines = _read_csv(path, ["line"], _NEVER_IN_A_LINE, compression)
    *names, last = _field_names(width)
    fields = [f"parts[{number}] as {name}" for number, name in enumerate(names, start=1)]
    rest = f"case when len(parts) > {len(names)} then array_to_string(parts[{len(names) + 1}:], ',') end"
    return (
        f"(select {', '.join(fields)}, {rest} as {last} "
        f"from (select string_split(line, ',') as parts from {lines}))"
    )


def _field_names(width: int) -> list[str]:
    return [f"f{index}" for index in range(width + _SPARE_FIELDS)]


def _read_csv(path: Path, fields: Sequence[str], delimiter: str, compression: str) -> str:
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in fields)
    return (
        f"read_csv({quote_literal(path)}, auto_detect = false, header = false, skip = 1, "
        f"delim = {quote_literal(delimiter)}, quote = '', escape = '', null_padding = true, "
        f"strict_mode = false, nullstr = {quote_literal(_NEVER_IN_A_FILE)}, "
        f"max_line_size = {2 * _LONGEST_LINE_BYTES}, compression = '{compression}', "
        f"columns = {{{columns}}})"
    )


def convert_csv_sql(
    service: Service,
    match: ColumnMatch,
    relation: str,
    width: int,
    *,
    needs_strip: bool,
) -> str:
    """Build the query for a CSV file's rows; ``is_wider`` marks rows that may have more fields."""
    fields = _field_names(width)

    def strip(name: str) -> str:
        return f"trim({name}, ' \t\"')" if needs_strip else name

    stripped = {
        name: tuple(replace(source, sql=strip(source.sql)) for source in sources)
        for name, sources in match.sources.items()
    }
    surplus = [f"trim({name}, ' \t\",') <> ''" for name in fields[width:]]
    return convert_sql(
        service,
        replace(match, sources=stripped),
        f"(select *, {fields[-1]} is not null as is_wider from {relation})",
        malformed=" or ".join([f"{fields[width - 1]} is null", *surplus]),
        raw=f"concat_ws(',', {', '.join(fields)})",
        also=["is_wider"],
    )


def split_header(line: bytes) -> list[str]:
    """Read the names of a CSV header; empty ones at its end are none."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    names = [name.strip(' \t"') for name in text.split(",")]
    while len(names) > 1 and not names[-1]:
        names.pop()
    return names


# --- Effects: reading text ------------------------------------------------------------------------


@contextmanager
def _open_text(path: Path, trip_file: TripFile) -> Iterator[BinaryIO]:
    """Open a CSV file's text, decompressed; what is wrong with the compression is a TaxiError."""
    if trip_file.format == "csv":
        with path.open("rb") as stream:
            if stream.read(2) == b"\x1f\x8b":
                raise TaxiError(
                    trip_file.name, "it is gzip data", f"rename it to {trip_file.name}.gz"
                )
            stream.seek(0)
            yield stream
        return
    again = "download it again"
    try:
        with gzip.open(path, "rb") as stream:
            yield cast(BinaryIO, stream)
    except EOFError as error:
        raise TaxiError(trip_file.name, "the gzip data is cut off", again) from error
    except gzip.BadGzipFile as error:
        if "Not a gzipped file" in str(error):
            raise TaxiError(trip_file.name, "it is not a gzip file", again) from error
        raise TaxiError(trip_file.name, "the gzip data is damaged", again) from error
    except zlib.error as error:
        raise TaxiError(trip_file.name, "the gzip data is damaged", again) from error


def _whole_lines(stream: BinaryIO, subject: str) -> Iterator[bytes]:
    """Read in pieces that end where a line ends."""
    rest = b""
    while block := stream.read(_CHUNK_BYTES):
        block = rest + block
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
        rest = block[end:]
        if len(rest) > _LONGEST_LINE_BYTES:
            raise TaxiError(
                subject,
                f"a line is longer than {_LONGEST_LINE_BYTES:,} bytes",
                "check that it is a TLC trip file",
            )
        if end:
            yield block[:end]
    if rest:
        yield rest


def _end_lines_alike(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_header(path: Path, trip_file: TripFile) -> bytes:
    """Read the first line of a CSV file, without its end."""
    with _open_text(path, trip_file) as stream:
        line = stream.readline(_LONGEST_LINE_BYTES)
    return _end_lines_alike(line).partition(b"\n")[0]


def scan_text(path: Path, trip_file: TripFile) -> TextFacts:
    """Count the lines of a CSV file independently of the engine, and see whether it is sound.

    Raises:
        TaxiError: the compressed data is cut off or damaged, or a line is too long.
    """
    lines = 0
    is_clean = True
    needs_strip = False
    with _open_text(path, trip_file) as stream:
        for piece in _whole_lines(stream, trip_file.name):
            text = _end_lines_alike(piece)
            lines += _count_lines(text)
            is_clean = is_clean and _is_utf8(text) and piece.count(b"\r") == piece.count(b"\r\n")
            needs_strip = needs_strip or b'"' in text or b"\t" in text
    return TextFacts(lines, is_clean, needs_strip)


def _count_lines(text: bytes) -> int:
    if text.startswith(b"\n") or b"\n\n" in text:
        return sum(1 for line in text.split(b"\n") if line)
    return text.count(b"\n") + (not text.endswith(b"\n"))


def _write_clean_copy(path: Path, trip_file: TripFile, target: Path) -> None:
    """Copy a CSV file with LF line ends; a line that is not UTF-8 is taken as Latin-1."""
    with _open_text(path, trip_file) as stream, target.open("wb") as copy:
        for piece in _whole_lines(stream, trip_file.name):
            text = _end_lines_alike(piece)
            if not _is_utf8(text):
                text = b"\n".join(
                    line if _is_utf8(line) else line.decode("latin-1").encode()
                    for line in text.split(b"\n")
                )
            copy.write(text)


def hash_file(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- Effects: one file ----------------------------------------------------------------------------


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    """Turn faults of the system and of the engine into one that names the file and a way out."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full(name) from error
        raise TaxiError(
            name,
            f"the file cannot be read or its rows written: {error.strerror or error}",
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
    is_synthetic: bool = False


def ingest_file(
    path: Path,
    lake: Lake,
    settings: Settings,
    progress: Progress | None = None,
    *,
    accept_critical: bool = False,
) -> IngestResult:
    """Bring one trip file into the lake, in place of an earlier version of the same month.

    The lake changes in one rename at the end; before it, and on every fault, it is as it was.

    Args:
        path: a ``.parquet``, ``.csv`` or ``.csv.gz`` file with TLC's name.
        lake: where its rows go.
        settings: memory limit and temporary folder.
        progress: told what is going on.
        accept_critical: take the file although what is expected of a month says that it is not what its name says.

    Raises:
        TaxiError: the file cannot be used or fails a critical check; the lake is as it was.
    """
    started = time.monotonic()
    tell = progress or (lambda _: None)
    trip_file = files.parse(path)
    with _faults_named(trip_file.name):
        _check_path(path, trip_file)
        lake.heal(tell)
        before = _signature(path)
        checksum = hash_file(path)
        present = lake.find(trip_file.service, trip_file.month)
        if present is not None and (present.source_sha256, present.ingest_version) == (
            checksum,
            INGEST_VERSION,
        ):
            return IngestResult("unchanged", present, time.monotonic() - started)
        with scratch_folder(settings) as scratch, open_engine(settings, scratch) as connection:
            tell(f"Reading {trip_file.name}")
            prepare = _prepare_parquet if trip_file.format == "parquet" else _prepare_csv
            source = prepare(path, trip_file, connection, scratch)
            entry = _make_entry(path, trip_file, checksum, source, lake)
            lake.ensure(tell)
            temp = lake.temp_path(trip_file.service)
            try:
                tell(f"Writing {source.facts.rows:,} rows of {trip_file.name}")
                query = partition_sql(trip_file, source.converted, entry.ingested_at)
                connection.execute(copy_sql(query, temp, entry.to_json()))
                _check_written(temp, trip_file, source.facts, connection)
                if _signature(path) != before:
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
    status: Status = "ingested" if present is None else "replaced"
    return IngestResult(status, entry, seconds, tuple(remarks))


def _check_path(path: Path, trip_file: TripFile) -> None:
    if not path.exists():
        raise TaxiError(str(path), "there is no such file", "check the path")
    if not path.is_file():
        raise TaxiError(str(path), "it is not a file", "give a file, a folder of files or a URL")
    if path.stat().st_size == 0:
        raise TaxiError(trip_file.name, "the file is empty", "download it again")


def _signature(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _make_entry(
    path: Path, trip_file: TripFile, checksum: str, source: _Source, lake: Lake
) -> ManifestEntry:
    ingested_at = lake.next_ingested_at(trip_file.service, trip_file.month)
    identity = f"{checksum} {ingested_at} {INGEST_VERSION} {trip_file.name}"
    facts = source.facts
    return ManifestEntry(
        load_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        service_type=trip_file.service.label,
        file_month=trip_file.month.isoformat(),
        source_file=trip_file.name,
        source_sha256=checksum,
        source_bytes=path.stat().st_size,
        source_format=trip_file.format,
        row_count=facts.rows,
        unparseable_count=facts.unparseable,
        total_amount=None if facts.total_amount is None else f"{facts.total_amount:.2f}",
        rounded_count=facts.rounded,
        unknown_columns=source.unknown,
        is_synthetic=source.is_synthetic,
        ingest_version=INGEST_VERSION,
        ingested_at=ingested_at,
    )


def _fetch_facts(connection: duckdb.DuckDBPyConnection, service: Service, sql: str) -> Facts:
    row = connection.execute(facts_sql(service, sql)).fetchone()
    if row is None:
        raise AssertionError(sql)
    rows, unparseable, rounded, total = row
    return Facts(rows, unparseable, int(rounded), None if total is None else Decimal(total))


def _check_rows(name: str, counted: int, expected: int) -> None:
    if counted != expected:
        raise TaxiError(
            name,
            f"it holds {expected:,} rows but {counted:,} were read, so nothing was kept",
            "report it as a defect, with the file",
        )


def _no_rows(name: str) -> TaxiError:
    return TaxiError(
        name, "it has a header but no rows", "download it again, or wait until TLC fills it"
    )


def _prepare_parquet(
    path: Path, trip_file: TripFile, connection: duckdb.DuckDBPyConnection, scratch: Path
) -> _Source:
    names, rows, is_synthetic = _read_footer(path, trip_file)
    link = scratch / "source.parquet"
    link.symlink_to(path.resolve())  # a name without characters that the engine takes as a pattern
    relation = (
        f"read_parquet({quote_literal(link)}, file_row_number = true, hive_partitioning = false)"
    )
    described = connection.execute(f"describe from {relation}").fetchall()
    columns = []
    members = []
    for name, (column, type_, *_) in zip(names, described, strict=False):
        identifier = quote_identifier(column)
        columns.append(SourceColumn(name, identifier, str(type_)))
        members.append(f"{identifier}: {identifier}")
    match = match_columns(trip_file.service, columns, trip_file.name)
    if rows == 0:
        raise _no_rows(trip_file.name)

    def convert(*, fits: bool) -> str:
        return convert_sql(
            trip_file.service,
            match,
            relation,
            malformed="false",
            raw=f"cast(to_json({{{', '.join(members)}}}) as varchar)",
            also=["file_row_number"],
            fits=fits,
        )

    facts = _fetch_facts(connection, trip_file.service, convert(fits=False))
    _check_rows(trip_file.name, facts.rows, rows)
    return _Source(convert(fits=facts.unparseable == 0), facts, match.unknown, is_synthetic)


def _read_footer(path: Path, trip_file: TripFile) -> tuple[list[str], int, bool]:
    """Read a Parquet file's column names, number of rows, and whether it says it is synthetic."""
    magic = b"PAR1"
    with path.open("rb") as stream:
        start = stream.read(60)
        stream.seek(-min(len(magic), path.stat().st_size), 2)
        end = stream.read()
    if not start.startswith(magic):
        raise TaxiError(
            trip_file.name,
            f"it is not a Parquet file but starts with {start.decode('latin-1')!r}",
            "check that it is not, say, an error page, and download it again",
        )
    if end != magic:
        raise TaxiError(trip_file.name, "the Parquet file is cut off", "download it again")
    try:
        metadata = pq.read_metadata(path)
        is_synthetic = (metadata.metadata or {}).get(METADATA_KEY.encode()) == b"true"
        return list(metadata.schema.to_arrow_schema().names), metadata.num_rows, is_synthetic
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(trip_file.name, error) from error


def _prepare_csv(
    path: Path, trip_file: TripFile, connection: duckdb.DuckDBPyConnection, scratch: Path
) -> _Source:
    header = read_header(path, trip_file)
    names = split_header(header)
    columns = [SourceColumn(name, f"f{index}", _TEXT_TYPE) for index, name in enumerate(names)]
    text = scan_text(path, trip_file)
    if text.lines == 0:
        raise TaxiError(trip_file.name, "the file is empty", "download it again")
    match = match_columns(trip_file.service, columns, trip_file.name)
    if text.lines == 1:
        raise _no_rows(trip_file.name)
    readable = scratch / "source.csv"
    compression = "none"
    if not text.is_clean:
        _write_clean_copy(path, trip_file, readable)
    else:
        readable.symlink_to(path.resolve())
        compression = "gzip" if trip_file.format == "csv.gz" else "none"
    stage = scratch / "stage.parquet"
    staged = f"from read_parquet({quote_literal(stage)}, file_row_number = true)"
    for relate in (csv_relation, wide_csv_relation):
        relation = relate(readable, len(names), compression)
        converted = convert_csv_sql(
            trip_file.service, match, relation, len(names), needs_strip=text.needs_strip
        )
        connection.execute(copy_sql(converted, stage))
        if connection.execute(f"select bool_or(is_wider) {staged}").fetchone() != (True,):
            break
    facts = _fetch_facts(connection, trip_file.service, staged)
    _check_rows(trip_file.name, facts.rows, text.lines - 1)
    return _Source(staged, facts, match.unknown)


def _check_written(
    temp: Path, trip_file: TripFile, facts: Facts, connection: duckdb.DuckDBPyConnection
) -> None:
    """Tie the written partition to the source: rows by its footer, the rest by reading it."""
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


# --- Effects: many files --------------------------------------------------------------------------


def ingest_many(
    arguments: Sequence[str | Path],
    lake: Lake,
    settings: Settings,
    progress: Progress | None = None,
    download_progress: DownloadProgress | None = None,
    *,
    accept_critical: bool = False,
) -> ManyResult:
    """Bring files, the files of folders, and URLs into the lake, one after the other.

    A file that fails does not keep the others from being ingested. Two files of one service and
    month both fail, because one would replace the other.

    Args:
        arguments: paths, folders and URLs.
        lake: where the rows go.
        settings: memory limit and folders.
        progress: told what is going on.
        download_progress: told how far a download is.
        accept_critical: as in ``ingest_file``.
    """
    outcome = ManyResult()
    paths: dict[Path, Path] = {}
    for argument in arguments:
        try:
            for path in files.expand(argument, settings, download_progress):
                paths.setdefault(path.resolve(), path)
        except TaxiError as error:
            outcome.failures.append(error)
    for path in _without_rivals(list(paths.values()), outcome.failures):
        try:
            outcome.results.append(
                ingest_file(path, lake, settings, progress, accept_critical=accept_critical)
            )
        except TaxiError as error:
            outcome.failures.append(error)
    return outcome


def _without_rivals(paths: list[Path], failures: list[TaxiError]) -> list[Path]:
    """Leave out, as failures, files with a wrong name and files of the same service and month."""
    by_month: dict[tuple[Service, str], list[Path]] = {}
    for path in paths:
        try:
            trip_file = files.parse(path)
        except TaxiError as error:
            failures.append(error)
        else:
            by_month.setdefault((trip_file.service, f"{trip_file.month:%Y-%m}"), []).append(path)
    kept = []
    for (service, month), same in by_month.items():
        if len(same) == 1:
            kept += same
        else:
            failures.append(
                TaxiError(
                    " and ".join(str(path) for path in same),
                    f"they are all {service.value} trips of {month}, and one replaces the other",
                    "give only one of them",
                )
            )
    return kept
