"""The exercises of notebook 04: the boundary, the watermark, and the whole step by hand."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, Event
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.exercises._parts import duration, says
from searchlogs.exercises._values import alike, holds
from searchlogs.exercises._wrong_sessions import MISTAKES
from searchlogs.simulate import client_events, simulate


def longest_pause() -> int:
    """Return the longest pause, in seconds."""
    seconds = sorted([3, 20, 8, 33, 41])
    return max(after - before for before, after in pairwise(seconds))


smallest_gap = Question(
    name="smallest_gap",
    hints=(
        "A session window sorts the events by time. Which pauses are there then?",
        "Sort the seconds, and write down the difference between neighbours. None of these "
        "pauses may be longer than the gap.",
    ),
    solve=longest_pause,
    because="In order of time the seconds are 3, 8, 20, 33 and 41, and the pauses 5, 12, 13 and "
    "8. A gap of 13 is as long as the longest pause, and that is enough.",
    notice="The gap may be exactly as long as the longest pause, because only a longer pause "
    "cuts. In logs of whole seconds, that happens every day.",
    expects="a whole number of seconds",
    mistakes=(
        Mistake(
            14,
            "One too many. A pause exactly as long as the gap doesn't end the session.",
        ),
        Mistake(
            5,
            "That is the shortest pause. All the others are longer, and each of them would end a "
            "session.",
        ),
        Mistake(
            25,
            "You looked for the longest pause in the order of the log, from 8 to 33. In order of "
            "time, 20 comes between the two.",
        ),
        Mistake(
            38,
            "That is the whole session from its first event to its last. The gap limits each "
            "pause, not how long a session lasts.",
        ),
        Mistake(
            timedelta(seconds=13),
            "The length is right, but here the number of seconds alone is expected.",
        ),
        Mistake(
            12,
            "With this gap one pause is still too long, and there are two sessions or more. Which "
            "of the pauses is the longest?",
            lambda answer: answer < longest_pause(),
        ),
        Mistake(
            20,
            "This gap is long enough, but a smaller one is too. How long is the longest pause, in "
            "order of time?",
            lambda answer: answer > longest_pause(),
        ),
    ),
)


def what_lets_them_close() -> dict[str, object]:
    """Return which arrival closes each session, with a gap of 10 seconds and a wait of 1."""
    arrivals = [(1, 5), (2, 6), (1, 15), (2, 30), (1, 26), (1, 27)]  # user, second
    last = {"user 1, session 0": (1, 15), "user 2, session 0": (2, 6), "user 2, session 1": (2, 30)}

    def closes(user: int, second: int) -> object:
        for number, (other, time) in enumerate(arrivals, 1):
            # The watermark is a second behind, and must lie more than a gap after the last event.
            if other == user and time - 1 > second + 10:
                return number
        return "end"

    return {name: closes(*event) for name, event in last.items()}


def same_closing(given: Any, expected: dict[str, object]) -> bool:
    """Return whether two answers are equal, however the word *end* is written."""
    parts = {
        name: value.strip().casefold() if isinstance(value, str) else value
        for name, value in given.items()
    }
    return alike(parts, expected)


when_it_closes = Question(
    name="when_it_closes",
    hints=(
        "Write each user's watermark beside every arrival: their newest second, minus the wait. "
        "Whose watermark does an arrival move?",
        "A session closes when its user's watermark is *more* than the gap after its last event.",
        "User 1 is silent after second 15, so their watermark must come to lie above 25. At which "
        "arrival does it?",
    ),
    solve=what_lets_them_close,
    because="User 1's watermark must come to lie above 15 + 10 = 25. Second 26 moves it to 25, "
    "and second 27 to 26. User 2's second 30 moves theirs to 29, above 6 + 10; nothing "
    "moves it further.",
    notice="Only a user's own later event closes their session, and it must be newer by more than "
    "the gap and the wait. The event of second 26 began a new session, and the old one was still "
    "open. And what nobody's event closes, the end of the input does.",
    expects='for each session, the number of an arrival, or "end"',
    same=same_closing,
    mistakes=(
        Mistake(
            {"user 1, session 0": 5, "user 2, session 0": 4, "user 2, session 1": "end"},
            "`user 1, session 0`: second 26 is more than a gap after second 15, so it begins a new "
            "session. But the clock waits 1 second: where is the watermark then?",
            says("user 1, session 0", 5),
        ),
        Mistake(
            {"user 1, session 0": 4, "user 2, session 0": 4, "user 2, session 1": "end"},
            "`user 1, session 0`: that arrival is an event of user 2. Each user has a watermark of "
            "their own.",
            says("user 1, session 0", 2, 4),
        ),
        Mistake(
            {"user 1, session 0": 3, "user 2, session 0": 4, "user 2, session 1": "end"},
            "`user 1, session 0`: the event of second 15 still belongs to the session, since it is "
            "exactly a gap after second 5.",
            says("user 1, session 0", 3),
        ),
        Mistake(
            {"user 1, session 0": "end", "user 2, session 0": 4, "user 2, session 1": "end"},
            "`user 1, session 0`: an event of user 1 comes later, and is newer by more than the "
            "gap and the wait. Which one?",
            lambda answer: str(answer["user 1, session 0"]).casefold() == "end",
        ),
        Mistake(
            {"user 1, session 0": 6, "user 2, session 0": 3, "user 2, session 1": "end"},
            "`user 2, session 0`: only an event of user 2 moves their watermark. Which of them "
            "comes next?",
            says("user 2, session 0", 1, 2, 3, 5, 6),
        ),
        Mistake(
            {"user 1, session 0": 6, "user 2, session 0": 4, "user 2, session 1": 6},
            "`user 2, session 1`: no event of user 2 comes after second 30, and the events of "
            "others don't count. What closes it then?",
            lambda answer: answer["user 2, session 1"] in (1, 2, 3, 4, 5, 6, None),
        ),
        Mistake(
            {"user 1, session 0": 27, "user 2, session 0": 30, "user 2, session 1": "end"},
            "Are these seconds? Give the numbers of the arrivals, from 1 to 6.",
            lambda answer: any(isinstance(v, int) and v > 6 for v in answer.values()),
        ),
    ),
)


def which_are_late() -> list[int]:
    """Return the seconds of the late events."""
    late = []
    newest = 0
    for second in [2, 5, 3, 10, 7, 6, 9, 8]:
        newest = max(newest, second)
        if second < newest - 2:
            late.append(second)
    return late


def same_numbers(given: Any, expected: list[int]) -> bool:
    """Return whether two lists hold the same numbers, in any order."""
    return sorted(given) == sorted(expected)


late_events = Question(
    name="late_events",
    hints=(
        "Write the watermark next to each event: the newest second so far, minus 2.",
        "The watermarks are 0, 3, 3, 8, 8, 8, 8, 8. "
        "An event is late when its second is *below* the watermark.",
        "An event exactly on the watermark is in time: look at 3 and 8 once more.",
    ),
    solve=which_are_late,
    because="The watermarks are 0, 3, 3, 8, 8, 8, 8 and 8. Only 7 and 6 lie below the one that "
    "they meet; 3 and 8 lie exactly on it.",
    notice="The watermark never goes back: once 10 has been seen, it stays at 8, whatever comes. "
    "And 3 and 8, which lie exactly on it, were in time.",
    expects="a list of whole numbers",
    same=same_numbers,
    mistakes=(
        Mistake(
            [3, 7, 6, 9, 8],
            "All of these came after a newer event. But the clock waits: an event up to 2 seconds "
            "behind the newest is in time.",
            lambda given: set(given) in ({3, 6, 7, 8, 9}, {6, 7, 8, 9}),
        ),
        Mistake(
            [3, 7, 6, 8],
            "3 and 8 lie exactly on the watermark, and that is in time. Only what lies below it "
            "is late.",
            lambda given: set(given) in ({3, 6, 7, 8}, {3, 6, 7}, {6, 7, 8}),
        ),
        Mistake(
            [0, 3, 3, 8, 8, 8, 8, 8],
            "These are the watermarks. Which events are below the watermark that they meet?",
        ),
        Mistake(
            [False, False, False, False, True, True, False, False],
            "This says of each event whether it is late. Give the seconds of those that are.",
            lambda given: all(isinstance(one, bool) for one in given) and len(given) == 8,
        ),
        Mistake(
            [],
            "Some are late. Once 10 has arrived, the watermark is 8: which of the events after it "
            "are below?",
            lambda given: len(given) == 0,
        ),
        Mistake(
            [1, 2],
            "Do these say by how much the events are late? Give the seconds at which they "
            "happened.",
            lambda given: sorted(given) in ([1, 2], [3, 4]),
        ),
        Mistake(
            [7],
            "You compared each event with the one just before it. The watermark follows the "
            "*newest* event so far, which was 10 from the fourth event on.",
        ),
        Mistake(
            [2, 5, 3, 7, 6],
            "You compared all with the last watermark, 8. When 2, 5 and 3 arrived, nobody had "
            "heard of 10 yet: late is decided on arrival.",
        ),
        Mistake(
            [4, 5],
            "Are these positions in the list? Give the seconds of the events that stand there.",
            lambda given: sorted(given) in ([4, 5], [5, 6]),
        ),
    ),
)


def from_the_table() -> dict[str, timedelta]:
    """Return the gap of Monday's dashboard, and one that the table supports."""
    # From 3 to 25 minutes neither the rate nor the number of sessions moves: that is the valley.
    return {"Monday's gap": timedelta(seconds=20), "your gap": timedelta(minutes=10)}


