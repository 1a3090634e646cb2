"""Downloads of several months, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from taxi_pipeline.download.sources import Month, month_url, source_folder
from taxi_pipeline.errors import TaxiError, deciding
from taxi_pipeline.schemas import Service


@dataclass(frozen=True)
class MonthDownload:
    """What became of one month: either ``path`` or ``error`` is set.

    Attributes:
        month: the first day of the month.
        path: the complete file.
        error: why there is none, or why the copy at hand could not be compared with the server's.
        is_new: whether bytes were transferred; False where the publisher's file is the one at hand.
    """

    month: date
    path: Path | None = None
    error: TaxiError | None = None
    is_new: bool = False


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
        """0 if every month is there; 3 where those that are not are not published yet; else 2."""
        return deciding(error.exit_code for error in self.errors)


def download_months(
    files: Sequence[tuple[Service, date]],
    source: str,
    folder: Path,
    progress: Callable[[str, int, int | None], None] | None = None,
    *,
    retries: int = 5,
    backoff_seconds: float = 1.0,
    waits: bool = False,
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
        waits: see ``fetch``.

    Returns:
        For every month its file or its error.

    Raises:
        TaxiError: the source is unknown. Whatever is wrong with one month is in the report.
    """
    from taxi_pipeline.download.transfer import fetch  # noqa: PLC0415 - 0.1 s for requests

    outcomes = []
    for (service, month), (url, destination) in zip(
        _once(files), targets_of(files, source, folder), strict=True
    ):
        before = _identity(destination)
        try:
            path = fetch(
                url,
                destination,
                partial(progress, f"{service} {month:%Y-%m}") if progress else None,
                retries=retries,
                backoff_seconds=backoff_seconds,
                waits=waits,
            )
        except TaxiError as error:
            outcomes.append(MonthDownload(month, error=error))
        else:
            is_new = _identity(path) != before
            outcomes.append(MonthDownload(month, path=path, is_new=is_new))
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


def _once(files: Sequence[tuple[Service, date]]) -> list[Month]:
    return list(dict.fromkeys(Month(service, month.replace(day=1)) for service, month in files))


def _identity(path: Path) -> tuple[int, int] | None:
    """What changes when another file takes the name."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns
