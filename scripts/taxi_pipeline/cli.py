"""The ``taxi`` command: thin layers around ingest, dbt and the site."""

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.bench import run_bench
from taxi_pipeline.build import (
    BuildListener,
    BuildOptions,
    BuildReport,
    build_command,
    compile_command,
    docs_command,
    prepare_profile,
    retry_command,
    run_dbt,
)
from taxi_pipeline.completeness import Verdicts, read_verdicts
from taxi_pipeline.deps import install_packages
from taxi_pipeline.dictionary import RULES, render_rules
from taxi_pipeline.download import SOURCES, download_months, fetch, parse_months
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.estimate import ByteCounter, estimate_scans
from taxi_pipeline.explain import (
    MARTS,
    explain_cell,
    explain_trip,
    parse_cell,
    read_thresholds,
    to_json,
)
from taxi_pipeline.export import Format, choose_tables, export_tables
from taxi_pipeline.files import is_url
from taxi_pipeline.ingest import ingest_many
from taxi_pipeline.lake import Lake, data_lock
from taxi_pipeline.load import load_changes
from taxi_pipeline.lookml import build_project, write_project
from taxi_pipeline.marts import parse_project, read_json, read_marts
from taxi_pipeline.quality.validate import Choice, Validation, validate
from taxi_pipeline.restatements import (
    compare,
    no_comparison,
    record_restatements,
    versions_of,
    zone_labels,
)
from taxi_pipeline.sample import MIN_SCALE, write_sample
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import Settings, load_settings
from taxi_pipeline.site import (
    keep_results,
    make_server,
    publish_docs,
    read_results,
    write_site,
    zones_path,
)
from taxi_pipeline.site.shapes import ADDRESS as ZONES_ADDRESS
from taxi_pipeline.site.shapes import save_zone_shapes
from taxi_pipeline.summary import summarize
from taxi_pipeline.warehouses import open_reader, open_warehouse
from taxi_pipeline.warehouses.credentials import read_credentials

app = typer.Typer(
    help="NYC TLC trip files into tables that add up: every row accounted for, money tied to the cent.",
    epilog="TAXI_DATA_DIR (default: data) holds the lake and the warehouse; TAXI_MEMORY_LIMIT (default: 2GB) "
    "bounds DuckDB. Exit codes: 0 all well, 1 a model or test failed, 2 it could not be done.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH_OR_URL...",
        help="Files named <service>_tripdata_YYYY-MM.parquet, .csv or .csv.gz; folders; URLs.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None, typer.Option("--target", "-t", help="Target in profiles.yml; default dev.")
]
AcceptCritical = Annotated[
    bool,
    typer.Option(
        "--accept-critical", help="Take a month in although a critical check fails; it is recorded."
    ),
]


@app.command(
    epilog="Examples: [bold]taxi run[/] | [bold]taxi run ~/tlc/2024[/] | "
    "[bold]taxi run green_tripdata_2024-01.parquet[/] | [bold]taxi run --target postgres[/]"
)
def run(
    paths: Files = None, target: Target = None, accept_critical: AcceptCritical = False
) -> None:
    """Do everything: ingest what is given, load it where the target is a server, build, test, validate, write the site.

    Without files it takes the lake as it is; an empty lake gets the synthetic sample.
    """
    settings = load_settings()
    started = time.monotonic()
    lake = Lake(settings.lake_dir)
    arguments = list(paths or [])
    if not arguments and not lake.current():
        arguments = [str(_write_sample(settings, settings.sample_dir))]
    if arguments:
        _ingest(arguments, settings, accept_critical=accept_critical)
    if not _is_embedded(settings, target):
        _load(settings, target)
    report = _build(settings, build_command(BuildOptions(target)))
    if report.exit_code:
        raise typer.Exit(report.exit_code)
    validation = _validate(settings, Choice(target))
    page = _site(settings, target)
    with open_reader(settings, target) as reader:
        console.print_summary(summarize(reader.query))
    console.out.print(
        f"Site: {page} (or `taxi serve`). Done in {time.monotonic() - started:.0f} s."
    )
    raise typer.Exit(validation.exit_code)


