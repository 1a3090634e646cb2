"""Column-level lineage: dbt-colibri's page, from dbt's manifest and catalog."""

import logging
from pathlib import Path


def write_lineage(target_dir: Path, folder: Path) -> None:
    """Write the page of the lineage of every column.

    The classes and not colibri's command: that one asks the package index for a newer version of itself.

    Args:
        target_dir: holds ``manifest.json`` and ``catalog.json``.
        folder: where ``index.html`` is to be.
    """
    from dbt_colibri.lineage_extractor.extractor import (  # noqa: PLC0415 - slow to import
        DbtColumnLineageExtractor,
    )
    from dbt_colibri.report.generator import DbtColibriReportGenerator  # noqa: PLC0415

    logging.getLogger("colibri").setLevel(logging.CRITICAL)
    extractor = DbtColumnLineageExtractor(
        str(target_dir / "manifest.json"), str(target_dir / "catalog.json")
    )
    generator = DbtColibriReportGenerator(extractor, light_mode=True, disable_telemetry=True)
    folder.mkdir(parents=True, exist_ok=True)
    generator.generate_report(output_dir=str(folder))
    (folder / "colibri-manifest.json").unlink()  # the page has it inside
