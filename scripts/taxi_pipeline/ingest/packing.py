"""The text of a CSV file, unpacked from gzip or zip where it is packed."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.file_names import TripFile, original_name, parse

PARQUET_MAGIC = b"PAR1"
"""The first and the last bytes of a Parquet file."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS = 31  # of zlib: gzip data with a window of any size
_PACKED_BYTES = 1 << 16  # give at most 70 MB


@contextmanager
def open_text(path: Path, trip_file: TripFile) -> Iterator[BinaryIO]:
    """Open a CSV file's text, unpacked; what is wrong with the packing is a TaxiError."""
    with path.open("rb") as stream:
        start = stream.read(len(PARQUET_MAGIC))
    if start == PARQUET_MAGIC:
        raise _parquet_in_disguise(trip_file, "it is a Parquet file", "")
    if trip_file.format == "csv":
        if start.startswith(_GZIP_MAGIC):
            raise TaxiError(trip_file.name, "it is gzip data", f"rename it to {trip_file.name}.gz")
        with path.open("rb") as stream:
            yield stream
        return
    if trip_file.format == "csv.zip":
        with _open_zipped(path, trip_file) as stream:
            yield stream
        return
    again = "download it again"
    if not start.startswith(_GZIP_MAGIC):
        raise TaxiError(trip_file.name, "it is not a gzip file", again)
    try:
        with gzip.open(path, "rb") as stream:
            _refuse_packed_parquet(stream.peek(len(PARQUET_MAGIC)), trip_file)
            yield cast(BinaryIO, stream)
    except EOFError as error:
        raise TaxiError(trip_file.name, "the gzip data is cut off", again) from error
    except gzip.BadGzipFile as error:
        if "Not a gzipped file" in str(error):
            raise _more_than_gzip(path, trip_file) from error
        raise TaxiError(trip_file.name, "the gzip data is damaged", again) from error
    except zlib.error as error:
        raise TaxiError(trip_file.name, "the gzip data is damaged", again) from error


def _more_than_gzip(path: Path, trip_file: TripFile) -> TaxiError:
    """What a file is that begins with whole gzip data and goes on with other bytes."""
    end = _end_of_gzip(path)
    with path.open("rb") as stream:
        stream.seek(end)
        others = stream.read(40)
    return TaxiError(
        trip_file.name,
        f"its gzip data are whole and end at byte {end:,} of {path.stat().st_size:,}, "
        f"and what follows is no gzip data: {others.decode('latin-1')!r}",
        "download it again, or cut off what follows",
    )


def _end_of_gzip(path: Path) -> int:
    """How many bytes of a file, from its first on, are gzip data."""
    end = 0
    with path.open("rb") as stream:
        while stream.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC:
            stream.seek(end)
            unpacker = zlib.decompressobj(wbits=_GZIP_BITS)
            while not unpacker.eof and (block := stream.read(_PACKED_BYTES)):
                unpacker.decompress(block)
            end = stream.seek(stream.tell() - len(unpacker.unused_data))
    return end


def _parquet_in_disguise(trip_file: TripFile, what: str, first: str) -> TaxiError:
    """What a file is that has a CSV file's name and Parquet data, and what to do first, before it is renamed."""
    stem = trip_file.name.partition(".")[0]
    return TaxiError(
        trip_file.name,
        f"{what}, by its first bytes {PARQUET_MAGIC.decode()}",
        f"{first}name it {stem}.parquet",
    )


def _refuse_packed_parquet(start: bytes, trip_file: TripFile) -> None:
    if start.startswith(PARQUET_MAGIC):
        raise _parquet_in_disguise(trip_file, "it packs a Parquet file", "unpack it and ")


@contextmanager
def _open_zipped(path: Path, trip_file: TripFile) -> Iterator[BinaryIO]:
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(_zipped_csv(archive, trip_file)) as member,
        ):
            start = cast(zipfile.ZipExtFile, member).peek(len(PARQUET_MAGIC))
            _refuse_packed_parquet(start, trip_file)
            yield cast(BinaryIO, member)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise TaxiError(
            trip_file.name, f"the zip data is damaged or cut off ({error})", "download it again"
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # another method of packing; a password
        raise TaxiError(
            trip_file.name, f"the zip file cannot be unpacked here ({error})", "unpack it first"
        ) from error


def _zipped_csv(archive: zipfile.ZipFile, trip_file: TripFile) -> zipfile.ZipInfo:
    """Find the one CSV file of a zip file; what macOS adds for itself does not count.

    Raises:
        TaxiError: there is another number of files, or another format, or the file's name says another month.
    """
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(members) == 1 and members[0].filename.lower().endswith(".csv"):
        _refuse_another_month(members[0].filename.rpartition("/")[2], trip_file)
        return members[0]
    names = ", ".join(member.filename for member in members[:3]) or "nothing"
    more = f" and {len(members) - 3:,} more" if len(members) > 3 else ""
    raise TaxiError(
        trip_file.name,
        f"a zip file is read where it holds one CSV file, and this one holds {names}{more}",
        "unpack it, and give the folder",
    )


def _refuse_another_month(name: str, trip_file: TripFile) -> None:
    """Refuse a file in a zip file where the two names say different trips; most names say none, such as trips.csv."""
    try:
        packed = parse(original_name(name) or name)
    except TaxiError:
        return
    if (packed.service, packed.month) != (trip_file.service, trip_file.month):
        raise TaxiError(
            trip_file.name,
            f"the file in it is named {name}, and the two names contradict each other",
            "rename the one that is wrong",
        )
