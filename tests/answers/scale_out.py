"""Answers to the exercises of notebook 12."""

from collections import deque
from fractions import Fraction
from functools import partial
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from searchlogs.exercises.scale_out import busiest, joined, plan, starts

# Where sessions begin.


def of_the_notebook(user, time, gap):
    pause = np.diff(time)
    begins = np.ones(len(user), bool)
    begins[1:] = (user[1:] != user[:-1]) | (pause > gap)
    return begins


def looped(user, time, gap):
    flags = []
    for i in range(len(user)):
        flags.append(i == 0 or user[i] != user[i - 1] or time[i] > time[i - 1] + gap)
    return flags


def generated(user, time, gap):
    before = None
    for one, second in zip(user, time, strict=True):
        yield before is None or before[0] != one or second - before[1] > gap
        before = one, second


def prepended(user, time, gap):
    far = np.diff(time, prepend=time[:1]) > gap
    return np.concatenate(
        [user[:1] == user[:1], np.logical_or(far[1:], np.diff(user).astype(bool))]
    )


def with_pandas(user, time, gap):
    table = pd.DataFrame({"user": user, "time": time})
    pause = table.groupby("user")["time"].diff()
    return ~(pause <= gap)


def by_user(user, time, gap):
    flags: list[bool] = []
    for _, rows in groupby(zip(user, time, strict=True), key=lambda row: row[0]):
        seconds = [second for _, second in rows]
        flags += [True, *(after - before > gap for before, after in pairwise(seconds))]
    return flags


def by_places(user, time, gap):
    begins = np.zeros(user.size, np.bool_)
    begins[:1] = True
    begins[1 + np.flatnonzero(np.diff(user))] = True
    begins[1 + np.flatnonzero(np.diff(time) > gap)] = True
    return tuple(begins)


def in_lists(user, time, gap):
    rows = list(zip(user.tolist(), time.tolist(), strict=True))
    return [True, *(a[0] != b[0] or b[1] - a[1] > gap for a, b in pairwise(rows))][: len(rows)]


class Starts:
    def __call__(self, user, time, gap):
        return starts(user, time, gap)


def both(user, time, gap):
    begins = np.ones(len(user), bool)
    begins[1:] = (user[1:] != user[:-1]) & (np.diff(time) > gap)
    return begins


def with_or(user, time, gap):
    begins = np.ones(len(user), bool)
    begins[1:] = (user[1:] != user[:-1]) or (np.diff(time) > gap)
    return begins


def without_parentheses(user, time, gap):
    begins = np.ones(len(user), bool)
    begins[1:] = user[1:] != user[:-1] | np.diff(time) > gap
    return begins


def zeros(user, time, gap):
    begins = np.zeros(len(user), bool)
    begins[1:] = (user[1:] != user[:-1]) | (np.diff(time) > gap)
    return begins


# Two halves.


class Half(NamedTuple):
    start: int
    end: int
    events: int
    searches: int


def named(before, after, gap):
    one, other = Half(*before), Half(*after)
    if one.end + gap < other.start:
        return [one, other]
    return [Half(one.start, other.end, one.events + other.events, one.searches + other.searches)]


def yielded(before, after, gap):
    if after[0] > before[1] + gap:
        yield before
        yield after
    else:
        yield before[0], after[1], *(a + b for a, b in zip(before[2:], after[2:], strict=True))


def summed(before, after, gap):
    if after[0] - before[1] <= gap:
        return [np.concatenate([[before[0], after[1]], np.add(before[2:], after[2:])])]
    return [list(before), list(after)]


def matched(before, after, gap):
    match before, after:
        case (start, end, n, s), (first, last, m, t) if first - end <= gap:
            return [[start, last, n + m, s + t]]
    return before, after


def framed(before, after, gap):
    table = pd.DataFrame([before, after], columns=["start", "end", "events", "searches"])
    group = (table["start"] - table["end"].shift() > gap).cumsum()
    found = table.groupby(group).agg(
        {"start": "min", "end": "max", "events": "sum", "searches": "sum"}
    )
    return found.to_numpy()


def appended(before, after, gap):
    found = [before]
    if after[0] - found[-1][1] > gap:
        found.append(after)
    else:
        start, _, events, searches = found.pop()
        found.append((start, after[1], events + after[2], searches + after[3]))
    return found


def one_of(before, after):
    return [(before[0], after[1], before[2] + after[2], before[3] + after[3])]


def changed(before, after, gap, change):
    found = joined(before, after, gap)
    return found if len(found) == 2 else [change(found[0], before, after)]


