"""Answers to the exercises of notebook 06 on other engines."""

import heapq
from collections import defaultdict
from datetime import timedelta
from itertools import chain, groupby, pairwise
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.dataflow import find_sessions
from searchlogs.exercises._core import at
from searchlogs.exercises.engines import my_correction
from searchlogs.sessions import Session, replay_clock, shared_clock

BY_TIME = attrgetter("time")


def _all(sessions: Any, late: Any) -> list[Any]:
    return [*chain.from_iterable(it.events for it in sessions), *(one.event for one in late)]


def waits_a_day(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(_all(sessions, late), gap, timedelta(days=1))[0]


def sorts_by_user(sessions: Any, late: Any, gap: timedelta) -> Any:
    events = sorted(_all(sessions, late), key=lambda event: (str(event.user), event.time))
    return find_sessions(events, gap=gap)[0]


def merges(sessions: Any, late: Any, gap: timedelta) -> Any:
    late_events = sorted((one.event for one in late), key=BY_TIME)
    in_time = sorted((event for it in sessions for event in it.events), key=BY_TIME)
    return find_sessions(heapq.merge(in_time, late_events, key=BY_TIME), gap)[0]


def by_hand(sessions: Any, late: Any, gap: timedelta) -> Any:
    users = defaultdict(list)
    for event in _all(sessions, late):
        users[str(event.user)].append(event)
    found = []
    for user, own in users.items():
        own.sort(key=BY_TIME)
        cuts = [i for i, (a, b) in enumerate(pairwise(own), 1) if b.time - a.time > gap]
        for id, (first, end) in enumerate(pairwise([0, *cuts, len(own)])):
            found.append(Session(user, id, tuple(own[first:end])))
    return found


def backwards(sessions: Any, late: Any, gap: timedelta) -> Any:
    return my_correction(sessions, late, gap)[::-1]


def recomputes_only_users_with_late(sessions: Any, late: Any, gap: timedelta) -> Any:
    touched = {one.user for one in late}
    kept = [it for it in sessions if it.user not in touched]
    again = [it for it in sessions if it.user in touched]
    return kept + find_sessions(sorted(_all(again, late), key=BY_TIME), gap)[0]


def groups(sessions: Any, late: Any, gap: timedelta) -> Any:
    def user(event: Any) -> str:
        return str(event.user)

    found = []
    for _, own in groupby(sorted(_all(sessions, late), key=user), user):
        found += find_sessions(sorted(own, key=BY_TIME), gap)[0]
    return tuple(found)


class Corrector:
    def __call__(self, sessions: Any, late: Any, gap: timedelta) -> Any:
        return find_sessions(sorted(_all(sessions, late), key=BY_TIME), gap, clock=shared_clock)[0]


def pandas_order(sessions: Any, late: Any, gap: timedelta) -> Any:
    events = pd.Series(_all(sessions, late), dtype=object)
    order = events.map(BY_TIME).argsort(kind="stable") if len(events) else []
    return find_sessions([events[i] for i in order], gap, clock=replay_clock)[0]


def does_nothing(sessions: Any, late: Any, gap: timedelta) -> Any:
    return list(sessions)


def appends(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(_all(sessions, late), gap)[0]


def forgets_the_gap(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(sorted(_all(sessions, late), key=BY_TIME))[0]


def late_alone(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(sorted((one.event for one in late), key=BY_TIME), gap)[0]


def beside(sessions: Any, late: Any, gap: timedelta) -> Any:
    return list(sessions) + late_alone(sessions, late, gap)


def both(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(sorted(_all(sessions, late), key=BY_TIME), gap)


def events_in_order(sessions: Any, late: Any, gap: timedelta) -> Any:
    return sorted(_all(sessions, late), key=BY_TIME)


def takes_late_for_events(sessions: Any, late: Any, gap: timedelta) -> Any:
    events = [event for it in sessions for event in it.events] + list(late)
    return find_sessions(sorted(events, key=BY_TIME), gap)[0]


def newest_first(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(sorted(_all(sessions, late), key=BY_TIME, reverse=True), gap)[0]


def wait_for_gap(sessions: Any, late: Any, gap: timedelta) -> Any:
    return find_sessions(sorted(_all(sessions, late), key=BY_TIME), wait=gap)[0]


def into_the_session_around_it(sessions: Any, late: Any, gap: timedelta) -> Any:
    found = []
    for it in sessions:
        inside = [
            one.event
            for one in late
            if one.user == it.user and it.start <= one.event.time <= it.end
        ]
        events = sorted([*it.events, *inside], key=BY_TIME)
        found.append(Session(it.user, it.id, tuple(events)))
    return found


RIGHT: dict[str, list[Any]] = {
    "late_when_shared": [
        [6, 8, 9],
        [8, 9, 6],
        (6, 8, 9),
        {6, 8, 9},
        [6.0, 8.0, 9.0],
        np.array([6, 8, 9]),
        pd.Series([9, 8, 6]),
        [np.int64(6), 8, 9.0],
        frozenset({9, 8, 6}),
    ],
    "put_back": [
        waits_a_day,
        sorts_by_user,
        merges,
        by_hand,
        backwards,
        recomputes_only_users_with_late,
        groups,
        Corrector(),
        pandas_order,
        lambda sessions, late, gap: my_correction(sessions, late, gap),
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "late_when_shared": [
        ([8], "with a watermark per user"),
        ([9, 6], "*only* under a shared watermark"),
        ([6, 11, 8, 9], "exactly on the watermark"),
        ([6, 8, 9, 11, 12], "But the clock waits"),
        ([10, 6, 8, 9], "first to arrive"),
        ([6], "just before it"),
        ([10, 14, 11, 12], "events in time"),
        ([2, 5, 7], "positions"),
        ([1, 4, 6], "positions"),
        ([(2, 6), (1, 8), (2, 9)], "without the user"),
        ([at(6), at(8), at(9)], "numbers of seconds alone"),
        ([timedelta(seconds=second) for second in (6, 8, 9)], "numbers of seconds alone"),
        ([], ""),
        (3, ""),
        ("6, 8, 9", ""),
        ([6, 8, 9, 9], ""),
    ],
    "put_back": [
        (does_nothing, "still missing"),
        (appends, "last in your list"),
        (newest_first, ""),
        (forgets_the_gap, "another gap than `gap`"),
        (wait_for_gap, "another gap than `gap`"),
        (late_alone, "the late events alone"),
        (beside, "sessions of their own"),
        (both, "These are two lists"),
        (events_in_order, "sessions are expected"),
        (takes_late_for_events, "error"),
        (into_the_session_around_it, "bridge them"),
    ],
}

EQUIVALENT: dict[str, dict[str, str]] = {}
