"""The same sessions from record batches: columns through numpy instead of objects through Python.

Items of the stream are `pyarrow.RecordBatch`: rows in the order in which they arrived, with columns
of COLUMNS, the first three always. A log that has neither `items` nor `query_id` needs no row once
it is counted; in one that has either, the rows of open sessions are kept until they close.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import bytewax.operators as op
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bytewax.dataflow import Dataflow, Stream, operator
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.testing import TestingSink, TestingSource, run_main

from searchlogs.events import EARLIEST, LATEST, check_duration
from searchlogs.sessions import GAP, WAIT

COLUMNS = ("event", "user", "time", "query", "items", "item", "query_id", "position")
"""What a log can hold. `time` is a timestamp with a zone, `user` text or a whole number."""

KINDS = {"app_open": 0, "results": 1, "click": 2, "search": 4}
"""The values of `event`, and the numbers that the kernel works on."""

COUNTS = ("events", "searches", "clicks", "searches_clicked", "orphan_clicks")
"""What is counted of a session: of all its events, and as in `metrics.Counts`."""

_RESULTS, _CLICK, _SEARCH = KINDS["results"], KINDS["click"], KINDS["search"]
# An open session goes into the next round as one row, of a kind that says what it would do to a
# click: there is no search; the latest search has no click yet; it has one. From _SEARCH on, the
# kinds are those that a click goes to.
_NO_SEARCH, _NEW_SEARCH, _CLICKED_SEARCH = 3, 5, 6
_NEVER, _FOREVER = -(1 << 62), 1 << 62
_EMPTY = np.zeros(0, np.int64)
_GROUP = 1 << 14
"""Users that are worked on together: few enough for their rows to fit the processor's cache."""

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]

_MICROSECONDS = pa.timestamp("us", tz="UTC")
_TEXTS = {"query_id": pa.string(), "item": pa.string(), "items": pa.list_(pa.string())}
_SESSIONS = pa.schema(
    [
        ("user", pa.string()),
        ("session", pa.int64()),
        ("start", _MICROSECONDS),
        ("end", _MICROSECONDS),
        *((name, pa.int64()) for name in COUNTS),
    ]
)


@dataclass(frozen=True)
class ColumnarOut:
    """The streams that leave `columnar_sessions`."""

    down: Stream[pa.RecordBatch]
    """A row a closed session: `user`, `session`, `start`, `end` and COUNTS."""

    late: Stream[pa.RecordBatch]
    """The rows that arrived too late for any session, and `late_by`, a duration."""


@operator
def columnar_sessions(
    step_id: str,
    up: Stream[pa.RecordBatch],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    shards: int = 1,
) -> ColumnarOut:
    """Group rows into sessions, as `session_window` with `replay_clock(wait)` groups events.

    The answers are the same, whatever the batches; when a session leaves is not. The users are
    split over `shards`, which the workers share out: state belongs to a shard, so that a flow can
    be resumed with more workers or fewer, but not with another number of shards.

    Raises where `gap` or `wait` is not a timedelta from 0 to 366 days, and where `shards` is not a
    whole number from 1.
    """
    check_duration("gap", gap)
    check_duration("wait", wait)
    if type(shards) is not int or shards < 1:
        raise ValueError(f"shards must be a whole number from 1; got {shards!r}")
    keyed = op.flat_map("shard", up, lambda batch: split(batch, shards))
    tagged = op.stateful_batch("sessionize", keyed, lambda state: ShardLogic(gap, wait, state))
    return ColumnarOut(
        op.filter_map("down", tagged, lambda out: out[1][1] if out[1][0] == "down" else None),
        op.filter_map("late", tagged, lambda out: out[1][1] if out[1][0] == "late" else None),
    )


