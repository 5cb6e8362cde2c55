"""The exercises of notebook 04: which click belongs where, a rate that is one, and its average."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Task, at
from searchlogs.metrics import attribute, click_through_rate, example
from searchlogs.sessions import Session
from searchlogs.simulate import client_events, simulate


def _session_of(*events: Event) -> Session:
    """Make a session of events of one user."""
    return Session(str(events[0].user), 0, events)


no_search = _session_of(AppOpen(5, at(0)), ClickResult(5, "news", at(2)))
no_click = _session_of(Search(6, "quiet parrots", at(0)), Results(6, (), at(1)))
two_clicks = _session_of(*client_events()[3:])
back_and_forth = _session_of(
    Search(4, "dogs", at(3)),
    Results(4, ("fido", "rover"), at(4)),
    Search(4, "puppies", at(10)),
    Results(4, ("rex", "rover"), at(11)),
    ClickResult(4, "fido", at(15)),
    ClickResult(4, "rover", at(18)),
)
with_an_orphan = _session_of(
    ClickResult(4, "rex", at(1)),
    Search(4, "puppies", at(3)),
    Results(4, ("rex", "bella"), at(4)),
    ClickResult(4, "news", at(8)),
    ClickResult(4, "bella", at(9)),
    Search(4, "cats", at(12)),
    Results(4, ("kathy",), at(13)),
)


@cache
def simulated() -> list[Session]:
    """Return the sessions of a simulated afternoon."""
    return find_sessions(simulate(8, 20, seed=5), gap=timedelta(minutes=30))[0]


def my_attribution(session: Session) -> list[str | None]:
    """Return for each click the query of its search, or None."""
    query = ""
    shown: list[tuple[str, tuple[str, ...]]] = []
    found: list[str | None] = []
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            shown.append((query, event.items))
        elif isinstance(event, ClickResult):
            holding = [asked for asked, items in shown if event.item in items]
            found.append(holding[-1] if holding else None)
    return found


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
    return [query for query in my_attribution(session) if query is not None]


def _later_searches_too(session: Session) -> list[str | None]:
    clicks = [event for event in session.events if isinstance(event, ClickResult)]
    others = [event for event in session.events if not isinstance(event, ClickResult)]
    return my_attribution(_session_of(*others, *clicks))


attribute_a_click = Task(
    name="attribute_a_click",
    hints=(
        "Go through `session.events` once. `isinstance(event, Search)` tests the kind; "
        "remember what you have seen so far.",
        "At results, note them together with the query before them. At a click, look through "
        "your notes for its item.",
        "Look through the notes from the end, `reversed(notes)`, and stop at the first one "
        "that holds the item. If none does, the entry is None.",
    ),
    solve=my_attribution,
    notice="People go back to earlier results, and click on things that no search has shown. "
    "`metrics.attribute` has two more rules, for logs with a `query_id` or without "
    "results.",
    cases=lambda: (
        Case("the tutorial's user 2", (two_clicks,)),
        Case("somebody who goes back", (back_and_forth,)),
        Case("clicks that no earlier search has shown", (with_an_orphan,)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a session without a click", (no_click,)),
        *(Case("a simulated session", (session,)) for session in simulated()),
    ),
    mistakes={
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
    },
)


def my_rate(session: Session) -> float | None:
    """Return the share of the searches that got at least one click."""
    searches = attribute(session).impressions
    if not searches:
        return None
    return sum(bool(search.clicks) for search in searches) / len(searches)


def _clicks_per_search(session: Session) -> float | None:
    return session.clicks / session.searches if session.searches else None


def _cut_to_one(session: Session) -> float | None:
    return min(1.0, session.clicks / session.searches) if session.searches else None


def _zero_without_search(session: Session) -> float:
    return my_rate(session) or 0.0


def _any_click(session: Session) -> float | None:
    rate = my_rate(session)
    return rate if rate is None else float(rate > 0)


def _share_of_clicks(session: Session) -> float | None:
    clicked = sum(bool(search.clicks) for search in attribute(session).impressions)
    return clicked / session.clicks if session.clicks else None


def _divides_by_zero(session: Session) -> float:
    searches = attribute(session).impressions
    return sum(bool(search.clicks) for search in searches) / len(searches)


bounded_rate = Task(
    name="bounded_rate",
    hints=(
        "Count searches, never clicks: a search was clicked, or it wasn't.",
        "`search.clicks` is a tuple. An empty tuple counts as false.",
        "Count the searches that have clicks, and divide by the number of searches. Which session "
        "would make you divide by 0?",
    ),
    solve=my_rate,
    notice="A share of searches can't leave 0 to 1, however often somebody clicks. And if there "
    "is nothing to divide by, there is no rate.",
    cases=lambda: (
        Case("the tutorial's user 2", (two_clicks,)),
        Case("two searches, one of them clicked twice", (example(),)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a search without a click", (no_click,)),
        Case("a session with orphans", (with_an_orphan,)),
        *(Case("a simulated session", (session,)) for session in simulated()),
    ),
    mistakes={
        _clicks_per_search: (
            "Clicks ÷ searches is a ratio: two clicks on one search make 2.0. Ask of each "
            "*search* whether it was clicked at all, and count those."
        ),
        _cut_to_one: (
            "Clicks ÷ searches, cut off at 1, stays within bounds but is no share: two clicks on "
            "one search hide that another got none. Ask of each search whether it was clicked."
        ),
        _zero_without_search: (
            "0 would mean that there were searches and none was clicked. Here nobody searched, so "
            "there is no rate: None."
        ),
        _any_click: (
            "This says whether *any* search was clicked: the session CTR. What is expected is the "
            "share, which can lie between 0 and 1."
        ),
        _share_of_clicks: (
            "You divided by the number of clicks. Divide by the number of searches: of all "
            "searches, how many were clicked?"
        ),
        _divides_by_zero: (
            "In this session nobody searched, so there is nothing to divide by. Test for that "
            "first, and return None."
        ),
    },
)


def my_mean(sessions: list[Session]) -> float | None:
    """Return the mean of the rates that are defined."""
    rates = [click_through_rate(session) for session in sessions]
    defined = [rate for rate in rates if rate is not None]
    return sum(defined) / len(defined) if defined else None


def _undefined_as_zero(sessions: list[Session]) -> float | None:
    rates = [click_through_rate(session) or 0.0 for session in sessions]
    return sum(rates) / len(rates) if rates else None


def _zeros_left_out(sessions: list[Session]) -> float | None:
    rates = [rate for session in sessions if (rate := click_through_rate(session))]
    return sum(rates) / len(rates) if rates else None


def _ratio_of_sums(sessions: list[Session]) -> float | None:
    searches = [search for one in sessions for search in attribute(one).impressions]
    return sum(bool(search.clicks) for search in searches) / len(searches) if searches else None


def _adds_none(sessions: list[Session]) -> float:
    rates: list[Any] = [click_through_rate(session) for session in sessions]
    return float(sum(rates) / len(rates))


def _nothing_to_divide(sessions: list[Session]) -> float:
    rates = [rate for session in sessions if (rate := click_through_rate(session)) is not None]
    return sum(rates) / len(rates)


mean_rate = Task(
    name="mean_rate",
    hints=(
        "What does `click_through_rate` return for a session without a search? "
        "And what for one whose searches nobody clicked?",
        "Make a list of the rates that are not None; a rate of 0.0 stays in it. The average "
        "is the sum of the list divided by its length.",
        "And if that list is empty?",
    ),
    solve=my_mean,
    notice="0 and None are different things: one pulls the average down, the other does not count.",
    cases=lambda: (
        Case("two sessions that were clicked in full and by half", ([two_clicks, example()],)),
        Case("one of them with a rate of 0", ([two_clicks, no_click],)),
        Case("one of them without a search", ([two_clicks, no_search, example()],)),
        Case("two sessions of different length", ([back_and_forth, with_an_orphan, no_click],)),
        Case("no session with a search", ([no_search],)),
        Case("a simulated afternoon", (simulated(),)),
    ),
    mistakes={
        _undefined_as_zero: (
            "Sessions without a search were counted as 0. They say nothing about searches: leave "
            "them out of both the sum *and* the number that you divide by."
        ),
        _zeros_left_out: (
            "The sessions with a rate of 0 were left out too: `if rate` is false for 0 as well as "
            "for None. Test `is not None`."
        ),
        _ratio_of_sums: (
            "All searches clicked ÷ all searches: the other honest average, in which every search "
            "weighs the same. Here every *session* should weigh the same."
        ),
        _adds_none: (
            "`click_through_rate` gives None for a session without a search, and None can't be "
            "added. Leave those sessions out first."
        ),
        _nothing_to_divide: (
            "No session here has a rate, so there is nothing to divide by. Without a rate there "
            "is no mean: return None."
        ),
    },
)
