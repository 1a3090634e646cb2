"""What the commands do, for a program: typed results, nothing printed.

Each function takes the locks that it needs. ``run`` holds them from its first step to its last, so that no other
process comes between. Progress goes to an ``Observer``.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from taxi_pipeline.download.months import DownloadReport, download_months, targets_of
from taxi_pipeline.download.sources import TLC, Month, parse_files
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.history.lineage_events import send_events
from taxi_pipeline.history.outcomes import of_build, of_ingest, of_load, of_validation
from taxi_pipeline.history.page import write_history_page
from taxi_pipeline.history.recorder import command_of, hand_over, one_run, recording
from taxi_pipeline.ingest import ManyResult, ingest_many
from taxi_pipeline.lake import Lake, data_lock
from taxi_pipeline.lake.delta import sync_where_present
from taxi_pipeline.lake.verify import require_whole
from taxi_pipeline.observer import SILENT, Observer
from taxi_pipeline.plan.planning import Plan, counts_of, default_months
from taxi_pipeline.quality.store import failed_months
from taxi_pipeline.quality.validate import Choice, Validation, find_entries
from taxi_pipeline.quality.validate import validate as judge
from taxi_pipeline.restatements.versions import record_restatements
from taxi_pipeline.results import Built, DbtError, Loaded, Published, Run, Sample, Status
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.settings import Settings
from taxi_pipeline.site import publish_docs
from taxi_pipeline.site import write_site as write_pages
from taxi_pipeline.site.current import current_page, remember_pages
from taxi_pipeline.transform.completeness import (
    FileVerdicts,
    read_completeness,
    read_verdicts,
)
from taxi_pipeline.transform.deps import install_packages
from taxi_pipeline.transform.estimate import ByteCounter, Estimate, estimate_scans
from taxi_pipeline.transform.preflight import check_lake, refuse_to_replace
from taxi_pipeline.transform.runner import (
    BuildListener,
    BuildOptions,
    build_command,
    compile_command,
    docs_command,
    prepare_profile,
    retry_command,
    run_dbt,
    target_of_failed_build,
)
from taxi_pipeline.transform.state import require_passed
from taxi_pipeline.transform.summary import summarize
from taxi_pipeline.transform.unchanged import READS_THE_LAKE, BuildMemory
from taxi_pipeline.warehouses import (
    Reader,
    check_target,
    is_embedded,
    open_reader,
    open_warehouse,
    reads_lake_in_place,
)
from taxi_pipeline.warehouses.base import FileKey
from taxi_pipeline.warehouses.embedded import require_built, require_free
from taxi_pipeline.warehouses.load import kept_files, load_changes
from taxi_pipeline.warehouses.targets import call_target, require_target


@contextmanager
def exclusive(settings: Settings, observer: Observer = SILENT) -> Iterator[None]:
    """Hold the data folder and dbt's artifacts, which two data folders of one project share.

    Args:
        settings: where they are.
        observer: told when another process holds them.
    """
    with data_lock(settings.data_dir, observer.note), data_lock(settings.target_dir, observer.note):
        yield


def require_warehouse(settings: Settings, target: str | None) -> None:
    """Refuse to publish from a DuckDB warehouse that is not there, before a lock makes its folder.

    Args:
        settings: where ``profiles.yml`` and the warehouse are.
        target: a name of ``profiles.yml``; None for its default.

    Raises:
        TaxiError: there is no warehouse.
    """
    prepare_profile(settings)
    if is_embedded(settings, target):
        require_built(settings)


def write_sample(
    settings: Settings, folder: Path | None = None, scale: float = 1.0, observer: Observer = SILENT
) -> Sample:
    """Write the synthetic sample.

    Args:
        settings: the default folder.
        folder: where to write; None for the default.
        scale: times 210,000 trips.
        observer: told of progress.

    Raises:
        TaxiError: the shapes of the zones in the data folder are damaged.
    """
    from taxi_pipeline.sample import write_sample as write_files  # noqa: PLC0415 - imports NumPy and PyArrow
    from taxi_pipeline.zones.archive import kept_shapes  # noqa: PLC0415 - of few commands

    folder = folder or settings.sample_dir
    with observer.activity("Writing the synthetic sample"):
        sample = Sample(folder, write_files(folder, scale, shapes=kept_shapes(settings)))
    observer.finished(sample)
    return sample


def ingest(
    settings: Settings,
    arguments: Sequence[str | Path] = (),
    *,
    months: Sequence[Month] = (),
    source: str = TLC,
    accept_critical: bool = False,
    observer: Observer = SILENT,
) -> ManyResult:
    """Bring files into the lake; those that fail are in the result and keep no other one out.

    Args:
        settings: where the lake is.
        arguments: paths, folders and URLs.
        months: to be downloaded; a month that cannot be, or is not published yet, is a failure in the result.
        source: their publisher, see ``month_url``.
        accept_critical: take a month although a critical check fails.
        observer: told of progress.

    Raises:
        TaxiError: both arguments and months are given, the source is unknown, or the disk has no room.
    """
    downloaded = _fetch(settings, arguments, months, source, observer)
    return _ingest(settings, arguments, downloaded, observer, accept_critical=accept_critical)


def _fetch(
    settings: Settings,
    arguments: Sequence[str | Path],
    months: Sequence[Month],
    source: str,
    observer: Observer,
) -> DownloadReport:
    if arguments and months:
        raise TaxiError(
            str(months[0]),
            "it is given beside paths, which may hold the same month, and the lake keeps one file a month",
            "give paths in one command and months in another",
        )
    return download(settings, months, source, observer) if months else DownloadReport(())


def download(
    settings: Settings, months: Sequence[Month], source: str = TLC, observer: Observer = SILENT
) -> DownloadReport:
    """Download months: what is here and unchanged at the publisher costs a request, what is not is transferred.

    Args:
        settings: the folder of the downloads.
        months: which; one that fails is in the report and keeps no other one out.
        source: the publisher, see ``month_url``.
        observer: told of progress.

    Raises:
        TaxiError: the source is unknown, or the disk has no room for the files.
    """
    from taxi_pipeline.download.room import measure, require_room  # noqa: PLC0415 - 0.1 s for requests

    if targets := targets_of(months, source, settings.download_dir):
        sizes = measure(targets)
        if sizes.files:
            observer.note(str(sizes))
        require_room(sizes, settings.download_dir)
    with observer.transferring() as update:
        report = download_months(months, source, settings.download_dir, update, waits=True)
    observer.finished(report)
    return report


def _ingest(
    settings: Settings,
    arguments: Sequence[str | Path],
    downloaded: DownloadReport,
    observer: Observer,
    *,
    accept_critical: bool,
) -> ManyResult:
    lake = Lake.of(settings)
    with (
        one_run(settings, "taxi ingest", None, observer.note),
        recording(settings, "ingest") as entry,
        observer.activity("Reading") as tell,
    ):
        outcome = ingest_many(
            [*arguments, *downloaded.paths],
            lake,
            settings,
            tell,
            accept_critical=accept_critical,
            may_fetch_shapes=True,
        )
        sync_where_present(lake)
        outcome = replace(outcome, failures=[*downloaded.errors, *outcome.failures])
        entry.end(of_ingest(outcome))
    observer.finished(outcome)
    return outcome


def load(settings: Settings, target: str | None, observer: Observer = SILENT) -> Loaded:
    """Copy what changed in the lake to a server.

    Args:
        settings: where the lake and ``profiles.yml`` are.
        target: the server.
        observer: told of progress.

    Raises:
        TaxiError: the lake is empty or not whole, or the server cannot take it; what is complete stays.
    """
    prepare_profile(settings)
    with (
        one_run(settings, "taxi load", target, observer.note),
        recording(settings, "load", target) as entry,
    ):
        lake = _ready_lake(settings, observer)
        started = time.monotonic()
        with (
            data_lock(settings.data_dir, observer.note),
            open_warehouse(settings, target) as warehouse,
            observer.loading() as (on_plan, on_partition),
        ):
            report = load_changes(lake, warehouse, on_plan, on_partition)
        loaded = Loaded(report, warehouse.name, time.monotonic() - started)
        entry.end(of_load(loaded))
    observer.finished(loaded)
    return loaded


def build(
    settings: Settings,
    options: BuildOptions = BuildOptions(),  # noqa: B008 - frozen
    *,
    retry: bool = False,
    again: bool = False,
    observer: Observer = SILENT,
) -> Built:
    """Run ``dbt build``; where nothing has changed since everything was built, return what it found then.

    Args:
        settings: where the project and the data are.
        options: as dbt's.
        retry: only what failed or was skipped last time, with the options of then.
        again: start dbt even if nothing has changed.
        observer: told of progress.

    Raises:
        TaxiError: the lake is empty or not whole, the target cannot be reached, or there is nothing to repeat. A
            node that fails raises nothing: it is in the report.
    """
    prepare_profile(settings)
    command = command_of(options, retry=retry, again=again)
    if retry:
        options = replace(options, target=target_of_failed_build(settings))
    with one_run(settings, command, options.target, observer.note):
        check_target(settings, options.target)
        return _build(settings, options, observer, retry=retry, again=again)


def _build(
    settings: Settings,
    options: BuildOptions,
    observer: Observer,
    *,
    retry: bool = False,
    again: bool = False,
) -> Built:
    if not (lake := Lake.of(settings)).published():
        refuse_to_replace(lake, settings, options.target)
    lake = _ready_lake(settings, observer)
    with exclusive(settings, observer), recording(settings, "build", options.target) as entry:
        memory = BuildMemory.of(settings, options.target, lake)
        is_plain = options == BuildOptions(options.target) and not (retry or again)
        last = memory.recall() if memory is not None and is_plain else None
        if last is not None and last.is_current:
            entry.end(of_build(unchanged := Built(last.report, 0, last)))
            observer.finished(unchanged)
            return unchanged
        if is_embedded(settings, options.target):
            require_free(settings)
            with observer.activity("Checking the lake") as tell:
                is_everything = options.full_refresh or "all" in (options.variables or "")
                check_lake(lake, settings, everything=is_everything, tell=tell)
        elif reads_lake_in_place(settings, options.target):
            require_whole(lake)
        observer.finished(install_packages(settings))
        if (memory := BuildMemory.of(settings, options.target, lake)) is not None:  # with packages
            memory.forget()
        if last is not None:
            observer.note("Only what reads the lake is built: nothing else has changed.")
        chosen = options if last is None else replace(options, select=(READS_THE_LAKE,))
        started = time.monotonic()
        with observer.building("Parsing the project") as listener, entry.told_to_dbt():
            command = retry_command() if retry else build_command(chosen)
            report = run_dbt(command, settings, listener)
        built = Built(report, time.monotonic() - started)
        entry.end(of_build(built))
        if is_embedded(settings, options.target):  # before the warehouse's state is remembered
            hand_over(settings, options.target, observer.note)
        send_events(settings, entry.record.step, observer.note)
        if memory is not None and options.is_of_everything and not retry:
            memory.keep(report, last)
    observer.finished(built)
    return built


def estimate(
    settings: Settings, options: BuildOptions, observer: Observer = SILENT
) -> list[Estimate]:
    """Ask BigQuery what a build would scan.

    Args:
        settings: where the project is.
        options: of the build.
        observer: told of progress.

    Raises:
        DbtError: the project does not compile.
        TaxiError: the target is not BigQuery.
    """
    prepare_profile(settings)
    if reads_lake_in_place(settings, options.target):
        raise _bills_nothing(call_target(settings, options.target))
    install_packages(settings)
    with observer.activity("Compiling"):
        report = run_dbt(compile_command(options), settings, BuildListener())
    if report.exit_code:
        raise DbtError("compile", report)
    with open_warehouse(settings, options.target) as warehouse:
        if not isinstance(warehouse, ByteCounter):
            raise _bills_nothing(warehouse.name)
        return list(estimate_scans(report.nodes, warehouse))


def _bills_nothing(name: str) -> TaxiError:
    return TaxiError(
        "taxi build --dry-run",
        f"{name} does not bill what it scans",
        "leave --dry-run out, or give a BigQuery target",
    )


def validate(settings: Settings, choice: Choice, observer: Observer = SILENT) -> Validation:
    """Judge months and marts, and write the pages of the site about it.

    Args:
        settings: where the lake and ``profiles.yml`` are.
        choice: what to judge.
        observer: told of progress.

    Raises:
        TaxiError: there is nothing to judge, or the marts cannot be read.
    """
    prepare_profile(settings)
    find_entries(Lake.of(settings), choice)  # refused before the lock makes a folder
    with (
        one_run(settings, "taxi validate", choice.target, observer.note),
        data_lock(settings.data_dir, observer.note),
        recording(settings, "validate", choice.target) as entry,
        observer.activity("Validating") as tell,
    ):
        validation = judge(settings, choice, tell)
        entry.end(of_validation(validation))
    observer.finished(validation)
    return validation


def write_docs(settings: Settings, target: str | None = None, observer: Observer = SILENT) -> Path:
    """Write dbt's documentation to the site; returns its page.

    Args:
        settings: where the project and the site are.
        target: whose catalog.
        observer: told of progress.

    Raises:
        TaxiError: not every table and test of the target has passed.
        DbtError: dbt cannot write it.
    """
    with passed_artifacts(settings, target, observer):
        return publish_docs(settings)


def write_site(settings: Settings, target: str | None = None, observer: Observer = SILENT) -> Path:
    """Write every page of the site; returns its start page.

    Args:
        settings: where the project and the site are.
        target: whose tables.
        observer: told of progress.

    Raises:
        TaxiError: not every table and test of the target has passed.
        DbtError: dbt cannot write the documentation.
    """
    with passed_artifacts(settings, target, observer), observer.activity("Writing the site"):
        write_history_page(settings, target)
        page = write_pages(settings, target)
        remember_pages(settings, target)
        return page


@contextmanager
def passed_artifacts(
    settings: Settings, target: str | None, observer: Observer = SILENT
) -> Iterator[Path]:
    """Hold dbt's artifacts of a target that has passed, written anew; gives their folder.

    Args:
        settings: where the project is.
        target: whose catalog.
        observer: told of progress.

    Raises:
        TaxiError: not every table and test of the target has passed.
        DbtError: dbt cannot write them.
    """
    require_warehouse(settings, target)
    with exclusive(settings, observer):
        with open_reader(settings, target) as reader:
            require_passed(reader)
        install_packages(settings)
        with observer.activity("Writing the docs"):
            report = run_dbt(docs_command(target), settings, BuildListener())
        if report.exit_code:
            raise DbtError("docs generate", report)
        yield settings.target_dir


def read_status(settings: Settings, target: str | None = None) -> Status:
    """Read which months are loaded, and whether they are whole; waits for nobody, and writes nothing.

    Args:
        settings: where the lake and ``profiles.yml`` are.
        target: whose verdicts; None for the default, which need not have been built.

    Raises:
        TaxiError: there is no such target, it was named and cannot be read, or it holds real months and the lake is
            empty.
    """
    lake = Lake.of(settings)
    entries = lake.published()
    prepare_profile(settings)
    require_target(settings, target)
    if not entries:
        refuse_to_replace(lake, settings, target)
    current = {entry.key for entry in entries}
    removed = [
        entry
        for entry in lake.history()
        if entry.forgotten_at is not None and entry.key not in current
    ]
    if not entries and not removed:
        return Status([], FileVerdicts({}))
    failed = failed_months(settings, lake)
    try:
        with open_reader(settings, target) as reader:
            verdicts = read_verdicts(reader)
            forgotten = (entry for entry in removed if entry.load_id in verdicts.by_load_id)
            kept = _kept_on_server(settings, target, lake)
            return Status(entries, verdicts, tuple(forgotten), failed, _unpublishable(reader), kept)
    except TaxiError as error:
        if target is not None:
            raise
        return Status(entries, FileVerdicts({}, error), failed=failed)


def _kept_on_server(settings: Settings, target: str | None, lake: Lake) -> tuple[FileKey, ...]:
    if reads_lake_in_place(settings, target):
        return ()
    with open_warehouse(settings, target) as warehouse:
        present = warehouse.loaded() if warehouse.is_prepared() else {}
    return kept_files(lake.history(), present)


def plan(
    settings: Settings,
    months: Sequence[date] | None = None,
    services: str = "all",
    source: str = TLC,
    target: str | None = None,
    observer: Observer = SILENT,
) -> Plan:
    """Compare the lake with what a publisher has; downloads and changes nothing.

    Args:
        settings: where the lake is.
        months: the first day of each; None for all that should be published by now.
        services: names with commas between them, or ``all``.
        source: the publisher, see ``month_url``.
        target: whose verdicts on completeness; None for the default, which need not have been built.
        observer: told of progress.

    Raises:
        TaxiError: there is no such service or source. A publisher that is out of reach is the plan's complaint.
    """
    from taxi_pipeline.plan.survey import survey  # noqa: PLC0415 - 0.1 s for requests

    status = read_status(settings, target)
    counts = counts_of(read_seed("published_trip_counts"))
    today = datetime.now(UTC).date()
    chosen = (
        default_months(
            [month.service for month in parse_files(services, [today])], list(counts), today
        )
        if months is None
        else parse_files(services, months)
    )
    with observer.activity("Asking the publisher") as tell:
        return survey(
            list(dict.fromkeys(chosen)),
            source,
            settings.download_dir,
            status.entries,
            status.verdicts.by_load_id,
            counts,
            today,
            tell,
        )


def _unpublishable(reader: Reader) -> TaxiError | None:
    try:
        require_passed(reader)
    except TaxiError as error:
        return error
    return None


def run(
    settings: Settings,
    arguments: Sequence[str | Path] = (),
    target: str | None = None,
    *,
    months: Sequence[Month] = (),
    source: str = TLC,
    accept_critical: bool = False,
    observer: Observer = SILENT,
) -> Run:
    """Ingest files, load them where the target is a server, build, validate, and write the site.

    Args:
        settings: where everything is.
        arguments: paths, folders and URLs; without them the lake as it is, or the sample where it is empty.
        target: a name of ``profiles.yml``; None for its default.
        months: to be downloaded and taken instead of arguments.
        source: their publisher, see ``month_url``.
        accept_critical: take a month although a critical check fails.
        observer: told of progress and of every result.

    Raises:
        TaxiError: a step could not be done. What failed in the data is in the result.
    """
    started = time.monotonic()
    prepare_profile(settings)
    with one_run(settings, "taxi run", target, observer.note):
        check_target(settings, target)
        downloaded = _fetch(
            settings, arguments, months, source, observer
        )  # others may write meanwhile
        with exclusive(settings, observer):
            lake = Lake.of(settings)
            lake.ensure(observer.note)
            if is_embedded(settings, target):
                require_free(settings)
            if not arguments and not months and not lake.current():
                refuse_to_replace(lake, settings, target)
                arguments = [write_sample(settings, observer=observer).folder]
            ingested = loaded = built = published = None
            if arguments or months:
                ingested = _ingest(
                    settings, arguments, downloaded, observer, accept_critical=accept_critical
                )
            if ingested is None or ingested.results or not ingested.failures:
                if not reads_lake_in_place(settings, target):
                    loaded = load(settings, target, observer)
                options = BuildOptions(target)
                built = _build(settings, options, observer)
                if not built.report.exit_code:
                    published = _publish(settings, target, observer)
            return Run(ingested, built, published, time.monotonic() - started, loaded)


def _publish(settings: Settings, target: str | None, observer: Observer) -> Published:
    validation = validate(settings, Choice(target), observer)
    page = current_page(settings, target)
    if page is None:
        page = write_site(settings, target, observer)
    else:
        observer.note("The site stays as it is: nothing that it shows has changed.")
    with open_reader(settings, target) as reader:
        return Published(validation, page, summarize(reader.query), read_completeness(reader))


def _ready_lake(settings: Settings, observer: Observer) -> Lake:
    """The lake, complete in itself; whatever a process that died left undone is done."""
    lake = Lake.of(settings)
    lake.ensure_present(observer.note)
    if not lake.current() and all(entry.forgotten_at is None for entry in lake.history()):
        raise TaxiError(
            lake.url,
            "the lake is empty",
            "run `taxi run` for a sample, or `taxi run PATH` for your files",
        )
    record_restatements(lake, settings, observer.note)
    return lake
