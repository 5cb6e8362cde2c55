"""Answers to the exercises of notebook 02."""

from collections import defaultdict, deque
from datetime import timedelta
from fractions import Fraction
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.events import AppOpen, ClickResult, Search
from searchlogs.exercises._core import at
from searchlogs.exercises.simulated_events import (
    a_good_gap,
    count_sessions,
    my_pauses,
    the_reason,
    three_sessions,
)
from searchlogs.simulate import client_events


def by_timestamps(events: Any) -> Any:
    times: dict[str, list[float]] = {}
    for event in events:
        times.setdefault(str(event.user), []).append(event.time.timestamp())
    for own in times.values():
        own.sort()
    return {user: [b - a for a, b in pairwise(own)] for user, own in times.items()}


def by_np_diff(events: Any) -> Any:
    times = defaultdict(list)
    for event in events:
        times[str(event.user)].append(event.time.timestamp())
    return {user: np.diff(np.sort(own)) for user, own in times.items()}


def by_pandas(events: Any) -> Any:
    table = pd.DataFrame({"user": [str(e.user) for e in events], "time": [e.time for e in events]})
    pauses = {}
    for user, times in table.groupby("user")["time"]:
        pauses[user] = times.sort_values().diff().dropna().dt.total_seconds()
    return pauses


def by_groupby(events: Any) -> Any:
    def who(event: Any) -> str:
        return str(event.user)

    found = {}
    for user, own in groupby(sorted(events, key=lambda e: (who(e), e.time)), key=who):
        times = [event.time for event in own]
        found[user] = [(after - before).total_seconds() for before, after in pairwise(times)]
    return found


def by_recursion(events: Any) -> Any:
    if not events:
        return {}
    user = str(events[0].user)
    own = sorted(event.time for event in events if str(event.user) == user)
    pauses = [(own[i + 1] - own[i]).total_seconds() for i in range(len(own) - 1)]
    return {user: pauses} | by_recursion([e for e in events if str(e.user) != user])


def last_seen(events: Any) -> Any:
    last: dict[str, Any] = {}
    pauses: dict[str, list[float]] = {}
    for event in sorted(events, key=lambda event: event.time):
        user = str(event.user)
        if user in last:
            pauses.setdefault(user, []).append((event.time - last[user]) / timedelta(seconds=1))
        last[user] = event.time
    return pauses


def of_tuples(events: Any) -> Any:
    return {user: tuple(pauses) for user, pauses in my_pauses(events).items()}


def of_generators(events: Any) -> Any:
    return {user: (pause for pause in pauses) for user, pauses in my_pauses(events).items()}


def of_fractions(events: Any) -> Any:
    def exact(pauses: list[float]) -> list[Fraction]:
        return [Fraction(round(pause * 1_000_000), 1_000_000) for pause in pauses]

    return {user: exact(pauses) for user, pauses in my_pauses(events).items()}


def numbers_as_keys(events: Any) -> Any:
    return {int(user) if user.isdigit() else user: s for user, s in my_pauses(events).items()}


class Pauses:
    def __init__(self) -> None:
        self.times: dict[str, list[Any]] = defaultdict(list)

    def __call__(self, events: Any) -> Any:
        self.times.clear()
        for event in events:
            self.times[str(event.user)].append(event.time)
        return {
            user: [(b - a).total_seconds() for a, b in pairwise(sorted(times))]
            for user, times in self.times.items()
        }


def pauses(events: Any, *, cut: Any = str, order: Any = sorted, seconds: Any = None) -> Any:
    """Find pauses with parts that can be replaced by wrong ones."""
    times = defaultdict(list)
    for event in events:
        times[cut(event.user)].append(event.time)
    seconds = seconds or timedelta.total_seconds
    return {user: [seconds(b - a) for a, b in pairwise(order(own))] for user, own in times.items()}


