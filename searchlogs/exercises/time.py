"""The exercises of notebook 06: the watermark, the rule of lateness, and the price of a wait."""

from datetime import datetime, timedelta
from functools import cache
from itertools import count
from numbers import Real
from typing import Any

from numpy import timedelta64

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, Event
from searchlogs.exercises._core import Case, Mistake, Question, Task, at
from searchlogs.exercises._parts import duration
from searchlogs.exercises._words import are_texts
from searchlogs.exercises._wrong_lateness import LATE
from searchlogs.simulate import client_events, simulate


def each_watermark() -> list[int]:
    """Return the watermark after each arrival, in seconds."""
    watermarks = []
    newest = 0
    for second in [4, 9, 7, 12, 10]:
        newest = max(newest, second)
        watermarks.append(newest - 3)
    return watermarks


watermarks = Question(
    name="watermarks",
    hints=(
        "A watermark is the newest second so far, minus the wait. "
        "First write down the newest second after each arrival.",
        "The newest seconds are 4, 9, 9, 12, 12. The third is not 7: an earlier event does "
        "not change what the newest is.",
    ),
    solve=each_watermark,
    because="The newest seconds are 4, 9, 9, 12 and 12, and the watermark is 3 seconds behind.",
    notice="The watermark rises with each newer event and otherwise stands still. Neither 7 nor "
    "10 lies below it, so no event was late with a wait of 3 seconds.",
    expects="a list of five whole numbers",
    mistakes=(
        Mistake(
            [4, 9, 9, 12, 12],
            "That is the newest event after each arrival. The watermark stays behind it by the "
            "wait of 3 seconds.",
        ),
        Mistake(
            [1, 6, 4, 9, 7],
            "Your watermark goes back when 7 and 10 arrive. It never does: it follows the "
            "*newest* event so far, not the last to arrive.",
        ),
        Mistake(
            [0, 1, 6, 6, 9],
            "That is the watermark just before each arrival. Where is it *after* the arrival? An "
            "event moves the watermark at once.",
            lambda given: len(given) == 5 and list(given[1:]) == [1, 6, 6, 9],
        ),
        Mistake(
            [7, 12, 12, 15, 15],
            "The wait was added. A watermark in the future would make every event late: "
            "it stays *behind* the newest event.",
        ),
        Mistake(
            [4, 9, 7, 12, 10],
            "These are the events themselves. The watermark is the newest of them so far, "
            "minus the wait.",
        ),
        Mistake(
            [1, 6, 9],
            "These are the values that the watermark takes. Give one number per arrival, even if "
            "the watermark stands still.",
        ),
        Mistake(
            [1, 6, 7, 9, 10],
            "7 and 10 are no newer than what came before them, so they don't move the watermark. "
            "It stays where it was.",
        ),
        Mistake(
            9,
            "That is where the watermark stands at the end. Give a list with one number per "
            "arrival.",
            lambda given: given == 9 or list(given) == [9],
        ),
        Mistake(
            [timedelta(seconds=second) for second in (1, 6, 6, 9, 9)],
            "Here the numbers of seconds alone are expected.",
            lambda given: all(isinstance(one, timedelta | datetime) for one in given) and given,
        ),
        Mistake(
            ["1", "6", "6", "9", "9"],
            "These are texts. Give numbers: remove the quotes.",
            are_texts,
        ),
        Mistake(
            [1, 6, 9, 9],
            "Five events arrive, so there are five watermarks: one after each arrival.",
            lambda given: len(given) != 5 and not isinstance(given, str),
        ),
    ),
)


def my_late(events: list[Event], wait: timedelta) -> list[Event]:
    """Return the events that are older than their user's watermark."""
    newest: dict[str, datetime] = {}
    late = []
    for event in events:
        user = str(event.user)
        newest[user] = max(newest.get(user, event.time), event.time)
        if event.time < newest[user] - wait:
            late.append(event)
    return late


def bytewax_late(events: list[Event], wait: timedelta) -> list[Event]:
    """Return the late events that the engine finds, in order of arrival."""
    _, late = find_sessions(events, wait=wait)
    return sorted((one.event for one in late), key=events.index)


def same_events(given: Any, expected: list[Event]) -> bool:
    """Return whether the events are equal, in any order, because Bytewax goes user by user."""
    return sorted(given, key=repr) == sorted(expected, key=repr)


