"""The exercises of notebook 04: which click belongs where, a rate that is one, and its average."""

from datetime import timedelta
from functools import cache
from statistics import mean, median
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import ClickResult, Results, Search
from searchlogs.exercises._attributions import (
    MISTAKES,
    back_and_forth,
    dogs_again,
    no_click,
    no_search,
    two_clicks,
    two_of_three,
    with_an_orphan,
)
from searchlogs.exercises._core import Case, Task
from searchlogs.metrics import attribute, click_through_rate, clicks_per_search, example
from searchlogs.sessions import Session
from searchlogs.simulate import simulate


@cache
def simulated() -> tuple[Session, ...]:
    """Return the sessions of a simulated afternoon."""
    return tuple(find_sessions(simulate(8, 20, seed=5), gap=timedelta(minutes=30))[0])


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
        Case("somebody who searches for the same thing twice", (dogs_again,)),
        Case("a session in which nobody searched", (no_search,)),
        Case("a session without a click", (no_click,)),
        *(Case("a simulated session", (session,)) for session in simulated()),
    ),
    mistakes=MISTAKES,
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


def _not_divided(session: Session) -> float | None:
    searches = attribute(session).impressions
    return sum(bool(search.clicks) for search in searches) if searches else None


def _whole_number(session: Session) -> float | None:
    searches = attribute(session).impressions
    return sum(bool(search.clicks) for search in searches) // len(searches) if searches else None


def _not_clicked(session: Session) -> float | None:
    rate = my_rate(session)
    return None if rate is None else 1 - rate


def _percent(session: Session) -> float | None:
    rate = my_rate(session)
    return None if rate is None else 100 * rate


def _two_digits(session: Session) -> float | None:
    rate = my_rate(session)
    return None if rate is None else round(rate, 2)


def _one_digit(session: Session) -> float | None:
    rate = my_rate(session)
    return None if rate is None else round(rate, 1)


def _every_record(session: Session) -> float | None:
    impressions = attribute(session).impressions
    clicked = sum(bool(search.clicks) for search in impressions)
    return clicked / len(session.events) if impressions else None


def _first_search_alone(session: Session) -> float | None:
    impressions = attribute(session).impressions
    return float(bool(impressions[0].clicks)) if impressions else None


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
        Case("three searches, two of them clicked", (two_of_three,)),
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
        _not_divided: (
            "This is the number of searches that were clicked. For a share, divide it by the "
            "number of all searches."
        ),
        _whole_number: (
            "`//` drops what is behind the decimal point, so a half becomes 0. Use `/`."
        ),
        _not_clicked: (
            "This is the share of the searches *without* a click, which is called abandonment. "
            "Count the others."
        ),
        _percent: "This is the rate in per cent. A share lies between 0 and 1: leave out the 100.",
        _two_digits: (
            "The rate was rounded to two digits. Return it as it is: round when you show a number, "
            "not before you calculate with it."
        ),
        _one_digit: (
            "The rate was rounded to one digit. Return it as it is: round when you show a number, "
            "not before you calculate with it."
        ),
        _every_record: (
            "You divided by the number of events. Divide by the number of searches: of all "
            "searches, how many were clicked?"
        ),
        _first_search_alone: (
            "Only the first search is looked at. Is `return` inside the loop? Count over all "
            "searches, then divide."
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


def _zero_of_nothing(sessions: list[Session]) -> float:
    mean = my_mean(sessions)
    return 0.0 if mean is None else mean


def _nothing_to_average(sessions: list[Session]) -> float:
    rates = [rate for session in sessions if (rate := click_through_rate(session)) is not None]
    return mean(rates)


def _sum(sessions: list[Session]) -> float | None:
    rates = [rate for session in sessions if (rate := click_through_rate(session)) is not None]
    return sum(rates) if rates else None


def _list_of_rates(sessions: list[Session]) -> list[float | None]:
    return [click_through_rate(session) for session in sessions]


def _list_without_none(sessions: list[Session]) -> list[float]:
    return [rate for session in sessions if (rate := click_through_rate(session)) is not None]


def _middle(sessions: list[Session]) -> float | None:
    rates = [rate for session in sessions if (rate := click_through_rate(session)) is not None]
    return median(rates) if rates else None


def _mean_clicks(sessions: list[Session]) -> float | None:
    rates = [rate for session in sessions if (rate := clicks_per_search(session)) is not None]
    return mean(rates) if rates else None


mean_rate = Task(
    name="mean_rate",
    hints=(
        "What does `click_through_rate` return for a session without a search? "
        "And what for one whose searches nobody clicked?",
        "Make a list of the rates that are not None; a rate of 0.0 stays in it. The average "
        "is the sum of the list divided by its length.",
        "What is the length of a list that holds no rate, and what happens if you divide by it? "
        "Look at the list before you divide.",
    ),
    solve=my_mean,
    notice="0 and None are different things: one pulls the average down, the other does not count.",
    cases=lambda: (
        Case("two sessions that were clicked in full and by half", ([two_clicks, example()],)),
        Case("one of them with a rate of 0", ([two_clicks, no_click],)),
        Case("one of them without a search", ([two_clicks, no_search, example()],)),
        Case("two sessions of different length", ([back_and_forth, with_an_orphan, no_click],)),
        Case("no session with a search", ([no_search],)),
        Case("no sessions", ([],)),
        Case("a simulated afternoon", (list(simulated()),)),
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
        _nothing_to_average: (
            "No session here has a rate, and there is no mean of nothing. Test for that first, and "
            "return None."
        ),
        _zero_of_nothing: (
            "No session here has a rate, so their mean is as undefined as they are: None. A 0 "
            "would say that people searched and clicked nothing."
        ),
        _sum: "This is the sum of the rates. For the mean, divide it by how many there are.",
        _list_of_rates: (
            "These are the rates, one for each session. Leave out those that are None, and return "
            "their average, one number."
        ),
        _list_without_none: (
            "These are the rates that are defined, as they should be. Now return their average, "
            "one number."
        ),
        _middle: (
            "This is the median, the rate in the middle. The mean is the sum divided by how many "
            "there are."
        ),
        _mean_clicks: (
            "This averages the clicks per search, which can be over 1. Use `click_through_rate` of "
            "each session."
        ),
    },
)
