"""Rows of events, cut into sessions and counted, by numpy alone.

A row has a `user`, whose number is below PAGE; a `time`, in microseconds since 1970; a `kind`, a
number as in KINDS; and `row`, where what `columnar` holds of it stands, if it holds anything.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.logs.schemas import COUNTS

NUMBERS = {"app_open": 0, "results": 1, "click": 2, "search": 4}
"""The values of `event`, and the numbers that the kernel works on."""

_RESULTS, _CLICK, _SEARCH = NUMBERS["results"], NUMBERS["click"], NUMBERS["search"]
# An open session goes into the next round as one row, of a kind that says what it would do to a
# click: there is no search; the latest search has no click yet; it has one. From _SEARCH on, the
# kinds are those that a click goes to.
_NO_SEARCH, _NEW_SEARCH, _CLICKED_SEARCH = 3, 5, 6
_FOREVER = 1 << 62
_EMPTY = np.zeros(0, np.int64)

PAGE_BITS = 12
PAGE = 1 << PAGE_BITS
"""So many users are worked on together: Arrow puts so many in order by counting alone."""

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]


@dataclass(frozen=True)
class Pieces:
    """What rows were cut into."""

    late: Arrays
    """`row`, and `by`, in microseconds; as they arrived."""
    closed: Arrays
    """Sessions: `user`, `start`, `end`, COUNTS; by user and time."""
    still: Arrays
    """Sessions that are open: the same, and `kind`, that of the row as which each goes on."""
    rest: Arrays
    """Rows that are in neither."""
    newest: tuple[Array, Array]
    """Users, and the newest time of each."""


def cut(
    rows: Arrays, opened: Arrays, gap: int, wait: int, ended: Array, eof: bool, texts: Any
) -> Pieces:
    """Cut rows, by user as they arrived, into sessions.

    The first row of a user may be an open session: of these, in their order, `opened` has the
    start and the counts. `ended` is the newest time of each user at the end of an earlier input,
    if there was one. With `texts`, a table, clicks are attributed by what it says.
    """
    # Where a user's time runs back, some of it may be late; the rest is sorted by time.
    late = {"row": _EMPTY, "by": _EMPTY}
    step = rows["time"][1:] - rows["time"][:-1]
    last = _last(rows["user"])
    if len(ended) or ((step < 0) & ~last[:-1]).any():
        rows, late = _on_time(rows, wait, ended)
        step = rows["time"][1:] - rows["time"][:-1]
        last = _last(rows["user"])
    user, time, kind = rows["user"], rows["time"], rows["kind"]

    # A flag on each session's last row. Rows above the watermark are cut off: an earlier one can
    # still come between them.
    newest = np.flatnonzero(last)
    users, known = take(user, newest).astype(np.intp), take(time, newest)
    reached = np.maximum(known, take(ended, users)) if len(ended) else known
    watermark = np.full(len(users), _FOREVER) if eof else reached - wait
    unripe = time > np.repeat(watermark, np.diff(newest, prepend=-1))
    last[:-1] |= step > gap
    if texts is None:
        last[:-1] |= unripe[1:] > unripe[:-1]
    end = np.flatnonzero(last)
    start = np.append(0, end[:-1] + 1)[: len(end)]
    sessions = {"user": take(user, start), "start": take(time, start), "end": take(time, end)}
    closes = np.empty(PAGE, np.int64)
    closes[users] = watermark - gap
    closed = sessions["end"] < take(closes, sessions["user"])
    done = np.flatnonzero(closed)
    newly = users, reached
    if texts is None:
        stays = np.flatnonzero(~(closed | take(unripe, start)))
        kinds = _count(sessions, kind, last, start, stays)
        _carry(sessions, take(kind, start), opened)
        still = at(sessions, stays) | {"kind": kinds}
        return Pieces(late, at(sessions, done), still, at(rows, np.flatnonzero(unripe)), newly)
    sizes = end - start + 1
    rest = np.repeat(~closed, sizes)
    gone = np.flatnonzero(~rest)
    counts = _attribute(kind[gone], sizes[done], texts.take(arrow(rows["row"][gone])))
    return Pieces(late, at(sessions, done) | counts, {}, at(rows, np.flatnonzero(rest)), newly)


def _on_time(rows: Arrays, wait: int, ended: Array) -> tuple[Arrays, Arrays]:
    """Rows by user and time, without those that are late; and those, as they arrived."""
    user, time = rows["user"].astype(np.int64), rows["time"]
    newest = _running_max(user, time)
    if len(ended):
        newest = np.maximum(newest, take(ended, user))
    by = newest - wait - time
    good = np.flatnonzero(by <= 0)
    bad = np.flatnonzero(by > 0)
    late = {"row": take(rows["row"], bad) if len(bad) else _EMPTY, "by": take(by, bad)}
    return at(rows, take(good, _by_time(take(user, good), take(time, good)))), late


def _count(sessions: Arrays, kind: Array, last: Array, start: Array, stays: Array) -> Array:
    """Count each session's rows where a click goes to the latest search before it.

    `last` flags each session's last row. Returns, of the sessions at `stays`, the kinds of the
    rows as which they go on.
    """
    begins = np.ones(len(kind), bool)
    begins[1:] = last[:-1]
    told = np.flatnonzero(begins | (kind >= _CLICK))  # what else there is, only counts as an event
    sessions["events"] = np.diff(start, append=len(kind))
    code = take(kind | begins.view(np.uint8) << 3, told)  # one column is taken faster than two
    kind, begins = code & 7, code > 7
    first = np.flatnonzero(begins)
    after = np.append(first, len(told))[1:]
    head = take(kind, first)

    click, search = kind == _CLICK, kind == _SEARCH
    fresh = search | (kind == _NEW_SEARCH)
    next_click = click & ~begins
    gained = next_click.copy()
    gained[1:] &= fresh[:-1]
    # Two counts in one number, so that one sum does for both; the rest of what is told are clicks.
    both = gained.astype(np.int64)
    both <<= 32
    both += search.astype(np.int64)
    both = np.diff(take(np.cumsum(both, out=both), after - 1), prepend=0)
    searches, searches_clicked = both & 0xFFFFFFFF, both >> 32
    clicks = after - first - searches - ((head != _CLICK) & (head != _SEARCH))

    # Clicks are orphans where nothing but the session's beginning stands before them.
    unsearched = head <= _NO_SEARCH
    orphans = np.where(unsearched & (searches == 0), clicks, 0)
    second = take(np.append(next_click, False), first + 1)
    few = np.flatnonzero((second | (head == _CLICK)) & unsearched & (searches > 0))
    if len(few):
        at_search = np.flatnonzero(search)
        until = at_search[np.searchsorted(at_search, first[few])]
        orphans[few] = until - first[few] - (head[few] != _CLICK)
    sessions |= {
        "searches": searches,
        "clicks": clicks,
        "searches_clicked": searches_clicked,
        "orphan_clicks": orphans,
    }
    searched = (take(searches, stays) > 0) | (take(head, stays) > _NO_SEARCH)
    unclicked = take(fresh, take(after, stays) - 1)
    state = np.where(searched, np.uint8(_CLICKED_SEARCH), np.uint8(_NO_SEARCH))
    state[unclicked] = _NEW_SEARCH
    return state


def _carry(sessions: Arrays, head: Array, opened: Arrays) -> None:
    """Add to the sessions that begin with an open one, by their first row's kind, what it had."""
    carried = np.flatnonzero((head == _NO_SEARCH) | (head > _SEARCH))
    if len(carried):
        for name in COUNTS:
            sessions[name][carried] += opened[name]
        sessions["events"][carried] -= 1  # the row as which it came
        sessions["start"][carried] = opened["start"]


