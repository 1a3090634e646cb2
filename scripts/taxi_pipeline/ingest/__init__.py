"""Trip files into the lake: columns by name (matching), SQL (convert), CSV as text (text), one file, many files."""

from taxi_pipeline.ingest.many_files import ManyResult, ingest_many
from taxi_pipeline.ingest.one_file import INGEST_VERSION, IngestResult, gives_points, ingest_file

__all__ = [
    "INGEST_VERSION",
    "IngestResult",
    "ManyResult",
    "gives_points",
    "ingest_file",
    "ingest_many",
]
