"""Answers to the exercises of notebook 05."""

from decimal import Decimal
from fractions import Fraction
from functools import partial
from statistics import fmean, mean
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.events import ClickResult, Results, Search
from searchlogs.exercises.click_through_rate import (
    averages,
    evening,
    my_attribution,
    my_mean,
    my_rate,
)
from searchlogs.metrics import attribute, click_through_rate, clicks_per_search, count
from searchlogs.tables import summary


def by_item(session: Any) -> Any:
    query, owner, found = None, {}, []
    for event in session.events:
        match event:
            case Search():
                query = event.query
            case Results():
                owner |= dict.fromkeys(event.items, query)
            case ClickResult():
                found.append(owner.get(event.item))
    return found


def with_yield(session: Any) -> Any:
    yield from by_item(session)


def as_tuple(session: Any) -> Any:
    return tuple(by_item(session))


def backwards_from_each_click(session: Any) -> Any:
    def query_of(place: int) -> Any:
        item = session.events[place].item
        for before in range(place - 1, -1, -1):
            event = session.events[before]
            if isinstance(event, Results) and item in event.items:
                return session.events[before - 1].query
        return None

    clicks = [i for i, event in enumerate(session.events) if isinstance(event, ClickResult)]
    return [query_of(place) for place in clicks]


def by_package(session: Any) -> Any:
    owner = {
        id(click): impression.search.query
        for impression in attribute(session).impressions
        for click in impression.clicks
    }
    return [owner.get(id(e)) for e in session.events if isinstance(e, ClickResult)]


def by_recursion(session: Any) -> Any:
    def walk(events: Any, notes: Any) -> Any:
        if not events:
            return []
        first, *rest = events
        if isinstance(first, Search):
            return walk(rest, [(first.query, ()), *notes])
        if isinstance(first, Results):
            return walk(rest, [(notes[0][0], first.items), *notes[1:]])
        if isinstance(first, ClickResult):
            own = next((query for query, items in notes if first.item in items), None)
            return [own, *walk(rest, notes)]
        return walk(rest, notes)

    return walk(session.events, [])


def by_class_name(session: Any) -> Any:
    notes: list[Any] = []
    found = []
    for event in session.events:
        name = type(event).__name__
        if name == "Search":
            notes.append([event.query, set()])
        if name == "Results" and notes:
            notes[-1][1].update(event.items)
        if name == "ClickResult":
            found.append(None)
            for query, items in notes:
                if event.item in items:
                    found[-1] = query
    return found


def by_numpy(session: Any) -> Any:
    return np.array(by_item(session), dtype=object)


class Attribution:
    def __call__(self, session: Any) -> Any:
        return list(map(self.owner, *self.clicks(session)))

    def clicks(self, session: Any) -> Any:
        return [session] * len(by_item(session)), by_item(session)

    def owner(self, session: Any, query: Any) -> Any:
        return query


def attributed(session: Any, *, choose: Any = None, orphan: Any = None) -> Any:
    """Attribute with parts that can be replaced by wrong ones."""
    choose = choose or (lambda notes, item: [q for q, items in notes if item in items][-1:])
    notes, found = [], []
    for event in session.events:
        if isinstance(event, Search):
            notes.append((event.query, ()))
        elif isinstance(event, Results):
            notes[-1] = (notes[-1][0], event.items)
        elif isinstance(event, ClickResult):
            found.append(next(iter(choose(notes, event.item)), orphan))
    return found


def nearest(session: Any) -> Any:
    return attributed(session, choose=lambda notes, item: [query for query, _ in notes][-1:])


def first_that_showed(session: Any) -> Any:
    return attributed(session, choose=lambda notes, item: [q for q, i in notes if item in i])


def nearest_if_none(session: Any) -> Any:
    def choose(notes: Any, item: Any) -> Any:
        return [q for q, items in notes if item in items][-1:] or [q for q, _ in notes][-1:]

    return attributed(session, choose=choose)


def latest_alone(session: Any) -> Any:
    return attributed(session, choose=lambda notes, item: [q for q, i in notes[-1:] if item in i])


def no_orphans(session: Any) -> Any:
    return [query for query in by_item(session) if query]


def empty_text(session: Any) -> Any:
    return attributed(session, orphan="")


def none_as_text(session: Any) -> Any:
    return attributed(session, orphan="None")


