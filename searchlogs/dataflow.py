"""The flows, assembled: from events, over sessions, to a number for each."""

import gc
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar

import bytewax.operators as op
import pyarrow as pa
from bytewax.connectors.files import DirSink
from bytewax.connectors.stdio import StdOutSink
from bytewax.dataflow import Dataflow, Stream, operator
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import Source
from bytewax.operators.windowing import Clock
from bytewax.outputs import FixedPartitionedSink, Sink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.testing import TestingSink, TestingSource, run_main

from searchlogs.batches import BatchSource, to_late
from searchlogs.columnar import SESSIONS, columnar_sessions
from searchlogs.events import Event, check_duration, check_event, parse_duration
from searchlogs.live import uptime_clock
from searchlogs.logs import Border, Reject
from searchlogs.metrics import calc_ctr
from searchlogs.results import beside, late_row, search_rows, session_row, to_json
from searchlogs.sessions import GAP, WAIT, Late, Session, replay_clock, session_window
from searchlogs.simulate import client_events
from searchlogs.source import Log, LogSource
from searchlogs.ubi import Ubi


def ctr_flow(
    source: Source[Event],
    sink: Sink[Any],
    *,
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: Callable[[timedelta], Clock[Event, Any]] = replay_clock,
    late_sink: Sink[Any] | None = None,
) -> Dataflow:
    """Assemble the tutorial's flow: (user, clicks per search) for each session.

    Every session is also printed, for looking, as it closes; one without a search goes
    no further. `clock` is `replay_clock` for logs, `live_clock` for events that happen
    now; late events go to `late_sink`, or are printed.

    Raises where `gap` or `wait` is not a timedelta from 0 to 366 days.
    """
    flow = Dataflow("search_ctr")
    events = op.input("inp", flow, source)
    sessions = session_window("sessions", events, clock(wait), gap)
    op.inspect("look", sessions.down, _print_session)
    op.output("out", op.filter_map("calc_ctr", sessions.down, calc_ctr), sink)
    op.output("late_out", sessions.late, late_sink or StdOutSink())
    return flow


def _print_session(step_id: str, session: Session) -> None:
    print(f"User {session.user}: {session.searches} searches, {session.clicks} clicks")


flow = ctr_flow(TestingSource(client_events()), StdOutSink())


T = TypeVar("T")

Watch: TypeAlias = Callable[[int, int, int], None]
"""What is told how a run gets on: of the bytes read, the events made, the sessions closed since."""


def log_flow(
    log: str | Log,
    out: str | Path,
    *,
    gap: str | timedelta = "30m",
    wait: str | timedelta = "1m",
    searches: bool = False,
    watch: Watch = lambda size, events, sessions: None,
) -> Dataflow:
    """Assemble the flow for logs: a file, or a Log, in; its sessions out, a line of JSON for each.

    Beside `out` (x.jsonl) it leaves the late events (x.late.jsonl), the rejects (x.rejects.jsonl),
    what became of all records (x.tally.jsonl), and with `searches` the searches
    (x.searches.jsonl). `gap` and `wait` are timedeltas, or such as "30m". What is there already is
    overwritten. A session that has no search is a line too.

    Raises a ValueError or an OSError where there is no such log, or no such duration.
    """
    gap, wait, log, outs = _prepared(gap, wait, log, out, searches)
    flow = Dataflow("search_log")
    source = LogSource(log, lambda size, events: watch(size, events, 0))
    items = op.branch("is_event", op.input("log", flow, source), _is_event)
    notes = op.branch("is_reject", items.falses, _is_reject)
    windows = session_window("sessions", items.trues, replay_clock(wait), gap)
    nothing = op.input("begin", flow, TestingSource([NOTHING]))
    write = partial(_write_lines, nothing, outs)

    def watched(session: Session) -> dict[str, Any]:
        watch(0, 0, 1)
        return session_row(session)

    write("sessions", windows.down, watched)
    write("late", windows.late, late_row)
    write("rejects", notes.trues, asdict)
    write("tally", notes.falses, asdict)
    if searches:
        write("searches", op.flat_map("search", windows.down, search_rows), dict)
    return flow


