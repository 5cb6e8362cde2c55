"""Answers to the exercises of notebook 08."""

from collections import Counter, defaultdict, deque
from fractions import Fraction
from functools import partial
from itertools import groupby
from math import fsum, hypot, nan, sqrt
from statistics import stdev, variance
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.exercises.how_sure import causes, my_error, my_list, true_of_it
from searchlogs.tables import interval

# Clustered error.


def with_numpy(users):
    if len(users) < 2:
        return None
    own, clicked = np.array(users).T
    away = clicked - clicked.sum() / own.sum() * own
    return np.sqrt(len(users) / (len(users) - 1) * (away**2).sum()) / own.sum()


def by_variance(users):
    if len(users) >= 2:
        searches, clicks = map(sum, zip(*users, strict=True))
        away = [clicked - clicks / searches * own for own, clicked in users]
        return sqrt(len(users) * variance(away)) / searches
    return None


def by_stdev(users):
    if not users or not users[1:]:
        return None
    searches = fsum(own for own, _ in users)
    ctr = fsum(clicked for _, clicked in users) / searches
    return sqrt(len(users)) * stdev(c - ctr * o for o, c in users) / searches


def exact(users):
    if len(users) < 2:
        return None
    searches = sum(own for own, _ in users)
    ctr = Fraction(sum(clicked for _, clicked in users), searches)
    squares = sum((clicked - ctr * own) ** 2 for own, clicked in users)
    return float(Fraction(len(users), len(users) - 1) * squares / searches**2) ** 0.5


def with_hypot(users):
    number, searches = len(users), sum(own for own, _ in users)
    if number > 1:
        ctr = sum(clicked for _, clicked in users) / searches
        away = hypot(*(clicked - ctr * own for own, clicked in users))
        return away * (number / (number - 1)) ** 0.5 / searches


def with_pandas(users):
    table = pd.DataFrame(users, columns=["own", "clicked"])
    if len(table) < 2:
        return None
    away = table["clicked"] - table["clicked"].sum() / table["own"].sum() * table["own"]
    return away.std() * sqrt(len(table)) / table["own"].sum()


def by_the_package(users):
    table = pd.DataFrame(users, columns=["searches", "searches_clicked"])
    found = interval(table.assign(user=table.index))
    # It is None if all users are alike, too; then the error is 0.
    return (found[1] - found[0]) / 2 / 1.959963984540054 if found else my_error(users)


class Error:
    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, users):
        return my_error(users) if len(users) >= self.least else None


def coins(users):
    if len(users) < 2:
        return None
    searches, clicks = map(sum, zip(*users, strict=True))
    rate = clicks / searches
    return (rate * (1 - rate) / searches) ** 0.5


def of_rates(users):
    if len(users) > 1:
        return stdev(clicked / own for own, clicked in users) / sqrt(len(users))
    return None


def population(users):
    if len(users) < 2:
        return None
    own, clicked = np.array(users).T
    away = clicked - clicked.sum() / own.sum() * own
    return away.std() * sqrt(len(users)) / own.sum()


def changed(users, change):
    error = my_error(users)
    return error if error is None else change(error, users)


def not_yet_squared(users):
    if len(users) < 2:
        return None
    searches, clicks = map(sum, zip(*users, strict=True))
    total = sum(clicked - clicks / searches * own for own, clicked in users)
    return sqrt(len(users) / (len(users) - 1) * round(total, 9) ** 2) / searches


def around_the_mean(users):
    if len(users) < 2:
        return None
    own, clicked = np.array(users).T
    away = clicked - (clicked / own).mean() * own
    return sqrt(len(users) / (len(users) - 1) * (away**2).sum()) / own.sum()


# Worth mending.


def counted(searches):
    number = Counter(query for query, results, _ in searches if results == 0)
    return sorted(number.items(), key=lambda pair: (-pair[1], pair[0]))


def sorted_twice(searches):
    number: dict[str, int] = defaultdict(int)
    for query, results, _clicks in searches:
        if results is not None and not results:
            number[query] += 1
    return sorted(sorted(number.items()), key=lambda pair: pair[1], reverse=True)


def sorted_in_place(searches):
    names = [search[0] for search in searches if search[1] == 0]
    found = list({(name, names.count(name)) for name in names})
    found.sort()
    found.sort(key=lambda pair: -pair[1])
    return found


