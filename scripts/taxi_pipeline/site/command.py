"""The commands `taxi docs`, `site` and `serve`."""

from typing import Annotated

import typer

from taxi_pipeline import console, workflow
from taxi_pipeline.documents import site_document
from taxi_pipeline.faults import Interrupted
from taxi_pipeline.lake import Lake
from taxi_pipeline.options import AsJson, Target, command_group
from taxi_pipeline.settings import load_settings
from taxi_pipeline.site.server import LOOPBACK, make_server
from taxi_pipeline.terminal import Terminal, answering, dbt_faults_printed
from taxi_pipeline.transform.completeness import read_forgotten
from taxi_pipeline.transform.rendering import print_forgotten
from taxi_pipeline.warehouses import open_reader

app = command_group()


@app.command(epilog="Example: [bold]taxi docs && taxi serve[/]")
def docs(target: Target = None) -> None:
    """Write dbt's documentation as one page: site/docs/index.html."""
    with dbt_faults_printed():
        page = workflow.write_docs(load_settings(), target, Terminal())
    console.out.print(f"Docs: {page}", markup=False)


@app.command(epilog="Examples: [bold]taxi site[/] | [bold]taxi site --target postgres[/]")
def site(target: Target = None, as_json: AsJson = False) -> None:
    """Write the dashboard and the other pages: site/index.html.

    They show tables that passed their tests; otherwise the old pages stay.
    """
    settings = load_settings()
    with dbt_faults_printed(), answering("site", as_json=as_json) as answer:
        page = workflow.write_site(settings, target, Terminal())
        console.out.print(f"Site: {page}", markup=False)
        with open_reader(settings, target) as reader:
            print_forgotten(read_forgotten(reader, Lake.of(settings)), settings, target)
        answer(site_document(page))


@app.command(
    epilog="Examples: [bold]taxi serve --port 8080[/] | [bold]taxi serve --host 0.0.0.0[/]",
)
def serve(
    port: Annotated[int, typer.Option(help="TCP port; 0 for any free one.")] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 shows the site to the network.")
    ] = LOOPBACK,
) -> None:
    """Serve the site until interrupted."""
    with make_server(load_settings().site_dir, host, port) as server:
        console.out.print(f"http://{host}:{server.server_port}/ (Ctrl-C to stop)")
        if host != LOOPBACK:
            console.print_note("Everyone who can reach this address can read the site.")
        try:
            server.serve_forever()
        except Interrupted:
            console.out.print("Stopped.")
