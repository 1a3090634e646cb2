"""How the broker is reached: settings of the environment, clients, topics, a schema registry."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from taxi_pipeline.errors import TaxiError

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.schema_registry import SchemaRegistryClient

TIMEOUT_SECONDS = 10.0
"""After which a broker that does not answer a question counts as gone."""

_SECURITY = {
    "TAXI_KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "TAXI_KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "TAXI_KAFKA_USERNAME": "sasl.username",
    "TAXI_KAFKA_PASSWORD": "sasl.password",
    "TAXI_KAFKA_CA": "ssl.ca.location",
    "TAXI_KAFKA_CERTIFICATE": "ssl.certificate.location",
    "TAXI_KAFKA_KEY": "ssl.key.location",
    "TAXI_KAFKA_KEY_PASSWORD": "ssl.key.password",
}
"""librdkafka's option by the variable that sets it."""


@dataclass(frozen=True)
class KafkaSettings:
    """Where the broker is, and how it is let know who asks.

    Attributes:
        bootstrap: hosts and ports, with commas between them.
        topic: of the trips.
        group: of the consumers.
        registry: address of a Confluent schema registry; empty for single-object encoding.
        security: options of the client; among them secrets, so no message, log or ``repr`` has them.
        registry_secret: ``user:password`` for the registry; the same.
    """

    bootstrap: str
    topic: str = "trips"
    group: str = "taxi-lake"
    registry: str = ""
    security: Mapping[str, str] = field(default_factory=dict, repr=False)
    registry_secret: str = field(default="", repr=False)

    @property
    def dead_letters(self) -> str:
        """The topic of messages that are no trips."""
        return f"{self.topic}-dead-letter"

    def client(self, **options: Any) -> dict[str, Any]:
        """Options of a client; what it has to say of its connections is not printed.

        Args:
            options: further ones, with ``_`` for a dot.
        """
        named = {name.replace("_", "."): value for name, value in options.items()}
        return {"bootstrap.servers": self.bootstrap, "log_level": 0, **self.security, **named}


def load_kafka(environment: Mapping[str, str] | None = None) -> KafkaSettings:
    """Read the settings from the environment; an empty variable counts as none.

    Raises:
        TaxiError: the client is not installed, or no broker is named.
    """
    given = {
        name: value.strip() for name, value in (environment or os.environ).items() if value.strip()
    }
    try:
        import confluent_kafka  # noqa: F401, PLC0415 - an extra
        import fastavro  # noqa: F401, PLC0415
    except ImportError as error:
        raise TaxiError(
            "taxi stream",
            f"{error.name} is not installed",
            "install it: `pip install --constraint constraints.txt --editable '.[stream]'`",
        ) from error
    if "TAXI_KAFKA_BOOTSTRAP" not in given:
        raise TaxiError(
            "TAXI_KAFKA_BOOTSTRAP",
            "it names no broker",
            "set it to hosts and ports, such as TAXI_KAFKA_BOOTSTRAP=localhost:9092",
        )
    return KafkaSettings(
        bootstrap=given["TAXI_KAFKA_BOOTSTRAP"],
        topic=given.get("TAXI_KAFKA_TOPIC", "trips"),
        group=given.get("TAXI_KAFKA_GROUP", "taxi-lake"),
        registry=given.get("TAXI_KAFKA_REGISTRY", ""),
        security={
            option: given[variable] for variable, option in _SECURITY.items() if variable in given
        },
        registry_secret=given.get("TAXI_KAFKA_REGISTRY_SECRET", ""),
    )


@contextmanager
def faults_named(kafka: KafkaSettings) -> Iterator[None]:
    """Turn faults of the client into one that names the broker and a way out.

    Raises:
        TaxiError: the broker cannot be reached, or refuses.
    """
    from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra

    try:
        yield
    except KafkaException as error:
        told = error.args[0] if error.args else error
        detail = told.str() if hasattr(told, "str") else str(told)
        raise TaxiError(
            f"Kafka at {kafka.bootstrap}",
            " ".join(str(detail).split())[:300].rstrip("."),
            "check TAXI_KAFKA_BOOTSTRAP, the network and the credentials, and run it again",
        ) from error


def admin_of(kafka: KafkaSettings) -> "AdminClient":
    """A client that makes topics and reads their settings."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - an extra

    return AdminClient(kafka.client())


def partitions_of(kafka: KafkaSettings, topic: str) -> list[int]:
    """The partitions of a topic; none where there is no such topic.

    Raises:
        TaxiError: the broker cannot be reached.
    """
    with faults_named(kafka):
        # All of them: a broker may make a topic because it is asked for.
        found = admin_of(kafka).list_topics(timeout=TIMEOUT_SECONDS).topics.get(topic)
    return sorted(found.partitions) if found is not None and found.error is None else []


def ensure_topic(kafka: KafkaSettings, topic: str, partitions: int) -> int:
    """Make a topic that keeps its messages for ever, unless it is there.

    Args:
        kafka: the broker.
        topic: its name.
        partitions: of a new topic.

    Returns:
        How many partitions it has.

    Raises:
        TaxiError: the broker cannot be reached, or refuses.
    """
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined] # noqa: PLC0415 - an extra

    if present := partitions_of(kafka, topic):
        return len(present)
    with faults_named(kafka):
        admin = admin_of(kafka)  # answers come while it lives
        new = NewTopic(topic, partitions, 1, config={"retention.ms": "-1"})
        for made in admin.create_topics([new]).values():
            made.result(timeout=TIMEOUT_SECONDS)
    return partitions


def retention_ms(kafka: KafkaSettings, topic: str) -> int | None:
    """For how long a topic keeps a message after the message's own time; None where it is for ever or not said."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra
    from confluent_kafka.admin import ConfigResource  # type: ignore[attr-defined] # noqa: PLC0415

    asked = [ConfigResource("topic", topic)]
    try:
        admin = admin_of(kafka)
        for answer in admin.describe_configs(asked).values():
            stated = answer.result(timeout=TIMEOUT_SECONDS).get("retention.ms")
            if stated is not None and int(stated.value) >= 0:
                return int(stated.value)
    except (KafkaException, ValueError):  # not every broker tells
        return None
    return None


def registry_of(kafka: KafkaSettings) -> "SchemaRegistryClient | None":
    """The client of the schema registry; None where none is configured."""
    if not kafka.registry:
        return None
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415 - an extra

    secret = {"basic.auth.user.info": kafka.registry_secret} if kafka.registry_secret else {}
    return SchemaRegistryClient({"url": kafka.registry, **secret})
