"""What a new version of a month changed: rows added, gone and altered, and the money by pickup zone.

Rows are compared as a multiset of whole rows: every column that comes from the file, and ``raw_line``; lineage
does not count. Equal rows are unchanged, in whatever order they stand. Of the rest, a row of the earlier
version and one of the new version that share a key are one row, altered: first those at the same place that share
the strictest of the ``pairing_keys``, then one to one, in the order of the file, by each key after the other. What
is left is gone, or added.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import (
    Lake,
    ManifestEntry,
    ZoneChange,
    hash_file,
    quote_identifier,
    quote_literal,
)
from taxi_pipeline.restatements.comparison import ROW, ZONE, compared_columns, comparison_sql
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.settings import Settings


@dataclass(frozen=True)
class Counts:
    """Rows of two versions by what became of them."""

    unchanged: int
    altered: int
    gone: int
    added: int


@dataclass(frozen=True)
class AlteredRow:
    """A row that both versions have, with other values.

    Attributes:
        row_before: its place in the earlier file.
        row_after: its place in the new one.
        changes: the value before and after of each column that changed.
    """

    row_before: int
    row_after: int
    changes: dict[str, tuple[Any, Any]]


class Comparison:
    """Two versions of one month, compared; its tables live as long as the connection.

    Args:
        connection: an engine of its own.
        service: whose trips.
        columns: a partition without rows; a column that an earlier one does not have yet is null there.
        before: the partition of the earlier version.
        after: the partition of the new one.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        service: Service,
        columns: str,
        before: str,
        after: str,
    ) -> None:
        self._connection = connection
        self._columns = compared_columns(service)
        for name, path in (("version_before", before), ("version_after", after)):
            connection.execute(
                f"create temp view {name} as select * from read_parquet([{quote_literal(columns)},"
                f" {quote_literal(path)}], union_by_name = true, hive_partitioning = false)"
            )
        for statement in comparison_sql(service):
            connection.execute(statement)

    def counts(self) -> Counts:
        """Rows by what became of them."""
        kinds = dict(self._fetch("select kind, count(*) from changes group by kind"))
        [(before,)] = self._fetch("select count(*) from version_before")
        altered, gone, added = (kinds.get(kind, 0) for kind in ("altered", "gone", "added"))
        return Counts(before - altered - gone, altered, gone, added)

    def by_zone(self, before: ManifestEntry, after: ManifestEntry) -> list[ZoneChange]:
        """What changed in each pickup zone of the file.

        Args:
            before: the earlier version.
            after: the new one.
        """
        revenue = "sum(total_amount)" if "total_amount" in self._columns else "null"
        moved = "zone_before is distinct from zone_after"
        counted = (
            ("rows_before", ZONE, "version_before"),
            ("rows_after", ZONE, "version_after"),
            ("altered", "zone_after", f"changes where kind = 'altered' and not ({moved})"),
            ("moved_out", "zone_before", f"changes where kind = 'altered' and {moved}"),
            ("moved_in", "zone_after", f"changes where kind = 'altered' and {moved}"),
            ("gone", "zone_before", "changes where kind = 'gone'"),
            ("added", "zone_after", "changes where kind = 'added'"),
        )
        parts = [
            f"select '{name}' as measure, {zone} as zone, count(*) as value from {source} group by all"
            for name, zone, source in counted
        ]
        counts = ", ".join(
            f"coalesce(sum(value) filter (measure = '{name}'), 0)::bigint as {name}"
            for name, _, _ in counted
        )
        money = " ".join(
            f"left join (select {ZONE} as zone, cast({revenue} as decimal(18, 2)) as amount"
            f" from version_{side} group by all) as {side} on zones.zone is not distinct from {side}.zone"
            for side in ("before", "after")
        )
        rows = self._fetch(
            f"with zones as (select zone, {counts} from ({' union all '.join(parts)}) group by zone)"
            " select zones.zone, rows_before, rows_after, rows_before - altered - moved_out - gone,"
            " altered, moved_out, moved_in, gone, added, cast(before.amount as varchar),"
            f" cast(after.amount as varchar) from zones {money} order by zones.zone nulls last"
        )
        return [ZoneChange(before.load_id, after.load_id, *after.key, *row) for row in rows]

    def altered_columns(self) -> list[tuple[str, int]]:
        """In how many altered rows each column changed, the most frequent first."""
        return self._fetch(
            "select changed, count(*) from (select unnest(changed_columns) as changed"
            f" from ({self._rows_sql()})) group by changed order by count(*) desc, changed"
        )

    def altered_rows(self, limit: int) -> list[AlteredRow]:
        """The first altered rows of the new file."""
        result = self._connection.execute(
            f"select * from ({self._rows_sql()}) where kind = 'altered'"
            f" order by source_row_after limit {limit}"
        )
        names = [column[0] for column in result.description]
        rows = (dict(zip(names, row, strict=True)) for row in result.fetchall())
        return [
            AlteredRow(
                row["source_row_before"],
                row["source_row_after"],
                {
                    name: (row[f"{name}_before"], row[f"{name}_after"])
                    for name in row["changed_columns"]
                },
            )
            for row in rows
        ]

    def write_rows(self, path: Path) -> None:
        """Write every changed row with its kind, its place and its values in both versions.

        Args:
            path: a new ``.csv`` or ``.parquet`` file; one of that name is replaced.
        """
        is_csv = path.suffix == ".csv"
        changed = "array_to_string(changed_columns, ' ')" if is_csv else "changed_columns"
        self._connection.execute(
            f"copy (select * replace ({changed} as changed_columns) from ({self._rows_sql()})"
            " order by coalesce(source_row_after, source_row_before), kind)"
            f" to {quote_literal(path)} (format {'csv, header' if is_csv else 'parquet'})"
        )

    def _rows_sql(self) -> str:
        changed = ", ".join(
            f"case when one.{quote_identifier(name)} is distinct from other.{quote_identifier(name)}"
            f" then {quote_literal(name)} end"
            for name in self._columns
        )
        values = ", ".join(
            f"{side}.{quote_identifier(name)} as {quote_identifier(f'{name}_{label}')}"
            for name in self._columns
            for side, label in (("one", "before"), ("other", "after"))
        )
        return (
            "select kind, row_before as source_row_before, row_after as source_row_after,"
            f" case when kind = 'altered' then list_filter([{changed}], name -> name is not null)"
            f" else [] end as changed_columns, {values} from changes"
            f" left join version_before as one on row_before = one.{ROW}"
            f" left join version_after as other on row_after = other.{ROW}"
        )

    def _fetch(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()


@contextmanager
def compare(
    lake: Lake, settings: Settings, before: ManifestEntry, after: ManifestEntry
) -> Iterator[Comparison]:
    """Compare a current version with the one before it.

    Args:
        lake: where the rows of both are.
        settings: memory limit and temporary folder.
        before: the earlier version.
        after: the current version.

    Raises:
        TaxiError: they cannot be compared.
    """
    service = Service.of_label(after.service_type)
    kept = lake.location(before)
    try:
        with scratch_folder(settings) as scratch, open_engine(settings, scratch) as connection:
            lake.storage.connect(connection)
            columns = lake.empty_location(service)
            yield Comparison(connection, service, columns, kept, lake.location(after))
    except (duckdb.Error, OSError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise TaxiError(
            kept,
            f"the version before {after.source_file} cannot be compared with it ({detail[:200]});"
            " the new version is in the lake",
            "free some space or raise TAXI_MEMORY_LIMIT; or delete this file to skip the comparison",
        ) from error


def record_restatements(
    lake: Lake,
    settings: Settings,
    tell: Callable[[str], None],
    key: tuple[str, str] | None = None,
) -> None:
    """Compare every current version with the one before it where that has not been done yet.

    A process that died after it had published leaves this to the next one.

    Args:
        lake: whose versions.
        settings: memory limit and temporary folder.
        tell: told what is going on.
        key: service and month, to look at one file only.

    Raises:
        TaxiError: two versions cannot be compared.
    """
    for before, after in lake.uncompared(key):
        tell(f"Comparing {after.source_file} with the version before")
        with compare(lake, settings, before, after) as comparison:
            lake.record_restatement(comparison.by_zone(before, after))


def publish_version(
    draft: Path, entry: ManifestEntry, lake: Lake, settings: Settings, tell: Callable[[str], None]
) -> ManifestEntry | None:
    """Publish a partition and record what it changed; see ``Lake.publish``."""
    rival = lake.publish(draft, entry, hash_file(draft), tell)
    record_restatements(lake, settings, tell, entry.key)
    return rival


def versions_of(lake: Lake, service: Service, month: str) -> list[ManifestEntry]:
    """Every version of a month on record, oldest first.

    Args:
        lake: whose record.
        service: whose trips.
        month: ``YYYY-MM``.

    Raises:
        TaxiError: it is not a month, or none of that month was ever ingested.
    """
    subject = f"{service} {month}"
    try:
        first = datetime.strptime(month, "%Y-%m").date()
    except ValueError as error:
        raise TaxiError(subject, f"'{month}' is not a month", "write it as 2024-01") from error
    versions = [entry for entry in lake.history() if entry.key == (service.label, str(first))]
    if not versions:
        raise TaxiError(
            subject,
            "no version of this month is on record",
            "`taxi status` names the files of the lake; `taxi ingest` brings one in",
        )
    return versions


def no_comparison(versions: list[ManifestEntry]) -> str:
    """Why the newest version of a month cannot be compared with another, in a sentence."""
    if versions[-1].superseded_at is not None:
        return "The month has left the lake; the rows of its versions are gone."
    if len(versions) == 1:
        return "The month has not been restated: this is its only version."
    if versions[-2].forgotten_at is not None and not versions[-2].is_synthetic:
        return "The version before was removed by `taxi forget`; the two are not compared."
    return "The rows of the version before are not kept: it was synthetic, or was removed by `taxi lake prune`."


def zone_labels(project_dir: Path) -> dict[int, str]:
    """What each zone is called, by its id: as dim_zones says, which need not be built yet."""
    return {
        int(row["locationid"]): "Unknown zone" if row["zone"] == "N/A" else row["zone"]
        for row in read_seed("taxi_zone_lookup", project_dir)
    }
