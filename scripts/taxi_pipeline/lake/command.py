"""The commands `taxi forget` and `taxi lake verify`."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.download.sources import parse_months
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, ManifestEntry, data_lock
from taxi_pipeline.lake.delta import sync_delta, sync_where_present
from taxi_pipeline.lake.lake import Prunable
from taxi_pipeline.lake.verify import month_name, verify_lake
from taxi_pipeline.options import Months, Trips, command_group
from taxi_pipeline.restatements.versions import record_restatements
from taxi_pipeline.settings import Settings, load_settings
from taxi_pipeline.texts import plural
from taxi_pipeline.transform.runner import prepare_profile
from taxi_pipeline.warehouses import open_warehouse
from taxi_pipeline.warehouses.base import FileKey
from taxi_pipeline.warehouses.load import forget_files
from taxi_pipeline.zones.rendering import print_located_otherwise

app = command_group()
lake_app = command_group("Check the lake, prune it, or read it as Delta tables.")
app.add_typer(lake_app, name="lake")


@app.command(
    epilog="Examples: [bold]taxi forget green 2024-01[/] | [bold]taxi forget yellow 2019-01..2019-06 --yes[/] | "
    "[bold]taxi forget fhv 2020-04 --target postgres[/]",
)
def forget(
    service: Trips,
    months: Months,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="A server: remove the months from its raw tables, which the lake does not hold.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove months from the lake; list them and ask first.

    The next `taxi build` removes them from the tables, the next `taxi load` from a server. No other command
    removes a month.
    """
    settings = load_settings()
    keys = [(service.label, f"{month:%Y-%m}-01") for month in parse_months(months)]
    if target is None:
        _forget_in_lake(settings, keys, yes=yes)
    else:
        _forget_on_server(settings, target, keys, yes=yes)


def _forget_in_lake(settings: Settings, keys: Sequence[FileKey], *, yes: bool) -> None:
    lake = Lake.of(settings)
    if not lake.storage.exists():
        raise _not_there(lake.url)
    with data_lock(settings.data_dir, console.print_note):
        lake.ensure(console.print_note)
        entries = [entry for entry in lake.current() if entry.key in keys]
        if not entries:
            raise _not_there(lake.url)
        _confirm(
            "taxi forget",
            [_entry_line(entry) for entry in entries],
            f"the lake {lake.url}",
            yes=yes,
        )
        lake.forget(entries)
        sync_where_present(lake)
    console.out.print(f"{plural(len(entries), 'month')} removed from the lake.")
    console.print_note(
        "Next: `taxi build` removes them from the tables; `taxi load --target ...` from a server. "
        "Their files stay until `taxi lake prune`."
    )


def _forget_on_server(
    settings: Settings, target: str, keys: Sequence[FileKey], *, yes: bool
) -> None:
    prepare_profile(settings)
    lake = Lake.of(settings)
    with (
        data_lock(settings.data_dir, console.print_note),
        open_warehouse(settings, target) as warehouse,
    ):
        if held := [month_name(entry) for entry in lake.current() if entry.key in keys]:
            raise TaxiError(
                f"target {target}",
                f"the lake holds {', '.join(held)}, and the next load would bring them back",
                "remove them from the lake first: the same command without --target, then `taxi load`",
            )
        loaded = warehouse.loaded() if warehouse.is_prepared() else {}
        present = {key: file for key, file in loaded.items() if key in keys}
        if not present:
            raise _not_there(warehouse.name)
        lines = [
            f"{key[0]} {key[1][:7]}: {plural(file.rows, 'row')}" for key, file in present.items()
        ]
        _confirm("taxi forget", lines, warehouse.name, yes=yes)
        forget_files(warehouse, list(present))
    console.out.print(
        f"{plural(len(present), 'month')} removed from the raw tables of {warehouse.name}."
    )
    console.print_note(f"Next: `taxi build --target {target}` removes them from the tables.")


