"""Where a trip began and ended, in files that give points: the point, its zone, and how the one became the other."""

from dataclasses import dataclass
from decimal import Decimal

from taxi_pipeline.explain.queries import Row


@dataclass(frozen=True)
class TripPoint:
    """A point of a trip, and what ingestion made of it.

    Attributes:
        end: ``pickup`` or ``dropoff``.
        longitude: in degrees (WGS 84); None where the file has none that can be read.
        latitude: the same.
        zone_id: the zone of the row in the lake; None where there is none.
        zone_method: version of the way from a point to a zone; None where it is not on record.
        zone_shapes_sha256: checksum of the zone shapes that were used; empty where it is not on record.
    """

    end: str
    longitude: Decimal | None
    latitude: Decimal | None
    zone_id: int | None
    zone_method: int | None
    zone_shapes_sha256: str

    @property
    def is_complete(self) -> bool:
        """Whether it has both coordinates."""
        return self.longitude is not None and self.latitude is not None


def find_points(raw: Row, file: Row) -> tuple[TripPoint, ...]:
    """The points of a row, in the order of the trip; none where its file gives zones only.

    Args:
        raw: the row of staging.
        file: the version of its file, as on record.
    """
    points = (
        TripPoint(
            end,
            raw.get(f"{end}_longitude"),
            raw.get(f"{end}_latitude"),
            raw[f"{end}_zone_id"],
            file["zone_method"] or None,
            file["zone_shapes_sha256"] or "",
        )
        for end in ("pickup", "dropoff")
    )
    return tuple(
        point for point in points if point.longitude is not None or point.latitude is not None
    )


def show_point(longitude: Decimal | None, latitude: Decimal | None) -> str:
    """Longitude and latitude as people write them: ``-73.98, 40.7``; a dash for one that is missing."""
    return ", ".join(
        "-" if value is None else f"{value.normalize():f}" for value in (longitude, latitude)
    )
