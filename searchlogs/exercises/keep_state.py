"""The exercises of notebook 03: a state per key, a resume, a session step, fixed windows."""

from datetime import datetime, timedelta
from typing import Any

from searchlogs.events import AppOpen, ClickResult, Event, Search
from searchlogs.exercises._core import Case, Mistake, Question, Task, at


def my_pause(newest: datetime | None, event: Event) -> tuple[datetime, float | None]:
    """Return the time of the newest event so far, and the seconds since the one before."""
    if newest is None:
        return event.time, None
    return max(newest, event.time), (event.time - newest).total_seconds()


def _state_goes_back(newest: datetime | None, event: Event) -> Any:
    return event.time, my_pause(newest, event)[1]


def _state_stays(newest: datetime | None, event: Event) -> Any:
    return newest or event.time, my_pause(newest, event)[1]


def _state_forgotten(newest: datetime | None, event: Event) -> Any:
    return None, my_pause(newest, event)[1]


def _swapped(newest: datetime | None, event: Event) -> Any:
    return my_pause(newest, event)[::-1]


def _answer_alone(newest: datetime | None, event: Event) -> Any:
    return my_pause(newest, event)[1]


def _without_none(newest: Any, event: Event) -> Any:
    return max(newest, event.time), (event.time - newest).total_seconds()


def _zero_at_first(newest: datetime | None, event: Event) -> Any:
    state, pause = my_pause(newest, event)
    return state, pause or 0.0


def _without_sign(newest: datetime | None, event: Event) -> Any:
    state, pause = my_pause(newest, event)
    return state, pause and abs(pause)


def _late_is_zero(newest: datetime | None, event: Event) -> Any:
    state, pause = my_pause(newest, event)
    return state, pause and max(0.0, pause)


def _turned_around(newest: datetime | None, event: Event) -> Any:
    state, pause = my_pause(newest, event)
    return state, pause and -pause


def _seconds_of_a_day(newest: datetime | None, event: Event) -> Any:
    state, _ = my_pause(newest, event)
    return state, None if newest is None else (event.time - newest).seconds


def _as_duration(newest: datetime | None, event: Event) -> Any:
    return my_pause(newest, event)[0], newest and event.time - newest


pause_before = Task(
    name="pause_before",
    hints=(
        "What does the function know? The event in its hand, and the state: nothing else. What "
        "is the state before a user's first event?",
        "It returns two things with a comma between them, the state first. Which of the two "
        "times, the old one or the event's, is the newest so far? `max` knows.",
        "The difference of two times is a timedelta; `.total_seconds()` makes it a number, and "
        "keeps its sign.",
    ),
    solve=my_pause,
    notice="One datetime per user is all that this step remembers, however long the stream is. "
    "A watermark is the same state, minus a wait.",
    cases=lambda: (
        Case("a user's first event", (None, AppOpen(1, at(5)))),
        Case("an event three seconds later", (at(5), Search(1, "dogs", at(8)))),
        Case("an event that arrived late", (at(9), ClickResult(1, "rover", at(2.5)))),
        Case("an event at the same time", (at(5), ClickResult(1, "rover", at(5)))),
        Case("a user who comes back after a day", (at(5), AppOpen("anna", at(86_410)))),
    ),
    mistakes={
        _state_goes_back: (
            "A late event sets your state back to an older time, so the next pause is measured "
            "from the wrong event. Keep the *newest* time so far."
        ),
        _state_stays: (
            "Your state stays at the first time that it ever had. Return the newest time so far "
            "as the new state."
        ),
        _state_forgotten: (
            "The new state is None: the step forgets this user. Return the newest time so far."
        ),
        _swapped: "The two are the wrong way around: the new state comes first, then the answer.",
        _answer_alone: (
            "This is the answer alone. Return two things, the new state and the answer: otherwise "
            "nothing is remembered."
        ),
        _without_none: (
            "Before a user's first event the state is None, and None has no time to compare or "
            "subtract. Handle that case first."
        ),
        _zero_at_first: (
            "For a first event the answer is 0, as if there had been another event at the same "
            "time. There was none: answer None."
        ),
        _without_sign: (
            "A late event happened *before* the newest one, so its answer is negative. Keep the "
            "sign."
        ),
        _late_is_zero: (
            "A late event gets 0 here. It happened *before* the newest one, so its answer is "
            "negative."
        ),
        _turned_around: (
            "The two times are the wrong way around: subtract the newest time from the event's."
        ),
        _seconds_of_a_day: (
            "`.seconds` is only one field of a timedelta: it leaves out the days, and is never "
            "negative. Use `.total_seconds()`."
        ),
        _as_duration: (
            "The pause is a timedelta, but a number of seconds is expected: use `.total_seconds()`."
        ),
    },
)


