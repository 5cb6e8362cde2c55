"""Clocks for events that happen now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

import bytewax.operators.windowing as win
from bytewax.operators.windowing import Clock, ClockLogic

from searchlogs.durations import check_duration
from searchlogs.events import Event
from searchlogs.sessions import WrappedClockLogic, event_time


def live_clock(
    wait: timedelta | str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> win.Clock[Event, Any]:
    """A clock for events that happen now, in which time also passes while nothing arrives.

    A user's watermark is the time of their newest event − `wait` + the time that has passed by
    `now` since it arrived, so that sessions close by themselves.

    Raises where `wait` is not a timedelta from 0 to 366 days.
    """
    return _LiveClock(win.EventClock(event_time, check_duration("wait", wait), now_getter=now))


@dataclass(frozen=True)
class _LiveClock(win.Clock[Event, Any]):
    clock: win.EventClock[Event]

    def build(self, resume_state: Any) -> win.ClockLogic[Event, Any]:
        state, overtaken = resume_state or (None, ())
        logic = self.clock.build(state)
        # Another machine's clock may be behind the one that stored the state, and time must not
        # run backwards.
        logic._system_now = max(logic._system_now, logic.state.system_time_of_max_event)
        return _LiveLogic(logic, list(overtaken))


@dataclass(eq=False)
class _LiveLogic(WrappedClockLogic[Event]):
    """One user's live clock: like EventClock's, except for the instants at which it wakes up."""

    logic: Any
    overtaken: list[datetime]
    """A heap: the times of events that came behind a newer one, as far as they may still wait."""
    watermark: datetime = win.UTC_MIN

    def on_item(self, value: Event) -> tuple[datetime, datetime]:
        time, self.watermark = self.logic.on_item(value)
        if self.watermark < time < self.watermark + self.logic.wait_for_system_duration:
            heappush(self.overtaken, time)
        return time, self.watermark

    def on_notify(self) -> datetime:
        self.watermark = self.logic.on_notify()
        return self.watermark

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        # The step asks for the first event to come of those that wait for the watermark; an
        # earlier one behind it would wait too long, and with it a session that should close.
        while self.overtaken and self.overtaken[0] <= self.watermark:
            heappop(self.overtaken)
        first = min([timestamp, *self.overtaken[:1]])
        # EventClock would wake up when the wall clock reaches `first`, before the watermark does,
        # and then again and again at once. A session is still open when the watermark is at its
        # closing time, and closed a microsecond later.
        state = self.logic.state
        to_go: timedelta = first - state.watermark_base
        wake: datetime = state.system_time_of_max_event + to_go + timedelta(microseconds=1)
        return wake

    def snapshot(self) -> Any:
        return self.logic.snapshot(), tuple(self.overtaken)


BEAT = timedelta(minutes=5)
"""How often the clock of a user with an open session is looked at, and so stored."""


def uptime_clock(
    wait: timedelta | str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Clock[Event, Any]:
    """`live_clock` for a flow that is stopped and resumed: while it is down, time stands still.

    Else what a user sent meanwhile would be late after any stop that is longer than `wait`. Of a
    user who was silent, up to five minutes before the stop count as part of it.

    Raises where `wait` is not a timedelta from 0 to 366 days.
    """
    return _UptimeClock(check_duration("wait", wait), now)


@dataclass(frozen=True)
class _UptimeClock(Clock[Event, Any]):
    wait: timedelta
    now: Callable[[], datetime]

    def build(self, resume_state: Any) -> ClockLogic[Event, Any]:
        state, stopped = resume_state or (None, self.now())
        down = self.now() - stopped
        live = live_clock(self.wait, lambda: self.now() - down)
        return _UptimeLogic(live.build(state), down, self.now)


@dataclass(eq=False)
class _UptimeLogic(WrappedClockLogic[Event]):
    down: timedelta
    """How long the flow was down, or this user's clock not stored, since their first event."""
    now: Callable[[], datetime]

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        instant = super().to_system_utc(timestamp)
        # The engine stores a clock when it has looked at it, and what passes until a stop counts as
        # part of the stop: with one each hour, a session of a silent user might never close.
        return None if instant is None else min(instant + self.down, self.now() + BEAT)

    def snapshot(self) -> Any:
        return super().snapshot(), self.now() - self.down
