"""Wrong ways to measure the pauses from each event of a user to the next."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import Any

from searchlogs.events import Event


def _right(events: Iterable[Event]) -> dict[str, list[float]]:
    times = defaultdict(list)
    for event in events:
        times[str(event.user)].append(event.time)
    return {
        user: [(after - before).total_seconds() for before, after in pairwise(sorted(of_user))]
        for user, of_user in times.items()
    }


def _users_mixed(events: list[Event]) -> dict[object, list[float]]:
    pauses: dict[object, list[float]] = defaultdict(list)
    for before, after in pairwise(sorted(events, key=lambda event: event.time)):
        pauses[after.user].append((after.time - before.time).total_seconds())
    return pauses


def _not_sorted(events: list[Event]) -> dict[str, list[float]]:
    times = defaultdict(list)
    for event in events:
        times[str(event.user)].append(event.time)
    return {
        user: [(after - before).total_seconds() for before, after in pairwise(of_user)]
        for user, of_user in times.items()
    }


def _without_sign(events: list[Event]) -> dict[str, list[float]]:
    return {user: [abs(pause) for pause in pauses] for user, pauses in _not_sorted(events).items()}


def _one_too_many(events: list[Event]) -> dict[str, list[float]]:
    return {user: [0.0, *pauses] for user, pauses in _right(events).items()}


def _since_the_first(events: list[Event]) -> dict[str, list[float]]:
    return {user: list(accumulate(pauses)) for user, pauses in _right(events).items()}


def _backwards(events: list[Event]) -> dict[str, list[float]]:
    return {user: [-pause for pause in pauses] for user, pauses in _right(events).items()}


def _newest_first(events: list[Event]) -> dict[str, list[float]]:
    return {user: [-pause for pause in pauses[::-1]] for user, pauses in _right(events).items()}


def _fraction_lost(events: list[Event]) -> dict[str, list[int]]:
    return {user: [int(pause) for pause in pauses] for user, pauses in _right(events).items()}


def _text_apart(events: list[Event]) -> dict[object, list[float]]:
    own = {event.user: [one for one in events if one.user == event.user] for event in events}
    return {user: _right(of_user)[str(user)] for user, of_user in own.items()}


def _in_one_list(events: list[Event]) -> list[float]:
    return [pause for pauses in _right(events).values() for pause in pauses]


def _last_user_alone(events: list[Event]) -> dict[str, list[float]]:
    return dict(list(_right(events).items())[-1:])


def _seconds_only(events: list[Event]) -> dict[str, list[float]]:
    return {
        user: [pause // 1 % 86_400 for pause in pauses] for user, pauses in _right(events).items()
    }


def _as_durations(events: list[Event]) -> dict[str, list[timedelta]]:
    return {
        user: [timedelta(seconds=pause) for pause in pauses]
        for user, pauses in _right(events).items()
    }


MISTAKES: dict[Callable[..., Any], str] = {
    _users_mixed: (
        "These pauses run from one user to another. Separate the users first, then look at "
        "each user's own events."
    ),
    _not_sorted: (
        "The events were taken as they arrived, so a pause can run backwards in time. Sort "
        "each user's times first."
    ),
    _without_sign: (
        "No pause runs backwards, but only because the sign was dropped: the events are still "
        "in the order in which they arrived. Sort each user's times first."
    ),
    _one_too_many: (
        "There is one pause too many: the first event has no pause before it. Three events have "
        "two pauses between them."
    ),
    _seconds_only: (
        "These are whole seconds, and the days are missing: `.seconds` is only one field of a "
        "timedelta. Use `.total_seconds()` for the whole duration."
    ),
    _as_durations: (
        "These are timedeltas, but numbers of seconds are expected: use `.total_seconds()`."
    ),
    _since_the_first: (
        "Each event is compared with the user's first one. A pause goes from an event to the "
        "next: compare neighbours."
    ),
    _backwards: (
        "The pauses are negative: the later time was taken from the earlier one. Subtract the "
        "other way round."
    ),
    _newest_first: (
        "The pauses are negative, and in the reverse order: each user's times were sorted with the "
        "newest first. Sort them with the oldest first."
    ),
    _fraction_lost: (
        "These are whole seconds: the fractions are lost. `.total_seconds()` gives them, so "
        "leave out `int`, `round` and `//`."
    ),
    _text_apart: (
        '1 and "1" are one user, and here they are two. Use the key of notebook 01: '
        "`str(event.user)`."
    ),
    _in_one_list: (
        "These are the pauses of all users in one list. A dictionary is expected, with a list "
        "for each user."
    ),
    _last_user_alone: (
        "Only the last user is in the dictionary. Is `return` inside the loop, or is the "
        "dictionary made anew for each user?"
    ),
}
"""Wrong functions as people write them, each with its diagnosis."""
