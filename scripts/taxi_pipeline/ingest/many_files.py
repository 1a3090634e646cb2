"""Many files: the files of folders and the URLs that were given, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from taxi_pipeline.errors import TaxiError, deciding
from taxi_pipeline.file_names import parse
from taxi_pipeline.ingest.arguments import DownloadProgress, expand
from taxi_pipeline.ingest.one_file import IngestResult, Progress, ingest_file, prepare_lake
from taxi_pipeline.lake import Lake, hash_file
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings
from taxi_pipeline.zones.archive import keep_shapes, kept_shapes


@dataclass(frozen=True)
class ManyResult:
    """What became of several files.

    Attributes:
        results: the files whose rows are in the lake, in the order given.
        failures: the faults of the others.
        passed_over: files of folders that are no trip files, in a line each.
    """

    results: list[IngestResult] = field(default_factory=list)
    failures: list[TaxiError] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0; 1 where months were kept out by their checks; 2 where a file could not be read; 3 not published yet."""
        return deciding(failure.exit_code for failure in self.failures)


def ingest_many(
    arguments: Sequence[str | Path],
    lake: Lake,
    settings: Settings,
    progress: Progress | None = None,
    download_progress: DownloadProgress | None = None,
    *,
    accept_critical: bool = False,
    may_fetch_shapes: bool = False,
) -> ManyResult:
    """Bring files, the files of folders, and URLs into the lake, one after the other.

    A file that fails does not keep the others from being ingested. Two files of one service and
    month both fail, because one would replace the other.

    Args:
        arguments: paths, folders and URLs.
        lake: where the rows go.
        settings: memory limit and folders.
        progress: told what is going on.
        download_progress: told how far a download is.
        accept_critical: as in ``ingest_file``.
        may_fetch_shapes: likewise.
    """
    outcome = ManyResult()
    paths: dict[tuple[Path, str], Path] = {}  # by file and name, since the name says what it holds
    for argument in arguments:
        try:
            found = expand(argument, settings, download_progress)
        except TaxiError as error:
            outcome.failures.append(error)
        else:
            outcome.failures.extend(found.failures)
            outcome.passed_over.extend(found.passed_over)
            for path in found.paths:
                paths.setdefault((path.resolve(), path.name), path)
            if found.shapes is not None:
                _take_shapes(found.shapes, settings, outcome, progress or (lambda _: None))
    prepare = cache(partial(prepare_lake, lake, settings, progress or (lambda _: None)))
    for path in _without_rivals(list(paths.values()), outcome.failures):
        try:
            result = ingest_file(
                path,
                lake,
                settings,
                progress,
                accept_critical=accept_critical,
                prepare=prepare,
                may_fetch_shapes=may_fetch_shapes,
            )
            outcome.results.append(result)
        except TaxiError as error:
            outcome.failures.append(_with_folder(error, path))
    return outcome


def _take_shapes(path: Path, settings: Settings, outcome: ManyResult, tell: Progress) -> None:
    """Keep zone shapes that lie among the files, where the data folder has none; `taxi zones` replaces those it has."""
    try:
        if (kept := kept_shapes(settings)) is None:
            tell(f"Taking the zone shapes in {path}")
            keep_shapes(path, settings)
        elif kept.sha256 != hash_file(path):
            outcome.passed_over.append(
                f"{path}: the data folder has other zone shapes; `taxi zones {path}` replaces them"
            )
    except TaxiError as error:
        outcome.failures.append(error)


def _with_folder(error: TaxiError, path: Path) -> TaxiError:
    """The same fault about the path as given: files of one name can be in several folders."""
    if error.subject != path.name:
        return error
    return type(error)(str(path), error.reason, error.remedy)


def _without_rivals(paths: list[Path], failures: list[TaxiError]) -> list[Path]:
    """Leave out, as failures, files of the same service and month."""
    by_month: dict[tuple[Service, str], list[Path]] = {}
    for path in paths:
        trip_file = parse(path)
        by_month.setdefault((trip_file.service, f"{trip_file.month:%Y-%m}"), []).append(path)
    kept = []
    for (service, month), same in by_month.items():
        if len(same) == 1:
            kept += same
        else:
            failures.append(
                TaxiError(
                    " and ".join(str(path) for path in same),
                    f"each holds the {service.value} trips of {month}, and the lake keeps one file a month",
                    "give only one of them",
                )
            )
    return kept
