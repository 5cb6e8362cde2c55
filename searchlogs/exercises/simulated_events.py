"""The exercises of notebook 02: predict sessions, measure steps, choose a gap."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, Event, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.exercises._values import alike
from searchlogs.metrics import count
from searchlogs.sessions import Session
from searchlogs.simulate import AFTERNOON, client_events, simulate


def at(second: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def count_sessions() -> int:
    seconds = sorted([0, 10, 20, 28, 40, 57, 47])
    steps = [after - before for before, after in pairwise(seconds)]
    # The first session has no pause before it.
    return 1 + sum(step > 10 for step in steps)


predict_sessions = Question(
    name="predict_sessions",
    title="predict before you run",
    statement="""\
A log holds seven events of one user. They happened at the seconds 0, 10, 20, 28, 40, 57 and 47,
in this order in the log; the last one came late, but you have the whole log before you, so use
it. How many sessions are there with a gap of 10 seconds? Work it out on paper.""",
    starter="""\
from searchlogs import exercises

answer = ...
exercises.predict_sessions.check(answer)""",
    hints=(
        "Write the seconds down in the order in which they happened. "
        "Then write the step from each to the next between them.",
        "The steps are 10, 10, 8, 12, 7 and 10. "
        "A step ends a session when it is *longer* than the gap.",
        "Each such step is a cut. With one cut, how many pieces are there?",
    ),
    solve=count_sessions,
    notice="Sort first, look at steps, cut where one is longer than the gap: that is all there is "
    "to sessions. Three steps were exactly the gap, and none of them cuts.",
    expects="a whole number of sessions",
    mistakes=(
        Mistake(
            1,
            "That is the number of long pauses. A pause *separates* sessions: "
            "there is always one session more than there are cuts.",
        ),
        Mistake(
            5,
            "You cut at steps of exactly 10 seconds. A session ends when a pause is *longer* than "
            "the gap; a pause as long as the gap still belongs to it.",
        ),
        Mistake(
            3,
            "You took the events in the order of the log, and there 57 stands before 47. "
            "Sort by time first: then 47 fills the pause.",
        ),
        Mistake(
            4,
            "You measured from the first event of each session. A session may last as long as it "
            "likes; what counts is the pause between one event and the next.",
        ),
        Mistake(
            7,
            "That is the number of events. Events with no long pause between them share a session.",
        ),
    ),
)


def my_steps(events: Iterable[Event]) -> dict[str, list[float]]:
    times = defaultdict(list)
    for event in events:
        times[str(event.user)].append(event.time)
    return {
        user: [(after - before).total_seconds() for before, after in pairwise(sorted(of_user))]
        for user, of_user in times.items()
    }


def users_mixed(events: list[Event]) -> dict[object, list[float]]:
    """The steps run from one user to another. Separate the users first, then look at each one's
    own events."""
    steps: dict[object, list[float]] = defaultdict(list)
    for before, after in pairwise(sorted(events, key=lambda event: event.time)):
        steps[after.user].append((after.time - before.time).total_seconds())
    return steps


def not_sorted(events: list[Event]) -> dict[object, list[float]]:
    """The events were taken as they arrived, and so a step can run backwards in time. Sort each
    user's times first."""
    times = defaultdict(list)
    for event in events:
        times[event.user].append(event.time)
    return {
        user: [(after - before).total_seconds() for before, after in pairwise(of_user)]
        for user, of_user in times.items()
    }


def without_sign(events: list[Event]) -> dict[object, list[float]]:
    """No step runs backwards, but only since the sign was taken away: the events are still in the
    order in which they arrived. Sort each user's times first."""
    return {user: [abs(step) for step in steps] for user, steps in not_sorted(events).items()}


def one_too_many(events: list[Event]) -> dict[str, list[float]]:
    """There is a step too many: the first event has none before it. Three events have two steps
    between them."""
    return {user: [0.0, *steps] for user, steps in my_steps(events).items()}


