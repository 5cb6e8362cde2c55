"""What simulated events promise: the same everywhere, real enough to learn from, any number."""

import hashlib
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import Any

import pytest

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.metrics import attribute
from searchlogs.sessions import Session
from searchlogs.simulate import client_events, simulate

GAP = timedelta(minutes=30)
START = datetime(2024, 1, 1, 12, tzinfo=UTC)


def split(events: Iterable[Event]) -> list[list[Event]]:
    """Each user's events, sorted by time and cut where more than GAP passes."""
    by_user: dict[int | str, list[Event]] = defaultdict(list)
    for event in events:
        by_user[event.user].append(event)
    sessions: list[list[Event]] = []
    for of_user in by_user.values():
        of_user.sort(key=lambda event: event.time)
        sessions.append(of_user[:1])
        for before, event in pairwise(of_user):
            if event.time - before.time > GAP:
                sessions.append([])
            sessions[-1].append(event)
    return sessions


def pages(session: list[Event]) -> list[tuple[Search, Results, list[ClickResult]]]:
    """The session's searches, each with its results and the clicks that follow."""
    found: list[tuple[Search, Results, list[ClickResult]]] = []
    for before, event in pairwise([None, *session]):
        if isinstance(event, Results):
            assert isinstance(before, Search)
            found.append((before, event, []))
        elif isinstance(event, ClickResult) and found:
            found[-1][2].append(event)
    return found


EVENTS = list(simulate(users=400, sessions=3_000, seed=7, duration=timedelta(days=2)))
SESSIONS = split(EVENTS)
PAGES = [page for session in SESSIONS for page in pages(session)]


def test_client_events_are_the_tutorials() -> None:
    midnight = datetime(2024, 1, 1, tzinfo=UTC)
    assert client_events() == [
        Search(user=1, query="dogs", time=midnight + timedelta(seconds=5)),
        Results(1, items=("fido", "rover", "buddy"), time=midnight + timedelta(seconds=6)),
        ClickResult(1, item="rover", time=midnight + timedelta(seconds=7)),
        Search(2, "cats", midnight + timedelta(seconds=5)),
        Results(2, ("fluffy", "burrito", "kathy"), midnight + timedelta(seconds=6)),
        ClickResult(2, "fluffy", midnight + timedelta(seconds=7)),
        ClickResult(2, "kathy", midnight + timedelta(seconds=8)),
    ]


def digest(events: Iterable[Event]) -> str:
    return hashlib.sha256(repr(list(islice(events, 1_000))).encode()).hexdigest()


def test_the_same_seed_gives_the_same_events_on_every_machine() -> None:
    assert list(simulate(seed=3)) == list(simulate(seed=3))
    assert (
        digest(simulate(users=100, sessions=1_000, seed=7))
        == "d521900193218fc4223980ae2b5f5c0b7dabdd0a3dbf5c7c88fe8f2845be2845"
    )
    disordered = simulate(
        users=100, sessions=1_000, seed=7, disorder=timedelta(seconds=20), late_share=0.1
    )
    assert digest(disordered) == "c4aa2a60665bb4137458c0db2014ed586fe595fdab730bda9a149cf8158b30fa"


def test_the_first_session_in_full() -> None:
    """The part of what the digest stands for that a person can read."""

    def at(second: float) -> datetime:
        return START + timedelta(seconds=second)

    tanks = tuple(f"fish tank {number}" for number in range(1, 11))
    assert split(simulate(users=100, sessions=1_000, seed=7))[0] == [
        AppOpen(8, at(4.609)),
        Search(8, "fish tank", at(8.514)),
        Results(8, tanks, at(8.755)),
        ClickResult(8, "fish tank 2", at(38.054)),
        Search(8, "small fish tank", at(45.671)),
        Results(8, tanks[3:], at(46.606)),
        ClickResult(8, "fish tank 4", at(54.064)),
    ]


def test_another_seed_gives_other_events() -> None:
    assert len({digest(simulate(seed=seed)) for seed in (-1, 0, 1, 2)}) == 4


def test_the_afternoon_has_the_sessions_that_were_asked_for() -> None:
    for seed in range(20):
        events = list(simulate(users=40, sessions=120, seed=seed))
        assert len(split(events)) == 120
        assert {event.user for event in events} <= set(range(1, 41))
        starts = [session[0].time for session in split(events)]
        assert START <= min(starts) <= max(starts) < START + timedelta(hours=6)
        assert events[-1].time < START + timedelta(hours=6, minutes=30)


