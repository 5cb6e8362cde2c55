"""Exercises that ask for a dataflow: count by kind, lose no event, choose a clock."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.operators.windowing import SessionWindower, collect_window
from bytewax.outputs import Sink
from bytewax.testing import TestingSource

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.exercises import _wrong_flows as wrong
from searchlogs.exercises._core import Mistake, Question, at
from searchlogs.exercises._flow_cases import FlowCase
from searchlogs.exercises._flows import FlowTask
from searchlogs.sessions import Late, Session, replay_clock, user_event
from searchlogs.simulate import client_events, simulate

SECOND = timedelta(seconds=1)


def hour(users: int, seed: int, count: int) -> tuple[Event, ...]:
    """Return the first events of a simulated log that arrives out of order."""
    return tuple(simulate(users, 9, seed=seed, disorder=20 * SECOND))[:count]


def opens(*arrivals: tuple[int | str, float]) -> tuple[AppOpen, ...]:
    """Return events from pairs of user and second."""
    return tuple(AppOpen(user, at(second)) for user, second in arrivals)


def count_kinds(source: Source[Event], sink: Sink[Any]) -> Dataflow:
    """Assemble a flow that counts the events of each kind as they pass."""
    flow = Dataflow("count_kinds")
    events = op.input("inp", flow, source)
    keyed = op.key_on("kind", events, lambda event: type(event).__name__)

    def count(before: int | None, event: Event) -> tuple[int, int]:
        now = (before or 0) + 1
        return now, now

    op.output("out", op.stateful_map("count", keyed, count), sink)
    return flow


count_by_kind = FlowTask(
    name="count_by_kind",
    solve=count_kinds,
    hints=(
        "A step that knows how many there were before has a state. Which key gives each kind a "
        "state of its own?",
        "`type(event).__name__` is an event's kind, as text. `op.key_on` makes pairs of a key and "
        "an event from it.",
        "The function of `op.stateful_map` takes the state and the event. At the first event of a "
        "kind the state is None. It returns the new state, and what to pass on.",
    ),
    notice="The count is the state of a step, one for each key, so a resume finds it again. A "
    "counter outside the flow would be right until the first kill.",
    prompt=True,
    cases=lambda: (
        FlowCase("the tutorial's seven events", tuple(client_events())),
        FlowCase("three events at a time", tuple(client_events()), batch=3),
        FlowCase("a user called like another", opens((1, 0), ("1", 1), (2, 2)), batch=2),
        FlowCase("a kill after the fourth event", tuple(client_events()), stored=4),
        FlowCase("a simulated hour", hour(5, 1, 60), batch=20),
        FlowCase("no events", ()),
    ),
    mistakes={
        wrong.count_at_the_end: (
            "Each kind is counted once, at the end of the input. A live stream has no end: "
            "give one row for each event."
        ),
        wrong.count_alone: (
            "The rows are the counts alone. Let each be a pair of the kind and the count."
        ),
        wrong.count_all: (
            "All events share one count. Each kind needs a key of its own."
        ),
        wrong.count_users: (
            "Events are counted for each user here. The kind is the key: `type(event).__name__`."
        ),
        wrong.count_before: (
            "The count is one too low: it leaves out the event that has just come."
        ),
        wrong.count_reversed: (
            "The pairs are the wrong way round. The kind comes first, as the key does."
        ),
        wrong.count_event: (
            "The rows hold the events. Pass on the count, as the second part of what the function "
            "returns."
        ),
        wrong.count_nothing: (
            "Every count is 1. The function must start from the state that it is given, and "
            "return a new one."
        ),
    },
)  # fmt: skip


def event_groups(rows: Iterable[Any]) -> list[list[Event]]:
    """Return the events that each row holds, however the row is written, in order of time."""
    groups = (sorted(_events(row), key=lambda event: (event.time, repr(event))) for row in rows)
    return [group for group in groups if group]


def _events(row: Any) -> list[Event]:
    """Return the events in a row."""
    match row:
        case AppOpen() | Search() | Results() | ClickResult():
            return [row]
        case Session():
            return list(row.events)
        case Late():
            return [row.event]
        case dict():
            return _events(list(row.values()))
        case str() | bytes():
            return []
        case Iterable():
            return [event for part in row for event in _events(part)]
    return []


def every_event(source: Source[Event], sink: Sink[Any]) -> Dataflow:
    """Assemble a flow in which each event leaves in a session, or as late."""
    flow = Dataflow("every_event")
    keyed = op.map("user_event", op.input("inp", flow, source), user_event)
    windower = SessionWindower(timedelta(seconds=10))
    window = collect_window("window", keyed, replay_clock("1s"), windower)
    op.output("out", window.down, sink)
    op.output("late_out", window.late, sink)
    return flow


NOTEBOOK = (
    *client_events(),
    Search(1, "dog beds", at(24)),
    Results(1, ("nap",), at(25)),
    ClickResult(2, "burrito", at(6)),
)

connect_late = FlowTask(
    name="connect_late",
    solve=every_event,
    given=wrong.every_event,
    hints=(
        "Run the flow on the ten events of this notebook and count what reaches the sink. "
        "Which event is missing, and through which stream did it leave?",
        "A window puts out three streams: `down`, `late` and `meta`. The starter connects one.",
        "A flow may have several outputs, and they may share a sink. Each step needs a name of its "
        "own.",
    ),
    notice="Events in = events in sessions + late events. The engine would not have told you: a "
    "stream that nobody connects is dropped without a word.",
    read_rows=event_groups,
    cases=lambda: (
        FlowCase("the ten events of this notebook", NOTEBOOK),
        FlowCase("a log in order", opens((1, 0), (1, 10), (2, 15), (1, 21), (2, 40)), batch=2),
        FlowCase("two late events", opens((1, 20), (1, 5), (1, 18), (2, 3), (1, 21)), batch=2),
        FlowCase("a kill before the late click", NOTEBOOK, stored=9),
        FlowCase("a simulated log", hour(5, 3, 70), batch=10),
    ),
    mistakes={
        wrong.only_down: (
            "The late events still leave by a stream that leads nowhere. Connect `window.late`."
        ),
        wrong.down_and_meta: (
            "The late events are still missing. `meta` gives the times of each window, and no "
            "events."
        ),
        wrong.late_alone: (
            "Only the late events reach the sink now. Keep the output of `window.down`."
        ),
        wrong.long_wait: (
            "With a longer wait fewer events are late, and other sessions come out. Leave the "
            "clock as it was and connect the stream."
        ),
        wrong.events_too: (
            "The events of the input reach the sink as well, so those in sessions are there twice. "
            "Connect only what leaves the window."
        ),
        wrong.late_doubled: (
            "Each late event is there twice. Is its stream connected to two outputs?"
        ),
        wrong.late_counted: (
            "Something arrives for each late event, but not the event itself. Pass it on."
        ),
    },
)  # fmt: skip


def same_sessions(
    source: Source[Event], sink: Sink[Any], gap: timedelta, wait: timedelta
) -> Dataflow:
    """Assemble a flow that gives the same sessions and late events each time it reads a log."""
    flow = Dataflow("same_sessions")
    keyed = op.map("user_event", op.input("inp", flow, source), user_event)
    window = collect_window("window", keyed, replay_clock(wait), SessionWindower(gap))
    op.output("out", op.merge("both", window.down, window.late), sink)
    return flow


STALL = TestingSource.PAUSE(timedelta(milliseconds=150))
ARRIVING = opens((1, 0), (1, 9), (2, 5), (1, 4), (1, 17), (2, 30), (1, 60), (2, 27))


same_twice = FlowTask(
    name="same_twice",
    solve=same_sessions,
    hints=(
        "The check reads one log on a machine that stalls for a moment. Which clock notices?",
        "Three parts make a window: the key is the user, the clock takes the wait, and the "
        "windower takes the gap.",
        "`collect_window` puts out three streams. Connect the two that carry events.",
    ),
    notice="The machine stalled for 0.15 seconds, with a wait of 0.05. The live clock would have "
    "counted that time, and a punctual event would have been late.",
    read_rows=event_groups,
    cases=lambda: (
        FlowCase("a log in order", opens((1, 0), (1, 10), (2, 11), (1, 21)),
                 settings=(10 * SECOND, 5 * SECOND)),
        FlowCase("a log out of order", ARRIVING, batch=3, settings=(10 * SECOND, 10 * SECOND)),
        FlowCase("a long gap", ARRIVING, settings=(60 * SECOND, 10 * SECOND)),
        FlowCase("a machine that stalls",
                 (*opens((1, 0), (1, 1), (1, 2)), STALL, *opens((1, 1.98), (1, 3))),
                 settings=(10 * SECOND, SECOND / 20)),
        FlowCase("a late event", opens((1, 0), (1, 20), (1, 5), (1, 60)),
                 settings=(10 * SECOND, 10 * SECOND)),
        FlowCase("a kill after the fifth event", ARRIVING, stored=5,
                 settings=(10 * SECOND, 10 * SECOND)),
        FlowCase("a simulated log", hour(4, 5, 60), batch=7,
                 settings=(60 * SECOND, 8 * SECOND)),
    ),
    mistakes={
        wrong.live: (
            "This clock also counts the time that reading takes. On a machine that stalls it loses "
            "punctual events. Which clock moves with the data alone?"
        ),
        wrong.by_arrival: (
            "This clock takes the time of arrival, not that of the event: a log of a whole day is "
            "read in a second, and becomes one session for each user."
        ),
        wrong.fixed_length: (
            "These windows have a fixed length. Sessions end with a pause: which windower takes a "
            "gap?"
        ),
        wrong.swapped: (
            "Gap and wait have changed places: the gap belongs to the windower, the wait to the "
            "clock."
        ),
        wrong.no_wait: (
            "The clock doesn't wait here, so events that come slightly out of order are late. Pass "
            "it `wait`."
        ),
        wrong.gap_of_ten: (
            "The gap is always 10 seconds here. Pass the windower `gap`."
        ),
        wrong.without_late: (
            "The late events don't reach the sink. Connect that stream of the window, too."
        ),
    },
)  # fmt: skip


def lost() -> list[int]:
    """Return the seconds of the events that the live clock loses."""
    wait, stall = 2, 5
    watermark = 12 - wait + stall  # newest event − wait + time since it arrived
    return [second for second in (13, 14, 16, 15) if second < watermark]


lost_to_the_stall = Question(
    name="lost_to_the_stall",
    solve=lost,
    expects="a list of seconds",
    hints=(
        "Under the replay clock the watermark is the newest event − 2 s. Under the live one the "
        "time since that event arrived is added.",
        "Before the stall the newest event is that of second 12, and the watermark is at 10. "
        "Where is it after five seconds in which nothing is read?",
    ),
    notice="After the stall the live clock's watermark is at second 15. The replay clock's is "
    "still at 10, so it loses nothing.",
    same=lambda answer, expected: sorted(answer) == expected,
    mistakes=(
        Mistake([], "That is what the replay clock loses. The live one counts the stall as well."),
        Mistake(
            [13, 14, 15],
            "Nearly. The event of second 15 lies exactly on the watermark, and that is in time.",
        ),
        Mistake(
            [13, 14, 15, 16],
            "After the stall the watermark is at 10 + 5. Are all four events older than that?",
            lambda given: sorted(given) == [13, 14, 15, 16],
        ),
        Mistake(
            [11],
            "The event of second 11 came before the stall, when the watermark was at 10.",
            lambda given: 11 in given,
        ),
        Mistake(
            2,
            "That is how many there are. Which ones? Give a list of their seconds.",
            lambda given: given in (2, [2]),
        ),
    ),
)
