"""Events to learn from: the tutorial's seven, and any number of simulated ones."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random

from searchlogs.durations import check_duration, to_timedelta
from searchlogs.events import EARLIEST, LATEST, AppOpen, ClickResult, Event, Results, Search

AFTERNOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
"""Start of the simulated sessions, unless another is given."""

REST = timedelta(minutes=35)
"""A user's shortest pause between two sessions: longer than 30 minutes, the field's usual gap."""

LATE = timedelta(minutes=1)
"""Least delay of a late event, on top of `disorder`; the most is five times as long."""

OLDER_PAGE = 0.25
"""Chance that a click is on an older page of the visit that shows its item too, left open in a tab.

The same chance applies again to each page before that one.
"""


def client_events() -> list[Event]:
    """Make the tutorial's seven events: two users with one search each, and three clicks.

    >>> len(client_events())
    7
    >>> client_events()[2].item
    'rover'
    """

    def at(second: int) -> datetime:
        return datetime(2024, 1, 1, 0, 0, second, tzinfo=UTC)

    return [
        Search(1, "dogs", at(5)),
        Results(1, ("fido", "rover", "buddy"), at(6)),
        ClickResult(1, "rover", at(7)),
        Search(2, "cats", at(5)),
        Results(2, ("fluffy", "burrito", "kathy"), at(6)),
        ClickResult(2, "fluffy", at(7)),
        ClickResult(2, "kathy", at(8)),
    ]


# Many parameters because each is a setting of the log to simulate, given by name.
def simulate(
    users: int = 40,
    sessions: int = 120,
    *,
    seed: int = 0,
    start: datetime = AFTERNOON,
    duration: timedelta | str = timedelta(hours=6),
    disorder: timedelta | str = timedelta(0),
    late_share: float = 0.0,
    query_ids: bool = False,
) -> Iterator[Event]:
    """Simulate what users do; the same seed gives the same events.

    Sessions start within `duration` of `start`. A user's sessions never overlap: at least 35
    minutes lie between them, and at most 92 seconds between one event and the next within them, so
    a gap of 30 minutes finds each session. If not all sessions fit, the rest run on past the end,
    each as soon as a user is free.

    Events come in the order in which they arrive: time order, unless `disorder` or `late_share` is
    given. Neither changes the events themselves. A window finds fewer events late than
    `late_share`: only those that a newer event of their user overtook.

    With `query_ids` the client logs the way from a click back to its search: each search has an
    id, which its results and the clicks on them carry, and each click its position. Some clicks
    are on a page that was left open, so that their search is not the latest that showed their
    item. Everything else in the events stays the same.

    Only the events still on their way are in memory, and one number for each user who was active
    in the last 35 minutes.

    Args:
        users: Number of users, 1 or more.
        sessions: Number of sessions of all users together.
        seed: Any whole number.
        start: An aware datetime.
        duration: A timedelta over 0, or text such as "6h".
        disorder: Longest delay of an event, a timedelta from 0 to 366 days, or text such as "5s".
        late_share: Share of the events, from 0 to 1, that take 1 to 5 minutes longer than that.
        query_ids: Whether the client logs query ids and positions.

    Returns:
        An iterator over the events.

    Raises:
        TypeError: An argument has the wrong type. Raised at the call, like the ValueError.
        ValueError: An argument is out of range, or the events would not end before 2200.

    >>> events = list(simulate(users=40, sessions=120, seed=7))
    >>> len(events), sum(isinstance(event, Search) for event in events)
    (742, 238)
    >>> with_ids = simulate(users=40, sessions=120, seed=7, query_ids=True)
    >>> click = next(event for event in with_ids if isinstance(event, ClickResult))
    >>> click.query_id, click.position
    ('q7-4-1', 2)
    """
    _check_whole("users", users, at_least=1)
    _check_whole("sessions", sessions, at_least=0)
    _check_whole("seed", seed)
    duration = to_timedelta("duration", duration)
    _check_period(start, duration, sessions_each=sessions // users + 1)
    disorder = check_duration("disorder", disorder)
    if not isinstance(late_share, int | float):
        raise TypeError(f"late_share: expected a number from 0 to 1; found {late_share!r}")
    if not 0 <= late_share <= 1:
        raise ValueError(f"late_share: expected a number from 0 to 1; found {late_share}")
    if not isinstance(query_ids, bool):
        raise TypeError(f"query_ids: expected True or False; found {query_ids!r}")
    # Each has its own source of chance, so that neither delays nor ids change the events. Seeds are
    # text, since Random takes 1 and -1 for the same seed.
    in_start_order = _sessions(
        users, sessions, start.astimezone(UTC), duration, Random(f"events {seed}").random
    )
    if query_ids:
        in_start_order = _with_query_ids(in_start_order, seed, Random(f"ids {seed}").random)
    return _arrivals(in_start_order, disorder, late_share, Random(f"delays {seed}").random)


# All chance below comes from random(), and all arithmetic is + - * /: these give the same on every
# machine, unlike logarithms and powers.
Draw = Callable[[], float]


def _sessions(
    users: int, sessions: int, start: datetime, duration: timedelta, draw: Draw
) -> Iterator[list[Event]]:
    """Generate sessions in the order of their starts, spread evenly over `duration`."""
    milliseconds = duration / timedelta(milliseconds=1)
    resting: list[tuple[datetime, int]] = []  # a heap: when a user is free again, and the user
    busy: set[int] = set()  # the same users
    now = start
    for i in range(sessions):
        now = max(now, start + _ms((i + draw()) / sessions * milliseconds))
        while resting and resting[0][0] <= now:
            busy.remove(heappop(resting)[1])
        for _ in range(20):
            user = 1 + _skewed(users, draw)
            if user not in busy:
                break
        else:  # nearly everyone is busy: wait for the first user who is free
            now, user = heappop(resting)
        events = _session(user, now, draw)
        busy.add(user)
        heappush(resting, (events[-1].time + REST, user))
        yield events


def _session(user: int, time: datetime, draw: Draw) -> list[Event]:
    """Make one session from `time` on: a look around, or searches until one satisfies or tires."""
    events: list[Event] = []
    looks_around = draw() < 0.1
    if looks_around or draw() < 0.7:
        events.append(AppOpen(user, time))
        time += _thinking(draw)
    topic, wording = _new_topic(draw)
    if looks_around:
        if draw() < 0.5:  # a click on a recommendation, which no search led to
            recommended = topic[1][1][0]
            events.append(ClickResult(user, recommended, time))
        return events
    for _ in range(8):
        query, items = topic[wording]
        events.append(Search(user, query, time))
        time += _ms(200 + 800 * draw())
        events.append(Results(user, items, time))
        for item in _clicked(items, draw):
            time += _thinking(draw)
            events.append(ClickResult(user, item, time))
        if draw() < (0.5 if items else 0.2):
            break
        time += _thinking(draw)
        if wording + 1 < len(topic) and draw() < 0.8:
            wording += 1
        else:
            topic, wording = _new_topic(draw)
    return events


def _clicked(items: tuple[str, ...], draw: Draw) -> Iterator[str]:
    """Choose the items that a user clicks, who reads from the top and so sees the first ones most.

    The click model of Chapelle and Zhang, "A dynamic Bayesian network click model for web search
    ranking" (WWW 2009): a click may satisfy the user, who stops; one who isn't may give up.
    """
    for item in items:
        clicked = draw() < 0.3
        if clicked:
            yield item
        if (clicked and draw() < 0.5) or draw() < 0.2:
            return


def _with_query_ids(
    sessions: Iterable[list[Event]], seed: int, draw: Draw
) -> Iterator[list[Event]]:
    """Give each search an id, which its results and the clicks on them carry."""
    numbers = count(1)
    for events in sessions:
        pages: list[Results] = []
        query_id = None
        for i, event in enumerate(events):
            if isinstance(event, Search):
                query_id = f"q{seed}-{event.user}-{next(numbers)}"
                events[i] = replace(event, query_id=query_id)
            elif isinstance(event, Results):
                pages.append(replace(event, query_id=query_id))
                events[i] = pages[-1]
            elif isinstance(event, ClickResult):
                events[i] = _with_page(event, pages, draw)
        yield events


def _with_page(click: ClickResult, pages: list[Results], draw: Draw) -> ClickResult:
    """Return the click with the id of a page that shows its item, and its position there."""
    holders = [page for page in pages if click.item in page.items]
    while len(holders) > 1 and draw() < OLDER_PAGE:
        holders.pop()
    if not holders:  # a recommendation, which no page shows
        return click
    page = holders[-1]
    return replace(click, query_id=page.query_id, position=page.items.index(click.item) + 1)


def _arrivals(
    sessions: Iterable[list[Event]], disorder: timedelta, late_share: float, draw: Draw
) -> Iterator[Event]:
    """Put the events of sessions, sorted by their starts, into the order in which they arrive."""
    longest = disorder / timedelta(microseconds=1)
    coming: list[tuple[datetime, int, Event]] = []  # a heap; the number keeps ties in their order
    numbers = count()
    for events in sessions:
        while coming and coming[0][0] <= events[0].time:  # no later event can overtake these
            yield heappop(coming)[2]
        for event in events:
            delay = timedelta(0, 0, int(longest * draw()))
            if draw() < late_share:
                delay = disorder + LATE * (1 + 4 * draw())
            heappush(coming, (event.time + delay, next(numbers), event))
    while coming:
        yield heappop(coming)[2]


def _skewed(n: int, draw: Draw) -> int:
    """Draw a number from 0 to n - 1: half of the time one of the first quarter."""
    part = draw()
    return int(n * part * part)


def _thinking(draw: Draw) -> timedelta:
    """Draw half a second to 92 seconds: a product, and so a hill on a logarithmic axis."""
    return _ms((8 + 37 * draw()) * (8 + 37 * draw()) * (8 + 37 * draw()))


def _ms(milliseconds: float) -> timedelta:
    return timedelta(0, 0, 1000 * int(milliseconds))  # twice as fast as timedelta(milliseconds=…)


Topic = tuple[tuple[str, tuple[str, ...]], ...]


def _topic(thing: str, *queries: str) -> Topic:
    """Make queries as people type them one after another, each with the items that it finds.

    The first is misspelt and finds nothing; each after the second finds fewer items.
    """
    items = tuple(f"{thing} {number}" for number in range(1, 11))
    return ((queries[0], ()), *((query, items[3 * i :]) for i, query in enumerate(queries[1:])))


def _new_topic(draw: Draw) -> tuple[Topic, int]:
    """Draw a topic, and the number of the query to try first: a few users misspell it."""
    return TOPICS[_skewed(len(TOPICS), draw)], int(draw() < 0.85)


TOPICS = (
    _topic("dog bed", "dgo beds", "dog beds", "cheap dog beds", "cheap dog beds large"),
    _topic("cat toy", "cat tosy", "cat toys", "cat toys mouse", "cat toys mouse wool"),
    _topic("rain jacket", "rian jacket", "rain jacket", "light rain jacket"),
    _topic("desk lamp", "dsek lamp", "desk lamp", "led desk lamp", "led desk lamp clamp"),
    _topic("running shoe", "runing shoos", "running shoes", "trail running shoes"),
    _topic("bird feeder", "brid feeder", "bird feeder", "bird feeder window"),
    _topic("coffee grinder", "cofee grindr", "coffee grinder", "manual coffee grinder"),
    _topic("fish tank", "fihs tank", "fish tank", "small fish tank", "small fish tank filter"),
)


def _check_whole(name: str, value: int, at_least: int | None = None) -> None:
    expected = "a whole number" + ("" if at_least is None else f", {at_least} or more")
    if type(value) is not int:
        kind = type(value).__name__
        raise TypeError(f"{name}: expected {expected}; found {value!r} ({kind})")
    if at_least is not None and value < at_least:
        raise ValueError(f"{name}: expected {expected}; found {value}")


def _check_period(start: datetime, duration: timedelta, sessions_each: int) -> None:
    if not isinstance(start, datetime) or start.utcoffset() is None:
        raise TypeError(
            "start: expected a datetime with a time zone, such as datetime(2024, 1, 1, tzinfo=UTC)"
            f"; found {start!r}"
        )
    if duration <= timedelta(0):
        seconds = duration.total_seconds()
        raise ValueError(f"duration: expected more than 0; found {seconds} seconds")
    # In hours, since numbers don't overflow. A session and the rest after it take at most 3 hours.
    hour = timedelta(hours=1)
    if start < EARLIEST or (LATEST - start) / hour < duration / hour + 3 * sessions_each:
        raise ValueError(
            f"start: expected {EARLIEST:%Y-%m-%d} or later, and start + duration, with 3 hours "
            f"for each session of a user, not after {LATEST:%Y-%m-%d}; "
            f"found {start} + {duration}, and {sessions_each} sessions per user"
        )
