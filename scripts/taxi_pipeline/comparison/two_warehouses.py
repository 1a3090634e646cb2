"""What differs between two DuckDB warehouses: before and after a change of the code, or of the data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb

from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import quote_identifier, quote_literal
from taxi_pipeline.settings import Settings

_KINDS = ("mart_", "rpt_", "fact_", "rejected_")
"""What the names of the compared tables begin with."""

_MONEY = "_amount"
_TOTAL = "total_amount"
_SERVICE = "service_type"
RIDER_TOTAL = "total_amount (rider payments)"
"""The sum of `total_amount` over the rows of HVFHV, where a table has other services, too."""

_OF_THE_LOAD = frozenset({"ingested_at", "load_id"})
"""Columns that say when a file came, and not what is in it: they differ between any two loads."""


@dataclass(frozen=True)
class MoneyChange:
    """The sum of a money column, in dollars; None where the table or the column is not there, or has only nulls."""

    column: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True)
class KeyChange:
    """A row that differs.

    Attributes:
        key: the value of the key, as text.
        kind: ``added``, ``gone`` or ``changed``.
        values: of a changed row, the columns that differ: before and after, as text; null is None.
    """

    key: str
    kind: str
    values: Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class TableComparison:
    """One table in both warehouses.

    Attributes:
        name: of the table.
        rows_before: how many; None where it is not there.
        rows_after: how many; None where it is not there.
        money: the sums of its money columns.
        columns_added: names that only the later one has.
        columns_gone: names that only the earlier one has.
        key: by which rows were compared; empty where the two have no key in common.
        added_count: keys that only the later one has; without a key, rows.
        gone_count: keys that only the earlier one has; without a key, rows.
        changed_count: keys of both whose other columns differ; 0 without a key.
        examples: the first rows that differ, by key.
    """

    name: str
    rows_before: int | None
    rows_after: int | None
    money: tuple[MoneyChange, ...]
    columns_added: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()
    key: str = ""
    added_count: int = 0
    gone_count: int = 0
    changed_count: int = 0
    examples: tuple[KeyChange, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether both have the same rows and columns."""
        return (
            self.rows_before == self.rows_after
            and not (self.columns_added or self.columns_gone)
            and not (self.added_count or self.gone_count or self.changed_count)
        )


def compare_warehouses(
    before: Path,
    after: Path,
    settings: Settings,
    keys: Mapping[str, str],
    examples: int = 5,
    on_table: Callable[[str], None] = lambda _name: None,
) -> list[TableComparison]:
    """Compare every mart and fact of two DuckDB files; neither is changed.

    Args:
        before: a file.
        after: a file.
        settings: memory limit, and where DuckDB may spill.
        keys: the column that is unique in a table, by the table's name.
        examples: how many rows that differ are shown of a table.
        on_table: told when a table begins.

    Raises:
        TaxiError: a file is not there, is in use, is no warehouse, or both are the same file.
    """
    if before.resolve() == after.resolve():
        raise TaxiError(str(after), "both names are of one file", "name two warehouses")
    with _both(before, after, settings) as connection:
        tables = {
            side: _tables(connection, side, path) for side, path in _sides(before, after).items()
        }
        compared = []
        for name in sorted(tables["before"] | tables["after"], key=_place):
            on_table(name)
            compared.append(
                _compare(
                    connection,
                    name,
                    {side: found.get(name) for side, found in tables.items()},
                    keys.get(name, ""),
                    examples,
                )
            )
        return compared


def _sides(before: Path, after: Path) -> dict[str, Path]:
    return {"before": before, "after": after}


def _place(name: str) -> tuple[int, str]:
    return next(place for place, kind in enumerate(_KINDS) if name.startswith(kind)), name


