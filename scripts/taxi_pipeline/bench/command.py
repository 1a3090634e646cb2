"""The command `taxi bench`."""

from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.bench.history import compare_results, read_results, write_results
from taxi_pipeline.bench.measure import run_bench
from taxi_pipeline.bench.rendering import print_bench
from taxi_pipeline.options import command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.transform.deps import install_packages

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi bench[/] | [bold]taxi bench --scale 0.1 --memory 4GB[/] | "
    "[bold]taxi bench --compare benchmarks/A.json benchmarks/B.json[/]",
)
def bench(
    scale: Annotated[
        list[float] | None,
        typer.Option(help="Times the published rows of 2019-2020 (160 million); may be repeated."),
    ] = None,
    memory: Annotated[str, typer.Option(help="DuckDB's memory limit.")] = "2GB",
    results: Annotated[
        Path | None, typer.Option("--to", help="Where results are kept; default benchmarks.")
    ] = None,
    earlier: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Measure nothing; compare two results: before, after."),
    ] = None,
) -> None:
    """Measure ingestion and builds on synthetic files.

    It writes to TAXI_DATA_DIR/bench, and removes that at the end. The result is kept as a JSON file.
    """
    if earlier is not None:
        for line in compare_results(*map(read_results, earlier)):
            console.out.print(line, markup=False)
        return
    settings = load_settings()
    install_packages(settings)
    reports = [
        run_bench(settings, settings.data_dir / "bench", factor, memory, console.print_note)
        for factor in scale or (0.01, 0.1, 1.0)
    ]
    print_bench(reports, memory)
    path = write_results(reports, memory, settings.project_dir, results)
    console.out.print(f"Kept in {path}.", markup=False)
    if not all(report.equals_full_refresh for report in reports):
        raise typer.Exit(1)
