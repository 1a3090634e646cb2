"""The command `taxi zones`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.addresses import is_url
from taxi_pipeline.options import command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.site import zones_path
from taxi_pipeline.site.shapes import save_zone_shapes
from taxi_pipeline.zones.archive import NAME, fetch_shapes, keep_shapes
from taxi_pipeline.zones.polygons import ADDRESS

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi zones && taxi site[/] | [bold]taxi zones ~/Downloads/taxi_zones.zip[/]",
)
def zones(
    source: Annotated[
        str, typer.Argument(metavar="[PATH_OR_URL]", help="TLC's taxi_zones.zip.")
    ] = ADDRESS,
) -> None:
    """Fetch TLC's zone shapes: for files with coordinates, and for the dashboard's map.

    They stay in the data folder. `taxi run` and `taxi download` fetch them where a file needs them.
    """
    settings = load_settings()
    if is_url(source):
        with console.transfer() as update:
            shapes = fetch_shapes(settings, source, partial(update, NAME))
    else:
        shapes = keep_shapes(Path(source), settings)
    number = save_zone_shapes(shapes.path, zones_path(settings))
    console.out.print(f"{number} zones: {shapes.path}, SHA-256 {shapes.sha256}", markup=False)
    console.print_note("The next `taxi site` or `taxi run` draws them on the map.")
