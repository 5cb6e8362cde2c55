"""Events that happen now: a log played as such, a clock that may stop, limits on the future."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators.windowing import Clock, ClockLogic

from searchlogs.events import EARLIEST, Event, check_event
from searchlogs.live.clocks import live_clock
from searchlogs.sessions import WrappedClockLogic

POLLS = 10
"""How often the source is asked in vain before play time moves on.

In one worker, what the source gave is through the flow before it is asked again: this is a margin.
"""

BREATH = timedelta(milliseconds=1)
"""What an instant of the play takes at least, roughly, in wall time."""

Place = tuple[int, datetime]


class Play(FixedPartitionedSource[Event, Place]):
    """A source that plays `events` at `speed`, and the play time by which a flow lives through it.

    An event arrives at the newest event time so far in the list, its own included. `speed` is in
    seconds of play time per second; None is as fast as it goes. Play time stands still while the
    flow is busy, and then goes to the next instant at which an event arrives or `clock` must look:
    so results, and the play times at which they come, are the same at any speed on any machine.
    After the last event it goes on until every session has closed. Each run starts over, and a
    recovered one goes on where its snapshot was taken.

    Exact with one worker; with several, in one process, if every batch is an epoch of its own
    (`epoch_interval=timedelta(0)`). Raises a TypeError for anything that is not an event, and where
    `speed` is not a number; a ValueError where it is not over 0.
    """

    played: int
    """How many events the flow has got so far."""

    def __init__(self, events: Iterable[Event], speed: float | None = None) -> None:
        self.events = list(events)
        for index, event in enumerate(self.events):
            check_event(event, f"events[{index}]")
        if speed is not None and type(speed) not in (int, float):
            raise TypeError(f"speed must be a number of seconds per second, or None; got {speed!r}")
        if speed is not None and not speed > 0:
            raise ValueError(f"speed must be over 0; got {speed}")
        self.speed = speed
        self._arrivals = list(accumulate((event.time for event in self.events), max))
        self._wakes: dict[ClockLogic[Event, Any], tuple[datetime, datetime]] = {}
        self._begin(0, self._arrivals[0] if self.events else EARLIEST)

    def now(self) -> datetime:
        """The play time, which a flow may use as its present."""
        return self._now

    def clock(self, wait: timedelta | str) -> Clock[Event, Any]:
        """`live_clock` in play time; `wait` is a timedelta from 0 to 366 days, else it raises."""
        return _PlayClock(self, live_clock(wait, self.now))

    def list_parts(self) -> list[str]:
        # A run begins with this, before it builds or recovers any step.
        self._wakes.clear()
        self._begin(0, self._arrivals[0] if self.events else EARLIEST)
        return ["play"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: Place | None
    ) -> StatefulSourcePartition[Event, Place]:
        if resume_state is not None:
            self._begin(*resume_state)
        return _PlayPart(self)

    def _begin(self, played: int, now: datetime) -> None:
        self.played, self._now, self._since = played, now, datetime.now(UTC)
        self._polls = POLLS

    def _next(self) -> datetime | None:
        """The instant of the next arrival or wake-up; None after the last."""
        arrivals = self._arrivals[self.played : self.played + 1]
        # In a list, since other workers may add to the dict meanwhile.
        return min([*arrivals, *(at for at, _ in list(self._wakes.values()))], default=None)

    def _wall(self, instant: datetime) -> datetime:
        """When, by the wall clock, play time may go to `instant`."""
        # Not before the engine would wake up all that is due then: it does so in one go, and in
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
        # Looking too early costs a look for each user, so allow for what comes first.
        before = bisect_left(self._arrivals, instant) - self.played
        wall = max(self._pace(instant), datetime.now(UTC) + (max(before, 0) + 1) * BREATH)
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
        play._polls = POLLS
        if instant > play._now:
            play._move(instant)
            return []
        # Who is due goes before who arrives, so that the order of results is always the same.
        if any(at <= play._now for at, _ in list(play._wakes.values())):
            return []
        begin, play.played = play.played, bisect_right(play._arrivals, play._now)
        return play.events[begin : play.played]

    def next_awake(self) -> datetime | None:
        instant = self.play._next()
        # A time in the past: ask again at once.
        return EARLIEST if self.play._polls or instant is None else self.play._wall(instant)

    def snapshot(self) -> Place:
        # An epoch ends, and the engine asks again only when all of it is through.
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
        # The engine may look too early; then the instant stays noted, for a source that runs in
        # another worker. What comes of it must go through before play time moves on.
        instant, _ = self.play._wakes.get(self, (None, None))
        if instant is not None and instant <= self.play.now():
            self.play._polls = POLLS
            del self.play._wakes[self]
        return super().on_notify()

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        instant = super().to_system_utc(timestamp)
        return None if instant is None else self.play._wake(self, instant)
