"""What `taxi sample` prints."""

from pathlib import Path

from taxi_pipeline import console
from taxi_pipeline.sample import SampleReport
from taxi_pipeline.texts import plural


def print_sample(report: SampleReport, folder: Path) -> None:
    """Print what was written, and that it is not TLC's."""
    console.out.print(
        f"{report.rows:,} synthetic rows in {plural(len(report.files), 'file')}: {folder}",
        markup=False,
    )
    console.print_synthetic_notice()