def _last(user: Array) -> Array:
    """Flags on rows: is this one the last of its user?"""
    last = np.ones(len(user), bool)
    np.not_equal(user[1:], user[:-1], out=last[:-1])
    return last


def _running_max(user: Array, time: Array) -> Array:
    """Each user's newest time so far, in rows by user as they arrived."""
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
    """The order of rows by user and time, where they are by user; equal times stay as they are."""
    if not len(user):
        return _EMPTY
    bits = int(time.max() - time.min()).bit_length()
    if int(user[-1] - user[0]).bit_length() + bits >= 63:
        return np.lexsort((time, user))
    # Most rows are in order, which a merge sort makes use of.
    return np.argsort((user - user[0]) << bits | (time - time.min()), kind="stable")


def _order(codes: Array) -> Array:
    """The order of whole numbers from 0, equal ones as they stand, by 16 bits at a time."""
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, int(codes.max(initial=0)).bit_length(), 16):
        digit = (take(codes, order) >> shift & 0xFFFF).astype(np.uint16)
        order = take(order, np.argsort(digit, kind="stable"))
    return order


def stable_order(numbers: Array) -> Array:
    """The order of small whole numbers, equal ones as they stand."""
    # Arrow counts where numbers are few, which is several times as fast as numpy's radix sort.
    return view(pc.array_sort_indices(arrow(numbers)), np.int64)


def at(columns: Arrays, rows: Array) -> Arrays:
    return {name: take(column, rows) for name, column in columns.items()}


def take(values: Array, rows: Array) -> Array:
    """`values[rows]`, of rows that are there: numpy is twice as fast where it needn't look."""
    return values.take(rows.astype(np.intp, copy=False), axis=0, mode="clip")


