"""Answers to the exercises of notebook 03."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from searchlogs.events import AppOpen, Event
from searchlogs.exercises.keep_state import after, by_the_hour, my_pause, my_visit

# pause_before


def with_an_expression(newest: Any, event: Event) -> Any:
    first = newest is None
    return (
        (event.time, None)
        if first
        else (max(newest, event.time), (event.time - newest) / timedelta(seconds=1))
    )


def a_list_for_a_pair(newest: Any, event: Event) -> Any:
    if not newest:
        return [event.time, None]
    pause = event.time - newest
    return [newest if pause < timedelta(0) else event.time, pause.total_seconds()]


def sorted_times(newest: Any, event: Event) -> Any:
    times = sorted(time for time in (newest, event.time) if time)
    return times[-1], None if newest is None else event.time.timestamp() - newest.timestamp()


def with_pandas(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    times = pd.Series([newest, event.time])
    return times.max().to_pydatetime(), times.diff().iloc[1].total_seconds()


def with_numpy(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    return max(newest, event.time), np.float64((event.time - newest).total_seconds())


def by_hand(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    step = event.time - newest
    seconds = step.days * 86_400 + step.seconds + step.microseconds / 1_000_000
    if event.time > newest:
        newest = event.time
    return newest, seconds


class Pause:
    def __call__(self, newest: Any, event: Event) -> Any:
        match newest:
            case None:
                return event.time, None
            case _:
                return max(newest, event.time), (event.time - newest).total_seconds()


def with_a_default(newest: Any, event: Event) -> Any:
    before = newest or event.time
    pause = (event.time - before).total_seconds()
    return max(before, event.time), pause if newest else None


def state_is_the_event(newest: Any, event: Event) -> Any:
    return event, my_pause(newest, event)[1]


def state_is_the_answer(newest: Any, event: Event) -> Any:
    _, pause = my_pause(newest, event)
    return pause, pause


def state_goes_back(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    return event.time, (event.time - newest).total_seconds()


def oldest(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    return min(newest, event.time), (event.time - newest).total_seconds()


def zero_at_first(newest: Any, event: Event) -> Any:
    newest = newest or event.time
    return max(newest, event.time), (event.time - newest).total_seconds()


def no_first(newest: Any, event: Event) -> Any:
    return max(newest, event.time), (event.time - newest).total_seconds()


def no_first_if_late(newest: Any, event: Event) -> Any:
    if event.time < newest:
        return newest, (event.time - newest).total_seconds()
    return event.time, (event.time - newest).total_seconds()


def answer_alone(newest: Any, event: Event) -> Any:
    return None if newest is None else (event.time - newest).total_seconds()


def answer_first(newest: Any, event: Event) -> Any:
    return None if newest is None else (event.time - newest).total_seconds(), event.time


def turned_round(newest: Any, event: Event) -> Any:
    state, answer = my_pause(newest, event)
    return state, answer and -answer


def absolute(newest: Any, event: Event) -> Any:
    state, answer = my_pause(newest, event)
    return state, abs(answer) if answer else answer


def late_is_zero(newest: Any, event: Event) -> Any:
    state, answer = my_pause(newest, event)
    return state, answer if answer is None else max(0.0, answer)


def seconds_field(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    return max(newest, event.time), (event.time - newest).seconds


def duration(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    return max(newest, event.time), event.time - newest


def forgets(newest: Any, event: Event) -> Any:
    return None, my_pause(newest, event)[1]


def stays(newest: Any, event: Event) -> Any:
    if newest is None:
        return event.time, None
    return newest, (event.time - newest).total_seconds()


# app_visits


class Visit(NamedTuple):
    first: datetime
    last: datetime
    events: int


def named(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is not None and type(event) is not AppOpen and event.time - visit[1] <= gap:
        return Visit(visit[0], event.time, visit[2] + 1), None
    return Visit(event.time, event.time, 1), visit


def lists(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None:
        return [[event.time, event.time, 1], None]
    if isinstance(event, AppOpen):
        return [[event.time, event.time, 1], list(visit)]
    if event.time > visit[1] + gap:
        return [[event.time, event.time, 1], list(visit)]
    return [[visit[0], event.time, visit[2] + 1], None]


def in_seconds(visit: Any, event: Event, gap: timedelta) -> Any:
    time = event.time
    if visit:
        first, last, events = visit
        pause = (time - last).total_seconds()
        if pause <= gap.total_seconds() and not isinstance(event, AppOpen):
            return (first, time, events + 1), None
    return (time, time, 1), visit


def matched(visit: Any, event: Event, gap: timedelta) -> Any:
    match visit, event:
        case None, _:
            return (event.time, event.time, 1), None
        case _, AppOpen():
            return (event.time, event.time, 1), visit
        case (first, last, events), _ if event.time - last <= gap:
            return (first, event.time, events + 1), None
    return (event.time, event.time, 1), visit


def one_expression(visit: Any, event: Event, gap: timedelta) -> Any:
    goes_on = visit and not isinstance(event, AppOpen) and event.time <= visit[1] + gap
    return (
        ((visit[0], event.time, visit[2] + 1), None)
        if goes_on
        else ((event.time,) * 2 + (1,), visit)
    )


class Visits:
    def step(self, visit: Any, event: Event, gap: timedelta) -> Any:
        closed, opened = None, visit
        if opened is None or self.begins(event) or event.time - opened[1] > gap:
            closed, opened = opened, (event.time, event.time, 0)
        return (opened[0], event.time, opened[2] + 1), closed

    def begins(self, event: Event) -> bool:
        return type(event).__name__ == "AppOpen"


def with_a_helper(joined: Any, visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[1] > gap:
        return (event.time, event.time, 1), visit
    return joined(visit, event), None


def pauses_only(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or event.time - visit[1] > gap:
        return (event.time, event.time, 1), visit
    return (visit[0], event.time, visit[2] + 1), None


def at_the_gap(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[1] >= gap:
        return (event.time, event.time, 1), visit
    return (visit[0], event.time, visit[2] + 1), None


def from_start(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[0] > gap:
        return (event.time, event.time, 1), visit
    return (visit[0], event.time, visit[2] + 1), None


def always_ten(visit: Any, event: Event, gap: timedelta) -> Any:
    return my_visit(visit, event, timedelta(seconds=10))


def no_none(visit: Any, event: Event, gap: timedelta) -> Any:
    if event.time - visit[1] > gap or isinstance(event, AppOpen):
        return (event.time, event.time, 1), visit
    return (visit[0], event.time, visit[2] + 1), None


def never_closed(visit: Any, event: Event, gap: timedelta) -> Any:
    return my_visit(visit, event, gap)[0], None


def counts_from_zero(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[1] > gap:
        return (event.time, event.time, 0), visit
    return (visit[0], event.time, visit[2] + 1), None


def open_alone(visit: Any, event: Event, gap: timedelta) -> Any:
    return my_visit(visit, event, gap)[0]


def closed_first(visit: Any, event: Event, gap: timedelta) -> Any:
    opened, closed = my_visit(visit, event, gap)
    return closed, opened


def ends_with_the_next(visit: Any, event: Event, gap: timedelta) -> Any:
    opened, closed = my_visit(visit, event, gap)
    return opened, closed and (closed[0], event.time, closed[2])


def old_count(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or isinstance(event, AppOpen) or event.time - visit[1] > gap:
        return (event.time, event.time, 1), visit
    return (visit[0], event.time, visit[2]), None


def only_the_app(visit: Any, event: Event, gap: timedelta) -> Any:
    if visit is None or isinstance(event, AppOpen):
        return (event.time, event.time, 1), visit
    return (visit[0], event.time, visit[2] + 1), None


def moves_the_start(visit: Any, event: Event, gap: timedelta) -> Any:
    (_, last, events), closed = my_visit(visit, event, gap)
    return (last, last, events), closed


RIGHT: dict[str, list[Any]] = {
    "pause_before": [
        my_pause,
        with_an_expression,
        a_list_for_a_pair,
        sorted_times,
        with_pandas,
        with_numpy,
        by_hand,
        Pause(),
        with_a_default,
        lambda newest, event: my_pause(newest, event),
    ],
    "after_a_resume": [
        (3, 2),
        [3, 2],
        (3.0, 2.0),
        np.array([3, 2]),
        pd.Series([3, 2]),
        (np.int64(3), np.int64(2)),
        after(),
        tuple(len(seen) for seen in ("BBB", "BB")),
    ],
    "app_visits": [
        my_visit,
        named,
        lists,
        in_seconds,
        matched,
        one_expression,
        Visits().step,
        partial(with_a_helper, lambda visit, event: (visit[0], event.time, visit[2] + 1)),
        lambda visit, event, gap: my_visit(visit, event, gap),
    ],
    "count_by_hour": [
        [3, 3, 1],
        (3, 3, 1),
        [3.0, 3.0, 1.0],
        np.array([3, 3, 1]),
        pd.Series([3, 3, 1]),
        by_the_hour(),
        list(map(len, ([5, 20, 59], [60, 61, 119], [190]))),
        [np.int64(3), np.int64(3), np.int64(1)],
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "pause_before": [
        (state_goes_back, "sets your state back"),
        (stays, "stays at the first time"),
        (forgets, "forgets this user"),
        (answer_alone, "the answer alone"),
        (no_first, "Before a user's first event"),
        (no_first_if_late, "Before a user's first event"),
        (zero_at_first, "answer None"),
        (absolute, "Keep the sign"),
        (late_is_zero, "gets 0 here"),
        (seconds_field, "leaves out the days"),
        (duration, "total_seconds"),
        (answer_first, "?the new state comes first"),
        (oldest, "?stays at the first time"),
        (turned_round, "subtract the newest"),
        (state_is_the_event, ""),
        (state_is_the_answer, "?forgets this user"),
    ],
    "after_a_resume": [
        ((3, 3), "what does it hold"),
        ((3, 1), "not from the event after the kill"),
        ((4, 2), "goes back to the snapshot too"),
        ((2, 2), "comes back from the snapshot"),
        ((2, 3), "the state's number comes first"),
        ((7, 3), "both users"),
        ((4, 1), "numbers of A"),
        (3, ""),
        ({"state": 3, "dictionary": 2}, ""),
        (("3", "2"), ""),
        ((0, 0), ""),
    ],
    "app_visits": [
        (pauses_only, "Opening the app"),
        (at_the_gap, "exactly as long as the gap"),
        (from_start, "the visit's *last* event"),
        (no_none, "?`visit` is None"),
        (never_closed, "No visit ever leaves"),
        (counts_from_zero, "begins with 0 events"),
        (closed_first, "what is open now"),
        (ends_with_the_next, "the pause is not part of it"),
        (moves_the_start, "start moves along"),
        (always_ten, ""),
        (open_alone, ""),
        (old_count, ""),
        (only_the_app, "Only the app"),
    ],
    "count_by_hour": [
        ([4, 2, 1], "Minute 60"),
        ([3, 3, 0, 1], "no row says 0"),
        ([3, 2, 1], "Minute 119"),
        ([6, 1], "These are sessions"),
        ([5, 1, 1], "aligned to minute 0"),
        ([3, 2, 1, 1], "one window too many"),
        (7, ""),
        ([], ""),
        ("3, 3, 1", ""),
        ([3, 3], ""),
    ],
}
