"""Attribution of clicks to searches, and every rate that follows from it.

A rate has one definition: RATES names the two counts that it divides. Dividing the counts of one
session gives that session's rate; dividing their sums gives the rate of a day.

Most of these rates, and how little each says alone, are in Radlinski, Kurup and Joachims, "How does
clickthrough data reflect retrieval quality?", CIKM 2008, doi:10.1145/1458082.1458092.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from searchlogs.events import AppOpen, ClickResult, Results, Search

if TYPE_CHECKING:  # `sessions` loads the engine, and the rates of a table need none
    from searchlogs.sessions import Session

TOP = 3
"""The k of CTR@k in RATES."""

RATES = {
    # Clicks ÷ searches, including orphan clicks: what the tutorial prints. A ratio, not a rate.
    "clicks_per_search": ("clicks", "searches"),
    # Share of the searches that got at least one click: from 0 to 1. The headline.
    "ctr": ("searches_clicked", "searches"),
    # Share of the searches without a click: 1 − ctr. Not every abandonment is bad: Li, Huffman and
    # Tokuda, "Good abandonment in mobile and PC internet search", SIGIR 2009,
    # doi:10.1145/1571941.1571951.
    "abandonment": ("searches_abandoned", "searches"),
    # Share of the searches with logged results that found nothing.
    "zero_result_rate": ("searches_empty", "searches_answered"),
    # Share of the searches with a click among their first TOP results: CTR@k. A click of unknown
    # rank does not count.
    "ctr_at_3": ("searches_clicked_top", "searches"),
    # Mean rank, from 1, of the clicks whose rank is known.
    "mean_click_position": ("position_sum", "clicks_ranked"),
    # Mean of 1 ÷ the best rank clicked, over the searches with a click of known rank. Searches
    # without a click are left to abandonment.
    "reciprocal_rank": ("reciprocal_sum", "searches_ranked"),
    # Mean seconds from a search to its first click, over the searches that got one. Negative if a
    # query_id joins a click to a search that is logged later.
    "seconds_to_first_click": ("seconds_sum", "searches_clicked"),
    # Share of the sessions with a search that got at least one click on a search's results.
    "session_ctr": ("sessions_clicked", "sessions"),
    # Mean number of searches, over the sessions with a search.
    "searches_per_session": ("searches", "sessions"),
}
"""Name of each rate: the counts (fields of Counts) above and below its fraction bar."""


@dataclass(frozen=True, slots=True)
class Impression:
    """A search with its results and its clicks."""

    search: Search
    items: tuple[str, ...] | None
    """Items shown, best first; None if no results were logged."""
    clicks: tuple[ClickResult, ...]
    requests: int = 1
    """Search records with its `query_id`: the first one, further pages, facets."""

    def rank(self, click: ClickResult) -> int | None:
        """Return a click's rank from 1, the top: as logged, or by its item; None if unknown."""
        if click.position is not None or not self.items or click.item not in self.items:
            return click.position
        return self.items.index(click.item) + 1

    @property
    def ranks(self) -> list[int]:
        """Known ranks of its clicks."""
        return [rank for click in self.clicks if (rank := self.rank(click)) is not None]


@dataclass(frozen=True, slots=True)
class Attribution:
    """A session's searches with their clicks."""

    impressions: tuple[Impression, ...]
    """One per search, in time order."""
    orphans: tuple[ClickResult, ...]
    """Clicks that belong to no search."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts that the rates divide, of one session or summed over many."""

    sessions: int
    """Sessions with a search."""
    sessions_clicked: int
    requests: int
    """Search records; those with one query_id are one search."""
    searches: int
    clicks: int
    """All clicks, including orphans."""
    orphan_clicks: int
    absent_query_clicks: int
    """Orphan clicks that name a query which no search of their session has."""
    searches_clicked: int
    searches_abandoned: int
    searches_answered: int
    """Searches whose results were logged."""
    searches_empty: int
    """Searches whose results were logged and empty."""
    searches_clicked_top: int
    """Searches clicked among the first TOP results."""
    searches_ranked: int
    """Searches with a click of known rank."""
    clicks_ranked: int
    position_sum: int
    """Sum of the ranks of the clicks that have one."""
    reciprocal_sum: float
    """Sum over searches_ranked of 1 ÷ the best rank clicked."""
    seconds_sum: float
    """Sum over searches_clicked of the seconds from the search to its first click."""


