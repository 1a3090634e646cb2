"""A LookML project from dbt's manifest and catalog: nothing in it is written by hand.

A column's type comes from the catalog, its words from the manifest, joins from ``relationships`` tests, keys from
``unique`` tests. A column is summed when its name ends in a unit (:class:`~taxi_pipeline.bi.project.Unit`); what must
not be summed is a ratio (``meta.ratios`` in the model's yml), divided anew from the sums at every grain.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lkml

from taxi_pipeline.atomic import write_text
from taxi_pipeline.bi.project import Manifest, Mart, MartColumn, Ratio, Reference, Unit, unit_of
from taxi_pipeline.errors import TaxiError

HEADER = "# Written by `taxi lookml` from dbt's manifest and catalog; refine it (view: +name) in files of your own.\n\n"
"""First line of every file that may be replaced."""

Field = dict[str, Any]

_LABEL = "NYC taxi"
_TYPES = {
    "string": ("varchar", "text", "string", "character varying", "enum"),
    "number": ("bigint", "integer", "long", "int64", "decimal", "numeric", "float64", "double"),
    "yesno": ("boolean", "bool"),
    "date": ("date",),
    "datetime": ("timestamp", "timestamp_ntz", "datetime"),
}
_FORMATS = {
    Unit.DOLLARS: "usd",
    Unit.COUNT: "decimal_0",
    Unit.MILES: "decimal_2",
    Unit.SECONDS: "decimal_0",
    Unit.SHARE: "percent_2",
}
_TIMEFRAMES = {
    "month": ["raw", "month", "quarter", "year", "month_name"],
    "date": ["raw", "date", "day_of_week", "week", "month", "quarter", "year"],
    "datetime": ["raw", "time", "hour_of_day", "day_of_week", "date", "week", "month", "year"],
}
_HIDDEN = {"source_row", "ingested_at", "latitude", "longitude"}
"""Where a row came from, and what `location` is made of."""

_RECENT = "12 months"
"""What an explore of single trips shows on BigQuery, billed by the month, until one asks for more. (2026-11-21)"""

_FILES = "fact_file_completeness"
_COMPLETENESS = "month_completeness"
_NO_PARTS = "-part"
"""Looker's filter for every value but this one. A month that cannot be judged stays, as on the dashboard."""


@dataclass(frozen=True)
class _View:
    """A table on its way to being a view.

    Attributes:
        mart: by the manifest.
        types: LookML's type of each column, by the catalog.
    """

    mart: Mart
    types: Mapping[str, str]

    def is_summed(self, column: MartColumn) -> bool:
        """Whether the column is a measure: a number with a unit that is no ratio."""
        return (
            not self.mart.is_dimension
            and self.types[column.name] == "number"
            and unit_of(column.name) not in {None, Unit.SHARE}
            and column.name not in self.mart.ratios
        )


def build_project(
    manifest: Manifest, catalog: Mapping[str, Any], marts: Mapping[str, Mart], connection: str
) -> dict[str, str]:
    """The files of a LookML project, by path, for the target that the artifacts describe.

    Args:
        manifest: dbt's ``manifest.json``.
        catalog: dbt's ``catalog.json`` of the same target.
        marts: what the manifest says of ``models/marts``.
        connection: name of the connection in Looker.

    Raises:
        TaxiError: a mart is not in the catalog, so has not been built, or has a column of a type without a LookML type.
    """
    project = manifest["metadata"]["project_name"]
    columns = {
        node["metadata"]["name"]: {
            column["name"]: column["type"] for column in node["columns"].values()
        }
        for node in catalog["nodes"].values()
    }
    views = [_View(mart, _types(mart, columns.get(mart.name))) for mart in marts.values()]
    explores = [_explore(view.mart) for view in views if not view.mart.is_dimension]
    model = {
        "connection": connection,
        "label": _LABEL,
        "week_start_day": "monday",
        "includes": ["/views/*.view.lkml"],
        "explores": explores,
    }
    files: dict[str, Any] = {
        "manifest.lkml": {"project_name": project},
        f"models/{project}.model.lkml": model,
    }
    files |= {f"views/{view.mart.name}.view.lkml": {"views": [_view(view)]} for view in views}
    return {path: HEADER + str(lkml.dump(content)) for path, content in files.items()}


