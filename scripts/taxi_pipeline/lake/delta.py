"""The lake as Delta tables, one per service: a log over the same files, by which other engines read it.

The manifest stays the record. The log follows it: a version of a month that the log does not know yet is added in the
order of ingestion, each in a commit after the one that it replaces. Files are registered, not copied.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake.lake import Lake, name_of
from taxi_pipeline.lake.manifest import ManifestEntry
from taxi_pipeline.schemas import Service

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

_PARTITION = "file_month"
_LOG = "_delta_log"
_LOAD_IDS = "taxi.load_ids"
"""The key of a commit's own metadata: the versions that it added, by their load_id."""


def sync_where_present(lake: Lake) -> None:
    """As `sync_delta` for the services that have a table; nothing where nobody has made one."""
    services = [service for service in Service if lake.storage.list_files(f"{service}/{_LOG}")]
    if services:
        sync_delta(lake, services)


def sync_delta(lake: Lake, services: Sequence[Service] = tuple(Service)) -> dict[Service, int]:
    """Bring the Delta tables in line with the manifest; make those that are not there.

    Args:
        lake: in order.
        services: whose tables.

    Returns:
        The version of each table now.

    Raises:
        TaxiError: the package is not installed, or a table cannot be written.
    """
    try:
        from deltalake.exceptions import DeltaError  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise TaxiError(
            "taxi lake delta",
            "deltalake is not installed",
            "install it: `pip install --constraint constraints.txt --editable '.[delta]'`",
        ) from error
    present = {file.name: file.size for file in lake.files()}
    versions = {}
    for service in services:
        entries = [entry for entry in lake.history() if entry.service == service]
        try:
            table = _sync(
                lake, service, [one for one in entries if name_of(one) in present], present
            )
        except DeltaError as error:
            raise TaxiError(
                lake.storage.location(service),
                f"its Delta log cannot be written ({' '.join(str(error).split())[:300].rstrip('.')})",
                "run `taxi lake delta` again; if the log is damaged, delete its folder _delta_log first",
            ) from error
        versions[service] = table.version()
    return versions


def _sync(
    lake: Lake, service: Service, entries: Sequence[ManifestEntry], sizes: dict[str, int]
) -> "DeltaTable":
    from deltalake import DeltaTable  # noqa: PLC0415
    from deltalake.transaction import CommitProperties  # noqa: PLC0415

    url = lake.storage.location(service)
    options = _options(url)
    if not DeltaTable.is_deltatable(url, options):
        _create(url, _schema(lake, service), options)
    table = DeltaTable(url, storage_options=options)
    known = {
        load_id
        for commit in table.history()
        for load_id in str(commit.get(_LOAD_IDS, "")).split(",")
    }
    for generation in _generations([one for one in entries if one.load_id not in known]):
        table.create_write_transaction(
            [_added(one, sizes[name_of(one)], service) for one in generation],
            mode="overwrite",
            schema=table.schema(),
            partition_by=[_PARTITION],
            partition_filters=[(_PARTITION, "in", [one.file_month for one in generation])],
            commit_properties=CommitProperties(
                custom_metadata={_LOAD_IDS: ",".join(one.load_id for one in generation)}
            ),
        )
        table = DeltaTable(url, storage_options=options)
    wanted = {name_of(one) for one in entries if one.superseded_at is None}
    held = {f"{service}/{path}" for path in table.get_add_actions(flatten=True)["path"].to_pylist()}
    if gone := sorted(held - wanted):
        table.create_write_transaction(
            [],
            mode="overwrite",
            schema=table.schema(),
            partition_by=[_PARTITION],
            partition_filters=[(_PARTITION, "in", [_month_of(name) for name in gone])],
        )
        table = DeltaTable(url, storage_options=options)
    return table


def _generations(entries: Sequence[ManifestEntry]) -> Iterator[list[ManifestEntry]]:
    """Versions in commits: the first of every month together, then the second ones, and so on."""
    rest = sorted(entries, key=lambda one: one.ingested_at)
    while rest:
        first: dict[str, ManifestEntry] = {}
        for entry in rest:
            first.setdefault(entry.file_month, entry)
        yield list(first.values())
        taken = {entry.load_id for entry in first.values()}
        rest = [entry for entry in rest if entry.load_id not in taken]


def _create(url: str, schema: "pa.Schema", options: dict[str, str]) -> None:
    from deltalake import Schema  # noqa: PLC0415
    from deltalake.transaction import create_table_with_add_actions  # noqa: PLC0415

    create_table_with_add_actions(
        url,
        Schema.from_arrow(schema),
        [],
        mode="ignore",
        partition_by=[_PARTITION],
        storage_options=options,
    )


def _schema(lake: Lake, service: Service) -> "pa.Schema":
    import pyarrow.parquet as pq  # noqa: PLC0415

    with lake.storage.open(f"{service}/no_rows/part.parquet") as stream:
        return pq.read_schema(stream).remove_metadata()


def _added(entry: ManifestEntry, size: int, service: Service) -> Any:
    from deltalake.transaction import AddAction  # noqa: PLC0415

    return AddAction(
        name_of(entry).removeprefix(f"{service}/"),
        size,
        {_PARTITION: entry.file_month},
        int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": entry.row_count}),
    )


def _month_of(name: str) -> str:
    return name.split("/")[1].removeprefix(f"{_PARTITION}=")


def _options(url: str) -> dict[str, str]:
    """Commits to S3 are put-if-absent; a server without TLS is allowed where the environment names one."""
    if not url.startswith("s3://"):
        return {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    insecure = {"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http://") else {}
    return {"AWS_CONDITIONAL_PUT": "etag", **insecure}
