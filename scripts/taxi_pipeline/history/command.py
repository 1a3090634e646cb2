"""The command `taxi history`."""

import json
from dataclasses import replace
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.history.rendering import print_history, print_run
from taxi_pipeline.history.runs import read_history, read_run
from taxi_pipeline.options import Target, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.transform.runner import prepare_profile

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi history[/] | [bold]taxi history --failed --last 5[/] | "
    "[bold]taxi history 20240131-060000[/] | [bold]taxi history --target postgres --json[/]",
)
def history(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run by its identifier or the beginning of it: its nodes, failures and files.",
            show_default=False,
        ),
    ] = None,
    target: Target = None,
    last: Annotated[int, typer.Option("--last", min=1, help="At most so many runs.")] = 20,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only runs that failed or have no end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for another program.")] = False,
) -> None:
    """Show past runs: when, what, how long, files, rows, money, tests, outcome.

    They come from the schema ops of the target, which each run writes to. Reading waits for nobody: while another
    process builds on DuckDB, the last copy is shown.
    """
    settings = load_settings()
    prepare_profile(settings)
    if run is not None:
        found = read_run(settings, target, run)
        if as_json:
            typer.echo(json.dumps(found.to_json(), indent=2))
        else:
            print_run(found)
        return
    known = read_history(settings, target, None if failed else last)
    shown = replace(known, runs=[r for r in known.runs if r.is_bad or not failed][:last])
    if shown.warning is not None:
        console.print_warning(shown.warning)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in shown.runs], indent=2))
    else:
        print_history(shown, only_failed=failed)
