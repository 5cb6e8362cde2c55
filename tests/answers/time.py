"""Answers to the exercises of notebook 06."""

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import timedelta
from functools import partial, reduce
from itertools import accumulate, groupby
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.dataflow import find_sessions
from searchlogs.exercises.time import my_late

ARRIVALS = [4, 9, 7, 12, 10]


def recursive(events, wait, newest=()):
    if not events:
        return []
    first, *rest = events
    times = dict(newest)
    user = str(first.user)
    times[user] = max(first.time, times.get(user, first.time))
    late = [first] if first.time < times[user] - wait else []
    return late + recursive(rest, wait, tuple(times.items()))


def generator(events, wait) -> Iterator[Any]:
    newest = {}
    for event in events:
        key = f"{event.user}"
        if key not in newest or event.time > newest[key]:
            newest[key] = event.time
        if newest[key] - event.time > wait:
            yield event


def filtered(events, wait):
    newest: dict[str, Any] = {}

    def late(event):
        user = str(event.user)
        newest[user] = max([event.time, *([newest[user]] if user in newest else [])])
        return event.time + wait < newest[user]

    return filter(late, events)


def quadratic(events, wait):
    return [
        event
        for place, event in enumerate(events)
        if any(
            other.time - wait > event.time
            for other in events[:place]
            if str(other.user) == str(event.user)
        )
    ]


def with_pandas(events, wait):
    table = pd.DataFrame({
        "user": [str(event.user) for event in events],
        "time": pd.to_datetime([event.time for event in events], utc=True),
    })  # fmt: skip
    newest = table.groupby("user")["time"].cummax()
    return [events[i] for i in np.flatnonzero(table["time"] < newest - wait)]


def grouped(events, wait):
    def user(event):
        return str(event.user)

    late = []
    for _, some in groupby(sorted(events, key=user), key=user):
        own = list(some)
        newest = accumulate((event.time for event in own), max)
        late += [event for event, top in zip(own, newest, strict=True) if event.time < top - wait]
    return tuple(late)


class Rule:
    def __call__(self, events, wait):
        newest = defaultdict(lambda: events[0].time.min.replace(tzinfo=events[0].time.tzinfo))
        late = []
        for event in events:
            newest[str(event.user)] = max(newest[str(event.user)], event.time)
            if event.time < newest[str(event.user)] - wait:
                late.append(event)
        return late


def reduced(events, wait):
    def step(state, event):
        newest, late = state
        user = str(event.user)
        top = max(newest.get(user, event.time), event.time)
        return newest | {user: top}, late + [event] * (event.time < top - wait)

    return deque(reduce(step, events, ({}, []))[1])


def in_seconds(events, wait):
    newest: dict[str, float] = {}
    late = []
    for event in events:
        second, user = event.time.timestamp(), str(event.user)
        newest[user] = max(newest.get(user, second), second)
        if second < newest[user] - wait.total_seconds():
            late.append(event)
    return late


def by_the_engine(limit, events, wait):
    return [late.event for late in find_sessions(events, limit, wait)[1]]


RIGHT: dict[str, list[Any]] = {
    "watermarks": [
        [1, 6, 6, 9, 9],
        (1, 6, 6, 9, 9),
        [1.0, 6.0, 6.0, 9.0, 9.0],
        [newest - 3 for newest in accumulate(ARRIVALS, max)],
        (newest - 3 for newest in accumulate(ARRIVALS, max)),
        np.maximum.accumulate(ARRIVALS) - 3,
        pd.Series(ARRIVALS).cummax() - 3,
        deque([1, 6, 6, 9, 9]),
        map(int, "16699"),
    ],
    "late_by_rule": [
        my_late,
        recursive,
        generator,
        filtered,
        quadratic,
        with_pandas,
        grouped,
        Rule(),
        reduced,
        in_seconds,
        partial(by_the_engine, timedelta(minutes=30)),
        lambda events, wait: quadratic(events, wait)[::-1],
    ],
    "choose_a_wait": [
        timedelta(seconds=14),
        timedelta(seconds=28),
        timedelta(seconds=20.5),
        14 * timedelta(seconds=1),
        timedelta(minutes=0.25),
        np.timedelta64(16, "s"),
        np.timedelta64(16_000_000_000, "ns"),
        pd.Timedelta("20s"),
        pd.Timedelta(15, "s"),
        "14s",
    ],
}


