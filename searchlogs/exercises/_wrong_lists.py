"""Wrong lists of queries that are worth fixing."""

from collections import Counter
from collections.abc import Callable
from typing import Any

Searched = list[tuple[str, int | None, int]]


def _right(searches: list[tuple[str, int | None, int]]) -> list[tuple[str, int]]:
    empty: dict[str, int] = {}
    for query, results, _ in searches:
        if results == 0:
            empty[query] = empty.get(query, 0) + 1
    return sorted(empty.items(), key=lambda pair: (-pair[1], pair[0]))


def _counted(searches: Searched, test: Callable[[int | None, int], bool]) -> list[tuple[str, int]]:
    """Count the searches for each query whose results and clicks pass the test."""
    return _right([(query, 0, n) for query, results, n in searches if test(results, n)])


def _unlogged_too(searches: Searched) -> list[tuple[str, int]]:
    return _counted(searches, lambda results, clicks: not results)


def _all_abandoned(searches: Searched) -> list[tuple[str, int]]:
    return _counted(searches, lambda results, clicks: clicks == 0)


def _all_of_the_query(searches: Searched) -> list[tuple[str, int]]:
    empty = {query for query, _ in _right(searches)}
    return _right([(query, 0, n) for query, _, n in searches if query in empty])


def _in_the_order_met(searches: Searched) -> list[tuple[str, int]]:
    order = list(dict.fromkeys(query for query, _, _ in searches))
    return sorted(_right(searches), key=lambda pair: order.index(pair[0]))


def _most_common(searches: Searched) -> list[tuple[str, int]]:
    return Counter(query for query, results, _ in searches if results == 0).most_common()


def _all_reversed(searches: Searched) -> list[tuple[str, int]]:
    return sorted(_right(searches), key=lambda pair: (pair[1], pair[0]), reverse=True)


def _by_name(searches: Searched) -> list[tuple[str, int]]:
    return sorted(_right(searches))


def _never_found(searches: Searched) -> list[tuple[str, int]]:
    found = {query for query, results, _ in searches if results}
    return [pair for pair in _right(searches) if pair[0] not in found]


def _sorted_in_place(searches: Searched) -> None:
    return _right(searches).sort()


def _as_a_dictionary(searches: Searched) -> dict[str, int]:
    return dict(_right(searches))


def _number_first(searches: Searched) -> list[tuple[int, str]]:
    return [(number, query) for query, number in _right(searches)]


def _fewest_first(searches: Searched) -> list[tuple[str, int]]:
    return sorted(_right(searches), key=lambda pair: (pair[1], pair[0]))


def _the_names_alone(searches: Searched) -> list[str]:
    return [query for query, _ in _right(searches)]


LISTS: dict[Callable[..., Any], str] = {
    _unlogged_too: (
        "None is not 0: for these searches nobody logged what was found, and it may have been "
        "a lot. Test `results == 0`."
    ),
    _all_abandoned: (
        "These are the searches without a click. Most of them did find something, and the "
        "answer may have been among the results: select those that found nothing."
    ),
    _all_of_the_query: (
        "All searches for such a query were counted, even those that found something, perhaps "
        "on another day, or before an item was sold out. Count only those that found "
        "nothing."
    ),
    _in_the_order_met: (
        "These are the right pairs, but not sorted: most searches first, and equal numbers by name."
    ),
    _most_common: (
        "Queries with equal numbers stay in the order in which they were met, as "
        "`most_common()` leaves them. Sort those by name."
    ),
    _all_reversed: (
        "The order is reversed for the names as well: equal numbers go from z to a. "
        "`reverse=True` does that. Reverse the numbers alone: `-number`."
    ),
    _by_name: (
        "These are the right pairs, sorted by name alone. Most searches come first; the name "
        "decides only between equal numbers."
    ),
    _never_found: (
        "A query that found something at another time is missing. Decide for each *search*, "
        "not for each query: what found nothing once is worth fixing too."
    ),
    _sorted_in_place: (
        "Nothing was returned. Is a `return` missing? A list's `.sort()` also gives None: it "
        "changes the list, and `sorted(…)` returns one."
    ),
    _as_a_dictionary: "A dictionary has these numbers. Return its pairs as a list, sorted.",
    _number_first: "The right pairs, turned around: the query comes first, then its number.",
    _fewest_first: (
        "These are the right pairs in the wrong order: most searches come first, and equal "
        "numbers go by name from a to z."
    ),
    _the_names_alone: (
        "These are the right queries without their numbers. Somebody with an hour to spare "
        "wants to know which query is worth it: return pairs."
    ),
}