def users_mixed(events: Any) -> Any:
    found: dict[str, list[float]] = {}
    last = None
    for event in sorted(events, key=lambda event: event.time):
        if last:
            found.setdefault(str(event.user), []).append((event.time - last).total_seconds())
        last = event.time
    return found


def not_sorted(events: Any) -> Any:
    return pauses(events, order=list)


def without_sign(events: Any) -> Any:
    return pauses(events, order=list, seconds=lambda pause: abs(pause.total_seconds()))


def newest_first(events: Any) -> Any:
    return pauses(events, order=lambda times: sorted(times, reverse=True))


def backwards(events: Any) -> Any:
    return pauses(events, seconds=lambda pause: -pause.total_seconds())


def seconds_field(events: Any) -> Any:
    return pauses(events, seconds=lambda pause: pause.seconds)


def whole_seconds(events: Any) -> Any:
    return pauses(events, seconds=lambda pause: int(pause.total_seconds()))


def rounded(events: Any) -> Any:
    return pauses(events, seconds=lambda pause: round(pause.total_seconds()))


def durations(events: Any) -> Any:
    return pauses(events, seconds=lambda pause: pause)


def milliseconds(events: Any) -> Any:
    return pauses(events, seconds=lambda pause: pause.total_seconds() * 1000)


def text_apart(events: Any) -> Any:
    return pauses(events, cut=lambda user: user)


def text_apart_not_sorted(events: Any) -> Any:
    return pauses(events, cut=lambda user: user, order=list)


def since_the_first(events: Any) -> Any:
    found: dict[str, list[float]] = {}
    first: dict[str, Any] = {}
    for event in sorted(events, key=lambda event: event.time):
        user = str(event.user)
        if user in first:
            found.setdefault(user, []).append((event.time - first[user]).total_seconds())
        else:
            first[user] = event.time
    return found


def zero_first(events: Any) -> Any:
    return {user: [0.0, *own] for user, own in pauses(events).items()}


def in_one_list(events: Any) -> Any:
    return [pause for own in pauses(events).values() for pause in own]


def last_user(events: Any) -> Any:
    found: dict[str, list[float]] = {}
    for user, own in pauses(events).items():
        found = {user: own}
    return found


def times(events: Any) -> Any:
    found = defaultdict(list)
    for event in events:
        found[str(event.user)].append(event.time.timestamp())
    return found


def no_return(events: Any) -> Any:
    pauses(events)


def fails_without_pauses(events: Any) -> Any:
    return {user: own if own else own[0] for user, own in pauses(events).items()}