def sessionize_batches(
    batches: Iterable[pa.RecordBatch],
    gap: timedelta = GAP,
    wait: timedelta = WAIT,
    shards: int = 1,
) -> tuple[pa.Table, pa.Table]:
    """Run record batches, in the order in which they arrived, through `columnar_sessions`.

    Returns the sessions, by user and id, and the late rows, by user and then as they arrived.
    """
    batches = list(batches)
    down: list[pa.RecordBatch] = []
    late: list[pa.RecordBatch] = []
    flow = Dataflow("sessionize_batches")
    out = columnar_sessions(
        "sessions", op.input("inp", flow, TestingSource(batches)), gap, wait, shards
    )
    op.output("down", out.down, TestingSink(down))
    op.output("late", out.late, TestingSink(late))
    run_main(flow)
    schema = batches[0].schema if batches else pa.schema([])
    sessions = pa.Table.from_batches(down, _SESSIONS)
    lates = pa.Table.from_batches(late, schema.append(pa.field("late_by", pa.duration("us"))))
    if late:
        lates = lates.take(pc.sort_indices(_texts(lates["user"])))  # stable: each user's in order
    return sessions.sort_by([("user", "ascending"), ("session", "ascending")]), lates


@dataclass(frozen=True)
class ParquetSource(FixedPartitionedSource[pa.RecordBatch, int]):
    """Read a Parquet file in the order of its rows, in batches, as one resumable partition.

    Of `columns`, those are read that the file has.
    """

    path: str
    columns: Sequence[str] = COLUMNS
    batch_size: int = 1 << 16

    def list_parts(self) -> list[str]:
        return [str(self.path)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_ParquetPart":
        return _ParquetPart(self, resume_state or 0)


class _ParquetPart(StatefulSourcePartition[pa.RecordBatch, int]):
    def __init__(self, source: ParquetSource, done: int) -> None:
        self.done = done
        columns = [name for name in pq.read_schema(source.path).names if name in source.columns]
        kinds = [name for name in columns if name == "event"]
        self.file = pq.ParquetFile(source.path, read_dictionary=kinds)
        groups = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]
        ends = np.cumsum(groups, dtype=np.int64)
        first = int(np.searchsorted(ends, done, "right"))
        self.skip = done - int(ends[first - 1]) if first else done
        self.batches = self.file.iter_batches(
            source.batch_size, range(first, len(groups)), columns, use_threads=False
        )

    def next_batch(self) -> list[pa.RecordBatch]:
        batch = next(self.batches)
        fresh = batch.slice(self.skip)
        self.skip -= len(batch) - len(fresh)
        self.done += len(fresh)
        return [fresh] if len(fresh) else []

    def snapshot(self) -> int:
        return self.done

    def close(self) -> None:
        self.file.close()


def split(batch: pa.RecordBatch, shards: int) -> list[tuple[str, pa.RecordBatch]]:
    """Split a batch by user: (number of the shard, its rows), the same in every process."""
    if shards == 1:
        return [("0", batch)]
    users = _plain(batch["user"]).dictionary_encode()
    text = _texts(users.dictionary)
    starts = _view(text, np.int32, len(text) + 1)
    data = text.buffers()[2]
    bytes_ = np.frombuffer(data or b"", np.uint8)[starts[0] : starts[-1]].astype(np.uint64)
    starts = starts - starts[0]
    lengths = np.diff(starts)
    # Each user's bytes as the digits of a number, modulo 2⁶⁴, whose high bits are well mixed.
    place = np.arange(len(bytes_)) - np.repeat(starts[:-1], lengths)
    weights = np.cumprod(np.full(max(lengths, default=0) + 1, 0x9E3779B97F4A7C15, np.uint64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum((bytes_ + np.uint64(1)) * weights[place])])
    hashes = (sums[starts[1:]] - sums[starts[:-1]]) * weights[0]
    shard = ((hashes >> np.uint64(33)) % np.uint64(shards))[_view(users.indices, np.int32)]
    rows = [(i, np.flatnonzero(shard == i)) for i in range(shards)]
    return [(str(i), batch.take(_arrow(row))) for i, row in rows if len(row)]


