"""Rows of events, cut into sessions and counted, by numpy alone.

Rows are columns of equal length, in a dict:

- `user`: the user's number
- `time`: microseconds since 1970
- `kind`: a number of CODES, or what an open session does to a click
- `row`: where the rest of the row is kept, in a log whose clicks are joined by item or query id

An open session takes part in the next round as one row, at the time of its last event. Its kind
says what a click after it would find: no search, a search without a click, or one with a click.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from searchlogs.logs.arrays import Array, from_numpy, take, to_numpy
from searchlogs.logs.outcomes import LOGGED
from searchlogs.logs.schemas import COUNTS

CODES = {kind: code for code, kind in enumerate(LOGGED)}
"""The number that stands for each kind of event, and for activity, in columns."""

CLICK, RESULTS, SEARCH = CODES["click"], CODES["results"], CODES["search"]
NO_SEARCH, NEW_SEARCH, CLICKED_SEARCH = range(len(CODES), len(CODES) + 3)
"""Kinds of the rows as which open sessions take part in a round."""

FOREVER = 1 << 62
EMPTY = np.zeros(0, np.int64)

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Rules:
    """By what a log is cut into sessions; durations are in microseconds."""

    gap: int
    wait: int
    keeps_rows: bool
    """Whether rows are kept until their session closes; else they are counted at once."""


@dataclass(frozen=True)
class Pieces:
    """What rows were cut into."""

    late: Arrays
    """Late rows, as they arrived: `row`, and `by`, in microseconds."""
    closed: Arrays
    """Closed sessions, by user and time: `user`, `start`, `end`; if rows aren't kept, COUNTS."""
    closed_rows: Arrays
    """Rows of closed sessions, by user and time, if rows are kept: `kind` and `row`."""
    sizes: Array
    """Number of `closed_rows` of each closed session."""
    open: Arrays
    """Open sessions, if rows aren't kept: as `closed`, and `kind`, that of the row as which each
    takes part in the next round."""
    rest: Arrays
    """Rows that are in no session yet, or whose session is open and keeps its rows."""
    newest: tuple[Array, Array]
    """Users, and the newest time of each."""


def cut(rows: Arrays, carried: Arrays, rules: Rules, ended: Array, eof: bool) -> Pieces:
    """Cut rows into sessions.

    Args:
        rows: The rows, by user, each user's as they arrived. A user's first row may be an open
            session.
        carried: `start` and COUNTS of those open sessions, in their order.
        rules: The gap, the wait, and whether rows are kept.
        ended: Each user's newest time at the end of an earlier input; empty if there was none.
        eof: Whether the input ends here, so that all sessions close.

    Returns:
        Sessions, late rows, and the rows that go into the next round.
    """
    late = {"row": EMPTY, "by": EMPTY}
    step, last = _steps(rows)
    if len(ended) or ((step < 0) & ~last[:-1]).any():
        rows, late = _split_late(rows, rules.wait, ended)
        step, last = _steps(rows)
    user, time, kind = rows["user"], rows["time"], rows["kind"]

    # An earlier event can still arrive before rows above the watermark, so those stay uncut.
    newest = np.flatnonzero(last)
    users, reached = take(user, newest).astype(np.intp), take(time, newest)
    reached = np.maximum(reached, take(ended, users)) if len(ended) else reached
    watermark = np.full(len(users), FOREVER) if eof else reached - rules.wait
    above = time > np.repeat(watermark, np.diff(newest, prepend=-1))

    # A session ends with its user's last row, before a pause, and at the watermark.
    last[:-1] |= step > rules.gap
    if not rules.keeps_rows:
        last[:-1] |= above[1:] > above[:-1]
    end = np.flatnonzero(last)
    start = np.append(0, end[:-1] + 1)[: len(end)]
    sessions = {"user": take(user, start), "start": take(time, start), "end": take(time, end)}
    closes = np.zeros(users.max(initial=-1) + 1, np.int64)
    closes[users] = watermark - rules.gap
    is_closed = sessions["end"] < take(closes, sessions["user"])
    closed, sizes, seen = np.flatnonzero(is_closed), end - start + 1, (users, reached)

    if rules.keeps_rows:
        stays = np.repeat(~is_closed, sizes)
        gone = {name: rows[name][~stays] for name in ("kind", "row")}
        rest = at(rows, np.flatnonzero(stays))
        return Pieces(late, at(sessions, closed), gone, sizes[closed], {}, rest, seen)
    sessions |= _count(kind, start, sizes)
    _add_carried(sessions, take(kind, start), carried)
    opened = at(sessions, np.flatnonzero(~(is_closed | take(above, start))))
    done = at(sessions, closed)
    return Pieces(late, done, {}, EMPTY, opened, at(rows, np.flatnonzero(above)), seen)


