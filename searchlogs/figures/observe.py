"""What the engine's own clock says at each arrival."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import bytewax.operators as op
import pandas as pd
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, ClockLogic
from bytewax.testing import TestingSource, run_main

from searchlogs.dataflow import GAP, WAIT
from searchlogs.events import Event, check_event
from searchlogs.figures.elements import LABELS
from searchlogs.figures.page import clock_text, date_text
from searchlogs.sessions import Late, Session, replay_clock, session_window

MakeClock: TypeAlias = Callable[[timedelta], Clock[Event, Any]]


def observe(
    events: Iterable[Event],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    clock: MakeClock = replay_clock,
) -> pd.DataFrame:
    """Run events through `session_window`, one a batch, and tabulate what it made of each.

    `events` are in the order of their arrival; `gap` and `wait` are from 0 to 366 days; `clock`
    makes the clock from the wait. The clock is asked at arrivals only: what a live clock would
    close while nothing arrives closes at the next arrival of its user, or at the end.

    One row an arrival. Columns: `arrival` (int64, from 1), `user` and `what` (string), `time` and
    `watermark`, that of the user after the arrival (datetime64[us, UTC]), `late` (bool), `late_by`
    (timedelta64[us], NaT where not late), `closes`: the user's sessions that closed at this
    arrival, each as its id, start and end, and `closes_at_end`: on a user's last arrival, those
    that only the end of the input closed (string, NA for none).

    Raises a TypeError for anything that is not an event, before anything runs.
    """
    return run_table(watch(events, gap, wait, clock))


class Arrival(NamedTuple):
    """What the engine made of one event."""

    number: int
    event: Event
    watermark: datetime
    late_by: timedelta | None
    closes: list[Session]

    @property
    def user(self) -> str:
        return str(self.event.user)

    @property
    def what(self) -> str:
        return next(name for kind, name in LABELS.items() if isinstance(self.event, kind))

    @property
    def look(self) -> str:
        return self.what if self.late_by is None else f"late {self.what}"


class Run(NamedTuple):
    """All arrivals, and the sessions that only the end of the input closed."""

    arrivals: list[Arrival]
    at_end: list[Session]
    wait: timedelta

    @property
    def end(self) -> int:
        """The number that the end of the input has, as if it were one more arrival."""
        return len(self.arrivals) + 1

    def until(self, number: int) -> "Run":
        """What is known after that arrival."""
        return self if number == self.end else Run(self.arrivals[:number], [], self.wait)

    def when(self, time: datetime) -> str:
        """The time of day, with its date unless that is the day of the first arrival."""
        same = time.date() == self.arrivals[0].event.time.date()
        return clock_text(time) if same else f"{date_text(time)} {clock_text(time)}"

    def words(self, session: Session) -> str:
        return f"session {session.id} ({self.when(session.start)} to {self.when(session.end)})"


def watch(events: Iterable[Event], gap: timedelta, wait: timedelta, clock: MakeClock) -> Run:
    """Run the flow, and see by the engine's own labels what came out of it when."""
    events = list(events)
    for index, event in enumerate(events):
        check_event(event, f"events[{index}]")
    watermarks: dict[str, list[datetime]] = defaultdict(list)
    epochs: list[int] = []
    closes: dict[int, list[Session]] = defaultdict(list)
    late: dict[int, Late] = {}
    flow = Dataflow("observe")
    source: TestingSource[Event] = TestingSource(events, batch_size=1)
    arriving = op.input("inp", flow, source)
    # The engine runs its steps in an order of its own, but what comes out of them carries the epoch
    # of what went in. With an epoch for each batch of one event, that is the arrival.
    op.inspect_debug("arrive", arriving, lambda step, event, epoch, worker: epochs.append(epoch))
    out = session_window("sessions", arriving, _Watched(clock(wait), watermarks), gap)
    op.inspect_debug("close", out.down, lambda step, it, epoch, worker: closes[epoch].append(it))
    op.inspect_debug("late", out.late, lambda step, it, epoch, worker: late.update({epoch: it}))
    run_main(flow, epoch_interval=timedelta(0))

    coming = {user: iter(own) for user, own in watermarks.items()}
    arrivals = [
        Arrival(
            number,
            event,
            next(coming[str(event.user)]),
            late[epoch].late_by if epoch in late else None,
            closes.pop(epoch, []),
        )
        for number, (event, epoch) in enumerate(zip(events, epochs, strict=True), 1)
    ]
    at_end = [session for own in closes.values() for session in own]
    return Run(arrivals, sorted(at_end, key=lambda it: (it.user, it.id)), wait)


@dataclass(frozen=True)
class _Watched(Clock[Event, Any]):
    """A clock that keeps its watermarks by user, and wakes nobody.

    Wake-ups ask for the time in between: a `now` that steps with each call would run ahead.
    """

    clock: Clock[Event, Any]
    watermarks: dict[str, list[datetime]]

    def build(self, resume_state: Any) -> ClockLogic[Event, Any]:
        return _WatchedLogic(self.clock.build(resume_state), self.watermarks)


@dataclass(frozen=True)
class _WatchedLogic(ClockLogic[Event, Any]):
    logic: ClockLogic[Event, Any]
    watermarks: dict[str, list[datetime]]

    def before_batch(self) -> None:
        self.logic.before_batch()

    def on_item(self, value: Event) -> tuple[datetime, datetime]:
        time, watermark = self.logic.on_item(value)
        self.watermarks[str(value.user)].append(watermark)
        return time, watermark

    def on_notify(self) -> datetime:
        return self.logic.on_notify()

    def on_eof(self) -> datetime:
        return self.logic.on_eof()

    def to_system_utc(self, timestamp: datetime) -> None:
        return None

    def snapshot(self) -> Any:
        return self.logic.snapshot()


def run_table(run: Run) -> pd.DataFrame:
    last = {it.user: it.number for it in run.arrivals}
    at_end: dict[int, list[Session]] = defaultdict(list)
    for session in run.at_end:
        at_end[last[session.user]].append(session)
    rows = [
        (
            it.number,
            it.user,
            it.what,
            it.event.time,
            it.watermark,
            it.late_by is not None,
            it.late_by,
            ", ".join(map(run.words, it.closes)) or None,
            ", ".join(map(run.words, at_end[it.number])) or None,
        )
        for it in run.arrivals
    ]
    time = "datetime64[us, UTC]"
    dtypes = {"arrival": "int64", "user": "string", "what": "string", "time": time}
    dtypes |= {"watermark": time, "late": "bool", "late_by": "timedelta64[us]"}
    dtypes |= {"closes": "string", "closes_at_end": "string"}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)