@app.command(epilog="Example: [bold]taxi sample && taxi run data/sample[/]")
def sample(
    folder: Annotated[
        Path | None, typer.Option("--to", help="Where to write; default <TAXI_DATA_DIR>/sample.")
    ] = None,
    scale: Annotated[float, typer.Option(help="Times 150,000 trips.", min=MIN_SCALE)] = 1.0,
) -> None:
    """Write synthetic trip files: three months, three services, every known fault in known numbers."""
    settings = load_settings()
    _write_sample(settings, folder or settings.sample_dir, scale)


@app.command(
    epilog="Examples: [bold]taxi download yellow 2024-01..2024-03[/] | "
    "[bold]taxi download fhv 2019-01,2019-07 --source datatalks[/]"
)
def download(
    service: Annotated[Service, typer.Argument(help="Which trips.")],
    months: Annotated[
        str, typer.Argument(help="2024-01, 2024-01..2024-03, 2024-01,2024-03 or 2024.")
    ],
    source: Annotated[
        str,
        typer.Option(
            help=f"Publisher: {', '.join(SOURCES)}, or the address of a mirror. Their files differ in content."
        ),
    ] = "tlc",
) -> None:
    """Fetch trip files: complete or absent, resumed where they broke off."""
    settings = load_settings()
    with console.transfer() as update:
        report = download_months(
            service,
            parse_months(months),
            source,
            settings.download_dir,
            lambda month, done, total: update(f"{service} {month:%Y-%m}", done, total),
        )
    for path in report.paths:
        console.out.print(str(path))
    for error in report.errors:
        console.print_error(error)
    if report.paths:
        console.print_note(f"Load with: taxi run {report.paths[0].parent}")
    raise typer.Exit(report.exit_code)


@app.command(
    epilog="Examples: [bold]taxi ingest ~/tlc/2024[/] | [bold]taxi ingest yellow_tripdata_2019-01.csv.gz[/]"
)
def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH_OR_URL...", help="Trip files, folders, URLs.")
    ],
    accept_critical: AcceptCritical = False,
) -> None:
    """Bring trip files into the lake, one partition per file; the same file again changes nothing.

    A month that fails a critical check (see `taxi validate`) is kept out, and what was there of it stays.
    """
    _ingest(paths, load_settings(), accept_critical=accept_critical)


@app.command(
    "validate",
    epilog="Examples: [bold]taxi validate[/] | [bold]taxi validate --service green --month 2024-01[/] | "
    "[bold]taxi validate --target postgres[/] | [bold]taxi validate --all[/]",
)
def validate_(
    target: Target = None,
    service: Annotated[
        Service | None, typer.Option("--service", "-s", help="Months of this service; no marts.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", "-m", help="This month, YYYY-MM; no marts.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--all", help="Also read and judge anew what has not changed.")
    ] = False,
) -> None:
    """Hold the months of the lake and the marts against what is expected of them: site/docs/quality/index.html.

    Tariff, map, New York's night, days without holes, known codes, and the months before. Exit code 1 where a critical
    check fails that was not accepted at ingest; warnings are printed.
    """
    months = parse_months(month) if month else []
    if len(months) > 1:
        raise TaxiError("--month", "it takes one month", "write it as YYYY-MM, such as 2024-01")
    choice = Choice(target, service, months[0] if months else None, again)
    validation = _validate(load_settings(), choice, in_full=True)
    raise typer.Exit(validation.exit_code)


@app.command(
    epilog="Examples: [bold]taxi load --target postgres[/] | "
    "[bold]taxi load --target prod && taxi build --target prod[/]"
)
def load(
    target: Annotated[str, typer.Option("--target", "-t", help="postgres or prod (BigQuery).")],
) -> None:
    """Bring what changed in the lake into a server's raw tables, one file at a time.

    A load that breaks leaves the old rows of its file in place; the next one goes on there. The targets' variables
    (DBT_PG_*, DBT_BQ_*) are in profiles.yml.
    """
    settings = load_settings()
    prepare_profile(settings)
    _load(settings, target)


