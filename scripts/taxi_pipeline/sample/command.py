"""The command `taxi sample`."""

from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline.options import command_group
from taxi_pipeline.sample import MIN_SCALE
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal
from taxi_pipeline.workflow import write_sample

app = command_group()


@app.command(epilog="Example: [bold]taxi sample && taxi run data/sample[/]")
def sample(
    folder: Annotated[
        Path | None, typer.Option("--to", help="Where to write; default <TAXI_DATA_DIR>/sample.")
    ] = None,
    scale: Annotated[float, typer.Option(help="Times 210,000 trips.", min=MIN_SCALE)] = 1.0,
) -> None:
    """Write synthetic trip files: three months, four services, every known data fault.

    With the shapes of the zones in the data folder (`taxi zones`) also a yellow month of 2010, whose places are points.
    """
    write_sample(load_settings(), folder, scale, Terminal())