def _types(mart: Mart, built: Mapping[str, str] | None) -> dict[str, str]:
    if built is None or not mart.columns.keys() <= built.keys():
        raise TaxiError(mart.relation, "it is not built as the project says", "run `taxi build`")
    return {name: _type(mart, name, built[name]) for name in mart.columns}


def _type(mart: Mart, column: str, type_: str) -> str:
    plain = type_.lower().split("(")[0].removesuffix(" without time zone").strip()
    for name, known in _TYPES.items():
        if plain in known:
            return name
    raise TaxiError(
        f"{mart.name}.{column}", f"{type_} has no type in LookML", "add it to lookml.py"
    )


def _view(view: _View) -> Field:
    mart = view.mart
    content: Field = {
        "name": mart.name,
        "sql_table_name": mart.relation,
        "dimensions": list(_dimensions(view)),
        "dimension_groups": [
            _dimension_group(column, view.types[column.name])
            for column in mart.columns.values()
            if view.types[column.name] in {"date", "datetime"}
        ],
        "measures": list(_measures(view)),
    }
    if content["measures"]:
        content["sets"] = [{"name": "detail", "fields": _detail(view)}]
    return {name: value for name, value in content.items() if value}


def _dimensions(view: _View) -> Iterator[Field]:
    mart, foreign = view.mart, {reference.column for reference in view.mart.references}
    for column in mart.columns.values():
        type_ = view.types[column.name]
        is_key = column.name == mart.key
        if column.name in mart.ratios or (type_ in {"date", "datetime"} and not is_key):
            continue
        summed = view.is_summed(column)
        if summed and not mart.has_rows_of_files:
            continue
        dimension: Field = {"name": f"{column.name}_value" if summed else column.name}
        if is_key:
            dimension["primary_key"] = "yes"
        is_surrogate = (
            is_key and (type_ == "date" or column.name.endswith("_id")) and type_ != "number"
        )
        if column.name in foreign | _HIDDEN or is_surrogate:
            dimension["hidden"] = "yes"
        if summed:
            dimension["group_label"] = "Values of one trip"
        dimension |= {"description": _quoted(column.description), "type": type_}
        if type_ == "date":
            dimension |= {"datatype": "date", "convert_tz": "no"}
        if type_ == "number":
            dimension["value_format_name"] = _format(column.name)
        yield {**dimension, "sql": f"${{TABLE}}.{column.name}"}
    if {"latitude", "longitude"} <= mart.columns.keys():
        yield {
            "name": "location",
            "description": "Point inside the zone, for maps.",
            "type": "location",
            "sql_latitude": "${latitude}",
            "sql_longitude": "${longitude}",
        }


def _dimension_group(column: MartColumn, type_: str) -> Field:
    frames = "month" if column.name.endswith("_month") else type_
    group: Field = {"name": _group(column.name)}
    if column.name in _HIDDEN:
        group["hidden"] = "yes"
    # New York wall time, which no one should shift by the zone of a viewer.
    return group | {
        "description": _quoted(column.description),
        "type": "time",
        "timeframes": _TIMEFRAMES[frames],
        "convert_tz": "no",
        "datatype": type_,
        "sql": f"${{TABLE}}.{column.name}",
    }


def _group(column: str) -> str:
    """What Looker puts the timeframes behind: pickup_date becomes pickup_date, pickup_week, ..."""
    return column.removesuffix("_date").removesuffix("_month").removesuffix("_day")


