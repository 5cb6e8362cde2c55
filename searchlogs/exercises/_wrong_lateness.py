"""Wrong ways to say which events are late."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import Event
from searchlogs.sessions import Late


def _right(events: list[Event], wait: timedelta) -> list[Event]:
    newest: dict[str, datetime] = {}
    late = []
    for event in events:
        user = str(event.user)
        newest[user] = max(newest.get(user, event.time), event.time)
        if event.time < newest[user] - wait:
            late.append(event)
    return late


def _of_user(event: Event, events: list[Event]) -> list[Event]:
    """Return the events of the same user as `event`."""
    return [own for own in events if str(own.user) == str(event.user)]


def _one_for_all(events: list[Event], wait: timedelta) -> list[Event]:
    late, newest = [], None
    for event in events:
        newest = max(newest or event.time, event.time)
        if event.time < newest - wait:
            late.append(event)
    return late


def _on_the_watermark(events: list[Event], wait: timedelta) -> list[Event]:
    return [
        event
        for i, event in enumerate(events)
        if event.time <= max(own.time for own in _of_user(event, events[: i + 1])) - wait
    ]


def _behind_the_last(events: list[Event], wait: timedelta) -> list[Event]:
    late: list[Event] = []
    for user in {str(event.user): event for event in events}.values():
        own = _of_user(user, events)
        late += [event for before, event in pairwise(own) if event.time < before.time - wait]
    return late


def _without_the_wait(events: list[Event], wait: timedelta) -> list[Event]:
    return _right(events, timedelta(0))


def _two_of_one(events: list[Event], wait: timedelta) -> list[Event]:
    return [
        event
        for i, event in enumerate(events)
        if any(
            event.time < own.time - wait for own in events[:i] if repr(own.user) == repr(event.user)
        )
    ]


def _with_hindsight(events: list[Event], wait: timedelta) -> list[Event]:
    return [
        event
        for event in events
        if event.time < max(own.time for own in _of_user(event, events)) - wait
    ]


def _in_parts(events: list[Event], wait: timedelta) -> list[Event]:
    newest: dict[str, datetime] = {}
    late = []
    for event in events:
        user = str(event.user)
        newest[user] = max(newest.get(user, event.time), event.time)
        if (newest[user] - event.time).seconds > wait.seconds:
            late.append(event)
    return late


def _either_way(events: list[Event], wait: timedelta) -> list[Event]:
    newest: dict[str, datetime] = {}
    late = []
    for event in events:
        user = str(event.user)
        if abs(event.time - newest.get(user, event.time)) > wait:
            late.append(event)
        newest[user] = max(newest.get(user, event.time), event.time)
    return late


def _none_late(events: list[Event], wait: timedelta) -> list[Event]:
    return []


def _with_late_by(events: list[Event], wait: timedelta) -> list[tuple[Event, timedelta]]:
    _, late = find_sessions(events, wait=wait)
    return [(one.event, one.late_by) for one in late]


def _late_records(events: list[Event], wait: timedelta) -> list[Late]:
    return find_sessions(events, wait=wait)[1]


def _wait_added(events: list[Event], wait: timedelta) -> list[Event]:
    return _right(events, -wait)


def _times_of_late(events: list[Event], wait: timedelta) -> list[datetime]:
    return [event.time for event in _right(events, wait)]


def _in_time(events: list[Event], wait: timedelta) -> list[Event]:
    late = _right(events, wait)
    return [event for event in events if event not in late]


LATE: dict[Callable[..., Any], str] = {
    _one_for_all: (
        "All users share one watermark here, so a user who is ahead makes others late. Each "
        "user has a watermark of their own: keep the newest time of each user in a "
        "dictionary."
    ),
    _on_the_watermark: (
        "An event exactly on the watermark is late here. It is still in time: `<`, not `<=`."
    ),
    _behind_the_last: (
        "Each event is compared with the one just before it, which may itself be old. The "
        "watermark follows the user's *newest* event so far, and never goes back."
    ),
    _without_the_wait: (
        "Every event that a newer one overtook is late here. But the clock waits: only what "
        "is older than the newest − `wait` is late."
    ),
    _two_of_one: (
        '1 and "1" are two users here, each with a watermark. They are one user: use `str(…)` '
        "of the user, as the key of the stream does."
    ),
    _with_hindsight: (
        "Each event is compared with the newest of the *whole* log. When it arrived, that one "
        "was not known yet: only what came before it counts."
    ),
    _in_parts: (
        "`.seconds` is only a part of a timedelta: days and fractions of a second are missing. "
        "Compare the timedeltas themselves."
    ),
    _either_way: (
        "An event far *ahead* of the newest one is late here. It is only early: the next "
        "newest. Late is what lies far behind."
    ),
    _none_late: (
        "No event is ever late here. Sorting the events by time has this effect, because then "
        "nothing is overtaken: take them as they arrived."
    ),
    _with_late_by: (
        "These are the right events, each in a pair. Put the events alone into the list."
    ),
    _late_records: (
        "These are `Late` records: who was late, and by how much. Put the events into the list, "
        "which they hold as `event`."
    ),
    _wait_added: (
        "The wait is added to the newest time here, so even the newest event is late. The "
        "watermark stays *behind* the newest time: subtract the wait."
    ),
    _times_of_late: (
        "These are the times of the right events. Put the events themselves into the list."
    ),
    _in_time: (
        "These are the events in time, but the late ones are expected. Reverse the comparison."
    ),
}
