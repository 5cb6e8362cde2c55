"""Kafka topics at both ends of a flow: what their messages say, and how to reach them.

It needs what `pip install 'searchlogs[kafka]'` brings.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient

from searchlogs.durations import format_duration
from searchlogs.events import Event
from searchlogs.logs.border import BadRecord, Border
from searchlogs.logs.jsonl import from_json
from searchlogs.logs.source import MAX_RAW

PATIENCE = 10.0
"""A broker has so many seconds to say which topics there are."""

SECURITY = ("KAFKA_SASL_", "KAFKA_SECURITY_", "KAFKA_SSL_")
"""How the environment variables begin that say how to reach a cluster."""

Config: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadMessage:
    """A message that gives no event: where it stands, what is wrong with it, and how it begins."""

    topic: str
    partition: int
    offset: int
    field: str | None
    """In the topic's own words; None where it is the whole message."""
    reason: str
    raw: str


def read_message(
    message: object, border: Border, ahead: timedelta
) -> tuple[Event, ...] | tuple[BadMessage]:
    """What a message gives: nothing, where it is a tombstone or of an ignored kind.

    An event whose time is more than `ahead` after now is bad: it would make all that its user does
    until then late.
    """
    assert isinstance(message, KafkaSourceMessage)  # what is an error, KafkaSource raises
    if not message.value:
        return ()
    try:
        outcome = border.read(from_json(message.value))
        if not isinstance(outcome, tuple):
            return ()
        by = outcome[0].time - datetime.now(UTC)
        if by > ahead:
            raise BadRecord(border.theirs("time"), f"is {format_duration(by)} ahead of the clock")
    except BadRecord as bad:
        topic, partition, offset = message.topic, message.partition, message.offset
        assert topic is not None and partition is not None and offset is not None
        raw = message.value[:MAX_RAW].decode(errors="backslashreplace")
        return (BadMessage(topic, partition, offset, bad.field, bad.reason, raw),)
    return outcome


def security(config: Mapping[str, str] | None = None) -> Config:
    """How to reach a cluster: `config`, in librdkafka's words, and what the environment adds.

    KAFKA_SASL_PASSWORD is `sasl.password`, KAFKA_SSL_CA_LOCATION is `ssl.ca.location`, and so each
    variable that begins with KAFKA_SASL_, KAFKA_SSL_ or KAFKA_SECURITY_. What `config` says counts.
    """
    found = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in os.environ.items()
        if name.startswith(SECURITY)
    }
    return {**found, **(config or {})}


class TopicSource(KafkaSource):
    """Bytewax's source of a topic, for which nothing that is gone is skipped without a word.

    `config` is librdkafka's. Without `tail` it ends where the topic does. Listing its partitions
    raises a ValueError where there is no such topic or setting, and a ConnectionError where no
    broker answers in time.
    """

    def __init__(self, brokers: str, topic: str, config: Config, *, tail: bool) -> None:
        # By its own default Kafka would go on at the end of the topic where a resume asks for what
        # the topic no longer keeps.
        source_config = {"auto.offset.reset": "error", **config}
        super().__init__(brokers.split(","), [topic], tail, add_config=source_config)
        self._topic, self._config = topic, {"bootstrap.servers": brokers, **config}

    def list_parts(self) -> list[str]:
        # KafkaSource waits forever for an answer, and asks in a way that makes the topic.
        complaints: list[str] = []
        config: Config = {**self._config, "error_cb": lambda e: complaints.append(e.str())}
        try:
            client = AdminClient(config)
        except KafkaException as error:
            raise ValueError(f"config: {error.args[0].str()}") from None
        try:
            topics = client.list_topics(timeout=PATIENCE).topics
        except KafkaException as error:
            client.poll(0)  # for its complaints
            brokers = self._config["bootstrap.servers"]
            raise ConnectionError(
                f"no broker answers at {brokers}: {[*complaints, error.args[0].str()][0]}"
            ) from None
        if self._topic not in topics:
            known = ", ".join(sorted(topics)[:20]) or "none"
            raise ValueError(f"there is no topic {self._topic!r}; there are: {known}")
        return [f"{partition}-{self._topic}" for partition in topics[self._topic].partitions]


def topic_sink(brokers: str, topic: str, config: Config) -> KafkaSink:
    """Bytewax's sink to a topic, which stops the flow where a message can't be delivered."""
    # Without it what can't be delivered within five minutes is dropped, and nobody is told.
    sink_config: Config = {"on_delivery": _check_delivery, **config}
    return KafkaSink(brokers.split(","), topic, sink_config)


def _check_delivery(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise ConnectionError(f"a message to {message.topic()} was not delivered: {error.str()}")


def to_message(keyed: tuple[str, str]) -> KafkaSinkMessage[bytes, bytes]:
    """A line and its key as a message."""
    key, line = keyed
    return KafkaSinkMessage(key.encode(), line.rstrip().encode())
