"""A log played as events that happen now, in a time of its own."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators.windowing import Clock, ClockLogic

from searchlogs.events import EARLIEST, Event, check_events
from searchlogs.live.clocks import live_clock
from searchlogs.sessions import WrappedClockLogic

MIN_STEP = timedelta(milliseconds=1)
"""Roughly the least wall time from one instant of a play to the next."""

Place = tuple[int, datetime]
"""Number of events played so far, and the play time."""


class Play(FixedPartitionedSource[Event, Place]):
    """A source that plays events, and the play time in which a flow lives through them.

    An event arrives at the newest event time so far in the list, including its own. Play time
    stands still while the flow is busy. Then it goes to the next instant at which an event arrives
    or `clock` must wake up: so results, and the play times at which they come, are the same at any
    speed on any machine. After the last event it goes on until every session has closed. Each run
    starts over; a recovered run resumes where its snapshot was taken.

    A play is exact with one worker. With several, in one process, it is exact if every batch is an
    epoch of its own (`epoch_interval=timedelta(0)`).

    Args:
        events: The events, in the order in which they arrive.
        speed: Seconds of play time per second; None is as fast as possible.

    Raises:
        TypeError: One of `events` is no event, or `speed` no number.
        ValueError: `speed` is not over 0.
    """

    polls = 10
    """Number of times that the source is asked in vain before play time moves on.

    In one worker, the flow is done with an event before the source is asked again: this is a
    margin.
    """

    played: int
    """Number of events that the flow has received so far."""

    def __init__(self, events: Iterable[Event], speed: float | None = None) -> None:
        self.events = check_events(events)
        if speed is not None and type(speed) not in (int, float):
            raise TypeError(
                f"speed: expected a number of seconds per second, or None; found {speed!r}"
            )
        if speed is not None and not speed > 0:
            raise ValueError(f"speed: expected a number over 0; found {speed}")
        self.speed = speed
        self._arrivals = list(accumulate((event.time for event in self.events), max))
        self._wakes: dict[ClockLogic[Event, Any], tuple[datetime, datetime]] = {}
        self._begin(0, self._arrivals[0] if self.events else EARLIEST)

    def now(self) -> datetime:
        """Return the play time, which a flow may use as the present."""
        return self._now

    def clock(self, wait: timedelta | str) -> Clock[Event, Any]:
        """Make a `live_clock` in play time.

        Raises:
            TypeError, ValueError: `wait` is no duration from 0 to 366 days.
        """
        return _PlayClock(self, live_clock(wait, self.now))

    def list_parts(self) -> list[str]:
        """Start over, and list the one part."""
        # A run begins with this, before it builds or recovers any step.
        self._wakes.clear()
        self._begin(0, self._arrivals[0] if self.events else EARLIEST)
        return ["play"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: Place | None
    ) -> StatefulSourcePartition[Event, Place]:
        """Build the part, at the place of a resume or the beginning."""
        if resume_state is not None:
            self._begin(*resume_state)
        return _PlayPart(self)

    def _begin(self, played: int, now: datetime) -> None:
        self.played, self._now, self._since = played, now, datetime.now(UTC)
        self._polls = self.polls

    def _next(self) -> datetime | None:
        """Return the instant of the next arrival or wake-up; None after the last."""
        arrivals = self._arrivals[self.played : self.played + 1]
        # In a list, since other workers may add to the dict meanwhile.
        return min([*arrivals, *(at for at, _ in list(self._wakes.values()))], default=None)

    def _wall(self, instant: datetime) -> datetime:
        """Return when, by the wall clock, play time may go to `instant`."""
        # Not before the engine would wake up every key that is due then. It does so in one go, in
        # the order of the keys, so that the order of results does not depend on the machine.
        armed = [wall for at, wall in list(self._wakes.values()) if at <= instant]
        return max([self._pace(instant), *armed])

    def _pace(self, instant: datetime) -> datetime:
        if self.speed is None:
            return self._since
        seconds = (instant - self._now).total_seconds() / self.speed
        return self._since + timedelta(seconds=min(seconds, 1e9))

    def _move(self, instant: datetime) -> None:
        self._now, self._since = instant, datetime.now(UTC)

    def _wake(self, logic: ClockLogic[Event, Any], instant: datetime) -> datetime:
        """Note that play time must not pass `instant` unseen; return when to look for it."""
        # A wake-up that is too early costs one look per user, so allow for the arrivals before it.
        before = bisect_left(self._arrivals, instant) - self.played
        wall = max(self._pace(instant), datetime.now(UTC) + (max(before, 0) + 1) * MIN_STEP)
        self._wakes[logic] = (instant, wall)
        return wall


@dataclass(frozen=True)
class _PlayPart(StatefulSourcePartition[Event, Place]):
    play: Play

    def next_batch(self) -> list[Event]:
        play = self.play
        instant = play._next()
        if play._polls:
            play._polls -= 1
            return []
        if instant is None:
            raise StopIteration
        if play._wall(instant) > datetime.now(UTC):
            return []
        play._polls = play.polls
        if instant > play._now:
            play._move(instant)
            return []
        # Wake-ups go before arrivals, so that the order of results is always the same.
        if any(at <= play._now for at, _ in list(play._wakes.values())):
            return []
        begin, play.played = play.played, bisect_right(play._arrivals, play._now)
        return play.events[begin : play.played]

    def next_awake(self) -> datetime | None:
        instant = self.play._next()
        # A time in the past: ask again at once.
        return EARLIEST if self.play._polls or instant is None else self.play._wall(instant)

    def snapshot(self) -> Place:
        # An epoch ends, and the engine asks again only when the flow is done with all of it.
        self.play._polls = 0
        return self.play.played, self.play._now


@dataclass(frozen=True)
class _PlayClock(Clock[Event, Any]):
    play: Play
    clock: Clock[Event, Any]

    def build(self, resume_state: Any) -> ClockLogic[Event, Any]:
        return _PlayLogic(self.clock.build(resume_state), self.play)


@dataclass(eq=False)
class _PlayLogic(WrappedClockLogic[Event]):
    play: Play

    def before_batch(self) -> None:
        self.play._wakes.pop(self, None)
        super().before_batch()

    def on_notify(self) -> datetime:
        # If the engine looks too early, the instant stays noted, for a source that runs in another
        # worker. The results of a wake-up must leave the flow before play time moves on.
        instant, _ = self.play._wakes.get(self, (None, None))
        if instant is not None and instant <= self.play.now():
            self.play._polls = self.play.polls
            del self.play._wakes[self]
        return super().on_notify()

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        instant = super().to_system_utc(timestamp)
        return None if instant is None else self.play._wake(self, instant)
