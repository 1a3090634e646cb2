"""The command `taxi bench`."""

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.bench.history import compare_results, read_results, write_results
from taxi_pipeline.bench.measure import run_bench
from taxi_pipeline.bench.rendering import print_bench
from taxi_pipeline.bench.spark_server import server_of
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.options import command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.transform.deps import install_packages

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi bench[/] | [bold]taxi bench --scale 0.1 --memory 4GB[/] | "
    "[bold]taxi bench --years 2009-2026 --scale 0.01[/] | "
    "[bold]taxi bench --scale 0.01 --target spark[/] | "
    "[bold]taxi bench --compare benchmarks/A.json benchmarks/B.json[/]",
)
def bench(
    scale: Annotated[
        list[float] | None,
        typer.Option(help="Times the published rows (160 million); may be repeated."),
    ] = None,
    years: Annotated[
        str | None,
        typer.Option(
            help="First and last year of all four services, such as 2009-2026 (4.4 billion rows); "
            "default: yellow and green of 2019-2020, FHV of 2019."
        ),
    ] = None,
    memory: Annotated[str, typer.Option(help="DuckDB's memory limit.")] = "2GB",
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="Build on this target, too: Spark, whose Connect server runs on this machine.",
        ),
    ] = None,
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
    span = None if years is None else _parse_years(years)
    settings = load_settings()
    install_packages(settings)
    with nullcontext() if target is None else server_of(settings, target) as server:
        reports = [
            run_bench(
                *(settings, settings.data_dir / "bench", factor, memory, console.print_note),
                *(span, server),
            )
            for factor in scale or (0.01, 0.1, 1.0)
        ]
    print_bench(reports, memory)
    path = write_results(reports, memory, settings.project_dir, results)
    console.out.print(f"Kept in {path}.", markup=False)
    if not all(report.equals_full_refresh for report in reports):
        raise typer.Exit(1)


def _parse_years(text: str) -> range:
    match = re.fullmatch(r"(20\d\d)-(20\d\d)", text)
    if match is None or match[1] > match[2]:
        raise TaxiError(f"--years {text}", "it is no span of years", "write it as 2019-2020")
    return range(int(match[1]), int(match[2]) + 1)
