"""What an argument of `taxi run` and `taxi ingest` stands for: a file, the files of a folder, an address."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from taxi_pipeline.addresses import has_scheme, is_url
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.file_names import EXAMPLE, TRIP_NAME, copied_name, original_name, parse
from taxi_pipeline.settings import Settings
from taxi_pipeline.zones.archive import NAME as SHAPES_NAME

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, or None where the publisher does not say."""


_UNFINISHED = (".part", ".crdownload", ".download")
_NOT_DATA = re.compile(
    r"\.(crc|html|ipynb|json|log|md|md5|pdf|py|sha1|sha256|sh|sql|txt|xml|yml)", re.IGNORECASE
)
_OWN_NOTES = (".origin.json", ".part.json", ".lock", ".tmp")
_PARQUET_SUFFIX = ".parquet"
_COPY_REASON = "by its name it is a copy of {}, which is read"


@dataclass
class Found:
    """What arguments stand for.

    Attributes:
        paths: trip files, and folders of Parquet part files, each of which is one trip file.
        failures: what was asked for, or is named like trips, and cannot be read.
        passed_over: other files of a folder, in a line each with the reason.
        shapes: a file with the name of TLC's zone shapes.
    """

    paths: list[Path] = field(default_factory=list)
    failures: list[TaxiError] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    shapes: Path | None = None


def is_part_folder(path: Path) -> bool:
    """Whether a path is a folder of Parquet part files, as Spark and DuckDB write them: one trip file.

    A folder of that name which holds trip files is an ordinary one, as an unpacked archive makes it.
    """
    if path.suffix.lower() != _PARQUET_SUFFIX or not path.is_dir():
        return False
    return not any(TRIP_NAME.fullmatch(entry.name) for entry in path.iterdir())


def part_files(path: Path) -> list[Path]:
    """Return the files that hold a trip file's rows: itself, or a folder's part files in the order of their names.

    Hidden files and such as ``_SUCCESS``, which the writers leave, hold no rows; ``part_copies`` are left out.

    Raises:
        TaxiError: the folder holds anything else, or no part.
        OSError: the folder cannot be read.
    """
    if not path.is_dir():
        return [path]
    copies = part_copies(path)
    parts = []
    for entry in sorted(path.iterdir()):
        if entry.name == "_temporary":
            raise TaxiError(
                path.name, "the job that writes it has not finished", "ingest it when it has"
            )
        if entry.name.startswith((".", "_")):
            if entry.suffix.lower() == _PARQUET_SUFFIX:
                raise TaxiError(
                    path.name,
                    f"its part file {entry.name} is hidden by its name",
                    "rename it if its rows belong to the file, or remove it",
                )
            continue
        if entry.is_dir():
            raise TaxiError(
                path.name,
                f"its rows are partitioned into sub-folders such as {entry.name}",
                "write it without partitions, as one file or as part files side by side",
            )
        if entry.suffix.lower() != _PARQUET_SUFFIX:
            raise TaxiError(
                path.name,
                f"the folder holds {entry.name}, which is not a Parquet part file",
                "move it elsewhere",
            )
        if entry not in copies:
            parts.append(entry)
    if not parts:
        raise TaxiError(path.name, "the folder holds no Parquet part file", "write it again")
    return parts


def part_copies(path: Path) -> dict[Path, str]:
    """The Parquet files of a folder that are copies by their names, and the names of those they are copies of.

    Without the original a name such as ``part (1).parquet`` is that of a part.

    Raises:
        OSError: the folder cannot be read.
    """
    entries = [entry for entry in path.iterdir() if entry.suffix.lower() == _PARQUET_SUFFIX]
    names = {entry.name.lower() for entry in entries}
    originals = ((entry, copied_name(entry.name)) for entry in sorted(entries))
    return {entry: name for entry, name in originals if name and name.lower() in names}


def expand(
    argument: str | Path, settings: Settings, progress: DownloadProgress | None = None
) -> Found:
    """Turn a path, a folder or a URL into the paths of trip files.

    A folder stands for the trip files in it and below it, in the order of their names, and for TLC's zone shapes.
    Hidden files that are not named like trips, hidden folders, and notes that downloads leave, are not looked at; what
    else is no trip file is named. A URL is downloaded to ``settings.download_dir`` after its name has been checked.

    Raises:
        TaxiError: nothing is there, a folder has no trip file, or the download failed.
    """
    if isinstance(argument, str) and is_url(argument):
        return Found([_fetch(argument, settings, progress)])
    if isinstance(argument, str) and has_scheme(argument):
        raise TaxiError(
            argument, "only http and https addresses are read", "download it and give its path"
        )
    if not str(argument):
        raise TaxiError("''", "an empty argument names no file", "give a file, a folder or a URL")
    path = Path(argument)
    with _faults_named(path):
        path.stat()
        is_folder = path.is_dir() and not is_part_folder(path)
    if not is_folder:
        if path.name == SHAPES_NAME:
            return Found(shapes=path)
        parse(path)
        with _faults_named(path):
            return Found([path], passed_over=_lines_about_copies(path))
    found = Found()
    _Walk(settings, found).into(path)
    if not found.paths and not found.failures:
        others = f"; not taken: {found.passed_over[0]}" if found.passed_over else ""
        more = f", and {len(found.passed_over) - 1} more" if len(found.passed_over) > 1 else ""
        raise TaxiError(
            str(path),
            f"the folder holds no trip file{others}{more}",
            f"put files there that are named as TLC does, such as {EXAMPLE}",
        )
    return found


