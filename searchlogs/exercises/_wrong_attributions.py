"""Wrong ways to give each click to its search."""

from collections.abc import Callable
from typing import Any

from searchlogs.events import ClickResult, Results, Search
from searchlogs.metrics import attribute
from searchlogs.sessions import Session


def _right(session: Session) -> list[str | None]:
    """Return for each click the query of its search, as the package finds it."""
    owners = {
        id(click): impression.search.query
        for impression in attribute(session).impressions
        for click in impression.clicks
    }
    clicks = [event for event in session.events if isinstance(event, ClickResult)]
    return [owners.get(id(click)) for click in clicks]


def _queries_by_click(
    session: Session, choose: Callable[[list[tuple[str, int]], ClickResult], str | None]
) -> list[str | None]:
    """Return for each click the query that `choose` picks from (query, index of results) pairs."""
    found: list[str | None] = []
    queries: list[tuple[str, int]] = []
    for index, event in enumerate(session.events):
        if isinstance(event, Search):
            queries.append((event.query, index + 1))
        elif isinstance(event, ClickResult):
            found.append(choose(queries, event))
    return found


def _showed(session: Session, index: int, item: str) -> bool:
    """Return whether the results at this index hold the item."""
    results = session.events[index]
    return isinstance(results, Results) and item in results.items


def _nearest_search(session: Session) -> list[str | None]:
    return _queries_by_click(session, lambda queries, _: queries[-1][0] if queries else None)


def _first_that_showed(session: Session) -> list[str | None]:

    def choose(queries: list[tuple[str, int]], click: ClickResult) -> str | None:
        return next((query for query, i in queries if _showed(session, i, click.item)), None)

    return _queries_by_click(session, choose)


def _never_an_orphan(session: Session) -> list[str | None]:

    def choose(queries: list[tuple[str, int]], click: ClickResult) -> str | None:
        showing = [query for query, i in queries if _showed(session, i, click.item)]
        before = showing or [query for query, _ in queries]
        return before[-1] if before else None

    return _queries_by_click(session, choose)


def _orphans_dropped(session: Session) -> list[str | None]:
    return [query for query in _right(session) if query is not None]


def _later_searches_too(session: Session) -> list[str | None]:
    clicks = [event for event in session.events if isinstance(event, ClickResult)]
    others = [event for event in session.events if not isinstance(event, ClickResult)]
    return _right(Session(session.user, 0, (*others, *clicks)))


def _by_query(session: Session) -> list[str | None]:
    query, shown, found = "", dict[str, tuple[str, ...]](), list[str | None]()
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            shown[query] = event.items
        elif isinstance(event, ClickResult):
            found.append(next((q for q in reversed(shown) if event.item in shown[q]), None))
    return found


def _all_of_a_query(session: Session) -> list[str | None]:
    query, shown, found = "", dict[str, list[str]](), list[str | None]()
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            shown.setdefault(query, []).extend(event.items)
        elif isinstance(event, ClickResult):
            found.append(next((q for q in reversed(shown) if event.item in shown[q]), None))
    return found


def _empty_text(session: Session) -> list[str]:
    return [query or "" for query in _right(session)]


def _items(session: Session) -> list[str]:
    return [event.item for event in session.events if isinstance(event, ClickResult)]


def _pairs(session: Session) -> list[tuple[str, str | None]]:
    return list(zip(_items(session), _right(session), strict=True))


def _searches(session: Session) -> list[Search | None]:
    shown: list[tuple[Search, tuple[str, ...]]] = []
    found: list[Search | None] = []
    for event in session.events:
        if isinstance(event, Search):
            shown.append((event, ()))
        elif isinstance(event, Results) and shown:
            shown[-1] = (shown[-1][0], event.items)
        elif isinstance(event, ClickResult):
            found.append(next((s for s, items in shown[::-1] if event.item in items), None))
    return found


def _each_query_once(session: Session) -> list[str | None]:
    return list(dict.fromkeys(_right(session)))


def _backwards(session: Session) -> list[str | None]:
    return _right(session)[::-1]


MISTAKES: dict[Callable[..., Any], str] = {
    _nearest_search: (
        "Each click was given to the search just before it. But people go back: ask which "
        "search *showed* the item, and whether any did."
    ),
    _first_that_showed: (
        "When two searches had shown the same item, the click was given to the first of them. "
        "The later one is what the user had last seen."
    ),
    _never_an_orphan: (
        "A click on something that no search had shown was still given to the search before "
        "it. It is an orphan: None."
    ),
    _orphans_dropped: (
        "The orphans are missing. Every click has a place in the list, and None means that no "
        "search had shown it: otherwise nobody would notice how many orphans there are."
    ),
    _later_searches_too: (
        "A click was given to a search that came after it. Only what was already on the "
        "screen can have been clicked."
    ),
    _by_query: (
        "The notes hold one entry for each query. When a query comes again, it overwrites its "
        "first results, and keeps its first place. Take a list of pairs instead."
    ),
    _all_of_a_query: (
        "The notes hold one entry for each query. A query that comes again keeps its first "
        "place, so another search seems to be the latest. Take a list of pairs instead."
    ),
    _empty_text: (
        "An orphan has no query, and here it has an empty text. Use None, which can't be "
        "mistaken for a query."
    ),
    _items: (
        "These are the items that were clicked. For each of them, give the query of the "
        "search that showed it."
    ),
    _pairs: (
        "The queries are right, but each stands in a pair with the item. Return the queries alone."
    ),
    _searches: "These are the searches themselves. Give their queries: `search.query`.",
    _each_query_once: (
        "Each query is in the list only once. One entry for each *click* is expected, even if "
        "two clicks answer one search."
    ),
    _backwards: "The entries are in the reverse order. Give them in the order of the clicks.",
}
"""Wrong functions as people write them, each with its diagnosis."""
