"""The flow over a topic: events that happen now in, sessions out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

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


# Many parameters because each is a setting of its own, given by name, here or in the shell.
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
    """Assemble the flow for events that happen now: a Kafka topic in, its sessions out as JSON.

    Each message holds one event, written like a line of a log; the partitions must be keyed by
    user. Late events and bad messages go next to `out`: to x.late.jsonl and x.rejects.jsonl for
    the file x.jsonl, to sessions.late and sessions.rejects for the topic sessions. A rejected
    message is known by topic, partition and offset.

    A flow that is run with `-r` resumes at its offset in each partition. A file then has every row
    once. A topic may hold the rows written since the last snapshot twice, with the same user and
    session. An error that Kafka reports, such as an offset that it no longer keeps, stops the flow.

    Args:
        brokers: Addresses, such as "host:9092,other:9092".
        topic: Name of the topic to read.
        out: A file, or another topic as "topic:sessions", whose messages are keyed by user.
        gap: A timedelta from 0 to 366 days, or text such as "30m".
        wait: A timedelta from 0 to 366 days, or text such as "1m".
        ahead: Largest time by which an event may be in the future; others are rejected.
        border: How a message is read; None for the package's own words.
        clock: Makes the clock from the wait.
        tail: False ends the flow where the topic ends, and closes all sessions: together with
            `replay_clock`, for exact comparisons.
        config: Settings of librdkafka, for TLS and SASL. Secrets come from the environment (see
            `topics.security`).

    Returns:
        The flow, to be run by Bytewax.

    Raises:
        ValueError: There is no such topic, duration or setting.
        ConnectionError: No broker answers within 10 seconds.
        ModuleNotFoundError: Kafka's client is not installed.
    """
    from searchlogs.live import topics

    windowing, bound = Windowing(gap, wait), check_duration("ahead", ahead)
    read_as = border or Border()
    if read_as.reads_twice:
        raise ValueError("session_id needs the log to be read twice, and a topic can't be")
    security = topics.security(config)
    source = topics.TopicSource(brokers, topic, security, tail=tail)
    source.list_parts()  # so that a missing topic is reported here, and not by the engine

    flow = Dataflow("search_topic")
    messages = op.input("topic", flow, source)
    items = op.flat_map("read", messages, lambda one: topics.read_message(one, read_as, bound))
    read = op.branch("is_event", items, is_event)
    windows = session_window("sessions", read.trues, clock(windowing.wait), windowing.gap)

    target: _Out
    if isinstance(out, str) and out.startswith("topic:"):
        target = topics.TopicOut(brokers, out.removeprefix("topic:"), security)
    else:
        target = _FileOut(Path(out), op.input("begin", flow, TestingSource([NOTHING])))

    def write(
        name: str, up: Stream[Any], key: Callable[[Any], str], row: Callable[[Any], dict[str, Any]]
    ) -> None:
        lines = op.map(f"{name}_line", up, lambda item: (key(item), f"{to_json(row(item))}\n"))
        target.write(name, lines)

    write("sessions", windows.down, lambda session: session.user, session_row)
    write("late", windows.late, lambda late: late.user, late_row)
    write("rejects", read.falses, lambda bad: f"{bad.topic}[{bad.partition}]", asdict)
    return flow


class _Out(Protocol):
    """Where a flow's rows go."""

    def write(self, name: str, lines: Stream[tuple[str, str]]) -> None:
        """Write a stream of keys and lines: the sessions, or what goes next to them."""


@dataclass(frozen=True)
class _FileOut:
    """Writes the sessions to a file, and other streams to files next to it."""

    path: Path
    begin: Stream[tuple[str, str]]
    """Carries NOTHING, which opens the files."""

    def write(self, name: str, lines: Stream[tuple[str, str]]) -> None:
        path = self.path if name == "sessions" else beside(self.path, name)
        line_file(f"{name}_out", lines, self.begin, path)