def supported(given: Any, expected: dict[str, timedelta]) -> bool:
    """Return whether Monday's gap is right, and the other lies where nothing moves."""
    monday, yours = duration(given["Monday's gap"]), duration(given["your gap"])
    flat = timedelta(minutes=3) <= yours <= timedelta(minutes=25)
    return bool(monday == expected["Monday's gap"] and flat)


friday_to_monday = Question(
    name="friday_to_monday",
    hints=(
        "Look for Monday's two numbers in the table. Which gap gives them?",
        "Where does the click-through rate stop changing? And where does the number of sessions?",
        "A gap is well chosen where moving it changes neither column. Leave some room on both "
        "sides.",
    ),
    solve=from_the_table,
    because="Monday's numbers stand at 20 seconds. From 3 to 25 minutes neither the rate nor the "
    "number of sessions moves; at an hour there are fewer sessions, so visits were "
    "joined.",
    notice="A rate can fall to a third although nobody clicked less. Too short a gap cuts clicks "
    "off from their searches; too long a gap glues visits together, which only the number of "
    "sessions shows. Any gap from 3 to 25 minutes is right here.",
    expects="two timedeltas",
    same=supported,
    mistakes=(
        Mistake(
            {"Monday's gap": 20, "your gap": 600},
            "A bare number has no unit: are these seconds or minutes? Write `timedelta(seconds=…)` "
            "or `timedelta(minutes=…)`.",
            lambda answer: any(isinstance(gap, int | float) for gap in answer.values()),
        ),
        Mistake(
            {"Monday's gap": "20 seconds", "your gap": "10 minutes"},
            "These texts are no durations that the package can read. Write `timedelta(seconds=…)` "
            "or `timedelta(minutes=…)`.",
            lambda answer: any(
                isinstance(gap, str) and not holds(duration, gap) for gap in answer.values()
            ),
        ),
        Mistake(
            {"Monday's gap": timedelta(hours=3), "your gap": timedelta(minutes=10)},
            "`Monday's gap`: too long a gap would make fewer sessions than on Friday. On Monday "
            "there were three times as many.",
            lambda answer: duration(answer["Monday's gap"]) > timedelta(minutes=25),
        ),
        Mistake(
            {"Monday's gap": timedelta(minutes=10), "your gap": timedelta(minutes=10)},
            "`Monday's gap`: look for the line of the table with Monday's rate and Monday's number "
            "of sessions.",
            lambda answer: duration(answer["Monday's gap"]) != timedelta(seconds=20),
        ),
        Mistake(
            {"Monday's gap": timedelta(seconds=20), "your gap": timedelta(minutes=1)},
            "`your gap`: too short. A longer gap still changes both numbers, so this one cuts some "
            "visits.",
            lambda answer: duration(answer["your gap"]) < timedelta(minutes=3),
        ),
        Mistake(
            {"Monday's gap": timedelta(seconds=20), "your gap": timedelta(hours=1)},
            "`your gap`: too long. The rate stays, but there are fewer sessions: visits that were "
            "apart are glued together.",
            lambda answer: duration(answer["your gap"]) > timedelta(minutes=25),
        ),
    ),
)


