"""The exercises of notebook 02: predict sessions, measure pauses, choose a gap."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.exercises._parts import duration
from searchlogs.exercises._values import alike
from searchlogs.exercises._wrong_pauses import MISTAKES
from searchlogs.metrics import count
from searchlogs.sessions import Session
from searchlogs.simulate import AFTERNOON, TOPICS, client_events, simulate


def count_sessions() -> int:
    """Return the number of sessions: one more than there are long pauses."""
    seconds = sorted([0, 10, 20, 28, 40, 57, 47])
    pauses = [after - before for before, after in pairwise(seconds)]
    # The first session has no pause before it, so there is one more than there are pauses.
    return 1 + sum(pause > 10 for pause in pauses)


predict_sessions = Question(
    name="predict_sessions",
    hints=(
        "Write down the seconds in the order in which they happened. Then write the pause from "
        "each second to the next.",
        "The pauses are 10, 10, 8, 12, 7 and 10. "
        "A pause ends a session when it is *longer* than the gap.",
        "Each such pause is a cut. How many pieces does one cut make?",
    ),
    solve=count_sessions,
    because="In order of time the pauses are 10, 10, 8, 12, 7 and 10. Pauses of exactly the gap "
    "don't cut. Only 12 is longer: one cut makes two pieces.",
    notice="Sort first, then look at the pauses, and cut where one is longer than the gap: "
    "sessions need nothing else. Three pauses were exactly as long as the gap, and none of "
    "them cuts.",
    expects="a whole number of sessions",
    mistakes=(
        Mistake(
            1,
            "That is the number of long pauses. A pause *separates* sessions: there is always one "
            "more session than there are cuts.",
        ),
        Mistake(
            5,
            "You cut at pauses of exactly 10 seconds. A session ends when a pause is *longer* than "
            "the gap; a pause as long as the gap still belongs to it.",
        ),
        Mistake(
            3,
            "You took the events in the order of the log, where 57 comes before 47. Sort by time "
            "first: then 47 fills the pause.",
        ),
        Mistake(
            4,
            "You measured from the first event of each session. A session may last any length of "
            "time; what counts is the pause between one event and the next.",
        ),
        Mistake(
            7,
            "That is the number of events. Events with no long pause between them share a session.",
        ),
        Mistake(
            6,
            "That is the number of pauses. Only a pause longer than the gap ends a session.",
        ),
    ),
)


def my_pauses(events: Iterable[Event]) -> dict[str, list[float]]:
    """Return each user's pauses, in seconds."""
    times = defaultdict(list)
    for event in events:
        times[str(event.user)].append(event.time)
    return {
        user: [(after - before).total_seconds() for before, after in pairwise(sorted(of_user))]
        for user, of_user in times.items()
    }


def same_pauses(given: Any, expected: dict[str, list[float]]) -> bool:
    """Return whether pauses are equal; 1 and "1" are one user, users without any may be missing."""
    if not (hasattr(given, "items") and hasattr(expected, "items")):
        return alike(given, expected)
    parts = [
        {str(user): own for user, pauses in one.items() if (own := list(pauses))}
        for one in (given, expected)
    ]
    return alike(parts[0], parts[1])


