"""dbt packages: from the package hub, or, where it cannot be reached, this project's stand-in."""

import os
import shutil
from enum import StrEnum

from taxi_pipeline.settings import Settings
from taxi_pipeline.transform.runner import BuildListener, prepare_profile, run_dbt

_HUB_TIMEOUT_SECONDS = 3.0


class PackageOrigin(StrEnum):
    """Where dbt_utils came from."""

    INSTALLED = "already installed"
    HUB = "installed from the package hub"
    STAND_IN = (
        "package hub out of reach: installed vendor/dbt_utils, a stand-in with the macros used here"
    )


def is_hub_reachable() -> bool:
    """Whether the package hub answers within a few seconds; dbt alone would try for minutes."""
    import requests  # noqa: PLC0415 - slow to import, and needed only where nothing is installed
    from dbt.clients.registry import DEFAULT_REGISTRY_BASE_URL  # noqa: PLC0415

    hub = os.environ.get("DBT_PACKAGE_HUB_URL") or str(DEFAULT_REGISTRY_BASE_URL)
    try:
        return requests.head(hub, timeout=_HUB_TIMEOUT_SECONDS, allow_redirects=True).ok
    except requests.RequestException:
        return False


def install_packages(settings: Settings, *, again: bool = False) -> PackageOrigin:
    """Make the packages of ``packages.yml`` available in ``dbt_packages/``, and a profile if none is.

    Args:
        settings: where the project is.
        again: install even when they are there already.
    """
    prepare_profile(settings)
    installed = settings.project_dir / "dbt_packages" / "dbt_utils"
    if (installed / "dbt_project.yml").exists() and not again:
        return PackageOrigin.INSTALLED
    if is_hub_reachable() and run_dbt(["deps"], settings, BuildListener()).exit_code == 0:
        return PackageOrigin.HUB
    shutil.rmtree(installed, ignore_errors=True)
    shutil.copytree(settings.project_dir / "vendor" / "dbt_utils", installed)
    return PackageOrigin.STAND_IN
