"""The SQL that compares two versions of a month: which rows are the same, which are altered, gone, or added."""

from taxi_pipeline.lake import quote_identifier
from taxi_pipeline.schemas import Service, columns_of

ZONE = "pulocationid"
ROW = "source_row"


def pairing_keys(service: Service) -> tuple[tuple[str, ...], ...]:
    """The columns that make a row of each version the same trip, the strictest key first.

    A trip is known by its vendor and its times; a corrected zone or a corrected dropoff leaves the rest of the key
    as it was. Money is no part of a key: it is what restatements correct. FHV and HVFHV rows name a base instead
    of a vendor.
    """
    if not service.is_metered:
        who, pickup, dropoff = "dispatching_base_num", "pickup_datetime", "dropoff_datetime"
    else:
        prefix = "tpep" if service is Service.YELLOW else "lpep"
        who, pickup, dropoff = "vendorid", f"{prefix}_pickup_datetime", f"{prefix}_dropoff_datetime"
    return (
        (who, pickup, dropoff, ZONE, "dolocationid"),
        (who, pickup, dropoff),
        (who, pickup, ZONE),
    )


def compared_columns(service: Service) -> tuple[str, ...]:
    """The columns that two rows are compared by: all that come from the file."""
    return (*(column.name for column in columns_of(service)), "raw_line")


def comparison_sql(service: Service) -> list[str]:
    """The statements that leave a table ``changes``: kind, row and zone before, row and zone after.

    They read the views ``version_before`` and ``version_after``.
    """
    columns = ", ".join(quote_identifier(name) for name in compared_columns(service))
    keys = pairing_keys(service)
    key_columns = ", ".join(keys[0])
    differs = " or ".join(
        f"one.{name} is distinct from other.{name}"
        for name in map(quote_identifier, (*compared_columns(service), ROW))
    )
    fingerprints = ", ".join(
        f"hash({', '.join(f'{side}.{quote_identifier(name)}' for name in compared_columns(service))})"
        f" as fingerprint_{label}"
        for side, label in (("one", "before"), ("other", "after"))
    )
    same_trip = " and ".join(
        f"one.{name} is not distinct from other.{name}" for name in (*keys[0], ROW)
    )
    suspect = f"hash({columns}) in (select fingerprint from suspects)"
    rows = (
        f"(select {columns}, {ROW}, -1 as side from version_before where {suspect}"
        f" and {ROW} not in (select {ROW} from in_place)"
        f" union all select {columns}, {ROW}, 1 from version_after where {suspect}"
        f" and {ROW} not in (select {ROW} from in_place))"
    )
    statements = [
        # Most restatements leave most rows where they are. Rows equal at the same place in both files cancel out.
        f"create temp table moved as select one.{ROW}, one.{ZONE} as zone, {same_trip} as is_same_trip,"
        f" {fingerprints} from version_before as one positional join version_after as other where {differs}",
        # A trip that kept its place and its key is altered there, unless its values stand in another row of the other
        # version: such a row has only moved.
        f"create temp table in_place as select {ROW}, zone from moved where is_same_trip"
        " and fingerprint_before not in (select fingerprint_after from moved)"
        " and fingerprint_after not in (select fingerprint_before from moved)",
        # Every other row, and whatever has the same fingerprint, is compared as a row of a multiset.
        "create temp table suspects as select distinct unnest([fingerprint_before, fingerprint_after]) as fingerprint"
        f" from moved where not is_same_trip or {ROW} not in (select {ROW} from in_place)",
        "set preserve_insertion_order = false",  # from here on: the rows are numbered
        # The columns decide; rows that occur as often in both versions are unchanged.
        f"create temp table differing as select {key_columns}, count(*) as copies,"
        f" hash({columns}) as fingerprint, min(side * {ROW}) as signed_row"
        f" from {rows} group by {columns} having sum(side) <> 0",
        # Of equal rows in one file as many stay unchanged as both versions have: the first ones.
        "create temp table left_over_0 as"
        f" select {key_columns}, signed_row > 0 as is_after, abs(signed_row) as {ROW}"
        " from differing where copies = 1 union all"
        f" select {key_columns}, side > 0, {ROW} from (select {columns}, side, {ROW},"
        f" row_number() over (partition by side, {columns} order by {ROW}) as copy,"
        f" count(*) over (partition by {columns}) as copies, sum(side) over (partition by {columns}) as surplus"
        f" from {rows} where hash({columns}) in (select fingerprint from differing where copies > 1))"
        " where copies > 1 and side * surplus > 0 and copy > (copies - abs(surplus)) / 2",
        "create temp table pairs"
        " (row_before bigint, row_after bigint, zone_before integer, zone_after integer)",
        f"insert into pairs select {ROW}, {ROW}, zone, zone from in_place",
    ]
    for number, key in enumerate(keys):
        equal = " and ".join(f"one.{name} is not distinct from other.{name}" for name in key)
        statements += [
            f"create temp view numbered_{number} as select *, row_number() over"
            f" (partition by is_after, {', '.join(key)} order by {ROW}) as nth from left_over_{number}",
            f"create temp table pairs_{number} as select one.{ROW} as row_before, other.{ROW} as row_after,"
            f" one.{ZONE} as zone_before, other.{ZONE} as zone_after"
            f" from (from numbered_{number} where not is_after) as one"
            f" inner join (from numbered_{number} where is_after) as other on {equal} and one.nth = other.nth",
            f"insert into pairs from pairs_{number}",
            f"create temp table left_over_{number + 1} as from left_over_{number} where case when is_after"
            f" then {ROW} not in (select row_after from pairs_{number})"
            f" else {ROW} not in (select row_before from pairs_{number}) end",
        ]
    statements.append(
        "create temp table changes as"
        " select 'altered' as kind, row_before, zone_before, row_after, zone_after from pairs union all"
        f" select case when is_after then 'added' else 'gone' end, case when not is_after then {ROW} end,"
        f" case when not is_after then {ZONE} end, case when is_after then {ROW} end,"
        f" case when is_after then {ZONE} end from left_over_{len(keys)}"
    )
    return statements