pauses_per_user = Task(
    name="pauses_per_user",
    hints=(
        "First collect each user's times; a `defaultdict(list)` is handy. Only then look at "
        "neighbours.",
        "`pairwise` from `itertools` gives the neighbours of a list: "
        "`pairwise([1, 5, 7])` gives (1, 5) and (5, 7).",
        "The difference of two times is a timedelta; `.total_seconds()` turns it into a "
        "number. Sort the times before you look at neighbours.",
    ),
    solve=my_pauses,
    notice="Separate by user, sort by time, look at neighbours. With these three moves you have "
    "done by hand what a session window does.",
    cases=lambda: (
        Case("the tutorial's seven events", (client_events(),)),
        Case(
            "an event that arrived late",
            ([AppOpen(1, at(0)), AppOpen(1, at(9)), AppOpen(1, at(2.5))],),
        ),
        Case(
            "a user who comes back after a day",
            ([Search("anna", "dogs", at(5)), Search("anna", "dogs", at(86_410))],),
        ),
        Case(
            "a user who is a number in one event and a text in the next",
            ([AppOpen(1, at(0)), AppOpen("1", at(5))],),
        ),
        Case("a user with a single event", ([AppOpen(7, at(1))],)),
        Case("no events", ([],)),
        Case(
            "a simulated afternoon whose events arrive out of order",
            (list(simulate(4, 8, seed=2, disorder=timedelta(minutes=1))),),
        ),
    ),
    mistakes=MISTAKES,
    same=same_pauses,
)


def three_sessions() -> list[Event]:
    """Return a log of two users and three sessions, one of them without a search."""
    return [
        Search(1, "dogs", at(0)),
        Search(2, "cats", at(3)),
        ClickResult(1, "fido", at(10)),  # exactly one gap after the search: the same session
        AppOpen(1, at(21)),  # one second more: a new session, in which nobody searches
    ]


def _made(answer: Any) -> list[Session]:
    """Return the sessions of a log, with a gap of 10 seconds and nothing late."""
    return find_sessions(list(answer), timedelta(seconds=10), timedelta(days=1))[0]


def is_such_a_log(given: Any, _: object) -> bool:
    """Return whether events are as the exercise asks."""
    sessions = _made(given)
    users = {session.user for session in sessions}
    without = [session for session in sessions if not session.searches]
    return len(list(given)) <= 7 and (len(users), len(sessions), len(without)) == (2, 3, 1)


def what_it_makes(events: Any) -> str:
    """Describe the sessions of a log."""
    sessions = _made(events)
    users = {session.user for session in sessions}
    without = sum(not session.searches for session in sessions)
    return (
        f"events: {len(list(events))}; users: {len(users)}; sessions: {len(sessions)}; "
        f"without a search: {without}"
    )


make_a_log = Question(
    name="make_a_log",
    hints=(
        "Begin with two searches of two users: two sessions. Which event of one of them makes a "
        "third session?",
        "A session without a search can be a single AppOpen. How long must its user have been "
        "silent before it?",
    ),
    solve=three_sessions,
    because="User 1's pauses are 10 seconds, which is no longer than the gap, and 11 seconds, "
    "which is. So user 1 has two sessions, and user 2 has one.",
    notice="A few events whose result you know are worth more than a million whose result you "
    "don't. Each test of this course's package began like this.",
    expects="at most seven events; 2 users, 3 sessions, 1 of them without a search",
    outcome=what_it_makes,
    same=is_such_a_log,
    mistakes=(
        Mistake(
            AppOpen(1, at(0)),
            "This is a single event. Put your events into a list: `[…, …]`.",
            lambda given: isinstance(given, Event),
        ),
        Mistake(
            [(1, "dogs", 0), (2, "cats", 3)],
            "These are not events. Make them as in notebook 01: `Search(user, query, time)`.",
            lambda given: len(given) > 0 and not any(isinstance(one, Event) for one in given),
        ),
        Mistake(
            [AppOpen(user, at(30 * user)) for user in range(8)],
            "There are more than seven events. Small logs are easier to work out by hand.",
            lambda given: len(list(given)) > 7,
        ),
        Mistake(
            [Search(1, "dogs", at(0)), Search(1, "cats", at(20)), AppOpen(1, at(40))],
            "There are not two users. Events of one user share a `user`.",
            lambda given: len({session.user for session in _made(given)}) != 2,
        ),
        Mistake(
            [Search(1, "dogs", at(0)), Search(2, "cats", at(0)), AppOpen(2, at(10))],
            "There are fewer than three sessions. A new one begins after a pause that is *longer* "
            "than the gap, in one user's events.",
            lambda given: len(_made(given)) < 3,
        ),
        Mistake(
            [
                Search(1, "dogs", at(0)),
                Search(2, "cats", at(0)),
                *(AppOpen(2, at(20 * i)) for i in (1, 2)),
            ],
            "There are more than three sessions. Every pause that is longer than the gap begins "
            "another one.",
            lambda given: len(_made(given)) > 3,
        ),
        Mistake(
            [Search(1, "dogs", at(0)), Search(2, "cats", at(0)), Search(2, "dogs", at(20))],
            "There are three sessions, but every one has a search. In one of them nobody should "
            "search.",
            lambda given: all(session.searches for session in _made(given)),
        ),
        Mistake(
            [Search(1, "dogs", at(0)), AppOpen(2, at(0)), AppOpen(2, at(20))],
            "There are three sessions, but more than one has no search.",
            lambda given: sum(not session.searches for session in _made(given)) > 1,
        ),
    ),
)


