"""Wrong ways to find a person behind a pseudonym."""

from collections.abc import Callable
from typing import Any

Searches = list[tuple[str, str]]
Queries = set[str] | frozenset[str]


def _right(searches: list[tuple[str, str]], known: frozenset[str]) -> set[str] | None:
    queries_of: dict[str, set[str]] = {}
    for user, query in searches:
        queries_of.setdefault(user, set()).add(query)
    suspects = [queries for queries in queries_of.values() if queries >= known]
    if len(suspects) != 1:
        return None
    return suspects[0] - known


def _suspects(searches: Searches, known: Queries) -> dict[str, set[str]]:
    users = {user for user, _ in searches}
    asked = {one: {query for user, query in searches if user == one} for one in users}
    return {user: queries for user, queries in asked.items() if queries >= known}


def _any_of_them(searches: Searches, known: Queries) -> Queries | None:
    users = {user for user, query in searches if query in known}
    found = {query for user, query in searches if user in users}
    return found - known if len(users) == 1 else None


def _known_too(searches: Searches, known: frozenset[str]) -> Queries | None:
    found = _right(searches, known)
    return None if found is None else found | known


def _all_of_several(searches: Searches, known: Queries) -> Queries | None:
    found = _suspects(searches, known)
    return set[str]().union(*found.values()) - known if found else None


def _the_first_of_several(searches: Searches, known: Queries) -> Queries | None:
    found = _suspects(searches, known)
    return found[min(found)] - known if found else None


def _the_pseudonym(searches: Searches, known: Queries) -> str | None:
    found = _suspects(searches, known)
    return min(found) if len(found) == 1 else None


def _empty_for_nobody(searches: Searches, known: frozenset[str]) -> Queries:
    return _right(searches, known) or set()


def _none_for_nothing(searches: Searches, known: frozenset[str]) -> Queries | None:
    return _right(searches, known) or None


def _searches_counted(searches: Searches, known: Queries) -> Queries | None:
    times: dict[str, int] = {}
    for user, query in searches:
        times[user] = times.get(user, 0) + (query in known)
    found = [user for user, number in times.items() if number == len(known)]
    own = {query for user, query in searches if user in found}
    return own - known if len(found) == 1 else None


SUSPECTS: dict[Callable[..., Any], str] = {
    _any_of_them: (
        "Here *one* of the known queries is enough. Many people share a query; few share all "
        "of them. Ask for users who have them all."
    ),
    _known_too: "The known queries are in the set as well. You knew them: take them out.",
    _all_of_several: (
        "Several users fit here, and their queries were put together. You can't know which of "
        "them it is: return None."
    ),
    _the_first_of_several: (
        "Several users fit here, and one of them was taken. You can't know which of them it "
        "is: return None."
    ),
    _the_pseudonym: (
        "This is the right pseudonym. What does it tell you? Return the user's other queries."
    ),
    _empty_for_nobody: (
        "An empty set says that you found the person, who searched for nothing else. If nobody "
        "fits, or several do, return None."
    ),
    _none_for_nothing: (
        "None says that you don't know who it is. Here you do, and there is nothing else to "
        "read: return an empty set."
    ),
    _searches_counted: (
        "A query that was typed twice counts twice here. Collect each user's queries in a "
        "*set*, which has each of them once."
    ),
}
