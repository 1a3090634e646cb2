"""How this project's own sample is told from TLC's data."""

NOTICE = (
    "Synthetic trips made by this project in the shape of NYC TLC files: not TLC data,"
    " and no statement about real trips."
)
METADATA_KEY = "taxi_synthetic"
"""Parquet metadata key, with the value ``true``, by which a file of the sample is known."""
