"""Answers to the exercises of notebook 04."""

from collections import defaultdict, deque
from datetime import timedelta
from fractions import Fraction
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pandas as pd

from searchlogs.dataflow import find_sessions
from searchlogs.exercises.session_windows import (
    from_the_table,
    longest_pause,
    my_sessions,
    what_lets_them_close,
    which_are_late,
)


def who(event: Any) -> str:
    return str(event.user)


def when(event: Any) -> Any:
    return event.time


def sort_all_first(events: Any, gap: Any) -> Any:
    open_sessions: dict[str, list[Any]] = {}
    done = []
    for event in sorted(events, key=when):
        own = open_sessions.get(who(event))
        if own and event.time - own[-1].time <= gap:
            own.append(event)
        else:
            open_sessions[who(event)] = own = [event]
            done.append(own)
    return done


def with_yield(events: Any, gap: Any) -> Any:
    yield from sort_all_first(events, gap)


def lists_of_tuples(events: Any, gap: Any) -> Any:
    return [tuple(own) for own in sort_all_first(events, gap)]


def mapped(events: Any, gap: Any) -> Any:
    return map(list, sort_all_first(events, gap))


def by_groupby(events: Any, gap: Any) -> Any:
    found = []
    for _, group in groupby(sorted(events, key=lambda e: (who(e), e.time)), key=who):
        own = list(group)
        cuts = [i for i in range(1, len(own)) if own[i].time - own[i - 1].time > gap]
        found += [own[a:b] for a, b in pairwise([0, *cuts, len(own)])]
    return found


def by_recursion(events: Any, gap: Any) -> Any:
    def split(own: list[Any]) -> list[list[Any]]:
        for i, (before, after) in enumerate(pairwise(own), 1):
            if after.time - before.time > gap:
                return [own[:i], *split(own[i:])]
        return [own]

    users = {who(event) for event in events}
    return [
        session
        for user in users
        for session in split(sorted((e for e in events if who(e) == user), key=when))
    ]


def by_pandas(events: Any, gap: Any) -> Any:
    if not events:
        return []
    table = pd.DataFrame({"user": list(map(who, events)), "time": list(map(when, events))})
    table["event"] = list(events)
    table = table.sort_values(["user", "time"], kind="stable")
    starts = (table["user"] != table["user"].shift()) | (table["time"].diff() > gap)
    return table.groupby(starts.cumsum())["event"].agg(list).tolist()


def by_numpy(events: Any, gap: Any) -> Any:
    found = []
    for user in sorted({who(event) for event in events}):
        own = np.array(sorted((e for e in events if who(e) == user), key=when), dtype=object)
        pauses = np.diff([event.time.timestamp() for event in own])
        found += np.split(own, 1 + np.flatnonzero(pauses > gap.total_seconds() + 1e-7))
    return found


def from_the_end(events: Any, gap: Any) -> Any:
    found: deque[Any] = deque()
    by_user = defaultdict(list)
    for event in events:
        by_user[who(event)].append(event)
    for own in by_user.values():
        own.sort(key=when, reverse=True)
        session: deque[Any] = deque()
        for event in own:
            if session and session[0].time - event.time > gap:
                found.appendleft(session)
                session = deque()
            session.appendleft(event)
        found.appendleft(session)
    return found


def in_seconds(events: Any, gap: Any) -> Any:
    return sessions(events, gap, longer=lambda a, b: (b - a).total_seconds() > gap.total_seconds())


def by_bytewax(events: Any, gap: Any) -> Any:
    return [list(one.events) for one in find_sessions(events, gap, timedelta(days=9))[0]]


class Splitter:
    def __call__(self, events: Any, gap: Any) -> Any:
        return tuple(sort_all_first(events, gap))


def sessions(
    events: Any, gap: Any, *, cut: Any = who, order: Any = sorted, longer: Any = None
) -> Any:
    """Find sessions with parts that can be replaced by wrong ones."""
    by_user = defaultdict(list)
    for event in events:
        by_user[cut(event)].append(event)
    longer = longer or (lambda before, after: after - before > gap)
    found = []
    for own in by_user.values():
        for i, event in enumerate(order(own, key=when)):
            if i == 0 or longer(found[-1][-1].time, event.time):
                found.append([])
            found[-1].append(event)
    return found


def as_it_is(own: Any, key: Any) -> Any:
    return own


def not_sorted(events: Any, gap: Any) -> Any:
    return sessions(events, gap, order=as_it_is)


def not_sorted_lazy(events: Any, gap: Any) -> Any:
    yield from sessions(events, gap, order=as_it_is)


def at_equality(events: Any, gap: Any) -> Any:
    return sessions(events, gap, longer=lambda a, b: b - a >= gap)


