"""The lake: one canonical Parquet file per service and month, and a manifest of their versions."""

from taxi_pipeline.lake.liveness import is_abandoned, temp_tag
from taxi_pipeline.lake.store import (
    FOOTER_KEY,
    Lake,
    ManifestEntry,
    ZoneChange,
    canonical_columns,
    data_lock,
    hash_file,
    is_same_content,
    quote_identifier,
    quote_literal,
    read_footer,
    utc_now,
)

__all__ = [
    "FOOTER_KEY",
    "Lake",
    "ManifestEntry",
    "ZoneChange",
    "canonical_columns",
    "data_lock",
    "hash_file",
    "is_abandoned",
    "is_same_content",
    "quote_identifier",
    "quote_literal",
    "read_footer",
    "temp_tag",
    "utc_now",
]
