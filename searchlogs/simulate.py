"""Events to learn from: the tutorial's seven, and as many simulated ones as you ask for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random

from searchlogs.durations import check_duration
from searchlogs.events import EARLIEST, LATEST, AppOpen, ClickResult, Event, Results, Search

AFTERNOON = datetime(2024, 1, 1, 12, tzinfo=UTC)

REST = timedelta(minutes=35)
"""A user's shortest pause between two sessions: longer than 30 minutes, the field's usual gap."""

LATE = timedelta(minutes=1)
"""A late event takes 1 to 5 times this longer than `disorder`."""

OLDER_PAGE = 0.25
"""The chance that a click whose item an older search of the visit showed too was on that page, left
open in a tab; of the pages before that one, the same."""


def client_events() -> list[Event]:
    """The tutorial's seven events: two users, a search each, three clicks.

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


def simulate(
    users: int = 40,
    sessions: int = 120,
    *,
    seed: int = 0,
    start: datetime = AFTERNOON,
    duration: timedelta = timedelta(hours=6),
    disorder: timedelta = timedelta(0),
    late_share: float = 0.0,
    query_ids: bool = False,
) -> Iterator[Event]:
    """Simulate what `users` users do in `sessions` sessions altogether; same seed, same events.

    Sessions start within `duration` of `start`, a timedelta and an aware datetime. A user's
    sessions never overlap: between them lie at least 35 minutes, within them at most 92 seconds
    from one event to the next, so that a gap of 30 minutes finds each of them. Where so many
    do not fit, they run on past the end, each as soon as a user is free.

    Events come in the order in which they arrive: each up to `disorder`, a timedelta to 366 days,
    after its time; `late_share` of them, from 0 to 1, are late and take 1 to 5 minutes longer than
    `disorder`. A window finds fewer of them late: those that a newer event of their user overtook.
    Neither changes the events themselves. Without them, arrival order is time order.

    With `query_ids` the client logs the way from a click back to its search: each search has an
    id, which its results and the clicks on them carry, and a click its position. Some clicks are on
    a page that was left open, so that their search is not the latest that showed their item. All
    else in the events stays the same.

    In memory are only the events still on their way, and a number for each user who was active in
    the last 35 minutes.

    Raises a TypeError or a ValueError, at the call, where an argument is none of this, or where
    the events would not end before 2200.

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
    _check_period(start, duration, sessions_each=sessions // users + 1)
    check_duration("disorder", disorder)
    if not isinstance(late_share, int | float):
        raise TypeError(f"late_share must be a number from 0 to 1; got {late_share!r}")
    if not 0 <= late_share <= 1:
        raise ValueError(f"late_share must be a number from 0 to 1; got {late_share}")
    if not isinstance(query_ids, bool):
        raise TypeError(f"query_ids must be True or False; got {query_ids!r}")
    # Sources of chance of their own, so that neither delays nor ids change the events. Seeded by
    # text, since Random takes 1 and -1 for one seed.
    in_start_order = _sessions(
        users, sessions, start.astimezone(UTC), duration, Random(f"events {seed}").random
    )
    if query_ids:
        in_start_order = _with_query_ids(in_start_order, seed, Random(f"ids {seed}").random)
    return _arrivals(in_start_order, disorder, late_share, Random(f"delays {seed}").random)


# All chance below comes from random(), and all reckoning is + - * /: these give the same on every
# machine, which logarithms and powers don't.
Draw = Callable[[], float]


def _sessions(
    users: int, sessions: int, start: datetime, duration: timedelta, draw: Draw
) -> Iterator[list[Event]]:
    """Sessions in the order of their starts, spread evenly over `duration`."""
    milliseconds = duration / timedelta(milliseconds=1)
    resting: list[tuple[datetime, int]] = []  # a heap: when a user is free again, and which
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
        else:  # nearly everyone is busy: time waits for the first who is free again
            now, user = heappop(resting)
        events = _session(user, now, draw)
        busy.add(user)
        heappush(resting, (events[-1].time + REST, user))
        yield events


def _session(user: int, time: datetime, draw: Draw) -> list[Event]:
    """One session from `time` on: a look around, or searches until one satisfies or tires."""
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
    """The items that a user clicks on, who reads from the top and so sees the first ones most.

    The click model of Chapelle and Zhang, "A dynamic Bayesian network click model for web search
    ranking" (WWW 2009): a click may satisfy the user, who stops; who isn't satisfied may give up.
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
    """The same sessions, and what joins their searches, results and clicks."""
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
                holders = [page for page in pages if event.item in page.items]
                while len(holders) > 1 and draw() < OLDER_PAGE:
                    holders.pop()
                if holders:  # no page shows a recommendation
                    page = holders[-1]
                    position = page.items.index(event.item) + 1
                    events[i] = replace(event, query_id=page.query_id, position=position)
        yield events