@dataclass
class _Group:
    """What is open of _GROUP users; every array is replaced, never changed in place."""

    open: Arrays
    """A session a row, at most one a user, with all its events so far at or below the watermark."""
    rows: Arrays
    """Rows kept as they are, by user and time: above their watermark, or awaiting attribution."""
    texts: pa.Table | None
    """Of those rows, what attribution looks at; None where the log has nothing of it."""
    fresh: tuple[tuple[Arrays, pa.Table | None], ...] = ()
    """Rows that arrived since the last round, and their texts."""

    @property
    def known(self) -> int:
        """Rows that take part in a round although nothing is new about them."""
        return len(self.open["user"]) + len(self.rows["user"])

    @property
    def arrived(self) -> int:
        """Rows that are new."""
        return sum(len(rows["user"]) for rows, _ in self.fresh)

    def add(self, rows: Arrays, texts: pa.Table | None) -> "_Group":
        return replace(self, fresh=(*self.fresh, (rows, texts))) if len(rows["user"]) else self


@dataclass
class _State:
    """What one shard remembers."""

    users: pa.Array
    """Every user ever seen: a user's number is the place here."""
    newest: Array
    """Each user's newest time."""
    next_id: Array
    """The id of each user's next session."""
    groups: tuple[_Group, ...]
    texts: pa.Table | None
    """No row, in the columns of `_Group.texts`."""
    arrived: tuple[pa.RecordBatch, ...] = ()
    """Batches whose rows have no user number yet."""


Out = list[tuple[str, pa.RecordBatch]]


class ShardLogic(StatefulBatchLogic[pa.RecordBatch, tuple[str, pa.RecordBatch], _State | None]):
    """The sessions of one shard's users; what leaves is tagged as "down" or "late"."""

    def __init__(self, gap: timedelta, wait: timedelta, resume: _State | None = None) -> None:
        self.gap, self.wait = _micro(gap), _micro(wait)
        self.state = resume

    def on_batch(self, values: list[pa.RecordBatch]) -> tuple[Out, bool]:
        for batch in values:
            state = self.state or _new_state(batch.schema)
            self.state = replace(state, arrived=(*state.arrived, batch))
        # All users ever seen are looked through for those of the batches, so do it for as many
        # rows at least: then the cost of a row does not depend on the number of users.
        if self.state and sum(map(len, self.state.arrived)) >= len(self.state.users):
            return self._take_in(self.state, eof=False), self.RETAIN
        return [], self.RETAIN

    def on_eof(self) -> tuple[Out, bool]:
        return self._take_in(self.state, eof=True) if self.state else [], self.RETAIN

    def snapshot(self) -> _State | None:
        if self.state is None:
            return None
        groups = (
            replace(group, fresh=tuple((rows, _compact(texts)) for rows, texts in group.fresh))
            for group in self.state.groups
        )
        arrived = map(_compact, self.state.arrived)
        return replace(self.state, groups=tuple(groups), arrived=tuple(arrived))

    def _take_in(self, state: _State, eof: bool) -> Out:
        """Let out what of the arrived rows is late, hand the others on to their users' groups."""
        out: Out = []
        number, users = _number(state.users, [batch["user"] for batch in state.arrived])
        grown = len(users) - len(state.users)
        newest = np.append(state.newest, np.full(grown, _NEVER))
        next_id = np.append(state.next_id, np.zeros(grown, np.int64))

        user, row = _sort_by_user(number)
        time = _column(map(_times, state.arrived))[row]
        last = np.flatnonzero(_last(user))
        first = _first(last)
        back = time[1:] < time[:-1]
        back[last[:-1]] = False
        if back.any() or (time[first] < newest[user[first]]).any():
            top = _running_max(user, time, first, newest)
            newest[user[last]] = top[last]
            late_by = top - self.wait - time
            late = np.flatnonzero(late_by > 0)
            if len(late):
                late = late[np.argsort(row[late])]
                out.append(("late", _late(state.arrived, row[late], late_by[late])))
                on_time = np.flatnonzero(late_by <= 0)
                user, row, time = user[on_time], row[on_time], time[on_time]
        else:
            newest[user[last]] = time[last]

        rows = {
            "user": user,
            "time": time,
            "kind": np.concatenate([np.zeros(0, np.uint8), *map(_kinds, state.arrived)])[row],
        }
        texts = state.texts
        if texts is not None:
            texts = _texts_of(texts, state.arrived).take(_arrow(row))
        groups = list(state.groups)
        while len(groups) * _GROUP < len(users):
            groups.append(_new_group(state.texts))
        watermark = np.full(len(users), _FOREVER) if eof else newest - self.wait
        cuts = np.searchsorted(user, np.arange(len(groups) + 1) * _GROUP)
        for i, (a, b) in enumerate(pairwise(cuts.tolist())):
            mine = _at(rows, slice(a, b))
            group = groups[i].add(mine, texts if texts is None else texts.slice(a, b - a))
            if group.arrived > group.known or (eof and group.arrived + group.known):
                group, done = _round(group, self.gap, watermark)
                if len(done["user"]):
                    out.append(("down", _sessions(users, next_id, done)))
            groups[i] = group
        self.state = replace(
            state, users=users, newest=newest, next_id=next_id, groups=tuple(groups), arrived=()
        )
        return out