def _attribute(kind: Array, sizes: Array, texts: pa.Table) -> Arrays:
    """Count each session's rows, `sizes` rows a session, as `metrics.attribute` joins them."""
    session = np.repeat(np.arange(len(sizes)), sizes)
    is_search = kind == _SEARCH
    search = np.cumsum(is_search) - 1  # the latest search up to each row, of whatever session
    count = int(search[-1]) + 1 if len(search) else 0
    of = session[is_search]  # each search's session
    first = np.searchsorted(of, np.arange(len(sizes)))[session]  # of the row's session
    final = np.searchsorted(of, np.arange(len(sizes)), "right")[session] - 1
    bits = max(count, 1).bit_length()
    mask = (1 << bits) - 1

    owner = np.full(len(kind), -1)
    if "query_id" in texts.column_names:
        (id,) = _codes(texts["query_id"])
        named = np.flatnonzero(is_search & (id >= 0))
        keys = np.sort((id[named] << bits) | search[named], kind="stable")
        rows = np.flatnonzero(~is_search & ((kind == _RESULTS) | (kind == _CLICK)) & (id >= 0))
        place = np.searchsorted(keys, (id[rows] << bits) | first[rows])
        found = np.append(keys, _FOREVER)[place]
        joined = found <= ((id[rows] << bits) | final[rows])
        owner[rows[joined]] = found[joined] & mask

    answered = np.zeros(count, bool)
    click = np.flatnonzero(kind == _CLICK)
    latest = np.where(search >= first, search, -1)
    if "items" in texts.column_names:
        result = np.flatnonzero(kind == _RESULTS)
        lists = texts["items"].take(arrow(result)).combine_chunks()
        shown_by = np.where(owner[result] >= 0, owner[result], latest[result])
        logged = truth(lists.is_valid()) & (shown_by >= 0)
        answered[shown_by[logged]] = True
        parent = view(pc.list_parent_indices(lists), np.int64)
        items = [pc.list_flatten(lists)]
        free = click[owner[click] < 0]
        if "item" in texts.column_names:
            items.append(texts["item"].take(arrow(free)).combine_chunks())
        shown, *clicked = _codes(*items)
        if clicked:
            mine = np.flatnonzero(shown_by[parent] >= 0)
            by, shown = shown_by[parent[mine]], shown[mine]
            if (by[1:] < by[:-1]).any():
                order = _order(by)
                by, shown = by[order], shown[order]
            keys = take((shown << bits) | by, _order(shown))
            known = clicked[0] >= 0
            rows, item = free[known], clicked[0][known]
            place = np.searchsorted(keys, (item << bits) | np.maximum(search[rows], 0), "right") - 1
            found = np.append(keys, -1)[place]
            joined = (found >= ((item << bits) | first[rows])) & (latest[rows] >= 0)
            owner[rows[joined]] = found[joined] & mask

    free = click[(owner[click] < 0) & (latest[click] >= 0)]
    silent = np.maximum.accumulate(np.where(answered, -1, np.arange(count)))[latest[free]]
    owner[free] = np.where(silent >= first[free], silent, -1)
    clicked_search = np.zeros(count, bool)
    clicked_search[owner[click][owner[click] >= 0]] = True

    def per_session(rows: Array) -> Array:
        return np.bincount(rows, minlength=len(sizes))

    return {
        "events": sizes,
        "searches": per_session(of),
        "clicks": per_session(session[click]),
        "searches_clicked": per_session(of[clicked_search]),
        "orphan_clicks": per_session(session[click[owner[click] < 0]]),
    }


def _codes(*columns: Any) -> list[Array]:
    """Numbers for texts, the same for the same text in all columns, -1 for none."""
    chunks = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    encoded = pa.concat_arrays(chunks).dictionary_encode()
    codes = np.where(truth(encoded.is_valid()), view(encoded.indices, np.int32), np.int64(-1))
    return np.split(codes, np.cumsum([len(chunk) for chunk in chunks])[:-1])


def view(array: pa.Array, dtype: Any, length: int | None = None) -> Array:
    """An Arrow array's values without a copy: its to_numpy() would import pandas."""
    buffer = array.buffers()[1]
    values = np.frombuffer(buffer, dtype) if buffer else np.zeros(0, dtype)
    return values[array.offset : array.offset + (len(array) if length is None else length)]


def truth(array: pa.Array) -> Array:
    """A column of flags, none of them missing."""
    return view(array.cast(pa.uint8()), np.uint8).astype(bool)


def arrow(values: Array) -> pa.Array:
    """Whole numbers as an Arrow array, without a copy: pa.array() would import pandas."""
    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
