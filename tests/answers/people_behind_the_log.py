"""Answers to the exercises of notebook 10."""

from collections import Counter, defaultdict
from functools import partial, reduce
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.exercises.people_behind_the_log import my_table, what_else

# A table that names nobody.


def with_sets(searches, least):
    users = defaultdict(set)
    for user, query in searches:
        users[query].add(user)
    rare = {query for query, some in users.items() if len(some) < least}
    counts = Counter(query if query not in rare else None for _, query in searches)
    if len({user for user, query in searches if query in rare}) < least:
        del counts[None]
    return counts


def with_pandas(searches, least):
    log = pd.DataFrame(searches, columns=["user", "query"])
    users = log.groupby("query")["user"].nunique()
    common = log["query"].isin(users[users >= least].index)
    table: dict[str | None, int] = log[common].groupby("query").size().to_dict()
    if log[~common]["user"].nunique() >= least:
        table[None] = int((~common).sum())
    return table


def quadratic(searches, least):
    def users(query):
        return {user for user, other in searches if other == query}

    queries = [query for _, query in searches]
    table = {q: queries.count(q) for q in queries if len(users(q)) >= least}
    rest = [(user, query) for user, query in searches if query not in table]
    return table | ({None: len(rest)} if len({user for user, _ in rest}) >= least else {})


def reduced(searches, least):
    users = reduce(lambda d, s: {**d, s[1]: d.get(s[1], set()) | {s[0]}}, searches, {})
    names = [query if len(users[query]) >= least else None for _, query in searches]
    hidden = {user for (user, _), name in zip(searches, names, strict=True) if name is None}
    return {n: names.count(n) for n in names if n is not None or len(hidden) >= least}


def with_numpy(searches, least):
    table: dict[str | None, Any] = {}
    hidden: list[str] = []
    for query in np.unique(np.array([query for _, query in searches], dtype=object)):
        users = [user for user, other in searches if other == query]
        if np.unique(users).size >= least:
            table[query] = np.int64(len(users))
        else:
            hidden += users
    if len(set(hidden)) >= least:
        table[None] = np.int64(len(hidden))
    return table


def of_pairs(searches, least):
    users = Counter(query for _, query in set(searches))
    rare = [pair for pair in searches if users[pair[1]] < least]
    pairs = [(q, n) for q, n in Counter(q for _, q in searches).items() if users[q] >= least]
    return dict([*pairs, *([(None, len(rare))] if len(dict(rare)) >= least else [])])


def by_searches(searches, least):
    counts = Counter(query for _, query in searches)
    table: dict[str | None, int] = {q: n for q, n in counts.items() if n >= least}
    rest = len(searches) - sum(table.values())
    return table | ({None: rest} if rest >= least else {})


def row_of_more(searches, least):
    table = my_table(searches, least)
    hidden = {user for user, query in searches if query not in table}
    return {q: n for q, n in table.items() if q is not None or len(hidden) > least}


def row_by_queries(searches, least):
    table = without_a_row(searches, least)
    rare = {query for _, query in searches if query not in table}
    rest = sum(query in rare for _, query in searches)
    return table | ({None: rest} if len(rare) >= least else {})


def without_a_row(searches, least):
    return {query: n for query, n in my_table(searches, least).items() if query is not None}


def row_of_few(searches, least):
    table = without_a_row(searches, least)
    rest = len(searches) - sum(table.values())
    return table | ({None: rest} if rest else {})


def users_of(searches, least):
    table = my_table(searches, least)
    names = [(user, query if query in table else None) for user, query in set(searches)]
    return {query: len({u for u, q in names if q == query}) for query in table}


# What else somebody searched for.


def grouped_users(searches, known):
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


def reduced_users(searches, known):
    asked = reduce(lambda d, s: {**d, s[0]: d.get(s[0], frozenset()) | {s[1]}}, searches, {})
    found = list(filter(known.issubset, asked.values()))
    return found[0] - known if found and not found[1:] else None


def counted(searches, known):
    has = Counter(user for user, query in set(searches) if query in known)
    users = [user for user, number in has.items() if number == len(known)]
    if len(users) == 1:
        return {query for user, query in searches if user == users[0] and query not in known}
    return None


def as_table(searches, known):
    log = pd.DataFrame(searches, columns=["user", "query"])
    asked = log.groupby("user")["query"].agg(set)
    found = [queries for queries in asked if queries >= known]
    return pd.Series(sorted(found[0] - known), dtype=object) if len(found) == 1 else None


def recursive_users(searches, known, users=None):
    users = {user for user, _ in searches} if users is None else users
    if not known:
        own = [query for user, query in searches if user in users]
        return set(own) if len(users) == 1 else None
    one = min(known)
    rest = recursive_users(searches, known - {one}, {u for u, q in searches if q == one} & users)
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
    "publish_queries": [
        my_table,
        with_sets,
        with_pandas,
        quadratic,
        reduced,
        with_numpy,
        of_pairs,
        lambda searches, least: my_table(sorted(searches), least),
        lambda searches, least: dict(reversed(my_table(searches, least).items())),
    ],
    "find_the_person": [
        what_else,
        grouped_users,
        unpacked,
        narrowed,
        reduced_users,
        counted,
        as_table,
        recursive_users,
        Attack(),
        partial(recursive_users, users=None),
    ],
}


WRONG: dict[str, list[tuple[Any, str]]] = {
    "publish_queries": [
        (by_searches, "number of *searches*"),
        (lambda searches, least: my_table(searches, least + 1), "exactly `least` users is not"),
        (without_a_row, "no longer adds up"),
        (row_of_few, "could identify them"),
        (row_of_more, "only if there are *fewer*"),
        (row_by_queries, "number of *queries*"),
        (lambda searches, least: my_table(searches, 2), "whatever `least` is"),
        (lambda searches, least: Counter(query for _, query in searches), "even the rare ones"),
        (users_of, "numbers of users"),
        (
            lambda searches, least: {str(q): n for q, n in my_table(searches, least).items()},
            "without quotes",
        ),
        (lambda searches, least: list(my_table(searches, least).items()), "the dictionary itself"),
        (lambda searches, least: {None: 0} | my_table(searches, least), "an empty row"),
        (lambda searches, least: my_table(searches, least - 1), "?even the rare ones"),
        (my_table([], 2), "without calling it"),
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
}


EQUIVALENT: dict[str, dict[str, str]] = {
    "find_the_person": {"what_else: 0 → -1": "the list has one item, which is the last too"},
}
