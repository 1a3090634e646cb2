"""A Kafka topic as a source of Spark Structured Streaming, by Spark's Python data source API: no connector jar.

Where Spark can fetch `spark-sql-kafka-0-10`, that connector takes its place: ``format("kafka")``, the same options.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition

_TIMEOUT = 10


class KafkaSource(DataSource):
    """``format("kafka_python")``, with the options ``kafka.bootstrap.servers`` and ``subscribe``."""

    @classmethod
    def name(cls) -> str:
        """What a stream names as its format."""
        return "kafka_python"

    def schema(self) -> str:
        """The columns of a message, as Spark's own connector calls them."""
        return "partition int, offset bigint, key binary, value binary"

    def streamReader(self, schema: Any) -> "KafkaReader":  # noqa: N802 - Spark's name
        """The reader of a stream."""
        ends = self.options.get("ends")
        return KafkaReader(
            self.options["kafka.bootstrap.servers"],
            self.options["subscribe"],
            dict(part.split(":") for part in ends.split(",")) if ends else {},
        )


@dataclass
class OffsetRange(InputPartition):  # type: ignore[misc]
    """Messages of one partition: from the first offset up to the end, which is not among them."""

    partition: int
    first: int
    end: int


class KafkaReader(DataSourceStreamReader):
    """Plans batches by offsets on the driver, and reads them on the executors.

    Args:
        bootstrap: hosts and ports.
        topic: which.
        ends: offset after the last message by partition, where a broker does not tell it rightly.
    """

    def __init__(self, bootstrap: str, topic: str, ends: dict[str, str]) -> None:
        self._bootstrap = bootstrap
        self._ends = ends
        self._topic = topic

    def _consumer(self) -> Any:
        from confluent_kafka import Consumer  # noqa: PLC0415 - on the executor, too

        return Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "spark",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )

    def _marks(self) -> dict[str, tuple[int, int]]:
        from confluent_kafka import TopicPartition  # noqa: PLC0415

        consumer = self._consumer()
        try:
            partitions = consumer.list_topics(timeout=_TIMEOUT).topics[self._topic].partitions
            return {
                str(partition): consumer.get_watermark_offsets(
                    TopicPartition(self._topic, partition), timeout=_TIMEOUT
                )
                for partition in partitions
            }
        finally:
            consumer.close()

    def initialOffset(self) -> dict[str, int]:  # noqa: N802 - Spark's names
        """Where a stream without a checkpoint begins."""
        return {partition: low for partition, (low, _) in self._marks().items()}

    def latestOffset(self, *_: Any) -> dict[str, int]:  # noqa: N802
        """Up to where there are messages now."""
        if self._ends:
            return {partition: int(end) for partition, end in self._ends.items()}
        return {partition: high for partition, (_, high) in self._marks().items()}

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[OffsetRange]:
        """A task for each partition with new messages."""
        return [
            OffsetRange(int(partition), start.get(partition, 0), last)
            for partition, last in end.items()
            if last > start.get(partition, 0)
        ]

    def read(self, part: OffsetRange) -> Iterator[tuple[int, int, bytes | None, bytes | None]]:
        """The messages of a range, in order."""
        from confluent_kafka import TopicPartition  # noqa: PLC0415

        consumer = self._consumer()
        consumer.assign([TopicPartition(self._topic, part.partition, part.first)])
        try:
            at = part.first
            while at < part.end:
                for message in consumer.consume(min(5_000, part.end - at), timeout=5):
                    if message.error() is not None or message.offset() >= part.end:
                        continue
                    at = message.offset() + 1
                    yield message.partition(), message.offset(), message.key(), message.value()
        finally:
            consumer.close()
