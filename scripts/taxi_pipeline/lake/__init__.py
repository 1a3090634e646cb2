"""The lake: canonical Parquet files, one per version of a TLC file, and the manifest that says which are current."""

from taxi_pipeline.lake.lake import (
    FOOTER_KEY,
    Lake,
    LakeFile,
    canonical_columns,
    name_of,
    new_load_id,
    open_storage,
    read_footer,
)
from taxi_pipeline.lake.liveness import is_abandoned, temp_tag
from taxi_pipeline.lake.locks import data_lock
from taxi_pipeline.lake.manifest import ManifestEntry, ZoneChange, is_same_content, utc_now
from taxi_pipeline.lake.quoting import quote_identifier, quote_literal
from taxi_pipeline.lake.storage import hash_file

__all__ = [
    "FOOTER_KEY",
    "Lake",
    "LakeFile",
    "ManifestEntry",
    "ZoneChange",
    "canonical_columns",
    "data_lock",
    "hash_file",
    "is_abandoned",
    "is_same_content",
    "name_of",
    "new_load_id",
    "open_storage",
    "quote_identifier",
    "quote_literal",
    "read_footer",
    "temp_tag",
    "utc_now",
]
