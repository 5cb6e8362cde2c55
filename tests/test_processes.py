"""One log, shared out over several processes: the same sessions."""

import json
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.connectors.files import DirSink
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource
from oracle import oracle

from searchlogs.events import Event
from searchlogs.sessions import GAP, Late, Session, replay_clock, session_window
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


@pytest.mark.slow
def test_two_processes_give_the_sessions_of_one(tmp_path: Path) -> None:
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    command = [sys.executable, "-m", "bytewax.run", f"test_processes:flow('{tmp_path}')"]
    processes = [
        subprocess.Popen([*command, "-i", str(number), "-a", addresses], cwd=Path(__file__).parent)
        for number in range(2)
    ]
    assert [process.wait(120) for process in processes] == [0, 0]
    written = [text for path in tmp_path.iterdir() for text in path.read_text().splitlines()]
    sessions, late = oracle(log(), GAP, WAIT)
    assert sorted(written) == sorted(line(item)[1] for item in [*sessions, *late])
    assert len(late) > 10
