"""From events to sessions: a key, a clock, a windower, and an operator made of the three."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, overload

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.dataflow import Stream, operator

from searchlogs.durations import check_duration
from searchlogs.events import EARLIEST, ClickResult, Event, Search, check_event, shorten, utc_time

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Session:
    """What one user did without a pause longer than the gap."""

    user: str
    """The key: the events' user as a str."""
    id: int
    """Number of the session among the user's, from 0, in time order."""
    events: tuple[Event, ...]
    """In time order; events of one time in the order in which they arrived."""

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError(f"Session: user {self.user!r}, id {self.id}, has no events")

    @property
    def start(self) -> datetime:
        """Time of the first event."""
        return self.events[0].time

    @property
    def end(self) -> datetime:
        """Time of the last event; the gap after it is not part of the session."""
        return self.events[-1].time

    @property
    def searches(self) -> int:
        """Number of searches: search records with one `query_id` are one search."""
        ids = [event.query_id for event in self.events if isinstance(event, Search)]
        return ids.count(None) + len({*ids} - {None})

    @property
    def clicks(self) -> int:
        """Number of clicks, including those that belong to no search."""
        return sum(isinstance(event, ClickResult) for event in self.events)


@dataclass(frozen=True, slots=True)
class Late:
    """An event that arrived after the watermark had passed it."""

    user: str
    event: Event
    late_by: timedelta
    """How far the watermark was past the event's time."""


def check_session(value: object, where: str) -> None:
    """Check that `value` is a Session.

    Args:
        value: What a person handed in as a session.
        where: Where it was found, for the error message.

    Raises:
        TypeError: `value` is no Session.
    """
    if not isinstance(value, Session):
        found = f"{shorten(value)} ({type(value).__name__})"
        raise TypeError(f"{where}: expected a Session; found {found}")


def user_event(event: Event) -> tuple[str, Event]:
    """Key an event by its user, as a str, so that 1 and "1" are one user.

    Raises:
        TypeError: `event` is not an event.

    >>> user_event(Search(1, "dogs", EARLIEST))[0]
    '1'
    """
    try:
        return str(event.user), event
    except AttributeError:
        check_event(event, "an item of the stream")
        raise


def event_time(event: Event) -> datetime:
    """Return when the event happened, as its client saw it.

    Raises:
        TypeError: `event` is no event.
    """
    try:
        return event.time
    except AttributeError:
        check_event(event, "an item of the stream")
        raise


def checked_time(time: Callable[[V], datetime]) -> Callable[[V], datetime]:
    """Return a function that gives a record's time in UTC, and refuses what is not a time.

    Args:
        time: Takes a record, and returns its time. `event_time` is returned as it is, because
            an event has checked its time.

    Raises:
        TypeError: `time` is no function. The function that is returned raises a TypeError or a
            ValueError for what is not an aware datetime from 1970 to 2200.
    """
    if not callable(time):
        raise TypeError(
            "time: expected a function that returns a record's time, such as "
            f'attrgetter("time"); found {shorten(time)}'
        )
    default: Any = event_time
    return time if time is default else partial(_checked, time)


def _checked(time: Callable[[V], datetime], record: V) -> datetime:
    return utc_time(time(record), "time")


@overload
def replay_clock(wait: timedelta | str) -> win.EventClock[Event]: ...
@overload
def replay_clock(wait: timedelta | str, time: Callable[[V], datetime]) -> win.EventClock[V]: ...
def replay_clock(
    wait: timedelta | str, time: Callable[[Any], datetime] = event_time
) -> win.EventClock[Any]:
    """Make a clock for logs, in which time moves with the data alone.

    A user's watermark is the time of their newest event so far − `wait`, however fast
    the log is read: the same log gives the same sessions. A session stays open until a
    newer event of its user, or the end of the input, closes it.

    Args:
        wait: A timedelta from 0 to 366 days, or text such as "1m".
        time: Returns a record's time, aware, from 1970 to 2200. Give it for records
            that are not events of this package.

    Raises:
        TypeError, ValueError: `wait` is not such a duration, or `time` not a function.

    >>> clock = replay_clock("1m", time=lambda record: record["at"])
    >>> logic = clock.build(None)
    >>> seen, watermark = logic.on_item({"at": EARLIEST + timedelta(minutes=5)})
    >>> f"{watermark:%H:%M}"
    '00:04'
    """
    return win.EventClock(
        checked_time(time),
        check_duration("wait", wait),
        now_getter=lambda: EARLIEST,  # a wall clock that stands still
        to_system_utc=lambda _: None,  # and so nothing to wake up for
    )


