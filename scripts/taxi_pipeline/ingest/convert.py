"""From a file's columns to the canonical ones: names and types in, SQL out; nothing is read or written.

A row that has no readable form under the file's header, or whose essential values cannot be read, is kept as raw
text, with its data columns null. Any other value that cannot be read is null, and the row names its column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from taxi_pipeline.ingest.matching import TEXT_TYPE, ColumnMatch, SourceColumn
from taxi_pipeline.lake import quote_identifier, quote_literal
from taxi_pipeline.schemas import (
    CODE,
    DEGREES,
    MILES,
    MONEY,
    TEXT,
    TIME,
    Column,
    Service,
    columns_of,
)
from taxi_pipeline.zones.lookup import ZONE_AT

_ALWAYS_A_CODE = frozenset({"TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"})
_NUMBERS = _ALWAYS_A_CODE | {
    "INTEGER",
    "BIGINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
    "FLOAT",
    "DOUBLE",
}

NULL_WORDS = ("", "null", "\\n", "nan", "n/a", "na", "none")
"""What stands for an empty field in files that other programs have written (2026-11-26), in lower case."""

EARLIEST, LATEST = "timestamp '0001-01-01'", "timestamp '9999-12-31 23:59:59.999999'"
"""The instants that every engine has; BigQuery's datetime has the fewest."""

LARGEST_CODE = 999_999_999
"""DuckDB 1.5 writes neighbors in a column that differ by more than 2**31 in a form that PyArrow cannot read.
No code, and no number of seconds, has more than nine digits (2026-11-28)."""

_US_TIMES = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M")
# NYC Open Data's exports, after its portal and after a spreadsheet.

HELD_COMMA = "\x1a"
"""Stands for a comma within a quoted field while a line is split at its commas."""

HELD_QUOTE = "\x19"
"""Stands for a quote that a quoted field writes twice, while the quotes around fields are taken off."""

EXPECTED = {
    TIME: "a time such as 2024-01-31 23:59:59",
    MONEY: "an amount in dollars such as 12.50",
    MILES: "a number of miles such as 1.25",
    CODE: "a whole number of at most nine digits such as 1",
    TEXT: "a text",
    DEGREES: "degrees such as -73.985",
}
"""What a value of each type looks like, for messages."""


@dataclass(frozen=True)
class Facts:
    """What a file adds up to.

    Attributes:
        rows: all rows.
        unparseable: rows kept as raw text only.
        unreadable: rows with a value that could not be read.
        rounded: amounts that had fractions of a cent.
        total_amount: dollars over the parsed rows; None where the file gives no amounts.
    """

    rows: int
    unparseable: int
    unreadable: int
    rounded: int
    total_amount: Decimal | None


@dataclass(frozen=True)
class _Steps:
    """The SQL that takes a canonical column from text or number to value, one layer each.

    Attributes:
        given: the file's value, empty ones null.
        exact: the value before it is rounded; may use ``given``.
        value: the canonical value; may use ``exact``.
        misfit: whether the file's value is no such value.
        rounded: whether cents were rounded.
    """

    given: str
    exact: str
    value: str
    misfit: str | None = None
    rounded: str | None = None


