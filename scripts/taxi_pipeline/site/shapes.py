"""TLC's taxi zones as shapes for the map: read from its shapefile, one shape per zone, small enough for a page."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from taxi_pipeline.atomic import write_text
from taxi_pipeline.zones.polygons import ZoneRecord, in_degrees, read_zones

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
    for record, shape in _simplified(archive):
        by_zone[record.zone_id].append(shape)
    return _collection("zone_id", by_zone)


def borough_shapes(archive: Path) -> GeoJson:
    """One shape per borough, named by ``borough``, from the same file; ``assets/boroughs.json`` is this."""
    by_borough: dict[Any, list[Any]] = defaultdict(list)
    for record, shape in _simplified(archive):
        by_borough[record.borough].append(shape)
    return _collection("borough", by_borough)


def save_zone_shapes(archive: Path, path: Path) -> int:
    """Write the zones for the dashboard; returns their number."""
    collection = zone_shapes(archive)
    write_text(path, json.dumps(collection, separators=(",", ":")))
    return len(collection["features"])


def _simplified(archive: Path) -> list[tuple[ZoneRecord, Any]]:
    """Every record of the shapefile with its simplified outline."""
    import shapely  # noqa: PLC0415 - slow to import, and few commands need it

    records = read_zones(archive)
    # TLC's zones do not meet everywhere; once they do, neighbours keep the border that they share.
    cleaned = shapely.coverage_clean([record.outline for record in records])
    return list(zip(records, shapely.coverage_simplify(cleaned, TOLERANCE_FEET), strict=True))


def _collection(key: str, shapes: dict[Any, list[Any]]) -> GeoJson:
    """Shapes by key, the parts of a key dissolved, in degrees; rings run clockwise, as d3 wants them."""
    import shapely  # noqa: PLC0415 - as in _simplified

    features = []
    for name in sorted(shapes):
        whole = shapely.union_all(shapes[name])
        rounded = shapely.set_precision(in_degrees(whole), 10.0**-_DEGREES)
        turned = shapely.orient_polygons(rounded, exterior_cw=True)
        geometry = json.loads(
            shapely.to_geojson(turned), parse_float=lambda text: round(float(text), _DEGREES)
        )
        features.append({"type": "Feature", "properties": {key: name}, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}
