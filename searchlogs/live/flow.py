"""The flow over a topic: events that happen now in, sessions out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators.windowing import Clock
from bytewax.testing import TestingSource

from searchlogs.durations import Windowing, check_duration
from searchlogs.events import Event
from searchlogs.live.clocks import uptime_clock
from searchlogs.logs.border import Border
from searchlogs.logs.flow import NOTHING, is_event, line_file
from searchlogs.logs.rows import late_row, session_row, to_json
from searchlogs.logs.words import beside
from searchlogs.sessions import session_window


def topic_flow(
    brokers: str,
    topic: str,
    out: str | Path,
    *,
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
    ahead: timedelta | str = "1h",
    border: Border | None = None,
    clock: Callable[[timedelta], Clock[Event, Any]] = uptime_clock,
    tail: bool = True,
    config: Mapping[str, str] | None = None,
) -> Dataflow:
    """Assemble the flow for events that happen now: a Kafka topic in; its sessions out, as JSON.

    `brokers` are such as "host:9092,other:9092". A message holds an event, as a line of a log does;
    partitions must be keyed by user. `out` is a file, or another topic, "topic:sessions", where the
    user is the key. Late events go beside it (x.late.jsonl; sessions.late), and bad messages, with
    topic, partition and offset (x.rejects.jsonl; sessions.rejects), among them what is more than
    `ahead` in the future. `config` is librdkafka's, for TLS and SASL; secrets come from the
    environment (`topics.security`). Without `tail` the flow ends where the topic does, and closes
    all sessions: for exact comparisons, with `replay_clock`.

    A flow that is run with `-r` goes on where it stood in each partition. A file then has every row
    once. A topic may have those since the last snapshot twice: user and session tell. What Kafka
    reports, offsets that it no longer keeps among it, stops the flow.

    Raises a ValueError or an OSError where there is no such topic, duration or setting, or no
    broker answers within 10 seconds; a ModuleNotFoundError where Kafka's client is not installed.
    """
    try:
        from searchlogs.live import topics
    except ModuleNotFoundError as error:
        if error.name != "confluent_kafka":
            raise
        needed = "topics need Kafka's client: pip install 'searchlogs[kafka]'"
        raise ModuleNotFoundError(needed, name=error.name) from None

    windowing, bound = Windowing(gap, wait), check_duration("ahead", ahead)
    read_as = border or Border()
    if read_as.reads_twice:
        raise ValueError("a topic can't be read twice, as session_id needs")
    security = topics.security(config)
    source = topics.TopicSource(brokers, topic, security, tail=tail)
    source.list_parts()  # what isn't there is told here, and not out of the engine

    flow = Dataflow("search_topic")
    messages = op.input("topic", flow, source)
    items = op.flat_map("read", messages, lambda one: topics.read_message(one, read_as, bound))
    read = op.branch("is_event", items, is_event)
    windows = session_window("sessions", read.trues, clock(windowing.wait), windowing.gap)

    nothing = op.input("begin", flow, TestingSource([NOTHING]))

    def write(
        what: str, up: Stream[Any], key: Callable[[Any], str], row: Callable[[Any], dict[str, Any]]
    ) -> None:
        lines = op.map(f"{what}_line", up, lambda item: (key(item), f"{to_json(row(item))}\n"))
        if isinstance(out, str) and out.startswith("topic:"):
            name = out.removeprefix("topic:") + ("" if what == "sessions" else f".{what}")
            sink = topics.topic_sink(brokers, name, security)
            op.output(f"{what}_out", op.map(f"{what}_message", lines, topics.to_message), sink)
        else:
            path = Path(out) if what == "sessions" else beside(Path(out), what)
            line_file(f"{what}_out", lines, nothing, path)

    write("sessions", windows.down, lambda session: session.user, session_row)
    write("late", windows.late, lambda late: late.user, late_row)
    write("rejects", read.falses, lambda bad: f"{bad.topic}[{bad.partition}]", asdict)
    return flow
