"""Topics, against a broker that speaks Kafka's protocol on loopback: librdkafka's mock cluster."""

import gc
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from test_processes import free_port

from searchlogs.dataflow import find_sessions, run
from searchlogs.events import AppOpen, Event, Search
from searchlogs.live import topics
from searchlogs.live.clocks import BEAT, live_clock, uptime_clock
from searchlogs.live.flow import topic_flow
from searchlogs.logs.flow import log_flow
from searchlogs.logs.formats import write_log
from searchlogs.logs.jsonl import event_record
from searchlogs.logs.rows import late_row, session_row, to_json
from searchlogs.logs.ubi import Ubi
from searchlogs.logs.words import beside
from searchlogs.sessions import replay_clock
from searchlogs.simulate import simulate

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUIET = {"log_level": "0"}
PARTITIONS = 4
"""Of a topic in the mock cluster."""


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    config = {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, **QUIET}
    host = AdminClient(config)  # the cluster is there as long as this client
    (broker,) = host.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    gc.collect()  # clients that outlive the cluster complain, amid what other tests say


Messages = Iterable[tuple[str | None, bytes | None]]


@pytest.fixture
def produce(brokers: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Send messages to a topic of the test's own, or to `partition` of it; returns its name."""
    name = re.sub(r"[^\w.-]+", "-", request.node.name)
    producer = Producer({"bootstrap.servers": brokers, **QUIET})
    AdminClient({"bootstrap.servers": brokers}).list_topics(name, timeout=10)  # makes it

    def send(messages: Messages, partition: int | None = None) -> str:
        where = {} if partition is None else {"partition": partition}
        for key, value in messages:
            producer.produce(name, value, key, **where)
        assert producer.flush(10) == 0
        return name

    yield send


def keyed(events: Iterable[Event]) -> Messages:
    return [(str(event.user), to_json(event_record(event)).encode()) for event in events]


def log() -> list[Event]:
    disorder = timedelta(seconds=40)
    return list(simulate(users=30, sessions=100, seed=5, disorder=disorder, late_share=0.05))


def flow(brokers: str, topic: str, out: str | Path, **settings: Any) -> Dataflow:
    """As far as the topic goes, by the times of its events: for exact comparisons."""
    exact = {"clock": replay_clock, "tail": False, "config": QUIET}
    return topic_flow(brokers, topic, out, **exact | settings)


def new_store(folder: Path) -> Path:
    store = folder / "store"
    store.mkdir()
    init_db_dir(store, 1)
    return store


def rows(path: Path) -> list[str]:
    return sorted(path.read_text(encoding="ascii").splitlines())


def everything(path: Path) -> list[list[str]]:
    return [rows(path), rows(beside(path, "late")), rows(beside(path, "rejects"))]


def expected(events: list[Event], gap: timedelta, wait: timedelta) -> list[list[str]]:
    sessions, late = find_sessions(events, gap, wait)
    lines = [map(to_json, map(session_row, sessions)), map(to_json, map(late_row, late)), []]
    return [sorted(some) for some in lines]


def read(brokers: str, topic: str, count: int) -> list[tuple[bytes | None, Any]]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "test"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found: list[tuple[bytes | None, Any]] = []
    until = time.monotonic() + 10
    while len(found) < count and time.monotonic() < until:
        messages = consumer.consume(1_000, 0.2)
        found += [(message.key(), json.loads(message.value())) for message in messages]
    consumer.close()
    return found


def test_a_topic_with_several_partitions_gives_the_sessions_of_the_file(
    brokers: str, produce: Callable[..., str], tmp_path: Path
) -> None:
    events = log()
    write_log(events, tmp_path / "events.jsonl")
    run(log_flow(str(tmp_path / "events.jsonl"), tmp_path / "log.jsonl", wait="5s"))
    topic = produce(keyed(events))
    (tmp_path / "topic.rejects.jsonl").write_text("of an earlier run\n")
    run(flow(brokers, topic, tmp_path / "topic.jsonl", wait=5 * SECOND))
    assert everything(tmp_path / "topic.jsonl") == everything(tmp_path / "log.jsonl")
    assert everything(tmp_path / "topic.jsonl") == expected(
        events, timedelta(minutes=30), 5 * SECOND
    )
    assert len(rows(tmp_path / "topic.late.jsonl")) > 10
    read = AdminClient({"bootstrap.servers": brokers}).list_topics(timeout=10).topics[topic]
    assert len(read.partitions) == PARTITIONS


def test_what_is_bad_goes_to_the_rejects_with_its_place(
    brokers: str, produce: Callable[..., str], tmp_path: Path
) -> None:
    good = keyed([Search(1, "dogs", NOON)])
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    produce(good, 2)
    produce([("1", b'{"event": "search"'), ("1", None), (None, b""), ("1", b"\xff\n")], 2)
    produce([("1", b"[1]"), *keyed([AppOpen(1, tomorrow)])], 3)
    topic = produce(keyed([Search(1, "cats", NOON + SECOND)]), 2)
    run(flow(brokers, topic, tmp_path / "out.jsonl"))
    (session,) = map(json.loads, rows(tmp_path / "out.jsonl"))
    assert session["searches"] == 2
    rejects = [json.loads(row) for row in rows(tmp_path / "out.rejects.jsonl")]
    assert [(one["partition"], one["offset"], one["field"], one["raw"]) for one in rejects] == [
        (2, 1, None, '{"event": "search"'),
        (2, 4, None, "\\xff\n"),
        (3, 0, None, "[1]"),
        (3, 1, "time", to_json(event_record(AppOpen(1, tomorrow)))),
    ]
    assert {one["topic"] for one in rejects} == {topic}
    reasons = ["truncated", "UTF-8", "a list", "23h59m"]
    for one, reason in zip(rejects, reasons, strict=True):
        assert reason in one["reason"]
    assert list(rejects[0]) == list(topics.BadMessage.__dataclass_fields__)


def test_ubi_is_read_as_in_files(brokers: str, produce: Callable[..., str], tmp_path: Path) -> None:
    query = {"user_query": "dogs", "client_id": "a", "timestamp": 1704067205000, "query_id": "q"}
    click = {"action_name": "click", "client_id": "a", "timestamp": 1704067206000, "query_id": "q"}
    click["event_attributes"] = {"object": {"object_id": "fido"}}
    hover = {"action_name": "hover", "client_id": "a", "timestamp": 1704067206000}
    messages = [{**query, "query_response_hit_ids": ["rex", "fido"]}, click, hover]
    framing = [{"index": {"_id": 1}}, {"client_id": "a"}]
    topic = produce(("a", json.dumps(one).encode()) for one in [*messages, *framing])
    run(flow(brokers, topic, tmp_path / "out.jsonl", border=Ubi()))
    (session,) = map(json.loads, rows(tmp_path / "out.jsonl"))
    assert (session["events"], session["ctr"], session["orphan_clicks"]) == (3, 1.0, 0)
    (reject,) = map(json.loads, rows(tmp_path / "out.rejects.jsonl"))
    assert "neither a query" in reject["reason"]
    with pytest.raises(ValueError, match="can't be read twice"):
        flow(brokers, topic, "out.jsonl", border=Ubi(fields={"user": "session_id"}))


def test_sessions_go_to_a_topic_keyed_by_user(
    brokers: str, produce: Callable[..., str], tmp_path: Path
) -> None:
    events = log()
    topic = produce([*keyed(events), ("?", b"?")])
    run(flow(brokers, topic, f"topic:{topic}.sessions", wait="5s"))
    sessions, late, _ = expected(events, timedelta(minutes=30), 5 * SECOND)
    for name, wanted in ((f"{topic}.sessions", sessions), (f"{topic}.sessions.late", late)):
        found = read(brokers, name, len(wanted))
        assert sorted(to_json(row) for _, row in found) == wanted
        assert all((key or b"").decode() == row["user"] for key, row in found)
    ((_, reject),) = read(brokers, f"{topic}.sessions.rejects", 1)
    assert (reject["topic"], reject["raw"]) == (topic, "?")


def test_what_cant_be_delivered_stops_the_flow(
    brokers: str, produce: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = produce(keyed([Search(1, "dogs", NOON)]))
    dead, sink = f"127.0.0.1:{free_port()}", topics.topic_sink
    config = {"message.timeout.ms": "500"}
    monkeypatch.setattr(
        topics, "topic_sink", lambda brokers, *where: sink(dead, where[0], {**where[1], **config})
    )
    with pytest.raises(ConnectionError, match="a message to out was not delivered"):
        run(flow(brokers, topic, "topic:out"))


def test_a_resume_goes_on_from_its_offsets(
    brokers: str, produce: Callable[..., str], tmp_path: Path
) -> None:
    out, recovery = tmp_path / "out.jsonl", RecoveryConfig(new_store(tmp_path))
    topic = produce(keyed([Search(1, "dogs", NOON)]))
    run(flow(brokers, topic, out), recovery=recovery)
    produce([*keyed([Search(1, "cats", NOON + timedelta(days=1))]), ("1", b"?")])
    run(flow(brokers, topic, out), recovery=recovery)
    found = [json.loads(row) for row in rows(out)]
    assert [(row["user"], row["session"], row["events"]) for row in found] == [
        ("1", 0, 1),
        ("1", 1, 1),
    ]
    assert len(rows(beside(out, "rejects"))) == 1


def test_offsets_that_are_gone_stop_the_flow(brokers: str, produce: Callable[..., str]) -> None:
    topic = produce(keyed([Search(1, "dogs", NOON)]))
    source = topics.TopicSource(brokers, topic, {}, tail=False)
    parts = source.list_parts()
    assert sorted(parts) == sorted(f"{number}-{topic}" for number in range(PARTITIONS))
    part = source.build_part("topic", parts[0], 50)
    with pytest.raises(RuntimeError, match="Offset out of range"):
        for _ in range(5_000):
            part.next_batch()
    part.close()


def test_a_topic_that_isnt_there_is_named_and_not_made(brokers: str) -> None:
    client = AdminClient({"bootstrap.servers": brokers})
    client.list_topics("clicks", timeout=10)
    with pytest.raises(ValueError, match=r"there is no topic 'clocks'; there are: .*clicks"):
        topic_flow(brokers, "clocks", "out.jsonl")
    assert "clocks" not in client.list_topics(timeout=10).topics


def test_a_broker_that_doesnt_answer_is_named_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topics, "PATIENCE", 0.5)
    address = f"127.0.0.1:{free_port()}"
    begin = time.monotonic()
    with pytest.raises(ConnectionError, match=f"no broker answers at {address}: .*refused"):
        topic_flow(address, "events", "out.jsonl")
    assert time.monotonic() - begin < 5


def test_secrets_come_from_the_environment_and_are_never_shown(
    brokers: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(topics, "PATIENCE", 1.0)
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "ann")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", "ca.pem")
    monkeypatch.setenv("KAFKA_HEAP_OPTS", "-Xmx1G")
    asked = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}
    config = topics.security({**asked, "sasl.username": "bob"})
    assert config == {
        **asked,
        "sasl.username": "bob",
        "sasl.password": "hunter2",
        "ssl.ca.location": "ca.pem",
    }
    # The mock cluster knows no SASL: that it is asked for shows that the settings arrive.
    with pytest.raises(ConnectionError, match="SASL Handshake not supported") as raised:
        topic_flow(brokers, "events", "out.jsonl", config=asked)
    source = topics.TopicSource(brokers, "events", config, tail=True)
    sink = topics.topic_sink(brokers, "events", config)
    shown = f"{raised.value!r} {source!r} {sink!r} {vars(source).keys()}"
    assert "hunter2" not in shown + "".join(capfd.readouterr())


