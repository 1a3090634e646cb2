"""What `taxi bench` prints."""

import os
from collections.abc import Sequence

from rich.table import Table

from taxi_pipeline import console
from taxi_pipeline.bench.measure import BenchReport


def print_bench(reports: Sequence[BenchReport], memory: str) -> None:
    """Print one table of all scales; a ratio is to the floor of the same run."""
    cores = os.cpu_count()
    table = Table(title=f"{cores} cores, DuckDB memory limit {memory}", title_justify="left")
    table.add_column("scale", justify="right")
    table.add_column("step")
    has_server = any(step.server_cpu_seconds for report in reports for step in report.steps)
    cpu = ("CPU s", "of it server") if has_server else ("CPU s",)
    for heading in ("rows", "seconds", *cpu, "rows/s", "peak RSS", "on disk", "x floor"):
        table.add_column(heading, justify="right")
    for report in reports:
        for step in report.steps:
            table.add_row(
                f"{report.scale:g}",
                step.name,
                f"{step.rows:,}",
                f"{step.seconds:.1f}",
                f"{step.cpu_seconds:.1f}",
                *([f"{step.server_cpu_seconds:.1f}"] if has_server else []),
                f"{step.rows / step.seconds:,.0f}",
                f"{step.peak_bytes / 1e9:.2f} GB",
                f"{step.disk_bytes / 1e9:.2f} GB",
                f"{step.seconds / report.floor.seconds:.2f}",
            )
        table.add_section()
    console.print_wide(table)
    for report in reports:
        for title, costs in (("Queries", report.queries), ("Dearest nodes", report.nodes)):
            shown = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in costs.items())
            console.out.print(f"{title} at scale {report.scale:g}: {shown}.", markup=False)
        verdict = "equal" if report.equals_full_refresh else "[bold red]differ from[/]"
        console.out.print(
            f"Scale {report.scale:g}: the tables {verdict} a full refresh of the same files."
        )