@app.command(epilog="Examples: [bold]taxi status[/] | [bold]taxi status --target postgres[/]")
def status(target: Target = None) -> None:
    """Show which files the lake holds, in which version, and whether they are whole.

    Whether they are whole is read from the last build of the target (mart_source_completeness).
    """
    settings = load_settings()
    lake = Lake(settings.lake_dir)
    entries = lake.current()
    if not entries:
        console.out.print(
            f"The lake in {settings.lake_dir} is empty: `taxi run` fills it with a sample, "
            "`taxi run PATH` with your files."
        )
        return
    verdicts = _verdicts(settings, target)
    console.print_status(entries, verdicts)
    if verdicts.complaint is not None:
        console.print_note(f"Whether the files are whole is not known: {verdicts.complaint}")
    elif verdicts.lacks([entry.load_id for entry in entries]):
        option = f" --target {target}" if target else ""
        console.print_note(
            f"Files without an edition are not in the warehouse yet: `taxi run{option}`."
        )
    if any(entry.is_synthetic for entry in entries):
        console.print_synthetic_notice()


@app.command(
    epilog="Examples: [bold]taxi diff green 2024-01[/] | "
    "[bold]taxi diff yellow 2023-02 --rows changes.csv[/] | [bold]... --rows changes.parquet[/]"
)
def diff(
    service: Annotated[Service, typer.Argument(help="Which trips.")],
    month: Annotated[str, typer.Argument(help="Such as 2024-01.")],
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows",
            help="Write every changed row, before and after, to this .csv or .parquet file.",
        ),
    ] = None,
) -> None:
    """Show what the newest version of a month changed: rows added, gone and altered, money by zone.

    Rows are compared by every column of the file, in any order. A row without an equal is altered where the other
    version has one of the same vendor (FHV: base), pickup and dropoff, else gone or added.
    """
    settings = load_settings()
    lake = Lake(settings.lake_dir)
    if rows is not None and rows.suffix not in {".csv", ".parquet"}:
        raise TaxiError(str(rows), "rows are written as CSV or Parquet", "name it .csv or .parquet")
    lake.ensure(console.print_note)
    with data_lock(settings.data_dir, console.print_note):
        record_restatements(lake, settings, console.print_note)
        versions = versions_of(lake, service, month)
        console.print_versions(versions)
        console.print_zone_changes(
            versions, lake.restatements(), zone_labels(settings.project_dir), limit=10
        )
        before = lake.predecessor(versions[-1])
        if before is None:
            console.print_note(no_comparison(versions))
            if rows is not None:
                raise TaxiError(str(rows), "there are no rows to write", "see the line above")
            return
        with compare(lake, settings, before, versions[-1]) as comparison:
            console.print_comparison(
                comparison.counts(), comparison.altered_columns(), comparison.altered_rows(5)
            )
            if rows is not None:
                comparison.write_rows(rows)
                console.out.print(f"Every changed row: {rows}")


@app.command(epilog="Example: [bold]taxi deps --again[/]")
def deps(
    again: Annotated[bool, typer.Option("--again", help="Install even if it is there.")] = False,
) -> None:
    """Install the dbt packages, from the hub or, out of its reach, the stand-in in vendor/."""
    console.out.print(f"dbt_utils: {install_packages(load_settings(), again=again)}.")


@app.command(
    epilog="Examples: [bold]taxi build[/] | [bold]taxi build --select fact_trips+[/] | "
    "[bold]taxi build --full-refresh[/] | [bold]taxi build --vars 'check: all'[/] | [bold]taxi build --retry[/]"
)
def build(
    target: Target = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", help="As in dbt; may be repeated.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="As in dbt; may be repeated.")] = None,
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
) -> None:
    """Run `dbt build`: seeds, models, snapshots and tests of what has changed."""
    options = BuildOptions(target, select or (), exclude or (), variables, full_refresh, unit_tests)
    if retry and options != BuildOptions():
        raise TaxiError(
            "taxi build --retry",
            "it repeats the last build with its options",
            "leave the other options out",
        )
    if dry_run:
        _estimate(load_settings(), options)
        return
    report = _build(load_settings(), retry_command() if retry else build_command(options))
    raise typer.Exit(report.exit_code)


