"""The lists of trip columns in yml files, from ``trip_columns`` of ``dbt_project.yml`` and the seed ``trip_flags``.

A list stands between two comments, of which the first says which columns it has. A column that the same model lists by
hand, with tests or constraints of its own, is left out of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed, read_variables

WORDS = Path("models", "columns.md")
"""The doc blocks of columns, relative to the project."""

_LIST = re.compile(
    r"^(?P<indent> *)# trip columns: (?P<which>[^\n]+)\n(?P<lines>.*?)^ *# end of trip columns$",
    flags=re.MULTILINE | re.DOTALL,
)
_START, _END = "# trip columns: ", "# end of trip columns"
_NAME = re.compile(r"- \{?name: [\"']?(\w+)")
_TYPES = {
    "code": "integer",
    "time": "{{ var('wall_time_type')[target.type] }}",
    "money": "decimal(12, 2)",
    "miles": "decimal(12, 3)",
    "text": "text",
    "degrees": "decimal(18, 9)",
}
"""The type in a contract of each kind of column."""

_LISTS = frozenset({"required", "essential", "added_up_for"})
"""Keys of a column's definition that may list services."""

_KEYS = _LISTS | {"kind", "becomes", "outside_total", "located_by"}

_SUM_TYPE = "decimal(18, 2)"
_SUM_WORDS = "Sum over all accepted rows, voided ones included. "


@dataclass(frozen=True)
class _Entry:
    """A column in a list.

    Attributes:
        name: as the model has it.
        doc: the doc block with its words.
        type: its type in the model's contract; None where there is no contract.
        prefix: words before those of the doc block.
        is_never_null: whether the contract says so.
    """

    name: str
    doc: str
    type: str | None = None
    prefix: str = ""
    is_never_null: bool = False

    def __str__(self) -> str:
        data_type = f'data_type: "{self.type}", ' if self.type else ""
        words = f"{self.prefix}{{{{ doc('{self.doc}') }}}}"
        constraint = ", constraints: [{type: not_null}]" if self.is_never_null else ""
        return f'- {{name: {self.name}, {data_type}description: "{words}"{constraint}}}'


def render_trip_columns(project_dir: Path) -> dict[Path, str]:
    """Write every list of trip columns of a project anew.

    Args:
        project_dir: holds ``dbt_project.yml`` and ``models/``.

    Returns:
        The text of each file that has such a list, by its path relative to the project.

    Raises:
        TaxiError: a column is not well defined or has no words, a list has no end, or asks for columns that there
            are none of.
    """
    columns = read_variables(project_dir)["trip_columns"]
    check_trip_columns(columns)
    flags = [
        row["trip_flag"]
        for row in read_seed("trip_flags", project_dir)
        if row["check_kind"] == "flag"
    ]
    words = (project_dir / WORDS).read_text(encoding="utf-8")
    for name in columns:
        if f"{{% docs {name} %}}" not in words:
            raise TaxiError(
                str(WORDS),
                f"has no words for the column {name} of dbt_project.yml",
                f"add a block {{% docs {name} %}} with its meaning and unit",
            )
    texts = {
        path.relative_to(project_dir): path.read_text(encoding="utf-8")
        for path in sorted((project_dir / "models").rglob("*.yml"))
    }
    return {
        path: _write_lists(text, columns, flags, path)
        for path, text in texts.items()
        if _LIST.search(text)
    }


def check_trip_columns(columns: Mapping[str, Any]) -> None:
    """Refuse a definition of trip columns that would be misread.

    Raises:
        TaxiError: a column has an unknown key or kind, names that are no list, or the lake's name of another one.
    """
    services = {str(service) for service in Service}
    taken: dict[tuple[str, str], str] = {}
    for name, column in columns.items():
        fault = ""
        if unknown := set(column) - services - _KEYS:
            fault = f"has the unknown key {sorted(unknown)[0]}"
        elif column.get("kind") not in _TYPES:
            fault = f"is of the kind {column.get('kind')}, which is none of {', '.join(_TYPES)}"
        elif not services & set(column):
            fault = "belongs to no service"
        elif strangers := {
            service
            for key in _LISTS
            if isinstance(column.get(key), list)
            for service in column[key]
        } - set(column):
            fault = f"says something of {sorted(strangers)[0]}, which does not have it"
        for service in services & set(column):
            names = column[service]
            if not isinstance(names, list) or not names:
                fault = f"has no list of names for {service}"
            elif (other := taken.setdefault((service, names[0]), name)) != name:
                fault = f"is called {names[0]} in the lake of {service}, as {other} is"
        if fault:
            raise TaxiError(
                "dbt_project.yml", f"the trip column {name} {fault}", "correct it in trip_columns"
            )


def _write_lists(text: str, columns: Mapping[str, Any], flags: Sequence[str], path: Path) -> str:
    if text.count(_START) != text.count(_END) or any(
        _START in found["lines"] for found in _LIST.finditer(text)
    ):
        raise TaxiError(
            str(path),
            "a list of trip columns has no end",
            f"put the comment '{_END}' behind its last column",
        )

    def write(found: re.Match[str]) -> str:
        indent, which = found["indent"], found["which"]
        by_hand = set(_names_around(text, found, indent))
        listed = _flags(which, flags) or _entries(which, columns)
        entries = [entry for entry in listed if entry.name not in by_hand]
        if not entries:
            raise TaxiError(
                str(path), f"'# trip columns: {which}' names no columns", "correct that line"
            )
        lines = "".join(f"{indent}{entry}\n" for entry in entries)
        return f"{indent}# trip columns: {which}\n{lines}{indent}# end of trip columns"

    return _LIST.sub(write, text)


def _names_around(text: str, found: re.Match[str], indent: str) -> Iterator[str]:
    """The columns that a model lists before and after a list, which end where a line is less indented."""
    before = reversed(text[: found.start()].splitlines())
    after = text[found.end() + 1 :].splitlines()
    for lines in (before, after):
        for line in lines:
            if line.strip() and not line.startswith(indent):
                break
            if (name := _NAME.match(line.removeprefix(indent))) is not None:
                yield name[1]


def _flags(which: str, flags: Sequence[str]) -> list[_Entry]:
    """The flags of a list that asks for them."""
    if which == "flags":
        return [_Entry(name, name) for name in flags]
    if which == "flags, typed":
        return [_Entry(name, name, "boolean", is_never_null=True) for name in flags]
    return []


def _entries(which: str, columns: Mapping[str, Any]) -> Iterator[_Entry]:
    """The columns that a list has, by the words after its colon."""
    lake_of = which.removeprefix("lake of ")
    for name, column in columns.items():
        is_kept = "becomes" not in column
        if which in column:
            yield _Entry(name, name)
        elif lake_of in column:
            yield _Entry(column[lake_of][0], name)
        elif which == "all services" or (which == "after int_trips" and is_kept):
            yield _Entry(name, name)
        elif which == "after int_trips, typed" and is_kept:
            yield _Entry(name, name, _TYPES[column["kind"]])
        elif which == "sums of money" and column["kind"] == "money":
            yield _Entry(name, name, _SUM_TYPE, _SUM_WORDS)
