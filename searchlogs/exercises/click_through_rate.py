"""The exercises of notebook 04: which click belongs where, a rate that is one, and its average."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Task
from searchlogs.metrics import attribute, click_through_rate, example
from searchlogs.sessions import Session
from searchlogs.simulate import client_events, simulate


def at(second: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def session_of(*events: Event) -> Session:
    return Session(str(events[0].user), 0, events)


no_search = session_of(AppOpen(5, at(0)), ClickResult(5, "news", at(2)))
no_click = session_of(Search(6, "quiet parrots", at(0)), Results(6, (), at(1)))
two_clicks = session_of(*client_events()[3:])
back_and_forth = session_of(
    Search(4, "dogs", at(3)),
    Results(4, ("fido", "rover"), at(4)),
    Search(4, "puppies", at(10)),
    Results(4, ("rex", "rover"), at(11)),
    ClickResult(4, "fido", at(15)),
    ClickResult(4, "rover", at(18)),
)
with_an_orphan = session_of(
    ClickResult(4, "rex", at(1)),
    Search(4, "puppies", at(3)),
    Results(4, ("rex", "bella"), at(4)),
    ClickResult(4, "news", at(8)),
    ClickResult(4, "bella", at(9)),
    Search(4, "cats", at(12)),
    Results(4, ("kathy",), at(13)),
)
simulated, _ = find_sessions(simulate(8, 20, seed=5), gap=timedelta(minutes=30))


def my_attribution(session: Session) -> list[str | None]:
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


def queries_by_click(
    session: Session, choose: Callable[[list[tuple[str, int]], ClickResult], str | None]
) -> list[str | None]:
    """For each click, the query that `choose` picks from those with the index of their results."""
    found: list[str | None] = []
    queries: list[tuple[str, int]] = []
    for index, event in enumerate(session.events):
        if isinstance(event, Search):
            queries.append((event.query, index + 1))
        elif isinstance(event, ClickResult):
            found.append(choose(queries, event))
    return found


def showed(session: Session, index: int, item: str) -> bool:
    results = session.events[index]
    return isinstance(results, Results) and item in results.items


def nearest_search(session: Session) -> list[str | None]:
    """Each click went to the search just before it. But people go back: ask which search *showed*
    the item, and whether any did."""
    return queries_by_click(session, lambda queries, _: queries[-1][0] if queries else None)


def first_that_showed(session: Session) -> list[str | None]:
    """Where two searches showed the same item, the click went to the first of them. The later one
    is what the user had before them last."""

    def choose(queries: list[tuple[str, int]], click: ClickResult) -> str | None:
        return next((query for query, i in queries if showed(session, i, click.item)), None)

    return queries_by_click(session, choose)


def never_an_orphan(session: Session) -> list[str | None]:
    """A click on something that no search had shown was given to the search before it all the
    same. It is an orphan: None."""

    def choose(queries: list[tuple[str, int]], click: ClickResult) -> str | None:
        showing = [query for query, i in queries if showed(session, i, click.item)]
        before = showing or [query for query, _ in queries]
        return before[-1] if before else None

    return queries_by_click(session, choose)


def orphans_dropped(session: Session) -> list[str | None]:
    """The orphans are missing. Every click has a place in the list, and None says that no search
    had shown it: else nobody would notice how many there are."""
    return [query for query in my_attribution(session) if query is not None]


def later_searches_too(session: Session) -> list[str | None]:
    """A click went to a search that came only after it. Only what was on the screen before can have
    been clicked."""
    clicks = [event for event in session.events if isinstance(event, ClickResult)]
    others = [event for event in session.events if not isinstance(event, ClickResult)]
    return my_attribution(session_of(*others, *clicks))


attribute_a_click = Task(
    name="attribute_a_click",
    title="give each click to its search",
    statement="""\
Write a function that takes a session and returns a list with one entry for each click, in order:
the query of the latest earlier search whose results held the item, or None where there is none.
In these sessions results always stand right behind their search, and no event has a `query_id`.""",
    starter="""\
from searchlogs import exercises
from searchlogs.events import ClickResult, Results, Search

def my_attribution(session):
    ...

exercises.attribute_a_click.check(my_attribution)""",
    hints=(
        "Go through `session.events` once. `isinstance(event, Search)` asks for the kind; remember "
        "what you have seen so far.",
        "When results come, note them together with the query before them. "
        "When a click comes, look through your notes for its item.",
        "Look through the notes from the end, `reversed(notes)`, and stop at the first that holds "
        "the item. Found nothing? Then the entry is None.",
    ),
    solve=my_attribution,
    notice="People go back to earlier results, and click on things that no search has shown. "
    "`metrics.attribute` knows two rules more, for logs with a `query_id` or without results.",
    cases=(
        Case("the tutorial's user 2", (two_clicks,)),
        Case("somebody who goes back", (back_and_forth,)),
        Case("clicks that no earlier search has shown", (with_an_orphan,)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a session without a click", (no_click,)),
        *(Case("a simulated session", (session,)) for session in simulated),
    ),
    mistakes=(
        nearest_search,
        first_that_showed,
        never_an_orphan,
        orphans_dropped,
        later_searches_too,
    ),
)


def my_rate(session: Session) -> float | None:
    searches = attribute(session).impressions
    if not searches:
        return None
    return sum(bool(search.clicks) for search in searches) / len(searches)


def clicks_per_search(session: Session) -> float | None:
    """Clicks ÷ searches is a ratio: two clicks on one search make 2.0. Ask of each *search* whether
    it was clicked at all, and count those."""
    return session.clicks / session.searches if session.searches else None


def cut_to_one(session: Session) -> float | None:
    """Clicks ÷ searches, cut off at 1, stays within bounds but is no share: two clicks on one
    search hide that another got none. Ask of each search whether it was clicked."""
    return min(1.0, session.clicks / session.searches) if session.searches else None


def zero_without_search(session: Session) -> float:
    """0 says that there were searches and none was clicked. Here nobody searched, so there is no
    rate: None."""
    return my_rate(session) or 0.0


def any_click(session: Session) -> float | None:
    """This says whether *any* search was clicked: the session CTR. The share is asked for, which
    can lie between 0 and 1."""
    rate = my_rate(session)
    return rate if rate is None else float(rate > 0)


def share_of_clicks(session: Session) -> float | None:
    """You divided by the clicks, and searches are asked for: of all searches, how many were
    clicked?"""
    clicked = sum(bool(search.clicks) for search in attribute(session).impressions)
    return clicked / session.clicks if session.clicks else None


def divides_by_zero(session: Session) -> float:
    """In this session nobody searched, so there is nothing to divide by. Ask for that first, and
    return None."""
    searches = attribute(session).impressions
    return sum(bool(search.clicks) for search in searches) / len(searches)


bounded_rate = Task(
    name="bounded_rate",
    title="write a rate that stays within 0 and 1",
    statement="""\