def attribute(session: Session) -> Attribution:
    """Assign results and clicks to the searches of a session.

    Search records with one `query_id` are one search; each record without an id is a search of
    its own. "Earlier" is by position in `session.events`, and a search stands at each of its
    records: the latest earlier search is that of the latest search record before.

    - Results belong to the search with their `query_id`. Results without an id belong to the
      latest earlier search.
    - A click belongs to the search with its `query_id`. A click without an id belongs to the
      latest earlier search whose results hold its item; else to the latest earlier search that
      logged no results; else it is an orphan.
    - Results and clicks whose `query_id` no search of the session has are treated as if they had
      no id, but never belong to a search that has another one.

    Raises:
        TypeError: `session` is no Session, also from the functions that use this one.

    >>> [len(impression.clicks) for impression in attribute(example()).impressions]
    [2, 0]
    """
    _check_session(session)
    searches = _Searches(session)
    items: list[tuple[str, ...] | None] = [None] * len(searches.first)
    # Results first, all of them: those of an earlier search can stand behind the click.
    for event, earlier in searches.others:
        if isinstance(event, Results):
            owner = searches.named(event)
            if owner is None:
                owner = searches.latest(earlier, event)
            if owner is not None:
                items[owner] = (items[owner] or ()) + event.items

    clicks: list[list[ClickResult]] = [[] for _ in items]
    orphans: list[ClickResult] = []
    holders = searches.holders(items)
    for event, earlier in searches.others:
        if isinstance(event, ClickResult):
            owner = searches.named(event)
            if owner is None:
                owner = searches.latest(earlier, event, holders.get(event.item, []))
            if owner is None:
                owner = searches.latest(earlier, event, holders[None])
            (orphans if owner is None else clicks[owner]).append(event)
    return Attribution(
        tuple(map(Impression, searches.first, items, map(tuple, clicks), searches.requests)),
        tuple(orphans),
    )


class _Searches:
    """The searches of a session, numbered by their first records."""

    def __init__(self, session: Session) -> None:
        self.first: list[Search] = []
        self.requests: list[int] = []
        self.records: list[int] = []
        """For each search record, the number of its search."""
        self.others: list[tuple[Results | ClickResult, int]] = []
        """Results and clicks, and how many search records come before each."""
        self.by_id: dict[str, int] = {}
        for event in session.events:
            if isinstance(event, Search):
                number = len(self.first)
                if event.query_id is not None:
                    number = self.by_id.setdefault(event.query_id, number)
                if number == len(self.first):
                    self.first.append(event)
                    self.requests.append(0)
                self.requests[number] += 1
                self.records.append(number)
            elif not isinstance(event, AppOpen):
                self.others.append((event, len(self.records)))

    def named(self, event: Results | ClickResult) -> int | None:
        """Return the search that has the event's id, if there is one."""
        return None if event.query_id is None else self.by_id.get(event.query_id)

    def latest(
        self, earlier: int, event: Results | ClickResult, places: Sequence[int] | None = None
    ) -> int | None:
        """Return the search of the last of some search records before an event.

        Args:
            earlier: How many search records come before the event.
            event: The event; if it has an id, only searches without one can be its search.
            places: The records' places, ascending; None for all.
        """
        places = range(len(self.records)) if places is None else places
        index = bisect_left(places, earlier)
        while index:
            index -= 1
            number = self.records[places[index]]
            if event.query_id is None or self.first[number].query_id is None:
                return number
        return None

    def holders(self, items: Sequence[tuple[str, ...] | None]) -> dict[str | None, list[int]]:
        """Return for each item the places of the records whose search showed it.

        Under None are the places of those whose search logged no results.
        """
        holders: dict[str | None, list[int]] = {None: []}
        for place, number in enumerate(self.records):
            shown = items[number]
            for item in [None] if shown is None else dict.fromkeys(shown):
                holders.setdefault(item, []).append(place)
        return holders


