"""The last hours of a stream as the files of the lake have them now, without a build.

A second statement of ``int_live_events`` and ``mart_live_zone_activity``, for DuckDB alone; a test compares the two.
"""

from typing import Any

from taxi_pipeline.engine import open_engine, scratch_folder
from taxi_pipeline.lake import Lake, quote_literal
from taxi_pipeline.lake.stream_log import StreamLog, newest
from taxi_pipeline.restatements.versions import zone_labels
from taxi_pipeline.seeds import read_variables
from taxi_pipeline.settings import Settings
from taxi_pipeline.site.live import LiveWindow

_WINDOWS = """
with events as (
    select *, row_number() over (partition by event_id order by kafka_offset, kafka_partition, topic) > 1 as is_repeat,
        max(event_at) over (partition by topic, kafka_partition order by kafka_offset
            rows between unbounded preceding and 1 preceding) as watermark_at,
        max(event_at) over (partition by topic, kafka_partition) as last_watermark_at,
        time_bucket(to_minutes({window}), event_at, timestamp '2000-01-01') as window_start_at
    from ({files})
    where event_id is not null
),
judged as (
    select *, window_start_at + to_minutes({window}) as window_end_at,
        window_start_at + to_minutes({window} + {lateness}) as window_closed_at,
        case when pickup_zone_id in ({zones}) then pickup_zone_id else {unknown} end as zone_id,
        coalesce(watermark_at >= window_closed_at, false) as is_too_late,
        coalesce(watermark_at >= window_end_at, false) as is_late
    from events
    where window_start_at >= (select max(event_at) from events) - to_hours({hours})
)
select window_start_at, service_type, zone_id,
    count(*) filter (not is_repeat and not is_too_late),
    cast(sum(total_amount) filter (not is_repeat and not is_too_late) as decimal(18, 2)),
    count(*) filter (not is_repeat and is_late and not is_too_late),
    count(*) filter (not is_repeat and is_too_late),
    count(*) filter (is_repeat),
    bool_and(last_watermark_at >= window_closed_at)
from judged
group by all
"""


class LiveView:
    """The windows of a lake; they are computed again only when events have come.

    Args:
        lake: with the stream.
        settings: memory limit, temporary folder, the project.
    """

    def __init__(self, lake: Lake, settings: Settings) -> None:
        self._log = StreamLog(lake.storage)
        self._storage = lake.storage
        self._settings = settings
        self._limits: dict[str, Any] = read_variables(settings.project_dir)
        self._zones = zone_labels(settings.project_dir)
        self._known: list[str] = []
        self._windows: list[LiveWindow] = []

    @property
    def window_minutes(self) -> int:
        """Length of a window."""
        return int(self._limits["live_window_minutes"])

    def windows(self) -> list[LiveWindow]:
        """The windows of the last hours.

        Raises:
            TaxiError: the record or a file of events cannot be read.
        """
        batches = newest(self._log.batches(), int(self._limits["live_hours"]))
        names = [batch.batch_id for batch in batches]
        if names == self._known:
            return self._windows
        files = " union all ".join(
            f"select {quote_literal(batch.topic)} as topic, kafka_partition, kafka_offset, event_id, event_at,"
            " service_type, pickup_zone_id, total_amount from"
            f" read_parquet({quote_literal(self._storage.location(batch.file))}, hive_partitioning = false)"
            for batch in batches
        )
        query = _WINDOWS.format(
            window=self.window_minutes,
            lateness=int(self._limits["live_lateness_minutes"]),
            hours=int(self._limits["live_hours"]),
            unknown=int(self._limits["unknown_zone_id"]),
            zones=", ".join(map(str, self._zones)),
            files=files,
        )
        with (
            scratch_folder(self._settings) as scratch,
            open_engine(self._settings, scratch) as connection,
        ):
            self._storage.connect(connection)
            rows = connection.execute(query).fetchall() if batches else []
        self._windows = [
            LiveWindow(start, service, zone, self._zones[zone], *rest)
            for start, service, zone, *rest in rows
        ]
        self._known = names
        return self._windows