@app.command(
    epilog="Examples: [bold]taxi explain 2202401000000005[/] | "
    "[bold]taxi explain --mart monthly_zone_revenue --month 2024-01 --zone 132 --service yellow[/] | "
    "[bold]taxi explain --mart daily_service_summary --day 2024-01-05 --service green --json[/]. "
    "Exit code 1: it does not add up."
)
def explain(
    trip_id: Annotated[
        str | None,
        typer.Argument(help="A trip, as in fact_trips or rejected_trips.", show_default=False),
    ] = None,
    mart: Annotated[str | None, typer.Option(help=f"A cell's table: {', '.join(MARTS)}.")] = None,
    service: Annotated[
        Service | None, typer.Option(help="The cell's service.", case_sensitive=False)
    ] = None,
    month: Annotated[str | None, typer.Option(help="The cell's month: 2024-01.")] = None,
    day: Annotated[str | None, typer.Option(help="The cell's day: 2024-01-05.")] = None,
    zone: Annotated[
        str | None, typer.Option(help="The cell's pickup zone: 132, or a name that only one has.")
    ] = None,
    target: Target = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Defend a number: follow one trip from its file to the marts, or take a mart's cell apart."""
    if (trip_id is None) == (mart is None) or (trip_id and (service or month or day or zone)):
        raise TaxiError(
            "taxi explain",
            "it explains one trip, or one cell",
            "give a trip_id, or --mart and its options",
        )
    settings = load_settings()
    prepare_profile(settings)
    thresholds = read_thresholds(settings)
    with open_reader(settings, target) as reader:
        explanation = (
            explain_trip(reader.select, trip_id, thresholds)
            if trip_id is not None
            else explain_cell(
                reader.select,
                parse_cell(reader.select, str(mart), service, month, day, zone),
                thresholds,
            )
        )
    if as_json:
        typer.echo(json.dumps(to_json(explanation), indent=2, ensure_ascii=False))
    else:
        console.print_explanation(explanation)
    raise typer.Exit(0 if explanation.adds_up else 1)


@app.command(epilog="Example: [bold]taxi docs && taxi serve[/]")
def docs(target: Target = None) -> None:
    """Write the documentation with lineage as one page that needs no server: site/docs/index.html."""
    settings = load_settings()
    _generate_docs(settings, target)
    console.out.print(f"Docs: {publish_docs(settings)}")


@app.command(epilog="Examples: [bold]taxi site[/] | [bold]taxi site --target postgres[/]")
def site(target: Target = None) -> None:
    """Write the pages to look at, which need no server: site/index.html leads to all of them.

    They show the last build; after one that failed the old pages stay.
    """
    console.out.print(f"Site: {_site(load_settings(), target)}")


@app.command(
    epilog="Examples: [bold]taxi zones && taxi site[/] | [bold]taxi zones ~/Downloads/taxi_zones.zip[/]"
)
def zones(
    source: Annotated[
        str, typer.Argument(metavar="[PATH_OR_URL]", help="TLC's taxi_zones.zip.")
    ] = ZONES_ADDRESS,
) -> None:
    """Fetch TLC's shapes of the zones, so that the dashboard's map shows zones instead of points."""
    settings = load_settings()
    archive = Path(source)
    if is_url(source):
        archive = settings.download_dir / "taxi_zones.zip"
        with console.transfer() as update:
            fetch(source, archive, partial(update, archive.name))
    path = zones_path(settings)
    console.out.print(f"{save_zone_shapes(archive, path)} zones: {path}")
    console.print_note("The next `taxi site` or `taxi run` draws them.")


@app.command(
    hidden=True, epilog="Examples: [bold]taxi dictionary[/] | [bold]taxi dictionary --check[/]"
)
def dictionary(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when the file is stale.")
    ] = False,
) -> None:
    """Write models/rules.md, the rules in words, from the rule seeds and the thresholds."""
    project_dir = load_settings().project_dir
    path, text = project_dir / RULES, render_rules(project_dir)
    if not check:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        console.print_error(
            TaxiError(
                str(RULES),
                "does not say what the rule seeds and dbt_project.yml say",
                "run `taxi dictionary` and commit the file",
            )
        )
        raise typer.Exit(1)