@pytest.mark.parametrize(("users", "sessions"), [(1, 50), (3, 50), (1, 1), (5, 1), (7, 0)])
def test_what_does_not_fit_runs_on_past_the_end(users: int, sessions: int) -> None:
    events = list(simulate(users, sessions, seed=1, duration=timedelta(hours=1)))
    assert len(split(events)) == sessions
    assert [e.time for e in events] == sorted(e.time for e in events)


def test_events_come_in_time_order_to_the_millisecond_without_extras() -> None:
    assert all(before.time <= event.time for before, event in pairwise(EVENTS))
    assert all(event.time.microsecond % 1_000 == 0 for event in EVENTS)
    assert all(type(event.user) is int for event in EVENTS)
    assert all(getattr(event, "query_id", None) is None for event in EVENTS)
    assert all(getattr(event, "position", None) is None for event in EVENTS)


def test_all_kinds_of_events_and_of_sessions() -> None:
    kinds = Counter(type(event) for event in EVENTS)
    assert kinds[Search] == kinds[Results] == len(PAGES)
    assert all(kinds[kind] > 1_000 for kind in (AppOpen, Search, Results, ClickResult))
    opened = sum(isinstance(session[0], AppOpen) for session in SESSIONS) / len(SESSIONS)
    assert 0.6 < opened < 0.85
    assert sum(len(pages(session)) > 1 for session in SESSIONS) > len(SESSIONS) / 4

    without = [session for session in SESSIONS if not pages(session)]
    assert 0.05 < len(without) / len(SESSIONS) < 0.2
    orphans = [event for session in without for event in session if isinstance(event, ClickResult)]
    assert len(without) / 4 < len(orphans) < len(without) * 3 / 4
    assert any(len(session) == 1 for session in without)


def test_searches_find_nothing_or_are_abandoned_or_clicked_more_than_once() -> None:
    nothing = [not results.items for _, results, _ in PAGES]
    assert 0.02 < sum(nothing) / len(PAGES) < 0.2
    with_items = [(results.items, clicks) for _, results, clicks in PAGES if results.items]
    assert 0.2 < sum(not clicks for _, clicks in with_items) / len(with_items) < 0.5
    assert 0.05 < sum(len(clicks) > 1 for _, clicks in with_items) / len(with_items) < 0.4
    for items, clicks in with_items:
        assert {click.item for click in clicks} <= set(items)


def test_the_higher_the_rank_the_more_clicks() -> None:
    ranks = Counter(
        results.items.index(click.item) for _, results, clicks in PAGES for click in clicks
    )
    assert ranks[0] > ranks[1] > ranks[2] > ranks[3] > 0
    assert 0.25 < ranks[0] / ranks.total() < 0.6


def test_queries_are_reformulated_and_always_find_the_same() -> None:
    found: dict[str, tuple[str, ...]] = {}
    for search, results, _ in PAGES:
        assert found.setdefault(search.query, results.items) == results.items
    narrowed = repaired = total = 0
    for session in SESSIONS:
        for (before, results, _), (search, _, _) in pairwise(pages(session)):
            total += 1
            narrowed += before.query in search.query and before.query != search.query
            repaired += not results.items and before.query not in search.query
    assert narrowed > total / 4
    assert repaired > total / 20


