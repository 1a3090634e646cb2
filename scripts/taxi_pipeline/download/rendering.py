"""What downloads of months print beside their progress."""

from taxi_pipeline import console
from taxi_pipeline.download.months import DownloadReport
from taxi_pipeline.texts import plural


def print_downloaded(report: DownloadReport) -> None:
    """Print how many files came over and how many were here already; the faults are printed with those of ingestion."""
    new = sum(month.is_new for month in report.months)
    held = len(report.paths) - new
    parts = [f"{plural(new, 'file')} downloaded"] if new or not held else []
    if held:
        parts.append(f"{plural(held, 'file')} unchanged at the publisher")
    console.out.print(", ".join(parts))