def _round(group: _Group, gap: int, watermark: Array) -> tuple[_Group, Arrays]:
    """Find sessions in all that a group has: those that have closed, and the group without them."""
    # Sort by user and time. An open session goes in as one row, at its last time; kept rows after
    # it, new ones after those: equal times stay in the order of arrival.
    opened = len(group.open["user"])
    parts = [group.rows, *(rows for rows, _ in group.fresh)]
    user, row = _sort_by_user(_column([group.open["user"], *(part["user"] for part in parts)]))
    time = _column([group.open["end"], *(part["time"] for part in parts)])[row]
    ends = _last(user)
    if ((time[1:] < time[:-1]) & ~ends[:-1]).any():
        order = _by_time(user, time)
        time, row = time[order], row[order]
    kind = np.concatenate([group.open["kind"], *(part["kind"] for part in parts)])[row]

    # Difference, and a flag on each session's last row. Rows above the watermark are cut off: an
    # earlier one can still come between them.
    ends[:-1] |= np.diff(time) > gap
    ripe = time <= watermark[user]
    if group.texts is None:
        ends[:-1] |= ripe[:-1] > ripe[1:]
    end = np.flatnonzero(ends)
    start = _first(end)
    owner, finish = user[end], time[end]
    closed = finish < watermark[owner] - gap

    # Segmented sums.
    if group.texts is None:
        done, counts = np.flatnonzero(closed), _count(kind, start)
        carried = np.flatnonzero(row[start] < opened)
        before = row[start[carried]]
        for name in COUNTS:
            counts[name][carried] += group.open[name][before]
        counts["events"][carried] -= 1
        begin = time[start]
        begin[carried] = group.open["start"][before]
        sessions = {"user": owner, "start": begin, "end": finish, **counts}
        stays = np.flatnonzero(~closed & ripe[start])
        sessions["kind"] = np.where(
            counts["searches"] == 0,
            np.uint8(_NO_SEARCH),
            np.where(sessions.pop("new"), np.uint8(_NEW_SEARCH), np.uint8(_CLICKED_SEARCH)),
        )
        kept, texts = np.flatnonzero(~ripe), None
        still = _at(sessions, stays)
        del sessions["kind"]
        finished = _at(sessions, done)
    else:
        sizes = np.diff(np.append(start, len(user)))
        leaves = np.repeat(closed, sizes)
        kept, gone = np.flatnonzero(~leaves), np.flatnonzero(leaves)
        done = np.flatnonzero(closed)
        texts = pa.concat_tables([group.texts, *(t for _, t in group.fresh)])
        counts = _attribute(kind[gone], sizes[done], texts.take(_arrow(row[gone])))
        texts = texts.take(_arrow(row[kept]))
        finished = {"user": owner[done], "start": time[start[done]], "end": finish[done], **counts}
        still = group.open
    rows = {"user": user[kept], "time": time[kept], "kind": kind[kept]}
    return _Group(still, rows, texts), finished