def _steps(column: Column, sources: tuple[SourceColumn, ...], *, fits: bool) -> _Steps:
    given, exact, value = (_layer(prefix, column) for prefix in "gev")
    if not sources:
        return _Steps(f"cast(null as {column.type})", given, exact)
    read, source_type = _given(column, sources)
    is_text = source_type == TEXT_TYPE
    # Casts pass over blanks. Only a failed one pays for looking whether the field says "none".
    present = f"not {_is_null_word(given)}" if is_text else f"{given} is not null"
    misfit = f"case when {value} is null then {present} else false end"
    steps = _Steps(read, given, exact, misfit=misfit)
    # Six places are enough to tell float noise (8.9000000000000004) from fractions of a cent.
    cast_ = "cast" if fits and not is_text else "try_cast"
    six_places = f"{cast_}({given} as decimal(18, 6))"
    coded = _coded(column, given) if is_text else ""
    if column.type == TIME:
        instant = f"{cast_}({given} as timestamp)"
        if is_text:
            # What DuckDB reads besides is no wall time: "epoch", or 10:00+05:00, whose offset it drops.
            # The usual form comes first, because the other tests cost more than the cast.
            # BigQuery's public table calls the same wall time "UTC".
            wall = f"regexp_replace({given}, ' UTC$', '')"
            has_offset = f"{wall}[-1] > '9' or contains({wall}, '+') or contains({wall}[12:], '-')"
            listed = ", ".join(map(quote_literal, _US_TIMES))
            instant = (
                f"case when {given} like '____-__-__ __:__:__' then {instant}"
                f" when {given}[1] <= '9' then coalesce("
                f"case when not ({has_offset}) then {cast_}({wall} as timestamp) end,"
                f" try_strptime({given}, [{listed}])) end"
            )
        within = f"case when {exact} between {EARLIEST} and {LATEST} then {exact} end"
        steps = replace(steps, exact=instant, value=within)
    elif column.type == MILES:
        steps = replace(steps, exact=f"{cast_}({given} as {MILES})")
    elif column.type == DEGREES:
        # No place on earth, and yet within what every engine can compare as a decimal.
        within = f"case when abs({exact}) < 1e9 then {exact} end"
        steps = replace(steps, exact=f"{cast_}({given} as {DEGREES})", value=within)
    elif column.type == MONEY:
        cents = f"{cast_}({exact} as {MONEY})"
        steps = replace(steps, exact=six_places, value=cents, rounded=f"{exact} <> {value}")
    elif column.type == CODE and source_type not in _ALWAYS_A_CODE:
        whole = f"{cast_}({exact} as integer)"
        # 1.5 is no code, and 2 would be another one.
        is_code = f"{exact} between -{LARGEST_CODE} and {LARGEST_CODE} and {exact} = {whole}"
        steps = replace(
            steps,
            exact=f"coalesce({six_places}, {coded or 'null'})" if is_text else given,
            value=whole if fits else f"case when {is_code} then {whole} end",
        )
    else:
        steps = replace(steps, exact=f"coalesce({coded}, {given})" if coded else given, misfit=None)
    return steps


def _coded(column: Column, text: str) -> str:
    """The code that a text stands for, as SQL; null where it stands for none. Empty for a column without such texts."""
    cases = " ".join(
        f"when {quote_literal(known)} then {quote_literal(code) if column.type == TEXT else code}"
        for known, code in column.text_codes
    )
    written = text if column.type == TEXT else f"lower(trim({text}))"
    return f"case {written} {cases} end" if cases else ""


def _sum(column: Column, *, fits: bool) -> _Steps:
    """Add up a column that files do not give; null where they give none of its parts."""
    parts = [f"v_{name}" for name in column.parts]
    given = f"coalesce({', '.join(parts)}) is not null"
    total = " + ".join(f"coalesce({part}, 0)" for part in parts)
    value = f"case when {given} then {'cast' if fits else 'try_cast'}({total} as {column.type}) end"
    return _Steps("", "", value, misfit=f"{_layer('v', column)} is null and {given}")


def _is_null_word(text: str) -> str:
    # Not `in`: DuckDB makes a join of a list as long as this, which keeps no order of rows and takes memory.
    words = ", ".join(map(quote_literal, NULL_WORDS))
    return f"list_contains([{words}], lower(trim({text})))"


def _given(column: Column, sources: tuple[SourceColumn, ...]) -> tuple[str, str]:
    """Return the file's value, with empty texts and NaN as null, and its type."""
    if len(sources) == 1 and column.type != TEXT:
        (source,) = sources
        if source.type in {"FLOAT", "DOUBLE"}:
            number = f"cast({source.sql} as double)"
            return f"case when not isnan({number}) then {number} end", "DOUBLE"
        if _keeps_type(column, source.type):
            return source.sql, source.type
    if len(sources) == 1 and column.type != TEXT and sources[0].type == TEXT_TYPE:
        return f"nullif({sources[0].sql}, '')", TEXT_TYPE
    texts = [f"replace(trim(cast({source.sql} as varchar)), chr(0), '')" for source in sources]
    given = [f"case when not {_is_null_word(text)} then {text} end" for text in texts]
    return f"coalesce({', '.join(given)})", TEXT_TYPE


def refused_type(column: Column, source: SourceColumn) -> bool:
    """Whether a Parquet column has a type of which no such value can be read without guessing.

    A whole number is no time: nothing says whether it counts seconds or microseconds, and from when. A date is none
    either: midnight would be a guess.
    """
    return not (column.type == TEXT or source.type == TEXT_TYPE or _keeps_type(column, source.type))


def _keeps_type(column: Column, source_type: str) -> bool:
    if column.type == TIME:
        return source_type.startswith("TIMESTAMP")
    return source_type in _NUMBERS or source_type.startswith("DECIMAL")