def field_seconds(events: Any, gap: Any) -> Any:
    return sessions(events, gap, longer=lambda a, b: (b - a).seconds > gap.seconds)


def ten_seconds(events: Any, gap: Any) -> Any:
    return sessions(events, timedelta(seconds=10))


def text_apart(events: Any, gap: Any) -> Any:
    return sessions(events, gap, cut=lambda event: event.user)


def users_mixed(events: Any, gap: Any) -> Any:
    return sessions(events, gap, cut=lambda event: "all")


def cut_at_each_user(events: Any, gap: Any) -> Any:
    found: list[list[Any]] = []
    for event in sorted(events, key=when):
        if not found or who(found[-1][0]) != who(event) or event.time - found[-1][-1].time > gap:
            found.append([])
        found[-1].append(event)
    return found


def from_the_first(events: Any, gap: Any) -> Any:
    found = []
    for own in sessions(events, timedelta(days=365)):
        for event in own:
            if event is own[0] or event.time - found[-1][0].time > gap:
                found.append([])
            found[-1].append(event)
    return found


def last_one_lost(events: Any, gap: Any) -> Any:
    found = []
    for own in sessions(events, timedelta(days=365)):
        session = [own[0]]
        for before, event in pairwise(own):
            if event.time - before.time > gap:
                found.append(session)
                session = []
            session.append(event)
    return found


def first_after_a_pause_lost(events: Any, gap: Any) -> Any:
    found = []
    for own in sessions(events, timedelta(days=365)):
        session = [own[0]]
        for before, event in pairwise(own):
            if event.time - before.time > gap:
                found.append(session)
                session = []
            else:
                session.append(event)
        found.append(session)
    return [session for session in found if session]


def never_cut(events: Any, gap: Any) -> Any:
    return sessions(events, timedelta(days=366))


def by_user(events: Any, gap: Any) -> Any:
    found = defaultdict(list)
    for own in sessions(events, gap):
        found[who(own[0])].append(own)
    return found


def flat(events: Any, gap: Any) -> Any:
    found = []
    for own in sessions(events, gap):
        found += own
    return found


def an_empty_session(events: Any, gap: Any) -> Any:
    return sessions(events, gap) or [[]]


def needs_an_event(events: Any, gap: Any) -> Any:
    first = min(events, key=when)
    return sessions(events, gap) if first else []


def takes_the_first(events: Any, gap: Any) -> Any:
    assert events[0]
    return sessions(events, gap)


def times_only(events: Any, gap: Any) -> Any:
    return [[event.time for event in own] for own in sessions(events, gap)]


def how_many(events: Any, gap: Any) -> Any:
    return len(sessions(events, gap))


def remembers(events: Any, gap: Any, found: Any = []) -> Any:  # noqa: B006
    found += sessions(events, gap)
    return found


def gap_in_seconds(events: Any, gap: Any) -> Any:
    return sessions(events, gap, longer=lambda a, b: (b - a).total_seconds() > gap)


def closing(first: Any, second: Any, third: Any) -> dict[str, Any]:
    """Return an answer to `when_it_closes`."""
    return {"user 1, session 0": first, "user 2, session 0": second, "user 2, session 1": third}


def gaps(monday: Any, yours: Any) -> dict[str, Any]:
    """Return an answer to `friday_to_monday`."""
    return {"Monday's gap": monday, "your gap": yours}


RIGHT: dict[str, list[Any]] = {
    "smallest_gap": [
        13,
        13.0,
        33 - 20,
        np.int64(13),
        np.float64(13),
        np.array(13),
        Fraction(13),
        longest_pause(),
    ],
    "late_events": [
        [7, 6],
        [6, 7],
        (7, 6),
        {7, 6},
        np.array([7, 6]),
        pd.Series([7, 6]),
        deque([7, 6]),
        range(6, 8),
        [7.0, 6.0],
        which_are_late(),
        (second for second in (7, 6)),
    ],
    "sort_and_split": [
        sort_all_first,
        with_yield,
        lists_of_tuples,
        mapped,
        by_groupby,
        by_recursion,
        by_pandas,
        by_numpy,
        from_the_end,
        in_seconds,
        by_bytewax,
        Splitter(),
        sessions,
        partial(sessions, order=sorted),
        lambda events, gap: my_sessions(events, gap),
    ],
    "when_it_closes": [
        closing(6, 4, "end"),
        closing(6, 4, "End"),
        closing(6, 4, "END "),
        closing(6.0, 4.0, "end"),
        closing(np.int64(6), np.int64(4), "end"),
        closing(Fraction(6), Fraction(4), "end"),
        dict(reversed(closing(6, 4, "end").items())),
        what_lets_them_close(),
    ],
    "friday_to_monday": [
        gaps(timedelta(seconds=20), timedelta(minutes=10)),
        gaps(timedelta(seconds=20), timedelta(minutes=3)),
        gaps(timedelta(seconds=20), timedelta(minutes=25)),
        gaps(timedelta(minutes=1) / 3, timedelta(hours=1) / 4),
        gaps(pd.Timedelta("20s"), pd.Timedelta("5min")),
        gaps(np.timedelta64(20, "s"), np.timedelta64(10, "m")),
        gaps(timedelta(0, 20), timedelta(0, 600)),
        gaps("20s", "10m"),
        from_the_table(),
    ],
}

