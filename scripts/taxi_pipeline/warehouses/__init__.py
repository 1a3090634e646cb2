"""The warehouses: how each answers a query, and how those beyond DuckDB take the lake's partitions in.

``open_reader`` and ``open_warehouse`` give the one that a target of ``profiles.yml`` names; credentials are dbt's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses.base import Reader, Warehouse, Writer
from taxi_pipeline.warehouses.credentials import read_credentials
from taxi_pipeline.warehouses.embedded import open_embedded
from taxi_pipeline.warehouses.targets import (
    call_target,
    is_embedded,
    reads_lake_in_place,
    require_filesystem,
    schema_of_target,
)

if TYPE_CHECKING:
    from taxi_pipeline.warehouses.spark import SparkWarehouse

__all__ = [
    "Reader",
    "Warehouse",
    "Writer",
    "check_target",
    "is_embedded",
    "open_reader",
    "open_warehouse",
    "open_writer",
    "reads_lake_in_place",
]


@contextmanager
def open_reader(settings: Settings, target: str | None) -> Iterator[Reader]:
    """Connect to the warehouse of a target, DuckDB included, to read what dbt has built there.

    Args:
        settings: where ``profiles.yml`` and the DuckDB file are.
        target: a name among its outputs; None for its default.

    Raises:
        TaxiError: there is no such target, it cannot be reached, or has not been built.
    """
    if is_embedded(settings, target):
        with open_embedded(settings, schema_of_target(settings, target)) as reader:
            yield reader
    elif reads_lake_in_place(settings, target):
        with _open_spark(settings, target) as spark:
            yield spark
    else:
        with open_warehouse(settings, target) as warehouse:
            yield warehouse


@contextmanager
def open_writer(settings: Settings, target: str | None) -> Iterator[Writer]:
    """Connect to the warehouse of a target, DuckDB included, to write to it.

    Args:
        settings: where ``profiles.yml`` and the DuckDB file are.
        target: a name among its outputs; None for its default.

    Raises:
        TaxiError: there is no such target, it cannot be reached, has not been built, or another process has it open.
    """
    if is_embedded(settings, target):
        schema = schema_of_target(settings, target)
        with open_embedded(settings, schema, may_write=True) as writer:
            yield writer
    elif reads_lake_in_place(settings, target):
        with _open_spark(settings, target) as spark:
            yield spark
    else:
        with open_warehouse(settings, target) as warehouse:
            yield warehouse


def check_target(settings: Settings, target: str | None) -> None:
    """Say what keeps dbt from building on a target, before it starts.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.

    Raises:
        TaxiError: the target cannot be reached, would lose what is built there, or cannot read the bucket of the lake.
    """
    if is_embedded(settings, target):
        require_filesystem(settings, target)
    elif reads_lake_in_place(settings, target):
        with _open_spark(settings, target) as spark:
            spark.check()
    else:
        with open_warehouse(settings, target) as warehouse:
            warehouse.check()


@contextmanager
def _open_spark(settings: Settings, target: str | None) -> "Iterator[SparkWarehouse]":
    credentials = read_credentials(settings, target)
    try:
        from taxi_pipeline.warehouses.spark import connect_spark  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise TaxiError(
            call_target(settings, target),
            f"a package is missing ({error})",
            "pip install 'nyc-taxi-warehouse[spark]', or [spark-connect] for a server's client",
        ) from error
    with connect_spark(credentials) as spark:
        yield spark


@contextmanager
def open_warehouse(settings: Settings, target: str | None) -> Iterator[Warehouse]:
    """Connect to the warehouse of a target, and disconnect at the end.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.

    Raises:
        TaxiError: there is no such target, it cannot be reached, or it is of a kind that reads the lake in place.
    """
    credentials = read_credentials(settings, target)
    # The drivers take a second to import; a DuckDB user never needs them.
    if credentials.type == "postgres":
        from taxi_pipeline.warehouses.postgres import connect_postgres  # noqa: PLC0415

        with connect_postgres(credentials) as warehouse:
            yield warehouse
    elif credentials.type == "bigquery":
        from taxi_pipeline.warehouses.bigquery import connect_bigquery  # noqa: PLC0415

        with connect_bigquery(credentials) as warehouse:
            yield warehouse
    else:
        raise TaxiError(
            call_target(settings, target),
            f"it is {credentials.type}, which reads the lake in place",
            "leave `taxi load` out and run `taxi build`",
        )
