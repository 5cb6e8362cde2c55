"""Which click belongs to which search, and every rate that follows from it.

A rate has one definition: RATES names the two counts that it divides. Dividing the counts of one
session gives that session's rate; dividing their sums gives the rate of a day.

Most of these rates, and how little each says alone, are in Radlinski, Kurup and Joachims, "How does
clickthrough data reflect retrieval quality?", CIKM 2008, doi:10.1145/1458082.1458092.
"""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from searchlogs.events import ClickResult, Results, Search
from searchlogs.sessions import Session

TOP = 3
"""The k of CTR@k in RATES."""

RATES = {
    "clicks_per_search": ("clicks", "searches"),
    "ctr": ("searches_clicked", "searches"),
    "abandonment": ("searches_abandoned", "searches"),
    "zero_result_rate": ("searches_empty", "searches_answered"),
    "ctr_at_3": ("searches_clicked_top", "searches"),
    "mean_click_position": ("position_sum", "clicks_ranked"),
    "reciprocal_rank": ("reciprocal_sum", "searches_ranked"),
    "seconds_to_first_click": ("seconds_sum", "searches_clicked"),
    "session_ctr": ("sessions_clicked", "sessions"),
    "searches_per_session": ("searches", "sessions"),
}
"""Name of each rate: the counts (fields of Counts) above and below its fraction bar."""


@dataclass(frozen=True, slots=True)
class Impression:
    """A search, the items that it showed, best first (None: no results logged), and its clicks."""

    search: Search
    items: tuple[str, ...] | None
    clicks: tuple[ClickResult, ...]

    def rank(self, click: ClickResult) -> int | None:
        """Rank of a click from 1, the top: as logged, else by its item; None if neither tells."""
        if click.position is not None or not self.items or click.item not in self.items:
            return click.position
        return self.items.index(click.item) + 1

    @property
    def ranks(self) -> list[int]:
        """The known ranks of its clicks."""
        return [rank for click in self.clicks if (rank := self.rank(click)) is not None]


