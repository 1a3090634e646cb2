"""Downloads of several months, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from taxi_pipeline.download.sources import month_url, source_folder
from taxi_pipeline.download.transfer import fetch
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service


@dataclass(frozen=True)
class MonthDownload:
    """What became of one month: either ``path`` or ``error`` is set.

    Attributes:
        month: the first day of the month.
        path: the complete file.
        error: why there is none, or why the copy at hand could not be compared with the server's.
    """

    month: date
    path: Path | None = None
    error: TaxiError | None = None


@dataclass(frozen=True)
class DownloadReport:
    """What became of the months asked for, in that order, each of them once."""

    months: tuple[MonthDownload, ...]

    @property
    def paths(self) -> list[Path]:
        """The files that are complete and up to date."""
        return [month.path for month in self.months if month.path]

    @property
    def errors(self) -> list[TaxiError]:
        """One error for each month that failed."""
        return [month.error for month in self.months if month.error]

    @property
    def exit_code(self) -> int:
        """0 if every month is there, else 2."""
        return TaxiError.exit_code if self.errors else 0


def download_months(
    files: Sequence[tuple[Service, date]],
    source: str,
    folder: Path,
    progress: Callable[[str, int, int | None], None] | None = None,
    *,
    retries: int = 5,
    backoff_seconds: float = 1.0,
) -> DownloadReport:
    """Download the files of several months, one after the other; go on after one that fails.

    Args:
        files: which trips, and any day of the month.
        source: a name in ``SOURCES`` or the address of a mirror, see ``month_url``.
        folder: the files land in a folder of it named after the source, since the sources differ
            in content: ``<folder>/tlc/yellow_tripdata_2024-01.parquet``.
        progress: called with the service and the month, the file's bytes on disk and its total bytes.
        retries: see ``fetch``.
        backoff_seconds: see ``fetch``.

    Returns:
        For every month its file or its error.

    Raises:
        TaxiError: the source is unknown. Whatever is wrong with one month is in the report.
    """
    outcomes = []
    for (service, month), (url, destination) in zip(
        _once(files), targets_of(files, source, folder), strict=True
    ):
        try:
            path = fetch(
                url,
                destination,
                partial(progress, f"{service} {month:%Y-%m}") if progress else None,
                retries=retries,
                backoff_seconds=backoff_seconds,
            )
        except TaxiError as error:
            outcomes.append(MonthDownload(month, error=error))
        else:
            outcomes.append(MonthDownload(month, path=path))
    return DownloadReport(tuple(outcomes))


def targets_of(
    files: Sequence[tuple[Service, date]], source: str, folder: Path
) -> list[tuple[str, Path]]:
    """Address and destination of each file, as in ``download_months``.

    Raises:
        TaxiError: the source is unknown.
    """
    target = folder / source_folder(source)
    urls = [month_url(service, month, source) for service, month in _once(files)]
    return [(url, target / url.rsplit("/", 1)[1]) for url in urls]


def _once(files: Sequence[tuple[Service, date]]) -> list[tuple[Service, date]]:
    return list(dict.fromkeys((service, month.replace(day=1)) for service, month in files))
