"""TLC's shapefile of the taxi zones, read: ids, boroughs and outlines."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxi_pipeline.errors import TaxiError

if TYPE_CHECKING:
    from taxi_pipeline.zones.grid import ZoneGrid

ADDRESS = "https://d37ci6vzurychx.cloudfront.net/misc/taxi_zones.zip"
"""Where TLC publishes the shapefile."""


@dataclass(frozen=True)
class ZoneShapes:
    """TLC's shapefile of the taxi zones, as it is kept; the same wherever it is.

    Attributes:
        path: where.
        sha256: its checksum.
    """

    path: Path = field(compare=False)
    sha256: str


@dataclass(frozen=True)
class ZoneRecord:
    """A record of the shapefile.

    Attributes:
        zone_id: TLC's LocationID; 56 stands there twice, 103 three times.
        borough: as TLC writes it.
        outline: in feet on the New York plane (EPSG:2263).
    """

    zone_id: int
    borough: str
    outline: Any


def read_zones(archive: Path) -> list[ZoneRecord]:
    """Read every record of TLC's ``taxi_zones.zip``.

    Raises:
        TaxiError: it is no such file.
    """
    try:
        archive.stat()
    except OSError as error:
        raise TaxiError(
            str(archive),
            f"it cannot be read: {error.strerror}",
            f"check the path, or fetch the file from {ADDRESS}",
        ) from error
    try:
        return _records(archive)
    except Exception as error:  # of a damaged file, the readers let through whatever breaks first
        said = str(error).strip().rstrip(".") or type(error).__name__
        raise TaxiError(
            str(archive),
            f"it is not TLC's shapefile of the taxi zones, or it is damaged ({said[:200]})",
            f"fetch it from {ADDRESS}",
        ) from error


def _records(archive: Path) -> list[ZoneRecord]:
    import shapefile  # noqa: PLC0415 - these are slow to import, and few commands need them
    import shapely  # noqa: PLC0415

    with shapefile.Reader(str(archive)) as reader:
        return [
            ZoneRecord(
                int(item.record["LocationID"]),
                str(item.record["borough"]),
                shapely.make_valid(shapely.geometry.shape(item.shape)),
            )
            for item in reader.iterShapeRecords()
        ]


def in_degrees(outlines: Any) -> Any:
    """Outlines on the New York plane in degrees (WGS 84)."""
    import shapely  # noqa: PLC0415 - as in _records
    from pyproj import Transformer  # noqa: PLC0415

    degrees = Transformer.from_crs("EPSG:2263", "EPSG:4326", always_xy=True)
    return shapely.transform(outlines, degrees.transform, interleaved=False)


@cache
def read_grid(shapes: ZoneShapes) -> "ZoneGrid":
    """The grid over the zones of a shapefile; made once in a process for each content.

    Raises:
        TaxiError: it is no such file.
    """
    import numpy as np  # noqa: PLC0415 - as in _records

    from taxi_pipeline.zones.grid import build_grid  # noqa: PLC0415

    records = read_zones(shapes.path)
    outlines = np.array([record.outline for record in records])
    zone_ids = np.array([record.zone_id for record in records], np.int32)
    return build_grid(zone_ids, in_degrees(outlines))
