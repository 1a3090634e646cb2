"""What is printed about the zones of the months in a lake."""

from collections.abc import Sequence

from taxi_pipeline import console
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import ManifestEntry
from taxi_pipeline.lake.verify import name_files
from taxi_pipeline.settings import Settings
from taxi_pipeline.zones.archive import located_otherwise


def print_located_otherwise(entries: Sequence[ManifestEntry], settings: Settings) -> None:
    """Print which months have zones by other shapes than those of the data folder, and what to do; else nothing."""
    try:
        others = located_otherwise(entries, settings)
    except TaxiError as damaged:
        console.print_warning(str(damaged))
        return
    if not others:
        return
    files = ", ".join(entry.source_file for entry in others[:6])
    more = f" and {len(others) - 6} more" if len(others) > 6 else ""
    console.print_warning(
        f"The zone shapes in {settings.zones_dir} are not those by which the points of "
        f"{name_files([entry.key for entry in others])} became zones, or the method is newer. To assign the zones anew,"
        f" ingest {files}{more} again; to go back to the earlier shapes, `taxi zones PATH`."
    )
