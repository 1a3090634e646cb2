"""BigQuery: a file's rows go in by one load job that replaces their month, which is atomic.

The records follow the partition, the manifest last. Should the process die in between, the file counts
as not loaded, and the next load puts the same rows in the same place again.
"""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from dbt.adapters.bigquery.clients import create_bigquery_client
from dbt_common.exceptions import DbtBaseException
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPIError,
    NotFound,
    RetryError,
    Unauthorized,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from google.cloud.bigquery.table import RowIterator
from requests.exceptions import ConnectionError as UnreachableError

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import LakeFile, canonical_columns
from taxi_pipeline.schemas import Column, Service
from taxi_pipeline.warehouses.base import (
    BATCH_ROWS,
    MANIFEST,
    RECORD_TABLES,
    STREAM_EVENTS,
    Advance,
    Answer,
    FileKey,
    LoadedFile,
    Partition,
    RecordTable,
    events_schema,
    not_a_query,
    ops_schema,
    raw_schema,
    schemas_of,
    with_internal_schema,
)
from taxi_pipeline.warehouses.bigquery_checks import (
    check_expiration,
    check_location,
    check_method,
)

_TYPES = {
    "bigint": "INT64",
    "integer": "INT64",
    "double": "FLOAT64",
    "varchar": "STRING",
    "date": "DATE",
    "timestamp": "DATETIME",  # wall time: BigQuery's TIMESTAMP is an instant
    "boolean": "BOOL",
}
# Google's client would try for ten minutes before it says that nobody answers.
_RETRY = DEFAULT_RETRY.with_timeout(30)
_UPLOAD_RETRIES = 4  # after 1, 2, 4 and 8 seconds; by default it waits for two minutes
_GO_ON = "run it again: it goes on where this one stopped, and the old rows are as they were"


@contextmanager
def connect_bigquery(credentials: Any) -> Iterator["BigQueryWarehouse"]:
    """Connect with the credentials of a dbt target.

    Raises:
        TaxiError: there are no credentials, or none that Google accepts.
    """
    name = f"BigQuery {credentials.database}"
    check_method(credentials)
    with _faults_named(name):
        try:
            client = create_bigquery_client(credentials)
        except (OSError, ValueError, DbtBaseException) as error:  # no gcloud
            raise GoogleAuthError(str(error)) from error  # type: ignore[no-untyped-call]
    try:
        yield BigQueryWarehouse(name, client, credentials)
    finally:
        client.close()  # type: ignore[no-untyped-call]


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, UnreachableError) as error:
        reason = " ".join(str(getattr(error, "message", None) or error).split())
        raise TaxiError(name, reason[:300].rstrip("."), _remedy(error)) from error


def _remedy(error: Exception) -> str:
    if isinstance(error, (Unauthorized, GoogleAuthError)):
        return (
            "check DBT_BQ_METHOD and its credentials: `gcloud auth application-default login` for oauth,"
            " DBT_BQ_KEYFILE for service-account"
        )
    if isinstance(error, Forbidden):
        if "billing" in str(error).lower():
            return "enable billing for the project: BigQuery's sandbox changes no rows and deletes tables after 60 days"
        return "docs/bigquery.md says which roles the account needs"
    if isinstance(error, NotFound):
        return "build it first, or check DBT_BQ_PROJECT, DBT_BQ_DATASET and DBT_BQ_LOCATION"
    if isinstance(error, (UnreachableError, RetryError)):
        return "check the network and DBT_BQ_API_ENDPOINT, then " + _GO_ON
    return _GO_ON


def field(column: Column) -> bigquery.SchemaField:
    """A canonical column as BigQuery declares it."""
    if column.type.startswith("decimal"):
        precision, scale = column.type.removeprefix("decimal(").removesuffix(")").split(",")
        return bigquery.SchemaField(
            column.name, "NUMERIC", precision=int(precision), scale=int(scale)
        )
    return bigquery.SchemaField(column.name, _TYPES[column.type])