def whole_session_first(session: Any) -> Any:
    owner, query, found = {}, None, []
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            owner |= dict.fromkeys(event.items, query)
    for event in session.events:
        if isinstance(event, ClickResult):
            found.append(owner.get(event.item))
    return found


def dictionary_of_queries(session: Any) -> Any:
    notes, query = {}, None
    found = []
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            notes[query] = event.items
        elif isinstance(event, ClickResult):
            found.append(next((q for q in reversed(notes) if event.item in notes[q]), None))
    return found


def dictionary_of_all_items(session: Any) -> Any:
    notes: dict[Any, set[str]] = {}
    query = None
    found = []
    for event in session.events:
        if isinstance(event, Search):
            query = event.query
        elif isinstance(event, Results):
            notes[query] = notes.get(query, set()) | set(event.items)
        elif isinstance(event, ClickResult):
            found.append(next((q for q in reversed(notes) if event.item in notes[q]), None))
    return found


def clicked_items(session: Any) -> Any:
    return [event.item for event in session.events if isinstance(event, ClickResult)]


def pairs(session: Any) -> Any:
    return list(zip(clicked_items(session), by_item(session), strict=True))


def as_dictionary(session: Any) -> Any:
    return dict(pairs(session))


def searches(session: Any) -> Any:
    notes: list[Any] = []
    found = []
    for event in session.events:
        if isinstance(event, Search):
            notes.append([event, ()])
        elif isinstance(event, Results):
            notes[-1][1] = event.items
        elif isinstance(event, ClickResult):
            found.append(next((s for s, items in reversed(notes) if event.item in items), None))
    return found


def each_once(session: Any) -> Any:
    found: list[Any] = []
    for query in by_item(session):
        if query not in found:
            found.append(query)
    return found


def reverse_order(session: Any) -> Any:
    return by_item(session)[::-1]


def printed(session: Any) -> Any:
    print(by_item(session))


def query_of_results(session: Any) -> Any:
    return [e.query for e in session.events if isinstance(e, Results)]


def by_loop(session: Any) -> Any:
    clicked = total = 0
    for search in attribute(session).impressions:
        total += 1
        if search.clicks:
            clicked += 1
    if total == 0:
        return None
    return clicked / total


def by_fmean(session: Any) -> Any:
    impressions = attribute(session).impressions
    return fmean(bool(search.clicks) for search in impressions) if impressions else None


def by_fraction(session: Any) -> Any:
    impressions = attribute(session).impressions
    return (
        Fraction(sum(map(bool, (s.clicks for s in impressions))), len(impressions) or 1)
        if (impressions)
        else None
    )


def by_decimal(session: Any) -> Any:
    impressions = attribute(session).impressions
    clicked = Decimal(sum(bool(s.clicks) for s in impressions))
    return clicked / len(impressions) if impressions else None


def by_numpy_mean(session: Any) -> Any:
    clicked = np.array([len(search.clicks) > 0 for search in attribute(session).impressions])
    return clicked.mean() if clicked.size else None


def by_pandas(session: Any) -> Any:
    clicked = pd.Series([bool(s.clicks) for s in attribute(session).impressions], dtype=float)
    return None if clicked.empty else clicked.mean()


def by_counts(session: Any) -> Any:
    counts = count(session)
    return counts.searches_clicked / counts.searches if counts.searches else None


def by_exception(session: Any) -> Any:
    impressions = attribute(session).impressions
    try:
        return sum(1 for s in impressions if s.clicks) / len(impressions)
    except ZeroDivisionError:
        return None


def by_metrics(session: Any) -> Any:
    return click_through_rate(session)


class Rate:
    def __call__(self, session: Any) -> Any:
        return by_loop(session)


def rate(session: Any, *, top: Any = None, below: Any = len, undefined: Any = None) -> Any:
    """Compute the rate with parts that can be replaced by wrong ones."""
    impressions = attribute(session).impressions
    if not impressions:
        return undefined
    top = top or (lambda found: sum(bool(search.clicks) for search in found))
    return top(impressions) / below(impressions)


def clicks_by_searches(session: Any) -> Any:
    return session.clicks / session.searches if session.searches else None


def all_attributed_clicks(session: Any) -> Any:
    return rate(session, top=lambda found: sum(len(search.clicks) for search in found))


