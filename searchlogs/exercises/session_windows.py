"""The exercises of notebook 03: the boundary, the watermark, and the whole step by hand."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, Event
from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.simulate import client_events, simulate


def at(second: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def longest_pause() -> int:
    seconds = sorted([3, 20, 8, 33, 41])
    return max(after - before for before, after in pairwise(seconds))


smallest_gap = Question(
    name="smallest_gap",
    title="change one number",
    statement="""\
One user did something at the seconds 3, 20, 8, 33 and 41; the event of second 8 stands behind
that of second 20 in the log, but is in time. What is the smallest gap, in whole seconds, that
leaves all five in one session?""",
    starter="""\
from searchlogs import exercises

seconds = ...
exercises.smallest_gap.check(seconds)""",
    hints=(
        "A session window sorts the events by time. Which pauses are there then?",
        "Sort the seconds, and write the difference between each two neighbours. "
        "None of these pauses may be longer than the gap.",
    ),
    solve=longest_pause,
    notice="The gap may be exactly as long as the longest pause, since only a longer one cuts. "
    "In logs of whole seconds, that happens every day.",
    expects="a whole number of seconds",
    mistakes=(
        Mistake(
            14,
            "One too many. A pause exactly as long as the gap doesn't end the session.",
        ),
        Mistake(
            12,
            "Then a pause of 13 seconds is left, from 20 to 33, and it is longer than the gap.",
        ),
        Mistake(
            25,
            "You looked for the longest pause in the order of the log, from 8 to 33. "
            "In order of time, 20 lies between the two.",
        ),
        Mistake(
            38,
            "That is the whole session from its first event to its last. "
            "The gap limits each pause, and not how long a session lasts.",
        ),
        Mistake(
            timedelta(seconds=13),
            "The right length. Here the bare number of seconds is asked for.",
        ),
    ),
)


def which_are_late() -> list[int]:
    late = []
    newest = 0
    for second in [2, 5, 3, 10, 7, 6, 9, 8]:
        newest = max(newest, second)
        if second < newest - 2:
            late.append(second)
    return late


def same_numbers(given: Any, expected: list[int]) -> bool:
    return sorted(given) == sorted(expected)


late_events = Question(
    name="late_events",
    title="say who is late",
    statement="""\
The events of one user arrive in this order; the numbers are the seconds at which they happened:
2, 5, 3, 10, 7, 6, 9, 8. The clock waits 2 seconds. Which of them are late? Give a list of their
seconds.""",
    starter="""\
from searchlogs import exercises

late = ...
exercises.late_events.check(late)""",
    hints=(
        "Write the watermark beside each event: the newest second so far, minus 2.",
        "The watermarks are 0, 3, 3, 8, 8, 8, 8, 8. "
        "An event is late when its second is *below* the watermark.",
        "An event exactly on the watermark is in time: look at 3 and 8 once more.",
    ),
    solve=which_are_late,
    notice="The watermark never goes back: once 10 has been seen it stays at 8, whatever comes. "
    "And 3 and 8, exactly on it, were in time.",
    expects="a list of whole numbers",
    same=same_numbers,
    mistakes=(
        Mistake(
            [3, 7, 6, 9, 8],
            "These all came behind a newer event. But the clock waits: "
            "up to 2 seconds behind the newest is in time.",
        ),
        Mistake(
            [3, 7, 6, 8],
            "3 and 8 lie exactly on the watermark, and that is in time. "
            "Late is only what lies below it.",
        ),
        Mistake(
            [7],
            "You compared each event with the one just before it. The watermark follows the "
            "*newest* event so far, which was 10 from the fourth on.",
        ),
        Mistake(
            [2, 5, 3, 7, 6],
            "You compared all with the last watermark, 8. When 2, 5 and 3 arrived, nobody had "
            "heard of 10 yet: late is decided on arrival.",
        ),
        Mistake(
            [4, 5],
            "These are the places in the list. Give the seconds.",
            lambda given: sorted(given) in ([4, 5], [5, 6]),
        ),
    ),
)


def my_sessions(events: list[Event], gap: timedelta) -> list[list[Event]]:
    by_user = defaultdict(list)
    for event in events:
        by_user[str(event.user)].append(event)
    sessions = []
    for own in by_user.values():
        own.sort(key=lambda event: event.time)
        current = [own[0]]
        for before, event in pairwise(own):
            if event.time - before.time > gap:
                sessions.append(current)
                current = []
            current.append(event)
        sessions.append(current)
    return sessions


def bytewax_sessions(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """What the engine makes of them, when it waits for all that are late."""
    sessions, _ = find_sessions(events, gap=gap, wait=timedelta(days=1))
    return [list(session.events) for session in sessions]


def by_hand(events: list[Event], cuts: Any) -> list[list[Event]]:
    """Cut a list of events wherever `cuts(session so far, next event)` says so."""
    sessions: list[list[Event]] = []
    for event in events:
        if not sessions or cuts(sessions[-1], event):
            sessions.append([])
        sessions[-1].append(event)
    return sessions


def each_user(events: list[Event], cuts: Any, sort: bool = True) -> list[list[Event]]:
    sessions = []
    for user in dict.fromkeys(str(event.user) for event in events):
        own = [event for event in events if str(event.user) == user]
        if sort:
            own.sort(key=lambda event: event.time)
        sessions += by_hand(own, cuts)
    return sessions


def not_sorted(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """The events were cut in the order in which they arrived. One that comes a little late then
    makes a pause where there was none. Sort each user's events by time first."""
    return each_user(events, lambda own, event: event.time - own[-1].time > gap, sort=False)


