"""Windows of a quarter of an hour by service and zone with Flink SQL.

``python windows.py BOOTSTRAP TOPIC FOLDER [ENDS]`` reads what the topic holds, and leaves the windows in FOLDER as CSV
files. ENDS, such as ``0:512,1:400``, says where partitions end, if the broker does not tell it rightly.
Without ``scan.bounded.mode`` it would go on. Service and zone are in the key of a message, and its time is that of the
event; only the amount is in the Avro bytes, which a function in Python decodes.
"""

import os
import sys
from pathlib import Path

from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udf

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ["PYTHONPATH"] = str(HERE.parent)  # of the workers
from trip_messages import Trips  # noqa: E402

_trips: list[Trips] = []


@udf(result_type=DataTypes.BIGINT())
def total_cents(message: bytes) -> int | None:
    """What the trip cost."""
    if not _trips:
        _trips.append(Trips())
    amount = _trips[0].decode(bytes(message))["total_amount"]
    return None if amount is None else int(amount * 100)


_SOURCE = """
create table trips (
    routing string, message bytes,
    event_at timestamp(3) metadata from 'timestamp',
    watermark for event_at as event_at - interval '3' hour
) with (
    'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{bootstrap}',
    'properties.group.id' = 'flink', 'scan.startup.mode' = 'earliest-offset', {bounded},
    'key.format' = 'raw', 'key.fields' = 'routing', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY'
)
"""
_SINK = """
create table windows (window_start string, service string, zone string, trips bigint, cents bigint)
with ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'csv')
"""
_WINDOWS = """
insert into windows
select
    date_format(window_start, 'yyyy-MM-dd HH:mm'),
    split_index(routing, ':', 0),
    split_index(routing, ':', 1),
    count(*),
    sum(total_cents(message))
from table(tumble(table trips, descriptor(event_at), interval '15' minutes))
group by window_start, window_end, routing
"""


def main(bootstrap: str, topic: str, folder: Path, ends: str = "") -> None:
    """Read the topic to its end.

    Args:
        bootstrap: of the broker.
        topic: of the trips.
        folder: for the windows.
        ends: of the partitions; empty to ask the broker.
    """
    bounded = "'scan.bounded.mode' = 'latest-offset'"
    if ends:
        places = ";".join(
            "partition:{},offset:{}".format(*part.split(":")) for part in ends.split(",")
        )
        bounded = (
            "'scan.bounded.mode' = 'specific-offsets',"
            f" 'scan.bounded.specific-offsets' = '{places}'"
        )
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    config = tables.get_config()
    config.set("parallelism.default", "1")
    config.set("table.local-time-zone", "UTC")  # wall time stays as it is
    config.set("rest.bind-address", "127.0.0.1")
    config.set("rest.address", "127.0.0.1")
    config.set("python.executable", sys.executable)
    config.set("python.client.executable", sys.executable)
    tables.create_temporary_function("total_cents", total_cents)
    tables.execute_sql(_SOURCE.format(topic=topic, bootstrap=bootstrap, bounded=bounded))
    tables.execute_sql(_SINK.format(folder=folder))
    tables.execute_sql(_WINDOWS).wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).resolve(), *sys.argv[4:])
