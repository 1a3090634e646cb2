"""The zone of a point: a fixed grid decides cells that lie in one zone; polygons are asked only at borders.

A cell that no border touches lies in one zone, or in none, as a whole. Any other cell lists the polygons that may
contain a point of it, and these decide. So the answer is that of the polygons alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL_DEGREES = 1 / 4096
"""About 20 by 27 meters (2026-11-27): 3.9 million cells of 4 bytes, of which 2 in 100 touch a border."""

_NUDGE = 1e-7
"""Of a cell, 2 micrometers: a border so near to a cell counts as touching it, on whichever side of a line it is."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ZoneGrid:
    """The zones, ready to be asked.

    Attributes:
        west: longitude of the grid's edge.
        south: latitude of the grid's edge.
        cells: by row and column the id of the zone, 0 for none, or below 0: -1 - n for border cell n.
        starts: where in ``candidates`` those of each border cell begin, and at last where they end.
        candidates: polygons that may contain a point of a border cell, by ascending id of their zones.
        polygons: in degrees, prepared.
        zone_ids: of the polygons.
    """

    west: float
    south: float
    cells: NDArray[np.int32]
    starts: Integers
    candidates: Integers
    polygons: NDArray[Any]
    zone_ids: NDArray[np.int32]


def assign_zones(longitude: Floats, latitude: Floats, grid: ZoneGrid) -> NDArray[np.int32]:
    """The id of the zone that contains each point; 0 for none, also where a coordinate is NaN.

    On a border that zones share, the lowest id counts.

    Args:
        longitude: degrees east (WGS 84).
        latitude: degrees north.
        grid: of the zones.
    """
    import shapely  # noqa: PLC0415 - slow to import, and few commands need it

    rows, columns = grid.cells.shape
    column = np.floor((longitude - grid.west) / CELL_DEGREES)
    row = np.floor((latitude - grid.south) / CELL_DEGREES)
    on_grid = np.flatnonzero((column >= 0) & (column < columns) & (row >= 0) & (row < rows))
    found = grid.cells[row[on_grid].astype(np.int64), column[on_grid].astype(np.int64)]
    zones = np.zeros(len(longitude), np.int32)
    zones[on_grid] = np.maximum(found, 0)
    at_border = found < 0
    border_cell = -1 - found[at_border]
    number = grid.starts[border_cell + 1] - grid.starts[border_cell]
    point = np.repeat(on_grid[at_border], number)
    within = np.arange(len(point)) - np.repeat(np.cumsum(number) - number, number)
    candidate = grid.candidates[np.repeat(grid.starts[border_cell], number) + within]
    hit = shapely.intersects_xy(grid.polygons[candidate], longitude[point], latitude[point])
    # Of a point's hits the last one written stays: from the highest id to the lowest.
    zones[point[hit][::-1]] = grid.zone_ids[candidate[hit]][::-1]
    return zones


def build_grid(zone_ids: NDArray[np.int32], polygons: NDArray[Any]) -> ZoneGrid:
    """Lay the grid over polygons.

    Args:
        zone_ids: of the polygons; an id may have several.
        polygons: in degrees.
    """
    import shapely  # noqa: PLC0415 - as in assign_zones

    order = np.argsort(zone_ids, kind="stable")
    zone_ids, polygons = zone_ids[order], polygons[order]
    shapely.prepare(polygons)
    west, south, east, north = shapely.total_bounds(polygons)
    west, south = west - CELL_DEGREES, south - CELL_DEGREES
    shape = int((north - south) / CELL_DEGREES) + 2, int((east - west) / CELL_DEGREES) + 2
    touched = _border_pairs(polygons, west, south, shape[1])
    is_border = np.zeros(shape[0] * shape[1], np.bool_)
    is_border[touched // len(polygons)] = True
    # Neighbors in a row that no border touches lie in the same zones: the first of them speaks for all.
    # Rows begin and end with cells outside all zones, so that a row goes on where the one before it ended.
    speaks = ~is_border
    speaks[1:] &= is_border[:-1]
    asked = np.flatnonzero(speaks | is_border)
    containing = _containing_pairs(polygons, asked, west, south, shape[1])
    cell, polygon = np.divmod(containing, len(polygons))
    cells = np.zeros(len(is_border), np.int32)
    cells[cell[::-1]] = zone_ids[polygon[::-1]]
    last_speaker = np.maximum.accumulate(np.where(speaks, np.arange(len(speaks)), 0))
    cells = cells[last_speaker]
    border_cells = np.flatnonzero(is_border)
    cells[border_cells] = -1 - np.arange(len(border_cells), dtype=np.int32)
    pairs = np.unique(np.concatenate([touched, containing[is_border[cell]]]))
    starts = np.searchsorted(pairs, np.append(border_cells, len(is_border)) * len(polygons))
    return ZoneGrid(
        west, south, cells.reshape(shape), starts, pairs % len(polygons), polygons, zone_ids
    )


def _border_pairs(polygons: NDArray[Any], west: float, south: float, columns: int) -> Integers:
    """Cells that a border touches, each with the polygon whose border it is: cell * polygons + polygon, ascending."""
    import shapely  # noqa: PLC0415 - as in assign_zones

    parts, part_of = shapely.get_parts(polygons, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    points, point_of = shapely.get_coordinates(rings, return_index=True)
    owner = part_of[ring_of[point_of]]
    grid_points = (points - [west, south]) / CELL_DEGREES
    goes_on = np.flatnonzero(point_of[1:] == point_of[:-1])
    start, step = grid_points[goes_on], grid_points[goes_on + 1] - grid_points[goes_on]
    # Between two crossings a border lies in one cell, and both crossings lie on its edge or in it.
    segment, place = _crossings(start, step)
    crossing = start[segment] + step[segment] * place[:, None]
    nudged = [crossing + np.array([x, y]) for x in (-_NUDGE, _NUDGE) for y in (-_NUDGE, _NUDGE)]
    column, row = np.floor(np.concatenate(nudged)).astype(np.int64).T
    polygon = np.tile(owner[goes_on][segment], len(nudged))
    return np.unique((row * columns + column) * len(polygons) + polygon)


def _crossings(start: Floats, step: Floats) -> tuple[Integers, Floats]:
    """Where segments of closed rings begin and cross the grid's lines: number of the segment, place on it, 0 to 1."""
    numbers = np.arange(len(start))
    segments, places = [numbers], [np.zeros(len(start))]
    for axis in (0, 1):
        first = np.floor(np.minimum(start[:, axis], start[:, axis] + step[:, axis]))
        last = np.floor(np.maximum(start[:, axis], start[:, axis] + step[:, axis]))
        lines = (last - first).astype(np.int64)
        of = np.repeat(numbers, lines)
        line = first[of] + 1 + np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines)
        segments.append(of)
        places.append((line - start[of, axis]) / step[of, axis])
    return np.concatenate(segments), np.concatenate(places)


def _containing_pairs(
    polygons: NDArray[Any], asked: Integers, west: float, south: float, columns: int
) -> Integers:
    """Cells whose middle a polygon contains, with that polygon, as ``_border_pairs`` gives them."""
    import shapely  # noqa: PLC0415 - as in assign_zones

    row, column = np.divmod(asked, columns)
    longitude = west + (column + 0.5) * CELL_DEGREES
    latitude = south + (row + 0.5) * CELL_DEGREES
    point, polygon = shapely.STRtree(polygons).query(shapely.points(longitude, latitude))
    hit = shapely.intersects_xy(polygons[polygon], longitude[point], latitude[point])
    return np.sort(asked[point[hit]] * len(polygons) + polygon[hit])
