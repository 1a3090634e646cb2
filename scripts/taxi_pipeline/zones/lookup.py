"""The zone of a point as a function of DuckDB."""

from threading import Lock
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling, PythonUDFType

from taxi_pipeline.zones.polygons import ZoneShapes, read_grid

ZONE_AT = "zone_at"
"""Of longitude and latitude; null where a point lies in no zone, or has no coordinates."""


def let_points_be_zones(connection: duckdb.DuckDBPyConnection, shapes: ZoneShapes) -> None:
    """Give a connection the function ``ZONE_AT``.

    Args:
        connection: of the engine.
        shapes: of the zones.

    Raises:
        TaxiError: the shapes are no shapefile of the zones.
    """
    import pyarrow as pa  # noqa: PLC0415 - these are slow to import, and few files need them

    from taxi_pipeline.zones.grid import assign_zones  # noqa: PLC0415

    grid = read_grid(shapes)
    one_at_a_time = Lock()  # threads of the engine share the prepared polygons

    def zone_at(longitude: Any, latitude: Any) -> Any:  # DuckDB evaluates what stands here
        with one_at_a_time:
            zones = assign_zones(longitude.to_numpy(), latitude.to_numpy(), grid)
        return pa.array(zones, mask=zones == 0)

    connection.create_function(
        ZONE_AT,
        zone_at,
        ["DOUBLE", "DOUBLE"],
        "INTEGER",
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
