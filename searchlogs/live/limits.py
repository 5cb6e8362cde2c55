"""Limits on events from the future."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from searchlogs.durations import check_duration
from searchlogs.events import Event, check_event


@dataclass(frozen=True, slots=True)
class Ahead:
    """An event from the future, and `ahead_by` how much it was ahead."""

    user: str
    event: Event
    ahead_by: timedelta


@dataclass(frozen=True)
class LimitOut:
    """The streams that leave a limit on the future."""

    down: Stream[Event]
    """The other events, in their order."""

    ahead: Stream[Ahead]
    """Events too far ahead, which would have made their user's later events late."""


@operator
def limit_future_live(
    step_id: str,
    up: Stream[Event],
    bound: timedelta,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> LimitOut:
    """Take out events whose time is more than `bound` after `now`, for events that happen now.

    Returns the other events and, with how much they were ahead of `now`, those taken out. Raises
    where `bound` is not a timedelta from 0 to 366 days.
    """
    check_duration("bound", bound)

    def judge(event: Event) -> Event | Ahead:
        check_event(event, "an item of the stream")
        return _judge(event, now(), bound)

    return _split(op.map("judge", up, judge))


NEIGHBOURS = 5
"""How many arrivals on either side of an event say what time it is."""


@operator
def limit_future(step_id: str, up: Stream[Event], bound: timedelta) -> LimitOut:
    """Take out events whose time is more than `bound` after their neighbours', for logs.

    That is the upper median of the times of up to five arrivals before the event and up to five
    after it, of all users: the upper, so that the first event after a quiet night stays, if five
    more follow. Where a log ends before that, a pause longer than `bound` looks like a jump ahead,
    and what follows it leaves. An event without neighbours stays.
    An event leaves when five more have arrived, or the input ends.

    Returns the other events and, with how much they were ahead, those taken out; the same for any
    batch size and number of workers. Raises where `bound` is not a timedelta from 0 to 366 days.
    """
    check_duration("bound", bound)
    # One key for all, since an event's neighbours are those of the log and not of its user.
    log = op.key_on("log", up, lambda _: "log")
    judged = op.stateful_batch("judge", log, lambda state: _Neighbours(bound, *(state or ((), ()))))
    return _split(op.key_rm("any_key", judged))


def _judge(event: Event, reference: datetime, bound: timedelta) -> Event | Ahead:
    ahead_by = event.time - reference
    return Ahead(str(event.user), event, ahead_by) if ahead_by > bound else event


def _split(judged: Stream[Event | Ahead]) -> LimitOut:
    return LimitOut(
        op.filter_map("down", judged, lambda one: None if isinstance(one, Ahead) else one),
        op.filter_map("ahead", judged, lambda one: one if isinstance(one, Ahead) else None),
    )


class _Neighbours(StatefulBatchLogic[Event, Event | Ahead, Any]):
    """The arrivals around the next event to judge: up to five times before it, and what follows."""

    def __init__(
        self, bound: timedelta, before: tuple[datetime, ...], waiting: tuple[Event, ...]
    ) -> None:
        self.bound = bound
        self.before = deque(before, NEIGHBOURS)
        self.waiting = deque(waiting)

    def on_batch(self, values: list[Event]) -> tuple[list[Event | Ahead], bool]:
        judged = []
        for event in values:
            check_event(event, "an item of the stream")
            self.waiting.append(event)
            if len(self.waiting) > NEIGHBOURS:
                judged.append(self._judge_first())
        return judged, self.RETAIN

    def on_eof(self) -> tuple[list[Event | Ahead], bool]:
        return [self._judge_first() for _ in list(self.waiting)], self.RETAIN

    def _judge_first(self) -> Event | Ahead:
        event = self.waiting.popleft()
        times = sorted([*self.before, *(after.time for after in self.waiting)])
        self.before.append(event.time)
        return _judge(event, times[len(times) // 2], self.bound) if times else event

    def snapshot(self) -> Any:
        return tuple(self.before), tuple(self.waiting)
