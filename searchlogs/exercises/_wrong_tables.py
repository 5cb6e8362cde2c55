"""Wrong ways to publish how often each query was searched for."""

from collections.abc import Callable
from typing import Any

Searches = list[tuple[str, str]]
Table = dict[str | None, int]


def _right(searches: list[tuple[str, str]], least: int) -> dict[str | None, int]:
    users: dict[str, set[str]] = {}
    for user, query in searches:
        users.setdefault(query, set()).add(user)
    table: dict[str | None, int] = {}
    rare_users: set[str] = set()
    for user, query in searches:
        name = query if len(users[query]) >= least else None
        table[name] = table.get(name, 0) + 1
        if name is None:
            rare_users.add(user)
    if len(rare_users) < least:
        table.pop(None, None)
    return table


def _by_searches(searches: Searches, least: int) -> Table:
    queries = [query for _, query in searches]
    common = {query for query in queries if queries.count(query) >= least}
    table: Table = {}
    for query in queries:
        name = query if query in common else None
        table[name] = table.get(name, 0) + 1
    if table.get(None, 0) < least:
        table.pop(None, None)
    return table


def _more_than_least(searches: Searches, least: int) -> Table:
    return _right(searches, least + 1)


def _without_rare(searches: Searches, least: int) -> Table:
    return {query: n for query, n in _right(searches, least).items() if query is not None}


def _rare_of_few(searches: Searches, least: int) -> Table:
    table = _right(searches, least)
    table.pop(None, None)
    rest = len(searches) - sum(table.values())
    return {**table, None: rest} if rest else table


def _rare_row_of_more(searches: Searches, least: int) -> Table:
    table = _right(searches, least)
    rare = {user for user, query in searches if query not in table}
    if len(rare) <= least:
        table.pop(None, None)
    return table


def _rare_by_queries(searches: Searches, least: int) -> Table:
    table = _rare_of_few(searches, least)
    if len({query for _, query in searches if query not in table}) < least:
        table.pop(None, None)
    return table


def _always_two(searches: Searches, least: int) -> Table:
    return _right(searches, 2)


def _none_in_quotes(searches: Searches, least: int) -> dict[str, int]:
    return {str(query): n for query, n in _right(searches, least).items()}


def _always_a_row(searches: Searches, least: int) -> Table:
    return {None: 0} | _right(searches, least)


def _pairs_of_it(searches: Searches, least: int) -> list[tuple[str | None, int]]:
    return list(_right(searches, least).items())


def _rare_by_searches(searches: Searches, least: int) -> Table:
    table = _rare_of_few(searches, least)
    if table.get(None, 0) < least:
        table.pop(None, None)
    return table


def _nobody_summed(searches: Searches, least: int) -> Table:
    table: Table = {}
    for _, query in searches:
        table[query] = table.get(query, 0) + 1
    return table


def _its_users(searches: Searches, least: int) -> Table:
    table = _right(searches, least)
    seen: dict[str | None, set[str]] = {name: set() for name in table}
    for user, query in searches:
        name = query if query in table else None
        if name in seen:
            seen[name].add(user)
    return {name: len(users) for name, users in seen.items()}


TABLES: dict[Callable[..., Any], str] = {
    _by_searches: (
        "A query counts as rare here by its number of *searches*. One person who asks for the "
        "same thing all day is still one person: count the query's different users, in a "
        "set."
    ),
    _more_than_least: (
        "A query with exactly `least` users is not rare: only one with fewer users is."
    ),
    _without_rare: (
        "The rare queries are missing, so the table no longer adds up. Sum them up under the "
        "key `None`."
    ),
    _rare_of_few: (
        "The row of the rare queries is in the table, although it comes from fewer than "
        "`least` users: it could identify them. Leave it out."
    ),
    _rare_row_of_more: (
        "The row of the rare queries is missing if exactly `least` users are behind it. They "
        "are enough: leave it out only if there are *fewer*."
    ),
    _rare_by_queries: (
        "Whether to keep the row of the rare queries is decided by the number of *queries* "
        "here. Count the different users behind them."
    ),
    _always_two: "This is right for 2 users, whatever `least` is. Use the parameter.",
    _none_in_quotes: (
        'The rare queries are summed up under the text `"None"`, which somebody might search '
        "for. Take the key `None`, without quotes."
    ),
    _always_a_row: (
        "The row of the rare queries is there even if there are none. Leave out an empty row: "
        "0 searches by 0 users."
    ),
    _pairs_of_it: "These are the pairs of the right dictionary: return the dictionary itself.",
    _rare_by_searches: (
        "Whether to keep the row of the rare queries is decided here by its number of "
        "searches. They may all come from one person: count the users of all rare queries "
        "together, each once."
    ),
    _nobody_summed: (
        "Every query is in the table, even the rare ones. What only a few people typed may "
        "reveal who they are."
    ),
    _its_users: (
        "These are the numbers of users. They decide whether a query is in the table; the "
        "table holds its number of searches."
    ),
}