@contextmanager
def _both(before: Path, after: Path, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with scratch_folder(settings) as scratch, open_engine(settings, scratch) as connection:
        for side, path in _sides(before, after).items():
            if not path.is_file():
                raise TaxiError(
                    str(path),
                    "there is no such file",
                    "name the warehouse.duckdb of a data folder",
                )
            try:
                connection.execute(f"attach {quote_literal(path)} as {side} (read_only)")
            except duckdb.Error as error:
                raise TaxiError(
                    str(path),
                    f"DuckDB cannot open it ({' '.join(str(error).split())[:200]})",
                    "name a warehouse.duckdb that no other program writes to",
                ) from error
        yield connection


@dataclass(frozen=True)
class _Table:
    """Where a table is, and its columns in their order."""

    address: str
    columns: tuple[str, ...]


def _tables(connection: duckdb.DuckDBPyConnection, side: str, path: Path) -> dict[str, _Table]:
    rows = connection.execute(
        "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns()"
        f" where database_name = {quote_literal(side)} and not internal"
        " and schema_name not like '%\\_internal' escape '\\' and schema_name not like '%test_failures'"
        " group by all"
    ).fetchall()
    found = {
        name: _Table(".".join(map(quote_identifier, (side, schema, name))), tuple(columns))
        for schema, name, columns in rows
        if name.startswith(_KINDS)
    }
    if not found:
        raise TaxiError(str(path), "it has no marts", "build it first: `taxi build`")
    return found


def _compare(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    tables: Mapping[str, _Table | None],
    key: str,
    examples: int,
) -> TableComparison:
    before, after = tables["before"], tables["after"]
    sums = {side: _sums(connection, table) for side, table in tables.items()}
    columns = dict.fromkeys((*sums["before"].money, *sums["after"].money))
    money = tuple(
        MoneyChange(column, sums["before"].money.get(column), sums["after"].money.get(column))
        for column in columns
    )
    rows_before, rows_after = sums["before"].rows, sums["after"].rows
    if before is None or after is None:
        return TableComparison(
            name,
            rows_before,
            rows_after,
            money,
            added_count=rows_after or 0,
            gone_count=rows_before or 0,
        )
    shared = [name for name in before.columns if name in after.columns]
    has_key = key in shared
    compared = [column for column in shared if column not in {key, *_OF_THE_LOAD}]
    pairs = (
        _by_key(connection, before, after, key, compared)
        if has_key
        else _by_row(connection, before, after, compared)
    )
    return TableComparison(
        name,
        rows_before,
        rows_after,
        money,
        columns_added=tuple(c for c in after.columns if c not in before.columns),
        columns_gone=tuple(c for c in before.columns if c not in after.columns),
        key=key if has_key else "",
        added_count=pairs["added"],
        gone_count=pairs["gone"],
        changed_count=pairs["changed"],
        examples=tuple(_examples(connection, before, after, key, compared, examples))
        if has_key and any(pairs.values())
        else (),
    )


@dataclass(frozen=True)
class _Sums:
    rows: int | None
    money: Mapping[str, Decimal | None]


def _sums(connection: duckdb.DuckDBPyConnection, table: _Table | None) -> _Sums:
    if table is None:
        return _Sums(None, {})
    sums = {
        name: f"sum({quote_identifier(name)})" for name in table.columns if name.endswith(_MONEY)
    }
    if (
        _TOTAL in sums and _SERVICE in table.columns
    ):  # metered money and rider payments are never added
        total = sums.pop(_TOTAL)
        sums[_TOTAL] = f"{total} filter ({_SERVICE} <> 'HVFHV')"
        sums[RIDER_TOTAL] = f"{total} filter ({_SERVICE} = 'HVFHV')"
    [[rows, *amounts]] = connection.execute(
        f"select {', '.join(['count(*)', *sums.values()])} from {table.address}"
    ).fetchall()
    money = dict(zip(sums, amounts, strict=True))
    if money.get(RIDER_TOTAL) is None:
        money.pop(RIDER_TOTAL, None)
    return _Sums(rows, money)


def _joined(before: _Table, after: _Table, key: str, columns: Sequence[str]) -> str:
    """Keys that differ, with the kind of the difference; ``is distinct from`` holds null equal to null."""
    column = quote_identifier(key)
    differs = (
        " or ".join(
            f"b.{quote_identifier(name)} is distinct from a.{quote_identifier(name)}"
            for name in columns
        )
        or "false"
    )
    return (
        f"select coalesce(b.{column}, a.{column}) as compared_key,"
        f" case when b.{column} is null then 'added' when a.{column} is null then 'gone' else 'changed' end as kind"
        f" from {before.address} as b full join {after.address} as a on b.{column} = a.{column}"
        f" where b.{column} is null or a.{column} is null or {differs}"
    )


def _by_key(
    connection: duckdb.DuckDBPyConnection,
    before: _Table,
    after: _Table,
    key: str,
    columns: Sequence[str],
) -> dict[str, int]:
    found = connection.execute(
        f"select kind, count(*) from ({_joined(before, after, key, columns)}) group by kind"
    ).fetchall()
    return {"added": 0, "gone": 0, "changed": 0, **dict(found)}


def _by_row(
    connection: duckdb.DuckDBPyConnection, before: _Table, after: _Table, columns: Sequence[str]
) -> dict[str, int]:
    """Rows that only one of the two has, each as often as it has it more often."""
    listed = ", ".join(map(quote_identifier, columns))
    counts = {"changed": 0}
    for kind, one, other in (("gone", before, after), ("added", after, before)):
        [[counts[kind]]] = connection.execute(
            f"select count(*) from (select {listed} from {one.address}"
            f" except all select {listed} from {other.address})"
        ).fetchall()
    return counts


def _examples(
    connection: duckdb.DuckDBPyConnection,
    before: _Table,
    after: _Table,
    key: str,
    columns: Sequence[str],
    limit: int,
) -> Iterator[KeyChange]:
    column = quote_identifier(key)
    values = "".join(
        f", b.{quote_identifier(name)}::varchar, a.{quote_identifier(name)}::varchar"
        for name in columns
    )
    rows = connection.execute(
        f"select d.compared_key::varchar, d.kind{values}"
        f" from (select * from ({_joined(before, after, key, columns)}) order by compared_key limit {limit}) as d"
        f" left join {before.address} as b on b.{column} = d.compared_key"
        f" left join {after.address} as a on a.{column} = d.compared_key order by d.compared_key"
    ).fetchall()
    for found, kind, *pairs in rows:
        both = zip(columns, pairs[::2], pairs[1::2], strict=True)
        changed = {name: (one, other) for name, one, other in both if one != other}
        yield KeyChange(found, kind, changed if kind == "changed" else {})