def _count(kind: Array, start: Array) -> Arrays:
    """Count each session's rows where a click goes to the latest search before it.

    `new` tells whether the latest search has no click yet.
    """
    # A run is a search and what follows up to the next one, or what stands before the first.
    starts = np.zeros(len(kind), bool)
    starts[start] = True
    run = np.flatnonzero(starts | (kind >= _SEARCH))
    what = kind[run]
    clicks = _sums((kind == _CLICK).astype(np.int64), run)
    unclicked = (what == _SEARCH) | (what == _NEW_SEARCH)
    first = np.flatnonzero(starts[run])
    # Two counts in one number, so that one sum does for both.
    both = _sums(clicks << 32 | (what == _SEARCH), first)
    gained = _sums(np.where(what < _SEARCH, clicks, 0) << 32 | (unclicked & (clicks > 0)), first)
    final = np.append(first[1:], len(run)) - 1
    low = (1 << 32) - 1
    return {
        "events": np.diff(np.append(start, len(kind))),
        "searches": both & low,
        "clicks": both >> 32,
        "searches_clicked": gained & low,
        "orphan_clicks": gained >> 32,
        "new": unclicked[final] & (clicks[final] == 0),
    }


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
        keys = np.sort((id[named] << bits) | search[named])
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
        lists = texts["items"].take(_arrow(result)).combine_chunks()
        shown_by = np.where(owner[result] >= 0, owner[result], latest[result])
        logged = _truth(lists.is_valid()) & (shown_by >= 0)
        answered[shown_by[logged]] = True
        parent = _view(pc.list_parent_indices(lists), np.int64)
        items = [pc.list_flatten(lists)]
        free = click[owner[click] < 0]
        if "item" in texts.column_names:
            items.append(texts["item"].take(_arrow(free)).combine_chunks())
        shown, *clicked = _codes(*items)
        if clicked:
            mine = shown_by[parent] >= 0
            keys = np.sort((shown[mine] << bits) | shown_by[parent][mine])
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


def _new_state(schema: pa.Schema) -> _State:
    names = [name for name in _TEXTS if name in schema.names]
    texts = None
    if {"items", "query_id"} & set(names):
        # Not by way of a schema's empty_table(), which would import pandas.
        texts = pa.Table.from_arrays([pa.nulls(0, _TEXTS[name]) for name in names], names)
    number = pa.types.is_integer(schema.field("user").type)
    return _State(pa.nulls(0, pa.int64() if number else pa.string()), _EMPTY, _EMPTY, (), texts)


def _new_group(texts: pa.Table | None) -> _Group:
    rows: Arrays = {"user": _EMPTY, "time": _EMPTY, "kind": np.zeros(0, np.uint8)}
    opened: Arrays = {name: _EMPTY for name in ("start", "end", *COUNTS)}
    return _Group(rows | opened, rows, texts)


def _sort_by_user(user: Array) -> tuple[Array, Array]:
    """Users in order, and the rows where they stood; those of one user stay in their order.

    One number holds both, since numpy sorts numbers ten times faster than it finds a stable order.
    """
    bits = len(user).bit_length()
    both = np.sort(user.astype(np.int64) << bits | np.arange(len(user)))
    return both >> bits, both & ((1 << bits) - 1)


def _last(user: Array) -> Array:
    """Flags on rows: is this one the last of its user?"""
    last = np.ones(len(user), bool)
    np.not_equal(user[1:], user[:-1], out=last[:-1])
    return last


