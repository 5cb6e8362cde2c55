"""What the engine makes of each arriving event: its watermark, what is late, what closes."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import bytewax.operators as op
import pandas as pd
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import Clock, ClockLogic
from bytewax.testing import TestingSource

from searchlogs.dataflow import GAP, WAIT, run
from searchlogs.durations import check_duration
from searchlogs.events import Event, check_events
from searchlogs.figures.elements import LABELS
from searchlogs.figures.page import clock_text, date_text
from searchlogs.sessions import (
    Late,
    Session,
    WrappedClockLogic,
    replay_clock,
    session_window,
)

MakeClock: TypeAlias = Callable[[timedelta], Clock[Event, Any]]
"""Makes a clock from the wait, as `replay_clock` does."""


def observe(
    events: Iterable[Event],
    gap: timedelta | str = GAP,
    wait: timedelta | str = WAIT,
    clock: MakeClock = replay_clock,
) -> pd.DataFrame:
    """Run events through `session_window`, one per batch, and tabulate what it made of each.

    The clock is asked at arrivals only: a session that a live clock would close while nothing
    arrives closes at the next arrival of its user, or at the end.

    Args:
        events: The events, in the order of their arrival.
        gap: The longest pause within a session, a timedelta or text such as "30m".
        wait: How long the watermark waits for events that are out of order, likewise.
        clock: A function that makes the clock from the wait.

    Returns:
        One row per arrival. Columns: `arrival` (int64, from 1); `user` and `what` (string);
        `time`, and `watermark`, that of the user after the arrival (datetime64[us, UTC]); `late`
        (bool); `late_by` (timedelta64[us], NaT if not late); `closes`, the user's sessions that
        closed at this arrival, each as its id, start and end (string, NA for none);
        `closes_at_end`, on a user's last arrival, those that only the end of the input closed
        (likewise).

    Raises:
        TypeError: Something is not an event, or `gap` or `wait` is no duration.
        ValueError: `gap` or `wait` is not from 0 to 366 days.
    """
    return watch(events, gap, wait, clock).table()


class Arrival(NamedTuple):
    """An event and what the engine made of it."""

    number: int
    """Position in the order of arrival, from 1."""
    event: Event
    watermark: datetime
    """The user's watermark after this arrival."""
    late_by: timedelta | None
    closes: list[Session]
    """The sessions that closed at this arrival."""

    @property
    def user(self) -> str:
        """The key."""
        return str(self.event.user)

    @property
    def what(self) -> str:
        """The label of the kind of event."""
        return next(name for kind, name in LABELS.items() if isinstance(self.event, kind))

    @property
    def look(self) -> str:
        """The key of its marker in LOOKS."""
        return self.what if self.late_by is None else f"late {self.what}"


class Run(NamedTuple):
    """All arrivals, and the sessions that only the end of the input closed."""

    arrivals: list[Arrival]
    at_end: list[Session]
    wait: timedelta

    @property
    def end(self) -> int:
        """The number of the end of the input, which counts as one more arrival."""
        return len(self.arrivals) + 1

    def until(self, number: int) -> "Run":
        """Return what is known after an arrival, or after the end of the input."""
        return self if number == self.end else Run(self.arrivals[:number], [], self.wait)

    def when(self, time: datetime) -> str:
        """Return the time of day, with its date unless that is the day of the first arrival."""
        same = time.date() == self.arrivals[0].event.time.date()
        return clock_text(time) if same else f"{date_text(time)} {clock_text(time)}"

    def session_text(self, session: Session) -> str:
        """Return a session's id, start and end."""
        return f"session {session.id} ({self.when(session.start)} to {self.when(session.end)})"

    def table(self) -> pd.DataFrame:
        """Tabulate the arrivals; `observe` documents the columns."""
        last = {it.user: it.number for it in self.arrivals}
        at_end: dict[int, list[Session]] = defaultdict(list)
        for session in self.at_end:
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
                ", ".join(map(self.session_text, it.closes)) or None,
                ", ".join(map(self.session_text, at_end[it.number])) or None,
            )
            for it in self.arrivals
        ]
        time = "datetime64[us, UTC]"
        dtypes = {"arrival": "int64", "user": "string", "what": "string", "time": time}
        dtypes |= {"watermark": time, "late": "bool", "late_by": "timedelta64[us]"}
        dtypes |= {"closes": "string", "closes_at_end": "string"}
        return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def watch(
    events: Iterable[Event],
    gap: timedelta | str = GAP,
    wait: timedelta | str = WAIT,
    clock: MakeClock = replay_clock,
) -> Run:
    """Run events through the engine and note what came out at which arrival.

    The arguments, and the errors raised, are those of `observe`.
    """
    events, wait = check_events(events), check_duration("wait", wait)
    watermarks: dict[str, list[datetime]] = defaultdict(list)
    epochs: list[int] = []
    closes: dict[int, list[Session]] = defaultdict(list)
    late: dict[int, Late] = {}
    flow = Dataflow("observe")
    source: TestingSource[Event] = TestingSource(events, batch_size=1)
    arriving = op.input("inp", flow, source)
    # The engine runs its steps in an order of its own, but each item that leaves a step carries the
    # epoch of its input. With one epoch per batch of one event, the epoch identifies the arrival.
    op.inspect_debug("arrive", arriving, lambda step, event, epoch, worker: epochs.append(epoch))
    out = session_window("sessions", arriving, _WatchedClock(clock(wait), watermarks), gap)
    op.inspect_debug("close", out.down, lambda step, it, epoch, worker: closes[epoch].append(it))
    op.inspect_debug("late", out.late, lambda step, it, epoch, worker: late.update({epoch: it}))
    run(flow, epoch_interval=timedelta(0))

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
class _WatchedClock(Clock[Event, Any]):
    """A clock that notes each watermark under its user, and wakes nobody.

    Wake-ups would ask for the time in between: a `now` that steps with each call would run ahead.
    """

    clock: Clock[Event, Any]
    watermarks: dict[str, list[datetime]]

    def build(self, resume_state: Any) -> ClockLogic[Event, Any]:
        return _WatchedLogic(self.clock.build(resume_state), self.watermarks)


@dataclass(eq=False)
class _WatchedLogic(WrappedClockLogic[Event]):
    watermarks: dict[str, list[datetime]]

    def on_item(self, value: Event) -> tuple[datetime, datetime]:
        time, watermark = super().on_item(value)
        self.watermarks[str(value.user)].append(watermark)
        return time, watermark

    def to_system_utc(self, timestamp: datetime) -> None:
        return None