def _arrivals(
    sessions: Iterable[list[Event]], disorder: timedelta, late_share: float, draw: Draw
) -> Iterator[Event]:
    """The events of `sessions`, which come in the order of their starts, as they arrive."""
    longest = disorder / timedelta(microseconds=1)
    coming: list[tuple[datetime, int, Event]] = []  # a heap; the number keeps ties in their order
    numbers = count()
    for events in sessions:
        while coming and coming[0][0] <= events[0].time:  # nothing can overtake these any more
            yield heappop(coming)[2]
        for event in events:
            delay = timedelta(0, 0, int(longest * draw()))
            if draw() < late_share:
                delay = disorder + LATE * (1 + 4 * draw())
            heappush(coming, (event.time + delay, next(numbers), event))
    while coming:
        yield heappop(coming)[2]


def _skewed(n: int, draw: Draw) -> int:
    """A number from 0 to n - 1, small ones more often: the first quarter half of the time."""
    part = draw()
    return int(n * part * part)


def _thinking(draw: Draw) -> timedelta:
    """Half a second to a minute and a half: a product, and so a hill on a logarithmic axis."""
    return _ms((8 + 37 * draw()) * (8 + 37 * draw()) * (8 + 37 * draw()))


def _ms(milliseconds: float) -> timedelta:
    return timedelta(0, 0, 1000 * int(milliseconds))  # twice as fast as timedelta(milliseconds=…)


Topic = tuple[tuple[str, tuple[str, ...]], ...]


def _topic(thing: str, *queries: str) -> Topic:
    """Queries as people type them one after another, each with the items that it finds.

    The first is misspelt and finds nothing; each one after the second finds fewer.
    """
    items = tuple(f"{thing} {number}" for number in range(1, 11))
    return ((queries[0], ()), *((query, items[3 * i :]) for i, query in enumerate(queries[1:])))


def _new_topic(draw: Draw) -> tuple[Topic, int]:
    """A topic, and the number of the query that a user tries first: a few misspell it."""
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
    limit = "" if at_least is None else f", {at_least} or more"
    if type(value) is not int:
        kind = type(value).__name__
        raise TypeError(f"{name} must be a whole number{limit}; got {value!r}, a {kind}")
    if at_least is not None and value < at_least:
        raise ValueError(f"{name} must be a whole number{limit}; got {value}")


def _check_period(start: datetime, duration: timedelta, sessions_each: int) -> None:
    if not isinstance(start, datetime) or start.utcoffset() is None:
        raise TypeError(
            "start must be a datetime with a time zone, such as datetime(2024, 1, 1, tzinfo=UTC); "
            f"got {start!r}"
        )
    if not isinstance(duration, timedelta):
        raise TypeError(
            f"duration must be a timedelta, such as timedelta(hours=6); got {duration!r}"
        )
    if duration <= timedelta(0):
        raise ValueError(f"duration must be more than 0; got {duration.total_seconds()} seconds")
    # In hours, as numbers, which don't overflow. A session and the rest after it take 3 at most.
    hour = timedelta(hours=1)
    if start < EARLIEST or (LATEST - start) / hour < duration / hour + 3 * sessions_each:
        raise ValueError(
            f"start must be {EARLIEST:%Y-%m-%d} or later, and start + duration, with 3 hours to "
            f"spare for each session of a user, {LATEST:%Y-%m-%d} or earlier; "
            f"got {start} + {duration}, and {sessions_each} sessions"
        )