def _measures(view: _View) -> Iterator[Field]:
    mart = view.mart
    if mart.has_rows_of_files:
        yield from _counts(mart)
    for column in mart.columns.values():
        if not view.is_summed(column):
            continue
        unit = unit_of(column.name)
        if mart.has_rows_of_files and unit is not Unit.DOLLARS:
            # Of a reversal pair the money nets to zero; miles, seconds and passengers would count twice.
            if "is_voided" in mart.columns:
                for kind, name in (("sum", column.name), ("average", f"avg_{column.name}")):
                    yield _measure(
                        name,
                        kind,
                        f"{column.description} {kind.capitalize()} over trips that are not voided.",
                        sql=f"${{TABLE}}.{column.name}",
                        filters=[{"is_voided": "no"}],
                    )
        elif column.name == "total_amount" and "service_type" in mart.columns:
            if "metered_revenue_amount" not in mart.columns:
                yield from _money_by_kind()
            # Added up over services, it would mix two kinds of money.
            yield {
                **_measure(column.name, "sum", column.description, sql="${TABLE}.total_amount"),
                "hidden": "yes",
            }
        else:
            yield _measure(column.name, "sum", column.description, sql=f"${{TABLE}}.{column.name}")
    for ratio in mart.ratios.values():
        yield _ratio(ratio)


_METERED = {"service_type": "Yellow,Green"}


def _counts(mart: Mart) -> Iterator[Field]:
    yield _measure("row_count", "count", "Rows of TLC's files.")
    if "is_voided" in mart.columns:
        kept: list[dict[str, str]] = [{"is_voided": "no"}]
        yield _measure("trip_count", "count", "Trips: rows that are not voided.", filters=kept)
        yield _measure(
            "metered_trip_count",
            "count",
            "Trips of yellow and green, the services with a taximeter.",
            filters=[*kept, _METERED, {"total_amount_value": "NOT NULL"}],
        )


def _money_by_kind() -> Iterator[Field]:
    for name, whose, filter_ in (
        ("metered_revenue_amount", "yellow and green", _METERED),
        ("rider_payment_amount", "HVFHV", {"service_type": "HVFHV"}),
    ):
        yield _measure(
            name,
            "sum",
            f"US dollars that passengers of {whose} were charged: total_amount of these services alone.",
            sql="${TABLE}.total_amount",
            filters=[filter_],
        )


def _measure(name: str, type_: str, description: str, **rest: Any) -> Field:
    return {
        "name": name,
        "description": _quoted(description),
        "type": type_,
        **rest,
        "value_format_name": _format(name) if type_ != "average" else "decimal_2",
        "drill_fields": ["detail*"],
    }


def _ratio(ratio: Ratio) -> Field:
    sql = f"1.0 * ${{{ratio.numerator}}} / nullif(${{{ratio.denominator}}}, 0)"
    return _measure(ratio.name, "number", ratio.description, sql=sql)


def _format(name: str) -> str:
    unit = unit_of(name)
    if unit is None:
        return "decimal_4" if name in {"latitude", "longitude"} else "id"
    return _FORMATS[unit]


def _detail(view: _View) -> list[str]:
    """What drilling shows: what tells the rows apart, and the two numbers that people ask for."""
    mart = view.mart
    named = [
        _reference(column.name, view.types[column.name])
        for column in mart.columns.values()
        if column.is_required
        and column.name not in _HIDDEN
        and view.types[column.name] != "yesno"
        and (column.name != mart.key or view.types[column.name] == "number")
        and unit_of(column.name) is None
    ]
    numbers = {measure["name"] for measure in _measures(view)}
    return named + sorted(
        numbers & {"trip_count", "metered_revenue_amount", "rider_payment_amount"}
    )


def _reference(column: str, type_: str) -> str:
    frame = {"date": "date", "datetime": "time"}.get(type_)
    if frame is None:
        return column
    return f"{_group(column)}_{'month' if column.endswith('_month') else frame}"