@app.command(
    epilog="Examples: [bold]taxi lookml --target prod[/] | "
    "[bold]taxi lookml --target postgres --connection warehouse --to ~/looker/nyc_taxi[/]"
)
def lookml(
    target: Target = None,
    folder: Annotated[
        Path | None,
        typer.Option("--to", help="Where to write, such as a git repository; default lookml."),
    ] = None,
    connection: Annotated[str, typer.Option(help="Name of the connection in Looker.")] = "nyc_taxi",
) -> None:
    """Write a LookML project of the marts as they are built on a target: model, views, explores.

    Its files are replaced at the next run; other files in the folder stay as they are.
    """
    settings = load_settings()
    _generate_docs(settings, target)
    artifacts = settings.project_dir / "target"
    manifest, catalog = (read_json(artifacts / f"{name}.json") for name in ("manifest", "catalog"))
    files = build_project(manifest, catalog, read_marts(manifest), connection)
    folder = folder or settings.project_dir / "lookml"
    for path in write_project(files, folder):
        console.print_note(f"{path} is gone: its model no longer exists.")
    console.out.print(f"LookML: {len(files)} files in {folder}")


@app.command(
    epilog="Examples: [bold]taxi export --format xlsx[/] | "
    "[bold]taxi export --format parquet --select fact_trips --to ~/trips[/] | "
    "[bold]taxi export --format csv --target postgres[/]"
)
def export(
    format_: Annotated[Format, typer.Option("--format", "-f", help="Of the files.")],
    folder: Annotated[
        Path | None,
        typer.Option("--to", help="Where to write; default <TAXI_DATA_DIR>/exports."),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select", "-s", help="A table; may be repeated. Default: every mart and dimension."
        ),
    ] = None,
    target: Target = None,
) -> None:
    """Write tables as files, one a table, from any target; a file of the same name is replaced.

    Amounts stay exact. A workbook has a second sheet that describes the columns.
    """
    settings = load_settings()
    with console.activity("Reading the project"):
        marts = read_marts(parse_project(settings, target))
    tables = choose_tables(marts, select or ())
    with open_reader(settings, target) as reader, console.export_progress() as on_table:
        for file in export_tables(
            reader, tables, format_, folder or settings.data_dir / "exports", on_table
        ):
            console.out.print(f"{file.path}: {file.rows:,} rows")


@app.command(epilog="Example: [bold]taxi serve --port 8080[/]")
def serve(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 for any free one.")] = 8080,
) -> None:
    """Serve the site on this machine until interrupted."""
    with make_server(load_settings(), port) as server:
        console.out.print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C to stop)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.out.print("Stopped.")


@app.command(epilog="Examples: [bold]taxi bench[/] | [bold]taxi bench --scale 0.1 --memory 4GB[/]")
def bench(
    scale: Annotated[
        list[float] | None,
        typer.Option(help="Times the published rows of 2019-2020 (160 million); may be repeated."),
    ] = None,
    memory: Annotated[str, typer.Option(help="DuckDB's memory limit.")] = "2GB",
) -> None:
    """Measure ingest, full build, one month replaced and a build without changes on made-up files.

    What it writes lies under TAXI_DATA_DIR/bench and is removed at the end.
    """
    settings = load_settings()
    install_packages(settings)
    reports = [
        run_bench(settings, settings.data_dir / "bench", factor, memory, console.print_note)
        for factor in scale or (0.01, 0.1, 1.0)
    ]
    console.print_bench(reports, memory)
    if not all(report.equals_full_refresh for report in reports):
        raise typer.Exit(1)


def _write_sample(settings: Settings, folder: Path, scale: float = 1.0) -> Path:
    with console.activity("Writing the synthetic sample"):
        report = write_sample(folder, scale)
    console.out.print(f"{report.rows:,} synthetic rows in {len(report.files)} files: {folder}")
    console.print_synthetic_notice()
    return folder