def _entry_line(entry: ManifestEntry) -> str:
    amount = (
        "no fares"
        if entry.total_amount is None
        else f"total_amount {float(entry.total_amount):,.2f}"
    )
    return (
        f"{month_name(entry)}: {plural(entry.row_count, 'row')}, {amount}, from {entry.source_file}"
    )


def _not_there(name: str) -> TaxiError:
    return TaxiError(name, "it holds none of these months", "see `taxi status` for what it holds")


def _confirm(command: str, lines: Sequence[str], place: str, *, yes: bool) -> None:
    console.out.print(f"To be removed from {place}:", markup=False)
    for line in lines:
        console.out.print(f"  {line}", markup=False)
    if yes:
        return
    if not sys.stdin.isatty():
        raise TaxiError(
            command,
            "there is no terminal to ask on; nothing was removed",
            "add --yes to confirm",
        )
    if not typer.confirm("Remove them?"):
        console.out.print("Nothing was removed.")
        raise typer.Exit(2)


@lake_app.command(
    epilog="Examples: [bold]taxi lake prune[/] | [bold]taxi lake prune --previous --yes[/]"
)
def prune(
    previous: Annotated[
        bool,
        typer.Option(
            "--previous",
            help="Also the version before the current one, which `taxi diff` compares with.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete files that the lake does not need; list them and ask first.

    These are older versions than the one before the current one, those of forgotten months, and files that an
    interrupted ingestion left more than a day ago. A Delta table can no longer show the versions that held them.
    """
    settings = load_settings()
    lake = Lake.of(settings)
    lake.ensure_present(console.print_note)
    record_restatements(lake, settings, console.print_note)
    files = lake.prunable(previous=previous)
    if not files:
        console.out.print("There is nothing to delete.")
        return
    _confirm("taxi lake prune", [_file_line(one) for one in files], f"the lake {lake.url}", yes=yes)
    lake.prune(files)
    size = sum(one.file.size for one in files)
    console.out.print(f"{plural(len(files), 'file')} deleted, {size / 1e6:,.1f} MB.")


def _file_line(one: Prunable) -> str:
    what = "never published"
    if one.entry is not None:
        state = "forgotten" if one.entry.forgotten_at else "replaced"
        what = f"{month_name(one.entry)}, {state} {one.entry.superseded_at} UTC"
    return f"{one.file.name}: {what}, {one.file.size / 1e6:,.1f} MB"


@lake_app.command(epilog="Example: [bold]taxi lake delta[/]")
def delta() -> None:
    """Make the lake readable as Delta tables, one per service, over the same files; ingestion keeps them current.

    Each version of a month is a version of its table, so that Spark, pandas, Polars or DuckDB can read what the lake
    held before. The manifest stays the record.
    """
    settings = load_settings()
    lake = Lake.of(settings)
    lake.ensure_present(console.print_note)
    for service, version in sync_delta(lake).items():
        console.out.print(f"{lake.storage.location(service)}: version {version}", markup=False)


@lake_app.command(epilog="Example: [bold]taxi lake verify[/]")
def verify() -> None:
    """Read every partition and compare it with the manifest: checksum, rows, money. Exit code 1 if one differs."""
    settings = load_settings()
    lake = Lake.of(settings)
    lake.ensure_present(console.print_note)
    with console.activity("Verifying") as tell:
        findings = list(verify_lake(lake, tell))
    damaged = [finding for finding in findings if finding.reason]
    for finding in damaged:
        console.print_error(
            TaxiError(
                lake.location(finding.entry),
                f"{month_name(finding.entry)}: {finding.reason}",
                f"ingest {finding.entry.source_file} again, which repairs it",
            )
        )
    are = "is" if len(findings) == 1 else "are"
    console.out.print(
        f"{len(findings) - len(damaged)} of {plural(len(findings), 'partition')} {are} intact."
    )
    print_located_otherwise(lake.current(), settings)
    raise typer.Exit(1 if damaged else 0)