def seconds_only(events: list[Event]) -> dict[str, list[float]]:
    """Whole seconds only, and days are gone too: that is what `.seconds` does, which is one field
    of a timedelta. All of it in seconds is `.total_seconds()`."""
    return {
        user: [step // 1 % 86_400 for step in steps] for user, steps in my_steps(events).items()
    }


def as_durations(events: list[Event]) -> dict[str, list[timedelta]]:
    """These are timedeltas, and seconds are asked for, as numbers: `.total_seconds()`."""
    return {
        user: [timedelta(seconds=step) for step in steps]
        for user, steps in my_steps(events).items()
    }


def same_steps(given: Any, expected: dict[str, list[float]]) -> bool:
    """Equal, where a user may be 1 or "1", and one with a single event may be left out."""
    parts = [{str(user): list(s) for user, s in one.items() if s} for one in (given, expected)]
    return alike(parts[0], parts[1])


steps_per_user = Task(
    name="steps_per_user",
    title="measure the steps yourself",
    statement="""\
The picture above was drawn from steps. Write the function that measures them: it takes a list of
events of any users, in any order, and returns a dictionary. For each user, it holds the list of
the steps from one event to the next in time, in seconds: `{"1": [1.0, 1.0], …}`.""",
    starter="""\
from searchlogs import exercises

def my_steps(events):
    ...

exercises.steps_per_user.check(my_steps)""",
    hints=(
        "First gather each user's times: a `defaultdict(list)` is handy. "
        "Only then look at neighbours.",
        "`pairwise` from `itertools` gives the neighbours of a list: "
        "`pairwise([1, 5, 7])` gives (1, 5) and (5, 7).",
        "Subtract two times and you have a timedelta; `.total_seconds()` makes a number of it. "
        "Sort the times before you look at neighbours.",
    ),
    solve=my_steps,
    notice="Separate by user, sort by time, look at neighbours. With these three moves you have "
    "done by hand what a session window does.",
    cases=(
        Case("the tutorial's seven events", (client_events(),)),
        Case(
            "an event that arrived late",
            ([AppOpen(1, at(0)), AppOpen(1, at(9)), AppOpen(1, at(2.5))],),
        ),
        Case(
            "a user who comes back after a day",
            ([Search("anna", "dogs", at(5)), Search("anna", "dogs", at(86_410))],),
        ),
        Case("a user with a single event", ([AppOpen(7, at(1))],)),
        Case("no events", ([],)),
        Case(
            "a simulated afternoon whose events arrive out of order",
            (list(simulate(4, 8, seed=2, disorder=timedelta(minutes=1))),),
        ),
    ),
    mistakes=(users_mixed, not_sorted, without_sign, one_too_many, seconds_only, as_durations),
    same=same_steps,
)


VISITS = 80


def hurried() -> list[Event]:
    """A simulated log with every pause cut to a third."""
    return [
        replace(event, time=AFTERNOON + (event.time - AFTERNOON) / 3)
        for event in simulate(users=25, sessions=VISITS, seed=11)
    ]


given_log = hurried()
"""The log of search screens in a museum; each `user` is a screen."""


def a_good_gap() -> timedelta:
    # step_histogram(exercises.given_log, …) shows no step from half a minute to ten minutes.
    return timedelta(minutes=2)


steps = sorted(timedelta(seconds=step) for own in my_steps(given_log).values() for step in own)
VALLEY = (
    max(step for step in steps if step <= a_good_gap()),
    min(step for step in steps if step > a_good_gap()),
)


def in_the_valley(gap: Any, _: object) -> bool:
    return bool(VALLEY[0] <= gap < VALLEY[1])


def what_it_does(gap: timedelta) -> str:
    sessions, _ = find_sessions(given_log, gap=gap)
    best, _ = find_sessions(given_log, gap=a_good_gap())
    clicks = sum(session.clicks for session in sessions)
    # Some clicks have no search whatever the gap; a long one may even glue them to a stranger's.
    cut_off = max(0, orphans(sessions) - orphans(best))
    return f"{len(sessions)} sessions; {cut_off} of {clicks} clicks cut off from their search"


def orphans(sessions: Iterable[Session]) -> int:
    return sum(count(session).orphan_clicks for session in sessions)


choose_a_gap = Question(
    name="choose_a_gap",
    title="choose a gap for a log",
    statement="""\
A museum has screens on which visitors search its collection. `exercises.given_log` is one
afternoon; a *user* in it is a screen, and people queue behind one another. Choose a gap that
keeps each visit in one piece and doesn't glue two visits together. Look at the log before you
choose; the function that drew the two hills takes any log.""",
    starter="""\
from datetime import timedelta

from searchlogs import exercises

gap = ...
exercises.choose_a_gap.check(gap)""",
    hints=(
        '`step_histogram(exercises.given_log, "The screens")` draws its steps. '
        "Is the valley where it was above?",
        "Where the left hill ends, visits end; where the right hill begins, the next visitor has "
        "come. Any gap between the two will do. Half an hour lies far to the right of both.",
        "Try several with `find_sessions(exercises.given_log, gap=…)` and count the sessions. "
        "Which gaps can you move without changing the number?",
    ),
    solve=a_good_gap,
    notice=f"Every gap in this valley, from half a minute to twelve, gives the same {VISITS} "
    "visits. The field's 30 minutes would have been wrong here: a gap belongs to a log.",
    expects="a timedelta that finds each visit, whole and alone",
    outcome=what_it_does,
    same=in_the_valley,
    mistakes=(
        Mistake(
            timedelta(seconds=10),
            "Too short: it cuts visits into pieces, and clicks off from their searches. "
            "It lies on the left hill.",
            lambda gap: timedelta(0) <= gap < VALLEY[0],
        ),
        Mistake(
            timedelta(minutes=30),
            "Too long: it glues the visits of different people together. At a screen, the next "
            "visitor comes soon. It lies on the right hill, or beyond.",
            lambda gap: gap >= VALLEY[1],
        ),
        Mistake(
            60,
            "60 what? A bare number has no unit. Write `timedelta(seconds=…)` or "
            "`timedelta(minutes=…)`.",
            lambda gap: isinstance(gap, int | float),
        ),
        Mistake(
            timedelta(seconds=-60),
            "A pause can't be shorter than nothing.",
            lambda gap: gap < timedelta(0),
        ),
    ),
)
