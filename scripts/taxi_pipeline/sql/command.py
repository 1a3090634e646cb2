"""The command `taxi sql`: one query, or a prompt."""

import sys
from contextlib import suppress
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.options import Target, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.sql.answers import (
    WRITERS,
    Form,
    as_records,
    as_table,
    split_statements,
    width_of,
)
from taxi_pipeline.texts import plural
from taxi_pipeline.transform.completeness import read_completeness
from taxi_pipeline.transform.runner import prepare_profile
from taxi_pipeline.transform.state import require_passed
from taxi_pipeline.warehouses import Reader, open_reader

app = command_group()

_PROMPT, _CONTINUED = "taxi> ", "   -> "
_COMPLETENESS = "month_completeness"


@app.command(
    epilog='Examples: [bold]taxi sql "select * from dim_vendors"[/] | [bold]taxi sql[/] | '
    '[bold]taxi sql "select * from mart_data_quality" --format csv > quality.csv[/] | '
    "[bold]taxi sql - --target postgres < query.sql[/]",
)
def sql(
    query: Annotated[
        str | None,
        typer.Argument(help="A query; `-` reads it from standard input. Without one: a prompt."),
    ] = None,
    target: Target = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="Of the answer.")] = Form.TABLE,
    limit: Annotated[
        int, typer.Option(help="Rows to print; 0 for all. csv and json print all.", min=0)
    ] = 100,
) -> None:
    """Query the tables of a target, read-only."""
    settings = load_settings()
    prepare_profile(settings)
    with open_reader(settings, target) as reader:
        if query is None and sys.stdin.isatty():
            _prompt(reader, form, limit)
            return
        text = sys.stdin.read() if query in {None, "-"} else str(query)
        if not text.strip(" \t\r\n;"):
            raise TaxiError(
                "taxi sql", "there is no query", 'write it in quotes: taxi sql "select ..."'
            )
        _answer(reader, text.strip().rstrip(";"), form, limit)
        if form not in WRITERS:
            _warn(reader, text)


def _warn(reader: Reader, query: str = "") -> None:
    """Say on standard error what a reader of the numbers has to know; nothing where no build has judged the months."""
    with suppress(TaxiError):
        completeness = read_completeness(reader)
        # A query that names the column has dealt with it.
        if completeness.count("part") and _COMPLETENESS not in query.lower():
            console.print_warning(
                f"{completeness.headline}: the sums of the others are those of excerpts"
                f" (`where {_COMPLETENESS} <> 'part'`, or `taxi status`)."
            )
    try:
        require_passed(reader)
    except TaxiError as error:
        console.print_warning(str(error))


def _answer(reader: Reader, query: str, form: Form, limit: int) -> None:
    if form in WRITERS:
        sys.stdout.write(WRITERS[form](reader.answer(query, None)))
        return
    wanted = limit or None
    answer = reader.answer(query, None if wanted is None else wanted + 1)
    shown = answer.first(wanted)
    if shown.rows and width_of(shown) > console.out.width:
        console.out.print(as_records(shown), markup=False)
    else:
        console.out.print(as_table(shown))
    if len(shown.rows) < len(answer.rows):
        console.print_note(f"The first {limit:,} rows. All rows: --limit 0, or --format csv.")
    else:
        console.print_note(plural(len(shown.rows), "row"))


def _prompt(reader: Reader, form: Form, limit: int) -> None:
    with suppress(ImportError):  # line editing and history, where Python has them
        import readline  # noqa: F401, PLC0415
    _warn(reader)
    console.print_note(f"{reader.name}, read only. End a query with ; and leave with Ctrl-D.")
    typed = ""
    while True:
        try:
            typed += input(_CONTINUED if typed else _PROMPT) + "\n"
        except EOFError:
            console.out.print()
            return
        if typed.strip() in {"exit", "quit", "\\q", "exit;", "quit;"}:
            return
        statements, typed = split_statements(typed)
        for statement in statements:
            try:
                _answer(reader, statement, form, limit)
            except TaxiError as error:
                console.print_error(error)