def after() -> tuple[int, int]:
    """Return what the state and the dictionary say of B at the end."""
    arrivals = "AABABAB"
    in_state = arrivals.count("B")
    in_dictionary = arrivals[4:].count("B")  # the new process begins with the fifth event
    return in_state, in_dictionary


after_a_resume = Question(
    name="after_a_resume",
    hints=(
        "Which event does the new process read first? The snapshot knows: it was taken after the "
        "fourth event.",
        "Write down what each of the two holds at the moment when the new process begins: the "
        "state as in the snapshot, the dictionary as in every new process.",
        "For A it would be: 3 from the snapshot and 1 after it in the state, 1 in the dictionary.",
    ),
    solve=after,
    notice="The state and the source went back together, to the fourth event. So the fifth was "
    "read twice, and counts once. The dictionary began again with nothing.",
    because="All three events of B count in the state. The new process reads from the fifth event "
    "on, and two of those are B's.",
    expects="two whole numbers: what the state says, what the dictionary says",
    mistakes=(
        Mistake(
            (3, 3),
            "The state is right. A dictionary of your own is in no snapshot: what does it hold "
            "when a new process begins?",
        ),
        Mistake(
            (3, 1),
            "The state is right. The new process reads again from the event after the snapshot, "
            "not from the event after the kill: how many of those are B's?",
        ),
        Mistake(
            (4, 2),
            "The dictionary is right. The state goes back to the snapshot too, so the event that "
            "is read twice is not counted twice.",
        ),
        Mistake(
            (2, 2),
            "The dictionary is right. The state comes back from the snapshot, with what it had "
            "counted until then.",
        ),
        Mistake((2, 3), "These are the wrong way around: the state's number comes first."),
        Mistake(
            (7, 3),
            "These count the events of both users. The state is kept per key, and the dictionary "
            "counts per user.",
        ),
        Mistake(
            (4, 1),
            "These are the numbers of A. The last event is B's.",
        ),
    ),
)


Visit = tuple[datetime, datetime, int]
"""Times of a visit's first and last event, and how many it has."""
Step = tuple[Visit, Visit | None]


def my_visit(visit: Any, event: Event, gap: timedelta) -> tuple[Any, Any]:
    """Return the visit that is open after this event, and the one that it closed, if any."""
    if visit is None or isinstance(event, AppOpen) or event.time - visit[1] > gap:
        return (event.time, event.time, 1), visit
    start, _, events = visit
    return (start, event.time, events + 1), None


def _joined(visit: Visit, event: Event) -> Visit:
    return visit[0], event.time, visit[2] + 1


def _begun(event: Event) -> Visit:
    return event.time, event.time, 1


