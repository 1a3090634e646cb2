"""The names of schemas and datasets that the environment gives."""

import re
from collections.abc import Mapping

from taxi_pipeline.errors import TaxiError

VARIABLES = ("TAXI_RAW_SCHEMA", "TAXI_OPS_SCHEMA", "DBT_PG_SCHEMA", "DBT_BQ_DATASET")
# What Postgres and BigQuery both take. Postgres cuts a name after 63 characters: the ending `_test_failures` must fit.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,48}")


def check_schema_names(environment: Mapping[str, str]) -> None:
    """Refuse a name that a server would refuse later, cut, or take for something else.

    Args:
        environment: the variables of the process; those that are not set have good defaults.

    Raises:
        TaxiError: a variable is set to something that is no name.
    """
    for variable in VARIABLES:
        name = environment.get(variable)
        if name is not None and not _NAME.fullmatch(name):
            raise TaxiError(
                f"{variable}={name}",
                "it is not a valid name of a schema or dataset",
                "use at most 49 letters, digits, and underscores, starting with a letter or an underscore; or unset it",
            )
