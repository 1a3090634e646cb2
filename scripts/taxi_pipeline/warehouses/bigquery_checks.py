"""What would make a BigQuery target fail late or lose rows, found before anything runs."""

import re
from collections.abc import Iterable
from typing import Any

from google.cloud import bigquery
from google.cloud.bigquery.table import TableListItem
from google.oauth2 import service_account

from taxi_pipeline.errors import TaxiError

_DAY_MS = 86_400_000
_OURS = re.compile(
    r"(?:yellow|green|fhv|fhvhv|manifest|restatements|runs|run_nodes|run_files|file_ledger|node_states|rejected_trips|(?:fact|dim|mart|rpt|int|stg|snap)_\w+?)(?<!__dbt_tmp)"
)
"""Tables of this project; dbt's temporary ones expire, and shall."""


def check_method(credentials: Any) -> None:
    """Look at the way of signing in before Google's client does, which fails without a sentence.

    Args:
        credentials: of the dbt target.

    Raises:
        TaxiError: the method lacks its variable, or the key's file is not there.
    """
    if credentials.method == "service-account":
        if not credentials.keyfile:
            raise TaxiError(
                "DBT_BQ_METHOD=service-account",
                "it needs the file of the service account's key",
                "set DBT_BQ_KEYFILE to its path, or DBT_BQ_METHOD=oauth for the account that gcloud is signed in with",
            )
        try:
            service_account.Credentials.from_service_account_file(credentials.keyfile)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            raise TaxiError(
                f"DBT_BQ_KEYFILE={credentials.keyfile}",
                "there is no such file" if missing else "it is not the key of a service account",
                "set it to the path of the JSON file that Google Cloud made for the service account's key",
            ) from error
    elif credentials.method == "service-account-json" and not credentials.keyfile_json:
        raise TaxiError(
            "DBT_BQ_METHOD=service-account-json",
            "the target in profiles.yml has no keyfile_json",
            "use DBT_BQ_METHOD=service-account and DBT_BQ_KEYFILE, or add keyfile_json to profiles.yml",
        )
    elif credentials.method == "oauth-secrets" and not (
        credentials.token or credentials.refresh_token
    ):
        raise TaxiError(
            "DBT_BQ_METHOD=oauth-secrets",
            "it needs a token",
            "set DBT_ENV_SECRET_BQ_TOKEN, such as to what `gcloud auth print-access-token` prints",
        )


def check_location(dataset: bigquery.Dataset, location: str | None) -> None:
    """Compare where a dataset is with where the target looks for it.

    Raises:
        TaxiError: BigQuery would call the dataset not found.
    """
    if location and dataset.location and dataset.location.lower() != location.lower():
        raise TaxiError(
            f"dataset {dataset.project}.{dataset.dataset_id}",
            f"it is in {dataset.location}, and DBT_BQ_LOCATION says {location}",
            f"set DBT_BQ_LOCATION={dataset.location}, or name datasets that do not exist yet"
            " (DBT_BQ_DATASET, TAXI_RAW_SCHEMA, TAXI_OPS_SCHEMA)",
        )


def check_expiration(dataset: bigquery.Dataset, tables: Iterable[TableListItem]) -> None:
    """Refuse a dataset whose tables or partitions BigQuery would delete by itself.

    A partition's age counts from its month: under an expiration of 60 days a month of 2019 is deleted
    as soon as it is loaded.

    Raises:
        TaxiError: the dataset gives new tables an expiration, or a table of this project has one.
    """
    address = f"{dataset.project}:{dataset.dataset_id}"
    default = dataset.default_partition_expiration_ms or dataset.default_table_expiration_ms
    if default:
        raise TaxiError(
            f"dataset {dataset.project}.{dataset.dataset_id}",
            f"new tables and partitions in it expire after {default / _DAY_MS:g} days, and older months at once",
            f"remove that: `bq update --default_table_expiration 0 --default_partition_expiration 0 {address}`;"
            " in BigQuery's sandbox it cannot be removed: enable billing for the project",
        )
    expiring = sorted(
        table.table_id
        for table in tables
        if _OURS.fullmatch(table.table_id)
        and (table.expires or (table.time_partitioning and table.time_partitioning.expiration_ms))
    )
    if expiring:
        first = f"{address}.{expiring[0]}"
        raise TaxiError(
            f"dataset {dataset.project}.{dataset.dataset_id}",
            f"BigQuery will delete rows of {', '.join(expiring)}: they were created with an expiration",
            "remove it from each, then load again: "
            f"`bq update --expiration 0 --time_partitioning_expiration 0 {first}`",
        )
