"""The exercises of notebook 05: the watermark, the rule of lateness, and the price of a wait."""

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from searchlogs.dataflow import find_sessions
from searchlogs.events import AppOpen, Event
from searchlogs.exercises._core import Case, Mistake, Question, Task
from searchlogs.simulate import client_events, simulate


def at(second: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def each_watermark() -> list[int]:
    watermarks = []
    newest = 0
    for second in [4, 9, 7, 12, 10]:
        newest = max(newest, second)
        watermarks.append(newest - 3)
    return watermarks


watermarks = Question(
    name="watermarks",
    title="predict the watermarks",
    statement="""\
The events of one user arrive in this order; the numbers are the seconds at which they happened:
4, 9, 7, 12, 10. The clock waits 3 seconds. Where is the watermark after each arrival? Give a
list of five numbers, in seconds.""",
    starter="""\
from searchlogs import exercises

watermarks = ...
exercises.watermarks.check(watermarks)""",
    hints=(
        "A watermark is the newest second so far, minus the wait. "
        "First write down the newest second after each arrival.",
        "The newest seconds are 4, 9, 9, 12, 12. The third is not 7: "
        "an event that happened earlier makes nothing newer.",
    ),
    solve=each_watermark,
    notice="It rises with a newer event and otherwise stands still. Neither 7 nor 10 lies below "
    "it, so with a wait of 3 seconds nobody was late.",
    expects="a list of five whole numbers",
    mistakes=(
        Mistake(
            [4, 9, 9, 12, 12],
            "That is the newest event after each arrival. The watermark stays behind it by the "
            "wait, 3 seconds.",
        ),
        Mistake(
            [1, 6, 4, 9, 7],
            "Your watermark goes back when 7 and 10 arrive. It never does: it follows the *newest* "
            "event so far, and not the last to arrive.",
        ),
        Mistake(
            [0, 1, 6, 6, 9],
            "That is the watermark that each event met when it came. Where is it *after* the "
            "arrival? An event moves the watermark at once.",
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
            "These are the places where it stops. Give one number for each arrival, "
            "also where the watermark stands still.",
        ),
        Mistake(
            9,
            "That is where it stands at the end. Give a list: one number for each arrival.",
            lambda given: given in (9, [9]),
        ),
        Mistake(
            [timedelta(seconds=second) for second in (1, 6, 6, 9, 9)],
            "Here the bare numbers of seconds are asked for.",
            lambda given: all(isinstance(one, timedelta | datetime) for one in given) and given,
        ),
    ),
)


def my_late(events: list[Event], wait: timedelta) -> list[Event]:
    newest: dict[str, datetime] = {}
    late = []
    for event in events:
        user = str(event.user)
        newest[user] = max(newest.get(user, event.time), event.time)
        if event.time < newest[user] - wait:
            late.append(event)
    return late


def bytewax_late(events: list[Event], wait: timedelta) -> list[Event]:
    """What the engine makes of them, put back into the order in which they arrived."""
    _, late = find_sessions(events, wait=wait)
    return sorted((one.event for one in late), key=events.index)


def one_for_all(events: list[Event], wait: timedelta) -> list[Event]:
    """One watermark serves all users here, so whoever is ahead makes others late. Each user has a
    watermark of their own: keep the newest time of each, in a dictionary."""
    late, newest = [], None
    for event in events:
        newest = max(newest or event.time, event.time)
        if event.time < newest - wait:
            late.append(event)
    return late


def on_the_watermark(events: list[Event], wait: timedelta) -> list[Event]:
    """An event exactly on the watermark is late here. It is still in time: `<`, and not `<=`."""
    return [
        event
        for i, event in enumerate(events)
        if event.time <= max(own.time for own in of_user(event, events[: i + 1])) - wait
    ]


def behind_the_last(events: list[Event], wait: timedelta) -> list[Event]:
    """Each event is compared with the one just before it, which may itself be an old one. The
    watermark follows the *newest* of the user so far, and never goes back."""
    late: list[Event] = []
    for user in {str(event.user): event for event in events}.values():
        own = of_user(user, events)
        late += [event for before, event in pairwise(own) if event.time < before.time - wait]
    return late


def without_the_wait(events: list[Event], wait: timedelta) -> list[Event]:
    """Every event that a newer one overtook is late here. The clock waits: late is only what is
    older than the newest − `wait`."""
    return my_late(events, timedelta(0))


def two_of_one(events: list[Event], wait: timedelta) -> list[Event]:
    """1 and "1" are two users here, each with a watermark. They are one user: take `str(…)` of
    the user first, as the key of the stream is made."""
    return [
        event
        for i, event in enumerate(events)
        if any(
            event.time < own.time - wait for own in events[:i] if repr(own.user) == repr(event.user)
        )
    ]


def with_hindsight(events: list[Event], wait: timedelta) -> list[Event]:
    """Each event is compared with the newest of the *whole* log. When it arrived, nobody had heard
    of that one yet: only what came before it counts."""
    return [
        event
        for event in events
        if event.time < max(own.time for own in of_user(event, events)) - wait
    ]


def sorted_first(events: list[Event], wait: timedelta) -> list[Event]:
    """Nobody is late here. Were the events sorted by time? Then nothing is ever overtaken: take
    them as they arrived. Or does the newest time never change?"""
    return []


def times_of_late(events: list[Event], wait: timedelta) -> list[datetime]:
    """The right ones, but these are their times. Put the events themselves into the list."""
    return [event.time for event in my_late(events, wait)]


def in_time(events: list[Event], wait: timedelta) -> list[Event]:
    """These are the ones in time, and the late ones are asked for. Turn the comparison round."""
    late = my_late(events, wait)
    return [event for event in events if event not in late]


def of_user(event: Event, events: list[Event]) -> list[Event]:
    return [own for own in events if str(own.user) == str(event.user)]


def same_events(given: Any, expected: list[Event]) -> bool:
    """Equal, in whatever order the events are, since Bytewax tells them user by user."""
    return sorted(given, key=repr) == sorted(expected, key=repr)


late_by_rule = Task(
    name="late_by_rule",
    title="write the rule yourself",
    statement="""\
An event is late when it is older than the newest event of its user so far, itself included,
minus the wait. Write a function that takes events of any users, in the order in which they
arrived, and a wait, and returns a list of the late ones. Their order doesn't matter. What you
return is compared with what Bytewax says of the same events.""",
    starter="""\
from searchlogs import exercises

def my_late(events, wait):
    ...

exercises.late_by_rule.check(my_late)""",
    hints=(
        "Go through the events once, as they come. What must you remember about each user "
        "from one event to the next?",
        "A dictionary holds the newest time of each user. An event may move it forwards and never "
        "back; `max` does that. For a user's first event, it is the time of that event.",
        "Once the newest time is up to date, take `wait` from it: that is the user's watermark. "
        "What lies *below* it is late. The key of the dictionary is `str(event.user)`.",
    ),
    solve=my_late,
    reference=bytewax_late,
    notice="Your function and Bytewax agree. All that it had to remember is one time a user, "
    "however long the log: that is why a stream can do it.",
    cases=(
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
    mistakes=(
        one_for_all,
        on_the_watermark,
        behind_the_last,
        without_the_wait,
        two_of_one,
        with_hindsight,
        sorted_first,
        times_of_late,
        in_time,
    ),
    same=same_events,
)


slow_phones: list[Event] = list(
    simulate(users=60, sessions=200, seed=7, disorder=timedelta(seconds=20), late_share=0.01)
)
"""A log whose events arrive up to 20 seconds after their time, a few of them minutes after."""


def shortest_wait() -> timedelta:
    from searchlogs.exercises import slow_phones

    for seconds in count():
        wait = timedelta(seconds=seconds)
        _, late = find_sessions(slow_phones, wait=wait)
        if len(late) <= len(slow_phones) / 100:
            break
    return wait


def late_with(wait: timedelta) -> int:
    return len(find_sessions(slow_phones, wait=wait)[1])


def long_enough(wait: Any, shortest: timedelta) -> bool:
    """At most one event in a hundred late, and no more than twice the wait that it takes."""
    return bool(wait <= 2 * shortest and late_with(wait) <= len(slow_phones) / 100)


def what_it_costs(wait: timedelta) -> str:
    late = late_with(wait)
    share = f"{late} of {len(slow_phones):,} events late, {100 * late / len(slow_phones):.1f} %"
    return f"{share}; each result comes {wait.total_seconds():g} s later"


choose_a_wait = Question(
    name="choose_a_wait",
    title="choose a wait for a log",
    statement="""\
In `exercises.slow_phones`, events arrive up to 20 seconds after they happened, and a few of them
minutes after. Late events are lost to their sessions; but whoever waits longer gets every result
later. Choose a wait with which at most 1 % of the events are late. Find the shortest in whole
seconds; anything up to twice as long will do.""",
    starter="""\
from datetime import timedelta

from searchlogs import exercises
from searchlogs.dataflow import find_sessions

wait = ...
exercises.choose_a_wait.check(wait)""",
    hints=(
        "`find_sessions(exercises.slow_phones, wait=…)` returns two lists; the second holds the "
        "late events. How many are there with no wait at all, and how many with a minute?",
        "How many events are 1 % of `len(exercises.slow_phones)`? "
        "Try waits between 0 and 20 seconds, and watch the number of late events fall.",
        "Don't wait for everybody: the few that come minutes late are less than 1 %. "
        "A loop over the whole seconds from 0 on can stop at the first wait that is enough.",
    ),
    solve=shortest_wait,
    notice="14 seconds are enough for 99 % here, though an event may take 20: to be late, it must "
    "also be overtaken. The last few would have cost minutes, on every result.",
    expects="a timedelta: at most 1 % late, and not much longer than that takes",
    outcome=what_it_costs,
    same=long_enough,
    mistakes=(
        Mistake(
            timedelta(seconds=5),
            "Too short: more than 1 % of the events are late, and their sessions are told "
            "without them. Wait a little longer.",
            lambda wait: late_with(wait) > len(slow_phones) / 100,
        ),
        Mistake(
            timedelta(minutes=2),
            "Too long: a much shorter wait keeps the late events below 1 %, too. What you wait "
            "beyond it, you wait for every result, and gain a few events.",
            lambda wait: wait > timedelta(0),
        ),
        Mistake(
            14,
            "A bare number has no unit. Write `timedelta(seconds=…)`.",
            lambda wait: isinstance(wait, int | float),
        ),
        Mistake(
            timedelta(seconds=-14),
            "A wait can't be shorter than nothing. Nor need it have a minus: "
            "the clock itself takes it from the newest time.",
            lambda wait: wait < timedelta(0),
        ),
    ),
)