RIGHT: dict[str, list[Any]] = {
    "predict_sessions": [
        2,
        2.0,
        1 + 1,
        np.int64(2),
        np.float32(2),
        np.array(2),
        Fraction(2),
        count_sessions(),
    ],
    "pauses_per_user": [
        by_timestamps,
        by_np_diff,
        by_pandas,
        by_groupby,
        by_recursion,
        last_seen,
        of_tuples,
        of_generators,
        of_fractions,
        numbers_as_keys,
        Pauses(),
        pauses,
        partial(pauses, order=sorted),
        lambda events: my_pauses(iter(events)),
    ],
    "choose_a_gap": [
        timedelta(minutes=2),
        timedelta(seconds=120),
        timedelta(seconds=28),
        timedelta(minutes=10),
        timedelta(minutes=12),
        a_good_gap(),
        pd.Timedelta("2min"),
        np.timedelta64(120, "s"),
        timedelta(hours=1) / 10,
        "120s",
        "2m",
    ],
    "make_a_log": [
        [Search(1, "dogs", at(0)), Search(2, "cats", at(0)), AppOpen(2, at(11))],
        (Search(1, "dogs", at(0)), Search(2, "cats", at(0)), AppOpen(2, at(11))),
        [Search(1, "dogs", at(0)), AppOpen(2, at(0)), Search("1", "dogs", at(86_401))],
        [AppOpen(2, at(20)), Search(2, "cats", at(0)), Search(1, "dogs", at(50))],
        [*client_events()[:6], AppOpen(1, at(60))],
        deque([Search("a", "x", at(0)), Search("b", "x", at(0)), ClickResult("b", "i", at(99))]),
        np.array([Search(1, "d", at(0)), Search(2, "c", at(0)), AppOpen(2, at(11))], dtype=object),
        three_sessions(),
        (event for event in three_sessions()),
    ],
    "what_changed": ["b", "B", "(b)", "b)", " b ", "b.", "(B).", the_reason()],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "predict_sessions": [
        (1, "long pauses"),
        (5, "exactly 10 seconds"),
        (3, "order of the log"),
        (4, "from the first event"),
        (7, "number of events"),
        (6, "number of pauses"),
        (0, ""),
        (2.5, ""),
        ("2", "quotes"),
        (timedelta(seconds=12), ""),
        (count_sessions, "This is a function"),
    ],
    "pauses_per_user": [
        (users_mixed, "from one user to another"),
        (not_sorted, "as they arrived"),
        (without_sign, "the sign was dropped"),
        (newest_first, "newest first"),
        (backwards, "way round"),
        (seconds_field, "only one field"),
        (whole_seconds, "whole seconds"),
        (rounded, "?whole seconds"),
        (durations, "timedeltas"),
        (text_apart, "are one user"),
        (text_apart_not_sorted, "?as they arrived"),
        (since_the_first, "first one"),
        (zero_first, "one pause too many"),
        (in_one_list, "in one list"),
        (last_user, "Only the last user"),
        (milliseconds, ""),
        (times, ""),
        (no_return, "`return` missing"),
        (fails_without_pauses, "raised an error"),
    ],
    "choose_a_gap": [
        (timedelta(seconds=27), "Too short"),
        (timedelta(seconds=10), "Too short"),
        (timedelta(0), "Too short"),
        (timedelta(seconds=730), "Too long"),
        (timedelta(minutes=30), "Too long"),
        (np.timedelta64(1, "h"), "Too long"),
        (timedelta(minutes=-2), "shorter than zero"),
        (120, "no unit"),
        (2.0, "no unit"),
        (np.int64(120), "no unit"),
        ("20s", "Too short"),
        ("30m", "Too long"),
        ("120", "can read"),
        ("2 minutes", "can read"),
        ([timedelta(minutes=2)], ""),
        (a_good_gap, "This is a function"),
    ],
    "make_a_log": [
        (AppOpen(1, at(0)), "a single event"),
        ([("Search", 1, "dogs", 0)], "not events"),
        ([{"user": 1, "query": "dogs"}], "not events"),
        ([AppOpen(user, at(30 * user)) for user in range(8)], "more than seven"),
        ([Search(1, "x", at(t)) for t in (0, 20)] + [AppOpen(1, at(40))], "not two users"),
        ([Search(1, "x", at(0)), Search(2, "x", at(0)), AppOpen(2, at(10))], "fewer than three"),
        (
            [Search(u, "x", at(0)) for u in (1, 2)] + [AppOpen(1, at(t)) for t in (20, 40)],
            "more than three",
        ),
        (
            [Search(1, "x", at(0)), Search(2, "x", at(0)), Search(2, "x", at(20))],
            "every one has a search",
        ),
        ([AppOpen(1, at(0)), AppOpen(2, at(0)), Search(2, "x", at(20))], "more than one has no"),
        ([], "not two users"),
        (3, ""),
        (three_sessions, "This is a function"),
    ],
    "what_changed": [
        ("a", "the seed is 7"),
        ("(A)", "the seed is 7"),
        ("c", "on every computer"),
        ("C)", "on every computer"),
        ("d", "follows from the seed"),
        ("D", "follows from the seed"),
        ("e", ""),
        ("the gap", ""),
        (2, ""),
        (the_reason, "This is a function"),
    ],
}
