"""The commands `taxi stream replay`, `ingest`, `publish` and `watch`."""

import time
from typing import Annotated

import typer

from taxi_pipeline import console
from taxi_pipeline.atomic import write_text
from taxi_pipeline.download.sources import parse_months
from taxi_pipeline.errors import TaxiError
from taxi_pipeline.lake import Lake, data_lock
from taxi_pipeline.lake.delta import sync_where_present
from taxi_pipeline.options import Months, command_group
from taxi_pipeline.schemas import Service
from taxi_pipeline.settings import load_settings
from taxi_pipeline.site import render_live_page
from taxi_pipeline.site.live import LIVE_PAGE, live_document, write_live_document
from taxi_pipeline.stream.kafka import load_kafka
from taxi_pipeline.stream.rendering import (
    live_table,
    print_months,
    print_progress,
    print_replayed,
)
from taxi_pipeline.stream.watch import LiveView

stream_app = command_group("Trips as events of a Kafka topic: replay, ingest, publish, watch.")
app = command_group()
app.add_typer(stream_app, name="stream")


@stream_app.command(
    epilog="Examples: [bold]taxi stream replay 2024-01[/] | [bold]taxi stream replay 2024-01..2024-03 "
    "--service yellow --service green --speed 600 --late 0.02 --repeated 0.01[/]",
)
def replay(
    months: Months,
    service: Annotated[
        list[Service] | None,
        typer.Option(help="Whose trips; several times for several. Default: all."),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=0.0, help="Times as fast as the trips happened; 0: as fast as possible."),
    ] = 0.0,
    late: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of trips that are reported late.")
    ] = 0.0,
    late_seconds: Annotated[int, typer.Option(min=1, help="By at most so many seconds.")] = 7_200,
    repeated: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of trips that are sent twice.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the choice of both.")] = 1,
    partitions: Annotated[
        int, typer.Option(min=1, help="Of the topic, where it is not there yet.")
    ] = 6,
    limit: Annotated[int, typer.Option(min=0, help="At most so many trips; 0: all.")] = 0,
) -> None:
    """Send months of the lake to the topic, in the order in which the trips ended.

    Broker and topic: TAXI_KAFKA_BOOTSTRAP, TAXI_KAFKA_TOPIC (default: trips). A new topic keeps its messages for ever.
    """
    settings, kafka = load_settings(), load_kafka()
    from taxi_pipeline.stream.replay import ReplayOptions  # noqa: PLC0415 - imports an extra
    from taxi_pipeline.stream.replay import replay as play  # noqa: PLC0415

    lake = Lake.of(settings)
    wanted = {f"{month:%Y-%m}-01" for month in parse_months(months)}
    entries = [
        entry
        for entry in lake.published()
        if entry.file_month in wanted
        and entry.service in (service or tuple(Service))
        and not entry.is_stream
    ]
    if not entries:
        raise TaxiError(lake.url, "it holds none of these months", "see `taxi status`")
    options = ReplayOptions(speed, late, late_seconds, repeated, seed, partitions, limit)
    with console.activity("Replaying") as tell:
        done = play(entries, lake, settings, kafka, options, tell)
    print_replayed(done, kafka.topic)


@stream_app.command(
    epilog="Examples: [bold]taxi stream ingest[/] | [bold]taxi stream ingest --until-end && taxi stream publish && "
    "taxi build[/]",
)
def ingest(
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop when the topic is read to its end.")
    ] = False,
    batch_rows: Annotated[int, typer.Option(min=1, help="Events of a file.")] = 50_000,
    batch_seconds: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which a smaller file is written.")
    ] = 10.0,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Go on where the broker has deleted messages that were never read.",
        ),
    ] = False,
    service: Annotated[
        Service,
        typer.Option(
            help="Whose trip a message that cannot be read counts as, if its key does not say."
        ),
    ] = Service.YELLOW,
) -> None:
    """Read the topic into the lake, each event once; go on until interrupted.

    Run several to share the partitions. A message that is no trip goes to the topic <topic>-dead-letter, and is a
    rejected row of the tables.
    """
    settings, kafka = load_settings(), load_kafka()
    from taxi_pipeline.stream.consume import IngestOptions, StreamIngest  # noqa: PLC0415 - imports an extra

    options = IngestOptions(batch_rows, batch_seconds, until_end, accept_loss, service)
    lake = Lake.of(settings)
    lake.ensure(console.print_note)
    with console.activity(f"Reading {kafka.topic}") as tell:
        progress = StreamIngest(kafka, lake, options, tell).run()
    print_progress(progress, kafka)


@stream_app.command(
    epilog="Example: [bold]taxi stream publish && taxi build[/]",
)
def publish() -> None:
    """Make the events so far the provisional version of their months; the next build reads them.

    A month of which the lake holds the published file stays as it is.
    """
    settings = load_settings()
    from taxi_pipeline.stream.publication import publish_months  # noqa: PLC0415 - imports an extra

    lake = Lake.of(settings)
    with (
        data_lock(settings.data_dir, console.print_note),
        console.activity("Publishing") as tell,
    ):
        months = publish_months(lake, settings, tell)
        sync_where_present(lake)
    if not months:
        raise TaxiError(lake.url, "it holds no events", "run `taxi stream ingest` first")
    print_months(months)


@stream_app.command(
    epilog="Examples: [bold]taxi stream watch[/] | [bold]taxi stream watch --once[/]; the page: [bold]taxi serve[/]",
)
def watch(
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once.")] = False,
) -> None:
    """Show the last hours of the stream, and keep the page `live` of the site current.

    It reads the files of the lake; no build is needed. Numbers are provisional.
    """
    settings = load_settings()
    view = LiveView(Lake.of(settings), settings)
    page = settings.site_dir / LIVE_PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, render_live_page(view.window_minutes))
    with live_table() as show:
        while True:
            document = live_document(view.windows(), view.window_minutes)
            write_live_document(settings.site_dir, document)
            show(document)
            if once:
                return
            time.sleep(every)