def _explore(mart: Mart) -> Field:
    label = mart.name.removeprefix("mart_").removeprefix("rpt_").replace("_", " ").capitalize()
    explore: Field = {
        "name": mart.name,
        "label": label,
        "description": _quoted(mart.description),
    }
    filters = []
    if mart.has_rows_of_files and mart.partition:
        filters.append({f"{mart.name}.{_reference(mart.partition, 'date')}": _RECENT})
    joins = [_join(mart, reference) for reference in mart.references]
    if _is_of_files(mart):
        joins.append(_join_files(mart))
    if _counts_trips(mart) and (_COMPLETENESS in mart.columns or _is_of_files(mart)):
        view = mart.name if _COMPLETENESS in mart.columns else _FILES
        filters.append({f"{view}.{_COMPLETENESS}": _NO_PARTS})
    if filters:
        explore["always_filter"] = {"filters": filters}
    return explore | ({"joins": joins} if joins else {})


def _counts_trips(mart: Mart) -> bool:
    """Whether it shows totals of a month or day, which a part of the month would make too small."""
    return "trip_count" in mart.columns or (mart.has_rows_of_files and "is_voided" in mart.columns)


def _is_of_files(mart: Mart) -> bool:
    """Whether a row belongs to the file that is loaded, and does not say itself how whole its month is.

    What has a load_id may speak of a version that was replaced.
    """
    return {"service_type", "file_month"} <= mart.columns.keys() and not any(
        name == _COMPLETENESS or name.startswith("load_id") for name in mart.columns
    )


def _join_files(mart: Mart) -> Field:
    keys = ("service_type", f"{_group('file_month')}_raw")
    return {
        "name": _FILES,
        "from": _FILES,
        "view_label": "Completeness of the month",
        "type": "left_outer",
        "relationship": "many_to_one",
        "sql_on": " and ".join(f"${{{mart.name}.{key}}} = ${{{_FILES}.{key}}}" for key in keys),
    }


def _join(mart: Mart, reference: Reference) -> Field:
    # pickup_zone_id leads to zone_id of dim_zones: that join is called pickup_zones; load_id_before gives ..._before.
    dimension = reference.table.removeprefix("dim_")
    prefix, found, suffix = reference.column.partition(reference.field)
    alias = prefix + dimension + suffix if found else dimension
    is_date = mart.columns[reference.column].type == "date"
    here, there = (
        f"${{{view}.{_group(column) + '_raw' if is_date else column}}}"
        for view, column in ((mart.name, reference.column), (alias, reference.field))
    )
    return {
        "name": alias,
        "from": reference.table,
        "view_label": alias.replace("_", " ").capitalize(),
        "type": "left_outer",
        "relationship": "many_to_one",
        "sql_on": f"{here} = {there}",
    }


def _quoted(text: str) -> str:
    """Text between double quotes, which LookML cannot escape in every field."""
    return text.replace('"', "'")


def write_project(files: Mapping[str, str], folder: Path) -> list[str]:
    """Put the files of a LookML project into a folder, each in one move; other files there stay.

    Args:
        files: by path below the folder.
        folder: may be a git repository that Looker reads.

    Returns:
        Paths of files that an earlier run wrote and this one no longer has; they are removed.

    Raises:
        TaxiError: a file of that name is somebody else's, or the folder cannot be written.
    """
    foreign = [path for path in files if (folder / path).exists() and not _is_own(folder / path)]
    if foreign:
        raise TaxiError(
            str(folder / foreign[0]),
            "it was not written by `taxi lookml`, and would be replaced",
            "move it, or choose another folder with --to",
        )
    try:
        for path, text in files.items():
            write_text(folder / path, text)
        stale = _stale(files, folder)
        for path in stale:
            (folder / path).unlink()
    except OSError as error:
        raise TaxiError(
            str(folder), f"it cannot be written: {error.strerror}", "choose another with --to"
        ) from error
    return stale


def _stale(files: Mapping[str, str], folder: Path) -> list[str]:
    found = sorted(folder.rglob("*.lkml"))
    paths = [path.relative_to(folder).as_posix() for path in found if _is_own(path)]
    return [path for path in paths if path not in files]


def _is_own(path: Path) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(HEADER)