def _app_open_ignored(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    if visit is None or event.time - visit[1] > gap:
        return _begun(event), visit
    return _joined(visit, event), None


def _pause_ignored(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    if visit is None or isinstance(event, AppOpen):
        return _begun(event), visit
    return _joined(visit, event), None


def _exact_gap_too(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[1] >= gap:
        return _begun(event), visit
    return _joined(visit, event), None


def _from_the_start(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[0] > gap:
        return _begun(event), visit
    return _joined(visit, event), None


def _app_open_as_the_last(visit: Visit | None, event: Event, gap: timedelta) -> Any:
    if visit is not None and isinstance(event, AppOpen) and event.time - visit[1] <= gap:
        return None, _joined(visit, event)
    return my_visit(visit, event, gap)


def _nothing_closed(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    return my_visit(visit, event, gap)[0], None


def _always_closed(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    return my_visit(visit, event, gap)[0], visit


def _new_one_closed(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    new, closed = my_visit(visit, event, gap)
    return new, closed and new


def _begun_with_nothing(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    new, closed = my_visit(visit, event, gap)
    return (new[0], new[1], 0 if new[2] == 1 else new[2]), closed


def _start_lost(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    (_, end, events), closed = my_visit(visit, event, gap)
    return (end, end, events), closed


def _end_with_the_pause(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    new, closed = my_visit(visit, event, gap)
    return new, closed and (closed[0], event.time, closed[2])


def _seconds_field(visit: Visit | None, event: Event, gap: timedelta) -> Step:
    if visit is None or isinstance(event, AppOpen) or (event.time - visit[1]).seconds > gap.seconds:
        return _begun(event), visit
    return _joined(visit, event), None


def _no_first_event(visit: Any, event: Event, gap: timedelta) -> Step:
    if isinstance(event, AppOpen) or event.time - visit[1] > gap:
        return _begun(event), visit
    return _joined(visit, event), None


def _swapped_step(visit: Visit | None, event: Event, gap: timedelta) -> Any:
    return my_visit(visit, event, gap)[::-1]


TEN = timedelta(seconds=10)

app_visits = Task(
    name="app_visits",
    hints=(
        "When does an event begin a new visit? There are three reasons. One of them is that "
        "nothing is open.",
        "If it begins one, the new visit has this event alone, and what was open is closed: "
        "return both. Before the first event nothing was open, and None is closed.",
        "If it begins none, the visit that is open keeps its start, ends at this event, and has "
        "one event more.",
    ),
    solve=my_visit,
    notice="No windower of Bytewax cuts like this. Yours does, in a state of three values per "
    "user, whether a visit has two events or two million. With a gap filled in, `op.stateful_map` "
    "takes it as it is.",
    cases=lambda: (
        Case("a user's first event", (None, Search(1, "dogs", at(5)), TEN)),
        Case("an event soon after", ((at(5), at(6), 2), ClickResult(1, "rover", at(9)), TEN)),
        Case("a pause longer than the gap", ((at(5), at(9), 3), Search(1, "cats", at(25)), TEN)),
        Case("a pause as long as the gap", ((at(5), at(9), 3), Search(1, "cats", at(19)), TEN)),
        Case(
            "a pause a microsecond longer than the gap",
            ((at(5), at(9), 3), Search(1, "cats", at(19) + timedelta(microseconds=1)), TEN),
        ),
        Case("the app opened after a second", ((at(5), at(9), 3), AppOpen(1, at(10)), TEN)),
        Case("the app opened first of all", (None, AppOpen(1, at(5)), TEN)),
        Case("the app opened after a long pause", ((at(5), at(9), 3), AppOpen(1, at(60)), TEN)),
        Case(
            "an event at the time of the only one before it",
            ((at(5), at(5), 1), ClickResult(1, "rover", at(5)), TEN),
        ),
        Case(
            "a visit that goes on for long",
            ((at(5), at(65), 20), ClickResult(1, "rover", at(70)), timedelta(minutes=1)),
        ),
        Case(
            "a pause shorter than a longer gap",
            ((at(5), at(9), 3), Search(1, "cats", at(40)), timedelta(minutes=1)),
        ),
        Case(
            "a pause of a day and a second",
            ((at(5), at(9), 3), Search("anna", "cats", at(86_410)), timedelta(minutes=30)),
        ),
    ),
    mistakes={
        _app_open_ignored: (
            "Opening the app begins a new visit, however short the pause was. Here the pause "
            "alone decides."
        ),
        _pause_ignored: (
            "Only the app begins a new visit here. A pause longer than the gap does so, too."
        ),
        _exact_gap_too: ("A pause exactly as long as the gap ends no visit. Use `>`, not `>=`."),
        _from_the_start: (
            "The pause is measured from the visit's start, so a long visit is cut. Measure it "
            "from the visit's *last* event."
        ),
        _app_open_as_the_last: (
            "The app-open event was put into the visit that it ends. It belongs to the new one, "
            "as its first event."
        ),
        _nothing_closed: (
            "No visit ever leaves your step. When an event begins a new visit, return the one "
            "that was open as the second value."
        ),
        _always_closed: (
            "A visit leaves your step though it goes on. If the event belongs to it, the second "
            "value is None."
        ),
        _new_one_closed: (
            "The visit that leaves is the new one. What the event closed is the visit that was "
            "open before it."
        ),
        _begun_with_nothing: (
            "A new visit begins with 0 events, but it has one already: the event that began it."
        ),
        _start_lost: (
            "The visit's start moves along with each event. It stays where the first event was."
        ),
        _end_with_the_pause: (
            "The closed visit ends at the event after the pause. It ended with its own last "
            "event; the pause is not part of it."
        ),
        _seconds_field: (
            "`.seconds` leaves out the days, so a pause of a day and a second looks like one "
            "second. Compare the timedeltas themselves."
        ),
        _no_first_event: (
            "Before a user's first event nothing is open: `visit` is None, and has no last event. "
            "Handle that case first."
        ),
        _swapped_step: (
            "The two are the wrong way around: first what is open now, then what was closed."
        ),
    },
)


def by_the_hour() -> list[int]:
    """Return how many events each window holds, in order of time."""
    counts: dict[int, int] = {}
    for minute in sorted([5, 20, 59, 60, 61, 190, 119]):
        window = minute // 60  # 60 is the first minute of the second hour
        counts[window] = counts.get(window, 0) + 1
    return list(counts.values())


count_by_hour = Question(
    name="count_by_hour",
    hints=(
        "The windows run from 0 to 60, from 60 to 120, and so on. To which of the two does "
        "minute 60 belong?",
        "A window holds its first instant, and not its last: that one opens the next window. "
        "In order of time, the minutes are 5, 20, 59, 60, 61, 119, 190.",
    ),
    solve=by_the_hour,
    notice="Where a window begins is arithmetic, whatever the user does: minutes 59 and 60 are in "
    "different windows, 60 and 119 are in one.",
    because="5, 20 and 59 are in the first hour. 60, 61 and 119 are in the second, the third has "
    "none, and 190 is in the fourth.",
    expects="a list of whole numbers, one per window that holds an event",
    mistakes=(
        Mistake(
            [4, 2, 1],
            "Minute 60 was counted in the first hour. A window holds its first instant, not its "
            "last.",
        ),
        Mistake(
            [3, 3, 0, 1],
            "A window comes into being with its first event: the hour from 120 to 180 has none, "
            "and no row says 0.",
        ),
        Mistake(
            [3, 2, 1],
            "One event is missing. Minute 119 arrives last, but the clock waits long enough for "
            "it.",
        ),
        Mistake(
            [6, 1],
            "These are sessions. Windows of fixed length don't ask how long a pause was.",
        ),
        Mistake(
            [5, 1, 1],
            "These windows begin with the first event, at minute 5. They are aligned to minute 0, "
            "for every user alike.",
        ),
        Mistake(
            [3, 2, 1, 1],
            "This is one window too many. Minute 119 arrives after 190, and still belongs to the "
            "window of 60 and 61.",
        ),
    ),
)
