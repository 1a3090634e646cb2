"""Trip files into the lake: names and types to SQL (convert), CSV as text (text), one file, many files."""

from taxi_pipeline.ingest.many_files import ManyResult, ingest_many
from taxi_pipeline.ingest.one_file import INGEST_VERSION, IngestResult, ingest_file

__all__ = ["INGEST_VERSION", "IngestResult", "ManyResult", "ingest_file", "ingest_many"]
