"""The commands `taxi run`, `build`, `status` and `deps`."""

import shutil
from typing import Annotated

import typer

from taxi_pipeline import console, workflow
from taxi_pipeline.documents import build_document, run_document, status_document
from taxi_pipeline.download.choice import (
    OneMonth,
    Services,
    Source,
    SpanOfMonths,
    chosen_months,
)
from taxi_pipeline.download.sources import TLC
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake
from taxi_pipeline.lake.verify import require_whole
from taxi_pipeline.options import AcceptCritical, AsJson, SelectCommand, Target, command_group
from taxi_pipeline.quality.rendering import print_failed_months
from taxi_pipeline.results import Run, Status
from taxi_pipeline.settings import Settings, load_settings
from taxi_pipeline.terminal import Terminal, answering, dbt_faults_printed
from taxi_pipeline.transform.deps import install_packages
from taxi_pipeline.transform.rendering import (
    print_completeness,
    print_estimate,
    print_forgotten,
    print_status,
    print_summary,
)
from taxi_pipeline.transform.runner import BuildOptions
from taxi_pipeline.warehouses.rendering import print_kept
from taxi_pipeline.zones.rendering import print_located_otherwise

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi run[/] | [bold]taxi run ~/tlc/2024[/] | "
    "[bold]taxi run green_tripdata_2024-01.parquet[/] | [bold]taxi run --month yellow:2024-01[/] | "
    "[bold]taxi run --months 2024-01..2024-03 --services yellow,green --target postgres[/]",
)
def run(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH_OR_URL...",
            help="Files named <service>_tripdata_YYYY-MM.parquet, .csv, .csv.gz or .zip; folders and those in them; "
            "URLs.",
            show_default=False,
        ),
    ] = None,
    month: OneMonth = None,
    months: SpanOfMonths = None,
    services: Services = None,
    source: Source = None,
    target: Target = None,
    accept_critical: AcceptCritical = False,
    as_json: AsJson = False,
) -> None:
    """Ingest the given files, build, test, validate, and write the site.

    With --month or --months it downloads them first. On a server target it also loads what changed. Without files it
    uses the lake as it is; an empty lake gets the synthetic sample. Files that cannot be read do not stop the others:
    they are listed again at the end, and the exit code is 2; it is 3 where months are not published yet.
    """
    with dbt_faults_printed(), answering("run", as_json=as_json) as answer:
        outcome = workflow.run(
            load_settings(),
            paths or (),
            target,
            months=chosen_months(month, months, services, source),
            source=source or TLC,
            accept_critical=accept_critical,
            observer=Terminal(),
        )
        _print_run(outcome)
        answer(run_document(outcome))
    raise typer.Exit(outcome.exit_code)


def _print_run(outcome: Run) -> None:
    if published := outcome.published:
        print_summary(published.summary)
        print_completeness(published.completeness)
        console.out.print(
            f"Site: {published.page} (or `taxi serve`). Done in {outcome.seconds:.0f} s.",
            markup=False,
        )
        shell = "" if shutil.which("taxi") else "`source .venv/bin/activate`, then "
        console.print_note(
            f"Next: open {published.page}, or query: {shell}"
            'taxi sql "select service_type, file_month, month_completeness from fact_file_completeness"'
        )
    if outcome.built and outcome.ingested and outcome.ingested.failures:
        console.print_note("Not ingested (see above):")
        console.print_error(*outcome.ingested.failures)


@app.command(
    cls=SelectCommand,
    epilog="Examples: [bold]taxi build[/] | [bold]taxi build --select fact_trips+ dim_zones[/] | "
    "[bold]taxi build --full-refresh[/] | [bold]taxi build --vars 'check: all'[/] | [bold]taxi build --retry[/]",
)
def build(
    target: Target = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", help="As in dbt; takes several.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="As in dbt; takes several.")] = None,
    variables: Annotated[str | None, typer.Option("--vars", help="As in dbt: YAML.")] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build every table anew.")
    ] = False,
    unit_tests: Annotated[
        bool,
        typer.Option(
            "--unit-tests", help="Also dbt's unit tests: they check the code, not the data."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="BigQuery: print the bytes that each model would scan, and run nothing.",
        ),
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Only what failed or was skipped last time.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Start dbt even if nothing has changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run `dbt build` on what changed: seeds, models, snapshots, tests.

    On DuckDB, dbt is not started where no file of the project, the lake and the warehouse has changed since everything
    was built and has passed.
    """
    with dbt_faults_printed(), answering("build", as_json=as_json) as answer:
        options = BuildOptions(
            target, select or (), exclude or (), variables, full_refresh, unit_tests
        )
        if retry and options != BuildOptions():
            raise TaxiError(
                "taxi build --retry",
                "it repeats the last build with its options",
                "leave the other options out",
            )
        if dry_run and as_json:
            raise TaxiError(
                "taxi build --dry-run", "it has no JSON document", "leave one of the options out"
            )
        settings = load_settings()
        if dry_run:
            print_estimate(workflow.estimate(settings, options, Terminal()))
            return
        built = workflow.build(settings, options, retry=retry, again=again, observer=Terminal())
        answer(build_document(built))
    raise typer.Exit(built.report.exit_code)


@app.command(
    epilog="Examples: [bold]taxi status[/] | [bold]taxi status --target postgres[/] | [bold]taxi status --json[/]",
)
def status(target: Target = None, as_json: AsJson = False) -> None:
    """Show which months are loaded, and whether they are whole.

    Completeness comes from the last build of the target (mart_source_completeness).
    """
    with answering("status", as_json=as_json) as answer:
        settings = load_settings()
        found = workflow.read_status(settings, target)
        _print_status(settings, target, found)
        answer(status_document(found))


def _print_status(settings: Settings, target: str | None, found: Status) -> None:
    option = f" --target {target}" if target else ""
    print_forgotten(found.forgotten, settings, target)
    print_kept(found.kept)
    if not found.entries:
        console.out.print(
            f"The lake in {settings.lake_url} is empty: `taxi run` fills it with a sample, "
            "`taxi run PATH` with your files.",
            markup=False,
        )
        return
    print_status(found.entries, found.verdicts)
    print_failed_months(found.failed)
    print_located_otherwise(found.entries, settings)
    if found.unpublishable is not None:
        console.print_warning(str(found.unpublishable))
    require_whole(Lake.of(settings))
    if found.verdicts.complaint is not None:
        console.print_note(f"Completeness is unknown: {found.verdicts.complaint}")
    elif found.verdicts.lacks([entry.load_id for entry in found.entries]):
        console.print_note(
            f"Files without an edition are not in the warehouse yet: `taxi run{option}`."
        )
    if any(entry.is_synthetic for entry in found.entries):
        console.print_synthetic_notice()


@app.command(epilog="Example: [bold]taxi deps --again[/]")
def deps(
    again: Annotated[bool, typer.Option("--again", help="Install even if it is there.")] = False,
) -> None:
    """Install dbt_utils from the package hub, or the copy in vendor/."""
    console.out.print(f"dbt_utils: {install_packages(load_settings(), again=again)}.")
