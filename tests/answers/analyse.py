"""Answers to the exercises that ask for causes, in notebooks 06, 06b and 07."""

from collections import Counter, defaultdict, deque
from functools import partial, reduce
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.exercises.analyse import causes, forgotten, plan, true_of_it, what_else

# What else somebody searched for.


def grouped(searches, known):
    found = []
    for _, rows in groupby(sorted(searches), key=lambda row: row[0]):
        queries = {query for _, query in rows}
        if known <= queries:
            found.append(queries.difference(known))
    return found[0] if len(found) == 1 else None


def unpacked(searches, known):
    asked: dict[str, list[str]] = defaultdict(list)
    for user, query in searches:
        asked[user].append(query)
    try:
        (one,) = (queries for queries in asked.values() if all(q in queries for q in known))
    except ValueError:
        return None
    return [query for query in one if query not in known]


def narrowed(searches, known):
    users = {user for user, _ in searches}
    for one in known:
        users &= {user for user, query in searches if query == one}
    if len(users) != 1:
        return None
    (user,) = users
    return {query for other, query in searches if other == user} - known


def reduced(searches, known):
    asked = reduce(lambda d, s: {**d, s[0]: d.get(s[0], frozenset()) | {s[1]}}, searches, {})
    found = list(filter(known.issubset, asked.values()))
    return found[0] - known if found and not found[1:] else None


def counted(searches, known):
    has = Counter(user for user, query in set(searches) if query in known)
    users = [user for user, number in has.items() if number == len(known)]
    if len(users) == 1:
        return {query for user, query in searches if user == users[0] and query not in known}
    return None


def with_pandas(searches, known):
    log = pd.DataFrame(searches, columns=["user", "query"])
    asked = log.groupby("user")["query"].agg(set)
    found = [queries for queries in asked if queries >= known]
    return pd.Series(sorted(found[0] - known), dtype=object) if len(found) == 1 else None


def recursive(searches, known, users=None):
    users = {user for user, _ in searches} if users is None else users
    if not known:
        own = [query for user, query in searches if user in users]
        return set(own) if len(users) == 1 else None
    one = min(known)
    rest = recursive(searches, known - {one}, {u for u, q in searches if q == one} & users)
    return rest and rest - {one} if rest != set() else rest


class Attack:
    def __call__(self, searches, known):
        return what_else(searches, known)


def any_of_them(searches, known):
    users = {user for user, query in searches if query in known}
    return {q for u, q in searches if u in users} - known if len(users) == 1 else None


def first_of_them(searches, known):
    for user, _ in searches:
        queries = {query for other, query in searches if other == user}
        if queries >= known:
            return queries - known
    return None


def all_of_them(searches, known):
    rows = pd.DataFrame(searches, columns=["user", "query"]).groupby("user")["query"].agg(set)
    found = [queries for queries in rows if queries >= known]
    return {query for queries in found for query in queries} - known if found else None


def times(searches, known):
    has = Counter(user for user, query in searches if query in known)
    users = [user for user, number in has.items() if number == len(known)]
    return {q for u, q in searches if u in users} - known if len(users) == 1 else None


def known_too(searches, known):
    found = what_else(searches, known)
    return None if found is None else {*found, *known}


def pseudonym(searches, known):
    for user, _ in searches:
        own = [row for row in searches if row[0] == user]
        if what_else(searches, known) is not None and what_else(own, known) is not None:
            return user
    return None


RIGHT: dict[str, list[Any]] = {
    "why_it_fell": [
        causes(),
        ("lost", "noise", "gap", "answer"),
        ["Lost", "Noise", "Gap", "Answer"],
        [" lost", "noise ", "gap", "answer"],
        ["lost", "noise", "gap", "answer"],
        np.array(["lost", "noise", "gap", "answer"]),
        pd.Series(["lost", "noise", "gap", "answer"]),
        deque(["lost", "noise", "gap", "answer"]),
        [word.upper() for word in causes()],
    ],
    "read_an_interval": [
        {2, 4, 5},
        [2, 4, 5],
        (5, 4, 2),
        true_of_it(),
        frozenset({2, 4, 5}),
        {1, 2, 3, 4, 5, 6} - {1, 3, 6},
        {2.0, 4.0, 5.0},
        np.array([2, 4, 5]),
        pd.Series([4, 2, 5]),
        {2: True, 4: True, 5: True}.keys(),
    ],
    "three_parts": [
        forgotten(),
        ("state", "output", "source"),
        ["State", "Output", "Source"],
        [" state", "output ", "source"],
        ["state", "output", "source"],
        np.array(["state", "output", "source"]),
        pd.Series(["state", "output", "source"]),
        deque(["state", "output", "source"]),
    ],
    "find_the_person": [
        what_else,
        grouped,
        unpacked,
        narrowed,
        reduced,
        counted,
        with_pandas,
        recursive,
        Attack(),
        partial(recursive, users=None),
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
    "why_it_fell": [
        (["gap", "noise", "lost", "answer"], "Monday 1"),
        (["answer", "noise", "gap", "answer"], "Monday 1"),
        (["lost", "answer", "gap", "noise"], "Monday 2"),
        (["lost", "gap", "gap", "answer"], "Monday 2"),
        (["lost", "noise", "answer", "answer"], "Monday 3"),
        (["lost", "noise", "gap", "gap"], "Monday 4"),
        (["ids", "noise", "gap", "answer"], "*rises*"),
        (["lost", "noise", "gap", "good news"], "no cause from the list"),
        (["lost", "noise", "gap"], "Four words"),
        ([1, 2, 3, 4], "no cause from the list"),
        (None, ""),
    ],
    "read_an_interval": [
        ({1, 2, 4, 5}, "Statement 1"),
        ({1, 6}, "Statement 1"),
        ([2, 3, 4, 5], "Statement 3"),
        ({2, 4, 5, 6}, "Statement 6"),
        ({4, 5}, "Statement 2"),
        ({2, 5}, "Statement 4"),
        ((2, 4), "Statement 5"),
        (set(), "Statement 2"),
        ({2, 4, 5, 7}, ""),
        (4, ""),
    ],
    "three_parts": [
        (["output", "state", "source"], "Engine 1"),
        (["source", "output", "state"], "Engine 1"),
        (["state", "source", "output"], "Engine 2"),
        (["state", "state", "source"], "Engine 2"),
        (["state", "output", "state"], "Engine 3"),
        (["state", "output", "output"], "Engine 3"),
        (["state", "output"], "Three words"),
        (["state", "output", "log"], "one of `source`"),
        ("state", "Three words"),
        (forgotten, "This is a function"),
    ],
    "find_the_person": [
        (any_of_them, "*one* of the known queries"),
        (first_of_them, "one of them was taken"),
        (all_of_them, "put together"),
        (times, "twice here"),
        (pseudonym, "the right pseudonym"),
        (known_too, "You knew them"),
        (lambda searches, known: what_else(searches, known) or set(), "If nobody"),
        (lambda searches, known: what_else(searches, known) or None, "an empty set"),
        (lambda searches, known: sorted(what_else(searches, known)), ""),
        (lambda searches, known: print(what_else(searches, known)), "return"),
        ({"lawyer"}, "without calling it"),
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

EQUIVALENT: dict[str, dict[str, str]] = {
    "find_the_person": {"what_else: 0 → -1": "the list has one item, which is the last too"},
}
