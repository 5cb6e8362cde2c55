"""Which worker did what, and how often keys wake up."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pandas as pd
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, ClockLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from searchlogs.durations import Windowing
from searchlogs.logs.flow import is_event
from searchlogs.logs.log import OpenLog
from searchlogs.logs.rows import session_row
from searchlogs.logs.source import LogSource
from searchlogs.sessions import Session, WrappedClockLogic, replay_clock, session_window

# How often a clock is asked


@dataclass(frozen=True)
class CountingClock(Clock[Any, Any]):
    """A clock that counts in `counts` how often it is told of an event, and how often woken up."""

    clock: Clock[Any, Any]
    counts: Counter[str]

    def build(self, resume_state: Any) -> ClockLogic[Any, Any]:
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


# Which worker did what


def who_did_what(log: str, folder: str, gap: str = "30m", wait: str = "1m") -> Dataflow:
    """Assemble a flow from a log to its sessions, each written by the worker that found it.

    In `folder`, which must be there, worker 0 writes `worker-0.jsonl`, and so on: a line of JSON
    for each session. Late events and rejects are left out.

    Raises a ValueError or an OSError where there is no such log, or no such duration.
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
    """Each worker writes the sessions that are with it to a file of its own."""

    folder: Path

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_WorkerPart":
        return _WorkerPart(self.folder / f"worker-{worker_index}.jsonl")


class _WorkerPart(StatelessSinkPartition[Session]):
    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8")

    def write_batch(self, items: list[Session]) -> None:
        self.file.writelines(json.dumps(session_row(s), default=str) + "\n" for s in items)

    def close(self) -> None:
        self.file.close()


def read_workers(folder: Path) -> pd.DataFrame:
    """What `who_did_what` wrote: a row a session, and its `worker`; by user and session."""
    rows = [
        {"worker": int(path.stem.removeprefix("worker-")), **json.loads(line)}
        for path in sorted(Path(folder).glob("worker-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    table = pd.DataFrame(rows)
    return table.sort_values(["user", "session"], ignore_index=True) if rows else table
