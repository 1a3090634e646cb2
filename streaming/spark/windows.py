"""Windows of a quarter of an hour by service and zone with Spark Structured Streaming.

``python windows.py BOOTSTRAP TOPIC FOLDER [ENDS]`` reads what the topic holds, and leaves the windows in FOLDER as
JSON, the last state of each. ENDS, such as ``0:512,1:400``, says where partitions end, if the broker does not tell it
rightly. Without ``processAllAvailable`` it would go on.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everybody calls it

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ["PYTHONPATH"] = f"{HERE}{os.pathsep}{HERE.parent}"  # of the workers
os.environ["PYSPARK_PYTHON"] = sys.executable
from kafka_source import KafkaSource  # noqa: E402
from trip_messages import Trips  # noqa: E402

_COLUMNS = "event_id string, event_at timestamp, service string, zone int, total decimal(12, 2)"


def decode(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Messages to trips."""
    trips = Trips()
    for batch in batches:
        records = [trips.decode(value) for value in batch["value"]]
        yield pd.DataFrame(
            {
                "event_id": [record["event_id"] for record in records],
                "event_at": pd.to_datetime([record["event_at"] for record in records]),
                "service": [record["service_type"] for record in records],
                "zone": pd.array([record["pickup_zone_id"] for record in records], "Int32"),
                "total": [record["total_amount"] for record in records],
            }
        )


def main(bootstrap: str, topic: str, folder: Path, ends: str = "") -> None:
    """Read the topic to its end.

    Args:
        bootstrap: of the broker.
        topic: of the trips.
        folder: for the windows and the checkpoint.
        ends: of the partitions; empty to ask the broker.
    """
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")  # wall time stays as it is
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    spark.dataSource.register(KafkaSource)
    messages = (
        spark.readStream.format("kafka_python")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("subscribe", topic)
        .option("ends", ends)
        .load()
    )
    windows = (
        messages.mapInPandas(decode, _COLUMNS)
        .withWatermark("event_at", "3 hours")
        .groupBy(F.window("event_at", "15 minutes"), "service", "zone")
        .agg(F.count("*").alias("trips"), F.sum("total").alias("total"))
    )
    found: dict[str, list[str | int | None]] = {}

    def keep(changed: DataFrame, _batch: int) -> None:
        for row in changed.collect():
            start = f"{row['window']['start']:%Y-%m-%d %H:%M}"
            amount = None if row["total"] is None else f"{row['total']:.2f}"
            found[f"{start} {row['service']} {row['zone']}"] = [
                *(start, row["service"], row["zone"], row["trips"], amount)
            ]

    query = (
        windows.writeStream.outputMode("update")
        .option("checkpointLocation", str(folder / "checkpoint"))
        .foreachBatch(keep)
        .start()
    )
    query.processAllAvailable()
    query.stop()
    (folder / "windows.json").write_text(json.dumps(list(found.values())), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).resolve(), *sys.argv[4:])
