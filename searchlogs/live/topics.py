"""Kafka topics at both ends of a flow: their messages, and the connection to a cluster.

Importing this module needs Kafka's client, from `pip install 'searchlogs[kafka]'`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

try:
    from confluent_kafka import KafkaError, KafkaException, Message
    from confluent_kafka.admin import AdminClient
except ModuleNotFoundError as error:
    if error.name != "confluent_kafka":
        raise
    needed = "topics need Kafka's client: pip install 'searchlogs[kafka]'"
    raise ModuleNotFoundError(needed, name=error.name) from None

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Stream

from searchlogs.durations import format_duration
from searchlogs.events import Event
from searchlogs.live.limits import Ahead, judge
from searchlogs.logs.border import BadRecord, Border
from searchlogs.logs.jsonl import from_json
from searchlogs.logs.reader import MAX_RAW

TIMEOUT = 10.0
"""Longest wait for a broker's list of topics, in seconds."""

SECURITY = ("KAFKA_SASL_", "KAFKA_SECURITY_", "KAFKA_SSL_")
"""Prefixes of the environment variables that hold settings of the connection."""

Config: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A message that gives no event, and the reason."""

    topic: str
    partition: int
    offset: int
    field: str | None
    """The field at fault, by its name in the topic; None for the whole message."""
    reason: str
    raw: str
    """The beginning of the message."""


def read_message(
    message: object, border: Border, ahead: timedelta
) -> tuple[Event, ...] | tuple[BadMessage]:
    """Read the events of a message: none if it is a tombstone, or of an ignored kind.

    Args:
        message: A message as KafkaSource gives it.
        border: How a message is read.
        ahead: Largest time by which an event may be ahead of this machine's clock. One further
            ahead would make everything late that its user does until then.

    Returns:
        The events, or one BadMessage.
    """
    assert isinstance(message, KafkaSourceMessage)  # KafkaSource raises its errors
    if not message.value:
        return ()
    try:
        outcome = border.read(from_json(message.value))
        if not isinstance(outcome, tuple):
            return ()
        judged = judge(outcome[0], datetime.now(UTC), ahead)
        if isinstance(judged, Ahead):
            by = format_duration(judged.ahead_by)
            raise BadRecord(border.theirs("time"), f"is {by} ahead of the clock")
    except BadRecord as bad:
        topic, partition, offset = message.topic, message.partition, message.offset
        assert topic is not None and partition is not None and offset is not None
        raw = message.value[:MAX_RAW].decode(errors="backslashreplace")
        return (BadMessage(topic, partition, offset, bad.field, bad.reason, raw),)
    return outcome


def security(config: Mapping[str, str] | None = None) -> Config:
    """Return the settings of a connection, from `config` and from the environment.

    Each environment variable that begins with KAFKA_SASL_, KAFKA_SSL_ or KAFKA_SECURITY_ is a
    setting: KAFKA_SASL_PASSWORD is `sasl.password`, KAFKA_SSL_CA_LOCATION is `ssl.ca.location`.

    Args:
        config: Settings by librdkafka's names, which win over the environment's.

    Returns:
        All settings, by librdkafka's names.
    """
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in os.environ.items()
        if name.startswith(SECURITY)
    }
    return {**found, **(config or {})}


class TopicSource(KafkaSource):
    """Bytewax's source of a topic, except that it skips no lost message in silence.

    Args:
        brokers: Addresses, such as "host:9092,other:9092".
        topic: Name of the topic.
        config: Settings by librdkafka's names.
        tail: False ends the source where the topic ends.
        timeout: Longest wait for a broker's list of topics, in seconds.
    """

    def __init__(
        self, brokers: str, topic: str, config: Config, *, tail: bool, timeout: float = TIMEOUT
    ) -> None:
        # By default Kafka would jump to the end of the topic if a resume asks for an offset that
        # the topic no longer keeps.
        source_config = {"auto.offset.reset": "error", **config}
        super().__init__(brokers.split(","), [topic], tail, add_config=source_config)
        self._topic, self._config = topic, {"bootstrap.servers": brokers, **config}
        self._timeout = timeout

    def list_parts(self) -> list[str]:
        """List the topic's partitions, such as "0-clicks".

        Raises:
            ValueError: There is no such topic or setting.
            ConnectionError: No broker answers in time.
        """
        # KafkaSource waits forever for an answer, and its way of asking creates the topic.
        complaints: list[str] = []
        config: Config = {**self._config, "error_cb": lambda e: complaints.append(e.str())}
        try:
            client = AdminClient(config)
        except KafkaException as error:
            raise ValueError(f"config: {error.args[0].str()}") from None
        try:
            topics = client.list_topics(timeout=self._timeout).topics
        except KafkaException as error:
            client.poll(0)  # for its complaints
            brokers = self._config["bootstrap.servers"]
            complaint = [*complaints, error.args[0].str()][0]
            raise ConnectionError(f"no broker answers at {brokers}: {complaint}") from None
        if self._topic not in topics:
            known = ", ".join(sorted(topics)[:20]) or "none"
            raise ValueError(f"there is no topic {self._topic!r}; the topics are: {known}")
        return [f"{partition}-{self._topic}" for partition in topics[self._topic].partitions]


@dataclass(frozen=True)
class TopicOut:
    """Writes the sessions to a topic, and other streams to topics named after it.

    A message that can't be delivered stops the flow with a ConnectionError.
    """

    brokers: str
    topic: str
    config: Config = field(repr=False)
    """Settings by librdkafka's names; they may hold secrets."""

    def write(self, name: str, lines: Stream[tuple[str, str]]) -> None:
        """Write a stream of keys and lines; `name` is "sessions", or follows the topic's name."""
        topic = self.topic if name == "sessions" else f"{self.topic}.{name}"
        # Without on_delivery a message that is not delivered in time is dropped in silence.
        config: Config = {"on_delivery": _check_delivery, **self.config}
        sink = KafkaSink(self.brokers.split(","), topic, config)
        op.output(f"{name}_out", op.map(f"{name}_message", lines, _to_message), sink)


def _check_delivery(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise ConnectionError(f"a message to {message.topic()} was not delivered: {error.str()}")


def _to_message(line: tuple[str, str]) -> KafkaSinkMessage[bytes, bytes]:
    key, text = line
    return KafkaSinkMessage(key.encode(), text.rstrip().encode())