def _first(last: Array) -> Array:
    """The first row of each stretch, from the last ones."""
    return np.append(0, last[:-1] + 1)[: len(last)]


def _running_max(user: Array, time: Array, first: Array, newest: Array) -> Array:
    """Each user's newest time so far, in rows by user as they arrived."""
    time = time.copy()
    time[first] = np.maximum(time[first], newest[user[first]])
    low = time.min()
    bits = int(time.max() - low).bit_length()
    if bits + int(user[-1]).bit_length() < 63:
        top = np.maximum.accumulate(user << bits | (time - low))
        newest_so_far: Array = (top & ((1 << bits) - 1)) + low
    else:
        values, rank = np.unique(time, return_inverse=True)
        bits = len(values).bit_length()
        top = np.maximum.accumulate(user << bits | rank)
        newest_so_far = values[top & ((1 << bits) - 1)]
    return newest_so_far


def _by_time(user: Array, time: Array) -> Array:
    """The order of rows by user and time, where they are by user; equal times stay as they are."""
    last = np.flatnonzero(_last(user))
    first = _first(last)
    sizes = last - first + 1
    begin = np.repeat(first, sizes)
    place = np.arange(len(user)) - begin
    low = time.min()
    time_bits = int(time.max() - low).bit_length()
    place_bits = int(sizes.max()).bit_length()
    number = user - user[0]
    if int(number[-1]).bit_length() + time_bits + place_bits >= 63:
        return np.lexsort((time, user))
    key = np.sort((number << time_bits | (time - low)) << place_bits | place)
    order: Array = begin + (key & ((1 << place_bits) - 1))
    return order


def _sums(values: Array, start: Array) -> Array:
    """Sums of stretches of `values`, which start where `start` says."""
    return np.add.reduceat(values, start) if len(start) else _EMPTY


def _column(parts: Iterable[Array]) -> Array:
    return np.concatenate([_EMPTY, *parts])


def _at(columns: Arrays, rows: Any) -> Arrays:
    return {name: column[rows] for name, column in columns.items()}


def _compact(rows: Any) -> Any:
    """A copy without what the rows were cut from, which pickling would take along."""
    if rows is None:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    reader = pa.ipc.open_stream(sink.getvalue())
    return reader.read_all() if isinstance(rows, pa.Table) else reader.read_next_batch()


def _late(batches: Sequence[pa.RecordBatch], row: Array, late_by: Array) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches).take(_arrow(row))
    table = table.append_column("late_by", _arrow(late_by).view(pa.duration("us")))
    return table.combine_chunks().to_batches()[0]


def _number(users: pa.Array, columns: list[pa.Array]) -> tuple[Array, pa.Array]:
    """The number of each row's user: its place among `users`, to which new ones are added."""
    chunks = [users, *map(_plain, columns)]
    if len({chunk.type for chunk in chunks}) > 1:
        chunks = [_texts(chunk) for chunk in chunks]
    both = pa.concat_arrays(chunks)
    if len(both) and both.type == pa.int64():
        values = _view(both, np.int64)
        low = int(values.min())
        if int(values.max()) - low < 4 * len(values):
            return _number_dense(values[: len(users)], values[len(users) :], low)
    encoded = both.dictionary_encode()
    return _view(encoded.indices, np.int32)[len(users) :], encoded.dictionary


def _number_dense(known: Array, arrived: Array, low: int) -> tuple[Array, pa.Array]:
    """As `_number`, for numbers of which many between the lowest and the highest are users.

    A table by value is several times faster than Arrow's hash table.
    """
    top = max(known.max(initial=low), arrived.max(initial=low))
    table = np.full(top - low + 1, -1, np.int32)
    table[arrived - low] = len(known)
    table[known - low] = -1
    new = np.flatnonzero(table >= 0)
    table[new] += np.arange(len(new), dtype=np.int32)
    table[known - low] = np.arange(len(known))
    return table[arrived - low], _arrow(np.append(known, new + low))