def _layer(prefix: str, column: Column) -> str:
    return f"{prefix}_{column.name}"


def convert_sql(
    service: Service,
    match: ColumnMatch,
    relation: str,
    *,
    malformed: str,
    raw: str,
    also: Sequence[str] = (),
    fits: bool = False,
) -> str:
    """Build the query that gives a file's rows in canonical columns.

    Args:
        service: whose columns to give.
        match: where they come from.
        relation: the SQL that reads the file.
        malformed: condition on the file's columns: the row has no readable form.
        raw: expression on the file's columns: the row as text.
        also: columns of the relation to pass through.
        fits: every value can be read, which makes the query quicker; it fails if one cannot.

    Returns:
        A query of the canonical columns, ``raw_line``, ``unreadable_fields``, ``rounded_amounts`` and ``also``.
    """
    columns = columns_of(service)
    steps = {
        column: _steps(column, match.sources[column.name], fits=fits)
        for column in columns
        if not column.parts
    }
    sums = {column: _sum(column, fits=fits) for column in columns if column.parts}

    def layer(prefix: str, expressions: dict[Column, str], source: str) -> str:
        items = (f"{sql} as {_layer(prefix, column)}" for column, sql in expressions.items())
        return f"select *, {', '.join(items)} from ({source})"

    given = layer("g", {c: s.given for c, s in steps.items()}, f"from {relation}")
    exact = layer("e", {c: s.exact for c, s in steps.items()}, given)
    valued = layer("v", {c: s.value for c, s in steps.items()}, exact)
    misfits = {column: s.misfit for column, s in steps.items() if s.misfit}
    if sums:
        valued = layer("v", {c: s.value for c, s in sums.items()}, valued)
        misfits |= {c: s.misfit for c, s in sums.items() if s.misfit}
    flagged = layer("m", misfits, valued)
    essential = [_layer("m", column) for column in misfits if column.essential]
    misfit = " or ".join([malformed, *essential])
    names = ", ".join(f"case when {_layer('m', c)} then '{c.name}' end" for c in misfits)
    # Nearly no row has a misfit: only those that do pay for the list.
    any_misfit = " or ".join(_layer("m", column) for column in misfits) or "false"
    unreadable = f"case when not coalesce({malformed}, false) and ({any_misfit}) then concat_ws(',', {names}) end"
    rounded = [f"cast(coalesce({s.rounded}, false) as int)" for s in steps.values() if s.rounded]
    judged = (
        f"select *, {'false' if fits else f'coalesce({misfit}, false)'} as is_unparseable, "
        f"{'cast(null as varchar)' if fits else unreadable} as unreadable_fields, "
        f"{' + '.join(rounded) or '0'} as amounts_off from ({valued if fits else flagged})"
    )
    names_of_layer = {column.name: _layer("v", column) for column in columns}
    values = names_of_layer | {
        name: f"coalesce({names_of_layer[name]}, {ZONE_AT}({', '.join(names_of_layer[place] for place in point)}))"
        for name, point in match.located.items()
    }
    final = [
        *also,
        *(
            f"cast(case when not is_unparseable then {values[column.name]} end as {column.type})"
            f" as {quote_identifier(column.name)}"
            for column in columns
        ),
        f"case when is_unparseable then {raw} end as raw_line",
        "unreadable_fields",
        "case when is_unparseable then 0 else amounts_off end as rounded_amounts",
    ]
    return f"select {', '.join(final)} from ({judged})"


def first_misfit_sql(match: ColumnMatch, relation: str, column: Column) -> str:
    """Build the query for the first value of a column that cannot be read, as text."""
    steps = _steps(column, match.sources[column.name], fits=False)
    given, exact, value = (_layer(prefix, column) for prefix in "gev")
    valued = (
        f"select *, {steps.value} as {value} from (select *, {steps.exact} as {exact} from "
        f"(select {steps.given} as {given} from {relation}))"
    )
    return f"select cast({given} as varchar) from ({valued}) where {steps.misfit} limit 1"


def facts_sql(service: Service, converted: str) -> str:
    """Build the query for what converted rows add up to."""
    totals = [column for column in columns_of(service) if column.name == "total_amount"]
    # Files that do not give a total may give no amounts at all: their sum is unknown, not 0.
    total = "sum(total_amount)" if totals and totals[0].parts else "coalesce(sum(total_amount), 0)"
    total = total if totals else "null"
    return (
        "select count(*), count(raw_line), count(unreadable_fields), coalesce(sum(rounded_amounts), 0), "
        f"{total} from ({converted})"
    )
