"""What dbt leaves in its target folder: the manifest, the catalog of a warehouse, the results of the last command."""

import json
from pathlib import Path
from typing import Any, Literal

Artifact = dict[str, Any]


def read_artifact(
    target_dir: Path, name: Literal["manifest", "catalog", "run_results"]
) -> Artifact:
    """Read one of dbt's artifacts.

    Args:
        target_dir: where dbt writes.
        name: of the file, without ``.json``.

    Raises:
        FileNotFoundError: no command has written it yet.
    """
    return dict(json.loads((target_dir / f"{name}.json").read_text(encoding="utf-8")))
