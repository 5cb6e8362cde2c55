"""Wrong ways to compute a click-through rate, and to average it."""

from collections.abc import Callable
from statistics import mean, median
from typing import Any

from searchlogs.metrics import attribute, click_through_rate, clicks_per_search
from searchlogs.sessions import Session


def _clicks_per_search(session: Session) -> float | None:
    return session.clicks / session.searches if session.searches else None


def _cut_to_one(session: Session) -> float | None:
    return min(1.0, session.clicks / session.searches) if session.searches else None


def _zero_without_search(session: Session) -> float:
    return click_through_rate(session) or 0.0


def _any_click(session: Session) -> float | None:
    rate = click_through_rate(session)
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
    rate = click_through_rate(session)
    return None if rate is None else 1 - rate


def _percent(session: Session) -> float | None:
    rate = click_through_rate(session)
    return None if rate is None else 100 * rate


def _two_digits(session: Session) -> float | None:
    rate = click_through_rate(session)
    return None if rate is None else round(rate, 2)


def _one_digit(session: Session) -> float | None:
    rate = click_through_rate(session)
    return None if rate is None else round(rate, 1)


def _every_record(session: Session) -> float | None:
    impressions = attribute(session).impressions
    clicked = sum(bool(search.clicks) for search in impressions)
    return clicked / len(session.events) if impressions else None


def _first_search_alone(session: Session) -> float | None:
    impressions = attribute(session).impressions
    return float(bool(impressions[0].clicks)) if impressions else None


RATES: dict[Callable[..., Any], str] = {
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
    _whole_number: ("`//` drops what is behind the decimal point, so a half becomes 0. Use `/`."),
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
}
"""Wrong rates as people write them, each with its diagnosis."""


def _right(sessions: list[Session]) -> float | None:
    rates = [rate for one in sessions if (rate := click_through_rate(one)) is not None]
    return mean(rates) if rates else None


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
    mean = _right(sessions)
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


MEANS: dict[Callable[..., Any], str] = {
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
}
"""Wrong means as people write them, each with its diagnosis."""
