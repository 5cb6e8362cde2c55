"""Which worker finds which sessions, in how many processes, and how often keys wake up."""

import json
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, ClockLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from searchlogs.durations import Windowing
from searchlogs.logs.flow import is_event
from searchlogs.logs.log import OpenLog
from searchlogs.logs.rows import session_row
from searchlogs.logs.source import LogSource
from searchlogs.sessions import Session, WrappedClockLogic, replay_clock, session_window

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CountingClock(Clock[Any, Any]):
    """A clock that counts its users, events and wake-ups."""

    clock: Clock[Any, Any]
    counts: Counter[str]
    """Filled by the words "users", "events" and "wake-ups"."""

    def build(self, resume_state: Any) -> ClockLogic[Any, Any]:
        """Build the clock of one user."""
        self.counts["users"] += 1
        return _CountingLogic(self.clock.build(resume_state), self.counts)


@dataclass(eq=False)
class _CountingLogic(WrappedClockLogic[Any]):
    counts: Counter[str]

    def on_item(self, value: Any) -> tuple[datetime, datetime]:
        self.counts["events"] += 1
        return super().on_item(value)

    def on_notify(self) -> datetime:
        self.counts["wake-ups"] += 1
        return super().on_notify()


def who_did_what(log: str, folder: str, gap: str = "30m", wait: str = "1m") -> Dataflow:
    """Assemble a flow from a log to its sessions, each written by the worker that found it.

    Late events and rejects are left out.

    Args:
        log: Path of the log.
        folder: An existing folder. Worker 0 writes `worker-0.jsonl` there, and so on: one line of
            JSON per session.
        gap: A duration such as "30m".
        wait: A duration such as "1m".

    Raises:
        OSError: There is no such log.
        ValueError: The log's format is unknown, or `gap` or `wait` is no duration.
    """
    windowing = Windowing(gap, wait)
    flow = Dataflow("who_did_what")
    items = op.input("log", flow, LogSource(OpenLog.of(log)))
    events = op.branch("is_event", items, is_event)
    found = session_window("sessions", events.trues, replay_clock(windowing.wait), windowing.gap)
    op.output("out", found.down, WorkerSink(Path(folder)))
    return flow


@dataclass(frozen=True)
class WorkerSink(DynamicSink[Session]):
    """A sink in which each worker writes its sessions to a file of its own."""

    folder: Path

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_WorkerPart":
        """Open the file of one worker."""
        return _WorkerPart(self.folder / f"worker-{worker_index}.jsonl")


class _WorkerPart(StatelessSinkPartition[Session]):
    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8")

    def write_batch(self, items: list[Session]) -> None:
        self.file.writelines(json.dumps(session_row(s), default=str) + "\n" for s in items)

    def close(self) -> None:
        self.file.close()


def run_in_processes(number: int, flow: str, folder: Path) -> list[int]:
    """Run a flow in several processes of this machine, at addresses that are free.

    Args:
        number: How many processes share the work.
        flow: What `python -m bytewax.run` runs, such as "module:flow".
        folder: The working folder of all processes.

    Returns:
        The exit status of each process, in order of their numbers.
    """
    with ExitStack() as open_ports:
        servers = (socket.create_server(("127.0.0.1", 0)) for _ in range(number))
        ports = [open_ports.enter_context(server).getsockname()[1] for server in servers]
    addresses = ";".join(f"127.0.0.1:{port}" for port in ports)
    command = [sys.executable, "-m", "bytewax.run", flow, "-a", addresses, "-i"]
    quiet = subprocess.DEVNULL
    processes = [
        subprocess.Popen([*command, str(index)], cwd=folder, stdout=quiet, stderr=quiet)
        for index in range(number)
    ]
    try:
        return [process.wait() for process in processes]
    finally:  # an interrupt reaches this process alone
        for process in processes:
            process.kill()


def read_workers(folder: Path) -> "pd.DataFrame":
    """Read the files that `who_did_what` wrote.

    Returns:
        One row per session, by user and session: `worker` (int64), then the columns of a session
        as its line holds them.
    """
    import pandas as pd

    rows = [
        {"worker": int(path.stem.removeprefix("worker-")), **json.loads(line)}
        for path in sorted(Path(folder).glob("worker-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    table = pd.DataFrame(rows)
    return table.sort_values(["user", "session"], ignore_index=True) if rows else table
