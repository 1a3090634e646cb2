"""The command `taxi plan`."""

import typer

from taxi_pipeline import workflow
from taxi_pipeline.documents import plan_document
from taxi_pipeline.download.choice import ALL, Services, Source, SpanOfMonths
from taxi_pipeline.download.sources import TLC, parse_months
from taxi_pipeline.options import AsJson, Target, command_group
from taxi_pipeline.plan.rendering import print_plan
from taxi_pipeline.settings import load_settings
from taxi_pipeline.terminal import Terminal, answering

app = command_group()


@app.command(
    epilog="Examples: [bold]taxi plan[/] | [bold]taxi plan --months 2024 --services yellow,green[/] | "
    "[bold]taxi plan --source https://mirror.example.org/trip-data --json[/]",
)
def plan(
    months: SpanOfMonths = None,
    services: Services = None,
    source: Source = None,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """List published months that are missing in the lake, restated since, or incomplete.

    It asks the publisher for the size and date of each file, and downloads none. Without --months it looks at every
    month that TLC has published, as far as the published counts and the calendar say. Completeness comes from the last
    build of the target. Exit code 0, whatever there is to do; 2 where the publisher could not say of every month.
    """
    with answering("plan", as_json=as_json) as answer:
        found = workflow.plan(
            load_settings(),
            parse_months(months) if months else None,
            services or ALL,
            source or TLC,
            target,
            Terminal(),
        )
        print_plan(found)
        answer(plan_document(found))
    if found.exit_code:
        raise typer.Exit(found.exit_code)
