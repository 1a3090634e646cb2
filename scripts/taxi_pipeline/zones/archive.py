"""TLC's zone shapes in the data folder: brought there once, with their checksum on record."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_pipeline.atomic import draft_of, write_text
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import ManifestEntry, hash_file
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.settings import Settings
from taxi_pipeline.zones.polygons import ADDRESS, ZoneShapes, in_degrees, read_zones

if TYPE_CHECKING:
    from taxi_pipeline.download.transfer import Progress

METHOD_VERSION = 1
"""Raise it when a point could get another zone from the same shapes; files with points are then read again."""

NAME = "taxi_zones.zip"

WITHOUT_SHAPE = {57, 104, 105}
"""Zones that TLC's file (2026-11-27) gives under the number of a neighbor: 56 stands there twice, 103 three times."""


def kept_shapes(settings: Settings) -> ZoneShapes | None:
    """The shapes in the data folder; None where there are none.

    Raises:
        TaxiError: they are not those that were put there.
    """
    path = settings.zones_dir / NAME
    if not path.exists():
        return None
    sha256 = hash_file(path)
    record = _record_of(path)
    if not record.exists() or record.read_text(encoding="utf-8").partition(" ")[0] != sha256:
        raise TaxiError(
            str(path),
            "the zone shapes are damaged: their checksum is not the one on record",
            "bring them again: `taxi zones`, or `taxi zones PATH`",
        )
    return ZoneShapes(path, sha256)


def located_otherwise(entries: Iterable[ManifestEntry], settings: Settings) -> list[ManifestEntry]:
    """The files whose points would become zones by other shapes, or in another way, if they were ingested again.

    Args:
        entries: of the manifest.
        settings: where the shapes are kept; without shapes there is nothing to compare with.

    Raises:
        TaxiError: the shapes are damaged, and there is a file of points.
    """
    located = [entry for entry in entries if entry.zone_shapes_sha256]
    shapes = kept_shapes(settings) if located else None
    if shapes is None:
        return []
    now = (shapes.sha256, METHOD_VERSION)
    return [entry for entry in located if (entry.zone_shapes_sha256, entry.zone_method) != now]


def keep_shapes(source: Path, settings: Settings) -> ZoneShapes:
    """Copy TLC's shapefile into the data folder, and put its checksum on record.

    Raises:
        TaxiError: it is no such file.
    """
    _require_tlcs(source)
    path = settings.zones_dir / NAME
    with draft_of(path) as draft:
        shutil.copyfile(source, draft)
    sha256 = hash_file(path)
    write_text(_record_of(path), f"{sha256}  {NAME}\n")
    return ZoneShapes(path, sha256)


def _require_tlcs(source: Path) -> None:
    """Refuse shapes whose zones are not where TLC's are: every point of the seed ``zone_points`` lies in its zone.

    Raises:
        TaxiError: it is no shapefile of zones, or of other zones, or in another projection.
    """
    import shapely  # noqa: PLC0415 - as in polygons.py

    records = read_zones(source)
    outlines = in_degrees([record.outline for record in records]) if records else []
    missed = {
        int(row["location_id"])
        for row in read_seed("zone_points")
        if not any(
            record.zone_id == int(row["location_id"])
            and shapely.intersects_xy(outline, float(row["longitude"]), float(row["latitude"]))
            for record, outline in zip(records, outlines, strict=True)
        )
    }
    if strange := missed - WITHOUT_SHAPE:
        raise TaxiError(
            str(source),
            f"its zones are not TLC's: {len(strange)} are not where they should be, such as zone {min(strange)}",
            f"fetch the shapes from {ADDRESS}",
        )


def fetch_shapes(
    settings: Settings, address: str = ADDRESS, progress: "Progress | None" = None
) -> ZoneShapes:
    """Download the shapes, and keep them.

    Raises:
        TaxiError: they cannot be fetched, or are something else.
    """
    from taxi_pipeline.download.transfer import fetch  # noqa: PLC0415 - 0.1 s for requests

    return keep_shapes(fetch(address, settings.download_dir / NAME, progress), settings)


def require_shapes(settings: Settings, subject: str, *, may_fetch: bool) -> ZoneShapes:
    """The shapes that a file with coordinates needs; fetched where they are not there and that is wanted.

    Args:
        settings: where they are kept.
        subject: the file's name.
        may_fetch: download them where they are missing.

    Raises:
        TaxiError: they are not to be had; the file is its subject.
    """
    if (kept := kept_shapes(settings)) is not None:
        return kept
    try:
        if may_fetch:
            return fetch_shapes(settings)
        reason = f"are not in {settings.zones_dir}"
    except TaxiError as error:
        reason = f"cannot be fetched: {error.reason}"
    raise TaxiError(
        subject,
        f"it gives places by coordinates, and TLC's zone shapes, which turn them into taxi zones, {reason}",
        f"`taxi zones` fetches them once, and `taxi zones PATH` takes a copy of {ADDRESS}",
    )


def _record_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
