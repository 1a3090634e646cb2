"""Trips and money per pickup day and borough from the lake, with Spark's DataFrames instead of dbt.

It shows what dbt leaves to the planner: how the files become partitions, that the code list goes to every
core (broadcast), and the one exchange between cores (shuffle) that the sum needs. The rows are those of the
lake, before any rule: accepted and rejected ones together.

    python analyses/spark/daily_trips.py data/lake seeds/taxi_zone_lookup.csv

With SPARK_REMOTE it runs on a Spark Connect server, which must see the same paths; without it in this
process, which needs Java 17.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f


def current_files(lake: Path, service: str, label: str) -> list[str]:
    """The files of a service that the manifest names; others in the folder are older versions.

    Args:
        lake: its folder.
        service: the folder's name, such as ``yellow``.
        label: the service in the manifest, such as ``Yellow``.
    """
    lines = (lake / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line]
    return [
        str(
            lake
            / service
            / f"file_month={entry['file_month'][:10]}"
            / f"{entry['load_id']}.parquet"
        )
        for entry in entries
        if entry["service_type"] == label and entry.get("superseded_at") is None
    ]


def daily_trips(trips: DataFrame, zones: DataFrame) -> DataFrame:
    """Rows and dollars per file month, pickup day and borough.

    Args:
        trips: of a service with a meter, in the lake's columns.
        zones: TLC's lookup: ``locationid``, ``borough``.
    """
    # 265 rows: without the hint Spark would decide by size, and may sort and exchange both sides.
    located = trips.join(f.broadcast(zones), trips["pulocationid"] == zones["locationid"], "left")
    return located.groupBy(
        "file_month", f.to_date("tpep_pickup_datetime").alias("pickup_date"), "borough"
    ).agg(f.count("*").alias("row_count"), f.sum("total_amount").alias("total_amount"))


def plan_of(frame: DataFrame) -> str:
    """How Spark will do it, as ``explain`` prints it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        frame.explain("formatted")
    return printed.getvalue()


def read(session: Any, lake: Path, zones: Path) -> tuple[DataFrame, DataFrame]:
    """The yellow trips of the lake and the zones, as DataFrames."""
    files = current_files(lake, "yellow", "Yellow")
    trips = session.read.option("mergeSchema", "true").parquet(*files)
    return trips, session.read.csv(str(zones.resolve()), header=True, inferSchema=True)


def main(lake: str, zones: str) -> None:
    """Print the plan, the partitions and the days with most trips."""
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    trips, lookup = read(session, Path(lake).resolve(), Path(zones))
    daily = daily_trips(trips, lookup)
    print(plan_of(daily))
    for number, rows in (
        trips.groupBy(f.spark_partition_id()).count().orderBy(f.col("count").desc()).collect()
    ):
        print(f"partition {number}: {rows:,} rows")
    daily.orderBy(f.col("row_count").desc()).show(10)


if __name__ == "__main__":
    main(*sys.argv[1:])
