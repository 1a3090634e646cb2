"""Column-level lineage: dbt-colibri's page, from dbt's manifest and catalog."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_pipeline.atomic import writing_to
from taxi_pipeline.site.publish import add_way_back

LINEAGE_QUERY = "model=model.nyc_taxi.mart_monthly_zone_revenue&parents=2&children=0"
"""What the page shows first: a mart with what it is made of."""

_HEAD = f"""
<script>
try {{ localStorage.getItem("vite-ui-theme") ?? localStorage.setItem("vite-ui-theme", "system"); }} catch {{}}
if (!new URLSearchParams(location.search).has("model")) location.replace("?{LINEAGE_QUERY}");
</script>
<style>
.react-flow__node .cursor-help.bg-amber-100 {{ display: none; }}
a.border-dashed[href*="colibri-data.com"], .border-t.pt-5:has(a.border-dashed) {{ display: none !important; }}
@media (max-width: 700px) {{
  #model-browser-panel, #model-browser-panel + [data-panel-resize-handle-id],
  .react-flow > .absolute.bottom-4.right-4 {{
    display: none !important;
  }}
  #main-panel {{ flex: 1 1 100% !important; }}
  .react-flow__panel.bottom.center {{ max-width: 100%; }}
  .react-flow__panel.bottom.center > div {{ flex-wrap: wrap; justify-content: center; }}
  #way-back {{ top: 6px !important; padding: 3px 6px !important; font-size: 11px !important; }}
}}
</style>
"""
"""The colors of the reader's system, a mart instead of an arbitrary model, no links to what the vendor sells,
no badge "column lineage unavailable" on models whose columns have their lineage (it looks for SQL in the page's data).

On a phone: the graph in the whole width, without the list of models and the legend beside it.
"""


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
    with _known_manifest(target_dir / "manifest.json") as manifest:
        extractor = DbtColumnLineageExtractor(str(manifest), str(target_dir / "catalog.json"))
    generator = DbtColibriReportGenerator(extractor, light_mode=True, disable_telemetry=True)
    page = folder / "index.html"
    with writing_to(page):
        folder.mkdir(parents=True, exist_ok=True)
        generator.generate_report(output_dir=str(folder))
        (folder / "colibri-manifest.json").unlink()  # the page has it inside
        text = page.read_text(encoding="utf-8").replace("<head>", f"<head>{_HEAD}", 1)
        page.write_text(add_way_back(text, "right:4px;top:44px;padding:4px 8px"), encoding="utf-8")


@contextmanager
def _known_manifest(path: Path) -> Iterator[Path]:
    """The manifest with an adapter that colibri knows: to it Spark is Databricks, whose SQL is Spark's."""
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if manifest["metadata"]["adapter_type"] != "spark":
        yield path
        return
    manifest["metadata"]["adapter_type"] = "databricks"
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / path.name
        copy.write_text(json.dumps(manifest), encoding="utf-8")
        yield copy