def test_some_users_are_far_more_active() -> None:
    activity = sorted(Counter(session[0].user for session in SESSIONS).values(), reverse=True)
    assert activity[0] > 3 * activity[len(activity) // 2] > 3
    assert sum(activity[: len(activity) // 4]) > 0.4 * sum(activity)


def test_the_steps_of_a_user_form_two_hills_and_a_valley() -> None:
    last: dict[int | str, datetime] = {}
    steps: list[float] = []
    for event in EVENTS:
        if event.user in last:
            steps.append((event.time - last[event.user]).total_seconds())
        last[event.user] = event.time
    within = [step for step in steps if step < 120]
    between = [step for step in steps if step >= 120]
    assert 0.2 <= min(within) <= max(within) < 92
    assert min(between) >= 35 * 60
    thinking = [step for step in within if step > 1]
    hill = [sum(low <= step < 3 * low for step in thinking) for low in (1, 3, 9, 27, 81)]
    assert hill[0] < hill[1] < hill[2] > hill[3] > hill[4]
    assert len(between) > 1_000


@pytest.mark.parametrize("disorder", [timedelta(milliseconds=700), timedelta(minutes=4)])
def test_disorder_delays_the_same_events_by_no_more(disorder: timedelta) -> None:
    kwargs: dict[str, Any] = dict(users=200, sessions=1_000, seed=5)
    in_order = list(simulate(**kwargs))
    arrived = list(simulate(**kwargs, disorder=disorder))
    assert arrived != in_order
    assert Counter(arrived) == Counter(in_order)
    # Times of arrival that never fall, each at most `disorder` after its event, exist if and only
    # if no event comes after one that is newer by more than `disorder`.
    overtaken = [behind for behind in behinds(arrived) if behind > timedelta(0)]
    assert max(overtaken) <= disorder
    assert max(overtaken) > disorder / 2


def behinds(arrived: list[Event]) -> list[timedelta]:
    """How much older each event is than the newest before it."""
    newest, found = arrived[0].time, []
    for event in arrived:
        found.append(newest - event.time)
        newest = max(newest, event.time)
    return found


@pytest.mark.parametrize("late_share", [0.02, 0.2])
@pytest.mark.parametrize("disorder", [timedelta(0), timedelta(minutes=3)])
def test_about_the_share_is_late(disorder: timedelta, late_share: float) -> None:
    kwargs: dict[str, Any] = dict(users=1_000, sessions=2_000, seed=5)
    arrived = list(simulate(**kwargs, disorder=disorder, late_share=late_share))
    assert Counter(arrived) == Counter(simulate(**kwargs))
    late = [behind for behind in behinds(arrived) if behind > disorder]
    assert 0.85 * late_share < len(late) / len(arrived) < 1.15 * late_share
    assert disorder + timedelta(minutes=4) < max(late) <= disorder + timedelta(minutes=5)


def test_with_a_late_share_of_one_all_are_late() -> None:
    arrived = list(simulate(seed=1, late_share=1))
    assert Counter(arrived) == Counter(simulate(seed=1))


def test_starts_in_any_zone_and_at_any_time() -> None:
    new_york = START.astimezone(timezone(timedelta(hours=-5)))
    assert list(simulate(start=new_york)) == list(simulate(start=START))
    assert next(simulate(sessions=1, start=datetime(1970, 1, 1, tzinfo=UTC))).time.year == 1970


def test_the_first_of_very_many_come_at_once() -> None:
    tracemalloc.start()
    first = list(islice(simulate(users=1_000_000, sessions=10_000_000), 100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(first) == 100
    assert peak < 4_000_000


def test_memory_does_not_grow_with_events() -> None:
    many = simulate(1_000, 5_000, duration=timedelta(days=3), late_share=0.1)
    tracemalloc.start()
    events = sum(1 for _ in many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events > 27_000
    assert peak < 200_000  # bytes: a few for each event, were they held


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    (dict(users=0), ValueError, "users: .*1 or more; .* 0$"),
    (dict(users=1e6), TypeError, r"users: .*1 or more; .* 1000000\.0 \(float\)"),
    (dict(users=True), TypeError, r"users: .* True \(bool\)"),
    (dict(sessions=-1), ValueError, "sessions: .*0 or more; .* -1$"),
    (dict(sessions="9"), TypeError, r"sessions: .* '9' \(str\)"),
    (dict(seed=None), TypeError, r"seed: .*a whole number; .* None \(NoneType\)"),
    (dict(duration=timedelta(0)), ValueError, "duration: .*more than 0; .* 0.0 seconds"),
    (dict(duration=6), TypeError, "duration: 6 what[?]"),
    (dict(duration=timedelta.max), ValueError, "start .*duration.* 2200-01-01; .*999999999 days"),
    (dict(start="noon"), TypeError, "start: .*with a time zone.* 'noon'"),
    (dict(start=datetime(2024, 1, 1)), TypeError, "start: .*with a time zone"),
    (dict(start=datetime(1969, 1, 1, tzinfo=UTC)), ValueError, "start: .*1970-01-01 or later"),
    (dict(start=datetime(2199, 12, 31, 20, tzinfo=UTC)), ValueError, "start .* 2200-01-01; "),
    (dict(users=1, sessions=10**12), ValueError, "2200-01-01; .* 1000000000001 sessions"),
    (dict(disorder=timedelta(-1)), ValueError, "disorder: .*from 0 to 366 days; .* -86400"),
    (dict(disorder=5), TypeError, "disorder: 5 what[?]"),
    (dict(late_share=1.5), ValueError, r"late_share: .*from 0 to 1; .* 1\.5"),
    (dict(late_share=-0.1), ValueError, r"late_share: .* -0\.1"),
    (dict(late_share=float("nan")), ValueError, "late_share: .* nan"),
    (dict(late_share="5%"), TypeError, "late_share: .*from 0 to 1; .* '5%'"),
    (dict(query_ids="no"), TypeError, "query_ids: .*True or False; .* 'no'"),
]


@pytest.mark.parametrize(("kwargs", "error", "message"), BAD)
def test_bad_arguments_are_refused_at_the_call(
    kwargs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        simulate(**kwargs)  # nothing is asked of the iterator


WITH_IDS = list(
    simulate(users=400, sessions=3_000, seed=7, duration=timedelta(days=2), query_ids=True)
)


def bare(event: Event) -> Event:
    """The event as a client logs it that knows no query ids."""
    if isinstance(event, ClickResult):
        return replace(event, query_id=None, position=None)
    return event if isinstance(event, AppOpen) else replace(event, query_id=None)


def test_query_ids_change_nothing_else() -> None:
    assert [bare(event) for event in WITH_IDS] == EVENTS
    assert all(bare(event) == event for event in EVENTS)
    # The digest of the events before there were ids, above, says that these haven't changed.
    delays: dict[str, Any] = dict(seed=7, disorder=timedelta(minutes=3), late_share=0.1)
    with_ids = simulate(**delays, query_ids=True)
    assert [bare(event) for event in with_ids] == list(simulate(**delays))


def test_delays_do_not_change_the_ids() -> None:
    in_order = simulate(seed=7, query_ids=True)
    arrived = simulate(seed=7, query_ids=True, disorder=timedelta(minutes=3), late_share=0.1)
    assert Counter(arrived) == Counter(in_order)


def test_ids_are_the_same_everywhere_and_others_for_another_seed() -> None:
    assert (
        digest(simulate(seed=7, query_ids=True))
        == "f13a80d540c18e706955bbefc310ece60a2efd10c0d19c13c182f07db4866f82"
    )
    ids = {event.query_id for event in WITH_IDS if isinstance(event, Search)}
    assert not ids & {e.query_id for e in simulate(seed=8, query_ids=True) if isinstance(e, Search)}


def test_ids_join_searches_results_and_clicks() -> None:
    searches = {event.query_id: event for event in WITH_IDS if isinstance(event, Search)}
    assert len(searches) == sum(isinstance(event, Search) for event in WITH_IDS)
    assert None not in searches
    recommended = 0
    for session in split(WITH_IDS):  # and only within it
        shown: dict[str | None, Results] = {}
        for event in session:
            if isinstance(event, Results):
                assert event.query_id not in shown
                shown[event.query_id] = event
                search = searches.pop(event.query_id)
                assert search.user == event.user
                assert timedelta(0) < event.time - search.time <= timedelta(seconds=1)
            elif isinstance(event, ClickResult) and event.query_id is None:
                recommended += 1
                assert event.position is None
            elif isinstance(event, ClickResult):
                assert event.position is not None
                assert shown[event.query_id].items[event.position - 1] == event.item
    assert not searches
    assert 0 < recommended < 300


def test_some_clicks_are_on_a_page_left_open() -> None:
    differ = clicks = 0
    for session in split(WITH_IDS):
        told = [page.clicks for page in attribute(Session("1", 0, tuple(session))).impressions]
        without_ids = Session("1", 0, tuple(map(bare, session)))
        guessed = [page.clicks for page in attribute(without_ids).impressions]
        for of_search, guesses in zip(told, guessed, strict=True):
            clicks += len(of_search)
            differ += sum(bare(click) not in guesses for click in of_search)
    assert 0.05 < differ / clicks < 0.1