late_by_rule = Task(
    name="late_by_rule",
    hints=(
        "Go through the events once, as they come. What must you remember about each user "
        "from one event to the next?",
        "A dictionary holds the newest time of each user. An event may move it forwards but "
        "never back; `max` does that. At a user's first event, it is the time of that event.",
        "Once the newest time is up to date, subtract `wait` from it: that is the user's "
        "watermark. What lies *below* it is late. The key of the dictionary is "
        "`str(event.user)`.",
    ),
    solve=my_late,
    reference=bytewax_late,
    notice="Your function and Bytewax agree. It only had to remember one time per user, however "
    "long the log is: that is why a stream can do it.",
    cases=lambda: (
        Case("one late event", ([AppOpen(1, at(second)) for second in (0, 10, 5)], at(2) - at(0))),
        Case(
            "an event that was overtaken, but not by much",
            ([AppOpen(1, at(second)) for second in (0, 10, 9)], at(2) - at(0)),
        ),
        Case(
            "an event exactly on the watermark",
            ([AppOpen(1, at(second)) for second in (0, 10, 8)], at(2) - at(0)),
        ),
        Case(
            "two late events, one after the other",
            ([AppOpen(1, at(second)) for second in (0, 10, 5, 6)], at(2) - at(0)),
        ),
        Case(
            "two users, one of them ahead",
            ([AppOpen(1, at(20)), AppOpen(2, at(5)), AppOpen(2, at(6))], at(2) - at(0)),
        ),
        Case('a user who is 1 and "1"', ([AppOpen(1, at(20)), AppOpen("1", at(5))], at(2) - at(0))),
        Case(
            "an event that is a day late",
            ([AppOpen(1, at(second)) for second in (0, 86_401, 1)], at(10) - at(0)),
        ),
        Case(
            "an event that is late by half a second",
            ([AppOpen(1, at(second)) for second in (0, 10, 7.5)], at(2) - at(0)),
        ),
        Case(
            "no wait, and two events at the same time",
            ([AppOpen(1, at(second)) for second in (5, 5, 4)], timedelta(0)),
        ),
        Case("the tutorial's seven events", (client_events(), at(1) - at(0))),
        Case("no events", ([], at(1) - at(0))),
        Case(
            "a simulated afternoon with late events",
            (
                list(simulate(4, 12, seed=5, disorder=timedelta(seconds=20), late_share=0.1)),
                timedelta(seconds=10),
            ),
        ),
    ),
    mistakes=LATE,
    same=same_events,
)


@cache
def slow_phones() -> tuple[Event, ...]:
    """Return a log whose events arrive up to 20 seconds after their time, a few minutes after."""
    disorder = timedelta(seconds=20)
    # A tuple, so that nobody sorts it in place before the check uses it.
    return tuple(simulate(60, 200, seed=7, disorder=disorder, late_share=0.01))


def shortest_wait() -> timedelta:
    """Return the shortest wait, in whole seconds, with at most 1 % late events."""
    from searchlogs.exercises import slow_phones

    for seconds in count():
        wait = timedelta(seconds=seconds)
        _, late = find_sessions(slow_phones, wait=wait)
        if len(late) <= len(slow_phones) / 100:
            break
    return wait


def as_duration(wait: Any) -> timedelta:
    """Return a wait as a timedelta; it may be text, and numpy has durations of its own.

    >>> as_duration(timedelta64(16, "s")) == as_duration("16s")
    True

    Raises:
        TypeError: If it is no duration.
        ValueError: If it is text that is no duration.
    """
    wait = duration(wait)
    if isinstance(wait, timedelta64):
        wait = wait.astype("timedelta64[us]").item()
    if not isinstance(wait, timedelta):
        raise TypeError("a wait is a timedelta")
    return wait


@cache
def late_with(wait: timedelta) -> int:
    """Return the number of late events under this wait."""
    return len(find_sessions(slow_phones(), wait=wait)[1])


def long_enough(wait: Any, shortest: timedelta) -> bool:
    """Return whether at most 1 % are late, under at most twice the shortest wait."""
    wait = as_duration(wait)
    return wait <= 2 * shortest and late_with(wait) <= len(slow_phones()) / 100


def what_it_costs(wait: Any) -> str:
    """Describe what a wait saves, and what it costs."""
    wait = as_duration(wait)
    late = late_with(wait)
    share = f"{late} of {len(slow_phones()):,} events late, {100 * late / len(slow_phones()):.1f} %"
    return f"{share}; each result comes {wait.total_seconds():g} s later"


choose_a_wait = Question(
    name="choose_a_wait",
    hints=(
        "`find_sessions(exercises.slow_phones, wait=…)` returns two lists; the second holds the "
        "late events. How many are there with no wait at all, and how many with a minute?",
        "How many events are 1 % of `len(exercises.slow_phones)`? "
        "Try waits between 0 and 20 seconds, and watch the number of late events fall.",
        "Don't wait for everybody: the few that come minutes late are less than 1 %. "
        "A loop over the whole seconds from 0 on can stop at the first wait that is enough.",
    ),
    solve=shortest_wait,
    because="The longer the wait, the fewer events are late. With 14 seconds they are 1 % at "
    "most, for the first time.",
    notice="14 seconds are enough for 99 % here, although an event may take 20: to be late, it "
    "must also be overtaken. The last few would have delayed every result by minutes.",
    expects="a timedelta with which at most 1 % are late, and not much longer than necessary",
    outcome=what_it_costs,
    same=long_enough,
    mistakes=(
        Mistake(
            timedelta(seconds=5),
            "Too short: more than 1 % of the events are late, and missing from their sessions. "
            "Wait a little longer.",
            lambda wait: late_with(as_duration(wait)) > len(slow_phones()) / 100,
        ),
        Mistake(
            timedelta(minutes=2),
            "Too long: a much shorter wait also keeps the late events below 1 %. Each second "
            "beyond it delays every result, and gains only a few events.",
            lambda wait: as_duration(wait) > timedelta(0),
        ),
        Mistake(
            14,
            "A bare number has no unit. Write `timedelta(seconds=…)`.",
            lambda wait: isinstance(wait, Real),
        ),
        Mistake(
            timedelta(seconds=-14),
            "A wait can't be negative. The clock subtracts it for you.",
            lambda wait: as_duration(wait) < timedelta(0),
        ),
        Mistake(
            "14 sec",
            "This text is no duration that the package can read. Write `timedelta(seconds=…)`.",
            lambda wait: isinstance(wait, str),
        ),
    ),
)
