"""Wrong ways to sort events and split them into sessions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from searchlogs.events import Event


def _by_hand(events: list[Event], cuts: Any) -> list[list[Event]]:
    """Start a session at each event for which `cuts(session so far, next event)` is true."""
    sessions: list[list[Event]] = []
    for event in events:
        if not sessions or cuts(sessions[-1], event):
            sessions.append([])
        sessions[-1].append(event)
    return sessions


def _each_user(events: list[Event], cuts: Any, sort: bool = True) -> list[list[Event]]:
    """Cut the events of each user."""
    sessions = []
    for user in dict.fromkeys(str(event.user) for event in events):
        own = [event for event in events if str(event.user) == user]
        if sort:
            own.sort(key=lambda event: event.time)
        sessions += _by_hand(own, cuts)
    return sessions


def _right(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _each_user(events, lambda own, event: event.time - own[-1].time > gap)


def _not_sorted(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _each_user(events, lambda own, event: event.time - own[-1].time > gap, sort=False)


def _cut_at_the_gap(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _each_user(events, lambda own, event: event.time - own[-1].time >= gap)


def _from_the_first(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _each_user(events, lambda own, event: event.time - own[0].time > gap)


def _last_one_lost(events: list[Event], gap: timedelta) -> list[list[Event]]:
    last = {str(event.user): event for event in sorted(events, key=lambda event: event.time)}
    return [own for own in _right(events, gap) if own[-1] is not last[str(own[-1].user)]]


def _users_mixed(events: list[Event], gap: timedelta) -> list[list[Event]]:
    in_order = sorted(events, key=lambda event: event.time)
    return _by_hand(in_order, lambda own, event: event.time - own[-1].time > gap)


def _cut_at_each_user(events: list[Event], gap: timedelta) -> list[list[Event]]:
    in_order = sorted(events, key=lambda event: event.time)
    return _by_hand(
        in_order,
        lambda own, event: event.user != own[-1].user or event.time - own[-1].time > gap,
    )


def _never_cut(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _each_user(events, lambda own, event: False)


def _always_ten_seconds(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _right(events, timedelta(seconds=10))


def _days_dropped(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _each_user(events, lambda own, event: (event.time - own[-1].time).seconds > gap.seconds)


def _text_apart(events: list[Event], gap: timedelta) -> list[list[Event]]:
    users = dict.fromkeys(event.user for event in events)
    of_users = [[event for event in events if event.user == user] for user in users]
    return [session for own in of_users for session in _right(own, gap)]


def _first_after_a_pause_lost(events: list[Event], gap: timedelta) -> list[list[Event]]:
    last = dict[str, Event]()
    cut = set[int]()
    for event in sorted(events, key=lambda event: event.time):
        before = last.setdefault(str(event.user), event)
        cut |= {id(event)} if event.time - before.time > gap else set()
        last[str(event.user)] = event
    kept = [[event for event in own if id(event) not in cut] for own in _right(events, gap)]
    return [own for own in kept if own]


def _by_user(events: list[Event], gap: timedelta) -> dict[str, list[list[Event]]]:
    users = dict.fromkeys(str(event.user) for event in events)
    of_users = {user: [event for event in events if str(event.user) == user] for user in users}
    return {user: _right(own, gap) for user, own in of_users.items()}


def _in_order_only(events: list[Event], gap: timedelta) -> list[Event]:
    return [event for session in _right(events, gap) for event in session]


def _empty_session(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _right(events, gap) or [[]]


def _first_event_taken(events: list[Event], gap: timedelta) -> list[list[Event]]:
    return _right([events[0], *events[1:]], gap)


MISTAKES: dict[Callable[..., Any], str] = {
    _not_sorted: (
        "The events were cut in the order in which they arrived. An event that comes a little "
        "late then makes a pause where there was none. Sort each user's events by time "
        "first."
    ),
    _cut_at_the_gap: (
        "A pause exactly as long as the gap ends a session here. Only a longer pause does: "
        "`>`, not `>=`."
    ),
    _from_the_first: (
        "Each event is compared with the first event of its session, which limits how long a "
        "session lasts. Compare it with the event just before it."
    ),
    _last_one_lost: (
        "Each user's last session is missing. No pause comes after it, so nothing ends it: "
        "add it after the loop. Bytewax does the same at the end of its input."
    ),
    _users_mixed: (
        "Users are mixed: what one does keeps the session of another open. Separate the "
        "events by user first."
    ),
    _cut_at_each_user: (
        "A session ends here whenever another user does something in between. Separate the "
        "events by user first; then others make no difference."
    ),
    _never_cut: (
        "Nothing is cut: each user's events are in one session, whatever the gap. Begin a new "
        "session where a pause is longer than the gap."
    ),
    _always_ten_seconds: (
        "A gap of 10 seconds is used here, whatever gap is given. Use the parameter `gap`."
    ),
    _days_dropped: (
        "`.seconds` is only one field of a timedelta: it drops the days. Compare the "
        "timedeltas themselves, or use `.total_seconds()`."
    ),
    _text_apart: (
        '1 and "1" are one user, and here they are two. Use the key of notebook 01: '
        "`str(event.user)`."
    ),
    _first_after_a_pause_lost: (
        "The first event after each long pause is missing. It begins the new session: add it "
        "to the empty list."
    ),
    _by_user: (
        "These are each user's sessions in a dictionary. A list of all sessions is expected, "
        "whoever they belong to."
    ),
    _in_order_only: (
        "This is one list of events. A list of sessions is expected, and each session is a "
        "list of its own: is it `append`, not `extend` or `+=`?"
    ),
    _empty_session: (
        "A log without events has no sessions, and here it has one with no events in it. "
        "Return an empty list."
    ),
    _first_event_taken: (
        "This log has no events, so there is no first one. A log without events has no "
        "sessions: return an empty list."
    ),
}
"""Wrong functions as people write them, each with its diagnosis."""