@dataclass(frozen=True, slots=True)
class Attribution:
    """A session's searches in time order, each with its clicks, and the clicks of none."""

    impressions: tuple[Impression, ...]
    orphans: tuple[ClickResult, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What the rates divide, for one session or summed over many."""

    sessions: int
    """Sessions with a search."""
    sessions_clicked: int
    searches: int
    clicks: int
    """All clicks, orphans included."""
    orphan_clicks: int
    searches_clicked: int
    searches_abandoned: int
    searches_answered: int
    """Searches whose results were logged."""
    searches_empty: int
    """Searches whose results were logged and held nothing."""
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
    """Say which results and clicks belong to which search of the session.

    "Earlier" is by position in `session.events`. Results belong to the search with their
    `query_id`, else to the latest earlier search. A click belongs to the search with its
    `query_id`; else to the latest earlier search whose results hold its item; else to the latest
    earlier search that logged no results; else to none: it is an orphan. Where two searches share
    a `query_id`, the first has it.

    >>> [len(impression.clicks) for impression in attribute(example()).impressions]
    [2, 0]
    """
    searches = [event for event in session.events if isinstance(event, Search)]
    by_id: dict[str | None, int] = {}
    for number, search in enumerate(searches):
        if search.query_id is not None:
            by_id.setdefault(search.query_id, number)

    # Results first, all of them: those of an earlier search can stand behind the click.
    items: list[tuple[str, ...] | None] = [None] * len(searches)
    earlier = 0
    for event in session.events:
        if isinstance(event, Search):
            earlier += 1
        elif isinstance(event, Results):
            owner = by_id.get(event.query_id, earlier - 1)
            if owner >= 0:
                items[owner] = (items[owner] or ()) + event.items

    holders: dict[str, list[int]] = defaultdict(list)
    silent = []
    for number, shown in enumerate(items):
        if shown is None:
            silent.append(number)
        for item in dict.fromkeys(shown or ()):
            holders[item].append(number)

    clicks: list[list[ClickResult]] = [[] for _ in searches]
    orphans = []
    earlier = 0
    for event in session.events:
        if isinstance(event, Search):
            earlier += 1
        elif isinstance(event, ClickResult):
            search_number = by_id.get(event.query_id)
            if search_number is None:
                search_number = _latest(holders.get(event.item, []), earlier)
            if search_number is None:
                search_number = _latest(silent, earlier)
            if search_number is None:
                orphans.append(event)
            else:
                clicks[search_number].append(event)
    return Attribution(
        tuple(map(Impression, searches, items, map(tuple, clicks))),
        tuple(orphans),
    )


def _latest(numbers: list[int], earlier: int) -> int | None:
    """The last of the ascending `numbers` below `earlier`."""
    index = bisect_left(numbers, earlier)
    return numbers[index - 1] if index else None


def count(session: Session, top: int = TOP) -> Counts:
    """Count what the rates divide; `top` is the k of CTR@k.

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
        searches=len(impressions),
        clicks=session.clicks,
        orphan_clicks=len(attribution.orphans),
        searches_clicked=len(clicked),
        searches_abandoned=len(impressions) - len(clicked),
        searches_answered=sum(impression.items is not None for impression in impressions),
        searches_empty=sum(impression.items == () for impression in impressions),
        searches_clicked_top=sum(min(known) <= top for known in ranks),
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
    """Divide; None where `whole` is 0: no rate is defined, and 0 would claim one.

    >>> ratio(1, 2), ratio(0, 2), ratio(0, 0)
    (0.5, 0.0, None)
    """
    return part / whole if whole else None


def rate(name: str, counts: Counts) -> float | None:
    """The rate of that name in RATES from its counts; None where it is undefined.

    >>> rate("ctr", count(example()))
    0.5
    """
    part, whole = RATES[name]
    # A session without a search contributes to no rate, its orphan clicks included.
    return ratio(getattr(counts, part), getattr(counts, whole)) if counts.searches else None


def clicks_per_search(session: Session) -> float | None:
    """Clicks ÷ searches, orphan clicks included: what the tutorial prints, a ratio and no rate.

    None where the session has no search.

    >>> clicks_per_search(example())
    1.0
    """
    # Not by way of count(): the tutorial's number needs no attribution.
    return ratio(session.clicks, session.searches)


def calc_ctr(session: Session) -> tuple[str, float] | None:
    """The tutorial's step: (user, clicks per search), or None without a search.

    >>> calc_ctr(example())
    ('1', 1.0)
    """
    clicks = clicks_per_search(session)
    return None if clicks is None else (session.user, clicks)


def click_through_rate(session: Session) -> float | None:
    """Share of the session's searches that got at least one click: from 0 to 1.

    None where the session has no search: no rate is defined, and 0 would claim one.

    >>> click_through_rate(example())
    0.5
    """
    return rate("ctr", count(session))


def abandonment(session: Session) -> float | None:
    """Share of the session's searches without a click: 1 − the click-through rate.

    None where the session has no search. Not every abandonment is bad: Li, Huffman and Tokuda,
    "Good abandonment in mobile and PC internet search", SIGIR 2009, doi:10.1145/1571941.1571951.

    >>> abandonment(example())
    0.5
    """
    return rate("abandonment", count(session))


def zero_result_rate(session: Session) -> float | None:
    """Share of the searches whose results were logged that found nothing.

    None where no search logged its results.

    >>> zero_result_rate(example())
    0.5
    """
    return rate("zero_result_rate", count(session))


def ctr_at(session: Session, k: int) -> float | None:
    """Share of the session's searches with a click among their first `k` results: CTR@k.

    None where the session has no search. A click of unknown rank does not count. Raises a
    ValueError where `k` is not a whole number from 1.

    >>> ctr_at(example(), 1)
    0.5
    """
    if type(k) is not int or k < 1:
        raise ValueError(f"k must be a whole number from 1; got {k!r}")
    return rate("ctr_at_3", count(session, top=k))


def mean_click_position(session: Session) -> float | None:
    """Mean rank, from 1, of the clicks whose rank is known; None without one.

    >>> mean_click_position(example())
    1.5
    """
    return rate("mean_click_position", count(session))


def reciprocal_rank(session: Session) -> float | None:
    """Mean of 1 ÷ the best rank clicked, over the searches with a click of known rank.

    None without one. Searches without a click are left to `abandonment`.

    >>> reciprocal_rank(example())
    1.0
    """
    return rate("reciprocal_rank", count(session))


def seconds_to_first_click(session: Session) -> float | None:
    """Mean seconds from a search to its first click, over the searches that got one.

    None without one. Negative where a `query_id` joins a click to a search that is logged later.

    >>> seconds_to_first_click(example())
    3.0
    """
    return rate("seconds_to_first_click", count(session))


def session_rates(session: Session) -> dict[str, float | None]:
    """Every rate of RATES for one session, by name.

    >>> session_rates(example())["session_ctr"]
    1.0
    """
    counts = count(session)
    return {name: rate(name, counts) for name in RATES}


def example() -> Session:
    """The session of this module's examples: two searches, the first clicked at ranks 2 and 1."""
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
