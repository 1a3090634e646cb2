"""Which columns of a file are which of the canonical ones: by name, without regard to case or blanks."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.schemas import Service, columns_of

TEXT_TYPE = "VARCHAR"


@dataclass(frozen=True)
class SourceColumn:
    """A column of a source file.

    Attributes:
        name: its name in the file's header.
        sql: the expression that reads it.
        type: its DuckDB type.
    """

    name: str
    sql: str
    type: str


@dataclass(frozen=True)
class ColumnMatch:
    """Which columns of a file give the canonical ones.

    Attributes:
        sources: per canonical name, the file's columns in order of preference; maybe none.
        located: canonical names that the file has a point for, which counts where it gives no value: the canonical
            longitude and latitude.
        unknown: names in the file that the lake has no column for.
    """

    sources: dict[str, tuple[SourceColumn, ...]]
    unknown: tuple[str, ...]
    located: dict[str, tuple[str, ...]]


_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "vertical bar"}


def match_columns(service: Service, columns: Sequence[SourceColumn], subject: str) -> ColumnMatch:
    """Match a file's columns to the canonical ones by name, without regard to case or blanks.

    Raises:
        TaxiError: a required column is missing, or none is a column of such trips.
    """
    by_name: dict[str, list[SourceColumn]] = {}
    for column in columns:
        by_name.setdefault(column.name.strip().lower(), []).append(column)
    given = [column for column in columns_of(service) if not column.parts]
    known = {name for wanted in given for name in (wanted.name, *wanted.aliases)}
    for name, same in by_name.items():
        if name in known and len(same) > 1:
            raise TaxiError(
                subject,
                f"it has {len(same)} columns named '{same[0].name.strip()}'",
                "remove one of them from the file",
            )
    sources = {
        wanted.name: tuple(
            column for name in (wanted.name, *wanted.aliases) for column in by_name.get(name, [])
        )
        for wanted in given
    }
    if not any(sources.values()):
        raise _not_a_tlc_header(subject, service, ",".join(column.name for column in columns))
    located = located_columns(service, by_name.keys())
    for wanted in given:
        if wanted.required and not sources[wanted.name] and wanted.name not in located:
            other = _other_service(service, by_name.keys())
            raise TaxiError(
                subject,
                f"the required column '{wanted.name}' is missing; it has {_listed(columns)}",
                f"its columns are those of {other.value} trips: name the file as one"
                if other
                else f"check that it is a file of {service.value} trips, or rename its columns as TLC does",
            )
    unknown = tuple(
        column.name.strip() for column in columns if column.name.strip().lower() not in known
    )
    if (other := _other_service(service, by_name.keys())) and (
        alien := _required_names(other) & {name.lower() for name in unknown}
    ):
        raise TaxiError(
            subject,
            f"it has the column '{min(alien)}', which only files of {other.value} trips have",
            f"name the file as one of {other.value} trips",
        )
    return ColumnMatch(sources, unknown, located)


def _other_service(service: Service, names: Set[str]) -> Service | None:
    """The other service whose required columns are all there; of several, the one that requires most."""
    others = [other for other in Service if other is not service and _has_columns_of(other, names)]
    return max(others, key=_number_required, default=None)


def _number_required(service: Service) -> int:
    return sum(column.required for column in columns_of(service))


def _required_names(service: Service) -> set[str]:
    return {
        name
        for column in columns_of(service)
        if column.required
        for name in (column.name, *column.aliases)
    }


def _has_columns_of(service: Service, names: Set[str]) -> bool:
    """Whether every column that a service requires is among these names, or follows from points that are."""
    located = located_columns(service, names)
    return all(
        not wanted.required or wanted.name in located or names & {wanted.name, *wanted.aliases}
        for wanted in columns_of(service)
    )


def located_columns(service: Service, names: Set[str]) -> dict[str, tuple[str, ...]]:
    """The canonical columns that follow from points of the file, where it gives no value: their longitude and latitude.

    Args:
        service: whose file.
        names: of its columns, in lower case.
    """
    known = {column.name: {column.name, *column.aliases} for column in columns_of(service)}
    return {
        column.name: column.located_by
        for column in columns_of(service)
        if column.located_by and all(known[place] & names for place in column.located_by)
    }


def _listed(columns: Sequence[SourceColumn]) -> str:
    return ", ".join(column.name.strip() for column in columns[:30])


def _not_a_tlc_header(subject: str, service: Service, start: str) -> TaxiError:
    excerpt = start if len(start) <= 60 else start[:60] + "..."
    is_text = start.replace("\t", "").isprintable()  # the bytes of another format may hold any mark
    separator = next(
        (
            name
            for mark, name in _SEPARATORS.items()
            if is_text and start.count(mark) > start.count(",")
        ),
        None,
    )
    return TaxiError(
        subject,
        f"it does not start with a TLC header of {service.value} trips but with {excerpt!r}",
        f"its columns seem to be separated by {separator}s; write it with commas and decimal points"
        if separator
        else "check that it is a trip file and not, say, an error page, and download it again",
    )
