"""TLC's taxi zones as shapes for the map: read from its shapefile, one shape per zone, small enough for a page."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from taxi_pipeline.atomic import write_text
from taxi_pipeline.errors import TaxiError

ADDRESS = "https://d37ci6vzurychx.cloudfront.net/misc/taxi_zones.zip"
"""Where TLC publishes the shapefile."""

TOLERANCE_FEET = 400.0
"""Outlines are simplified to this (2026-11-21), little more than a pixel of the map, about 300 feet."""

_DEGREES = 4
"""Decimals of a coordinate: 36 feet, well below a pixel."""

GeoJson = dict[str, Any]


def zone_shapes(archive: Path) -> GeoJson:
    """One shape per zone, named by ``zone_id``.

    Args:
        archive: TLC's ``taxi_zones.zip``. It holds 56 twice and 103 three times: the parts of an id are one zone.

    Raises:
        TaxiError: it is no such file.
    """
    by_zone: dict[Any, list[Any]] = defaultdict(list)
    for zone_id, _, shape in _read(archive):
        by_zone[zone_id].append(shape)
    return _collection("zone_id", by_zone)


def borough_shapes(archive: Path) -> GeoJson:
    """One shape per borough, named by ``borough``, from the same file; ``assets/boroughs.json`` is this."""
    by_borough: dict[Any, list[Any]] = defaultdict(list)
    for _, borough, shape in _read(archive):
        by_borough[borough].append(shape)
    return _collection("borough", by_borough)


def save_zone_shapes(archive: Path, path: Path) -> int:
    """Write the zones for the dashboard; returns their number."""
    collection = zone_shapes(archive)
    write_text(path, json.dumps(collection, separators=(",", ":")))
    return len(collection["features"])


def _read(archive: Path) -> list[tuple[int, str, Any]]:
    """Zone id, borough and simplified outline of every record, in feet on the New York plane (EPSG:2263)."""
    try:
        archive.stat()
    except OSError as error:
        raise TaxiError(
            str(archive),
            f"it cannot be read: {error.strerror}",
            f"check the path, or fetch the file from {ADDRESS}",
        ) from error
    try:
        return _simplified(archive)
    except Exception as error:  # of a damaged file, the readers let through whatever breaks first
        said = str(error).strip().rstrip(".") or type(error).__name__
        raise TaxiError(
            str(archive),
            f"it is not TLC's shapefile of the taxi zones, or it is damaged ({said[:200]})",
            f"fetch it from {ADDRESS}",
        ) from error


def _simplified(archive: Path) -> list[tuple[int, str, Any]]:
    import shapefile  # noqa: PLC0415 - these are slow to import, and few commands need them
    import shapely  # noqa: PLC0415

    with shapefile.Reader(str(archive)) as reader:
        records = [
            (int(item.record["LocationID"]), str(item.record["borough"]), item.shape)
            for item in reader.iterShapeRecords()
        ]
    outlines = [shapely.make_valid(shapely.geometry.shape(shape)) for *_, shape in records]
    # TLC's zones do not meet everywhere; once they do, neighbours keep the border that they share.
    cleaned = shapely.coverage_clean(outlines)
    simplified = shapely.coverage_simplify(cleaned, TOLERANCE_FEET)
    return [
        (zone_id, borough, outline)
        for (zone_id, borough, _), outline in zip(records, simplified, strict=True)
    ]


def _collection(key: str, shapes: dict[Any, list[Any]]) -> GeoJson:
    """Shapes by key, the parts of a key dissolved, in degrees; rings run clockwise, as d3 wants them."""
    import shapely  # noqa: PLC0415
    from pyproj import Transformer  # noqa: PLC0415

    degrees = Transformer.from_crs("EPSG:2263", "EPSG:4326", always_xy=True)
    features = []
    for name in sorted(shapes):
        whole = shapely.union_all(shapes[name])
        located = shapely.transform(whole, degrees.transform, interleaved=False)
        rounded = shapely.set_precision(located, 10.0**-_DEGREES)
        turned = shapely.orient_polygons(rounded, exterior_cw=True)
        geometry = json.loads(
            shapely.to_geojson(turned), parse_float=lambda text: round(float(text), _DEGREES)
        )
        features.append({"type": "Feature", "properties": {key: name}, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}
