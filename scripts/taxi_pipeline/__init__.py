"""NYC TLC trip files into tables that add up: a thin wrapper around DuckDB and dbt."""
