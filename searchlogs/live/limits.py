"""Limits on events from the future."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from searchlogs.durations import check_duration
from searchlogs.events import Event
from searchlogs.sessions import event_time


@dataclass(frozen=True, slots=True)
class Ahead:
    """An event from the future."""

    user: str
    event: Event
    ahead_by: timedelta
    """How far the event's time was ahead."""


@dataclass(frozen=True)
class LimitOut:
    """The streams that leave a limit on the future."""

    down: Stream[Event]
    """The other events, in their order."""

    ahead: Stream[Ahead]
    """Events too far ahead, which would have made their user's later events late."""


NEIGHBOURS = 5
"""Number of arrivals on either side of an event with which its time is compared."""


@operator
def limit_future(step_id: str, up: Stream[Event], bound: timedelta | str) -> LimitOut:
    """Take out events whose time is more than `bound` after their neighbours', for logs.

    The neighbours' time is the upper median of the times of up to five arrivals before the event
    and up to five after it, of all users. The upper median keeps the first event after a quiet
    night, if five more follow. If a log ends before that, a pause longer than `bound` looks like a
    jump ahead, and the events after it are taken out. An event without neighbours stays. An event
    leaves when five more have arrived, or the input ends.

    The result is the same for any batch size and number of workers.

    Raises:
        TypeError, ValueError: `bound` is no duration from 0 to 366 days.
    """
    limit = check_duration("bound", bound)
    # One key for all, since an event's neighbours are those of the log and not of its user.
    log = op.key_on("log", up, lambda _: "log")
    judged = op.key_rm(
        "any_key",
        op.stateful_batch("judge", log, lambda state: _Neighbours(limit, *(state or ((), ())))),
    )
    return LimitOut(
        op.filter_map("down", judged, lambda one: None if isinstance(one, Ahead) else one),
        op.filter_map("ahead", judged, lambda one: one if isinstance(one, Ahead) else None),
    )


def judge(event: Event, now: datetime, bound: timedelta) -> Event | Ahead:
    """Return the event, or an Ahead if its time is more than `bound` after `now`."""
    ahead_by = event_time(event) - now
    return Ahead(str(event.user), event, ahead_by) if ahead_by > bound else event


class _Neighbours(StatefulBatchLogic[Event, Event | Ahead, Any]):
    """The arrivals around the next event to judge: up to five times before it, and all after it."""

    def __init__(
        self, bound: timedelta, before: tuple[datetime, ...], waiting: tuple[Event, ...]
    ) -> None:
        self.bound = bound
        self.before = deque(before, NEIGHBOURS)
        self.waiting = deque(waiting)

    def on_batch(self, values: list[Event]) -> tuple[list[Event | Ahead], bool]:
        judged = []
        for event in values:
            self.waiting.append(event)
            if len(self.waiting) > NEIGHBOURS:
                judged.append(self._judge_first())
        return judged, self.RETAIN

    def on_eof(self) -> tuple[list[Event | Ahead], bool]:
        return [self._judge_first() for _ in list(self.waiting)], self.RETAIN

    def _judge_first(self) -> Event | Ahead:
        event = self.waiting.popleft()
        times = sorted([*self.before, *map(event_time, self.waiting)])
        self.before.append(event_time(event))
        return judge(event, times[len(times) // 2], self.bound) if times else event

    def snapshot(self) -> Any:
        return tuple(self.before), tuple(self.waiting)
