"""The zone of a point without the project's code: shapely alone, polygon by polygon, no grid."""

from functools import cache
from pathlib import Path
from typing import Any

import shapefile
import shapely
from pyproj import Transformer

from real_files import real_file

ZONES = "real/taxi_zones.zip"

COORDINATES = (
    ("pickup", "pickup_longitude", "pickup_latitude"),
    ("pickup", "start_lon", "start_lat"),
    ("dropoff", "dropoff_longitude", "dropoff_latitude"),
    ("dropoff", "end_lon", "end_lat"),
)
"""Where a trip began and ended, by the names in TLC's files, in lower case."""


@cache
def _zones(archive: Path) -> tuple[list[int], Any]:
    degrees = Transformer.from_crs("EPSG:2263", "EPSG:4326", always_xy=True)
    with shapefile.Reader(str(archive)) as reader:
        items = list(reader.iterShapeRecords())
    outlines = [
        shapely.transform(shapely.geometry.shape(item.shape), degrees.transform, interleaved=False)
        for item in items
    ]
    return [int(item.record["LocationID"]) for item in items], shapely.STRtree(outlines)


def zone_by_shapely(longitude: str, latitude: str) -> int | None:
    """The id of the zone whose polygon contains the point, by the text of its coordinates; None for no zone."""
    if not longitude.strip() or not latitude.strip():
        return None
    zone_ids, tree = _zones(real_file(ZONES))
    point = shapely.Point(float(longitude), float(latitude))
    return min(
        (zone_ids[place] for place in tree.query(point, predicate="intersects")), default=None
    )


def open_data_months(path: Path, folder: Path) -> list[Path]:
    """A year of NYC Open Data as a file for each month of a pickup."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    months: dict[str, list[str]] = {}
    for line in lines[1:]:
        months.setdefault(line.split(",")[1][:2], [lines[0]]).append(line)
    folder.mkdir(exist_ok=True)
    paths = [folder / f"green_tripdata_2015-{month}.csv" for month in sorted(months)]
    for month_path in paths:
        rows = "\r\n".join(months[month_path.stem[-2:]])
        month_path.write_bytes(f"\ufeff{rows}\r\n".encode())
    return paths