WRONG: dict[str, list[tuple[Any, str]]] = {
    "smallest_gap": [
        (14, "One too many"),
        (12, "one pause is still too long"),
        (8, "one pause is still too long"),
        (0, "one pause is still too long"),
        (12.9, "one pause is still too long"),
        (5, "the shortest pause"),
        (25, "order of the log"),
        (38, "whole session"),
        (20, "a smaller one is too"),
        (timedelta(seconds=13), "number of seconds alone"),
        ("13", "quotes"),
        ([13], ""),
        (longest_pause, "This is a function"),
    ],
    "late_events": [
        ([3, 7, 6, 9, 8], "came after a newer event"),
        ([7, 6, 9, 8], "came after a newer event"),
        ([3, 7, 6, 8], "exactly on the watermark"),
        ((6, 7, 8), "exactly on the watermark"),
        ([7], "the one just before"),
        ([2, 5, 3, 7, 6], "nobody had heard of 10"),
        ([4, 5], "positions"),
        ([5, 6], "positions"),
        ([0, 3, 3, 8, 8, 8, 8, 8], "the watermarks"),
        ([False] * 4 + [True] * 2 + [False] * 2, "of each event whether it is late"),
        ([], "Some are late"),
        ([1, 2], "by how much"),
        ([6], ""),
        (7, ""),
        ("7, 6", ""),
        (which_are_late, "This is a function"),
    ],
    "sort_and_split": [
        (not_sorted, "order in which they arrived"),
        (not_sorted_lazy, "order in which they arrived"),
        (at_equality, "`>`, not `>=`"),
        (field_seconds, "drops the days"),
        (ten_seconds, "A gap of 10 seconds"),
        (text_apart, "are one user"),
        (users_mixed, "Users are mixed"),
        (cut_at_each_user, "another user does something"),
        (from_the_first, "first event of its session"),
        (last_one_lost, "last session is missing"),
        (first_after_a_pause_lost, "first event after each long pause"),
        (never_cut, "Nothing is cut"),
        (by_user, "in a dictionary"),
        (flat, "one list of events"),
        (an_empty_session, "no events in it"),
        (takes_the_first, "no first one"),
        (needs_an_event, "raised an error"),
        (times_only, ""),
        (how_many, ""),
        (gap_in_seconds, "raised an error"),
    ],
    "when_it_closes": [
        (closing(5, 4, "end"), "the clock waits 1 second"),
        (closing(4, 4, "end"), "a watermark of their own"),
        (closing(3, 4, "end"), "exactly a gap"),
        (closing("end", 4, "end"), "Which one?"),
        (closing(6, 3, "end"), "moves their watermark"),
        (closing(6, 5, "end"), "moves their watermark"),
        (closing(6, 4, 6), "What closes it then"),
        (closing(6, 4, None), "What closes it then"),
        (closing(27, 30, "end"), "Are these seconds"),
        (closing(6, "end", "end"), ""),
        (closing(6, 4, "never"), ""),
        ([6, 4, "end"], "a list"),
    ],
    "friday_to_monday": [
        (gaps(20, 600), "no unit"),
        (gaps(timedelta(seconds=20), 10), "no unit"),
        (gaps("20 seconds", "10 minutes"), "can read"),
        (gaps("20s", "1h"), "too long"),
        (gaps(timedelta(hours=3), timedelta(minutes=10)), "fewer sessions than on Friday"),
        (gaps(timedelta(minutes=10), timedelta(minutes=10)), "look for the line"),
        (gaps(timedelta(seconds=5), timedelta(minutes=10)), "look for the line"),
        (gaps(timedelta(seconds=20), timedelta(minutes=1)), "too short"),
        (gaps(timedelta(seconds=20), timedelta(minutes=26)), "too long"),
        (gaps(timedelta(seconds=20), timedelta(hours=1)), "too long"),
        (gaps(np.timedelta64(20, "s"), np.timedelta64(1, "h")), "too long"),
        (timedelta(seconds=20), ""),
    ],
}
