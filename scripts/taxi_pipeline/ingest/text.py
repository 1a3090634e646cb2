"""CSV files as text: what they are like before an engine reads them, and the SQL that reads them line by line."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.file_names import TripFile
from taxi_pipeline.ingest.convert import HELD_COMMA, HELD_QUOTE, convert_sql
from taxi_pipeline.ingest.matching import ColumnMatch
from taxi_pipeline.ingest.packing import open_text
from taxi_pipeline.lake import hash_file, quote_literal
from taxi_pipeline.schemas import TEXT, Service, columns_of

LONGEST_LINE_BYTES = 65_536
"""The longest line that is read (2026-11-26). TLC's have at most some 300 bytes; the engine holds 2,048 lines at a time
in several copies, so that lines of 2 MB would take 3 GB, whatever its memory limit."""

MOST_LINES = 100_000_000
"""The most lines of a file (2026-11-26): four times the largest month of TLC's, 23.9 million HVFHV trips."""

MOST_TEXT_BYTES = 12_000_000_000
"""The most text of a file, unpacked (2026-11-26): four times TLC's largest CSV file, yellow of 2009 with 3 GB."""

HIGHEST_RATIO = 100
"""The most bytes of text from one packed byte (2026-11-26). TLC's CSV files give 4 to 12, gzip at most 1,032."""

_RATIO_FROM_BYTES = 64_000_000  # below this, text is too little to do harm
_CHUNK_BYTES = 1 << 20
_SPARE_FIELDS = 4  # files of 2016 have two empty fields more than names
_NEVER_IN_A_LINE = "\x1e\x1f\x1e"
_NEVER_IN_A_FILE = "\x02null\x02"


_FIELD_WITH_MARKS = re.compile(rb'(?m)"(?<![^,\n]")[^",\n]*+(?:,|"")(?:[^"\n]++|"")*+"(?=[,\n]|$)')
# A field within quotes that has a comma, or a quote, which it writes twice. The quote comes before the look behind it:
# so the search jumps from quote to quote.


@dataclass(frozen=True)
class TextFacts:
    """What a CSV file is like as text.

    Attributes:
        lines: lines that are not blank, the header among them.
        is_clean: it is UTF-8, and no carriage return stands alone.
        needs_strip: a double quote or a tab occurs, so fields may stand in them.
        has_marks: a comma stands within a quoted field, or a quote, which is written twice.
        has_paired_quotes: two quotes stand side by side; most often they are an empty field.
        has_underscores: an underscore occurs behind the header, which an engine would read as part of a number.
    """

    lines: int
    is_clean: bool
    needs_strip: bool
    has_marks: bool = False
    has_paired_quotes: bool = False
    has_underscores: bool = False


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
        f"max_line_size = {2 * LONGEST_LINE_BYTES}, compression = '{compression}', "
        f"columns = {{{columns}}})"
    )


def convert_csv_sql(
    service: Service,
    match: ColumnMatch,
    relation: str,
    width: int,
    text: TextFacts,
) -> str:
    """Build the query for a CSV file's rows; ``is_wider`` marks rows that may have more fields."""
    fields = _field_names(width)
    raw = _with_marks(f"concat_ws(',', {', '.join(fields)})", text, quote='""')
    surplus = [f"trim({name}, ' \t\",') <> ''" for name in fields[width:]]
    return convert_sql(
        service,
        csv_match(service, match, text),
        f"(select *, {fields[-1]} is not null as is_wider from {relation})",
        malformed=" or ".join([f"{fields[width - 1]} is null", *surplus]),
        raw=raw,
        also=["is_wider"],
    )


def csv_match(service: Service, match: ColumnMatch, text: TextFacts) -> ColumnMatch:
    """The same columns, read without what stands around their values in this text."""
    types = {column.name: column.type for column in columns_of(service)}

    def read(sql: str, type_: str) -> str:
        if text.needs_strip:
            sql = f"trim({sql}, ' \t\"')"
        if text.has_marks:
            said = _with_marks(sql, text, quote='"')
            # 1,052.30 is one number, and 12,5 is none.
            grouped = f"regexp_full_match({said}, '[-+]?[0-9]{{1,3}}(,[0-9]{{3}})+(\\.[0-9]*)?')"
            sql = (
                said
                if type_ == TEXT
                else f"case when {grouped} then replace({said}, ',', '') else {said} end"
            )
        if text.has_underscores and type_ != TEXT:  # 12_3 is none
            sql = f"case when contains({sql}, '_') then 'not a number: ' || {sql} else {sql} end"
        return sql

    sources = {
        name: tuple(replace(source, sql=read(source.sql, types[name])) for source in sources)
        for name, sources in match.sources.items()
    }
    return replace(match, sources=sources)


def _with_marks(sql: str, text: TextFacts, quote: str) -> str:
    """A text in which held commas are commas again, and held quotes are ``quote``."""
    if text.has_marks:
        sql = f"replace({sql}, '{HELD_COMMA}', ',')"
        if text.has_paired_quotes:
            sql = f"replace({sql}, '{HELD_QUOTE}', {quote_literal(quote)})"
    return sql


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