def cut_to_one(session: Any) -> Any:
    ratio = clicks_by_searches(session)
    return ratio and min(ratio, 1)


def zero_without_search(session: Any) -> Any:
    return rate(session, undefined=0)


def nan_without_search(session: Any) -> Any:
    return rate(session, undefined=float("nan"))


def any_clicked(session: Any) -> Any:
    impressions = attribute(session).impressions
    return float(any(search.clicks for search in impressions)) if impressions else None


def by_clicks(session: Any) -> Any:
    clicked = sum(bool(search.clicks) for search in attribute(session).impressions)
    return clicked / session.clicks if session.clicks else None


def divides_by_zero(session: Any) -> Any:
    impressions = attribute(session).impressions
    return len([s for s in impressions if s.clicks]) / len(impressions)


def not_divided(session: Any) -> Any:
    return rate(session, below=lambda found: 1)


def whole_number(session: Any) -> Any:
    impressions = attribute(session).impressions
    return sum(bool(s.clicks) for s in impressions) // len(impressions) if impressions else None


def not_clicked(session: Any) -> Any:
    return rate(session, top=lambda found: sum(not search.clicks for search in found))


def percent(session: Any) -> Any:
    return rate(session, below=lambda found: len(found) / 100)


def two_digits(session: Any) -> Any:
    found = rate(session)
    return found if found is None else round(found, 2)


def as_text(session: Any) -> Any:
    return f"{rate(session)}"


def first_search(session: Any) -> Any:
    for search in attribute(session).impressions:
        return 1.0 if search.clicks else 0.0
    return None


def by_events(session: Any) -> Any:
    return rate(session, below=lambda found: len(session.events))


def forgotten_call(session: Any) -> Any:
    return len(attribute(session).impresions)


def mean_by_loop(sessions: Any) -> Any:
    total = number = 0
    for session in sessions:
        found = click_through_rate(session)
        if found is not None:
            total += found
            number += 1
    return total / number if number else None


def mean_by_statistics(sessions: Any) -> Any:
    rates = [r for r in map(click_through_rate, sessions) if r is not None]
    return mean(rates) if rates else None


def mean_by_pandas(sessions: Any) -> Any:
    found = pd.Series([click_through_rate(s) for s in sessions], dtype="float64").dropna()
    return found.mean() if len(found) else None


def mean_by_numpy(sessions: Any) -> Any:
    rates = np.array([click_through_rate(session) for session in sessions], dtype=float)
    rates = rates[~np.isnan(rates)]
    return np.average(rates) if rates.size else None


def mean_by_summary(sessions: Any) -> Any:
    found = summary(sessions)["ctr"].dropna() if sessions else []
    return float(found.mean()) if len(found) else None


def mean_by_fractions(sessions: Any) -> Any:
    rates = [Fraction(c.searches_clicked, c.searches) for c in map(count, sessions) if c.searches]
    return sum(rates) / len(rates) if rates else None


def mean_by_exception(sessions: Any) -> Any:
    rates = [r for r in map(click_through_rate, sessions) if r is not None]
    try:
        return sum(rates) / len(rates)
    except ZeroDivisionError:
        return None


def mean_by_recursion(sessions: Any) -> Any:
    def add(rest: Any) -> Any:
        if not rest:
            return 0.0, 0
        total, number = add(rest[1:])
        found = click_through_rate(rest[0])
        return (total, number) if found is None else (total + found, number + 1)

    total, number = add(sessions)
    return total / number if number else None


class Mean:
    def __call__(self, sessions: Any) -> Any:
        return mean_by_loop(sessions)


def averaged(sessions: Any, *, of: Any = click_through_rate, keep: Any = None) -> Any:
    """Average with parts that can be replaced by wrong ones."""
    rates = list(filter(keep or (lambda found: found is not None), map(of, sessions)))
    return sum(rates) / len(rates) if rates else None


def undefined_as_zero(sessions: Any) -> Any:
    return averaged(sessions, of=lambda session: click_through_rate(session) or 0)


def divided_by_all(sessions: Any) -> Any:
    found = [r for r in map(click_through_rate, sessions) if r is not None]
    return sum(found) / len(sessions) if sessions else None


def without_zeros(sessions: Any) -> Any:
    return averaged(sessions, keep=bool)


