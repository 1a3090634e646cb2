"""As much of Looker as it takes to run an explore: fields resolved to DuckDB's SQL, joins as the model says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lkml

FORMATS = {
    *(f"decimal_{digits}" for digits in range(5)),
    *(f"percent_{digits}" for digits in range(5)),
    *("usd", "usd_0", "gbp", "gbp_0", "eur", "eur_0", "id"),
}
"""Looker's own value formats, by its reference of value_format_name. (2026-11-21)"""

_FRAMES = {
    "raw": "{}",
    "time": "{}",
    "date": "cast({} as date)",
    "week": "date_trunc('week', {})",
    "month": "date_trunc('month', {})",
    "quarter": "date_trunc('quarter', {})",
    "year": "extract(year from {})",
    "month_name": "monthname({})",
    "day_of_week": "dayname({})",
    "hour_of_day": "extract(hour from {})",
}
_REFERENCE = re.compile(r"\$\{(?:(?P<view>\w+)\.)?(?P<field>\w+)\}")

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A field of a view; of a dimension group each timeframe is one."""

    kind: str
    spec: Spec
    frame: str = "raw"


class View:
    """A view by its LookML."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.table: str = spec["sql_table_name"]
        self.fields: dict[str, Field] = {}
        for name, field in self._fields():
            assert name not in self.fields, f"{self.name}.{name} is there twice"
            self.fields[name] = field

    def _fields(self) -> Iterator[tuple[str, Field]]:
        for spec in self.spec.get("dimensions", ()):
            yield spec["name"], Field("dimension", spec)
        for spec in self.spec.get("dimension_groups", ()):
            for frame in spec["timeframes"]:
                yield f"{spec['name']}_{frame}", Field("dimension", spec, frame)
        for spec in self.spec.get("measures", ()):
            yield spec["name"], Field("measure", spec)

    def names(self, kind: str) -> list[str]:
        """Names of the dimensions or measures."""
        return [name for name, field in self.fields.items() if field.kind == kind]


class Project:
    """A LookML project, parsed back from its files."""

    def __init__(self, folder: Path) -> None:
        parsed = {path: lkml.load(path.read_text()) for path in sorted(folder.rglob("*.lkml"))}
        self.views = {
            spec["name"]: View(spec) for file in parsed.values() for spec in file.get("views", ())
        }
        [self.model] = [file for file in parsed.values() if "connection" in file]
        self.explores: dict[str, Spec] = {spec["name"]: spec for spec in self.model["explores"]}

    def aliases(self, explore: str) -> dict[str, View]:
        """The views of an explore, by the names that they have there."""
        joins = self.explores[explore].get("joins", ())
        return {
            explore: self.views[explore],
            **{join["name"]: self.views[join["from"]] for join in joins},
        }

    def query(self, explore: str, fields: Sequence[tuple[str, str]]) -> str:
        """The SQL that Looker would make of some (alias, field) of an explore."""
        views = self.aliases(explore)
        columns = [f'{self._sql(views, alias, name)} as "{alias}.{name}"' for alias, name in fields]
        source = f"{views[explore].table} as {explore}"
        for join in self.explores[explore].get("joins", ()):
            assert (join["type"], join["relationship"]) == ("left_outer", "many_to_one")
            condition = self._resolve(views, explore, join["sql_on"])
            source += f" left join {views[join['name']].table} as {join['name']} on {condition}"
        return f"select {', '.join(columns)} from {source} group by all"

    def _sql(self, views: Mapping[str, View], alias: str, name: str) -> str:
        field = views[alias].fields[name]
        spec = field.spec
        if spec["type"] == "location":
            point = (spec["sql_latitude"], spec["sql_longitude"])
            return f"[{', '.join(self._resolve(views, alias, sql) for sql in point)}]"
        inner = self._resolve(views, alias, spec.get("sql", "1"))
        if field.kind == "dimension":
            return _FRAMES[field.frame].format(inner)
        if spec["type"] == "number":
            return inner
        for filter_ in (item for group in spec.get("filters__all", ()) for item in group):
            [(filtered, value)] = filter_.items()
            condition = self._sql(views, alias, filtered)
            members = ", ".join(f"'{member}'" for member in value.split(","))
            test = {"no": f"not {condition}", "NOT NULL": f"{condition} is not null"}.get(
                value, f"{condition} in ({members})"
            )
            inner = f"case when {test} then {inner} end"
        function = {"sum": "sum", "average": "avg", "count": "count"}[spec["type"]]
        return f"{function}({inner})"

    def _resolve(self, views: Mapping[str, View], alias: str, sql: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            if match["field"] == "TABLE":
                return alias
            return self._sql(views, match["view"] or alias, match["field"])

        return _REFERENCE.sub(replaced, sql)