def cut_at_the_gap(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """A pause exactly as long as the gap ends a session here. Only a longer one does: `>`, and
    not `>=`."""
    return each_user(events, lambda own, event: event.time - own[-1].time >= gap)


def from_the_first(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """Each event is compared with the first of its session, which limits how long a session lasts.
    Compare it with the one just before it."""
    return each_user(events, lambda own, event: event.time - own[0].time > gap)


def last_one_lost(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """Each user's last session is missing. No pause comes after it, so nothing ends it: it has to
    be added after the loop. Bytewax does the same at the end of its input."""
    last = {str(event.user): event for event in sorted(events, key=lambda event: event.time)}
    return [own for own in my_sessions(events, gap) if own[-1] is not last[str(own[-1].user)]]


def users_mixed(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """Users are mixed: what one does keeps the session of another open. Divide the events by user
    first."""
    in_order = sorted(events, key=lambda event: event.time)
    return by_hand(in_order, lambda own, event: event.time - own[-1].time > gap)


def cut_at_each_user(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """A session ends here whenever another user does something in between. Divide the events by
    user first; then others can't disturb."""
    in_order = sorted(events, key=lambda event: event.time)
    return by_hand(
        in_order,
        lambda own, event: event.user != own[-1].user or event.time - own[-1].time > gap,
    )


def same_sessions(given: Any, expected: list[list[Event]]) -> bool:
    """Equal, in whatever order the sessions are, since Bytewax has one of its own."""
    parts = [
        sorted(map(list, one), key=lambda own: (str(own[0].user), own[0].time))
        for one in (given, expected)
    ]
    return parts[0] == parts[1]


sort_and_split = Task(
    name="sort_and_split",
    title="write the window yourself",
    statement="""\
You have all events of a log in a list, so you need no stream and no watermark: nothing is late.
Write a function that returns the sessions, each a list of events in order of time. The order of
the sessions doesn't matter. What you return is compared with what Bytewax makes of the same
events.""",
    starter="""\
from searchlogs import exercises

def my_sessions(events, gap):
    ...

exercises.sort_and_split.check(my_sessions)""",
    hints=(
        "Three moves: divide by user, sort by time, split at long pauses. "
        "The exercise *measure the steps yourself* in notebook 02 has the first two.",
        "Go through one user's events and keep a list for the session that is open. Before you "
        "add an event to it, ask how long it is since the one before.",
        "When the pause is longer than the gap, put the open list aside among the sessions and "
        "begin an empty one. After the last event, put the open one aside too.",
    ),
    solve=my_sessions,
    reference=bytewax_sessions,
    notice="Your function and Bytewax agree. It needed the whole log in memory before it could "
    "begin; a stream never has that. Key, watermark and window are what it takes without.",
    cases=(
        Case("one user with one pause", ([AppOpen(1, at(0)), AppOpen(1, at(30))], at(10) - at(0))),
        Case(
            "a pause exactly as long as the gap",
            ([AppOpen(1, at(0)), AppOpen(1, at(10)), AppOpen(1, at(21))], at(10) - at(0)),
        ),
        Case(
            "a session that lasts longer than the gap",
            ([AppOpen(1, at(second)) for second in (0, 6, 12, 18)], at(10) - at(0)),
        ),
        Case(
            "an event that arrives late",
            ([AppOpen(1, at(second)) for second in (0, 16, 8)], at(10) - at(0)),
        ),
        Case(
            "two users at once",
            ([AppOpen(1 + i % 2, at(7 * i)) for i in range(4)], at(10) - at(0)),
        ),
        Case("the tutorial's seven events", (client_events(), at(10) - at(0))),
        Case(
            "a simulated afternoon whose events arrive out of order",
            (list(simulate(4, 9, seed=3, disorder=timedelta(minutes=1))), timedelta(minutes=30)),
        ),
    ),
    mistakes=(
        not_sorted,
        cut_at_the_gap,
        from_the_first,
        last_one_lost,
        users_mixed,
        cut_at_each_user,
    ),
    same=same_sessions,
)