def ratio_of_sums(sessions: Any) -> Any:
    counts = [count(session) for session in sessions]
    searches = sum(one.searches for one in counts)
    return sum(one.searches_clicked for one in counts) / searches if searches else None


def adds_none(sessions: Any) -> Any:
    return sum(click_through_rate(session) for session in sessions) / len(sessions)


def divides_by_nothing(sessions: Any) -> Any:
    found = [r for r in map(click_through_rate, sessions) if r is not None]
    return sum(found) / len(found)


def mean_of_nothing(sessions: Any) -> Any:
    return mean(r for r in map(click_through_rate, sessions) if r is not None)


def zero_of_nothing(sessions: Any) -> Any:
    return averaged(sessions) or 0


def nan_of_nothing(sessions: Any) -> Any:
    found = averaged(sessions)
    return float("nan") if found is None else found


def total(sessions: Any) -> Any:
    found = [r for r in map(click_through_rate, sessions) if r is not None]
    return sum(found) if found else None


def rates(sessions: Any) -> Any:
    return [click_through_rate(session) for session in sessions]


def defined_rates(sessions: Any) -> Any:
    return [r for r in rates(sessions) if r is not None]


def middle(sessions: Any) -> Any:
    found = pd.Series(defined_rates(sessions), dtype=float)
    return found.median() if len(found) else None


def mean_of_clicks(sessions: Any) -> Any:
    return averaged(sessions, of=clicks_per_search)


def first_rate(sessions: Any) -> Any:
    return next(iter(defined_rates(sessions)), None)


def misspelt(sessions: Any) -> Any:
    return averaged(sessons)  # type: ignore[name-defined]  # noqa: F821


def meanings(clicks_per_search: Any, ctr: Any, session_ctr: Any) -> dict[str, Any]:
    """Return an answer to `three_meanings`."""
    return {"clicks_per_search": clicks_per_search, "ctr": ctr, "session_ctr": session_ctr}


def averages_are(ratio: Any, mean: Any, falls: Any) -> dict[str, Any]:
    """Return an answer to `two_averages`."""
    return {"ratio of sums": ratio, "mean of ratios": mean, "falls further": falls}