def _ingest(arguments: list[str], settings: Settings, *, accept_critical: bool) -> None:
    with console.activity("Reading") as tell:
        outcome = ingest_many(
            arguments, Lake(settings.lake_dir), settings, tell, accept_critical=accept_critical
        )
    console.print_ingested(outcome)
    if outcome.exit_code:
        if outcome.results:
            console.print_note("The other files are in the lake; `taxi build` builds from it.")
        raise typer.Exit(outcome.exit_code)


def _verdicts(settings: Settings, target: str | None) -> Verdicts:
    """What the target's last build says of the files; a default target need not have been built."""
    prepare_profile(settings)
    try:
        with open_reader(settings, target) as reader:
            return read_verdicts(reader)
    except TaxiError as error:
        if target is not None:
            raise
        return Verdicts({}, error)


def _is_embedded(settings: Settings, target: str | None) -> bool:
    prepare_profile(settings)
    return bool(read_credentials(settings, target).type == "duckdb")


def _load(settings: Settings, target: str | None) -> None:
    lake = _ready_lake(settings)
    started = time.monotonic()
    with (
        data_lock(settings.data_dir, console.print_note),
        open_warehouse(settings, target) as warehouse,
        console.load_progress() as (on_plan, on_partition),
    ):
        report = load_changes(lake, warehouse, on_plan, on_partition)
    console.print_loaded(report, warehouse.name, time.monotonic() - started)


def _estimate(settings: Settings, options: BuildOptions) -> None:
    prepare_profile(settings)
    install_packages(settings)
    with console.activity("Compiling"):
        report = run_dbt(compile_command(options), settings, BuildListener())
    if report.exit_code:
        console.print_build(report, 0)
        raise typer.Exit(report.exit_code)
    with open_warehouse(settings, options.target) as warehouse:
        if not isinstance(warehouse, ByteCounter):
            raise TaxiError(
                "taxi build --dry-run",
                f"{warehouse.name} does not bill what it scans",
                "leave --dry-run out, or give a BigQuery target",
            )
        console.print_estimate(list(estimate_scans(report.nodes, warehouse)))


def _ready_lake(settings: Settings) -> Lake:
    """The lake, complete in itself; whatever a process that died left undone is done."""
    lake = Lake(settings.lake_dir)
    lake.ensure(console.print_note)
    record_restatements(lake, settings, console.print_note)
    if not lake.current():
        raise TaxiError(
            str(lake.root),
            "the lake is empty",
            "run `taxi run` for a sample, or `taxi run PATH` for your files",
        )
    return lake


def _build(settings: Settings, command: list[str]) -> BuildReport:
    _ready_lake(settings)
    console.out.print(f"dbt_utils: {install_packages(settings)}.")
    started = time.monotonic()
    with (
        data_lock(settings.data_dir, console.print_note),
        console.build_progress("Parsing the project") as listener,
    ):
        report = run_dbt(command, settings, listener)
    console.print_build(report, time.monotonic() - started)
    if report.failures:
        console.print_note(
            "Once mended, `taxi build --retry` runs only what failed or was skipped."
        )
    return report


def _validate(settings: Settings, choice: Choice, *, in_full: bool = False) -> Validation:
    prepare_profile(settings)
    with data_lock(settings.data_dir, console.print_note), console.activity("Validating") as tell:
        validation = validate(settings, choice, tell)
    console.print_validation(validation, in_full=in_full)
    return validation


def _generate_docs(settings: Settings, target: str | None) -> None:
    install_packages(settings)
    keep_results(settings)
    with data_lock(settings.data_dir, console.print_note), console.activity("Writing the docs"):
        report = run_dbt(docs_command(target), settings, BuildListener())
    if report.exit_code:
        console.print_build(report, 0)
        raise typer.Exit(report.exit_code)


def _site(settings: Settings, target: str | None) -> Path:
    read_results(settings)  # no page of a build that failed
    _generate_docs(settings, target)
    with data_lock(settings.data_dir, console.print_note), console.activity("Writing the site"):
        return write_site(settings, target)


def main() -> None:
    """Run the command; a fault that the user can act on is one line and exit code 2."""
    try:
        app()
    except TaxiError as error:
        console.print_error(error)
        sys.exit(error.exit_code)