def shared(events, wait, newest={}):  # noqa: B006
    late = []
    for event in events:
        user = str(event.user)
        newest[user] = max(newest.get(user, event.time), event.time)
        late += [event] * (event.time < newest[user] - wait)
    return late


def printed(events, wait):
    print(*my_late(events, wait))


def one_for_all(events, wait):
    top = accumulate((event.time for event in events), max)
    return [event for event, newest in zip(events, top, strict=True) if event.time < newest - wait]


def to_the_one_before(events, wait):
    last: dict[str, Any] = {}
    late = []
    for event in events:
        if event.time < last.get(str(event.user), event.time) - wait:
            late.append(event)
        last[str(event.user)] = event.time
    return late


def wait_is_added(events, wait):
    newest: dict[str, Any] = {}
    late = []
    for event in events:
        user = str(event.user)
        newest[user] = max(newest.get(user, event.time), event.time)
        if event.time < newest[user] + wait:
            late.append(event)
    return late


WRONG: dict[str, list[tuple[Any, str]]] = {
    "watermarks": [
        (list(accumulate(ARRIVALS, max)), "newest event after each arrival"),
        (np.array(ARRIVALS) - 3, "goes back when 7 and 10 arrive"),
        ([0, 1, 6, 6, 9], "just before each arrival"),
        ([7, 12, 12, 15, 15], "The wait was added"),
        (ARRIVALS, "the events themselves"),
        ([1, 6, 7, 9, 10], "don't move the watermark"),
        ([1, 6, 9], "one number per arrival"),
        ((9,), "at the end"),
        ([1, 6, 6, 9], "five watermarks"),
        ([0, 1, 6, 6, 9, 9], "five watermarks"),
        ([timedelta(seconds=second) for second in (1, 6, 6, 9, 9)], "seconds alone"),
        ([2, 6, 6, 9, 9], ""),
        ("16699", "remove the quotes"),
    ],
    "late_by_rule": [
        (one_for_all, "share one watermark"),
        (
            lambda events, wait: my_late(events, wait - timedelta(microseconds=1)),
            "on the watermark",
        ),
        (to_the_one_before, "may itself be old"),
        (lambda events, wait: my_late(events, timedelta()), "a newer one overtook"),
        (lambda events, wait: my_late(sorted(events, key=lambda e: e.time), wait), "take them as"),
        (lambda events, wait: [event.time for event in my_late(events, wait)], "the times of"),
        (lambda events, wait: find_sessions(events, wait=wait)[1], "`Late` records"),
        (lambda events, wait: [e for e in events if e not in my_late(events, wait)], "in time"),
        (lambda events, wait: my_late(events, 2 * wait), "?may itself be old"),
        (shared, "from one call to the next"),
        (wait_is_added, "subtract the wait"),
        (printed, "return"),
        (my_late([], timedelta()), "without calling it"),
        (lambda events: events, "called with"),
    ],
    "choose_a_wait": [
        (timedelta(seconds=13), "Too short"),
        (timedelta(0), "Too short"),
        (timedelta(seconds=29), "Too long"),
        (timedelta(days=2), "Too long"),
        (timedelta(days=2_000), "Too long"),
        (np.timedelta64(2, "s"), "Too short"),
        (np.timedelta64(60, "s"), "Too long"),
        (pd.Timedelta("5min"), "Too long"),
        (14, "no unit"),
        (np.float64(14), "no unit"),
        (timedelta(seconds=-14), "can't be negative"),
        ("5s", "Too short"),
        ("14 seconds", "This text is no duration"),
        (find_sessions([])[1], ""),
    ],
}

EQUIVALENT: dict[str, dict[str, str]] = {}