RIGHT: dict[str, list[Any]] = {
    "attribute_a_click": [
        by_item,
        with_yield,
        as_tuple,
        backwards_from_each_click,
        by_package,
        by_recursion,
        by_class_name,
        by_numpy,
        Attribution(),
        attributed,
        partial(attributed, orphan=None),
        lambda session: my_attribution(session),
    ],
    "bounded_rate": [
        by_loop,
        by_fmean,
        by_fraction,
        by_decimal,
        by_numpy_mean,
        by_pandas,
        by_counts,
        by_exception,
        by_metrics,
        Rate(),
        partial(rate, undefined=None),
        lambda session: my_rate(session),
    ],
    "mean_rate": [
        mean_by_loop,
        mean_by_statistics,
        mean_by_pandas,
        mean_by_numpy,
        mean_by_summary,
        mean_by_fractions,
        mean_by_exception,
        mean_by_recursion,
        Mean(),
        partial(averaged, of=click_through_rate),
        lambda sessions: my_mean(sessions),
    ],
    "three_meanings": [
        meanings(0.75, 0.25, 0.5),
        meanings(3 / 4, 1 / 4, 1 / 2),
        meanings(Fraction(3, 4), Fraction(1, 4), Fraction(1, 2)),
        meanings(Decimal("0.75"), Decimal("0.25"), Decimal("0.5")),
        meanings(np.float64(0.75), np.float32(0.25), np.float16(0.5)),
        meanings((0.7 + 0.1) - 0.05, 0.25, 0.5),
        dict(reversed(meanings(0.75, 0.25, 0.5).items())),
        dict(evening()),
    ],
    "two_averages": [
        averages_are(0.4, 0.625, "ratio of sums"),
        averages_are(2 / 5, 5 / 8, "ratio of sums"),
        averages_are(2 / 5, (1 + 1 / 4) / 2, "ratio_of_sums"),
        averages_are(Fraction(2, 5), Fraction(5, 8), "Ratio of sums"),
        averages_are(Decimal("0.4"), Decimal("0.625"), "ratio of sums"),
        averages_are(np.float64(0.4), np.mean([1, 0.25]), " ratio of sums "),
        averages_are(0.1 + 0.3, 0.625, "ratio  of sums"),
        averages(),
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "attribute_a_click": [
        (nearest, "the search just before it"),
        (first_that_showed, "the first of them"),
        (nearest_if_none, "no search had shown"),
        (latest_alone, ""),
        (no_orphans, "The orphans are missing"),
        (empty_text, "empty text"),
        (none_as_text, ""),
        (whole_session_first, "came after it"),
        (dictionary_of_queries, "overwrites its first results"),
        (dictionary_of_all_items, "keeps its first place"),
        (clicked_items, "the items that were clicked"),
        (pairs, "in a pair"),
        (as_dictionary, "dict"),
        (searches, "the searches themselves"),
        (each_once, "only once"),
        (reverse_order, "reverse order"),
        (printed, "`return` missing"),
        (query_of_results, "raised an error"),
    ],
    "bounded_rate": [
        (clicks_by_searches, "is a ratio"),
        (all_attributed_clicks, "?is a ratio"),
        (cut_to_one, "cut off at 1"),
        (zero_without_search, "nobody searched"),
        (nan_without_search, "nan"),
        (any_clicked, "*any* search was clicked"),
        (by_clicks, "by the number of clicks"),
        (divides_by_zero, "nothing to divide by"),
        (not_divided, "number of searches that were clicked"),
        (whole_number, "`//`"),
        (not_clicked, "*without* a click"),
        (percent, "per cent"),
        (two_digits, "two digits"),
        (as_text, ""),
        (first_search, "Only the first search"),
        (by_events, "number of events"),
        (forgotten_call, "raised an error"),
    ],
    "mean_rate": [
        (undefined_as_zero, "counted as 0"),
        (divided_by_all, "the number that you divide by"),
        (without_zeros, "a rate of 0 were left out"),
        (ratio_of_sums, "other honest average"),
        (adds_none, "can't be added"),
        (divides_by_nothing, "nothing to divide by"),
        (mean_of_nothing, "no mean of nothing"),
        (zero_of_nothing, "as undefined as they are"),
        (nan_of_nothing, "nan"),
        (total, "the sum of the rates"),
        (rates, "their average"),
        (defined_rates, "their average"),
        (middle, "median"),
        (mean_of_clicks, "clicks per search"),
        (first_rate, ""),
        (misspelt, "raised an error"),
    ],
    "three_meanings": [
        (meanings(75, 25, 50), "per cent"),
        (meanings(0.75, 0.75, 0.5), "Count searches"),
        (meanings(0.75, 0.5, 0.5), "There are four"),
        (meanings(0.25, 0.25, 0.5), "every click counts"),
        (meanings(1.5, 0.25, 0.5), "number of sessions"),
        (meanings(0.75, 0.25, 0.25), "here a session counts"),
        (meanings(0.75, 0.25, 0.75), "here a session counts"),
        (meanings(0.75, 0.25, 1), "nothing was clicked"),
        (meanings(3, 0.25, 0.5), ""),
        (meanings("0.75", "0.25", "0.5"), ""),
        (meanings(0.75, 0.25, None), ""),
        ([0.75, 0.25, 0.5], "a list"),
    ],
    "two_averages": [
        (averages_are(0.625, 0.4, "ratio of sums"), "the wrong way round"),
        (averages_are(0.02, 0.417, "ratio of sums"), "*with* the robot"),
        (averages_are(0.4, 1.25 / 3, "ratio of sums"), "*with* the robot"),
        (averages_are(0.5, 0.625, "ratio of sums"), "have together"),
        (averages_are(0.4, 1.25, "ratio of sums"), "the sum of the two rates"),
        (averages_are(0.4, 0.5, "ratio of sums"), "weighs both the same"),
        (averages_are(0.4, 0.625, "mean of ratios"), "one session of three"),
        (averages_are(0.4, 0.625, "Mean_of_ratios"), "one session of three"),
        (averages_are(0.4, 0.625, "both"), ""),
        (averages_are(0.4, 0.7, "ratio of sums"), ""),
        (averages_are(40, 62.5, "ratio of sums"), ""),
        (averages_are(0.4, 0.625, None), ""),
    ],
}
EQUIVALENT: dict[str, dict[str, str]] = {
    "attribute_a_click": {
        "my_attribution: query = '' → pass": "results always come after a search",
        "my_attribution: '' → 'x'": "results always come after a search",
    },
}