RIGHT: dict[str, list[Any]] = {
    "session_starts": [
        starts,
        of_the_notebook,
        looped,
        generated,
        prepended,
        with_pandas,
        by_user,
        by_places,
        in_lists,
        Starts(),
        partial(lambda least, user, time, gap: starts(user, time, gap), 0),
    ],
    "join_halves": [
        joined,
        named,
        yielded,
        summed,
        matched,
        framed,
        appended,
        partial(changed, change=lambda one, before, after: one),
        lambda before, after, gap: (
            [before, after] if after[0] - before[1] > gap else one_of(before, after)
        ),
    ],
    "skewed_work": [
        [20, 8, 6],
        (20, 8, 6),
        [20.0, 8.0, 6.0],
        busiest(),
        np.array([20, 8, 6]),
        pd.Series([20, 8, 6]),
        deque([20, 8, 6]),
        [20, Fraction(56, 7), 6],
        [20e6 / 1e6, (6e6 + 14e6 / 7) / 1e6, 6e6 / 1e6],
    ],
    "how_far": [
        plan(),
        (4, 3, "snapshots"),
        [4, 3.0, "snapshots"],
        [4.0, 3, "Snapshots"],
        [4, 3, " snapshots "],
        [np.int64(4), np.float64(3), "snapshots"],
        [4, 50e6 * 60 / 1e9, "snapshots"],
        [4, 2.94, "SNAPSHOTS"],
        deque([4, 3, "snapshots"]),
    ],
}


WRONG: dict[str, list[tuple[Any, str]]] = {
    "session_starts": [
        (lambda user, time, gap: [True, *(np.diff(time) > gap)][: len(time)], "Only pauses"),
        (lambda user, time, gap: [True, *(np.diff(user) != 0)][: len(user)], "Only users"),
        (lambda user, time, gap: starts(user, time, gap - 1), "must be longer"),
        (both, "Either of them is enough"),
        (with_or, "truth value"),
        (without_parentheses, "truth value"),
        (zeros, "very first row has no flag"),
        (lambda user, time, gap: starts(user, time, gap)[1:], "One flag is missing"),
        (lambda user, time, gap: ~np.array(starts(user, time, gap), bool), "other way round"),
        (lambda user, time, gap: starts(user, time, 10), "always 10"),
        (lambda user, time, gap: np.flatnonzero(starts(user, time, gap)), "numbers of the right"),
        (lambda user, time, gap: [*starts(user, time, gap)[1:], True][: len(user)], "*last* row"),
        (lambda user, time, gap: [1] * len(user), ""),
        (lambda user, time, gap: starts(user, time, gap + 1), "?Only users"),
        ([True, False], "without calling it"),
    ],
    "join_halves": [
        (lambda before, after, gap: [before, after], "always two sessions"),
        (lambda before, after, gap: one_of(before, after), "always one session"),
        (lambda before, after, gap: joined(before, after, gap - 1), "exactly the gap"),
        (lambda before, after, gap: joined(before, after, 30), "always 30"),
        (
            lambda before, after, gap: (
                [before, after] if after[1] - before[1] > gap else one_of(before, after)
            ),
            "*end* of the second half",
        ),
        (
            lambda before, after, gap: (
                [before, after] if after[0] - before[0] > gap else one_of(before, after)
            ),
            "*start* of the first half",
        ),
        (
            partial(changed, change=lambda one, b, a: (*one[:2], one[2] + 1, one[3])),
            "one event too many",
        ),
        (partial(changed, change=lambda one, b, a: (a[0], *one[1:])), "begins at the boundary"),
        (partial(changed, change=lambda one, b, a: (one[0], b[1], *one[2:])), "ends at its last"),
        (partial(changed, change=lambda one, b, a: (b[0], *a[1:])), "second batch alone"),
        (partial(changed, change=lambda one, b, a: b + a), "one behind the other"),
        (
            lambda before, after, gap: (
                joined(before, after, gap)
                if after[0] - before[1] > gap
                else joined(before, after, gap)[0]
            ),
            "always return a list",
        ),
        (partial(changed, change=lambda one, b, a: (*one[:3], b[3])), ""),
        (lambda before, after, gap: joined(after, before, gap), ""),
    ],
    "skewed_work": [
        ([20, 20 / 7, 0], "one user has 6 million"),
        ([20, 3, 6], "one user has 6 million"),
        ([20, 2, 2], "the last of them is"),
        ([20, 6, 0], "its seventh"),
        ([20, 8, 1], "one worker has to do them all"),
        ([20, 8, 7], "the smaller that becomes"),
        ([6, 8, 6], "the whole log"),
        ([1_200, 480, 360], "These are seconds"),
        ([20_000_000, 8_000_000, 6_000_000], "numbers of events"),
        ([20, 8], "Three numbers"),
        (["20", "8", "6"], "remove the quotes"),
        ([20, 9, 6], ""),
        (20, "list"),
    ],
    "how_far": [
        ([1, 3, "snapshots"], "only on average"),
        ([0.58, 3, "snapshots"], "only on average"),
        ([2, 3, "snapshots"], "half busy at most"),
        ([3.47, 3, "snapshots"], "three are too few"),
        ([3, 3, "snapshots"], "three are too few"),
        ([4, 3e9, "snapshots"], "in gigabytes"),
        ([4, 120, "memory"], "not with the events"),
        ([4, 3, "memory"], "fit into 32"),
        ([4, 3, "workers"], "8 cores"),
        ([4, 3], "Three parts"),
        ([7, 3, "snapshots"], ""),
        ("snapshots", ""),
    ],
}


EQUIVALENT: dict[str, dict[str, str]] = {}