def count(session: Session) -> Counts:
    """Count a session's searches and clicks, as the rates need them.

    >>> count(example()).searches_clicked
    1
    """
    attribution = attribute(session)
    impressions = attribution.impressions
    clicked = [impression for impression in impressions if impression.clicks]
    ranks = [impression.ranks for impression in clicked if impression.ranks]
    return Counts(
        sessions=int(bool(impressions)),
        sessions_clicked=int(bool(clicked)),
        requests=sum(impression.requests for impression in impressions),
        searches=len(impressions),
        clicks=session.clicks,
        orphan_clicks=len(attribution.orphans),
        absent_query_clicks=sum(orphan.query_id is not None for orphan in attribution.orphans),
        searches_clicked=len(clicked),
        searches_abandoned=len(impressions) - len(clicked),
        searches_answered=sum(impression.items is not None for impression in impressions),
        searches_empty=sum(impression.items == () for impression in impressions),
        searches_clicked_top=sum(min(known) <= TOP for known in ranks),
        searches_ranked=len(ranks),
        clicks_ranked=sum(map(len, ranks)),
        position_sum=sum(map(sum, ranks)),
        reciprocal_sum=sum(1 / min(known) for known in ranks),
        seconds_sum=sum(
            (min(click.time for click in impression.clicks) - impression.search.time)
            / timedelta(seconds=1)
            for impression in clicked
        ),
    )


def ratio(part: float, whole: float) -> float | None:
    """Divide; return None if `whole` is 0: no rate is defined then, and 0 would claim one.

    >>> ratio(1, 2), ratio(0, 2), ratio(0, 0)
    (0.5, 0.0, None)
    """
    return part / whole if whole else None


def rate(name: str, counts: Counts) -> float | None:
    """Return a rate from its counts, by its name in RATES.

    Returns:
        The rate, or None if it is undefined: its divisor is 0, or there is no search.

    >>> for name in RATES:
    ...     print(name, rate(name, count(example())))
    clicks_per_search 1.0
    ctr 0.5
    abandonment 0.5
    zero_result_rate 0.5
    ctr_at_3 0.5
    mean_click_position 1.5
    reciprocal_rank 1.0
    seconds_to_first_click 3.0
    session_ctr 1.0
    searches_per_session 2.0
    """
    part, whole = RATES[name]
    # A session without a search contributes to no rate, and neither do its orphan clicks.
    return ratio(getattr(counts, part), getattr(counts, whole)) if counts.searches else None


def clicks_per_search(session: Session) -> float | None:
    """Return clicks ÷ searches, including orphan clicks: what the tutorial prints.

    It is a ratio and not a rate, and None if the session has no search.

    >>> clicks_per_search(example())
    1.0
    """
    _check_session(session)
    # Without count(): the tutorial's number needs no attribution.
    return ratio(session.clicks, session.searches)


def calc_ctr(session: Session) -> tuple[str, float] | None:
    """Return the user and the clicks per search, or None if nobody searched.

    >>> calc_ctr(example())
    ('1', 1.0)
    """
    clicks = clicks_per_search(session)
    return None if clicks is None else (session.user, clicks)


def click_through_rate(session: Session) -> float | None:
    """Return the share of the session's searches that got at least one click.

    Returns:
        A rate from 0 to 1, or None if the session has no search: no rate is defined then, and 0
        would claim one.

    >>> click_through_rate(example())
    0.5
    """
    return rate("ctr", count(session))


def _check_session(session: object) -> None:
    from searchlogs.sessions import check_session

    check_session(session, "session")


def example() -> Session:
    """Make the session of this module's examples: two searches, the first clicked twice."""
    from searchlogs.sessions import Session

    second = [datetime(2024, 1, 1, 0, 0, s, tzinfo=UTC) for s in range(60)]
    return Session(
        user="1",
        id=0,
        events=(
            Search(1, "dogs", second[5]),
            Results(1, ("fido", "rover", "buddy"), second[6]),
            ClickResult(1, "rover", second[8]),
            ClickResult(1, "fido", second[9]),
            Search(1, "dogs that purr", second[14]),
            Results(1, (), second[15]),
        ),
    )