def _whole_lines(stream: BinaryIO, path: Path, trip_file: TripFile) -> Iterator[bytes]:
    """Read in pieces that end where a line ends.

    Raises:
        TaxiError: a line, or the text, is beyond what any file of TLC's has.
    """
    subject = trip_file.name
    packed_bytes = None if trip_file.format == "csv" else path.stat().st_size
    text_bytes = 0
    rest = b""
    while block := stream.read(_CHUNK_BYTES):
        text_bytes += len(block)
        _check_size(subject, text_bytes, packed_bytes)
        block = rest + block
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
        rest = block[end:]
        if _has_long_line(block):
            raise TaxiError(
                subject,
                f"a line is longer than {LONGEST_LINE_BYTES:,} bytes",
                "check that it is a TLC trip file",
            )
        if end:
            yield block[:end]
    if rest:
        yield rest


def _has_long_line(block: bytes) -> bool:
    """Whether a text, from the start of a line on, has a line that is too long; it jumps, and reads few of them."""
    start = 0
    while len(block) - start > LONGEST_LINE_BYTES:
        window = start, start + LONGEST_LINE_BYTES + 1
        end = max(block.rfind(b"\n", *window), block.rfind(b"\r", *window))
        if end < 0:
            return True
        start = end + 1
    return False


def _check_size(subject: str, text_bytes: int, packed_bytes: int | None) -> None:
    if text_bytes > MOST_TEXT_BYTES:
        raise TaxiError(
            subject,
            f"it holds more than {MOST_TEXT_BYTES:,} bytes of text, four times TLC's largest file",
            "check that it is one month of TLC's trips",
        )
    if (
        packed_bytes is not None
        and text_bytes > _RATIO_FROM_BYTES
        and text_bytes > HIGHEST_RATIO * packed_bytes
    ):
        raise TaxiError(
            subject,
            f"its {packed_bytes:,} bytes unpack to more than {text_bytes:,}, as no trip file does",
            "check where it comes from",
        )


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
    with open_text(path, trip_file) as stream:
        line = stream.readline(LONGEST_LINE_BYTES)
    return _end_lines_alike(line).partition(b"\n")[0]


def scan_text(path: Path, trip_file: TripFile) -> TextFacts:
    """Count the lines of a CSV file independently of the engine, and see whether it is sound.

    Raises:
        TaxiError: the compressed data is cut off or damaged, or a line or the text is too long.
    """
    lines = 0
    is_clean = True
    needs_strip = has_marks = has_paired_quotes = has_underscores = False
    is_first = True
    with open_text(path, trip_file) as stream:
        for piece in _whole_lines(stream, path, trip_file):
            text = _end_lines_alike(piece)
            lines += _count_lines(text)
            if lines > MOST_LINES:
                raise TaxiError(
                    trip_file.name,
                    f"it holds more than {MOST_LINES:,} lines, four times TLC's largest month",
                    "check that it is one month of TLC's trips",
                )
            is_clean = (
                is_clean
                and _is_utf8(text)
                and b"\0" not in text
                and piece.count(b"\r") == piece.count(b"\r\n")
            )
            needs_strip = needs_strip or b'"' in text or b"\t" in text
            has_marks = has_marks or _FIELD_WITH_MARKS.search(text) is not None
            has_paired_quotes = has_paired_quotes or b'""' in text
            rows = text.partition(b"\n")[2] if is_first else text
            has_underscores = has_underscores or b"_" in rows
            is_first = False
    return TextFacts(lines, is_clean, needs_strip, has_marks, has_paired_quotes, has_underscores)


def _count_lines(text: bytes) -> int:
    if text.startswith(b"\n") or b"\n\n" in text:
        return sum(1 for line in text.split(b"\n") if line)
    return text.count(b"\n") + (not text.endswith(b"\n"))


def write_clean_copy(path: Path, trip_file: TripFile, target: Path) -> None:
    """Copy a CSV file with LF line ends, without NUL bytes, with commas and quotes within quotes held.

    A line that is not UTF-8 is taken as Latin-1.
    """
    with open_text(path, trip_file) as stream, target.open("wb") as copy:
        for piece in _whole_lines(stream, path, trip_file):
            text = _end_lines_alike(piece)
            if not _is_utf8(text):
                text = b"\n".join(
                    line if _is_utf8(line) else line.decode("latin-1").encode()
                    for line in text.split(b"\n")
                )
            text = text.replace(b"\0", b"")
            copy.write(_FIELD_WITH_MARKS.sub(_hold_marks, text))


def _hold_marks(field: re.Match[bytes]) -> bytes:
    within = field[0][1:-1].replace(b",", HELD_COMMA.encode())
    return b'"' + within.replace(b'""', HELD_QUOTE.encode()) + b'"'


def hash_parts(parts: Sequence[Path]) -> str:
    """Return the SHA-256 in hex of the list of part files and their checksums, as ``sha256sum`` prints it."""
    listing = "".join(f"{hash_file(part)}  {part.name}\n" for part in parts)
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()
