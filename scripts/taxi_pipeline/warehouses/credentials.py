"""Credentials of a dbt target, read by dbt itself, so that they are written down in one place."""

import os
from argparse import Namespace
from typing import Any

from taxi_pipeline.errors import TaxiError
from taxi_pipeline.settings import Settings
from taxi_pipeline.warehouses.targets import call_target, require_target


def read_credentials(settings: Settings, target: str | None) -> Any:
    """Read the credentials of a target as its adapter's own class; ``type`` names the adapter.

    Args:
        settings: where ``profiles.yml`` is.
        target: a name among its outputs; None for its default.

    Raises:
        TaxiError: there is no such target, or an environment variable that it needs is not set.
    """
    require_target(settings, target)
    from dbt.config.runtime import load_profile  # noqa: PLC0415 - 1.5 s
    from dbt.flags import set_from_args  # noqa: PLC0415
    from dbt_common.context import set_invocation_context  # noqa: PLC0415
    from dbt_common.exceptions import DbtBaseException  # noqa: PLC0415

    project = str(settings.project_dir)
    set_invocation_context(os.environ)
    set_from_args(Namespace(profiles_dir=project, project_dir=project), None)
    try:
        return load_profile(project, {}, target_override=target).credentials
    except DbtBaseException as error:
        raise TaxiError(
            call_target(settings, target),
            " ".join(str(error).split()),
            "see profiles.yml and its comments; `taxi load --help` names the variables",
        ) from error