def test_a_setting_that_doesnt_exist_is_refused(brokers: str) -> None:
    with pytest.raises(ValueError, match=r'No such configuration property: "sasl\.pasword"'):
        topic_flow(brokers, "events", "out.jsonl", config={"sasl.pasword": "hunter2"})


@pytest.mark.parametrize("name", ["gap", "wait", "ahead"])
def test_durations_are_checked_before_anything_is_asked(name: str) -> None:
    with pytest.raises(ValueError, match="a duration must be such as"):
        topic_flow("127.0.0.1:9", "events", "out.jsonl", **{name: "soon"})


def test_without_kafkas_client_the_words_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("searchlogs.live.topics")
    for name in ("searchlogs.live.topics", "bytewax.connectors.kafka"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'searchlogs\[kafka\]'"):
        topic_flow("127.0.0.1:9", "events", "out.jsonl")


def test_only_kafkas_client_itself_is_needed() -> None:
    code = "import sys; sys.modules.update(fastavro=None, requests=None)\n"
    code += "import searchlogs.live.topics"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_time_stands_still_while_the_flow_is_down() -> None:
    now = [NOON]
    clock = uptime_clock(5 * SECOND, lambda: now[0])
    logic = clock.build(None)
    logic.before_batch()
    logic.on_item(Search(1, "dogs", NOON))
    now[0] += 2 * SECOND
    stored = logic.snapshot()
    for hours in (1, -1):  # -1: resumed on a machine whose clock is behind
        now[0] = NOON + hours * timedelta(hours=1)
        logic = clock.build(stored)
        assert logic.on_notify() == NOON - 3 * SECOND
        # The session closes when the watermark is there, by the clock on the wall.
        wake = logic.to_system_utc(NOON)
        assert wake == now[0] + 3 * SECOND + timedelta(microseconds=1)
        now[0] += SECOND
        logic.before_batch()
        assert logic.on_item(Search(1, "cats", NOON - SECOND)) == (
            NOON - SECOND,
            NOON - 2 * SECOND,
        )
        now[0] += SECOND
        assert clock.build(logic.snapshot()).on_notify() == NOON - SECOND


def test_a_session_closes_in_time_however_often_the_flow_is_stopped() -> None:
    """The engine stores a clock when it has looked at it, as when that had asked to be woken up."""
    now, closes = [NOON], NOON + timedelta(minutes=30)
    clock = uptime_clock(5 * SECOND, lambda: now[0])
    logic = clock.build(None)
    logic.before_batch()
    logic.on_item(Search(1, "dogs", NOON))
    stored, up = logic.snapshot(), timedelta(0)
    for _ in range(4):  # up for eighteen minutes, down for an hour
        logic, stop = clock.build(stored), now[0] + timedelta(minutes=18)
        while logic.on_notify() <= closes and now[0] < stop:
            wake = logic.to_system_utc(closes)
            assert wake is not None
            up, now[0] = up + min(wake, stop) - now[0], min(wake, stop)
            if wake <= stop:
                logic.on_notify()
                stored = logic.snapshot()
        if logic.on_notify() > closes:
            break
        now[0] += timedelta(hours=1)
    assert timedelta(minutes=30) < up <= timedelta(minutes=31) + 2 * BEAT


def test_without_a_stop_it_is_the_live_clock() -> None:
    now = [NOON]
    clocks = [clock(5 * SECOND, lambda: now[0]).build(None) for clock in (uptime_clock, live_clock)]
    for number, second in enumerate([0, 3, 1, 9, 2]):
        now[0] += number * SECOND
        for clock in clocks:
            clock.before_batch()
        one, other = (clock.on_item(AppOpen(1, NOON + second * SECOND)) for clock in clocks)
        assert one == other
        one, other = (clock.to_system_utc(NOON + 20 * SECOND) for clock in clocks)
        assert one == other


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Run a flow as a process in the test's folder; at the test's end it is no more."""
    started = []

    def run(factory: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bytewax.run", factory, *options]
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **path})
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_and_resumed_the_rows_are_those_of_an_undisturbed_run(
    brokers: str,
    produce: Callable[..., str],
    start: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
    workers: str,
) -> None:
    events = list(simulate(users=50, sessions=2_000, seed=3, late_share=0.02))
    messages = [*keyed(events), ("?", b"?")]
    out = tmp_path / "out.jsonl"
    store = new_store(tmp_path)
    (tmp_path / "whole").mkdir()
    settings = "'out.jsonl', wait='5s'"
    options = ("-r", str(store), "-s", "1", "-b", "0", "-w", workers)
    size = len(messages) // 7 + 1
    parts = [messages[first : first + size] for first in range(0, len(messages), size)]
    topic = produce([])

    def grown(length: int) -> bool:
        return out.exists() and out.stat().st_size > length + 1_000

    for stop in range(3):
        process = start(
            f"test_topics:flow('{brokers}', '{topic}', {settings}, tail=True)", *options
        )
        for part in (parts[2 * stop], parts[2 * stop + 1]):
            length = out.stat().st_size if out.exists() else 0
            produce(part)
            wait_for(lambda length=length: grown(length))
            # Of the first part there is a snapshot then; of the second there are rows.
            time.sleep(1.3 if part is parts[2 * stop] else 0.05 * stop)
        process.kill()
        process.wait()
        if stop == 0:
            # A run that began anew would write this row again, as it was.
            out.write_bytes(out.read_bytes().replace(b'{"user"', b'{"USER"', 1))
    produce(parts[6])
    process = start(f"test_topics:flow('{brokers}', '{topic}', {settings})", *options)
    assert process.wait(120) == 0
    assert out.read_text().startswith('{"USER"')
    out.write_text(out.read_text().replace('{"USER"', '{"user"'))
    run(flow(brokers, topic, tmp_path / "whole" / "out.jsonl", wait="5s"))
    assert everything(out) == everything(tmp_path / "whole" / "out.jsonl")
    assert everything(out)[:2] == expected(events, timedelta(minutes=30), 5 * SECOND)[:2]
    assert len(rows(beside(out, "rejects"))) == 1


@pytest.mark.slow
def test_from_the_shell_sessions_close_by_themselves_and_no_stop_makes_events_late(
    brokers: str,
    produce: Callable[..., str],
    start: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    store = new_store(tmp_path)
    begin = datetime.now(UTC)
    topic = produce(keyed([AppOpen(1, begin)]))
    places = f"'{brokers}', '{topic}', 'sessions.jsonl', gap='4s', wait='1s'"
    factory = f"searchlogs.live.flow:topic_flow({places})"
    process = start(factory, "-r", str(store), "-s", "1", "-b", "0")
    out = tmp_path / "sessions.jsonl"
    wait_for(out.exists)
    time.sleep(1.5)
    process.kill()
    process.wait()
    produce(keyed([AppOpen(1, begin + SECOND)]))
    time.sleep(3)  # longer than the wait
    process = start(factory, "-r", str(store), "-s", "1", "-b", "0")
    wait_for(lambda: out.read_text().endswith("\n"))
    process.terminate()
    process.wait()
    (session,) = map(json.loads, rows(out))
    assert (session["user"], session["events"]) == ("1", 2)
    assert rows(beside(out, "late")) == []


def test_a_reject_is_what_its_row_says() -> None:
    bad = topics.BadMessage("events", 3, 17, "time", "is missing", "{}")
    assert json.loads(to_json(asdict(bad)))["offset"] == 17
