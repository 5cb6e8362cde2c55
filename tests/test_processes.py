"""One log, shared out over several processes: the same sessions."""

import json
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.connectors.files import DirSink
from bytewax.dataflow import Dataflow
from bytewax.recovery import init_db_dir
from bytewax.testing import TestingSource
from oracle import oracle

from searchlogs.command.publish import publish
from searchlogs.dataflow import GAP, run
from searchlogs.events import Event
from searchlogs.logs.flow import log_flow
from searchlogs.logs.formats import write_log
from searchlogs.sessions import Late, Session, replay_clock, session_window
from searchlogs.simulate import simulate

WAIT = timedelta(seconds=5)


def log() -> list[Event]:
    disorder = timedelta(seconds=20)
    return list(simulate(users=30, sessions=100, seed=5, disorder=disorder, late_share=0.05))


def line(item: Session | Late) -> tuple[str, str]:
    return item.user, json.dumps(repr(item))


def flow(folder: str) -> Dataflow:
    flow = Dataflow("shared")
    arriving = op.input("inp", flow, TestingSource(log(), batch_size=50))
    out = session_window("sessions", arriving, replay_clock(WAIT), GAP)
    lines = op.merge("both", op.map("session_line", out.down, line), op.map("late", out.late, line))
    op.output("out", lines, DirSink(Path(folder), 2))
    return flow


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(flow: str, *options: str) -> list[subprocess.Popen[bytes]]:
    """Run a flow in two processes."""
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    command = [sys.executable, "-m", "bytewax.run", flow, *options, "-a", addresses, "-i"]
    quiet = subprocess.DEVNULL
    return [
        subprocess.Popen([*command, number], cwd=Path(__file__).parent, stderr=quiet)
        for number in "01"
    ]


@pytest.mark.slow
def test_two_processes_give_the_sessions_of_one(tmp_path: Path) -> None:
    processes = start(f"test_processes:flow('{tmp_path}')")
    assert [process.wait(120) for process in processes] == [0, 0]
    written = [text for path in tmp_path.iterdir() for text in path.read_text().splitlines()]
    sessions, late = oracle(log(), GAP, WAIT)
    assert sorted(written) == sorted(line(item)[1] for item in [*sessions, *late])
    assert len(late) > 10


BAD = '{"event":"search","user":"someone","time":"noon","query":"dogs"}\n'


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes some seconds, with late events and rejects all over."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    settings = {"disorder": timedelta(seconds=30), "late_share": 0.02}
    write_log(simulate(400, 10_000, seed=4, duration=timedelta(days=12), **settings), path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(BAD * (number % 500 == 0) + one for number, one in enumerate(lines)))
    return path


def published(work: Path) -> list[list[bytes]]:
    """Sessions, late events and rejects in some order, where both sums hold."""
    outs = {name: work.with_name(f"{name}.jsonl") for name in ("sessions", "late", "rejects")}
    publish(work, outs, every_session=True)
    return [sorted(path.read_bytes().splitlines()) for path in outs.values()]


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize(
    "factory",
    [
        "logs.flow:log_flow('{log}', '{out}')",
        "columnar.flow:columnar_flow('{log}', '{out}', shards=32)",
    ],
)
def test_a_log_is_shared_out(tmp_path: Path, long_log: Path, factory: str, kill: bool) -> None:
    """Also if one of the processes is killed, and all are started again with what was stored."""
    run(log_flow(str(long_log), tmp_path / "whole.arrows"))
    expected = published(tmp_path / "whole.arrows")
    assert min(map(len, expected)) > 100
    state, out = tmp_path / "state", tmp_path / "out.arrows"
    state.mkdir()
    init_db_dir(state, 2)
    flow = f"searchlogs.{factory.format(log=long_log, out=out)}"
    options = ["-r", str(state), "-s", "0", "-b", "0"]
    if kill:
        one, other = start(flow, *options)
        end = time.monotonic() + 60
        while (not out.exists() or out.stat().st_size < 50_000) and time.monotonic() < end:
            time.sleep(0.01)
        one.kill()
        assert one.wait() == -signal.SIGKILL
        other.kill()  # it waits for the one that is gone
        other.wait()
        assert out.stat().st_size >= 50_000
        tally = tmp_path / "out.tally.jsonl"  # The other process may not have made it yet.
        assert not tally.exists() or tally.read_text() == ""
    assert [process.wait(120) for process in start(flow, *options)] == [0, 0]
    assert published(out) == expected
