"""Workflows on a terminal: their progress and results, each as its feature renders it, or one JSON document."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout

import typer

from taxi_pipeline import console
from taxi_pipeline.documents import Document, fault_document
from taxi_pipeline.download.months import DownloadReport
from taxi_pipeline.download.rendering import print_downloaded
from taxi_pipeline.faults import ending
from taxi_pipeline.ingest import ManyResult
from taxi_pipeline.ingest.rendering import print_ingested
from taxi_pipeline.observer import LoadProgress, Observer, Tell, TransferProgress
from taxi_pipeline.quality.rendering import print_validation
from taxi_pipeline.quality.validate import Validation
from taxi_pipeline.results import Built, DbtError, Loaded, Result, Sample
from taxi_pipeline.transform.deps import PackageOrigin
from taxi_pipeline.transform.rendering import build_progress, print_build, print_unchanged
from taxi_pipeline.transform.runner import BuildListener
from taxi_pipeline.transform.unchanged import LastBuild
from taxi_pipeline.warehouses.rendering import load_progress, print_loaded


class Terminal(Observer):
    """Prints what goes on, and what each step leaves.

    Args:
        in_full: print every check of a validation, not only those that failed.
    """

    def __init__(self, *, in_full: bool = False) -> None:
        self._in_full = in_full

    def note(self, text: str) -> None:
        """Print a remark."""
        console.print_note(text)

    def activity(self, title: str) -> AbstractContextManager[Tell]:
        """Show what is going on."""
        return console.activity(title)

    def transferring(self) -> AbstractContextManager[TransferProgress]:
        """Show downloads."""
        return console.transfer()

    def loading(self) -> AbstractContextManager[LoadProgress]:
        """Show a load."""
        return load_progress()

    def building(self, title: str) -> AbstractContextManager[BuildListener]:
        """Show dbt's nodes."""
        return build_progress(title)

    def finished(self, result: Result) -> None:
        """Print a result."""
        match result:
            case Sample():
                from taxi_pipeline.sample.rendering import print_sample  # noqa: PLC0415 - imports NumPy

                print_sample(result.report, result.folder)
            case DownloadReport():
                print_downloaded(result)
            case ManyResult():
                print_ingested(result)
            case Loaded():
                print_loaded(result.report, result.warehouse, result.seconds)
            case PackageOrigin():
                console.out.print(f"dbt_utils: {result}.")
            case Built(unchanged=LastBuild() as last):
                print_unchanged(last)
            case Built():
                print_build(result.report, result.seconds)
                if result.report.failures:
                    console.print_note(
                        "After the fix, `taxi build --retry` runs only what failed or was skipped."
                    )
            case Validation():
                print_validation(result, in_full=self._in_full)


@contextmanager
def dbt_faults_printed() -> Iterator[None]:
    """End the command as a failed build does where dbt could not prepare what it needs."""
    try:
        yield
    except DbtError as error:
        print_build(error.report, 0)
        raise typer.Exit(error.exit_code) from error


@contextmanager
def answering(command: str, *, as_json: bool) -> Iterator[Callable[[Document], None]]:
    """Let a command answer in JSON: one document on standard output, also where it fails; the rest goes to stderr.

    Args:
        command: its name, for the document of a failure.
        as_json: whether the user wants it; else nothing changes, and what is given is dropped.

    Yields:
        A function that takes the document.
    """
    if not as_json:
        yield lambda _document: None
        return
    given: list[Document] = []
    try:
        with redirect_stdout(sys.stderr):
            yield given.append
    except typer.Exit:
        raise
    except BaseException as fault:
        given[:] = [fault_document(command, *ending(fault))]
        raise
    finally:
        for document in given:
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
