"""TLC's taxi zones as polygons: kept in the data folder, and the zone that contains a point."""
