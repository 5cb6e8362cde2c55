"""The exercises of notebook 06 on other engines: a shared watermark, and corrected results."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from searchlogs.dataflow import GAP, find_sessions
from searchlogs.events import AppOpen, Event
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.exercises._values import alike
from searchlogs.sessions import Late, Session
from searchlogs.simulate import simulate


def late_for_all() -> list[int]:
    """Return the seconds of the events that are late under one watermark for all."""
    arrivals = [(1, 10), (2, 6), (1, 14), (2, 11), (1, 8), (2, 12), (2, 9)]
    late = []
    newest = 0
    for _user, second in arrivals:  # Whose event it is makes no difference.
        newest = max(newest, second)
        if second < newest - 3:
            late.append(second)
    return late


def same_numbers(given: Any, expected: list[int]) -> bool:
    """Return whether two collections hold the same numbers, in any order."""
    return sorted(given) == sorted(expected)


late_when_shared = Question(
    name="late_when_shared",
    hints=(
        "Forget whose events they are. Write the watermark beside each arrival: the newest second "
        "of anybody so far, minus 3.",
        "The watermarks are 7, 7, 11, 11, 11, 11, 11. "
        "An event is late when its second is *below* the watermark.",
        "User 2's 6 arrives when the watermark is at 7. And look at 11 once more: it is exactly "
        "on the watermark.",
    ),
    solve=late_for_all,
    notice="With a watermark per user only 8 would be late. User 2's 6 and 9 are late because "
    "user 1 is ahead: taken from here to another engine, a flow may need a longer wait.",
    expects="a list of whole numbers",
    same=same_numbers,
    mistakes=(
        Mistake(
            [8],
            "These are late with a watermark per user, as in Bytewax. Here all users share one: "
            "user 1's events move it for user 2 too.",
        ),
        Mistake(
            [6, 9],
            "These are late *only* under a shared watermark. One more event is late there: it "
            "would be late with a watermark per user too.",
        ),
        Mistake(
            [6, 8, 9, 11],
            "11 lies exactly on the watermark, and that is in time. Only what lies below it is "
            "late.",
        ),
        Mistake(
            [6, 8, 9, 11, 12],
            "All of these came after a newer event. But the clock waits: an event up to 3 seconds "
            "behind the newest is in time.",
        ),
        Mistake(
            [6, 8, 9, 10],
            "10 was the first to arrive, when nobody had heard of 14 yet. An event is compared "
            "with the watermark at its arrival, not with the last one.",
        ),
        Mistake(
            [6],
            "You compared each event with the one just before it. The watermark follows the "
            "*newest* event so far, which was 14 from the third arrival on.",
        ),
        Mistake(
            [10, 11, 12, 14],
            "These are the events in time. Give the late ones.",
        ),
        Mistake(
            [2, 5, 7],
            "These are positions in the order of arrival. Give the seconds.",
            lambda given: sorted(given) in ([2, 5, 7], [1, 4, 6]),
        ),
        Mistake(
            [(2, 6), (1, 8), (2, 9)],
            "The events are right. Give their seconds alone, without the user.",
            lambda given: sorted(second for _, second in given) == [6, 8, 9],
        ),
        Mistake(
            [at(6), at(8), at(9)],
            "Here the numbers of seconds alone are expected.",
            lambda given: all(isinstance(one, timedelta | datetime) for one in given) and given,
        ),
    ),
)


def my_correction(
    sessions: Sequence[Session], late: Sequence[Late], gap: timedelta
) -> list[Session]:
    """Return the sessions as they would be if nothing had come late."""
    events = [event for session in sessions for event in session.events]
    events += [one.event for one in late]
    events.sort(key=lambda event: event.time)
    found, _ = find_sessions(events, gap)
    return found


def _all_events(sessions: Sequence[Session], late: Sequence[Late]) -> list[Event]:
    events = [event for session in sessions for event in session.events]
    return sorted([*events, *(one.event for one in late)], key=lambda event: event.time)


def _cut(events: list[Event], gap: timedelta) -> list[Session]:
    """Return the sessions of events in order of time, without the engine: it takes a while."""
    own: dict[str, list[list[Event]]] = defaultdict(list)
    for event in events:
        cuts = own[str(event.user)]
        if not cuts or event.time - cuts[-1][-1].time > gap:
            cuts.append([])
        cuts[-1].append(event)
    return [
        Session(user, id, tuple(cut)) for user, cuts in own.items() for id, cut in enumerate(cuts)
    ]


def _still_late(sessions: Sequence[Session], late: Sequence[Late], gap: timedelta) -> Any:
    return list(sessions)


def _default_gap(sessions: Sequence[Session], late: Sequence[Late], gap: timedelta) -> Any:
    return _cut(_all_events(sessions, late), GAP)


def _only_late(sessions: Sequence[Session], late: Sequence[Late], gap: timedelta) -> Any:
    return _cut(_all_events((), late), gap)


def _beside(sessions: Sequence[Session], late: Sequence[Late], gap: timedelta) -> Any:
    return [*sessions, *_cut(_all_events((), late), gap)]


def _into_the_session_around(
    sessions: Sequence[Session], late: Sequence[Late], gap: timedelta
) -> Any:
    found = []
    for it in sessions:
        around = [o.event for o in late if o.user == it.user and it.start <= o.event.time <= it.end]
        events = sorted([*it.events, *around], key=lambda event: event.time)
        found.append(Session(it.user, it.id, tuple(events)))
    return found


def _both_lists(sessions: Sequence[Session], late: Sequence[Late], gap: timedelta) -> Any:
    cuts = _cut(_all_events(sessions, late), gap)
    return sorted(cuts, key=lambda it: (it.user, it.id)), []


def _events(sessions: Sequence[Session], late: Sequence[Late], gap: timedelta) -> Any:
    return _all_events(sessions, late)


def same_sessions(given: Any, expected: list[Session]) -> bool:
    """Return whether the sessions are equal, in any order, and events of one time in any order."""

    def plain(sessions: Any) -> list[Any]:
        return sorted((it.user, it.id, sorted(map(repr, it.events))) for it in sessions)

    if not all(isinstance(it, Session) for it in given):
        return alike(given, expected)
    return plain(given) == plain(expected)


def _case(name: str, arrivals: list[Event], gap: timedelta) -> Case:
    """Return a case of what `find_sessions` makes of events, with its wait of one second."""
    sessions, late = find_sessions(arrivals, gap)
    return Case(name, (tuple(sessions), tuple(late), gap))


def _opens(*seconds: int, user: int | str = 1) -> list[Event]:
    return [AppOpen(user, at(second)) for second in seconds]


def _corrections() -> tuple[Case, ...]:
    ten = timedelta(seconds=10)
    slow = {"disorder": timedelta(seconds=20), "late_share": 0.05}
    return (
        _case("an event that came late into its session", _opens(0, 8, 5), ten),
        _case("a late event between two sessions", _opens(0, 15, 8), ten),
        _case("a late event long before", _opens(100, 20), ten),
        _case("a late event exactly one gap before", _opens(30, 20), ten),
        _case("two users, and a shorter gap", _opens(9, 2, 16) + _opens(5, 9, user=2), ten / 2),
        _case('a user who is 1 and "1"', _opens(9) + _opens(3, user="1") + _opens(20, 12), ten),
        _case("nothing late", _opens(0, 1, 30), ten),
        _case("no events", [], ten),
        _case(
            "a simulated afternoon with late events",
            list(simulate(6, 15, seed=4, **slow)),  # type: ignore[arg-type]
            timedelta(minutes=30),
        ),
    )


put_back = Task(
    name="put_back",
    hints=(
        "Collect all events first: those in the sessions, and `one.event` of each late one. "
        "Then let `find_sessions` find the sessions again.",
        "Given in that order, they would be late once more. In which order is nothing late?",
        "Sort all events by time and call `find_sessions(events, gap)`. It returns two lists, and "
        "you need the first.",
    ),
    solve=my_correction,
    notice="Sorted by time nothing is late, under any wait. A late event can do more than join a "
    "session: it can bridge two, or be a session of its own, and then the later ones get new "
    "numbers. So all sessions of its user must be worked out again.",
    cases=_corrections,
    mistakes={
        _still_late: (
            "The late events are still missing. If you did add them, they came late once more, "
            "because they are last in your list: sort all events by time first."
        ),
        _default_gap: (
            "The sessions were cut with another gap than `gap`. Without one, `find_sessions` takes "
            "10 seconds."
        ),
        _only_late: "These sessions hold the late events alone. Put them together with the others.",
        _beside: (
            "The late events became sessions of their own, beside the old ones. But they may "
            "belong into those: collect all events, and look for sessions once."
        ),
        _into_the_session_around: (
            "A late event in the middle of a session is in it now, but the others are missing. "
            "One can lie between two sessions and bridge them, or begin a session of its own."
        ),
        _both_lists: (
            "These are two lists, as `find_sessions` returns them. Return the first, the sessions."
        ),
        _events: "These are events in order of time, but sessions are expected.",
    },
    same=same_sessions,
)