def columnar_flow(
    log: str | Log,
    out: str | Path,
    *,
    gap: str | timedelta = "30m",
    wait: str | timedelta = "1m",
    shards: int = 1,
    watch: Watch = lambda size, events, sessions: None,
) -> Dataflow:
    """Assemble the flow for logs that outgrow objects: as `log_flow`, but its items are batches.

    `out` (x.arrows) is a stream of Arrow record batches, which `pyarrow.ipc.open_stream` reads: a
    row a session, of `columnar.SESSIONS`. Beside it stands what `log_flow` leaves there, but for
    searches. The users are split over `shards`, which the engine deals out to the workers by a
    hash: so it takes many more than workers to give each its share (32 for two or four). One is
    best where splitting doesn't pay: one worker reads, another one has all sessions.

    Raises a ValueError or an OSError where there is no such log, or no such duration or number.
    """
    gap, wait, log, outs = _prepared(gap, wait, log, out)
    flow = Dataflow("search_batches")
    source = BatchSource(log, lambda size, events: watch(size, events, 0))
    items = op.branch("is_batch", op.input("log", flow, source), _is_batch)
    notes = op.branch("is_reject", items.falses, _is_reject)
    found = columnar_sessions("sessions", items.trues, gap, wait, shards)
    nothing = op.input("begin", flow, TestingSource([NOTHING]))
    write = partial(_write_lines, nothing, outs)

    def watched(batch: pa.RecordBatch) -> tuple[str, pa.RecordBatch]:
        watch(0, 0, len(batch))
        return "", batch

    none = pa.RecordBatch.from_pylist([], SESSIONS)
    begin = op.map("no_sessions", nothing, lambda _: ("", none))
    batches = op.merge("all_sessions", begin, op.map("some_sessions", found.down, watched))
    op.output("sessions_out", batches, _BatchSink(outs["sessions"]))
    write("late", op.flat_map("late_event", found.late, to_late), late_row)
    write("rejects", notes.trues, asdict)
    write("tally", notes.falses, asdict)
    return flow


def _prepared(
    gap: str | timedelta,
    wait: str | timedelta,
    log: str | Log,
    out: str | Path,
    searches: bool = False,
) -> tuple[timedelta, timedelta, Log, dict[str, Path]]:
    """What a flow over a log is told, read and checked, and where all that it leaves goes."""
    gap = parse_duration(gap) if isinstance(gap, str) else gap
    wait = parse_duration(wait) if isinstance(wait, str) else wait
    log = log if isinstance(log, Log) else Log((log,))
    log.files()  # what isn't there is told here, and not out of the engine
    out = Path(out)
    beside_it = ("late", "rejects", "tally", *["searches"] * searches)
    return gap, wait, log, {"sessions": out} | {name: beside(out, name) for name in beside_it}


def _write_lines(
    nothing: Stream[Any],
    outs: Mapping[str, Path],
    what: str,
    up: Stream[Any],
    row: Callable[[Any], dict[str, Any]],
) -> None:
    # A file has one writer, whatever the key.
    lines = op.map(f"{what}_line", up, lambda item: (what, f"{to_json(row(item))}\n"))
    line_file(f"{what}_out", lines, nothing, outs[what])


NOTHING = ("", "")
"""A line with its key, such as a file is written from, which leaves nothing there."""


@operator
def line_file(step_id: str, up: Stream[Any], begin: Stream[Any], path: Path) -> None:
    """Write lines to a file, which is opened, and anew, when NOTHING comes by `begin`.

    So each snapshot knows the file. A sink by itself opens its file at its first line: what a
    killed run had written since the last snapshot would stay, if it gives no such line any more.
    """
    op.output("file", op.merge("lines", begin, up), _LineSink(path))


class _LineSink(DirSink):
    """FileSink, but for a full disk, and for a folder that is moved between two runs."""

    def __init__(self, path: Path) -> None:
        # FileSink keeps the whole path as the key of its state, a folder's sink the name alone.
        super().__init__(path.absolute().parent, 1, lambda number, total: path.name, end="")

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        return _Part(super().build_part(step_id, for_part, resume_state), for_part)