def _lines_about_copies(path: Path) -> list[str]:
    """What is passed over within a trip file that is a folder."""
    copies = part_copies(path) if path.is_dir() else {}
    return [f"{entry}: {_COPY_REASON.format(name)}" for entry, name in copies.items()]


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    """Turn what the system says of a path into an error with its name."""
    try:
        yield
    except FileNotFoundError as error:
        if path.is_symlink():
            raise TaxiError(
                str(path),
                f"it is a link to {path.readlink()}, which is not there",
                "fix the link, or give the file itself",
            ) from error
        raise TaxiError(str(path), "there is no such file or folder", "check the path") from error
    except OSError as error:
        raise TaxiError(
            str(path), f"it cannot be read: {error.strerror}", "check the path and its permissions"
        ) from error


class _Walk:
    """One walk through a folder; every entry becomes a path, a failure or a line."""

    def __init__(self, settings: Settings, found: Found) -> None:
        self.found = found
        self.own = {
            Path(settings.lake_url): "it is the lake",
            settings.temp_dir: "it holds temporary files",
            settings.sample_dir: "it holds the synthetic sample; give it by its path",
        }
        self.visited: set[Path] = set()

    def into(self, folder: Path) -> None:
        """Take in the entries of a folder and of those below it."""
        entries: list[Path] = []
        with self._failures_kept(), _faults_named(folder):
            real = folder.resolve()
            if real in self.visited:  # links may go round in a circle
                return
            self.visited.add(real)
            entries += sorted(folder.iterdir())
        names = {entry.name.lower() for entry in entries}
        for entry in entries:
            with self._failures_kept(), _faults_named(entry):
                if entry.name.startswith("."):
                    self._name_hidden(entry)
                else:
                    self._take(entry, names)

    @contextmanager
    def _failures_kept(self) -> Iterator[None]:
        try:
            yield
        except TaxiError as error:
            self.found.failures.append(error)

    def _take(self, entry: Path, names: set[str]) -> None:
        is_link_to_nothing = entry.is_symlink() and not entry.exists()
        if entry.is_dir() and not is_part_folder(entry):
            reason = self.own.get(entry.resolve())
            if reason is None:
                self.into(entry)
            else:
                self._pass_over(entry, reason)
        elif is_link_to_nothing and _looks_like_trips(entry.name):
            entry.stat()  # which says what is wrong
        elif entry.name.lower().endswith(_OWN_NOTES):
            return
        elif entry.name.lower().endswith(_UNFINISHED) and _looks_like_trips(entry.stem):
            self._take_unfinished(entry, names)
        elif entry.name == SHAPES_NAME and self.found.shapes is None:
            self.found.shapes = entry
        elif not _looks_like_trips(entry.name):
            self._pass_over(entry, "it is not named like a trip file")
        elif (original := original_name(entry.name)) and original.lower() in names:
            self._pass_over(entry, _COPY_REASON.format(original))
        else:
            try:
                parse(entry)
            except TaxiError as error:
                raise TaxiError(str(entry), error.reason, error.remedy) from error
            self.found.paths.append(entry)
            self.found.passed_over += _lines_about_copies(entry)

    def _name_hidden(self, entry: Path) -> None:
        is_note = entry.name.lower().endswith(_OWN_NOTES)
        if _looks_like_trips(entry.name) and not is_note and not entry.is_dir():
            self._pass_over(entry, "it is hidden by its name")

    def _take_unfinished(self, entry: Path, names: set[str]) -> None:
        if entry.stem.lower() in names:
            self._pass_over(entry, "it is an unfinished download of a file that is read")
            return
        raise TaxiError(str(entry), "it is an unfinished download", "download it again")

    def _pass_over(self, entry: Path, reason: str) -> None:
        self.found.passed_over.append(f"{entry}: {reason}")


def _looks_like_trips(name: str) -> bool:
    """Whether a name is meant to be that of trips; one that cannot be read is a failure, not a line."""
    letters = re.sub(r"[^a-z]", "", name.lower())
    return "tripdata" in letters and not _NOT_DATA.fullmatch(Path(name).suffix)


def _fetch(url: str, settings: Settings, progress: DownloadProgress | None) -> Path:
    from taxi_pipeline.download.transfer import fetch  # noqa: PLC0415 - 0.1 s for requests, which files need not

    trip_file = parse(url)  # a wrong name is not worth a download
    return fetch(url, settings.download_dir / trip_file.name, progress)