Write the click-through rate of a session: the share of its searches that got at least one click,
and None where nobody searched. You need not work out again which click belongs to which search:
`attribute(session).impressions` gives the searches, and each of them has its `clicks`.""",
    starter="""\
from searchlogs import exercises
from searchlogs.metrics import attribute

def my_rate(session):
    ...

exercises.bounded_rate.check(my_rate)""",
    hints=(
        "What is counted are searches, never clicks: a search was clicked, or it wasn't.",
        "`search.clicks` is a tuple. An empty tuple counts as false.",
        "Count the searches that have clicks, and divide by the number of searches. Which session "
        "would make you divide by 0?",
    ),
    solve=my_rate,
    notice="A share of searches can't leave 0 to 1, however often somebody clicks. "
    "And where there is nothing to divide, there is no rate.",
    cases=(
        Case("the tutorial's user 2", (two_clicks,)),
        Case("two searches, one of them clicked twice", (example(),)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a search without a click", (no_click,)),
        Case("a session with orphans", (with_an_orphan,)),
        *(Case("a simulated session", (session,)) for session in simulated),
    ),
    mistakes=(
        clicks_per_search,
        cut_to_one,
        zero_without_search,
        any_click,
        share_of_clicks,
        divides_by_zero,
    ),
)


def my_mean(sessions: list[Session]) -> float | None:
    rates = [click_through_rate(session) for session in sessions]
    defined = [rate for rate in rates if rate is not None]
    return sum(defined) / len(defined) if defined else None


def undefined_as_zero(sessions: list[Session]) -> float | None:
    """Sessions without a search were counted as 0. They say nothing about searches: leave them out,
    of the sum *and* of the number that you divide by."""
    rates = [click_through_rate(session) or 0.0 for session in sessions]
    return sum(rates) / len(rates) if rates else None


def zeros_left_out(sessions: list[Session]) -> float | None:
    """The sessions with a rate of 0 are gone too: `if rate` is false for 0 as well as for None. Ask
    `is not None`."""
    rates = [rate for session in sessions if (rate := click_through_rate(session))]
    return sum(rates) / len(rates) if rates else None


def ratio_of_sums(sessions: list[Session]) -> float | None:
    """All searches clicked ÷ all searches: the other honest average, in which every search weighs
    the same. Here every *session* is to weigh the same."""
    searches = [search for one in sessions for search in attribute(one).impressions]
    return sum(bool(search.clicks) for search in searches) / len(searches) if searches else None


def adds_none(sessions: list[Session]) -> float:
    """`click_through_rate` gives None for a session without a search, and None can't be added up.
    Leave those out first."""
    rates: list[Any] = [click_through_rate(session) for session in sessions]
    return float(sum(rates) / len(rates))


def nothing_to_divide(sessions: list[Session]) -> float:
    """No session here has a rate, so there is nothing to divide by. Without a rate there is no
    mean: return None."""
    rates = [rate for session in sessions if (rate := click_through_rate(session)) is not None]
    return sum(rates) / len(rates)


mean_rate = Task(
    name="mean_rate",
    title="average without the undefined",
    statement="""\
Write the mean of ratios: a function that takes a list of sessions and returns the average of
their click-through rates, every session weighing the same. Sessions in which nobody searched
have no rate and are left out. Where no session has one, return None.""",
    starter="""\
from searchlogs import exercises
from searchlogs.metrics import click_through_rate

def my_mean(sessions):
    ...

exercises.mean_rate.check(my_mean)""",
    hints=(
        "What does `click_through_rate` return for a session without a search? "
        "And what for one whose searches nobody clicked?",
        "Make a list of the rates that are not None; a rate of 0.0 stays in it. "
        "Then the average is its sum, divided by its length.",
        "And if that list is empty?",
    ),
    solve=my_mean,
    notice="0 and None are different things: one pulls the average down, the other has no say.",
    cases=(
        Case("two sessions that were clicked in full and by half", ([two_clicks, example()],)),
        Case("one of them with a rate of 0", ([two_clicks, no_click],)),
        Case("one of them without a search", ([two_clicks, no_search, example()],)),
        Case("two sessions of different length", ([back_and_forth, with_an_orphan, no_click],)),
        Case("no session with a search", ([no_search],)),
        Case("a simulated afternoon", (simulated,)),
    ),
    mistakes=(undefined_as_zero, zeros_left_out, ratio_of_sums, adds_none, nothing_to_divide),
)