class _BatchSink(FixedPartitionedSink[pa.RecordBatch, int]):
    """Write record batches to a file, as a stream of Arrow."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def list_parts(self) -> list[str]:
        return [self.path.name]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        return _Part(_Batches(self.path, resume_state or 0), for_part)


class _Batches(StatefulSinkPartition[pa.RecordBatch, int]):
    def __init__(self, path: Path, size: int) -> None:
        self.file = path.open("ab")
        self.file.seek(size)
        self.file.truncate()

    def write_batch(self, values: list[pa.RecordBatch]) -> None:
        if self.file.tell() == 0:
            self.file.write(values[0].schema.serialize())
        for batch in values:
            self.file.write(batch.serialize())
        self.file.flush()
        os.fsync(self.file.fileno())

    def snapshot(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


@dataclass
class _Part(StatefulSinkPartition[T, int]):
    part: StatefulSinkPartition[T, int]
    name: str

    def write_batch(self, values: list[T]) -> None:
        try:
            self.part.write_batch(values)
        except OSError as error:
            error.filename = self.name
            raise

    def snapshot(self) -> int:
        return self.part.snapshot()

    def close(self) -> None:
        # Where writing fails, so does this; and the engine, failing already, would end the process
        # without a word. What was written before has long been on the disk.
        with suppress(OSError):
            self.part.close()


def topic_flow(
    brokers: str,
    topic: str,
    out: str | Path,
    *,
    gap: str | timedelta = "30m",
    wait: str | timedelta = "1m",
    ahead: str | timedelta = "1h",
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
        from searchlogs import topics
    except ModuleNotFoundError as error:
        if error.name != "confluent_kafka":
            raise
        needed = "topics need Kafka's client: pip install 'searchlogs[kafka]'"
        raise ModuleNotFoundError(needed, name=error.name) from None

    gap = parse_duration(gap) if isinstance(gap, str) else gap
    wait = parse_duration(wait) if isinstance(wait, str) else wait
    bound = check_duration("ahead", parse_duration(ahead) if isinstance(ahead, str) else ahead)
    read_as = border or Border()
    if isinstance(read_as, Ubi) and read_as.by_session:
        raise ValueError("a topic can't be read twice, as session_id needs")
    security = topics.security(config)
    source = topics.TopicSource(brokers, topic, security, tail=tail)
    source.list_parts()  # what isn't there is told here, and not out of the engine

    flow = Dataflow("search_topic")
    messages = op.input("topic", flow, source)
    items = op.flat_map("read", messages, lambda one: topics.read_message(one, read_as, bound))
    read = op.branch("is_event", items, _is_event)
    windows = session_window("sessions", read.trues, clock(wait), gap)

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


def _is_event(item: object) -> TypeGuard[Event]:
    return isinstance(item, Event)


def _is_batch(item: object) -> TypeGuard[pa.RecordBatch]:
    return isinstance(item, pa.RecordBatch)


def _is_reject(item: object) -> TypeGuard[Reject]:
    return isinstance(item, Reject)


def run(
    flow: Dataflow,
    *,
    recovery: RecoveryConfig | None = None,
    epoch_interval: timedelta | None = None,
) -> None:
    """Run a flow here and now, until its input ends, so that it fails in the words of its steps.

    What a step raises comes out as it was raised, with a note that names the step; an interrupt
    comes out as KeyboardInterrupt. With `recovery` it goes on where an earlier run was stopped, and
    stores where it is every `epoch_interval`.
    """
    try:
        with engine_keeps_quiet(), _seldom_collected():
            run_main(flow, recovery_config=recovery, epoch_interval=epoch_interval)
    except BytewaxRuntimeError as error:
        step = re.search(r'in step "([^"]+)"', str(error))
        cause: BaseException = error
        # No further: what a step raised may have a cause of its own.
        while isinstance(cause, BytewaxRuntimeError) and cause.__cause__ is not None:
            cause = cause.__cause__
        if step and isinstance(cause, Exception):
            cause.add_note(f"It was raised in the step {step[1]}.")
        raise cause from cause.__cause__


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let Python look for garbage less often: it would look through all open windows each time."""
    often, *others = gc.get_threshold()
    gc.set_threshold(often and max(often, 10_000), *others)
    try:
        yield
    finally:
        gc.set_threshold(often, *others)


@contextmanager
def engine_keeps_quiet() -> Iterator[None]:
    """Drop what goes to file descriptor 2 in a run that fails: a panic in Rust, past Python."""
    with tempfile.TemporaryFile() as aside:
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
            failed = False
        except BaseException:
            failed = True
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            aside.seek(0)
            if not failed:
                os.write(2, aside.read())


def sessionize(
    events: Iterable[Event],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: Callable[[timedelta], Clock[Event, Any]] = replay_clock,
) -> tuple[list[Session], list[Late]]:
    """Run events, in the order in which they arrived, through `session_window`.

    Returns the sessions, by user and id, and the late events, by user and then as they arrived.
    Raises a TypeError for anything that is not an event, before anything runs.

    >>> [len(session.events) for session in sessionize(client_events())[0]]
    [3, 4]
    """
    events = list(events)
    for index, event in enumerate(events):
        check_event(event, f"events[{index}]")
    sessions: list[Session] = []
    late: list[Late] = []
    flow = Dataflow("sessionize")
    # Under the replay clock the sessions are the same for any batch size; small ones are slower.
    source: TestingSource[Event] = TestingSource(events, batch_size=1_000)
    arriving = op.input("inp", flow, source)
    out = session_window("sessions", arriving, clock(wait), gap)
    op.output("out", out.down, TestingSink(sessions))
    op.output("late_out", out.late, TestingSink(late))
    run(flow)
    sessions.sort(key=lambda session: (session.user, session.id))
    late.sort(key=lambda late: late.user)
    return sessions, late