def grouped(searches):
    names = sorted(query for query, results, _ in searches if results == 0)
    runs = [(name, len(list(same))) for name, same in groupby(names)]
    return tuple(sorted(runs, key=lambda run: (-run[1], run[0])))


def as_table(searches):
    table = pd.DataFrame(searches, columns=["query", "results", "clicks"])
    number = table[table["results"] == 0].groupby("query").size()
    number = number.sort_index().sort_values(ascending=False, kind="stable")
    return [(query, int(n)) for query, n in number.items()]


def one_by_one(searches):
    number = Counter(query for query, results, _ in searches if results == 0)
    while number:
        best = min(number, key=lambda query: (-number[query], query))
        yield best, number.pop(best)


def unique(searches):
    names = [query for query, results, _ in searches if results == 0]
    found, number = np.unique(np.array(names, dtype=object), return_counts=True)
    order = np.argsort(-number, kind="stable")
    return [[found[i], number[i]] for i in order]


def folded(searches, found=None):
    found = found or {}
    if not searches:
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    (query, results, _), *rest = searches
    return folded(rest, found | {query: found.get(query, 0) + 1} if results == 0 else found)


def numbers(searches):
    return Counter(query for query, results, _ in searches if results == 0)


def in_place(searches):
    return list(numbers(searches).items()).sort(key=lambda pair: (-pair[1], pair[0]))


def summed(searches):
    results: dict[str, int] = {}
    for query, number, _ in searches:
        results[query] = results.get(query, 0) + (number or 0)
    counts = Counter(query for query, number, _ in searches if number == 0)
    nothing = {query: counts[query] for query in counts if not results[query]}
    return sorted(nothing.items(), key=lambda pair: (-pair[1], pair[0]))


RIGHT: dict[str, list[Any]] = {
    "clustered_error": [
        my_error,
        with_numpy,
        by_variance,
        by_stdev,
        exact,
        with_hypot,
        with_pandas,
        by_the_package,
        Error(2),
        lambda users: my_error(users[::-1]),
    ],
    "worth_mending": [
        my_list,
        counted,
        sorted_twice,
        sorted_in_place,
        grouped,
        as_table,
        one_by_one,
        unique,
        folded,
        partial(folded, found=None),
        lambda searches: map(tuple, my_list(searches)),
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
}


WRONG: dict[str, list[tuple[Any, str]]] = {
    "clustered_error": [
        (coins, "a different person"),
        (of_rates, "users' own rates"),
        (population, "users − 1"),
        (partial(changed, change=lambda error, users: error**2), "the variance"),
        (partial(changed, change=lambda error, users: 1.96 * error), "95 % interval"),
        (partial(changed, change=lambda error, users: error * sum(o for o, _ in users)), "a share"),
        (not_yet_squared, "always 0"),
        (around_the_mean, "mean of the users' own rates"),
        (lambda users: my_error(users) or 0, "unknown, None"),
        (lambda users: nan if len(users) < 2 else my_error(users), "nan"),
        (partial(changed, change=lambda error, users: 2 * error), ""),
        (lambda users: my_error(users + users[:0]) and None, "return"),
        (lambda users: sqrt(-1), ""),
    ],
    "worth_mending": [
        (lambda searches: numbers(searches).most_common(), "`most_common()`"),
        (lambda searches: sorted(numbers(searches).items(), key=lambda p: -p[1]), "order in which"),
        (
            lambda searches: sorted(
                numbers(searches).items(), key=lambda p: (p[1], p[0]), reverse=True
            ),
            "`reverse=True`",
        ),
        (lambda searches: sorted(numbers(searches).items()), "by name alone"),
        (lambda searches: sorted(numbers(searches).items(), key=lambda p: p[1]), "?wrong order"),
        (lambda searches: sorted(counted(searches), key=lambda p: p[::-1]), "wrong order"),
        (lambda searches: list(numbers(searches).items()), "not sorted"),
        (in_place, "`.sort()`"),
        (numbers, "dictionary"),
        (lambda searches: [query for query, _ in counted(searches)], "without their numbers"),
        (lambda searches: [pair[::-1] for pair in counted(searches)], "turned around"),
        (lambda searches: counted([(q, r or 0, c) for q, r, c in searches]), "None is not 0"),
        (lambda searches: counted([(q, c, c) for q, _, c in searches]), "without a click"),
        (summed, "at another time"),
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
        ({2, 4, 5, 7}, "six statements"),
        (4, ""),
    ],
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
}


EQUIVALENT: dict[str, dict[str, str]] = {}