def _plain(column: pa.Array) -> pa.Array:
    """A column of users as int64 or string, without a hole."""
    if column.null_count:
        raise ValueError(f"user is missing in {column.null_count} rows")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64() if column.type != pa.uint64() else pa.string())
    if pa.types.is_floating(column.type):
        raise TypeError(f"user must be text or a whole number; got {column.type}")
    return column.cast(pa.string())


def _texts(column: Any) -> Any:
    return column.cast(pa.string())


def _kinds(batch: pa.RecordBatch) -> Array:
    column = batch["event"]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    kinds = column.dictionary.to_pylist()
    numbers = np.array([KINDS.get(kind, 255) for kind in kinds], np.uint8)
    if column.null_count:
        raise ValueError(f"event is missing in {column.null_count} rows")
    kind = numbers[_view(column.indices.cast(pa.int32()), np.int32)]
    if (kind == 255).any():
        wrong = kinds[column.indices[int(np.argmax(kind == 255))].as_py()]
        raise ValueError(f"event must be one of {', '.join(KINDS)}; got {wrong!r}")
    return kind


def _times(batch: pa.RecordBatch) -> Array:
    column = batch["time"]
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        raise TypeError(f"time must be a timestamp with a time zone; got {column.type}")
    if column.null_count:
        raise ValueError(f"time is missing in {column.null_count} rows")
    column = column.cast(options=pc.CastOptions(_MICROSECONDS, allow_time_truncate=True))
    time = _view(column, np.int64)
    if len(time) and not (time.min() >= 0 and time.max() <= _micro(LATEST - EARLIEST)):
        raise ValueError(f"time must be between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    return time


def _texts_of(kept: pa.Table, arrived: Iterable[pa.RecordBatch]) -> pa.Table:
    names = kept.column_names
    columns = ([batch[name].cast(_TEXTS[name]) for name in names] for batch in arrived)
    return pa.concat_tables([kept, *(pa.Table.from_arrays(c, kept.schema.names) for c in columns)])


def _codes(*columns: Any) -> list[Array]:
    """Numbers for texts, the same for the same text in all columns, -1 for none."""
    chunks = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    encoded = pa.concat_arrays(chunks).dictionary_encode()
    codes = np.where(_truth(encoded.is_valid()), _view(encoded.indices, np.int32), np.int64(-1))
    return np.split(codes, np.cumsum([len(chunk) for chunk in chunks])[:-1])


def _sessions(users: pa.Array, next_id: Array, done: Arrays) -> pa.RecordBatch:
    """Closed sessions, by user and time, as they leave; counts up their users' `next_id`."""
    user = done["user"]
    last = np.flatnonzero(_last(user))
    first = _first(last)
    sizes = last - first + 1
    id = np.repeat(next_id[user[first]] - first, sizes) + np.arange(len(user))
    next_id[user[first]] += sizes
    columns = [_texts(users.take(_arrow(user))), _arrow(id)]
    columns += [_arrow(done[name]).view(_MICROSECONDS) for name in ("start", "end")]
    columns += [_arrow(done[name]) for name in COUNTS]
    return pa.RecordBatch.from_arrays(columns, schema=_SESSIONS)


def _view(array: pa.Array, dtype: Any, length: int | None = None) -> Array:
    """An Arrow array's values without a copy: its to_numpy() would import pandas."""
    buffer = array.buffers()[1]
    values = np.frombuffer(buffer, dtype) if buffer else np.zeros(0, dtype)
    return values[array.offset : array.offset + (len(array) if length is None else length)]


def _truth(array: pa.Array) -> Array:
    return _view(array.cast(pa.uint8()), np.uint8).astype(bool)


def _arrow(values: Array) -> pa.Array:
    values = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def _micro(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