def shared_clock(wait: timedelta | str) -> win.Clock[Event, Any]:
    """Make a clock like `replay_clock`, but with one watermark that all users share.

    The watermark is the time of the newest event of *any* user so far − `wait`. Other
    engines share one in this way per partition or per query, so an event can be late
    there that is in time under `replay_clock`. Only lateness is imitated: a session still
    closes at its own user's next event, or at the end of the input.

    What is late depends on how the events of different users are interleaved. The engine
    takes a batch user by user, and several workers in no fixed order, so use this clock
    with batches of one event, as `find_sessions` and `observe` do, and with one worker.
    Make a new clock for each run: it keeps its watermark.

    Raises:
        TypeError, ValueError: `wait` is no duration from 0 to 366 days.

    >>> from searchlogs.dataflow import find_sessions
    >>> second = timedelta(seconds=1)
    >>> events = [Search(1, "dogs", EARLIEST + 9 * second), Search(2, "cats", EARLIEST)]
    >>> [len(find_sessions(events, clock=it)[1]) for it in (replay_clock, shared_clock)]
    [0, 1]
    """
    return _SharedClock(replay_clock(wait).build(None))


@dataclass(frozen=True)
class _SharedClock(win.Clock[Event, Any]):
    """A clock that gives every key the same logic, where the engine expects one for each."""

    logic: Any

    def build(self, resume_state: Any) -> win.ClockLogic[Event, Any]:
        if resume_state is not None:
            # The keys were stored at different times; the newest watermark was everybody's.
            state = self.logic.state
            state.watermark_base = max(state.watermark_base, resume_state.watermark_base)
        logic: win.ClockLogic[Event, Any] = self.logic
        return logic


@dataclass(frozen=True)
class SessionOut:
    """The streams that leave `session_window`."""

    down: Stream[Session]
    """Sessions, each as soon as it is closed."""

    late: Stream[Late]
    """Events that arrived too late for any session."""


@operator
def session_window(
    step_id: str, up: Stream[Event], clock: win.Clock[Event, Any], gap: timedelta | str
) -> SessionOut:
    """Group each user's events into sessions that a pause longer than `gap` ends.

    Two events exactly `gap` apart share a session. Every event goes into one session,
    or leaves through the stream `late`.

    Raises:
        TypeError: `clock` is not a clock, or `gap` is not a duration.
        ValueError: `gap` is not from 0 to 366 days.
    """
    windower = win.SessionWindower(check_duration("gap", gap))
    keyed = op.map("user_event", up, user_event)
    arrivals = op.map_value("arrival", keyed, _Arrival)
    windows = win.collect_window("window", arrivals, _NotingClock(clock), windower)
    return SessionOut(
        op.map("session", windows.down, _to_session),
        op.map("late", windows.late, _to_late),
    )


@dataclass(eq=False)
class WrappedClockLogic(win.ClockLogic[V, Any]):
    """A clock's logic that hands everything on to `logic`; a subclass overrides what differs."""

    logic: win.ClockLogic[Any, Any]

    def before_batch(self) -> None:
        """Hand on that a batch begins."""
        self.logic.before_batch()

    def on_item(self, value: V) -> tuple[datetime, datetime]:
        """Return the item's time, and the watermark after it."""
        return self.logic.on_item(value)

    def on_notify(self) -> datetime:
        """Return the watermark at a wake-up."""
        return self.logic.on_notify()

    def on_eof(self) -> datetime:
        """Return the watermark at the end of the input."""
        return self.logic.on_eof()

    def to_system_utc(self, timestamp: datetime) -> datetime | None:
        """Return when to wake up for `timestamp`, by the wall clock; None for never."""
        return self.logic.to_system_utc(timestamp)

    def snapshot(self) -> Any:
        """Return the state from which `logic` can be built again."""
        return self.logic.snapshot()


@dataclass(slots=True)
class _Arrival:
    """An event on its way through the window, and the watermark at its arrival."""

    event: Event
    watermark: datetime | None = None


@dataclass(frozen=True)
class _NotingClock(win.Clock[_Arrival, Any]):
    """A clock that notes the watermark on each arrival: `WindowOut.late` does not carry it."""

    clock: win.Clock[Event, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.clock, win.Clock):
            raise TypeError(
                f"clock: expected a clock, such as replay_clock(wait); found {self.clock}"
            )

    def build(self, resume_state: Any) -> win.ClockLogic[_Arrival, Any]:
        return _NotingLogic(self.clock.build(resume_state))


@dataclass(eq=False)
class _NotingLogic(WrappedClockLogic[_Arrival]):
    def on_item(self, value: _Arrival) -> tuple[datetime, datetime]:
        time, value.watermark = self.logic.on_item(value.event)
        return time, value.watermark


def _to_session(window: tuple[str, tuple[int, Iterable[_Arrival]]]) -> Session:
    user, (id, arrivals) = window
    return Session(user, id, tuple(arrival.event for arrival in arrivals))


def _to_late(window: tuple[str, tuple[int, _Arrival]]) -> Late:
    user, (_, arrival) = window
    assert arrival.watermark is not None
    return Late(user, arrival.event, arrival.watermark - arrival.event.time)