def the_reason() -> str:
    """Return the letter of what can be the reason."""
    return "b"


def same_letter(given: Any, expected: str) -> bool:
    """Return whether two answers are one letter: "b", "B", "(b)"."""
    return str(given).strip(" ().").casefold() == expected


what_changed = Question(
    name="what_changed",
    hints=(
        "What does the seed decide, and what does it not?",
        "With the same numbers of users and sessions and the same seed, the events are the same. "
        "What else goes into the number of sessions?",
    ),
    solve=the_reason,
    because="The seed decides who does what and when, on every computer. What is left is the "
    "program, and the gap is part of it.",
    notice="With a fixed seed the day can't have changed, so the program has. Without a seed, you "
    "would have to wonder about both.",
    expects="one letter",
    same=same_letter,
    mistakes=(
        Mistake(
            "a",
            "The simulated people do the same every time: all chance follows from the seed, and "
            "the seed is 7 on both days.",
            lambda given: same_letter(given, "a"),
        ),
        Mistake(
            "c",
            "The same seed gives the same events on every computer, fast or slow.",
            lambda given: same_letter(given, "c"),
        ),
        Mistake(
            "d",
            "The order in which simulated events arrive follows from the seed as well.",
            lambda given: same_letter(given, "d"),
        ),
    ),
)


VISITS = 80
COLLECTION = (
    ("water lily", "watre lilies", "water lilies", "water lilies pond", "water lilies pond bridge"),
    ("sunflower", "sunfowers", "sunflowers", "sunflowers vase", "sunflowers vase yellow"),
    ("river view", "rivre view", "river view", "river view winter"),
    ("still life", "stil lief", "still life", "still life fruit", "still life fruit lemon"),
    ("bronze horse", "bronce horse", "bronze horses", "small bronze horses"),
    ("old map", "odl map", "old map", "old map city"),
    ("tea bowl", "tae bowl", "tea bowl", "glazed tea bowl"),
    ("ship model", "shpi model", "ship model", "large ship model", "large ship model sails"),
)
"""For each topic of the simulator: what the museum has, and how its visitors ask for it."""


def _words() -> dict[str, str]:
    """Return the museum's word for each query and each item of the simulator."""
    words: dict[str, str] = {}
    for topic, (thing, *queries) in zip(TOPICS, COLLECTION, strict=True):
        words |= dict(zip((query for query, _ in topic), queries, strict=True))
        words |= {item: f"{thing} {number}" for number, item in enumerate(topic[1][1], 1)}
    return words


@cache
def given_log() -> tuple[Event, ...]:
    """Return a simulated log of search screens in a museum; each `user` is a screen."""
    words, events = _words(), list[Event]()
    for event in simulate(users=25, sessions=VISITS, seed=11):
        # Every pause is cut to a third, because people queue.
        event = replace(event, time=AFTERNOON + (event.time - AFTERNOON) / 3)
        if isinstance(event, Search):
            event = replace(event, query=words[event.query])
        elif isinstance(event, Results):
            event = replace(event, items=tuple(words[item] for item in event.items))
        elif isinstance(event, ClickResult):
            event = replace(event, item=words[event.item])
        events.append(event)
    return tuple(events)


