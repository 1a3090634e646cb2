"""Options that several commands take, and how the command line is read where it differs from Typer's own way."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from taxi_pipeline.schemas import Service

Target = Annotated[
    str | None, typer.Option("--target", "-t", help="Target in profiles.yml; default dev.")
]
AcceptCritical = Annotated[
    bool,
    typer.Option(
        "--accept-critical",
        help="Load a month although a critical check fails; the override is recorded.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON document on standard output, also after a failure; all else goes to standard error.",
    ),
]
Trips = Annotated[Service, typer.Argument(help="Which trips.")]
Months = Annotated[str, typer.Argument(help="2024-01, 2024-01..2024-03, 2024-01,2024-03 or 2024.")]


def command_group(help_: str | None = None) -> typer.Typer:
    """A group for the commands of one feature.

    Args:
        help_: what the group is for, where its name is typed before that of the command.
    """
    return typer.Typer(
        help=help_,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )


class LazyGroup(TyperGroup):
    """Commands whose modules are imported when they are called: ``--help`` does not wait for engines.

    ``homes`` says in which module each command is registered; the commands of the group itself are their names
    and summaries.
    """

    homes: Mapping[str, str] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command by its name, or say which names are like it."""
        name, summary, rest = super().resolve_command(ctx, args)
        return name, summary and load_command(self.homes[str(name)], str(name)), rest


def load_command(module: str, name: str) -> TyperCommand:
    """Import a command.

    Args:
        module: holds ``app``, a group made by ``command_group``.
        name: of a command of it.
    """
    command: Any = get_group(import_module(module).app).commands[name]
    command.help = _unwrapped(command.help or "")
    return command  # type: ignore[no-any-return]


def _unwrapped(text: str) -> str:
    """Help in paragraphs; Typer would keep the line breaks of the source."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def repeat_option(arguments: Sequence[str], names: frozenset[str]) -> list[str]:
    """Write ``--select a b`` as ``--select a --select b``, the form that Click reads.

    Args:
        arguments: of a command that takes no positional arguments.
        names: the options that take several values, as dbt's do.
    """
    repeated: list[str] = []
    option: str | None = None
    has_value = False
    for argument in arguments:
        if argument in names:
            option, has_value = argument, False
        elif option is not None and not argument.startswith("-"):
            if has_value:
                repeated.append(option)
            has_value = True
        else:
            option = None
        repeated.append(argument)
    return repeated


class SelectCommand(TyperCommand):
    """A command whose ``--select`` and ``--exclude`` take several values, as in dbt."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each value."""
        return super().parse_args(
            ctx, repeat_option(args, frozenset({"-s", "--select", "--exclude"}))
        )
