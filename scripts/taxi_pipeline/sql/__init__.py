"""`taxi sql`: queries on the tables of a target, read only."""