def _split_late(rows: Arrays, wait: int, ended: Array) -> tuple[Arrays, Arrays]:
    """Return the rows that are on time, by user and time, and those that are late."""
    user, time = rows["user"].astype(np.int64), rows["time"]
    newest = _running_max(user, time)
    if len(ended):
        newest = np.maximum(newest, take(ended, user))
    by = newest - wait - time
    good, bad = np.flatnonzero(by <= 0), np.flatnonzero(by > 0)
    late = {"row": take(rows["row"], bad) if len(bad) else EMPTY, "by": take(by, bad)}
    return at(rows, take(good, _by_time(take(user, good), take(time, good)))), late


def _count(kind: Array, start: Array, sizes: Array) -> Arrays:
    """Count each session's rows; each click goes to the latest search before it.

    Returns COUNTS of each session, and the kind of the row as which it would take part in the next
    round. `start` holds each session's first row, `sizes` its number of rows.
    """
    begins = np.zeros(len(kind), bool)
    begins[start] = True
    # Other rows only count as events.
    rows = np.flatnonzero(begins | (kind == SEARCH) | (kind == CLICK))
    kind, begins = take(kind, rows), take(begins, rows)
    first = np.flatnonzero(begins)
    after = np.append(first, len(rows))[1:]
    head = take(kind, first)

    def per_session(flags: Array) -> Array:
        return np.add.reduceat(flags, first, dtype=np.int64)

    click, search = kind == CLICK, kind == SEARCH
    unclicked = search | (kind == NEW_SEARCH)
    first_clicks = np.zeros(len(kind), bool)
    first_clicks[1:] = click[1:] & unclicked[:-1] & ~begins[1:]
    searches = per_session(search)
    clicks = after - first - searches - ((head != CLICK) & (head != SEARCH))

    # Clicks before the first search are orphans, unless the session began with a search.
    searched = (head == SEARCH) | (head == NEW_SEARCH) | (head == CLICKED_SEARCH)
    earlier = np.cumsum(searches) - searches
    places = np.append(np.flatnonzero(search), 0)
    first_search = np.where(searches > 0, take(places, earlier), after)
    before = first_search - first - (head != CLICK)

    state = np.where(searched | (searches > 0), np.uint8(CLICKED_SEARCH), np.uint8(NO_SEARCH))
    state[take(unclicked, after - 1)] = NEW_SEARCH
    return {
        "events": sizes,
        "requests": searches.copy(),  # without ids each record is a search of its own
        "searches": searches,
        "clicks": clicks,
        "searches_clicked": per_session(first_clicks),
        "orphan_clicks": np.where(searched, 0, before),
        "absent_query_clicks": np.zeros_like(searches),
        "kind": state,
    }


def _add_carried(sessions: Arrays, head: Array, carried: Arrays) -> None:
    """Add to sessions that begin with an open one, by the kind of their first row, what it had."""
    begun = np.flatnonzero(head >= NO_SEARCH)
    if len(begun):
        for name in COUNTS:
            sessions[name][begun] += carried[name]
        sessions["events"][begun] -= 1  # the row that stood for it
        sessions["start"][begun] = carried["start"]


def _steps(rows: Arrays) -> tuple[Array, Array]:
    """Return the time from each row to the next, and whether each row is the last of its user."""
    user, time = rows["user"], rows["time"]
    last = np.ones(len(user), bool)
    np.not_equal(user[1:], user[:-1], out=last[:-1])
    return time[1:] - time[:-1], last


def _running_max(user: Array, time: Array) -> Array:
    """Return each user's newest time so far, in rows by user as they arrived.

    User and time make one number, the user in the high bits: so one running maximum does for all.
    """
    low = time.min()
    bits = int(time.max() - low).bit_length()
    if bits + int(user[-1]).bit_length() < 63:
        top = np.maximum.accumulate(user << bits | (time - low))
        newest: Array = (top & ((1 << bits) - 1)) + low
    else:
        values, rank = np.unique(time, return_inverse=True)
        bits = len(values).bit_length()
        newest = values[np.maximum.accumulate(user << bits | rank) & ((1 << bits) - 1)]
    return newest


def _by_time(user: Array, time: Array) -> Array:
    """Return the order of rows by user and time, for rows by user; equal times keep their order.

    A stable sort of one number that holds both makes use of the order that rows are in. lexsort
    doesn't: where events arrive out of order, sessions would take twice the time, measured.
    """
    if not len(user):
        return EMPTY
    bits = int(time.max() - time.min()).bit_length()
    if int(user[-1] - user[0]).bit_length() + bits >= 63:
        return np.lexsort((time, user))
    return np.argsort((user - user[0]) << bits | (time - time.min()), kind="stable")


def stable_order(numbers: Array) -> Array:
    """Return the order of small whole numbers; equal ones keep their order.

    Arrow counts numbers that span up to 4,096, several times as fast as numpy's radix sort.
    """
    return to_numpy(pc.array_sort_indices(from_numpy(numbers)), np.int64)


def at(columns: Arrays, rows: Array) -> Arrays:
    """Return some rows of all columns."""
    return {name: take(column, rows) for name, column in columns.items()}