def my_sessions(events: list[Event], gap: timedelta) -> list[list[Event]]:
    """Return the sessions of all users, each a list of events in order of time."""
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
    """Return the sessions that the engine finds if it waits for all late events."""
    sessions, _ = find_sessions(events, gap=gap, wait=timedelta(days=1))
    return [list(session.events) for session in sessions]


def same_sessions(given: Any, expected: list[list[Event]]) -> bool:
    """Return whether the sessions are equal, in any order, because Bytewax has its own."""
    if isinstance(given, dict):
        return alike(given, expected)
    parts = [list(one) for one in (given, expected)]
    if not any(isinstance(one, Event) for part in parts for one in part):
        for part in parts:
            part.sort(key=lambda own: [(str(event.user), event.time) for event in own[:1]])
            part[:] = map(list, part)
    return parts[0] == parts[1]


sort_and_split = Task(
    name="sort_and_split",
    hints=(
        "Three steps: separate by user, sort by time, split at long pauses. The exercise "
        "*measure the pauses yourself* in notebook 02 has the first two.",
        "Go through one user's events and keep a list for the open session. Before you add an "
        "event to it, ask how much time has passed since the previous event.",
        "If the pause is longer than the gap, add the open list to the sessions and begin an "
        "empty one. After the last event, add the open list too.",
    ),
    solve=my_sessions,
    reference=bytewax_sessions,
    notice="Your function and Bytewax agree. Yours needed the whole log in memory before it "
    "could begin; a stream never has that. Key, watermark and window are what it takes to "
    "do without.",
    cases=lambda: (
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
        Case("a longer gap", ([AppOpen(1, at(0)), AppOpen(1, at(30))], at(60) - at(0))),
        Case(
            "a pause of a day and a second",
            ([AppOpen(1, at(0)), AppOpen(1, at(86_401))], at(10) - at(0)),
        ),
        Case(
            "a user who is a number in one event and a text in the next",
            ([AppOpen(1, at(0)), AppOpen("1", at(5))], at(10) - at(0)),
        ),
        Case("no events", ([], at(10) - at(0))),
        Case(
            "a simulated afternoon whose events arrive out of order",
            (list(simulate(4, 9, seed=3, disorder=timedelta(minutes=1))), timedelta(minutes=30)),
        ),
    ),
    mistakes=MISTAKES,
    same=same_sessions,
)