def a_good_gap() -> timedelta:
    """Return a gap that separates visits and cuts none."""
    # pause_histogram(exercises.given_log, …) shows no pause from half a minute to ten minutes.
    return timedelta(minutes=2)


@cache
def valley() -> tuple[timedelta, timedelta]:
    """Return the longest pause below the valley, and the shortest above it."""
    by_user = my_pauses(given_log()).values()
    pauses = sorted(timedelta(seconds=pause) for own in by_user for pause in own)
    below = [pause for pause in pauses if pause <= a_good_gap()]
    return below[-1], pauses[len(below)]


def in_the_valley(gap: Any, _: object) -> bool:
    """Return whether a gap lies in the valley."""
    return bool(valley()[0] <= duration(gap) < valley()[1])


def what_it_does(gap: timedelta) -> str:
    """Describe the sessions that a gap gives."""
    sessions, _ = find_sessions(given_log(), gap=gap)
    best, _ = find_sessions(given_log(), gap=a_good_gap())
    clicks = sum(session.clicks for session in sessions)
    # Some clicks have no search whatever the gap is; a long gap may even join them to a stranger's.
    cut_off = max(0, _orphans(sessions) - _orphans(best))
    return f"{len(sessions)} sessions; {cut_off} of {clicks} clicks cut off from their search"


def _orphans(sessions: Iterable[Session]) -> int:
    """Count the clicks that belong to no search."""
    return sum(count(session).orphan_clicks for session in sessions)


choose_a_gap = Question(
    name="choose_a_gap",
    hints=(
        '`pause_histogram(exercises.given_log, "The screens")` draws its pauses. '
        "Is the valley where it was above?",
        "Where the left hill ends, visits end; where the right hill begins, the next visitor "
        "has come. Any gap between the two is right. Half an hour lies far to the right of "
        "both.",
        "Try several with `find_sessions(exercises.given_log, gap=…)` and count the sessions. "
        "By how much can you change the gap without changing that number?",
    ),
    solve=a_good_gap,
    because="The longest pause within a visit takes 27 seconds, and the shortest between two "
    "visits twelve minutes. Any gap between them cuts at the same places.",
    notice=f"Every gap in this valley, from half a minute to twelve, gives the same {VISITS} "
    "visits. The field's 30 minutes would have been wrong here: a gap belongs to a log.",
    expects="a timedelta that keeps each visit whole and apart from the others",
    outcome=what_it_does,
    same=in_the_valley,
    mistakes=(
        Mistake(
            timedelta(seconds=10),
            "Too short: it cuts visits into pieces, and separates clicks from their searches. It "
            "lies on the left hill.",
            lambda gap: timedelta(0) <= duration(gap) < valley()[0],
        ),
        Mistake(
            timedelta(minutes=30),
            "Too long: it joins the visits of different people. At a screen, the next visitor "
            "comes soon. It lies on the right hill, or beyond.",
            lambda gap: duration(gap) >= valley()[1],
        ),
        Mistake(
            120,
            "A bare number has no unit: are these seconds or minutes? Write "
            "`timedelta(seconds=…)` or `timedelta(minutes=…)`.",
            lambda gap: isinstance(gap, int | float),
        ),
        Mistake(
            "2 minutes",
            "This text is no duration that the package can read. Write `timedelta(seconds=…)` or "
            "`timedelta(minutes=…)`.",
            lambda gap: isinstance(gap, str),
        ),
        Mistake(
            timedelta(seconds=-60),
            "A pause can't be shorter than zero.",
            lambda gap: gap < timedelta(0),
        ),
    ),
)
