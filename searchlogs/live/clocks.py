"""Clocks for events that happen now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any, TypeVar, overload

import bytewax.operators.windowing as win
from bytewax.operators.windowing import Clock, ClockLogic

from searchlogs.durations import check_duration
from searchlogs.events import Event
from searchlogs.sessions import WrappedClockLogic, checked_time, event_time

V = TypeVar("V")


def _wall_clock() -> datetime:
    return datetime.now(UTC)


@overload
def live_clock(
    wait: timedelta | str, now: Callable[[], datetime] = ...
) -> win.Clock[Event, Any]: ...
@overload
def live_clock(
    wait: timedelta | str,
    now: Callable[[], datetime] = ...,
    *,
    time: Callable[[V], datetime],
) -> win.Clock[V, Any]: ...
def live_clock(
    wait: timedelta | str,
    now: Callable[[], datetime] = _wall_clock,
    *,
    time: Callable[[Any], datetime] = event_time,
) -> win.Clock[Any, Any]:
    """Make a clock for events that happen now, in which time passes while nothing arrives.

    A user's watermark is now − `wait` − the shortest delay with which an event of theirs has
    arrived so far, so sessions close by themselves.

    Args:
        wait: A timedelta from 0 to 366 days, or text such as "1m".
        now: Returns the present time, aware and in UTC.
        time: Returns a record's time, aware, from 1970 to 2200. Give it for records that are not
            events of this package.

    Raises:
        TypeError, ValueError: `wait` is no such duration, or `time` no function.

    >>> noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    >>> clock = live_clock("1m", now=lambda: noon, time=lambda record: record["at"])
    >>> seen, watermark = clock.build(None).on_item({"at": noon})
    >>> f"{watermark:%H:%M}"
    '11:59'
    """
    duration = check_duration("wait", wait)
    return _LiveClock(win.EventClock(checked_time(time), duration, now_getter=now))


@dataclass(frozen=True)
class _LiveClock(win.Clock[Any, Any]):
    clock: win.EventClock[Any]

    def build(self, resume_state: Any) -> win.ClockLogic[Any, Any]:
        state, overtaken = resume_state or (None, ())
        logic = self.clock.build(state)
        # This machine's clock may be behind that of the machine that stored the state, and time
        # must not run backwards.
        logic._system_now = max(logic._system_now, logic.state.system_time_of_max_event)
        return _LiveLogic(logic, list(overtaken))


@dataclass(eq=False)
class _LiveLogic(WrappedClockLogic[Any]):
    """One key's live clock: like EventClock's, except for the instants at which it wakes up."""

    logic: Any
    overtaken: list[datetime]
    """A heap of the times of events that arrived after a newer one and may still be waiting."""
    watermark: datetime = win.UTC_MIN

    def on_item(self, value: Any) -> tuple[datetime, datetime]:
        time, self.watermark = self.logic.on_item(value)
        if self.watermark < time < self.watermark + self.logic.wait_for_system_duration:
            heappush(self.overtaken, time)
        return time, self.watermark

    def on_notify(self) -> datetime:
        self.watermark = self.logic.on_notify()
        return self.watermark

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        # Of the events that wait for the watermark, the step asks for the one that arrived first.
        # An earlier one behind it would wait too long, and so would a session that should close.
        while self.overtaken and self.overtaken[0] <= self.watermark:
            heappop(self.overtaken)
        first = min([timestamp, *self.overtaken[:1]])
        # EventClock would wake up when the wall clock reaches `first`, before the watermark does,
        # and then at once again and again. When the watermark is exactly at a session's closing
        # time, the session is still open; a microsecond later it is closed.
        state = self.logic.state
        to_go: timedelta = first - state.watermark_base
        wake: datetime = state.system_time_of_max_event + to_go + timedelta(microseconds=1)
        return wake

    def snapshot(self) -> Any:
        return self.logic.snapshot(), tuple(self.overtaken)


WAKE_EVERY = timedelta(minutes=5)
"""Longest time between two wake-ups of a user with an open session; each stores the clock."""


def uptime_clock(
    wait: timedelta | str, now: Callable[[], datetime] = _wall_clock
) -> Clock[Event, Any]:
    """Make a live clock for a flow that is stopped and resumed: time stands still while it is down.

    With `live_clock`, events that users sent during a stop longer than `wait` would be late. If a
    user was silent before the stop, up to five minutes of the silence count as part of the stop.

    Args:
        wait: A timedelta from 0 to 366 days, or text such as "1m".
        now: Returns the present time, aware and in UTC.

    Raises:
        TypeError, ValueError: `wait` is not such a duration.
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
    """Time since the user's first event in which the flow was down, or their clock not stored."""
    now: Callable[[], datetime]

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        instant = super().to_system_utc(timestamp)
        # The engine stores a clock only after it has been asked for something, and the time from
        # there to a stop counts as part of the stop. If the flow stopped every hour, a silent
        # user's session might never close.
        return None if instant is None else min(instant + self.down, self.now() + WAKE_EVERY)

    def snapshot(self) -> Any:
        return super().snapshot(), self.now() - self.down