class BigQueryWarehouse:
    """The raw dataset of a BigQuery project.

    Args:
        name: what to call it in a message.
        client: an authorized client.
        credentials: the dbt target's, for its dataset and location.
    """

    def __init__(self, name: str, client: bigquery.Client, credentials: Any) -> None:
        self._name = name
        self._client = client
        self._credentials = credentials
        self._raw = bigquery.DatasetReference(client.project, raw_schema())
        self._records: dict[RecordTable, list[dict[str, Any]]] = {}
        self.engine = "bigquery"
        self.workers = 1  # the records are written after each partition

    @property
    def name(self) -> str:
        """Kind and project."""
        return self._name

    def check(self) -> None:
        """Look at the location and the expirations of the datasets that are there."""
        marts, internal = schemas_of(self._credentials.schema)
        for name in (self._raw.dataset_id, marts, internal, ops_schema()):
            dataset = self._dataset(name)
            if dataset is not None:
                check_location(dataset, self._credentials.location)
                with _faults_named(self._name):
                    tables = list(self._client.list_tables(dataset, retry=_RETRY))
                check_expiration(dataset, tables)

    def _dataset(self, name: str) -> bigquery.Dataset | None:
        with _faults_named(self._name):
            try:
                return self._client.get_dataset(name, retry=_RETRY)
            except NotFound:
                return None

    def prepare(self) -> None:
        """Create the raw dataset, a table per service partitioned by month, and the record tables."""
        with _faults_named(self._name):
            dataset = bigquery.Dataset(self._raw)
            dataset.location = self._credentials.location
            self._client.create_dataset(dataset, exists_ok=True, retry=_RETRY)
        self.check()  # after the creation, which brings a sandbox's expirations
        with _faults_named(self._name):
            for service in Service:
                table = bigquery.Table(
                    self._raw.table(service.value),
                    schema=[field(column) for column in canonical_columns(service)],
                )
                table.time_partitioning = _by_month()
                present = self._client.create_table(table, exists_ok=True, retry=_RETRY)
                self._add_missing_columns(present, table.schema)
            for records in (*RECORD_TABLES, STREAM_EVENTS):
                table = bigquery.Table(
                    self._raw.table(records.name),
                    schema=[field(column) for column in records.columns],
                )
                present = self._client.create_table(table, exists_ok=True, retry=_RETRY)
                self._add_missing_columns(present, table.schema)

    def is_prepared(self) -> bool:
        """Whether the record tables are there."""
        with _faults_named(self._name):
            try:
                for table in RECORD_TABLES:
                    self._client.get_table(self._raw.table(table.name), retry=_RETRY)
            except NotFound:
                return False
        return True

    def _add_missing_columns(
        self, table: bigquery.Table, wanted: Sequence[bigquery.SchemaField]
    ) -> None:
        """Add the columns which an earlier version of this project did not load."""
        names = {field.name for field in table.schema}
        if missing := [field for field in wanted if field.name not in names]:
            table.schema = [*table.schema, *missing]
            self._client.update_table(table, ["schema"], retry=_RETRY)

    def loaded(self) -> dict[FileKey, LoadedFile]:
        """Every file that is on record; without a version where BigQuery holds fewer or more rows than recorded."""
        with _faults_named(self._name):
            for table in RECORD_TABLES:
                found = self._client.get_table(self._raw.table(table.name), retry=_RETRY)
                rows = self._client.list_rows(found, retry=_RETRY)
                self._records[table] = [_as_text(dict(row.items())) for row in rows]
        held = self._rows_by_partition()
        return {
            (row["service_type"], row["file_month"]): LoadedFile(
                row["load_id"]
                if held.get((row["service_type"], row["file_month"][:7]), 0) == row["row_count"]
                else "",
                row["row_count"],
                row["is_synthetic"],
            )
            for row in self._records[MANIFEST]
            if row["superseded_at"] is None
        }

    def _rows_by_partition(self) -> dict[tuple[str, str], int]:
        """Rows by service and month, such as 2019-03, as BigQuery counts them: without a scan of the trips."""
        names = {service.value: service.label for service in Service}
        listed = ", ".join(f"'{name}'" for name in names)
        sql = (
            f"select table_name, partition_id, total_rows from `{self._raw.dataset_id}`.INFORMATION_SCHEMA.PARTITIONS"
            f" where table_name in ({listed}) and total_rows > 0"
        )
        return {
            (names[table], f"{partition[:4]}-{partition[4:]}"): rows
            for table, partition, rows in self.query(sql)
        }

    def replace(self, partition: Partition, advance: Advance) -> None:
        """Put a file's rows in place of its month's, then record it."""
        with _faults_named(self._name):
            if partition.part is None:
                self._client.query_and_wait(
                    f"delete from `{self._raw.project}.{self._raw.dataset_id}.{partition.service}`"
                    f" where file_month = date '{partition.month.isoformat()}'",
                    retry=_RETRY,
                )
            else:
                self._load_month(partition, partition.part, advance)
            for table in RECORD_TABLES:
                others = [
                    row
                    for row in self._records[table]
                    if (row["service_type"], row["file_month"]) != partition.key
                ]
                rows = [*others, *partition.records[table]]
                if rows != self._records[table]:
                    self._write_records(table, rows)

    def replace_events(self, tables: Iterator[pa.Table]) -> int:
        """Write the newest events anew, in one load job."""
        events = pa.concat_tables([events_schema().empty_table(), *tables])
        stream = io.BytesIO()
        pq.write_table(events, stream)
        size = stream.tell()
        stream.seek(0)
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=[field(column) for column in STREAM_EVENTS.columns],
        )
        with _faults_named(self._name):
            self._client.load_table_from_file(
                stream,
                self._raw.table(STREAM_EVENTS.name),
                size=size,
                num_retries=_UPLOAD_RETRIES,
                job_config=config,
            ).result(retry=_RETRY)
        return int(events.num_rows)

    def finish(self) -> None:
        """BigQuery keeps its own statistics."""

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Rows of a query in the target's own datasets."""
        return [tuple(row) for row in self._rows(sql)]

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query in the target's own datasets, by column name."""
        return [dict(row.items()) for row in self._rows(sql)]

    def holds(self, schema: str, table: str) -> bool:
        """Whether a table is there."""
        with _faults_named(self._name):
            try:
                self._client.get_table(f"{self._client.project}.{schema}.{table}", retry=_RETRY)
            except NotFound:
                return False
        return True

    def write(self, statements: Sequence[str]) -> None:
        """Run statements one after the other."""
        for statement in statements:
            self._rows(statement)

    def answer(self, sql: str, limit: int | None) -> Answer:
        """Answer a query; a dry run, which costs nothing, says first whether it is one."""
        config = self._query_config()
        config.dry_run, config.use_query_cache = True, False
        with _faults_named(self._name):
            planned = self._client.query(self._qualified(sql), job_config=config, retry=_RETRY)
            if planned.statement_type != "SELECT":
                raise not_a_query(self.name)
            rows = self._run(sql)
            names = tuple(column.name for column in rows.schema)
            return Answer(names, [tuple(row) for row in islice(rows, limit)])

    def batches(self, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Rows of a query, a page at a time."""
        with _faults_named(self._name):
            # Over REST: the faster Storage API wants a role of its own.
            for batch in self._run(sql, BATCH_ROWS).to_arrow_iterable():
                yield batch.cast(schema)

    def _rows(self, sql: str) -> list[bigquery.Row]:
        with _faults_named(self._name):
            return list(self._run(sql))

    def _qualified(self, sql: str) -> str:
        """A query with the relations of the internal dataset as such; the others are in the default dataset."""
        return with_internal_schema(sql, self._credentials.schema)

    def _query_config(self) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(
            default_dataset=bigquery.DatasetReference(
                self._client.project, self._credentials.schema
            ),
            maximum_bytes_billed=self._credentials.maximum_bytes_billed,
        )

    def _run(self, sql: str, page_rows: int | None = None) -> RowIterator:
        qualified, config = self._qualified(sql), self._query_config()
        try:
            return self._client.query_and_wait(
                qualified, job_config=config, page_size=page_rows, retry=_RETRY
            )
        except NotFound:  # so BigQuery calls a dataset that is somewhere else
            for name in schemas_of(self._credentials.schema):
                if (dataset := self._dataset(name)) is not None:
                    check_location(dataset, self._credentials.location)
            raise

    def bytes_scanned(self, sql: str) -> int:
        """Bytes that a statement would scan, by a dry run, which costs nothing."""
        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
        with _faults_named(self._name):
            return int(
                self._client.query(sql, job_config=config, retry=_RETRY).total_bytes_processed or 0
            )

    def _load_month(self, partition: Partition, part: LakeFile, advance: Advance) -> None:
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=[field(column) for column in canonical_columns(partition.service)],
            time_partitioning=_by_month(),
        )
        month = self._raw.table(f"{partition.service}${partition.month:%Y%m}")
        if part.location.startswith("gs://"):
            job = self._client.load_table_from_uri(part.location, month, job_config=config)
            job.result(retry=_RETRY)
            advance(partition.rows)
        else:
            with part.open() as stream:
                job = self._client.load_table_from_file(
                    _CountedStream(stream, part.size, partition.rows, advance),  # type: ignore[arg-type]
                    month,
                    size=part.size,
                    num_retries=_UPLOAD_RETRIES,
                    job_config=config,
                )
                job.result(retry=_RETRY)
        taken = job.output_rows
        if taken != partition.rows:
            raise TaxiError(
                f"{self._name}: {partition.service.label} {partition.month:%Y-%m}",
                f"BigQuery took {taken} of {partition.rows:,} rows",
                "run it again: the month is not recorded, and is loaded anew",
            )

    def _write_records(self, table: RecordTable, rows: list[dict[str, Any]]) -> None:
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.NEWLINE_DELIMITED_JSON,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=[field(column) for column in table.columns],
        )
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        stream = io.BytesIO(lines.encode())
        self._client.load_table_from_file(
            stream,
            self._raw.table(table.name),
            num_retries=_UPLOAD_RETRIES,
            job_config=config,
        ).result(retry=_RETRY)
        self._records[table] = rows


def _by_month() -> bigquery.TimePartitioning:
    return bigquery.TimePartitioning(type_=bigquery.TimePartitioningType.MONTH, field="file_month")


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    """A record as it is written: dates, times and amounts as text."""
    return {
        name: value if value is None or isinstance(value, (bool, int)) else str(value)
        for name, value in row.items()
    }


class _CountedStream(io.RawIOBase):
    """A file that tells how many of its rows have gone over, by its bytes."""

    def __init__(self, stream: BinaryIO, size: int, rows: int, advance: Advance) -> None:
        self._stream = stream
        self._rows_per_byte = rows / size
        self._advance = advance

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._advance(round(len(data) * self._rows_per_byte))
        return data
