"""The same sessions from record batches: columns through numpy instead of objects through Python.

Items of the stream are `pyarrow.RecordBatch`: rows in the order in which they arrived, with columns
of COLUMNS, the first three always. A log that has neither `items` nor `query_id` needs no row once
it is counted; in one that has either, the rows of open sessions are kept until they close.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
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
_BLOCK = 1 << 16
_EMPTY = np.zeros(0, np.int64)

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]

_MICROSECONDS = pa.timestamp("us", tz="UTC")
_TEXTS = {"query_id": pa.string(), "item": pa.string(), "items": pa.list_(pa.string())}
SESSIONS = pa.schema(
    [
        ("user", pa.string()),
        ("session", pa.int64()),
        ("start", _MICROSECONDS),
        ("end", _MICROSECONDS),
        *((name, pa.int64()) for name in COUNTS),
    ]
)
"""A row a session."""


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
    split over `shards`, which the engine deals out to the workers. State belongs to a shard: a flow
    can be resumed with more workers or fewer, but not with another number of shards.

    Raises where `gap` or `wait` is not a timedelta from 0 to 366 days, and where `shards` is not a
    whole number from 1.
    """
    check_duration("gap", gap)
    check_duration("wait", wait)
    if type(shards) is not int or shards < 1:
        raise ValueError(f"shards must be a whole number from 1; got {shards!r}")
    keyed = op.flat_map("shard", up, lambda batch: split(batch, shards))
    tagged = op.stateful_batch(
        "sessionize", keyed, lambda state: ShardLogic(gap, wait, state, shards)
    )
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
    sessions = pa.Table.from_batches(down, SESSIONS)
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
        # Row groups can be large: they are read piece by piece.
        self.file = pq.ParquetFile(
            source.path, read_dictionary=kinds, pre_buffer=False, buffer_size=_BLOCK
        )
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
    starts = view(text, np.int32, len(text) + 1)
    data = text.buffers()[2]
    bytes_ = np.frombuffer(data or b"", np.uint8)[starts[0] : starts[-1]].astype(np.uint64)
    starts = starts - starts[0]
    lengths = np.diff(starts)
    # Each user's bytes as the digits of a number, modulo 2⁶⁴, whose high bits are well mixed.
    place = np.arange(len(bytes_)) - np.repeat(starts[:-1], lengths)
    weights = np.cumprod(np.full(max(lengths, default=0) + 1, 0x9E3779B97F4A7C15, np.uint64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum((bytes_ + np.uint64(1)) * weights[place])])
    hashes = (sums[starts[1:]] - sums[starts[:-1]]) * weights[0]
    shard = ((hashes >> np.uint64(33)) % np.uint64(shards))[view(users.indices, np.int32)]
    rows = [(i, np.flatnonzero(shard == i)) for i in range(shards)]
    return [(str(i), batch.take(arrow(row))) for i, row in rows if len(row)]


@dataclass
class _State:
    """What one shard remembers."""

    shards: int
    """Of how many it is one."""
    users: pa.Array
    """Every user ever seen: a user's number is the place here."""
    open: Array
    """A byte a user, and some to spare: as what kind of row the user's open session, which has all
    events so far at or below the watermark, takes part in the next round; 0 where there is none."""
    table: Array
    """A row a user, and some to spare, of whole numbers, as _TABLE says."""
    rows: Arrays
    """Rows kept as they are, each user's by time: above their watermark, or awaiting attribution.
    """
    texts: pa.Table | None
    """Of those rows, what attribution looks at; None where the log has nothing of it."""
    arrived: tuple[pa.RecordBatch, ...] = ()
    """What came since the last round."""
    ended: Array = field(default_factory=_EMPTY.copy)
    """Each user's newest time, where the input had an end: all sessions closed, but what would have
    been late still is."""


_TABLE = ("start", "end", *COUNTS, "next")
"""Of each user: the open session, and the id of the next session that closes."""

Out = list[tuple[str, pa.RecordBatch]]


class ShardLogic(StatefulBatchLogic[pa.RecordBatch, tuple[str, pa.RecordBatch], _State | None]):
    """The sessions of one shard's users; what leaves is tagged as "down" or "late"."""

    def __init__(
        self, gap: timedelta, wait: timedelta, resume: _State | None = None, shards: int = 1
    ) -> None:
        if resume is not None and resume.shards != shards:
            raise ValueError(f"shards were {resume.shards} when this was stored; now {shards}")
        self.gap, self.wait, self.shards = _micro(gap), _micro(wait), shards
        self.state = resume
        self.numbers = _Numbers()

    def on_batch(self, values: list[pa.RecordBatch]) -> tuple[Out, bool]:
        out: Out = []
        for batch in values:
            self.state = state = self.state or _new_state(batch.schema, self.shards)
            state.arrived += (batch,)
            # A round looks through what is known, so it awaits as much that is new: then the cost
            # of an event doesn't depend on the number of users.
            if sum(map(len, state.arrived)) >= _known(state):
                out += self._round(state, eof=False)
        return out, self.RETAIN

    def on_eof(self) -> tuple[Out, bool]:
        return self._round(self.state, eof=True) if self.state else [], self.RETAIN

    def snapshot(self) -> _State | None:
        if self.state is None:
            return None
        state, users = self.state, len(self.state.users)
        return replace(
            state,
            open=state.open[:users].copy(),  # what changes in place
            table=state.table[:users].copy(),
            arrived=tuple(map(_compact, state.arrived)),
        )

    def _round(self, state: _State, eof: bool) -> Out:
        """Find the sessions of the users of new rows; let out those that have closed."""
        number, state.users = self.numbers.number(
            state.users, [batch["user"] for batch in state.arrived]
        )
        users = len(state.users)
        state.open, state.table = _grown(state.open, users), _grown(state.table, users)
        part = state.open[:users] > 0
        before, kept = state.rows, _at(state.rows, _EMPTY)
        if not eof and state.texts is None:
            # A user's watermark moves with that user's rows alone: the others have nothing new.
            new = np.zeros(users, bool)
            new[number] = True
            part &= new
            part_too = _take(new, before["user"])
            before, kept = (_at(before, np.flatnonzero(rows)) for rows in (part_too, ~part_too))
        with_open = np.flatnonzero(part)
        opened = _take(state.table, with_open)

        # An open session takes part as one row, at its last time; kept rows stand after it, new
        # ones after those: so a user's rows are in the order of arrival.
        user = _column([with_open, before["user"], number], np.int32)
        time = _column([opened[:, 1], before["time"], *map(_times, state.arrived)])
        opened_kind = _take(state.open, with_open)
        kind = _column([opened_kind, before["kind"], *map(_kinds, state.arrived)], np.uint8)
        if state.texts is not None:
            state.texts = _texts_of(state.texts, state.arrived)
        if not len(user):
            return []
        pieces = [
            self._cut(state, opened, mine, row, _take(time, row), _take(kind, row), eof)
            for mine, row in _by_user(user, users)
        ]
        late, closed, still, rest = (_joined(parts) for parts in zip(*pieces, strict=True))
        late = _at(late, np.argsort(late["row"]))
        out = _late(state.arrived, late["row"] - len(with_open) - len(before["user"]), late["by"])
        if len(closed["user"]):
            out.append(("down", _sessions(state.users, state.table[:, -1], closed)))
        if state.texts is None:
            state.open[with_open] = 0
            state.open[still["user"]] = still["kind"]
            state.table[still["user"], :-1] = np.stack([still[name] for name in _TABLE[:-1]], 1)
        else:
            state.texts = state.texts.take(arrow(rest["row"]))
        state.rows = {name: np.concatenate([kept[name], rest[name]]) for name in kept}
        state.arrived = ()
        if eof:
            newest = np.full(users, _NEVER)
            newest[: len(state.ended)] = state.ended
            np.maximum.at(newest, user, time)
            state.ended = newest
        return out

    def _cut(
        self,
        state: _State,
        opened: Array,
        user: Array,
        row: Array,
        time: Array,
        kind: Array,
        eof: bool,
    ) -> tuple[Arrays, Arrays, Arrays, Arrays]:
        """Cut rows, by user as they arrived, into sessions.

        The first rows of all are open sessions, those of `opened`. Returns the late rows, the
        sessions that have closed, those that are open, and the rows that are not in any.
        """
        # Where a user's time runs back, some of it may be late; the rest is sorted by time.
        late, by = _EMPTY, _EMPTY
        low, watermark = user[0], np.empty(user[-1] - user[0] + 1, np.int64)
        if len(state.ended) or ((time[1:] < time[:-1]) & (user[1:] == user[:-1])).any():
            user = user.astype(np.int64)
            newest = np.maximum(_running_max(user, time), _of(state.ended, user))
            late_by = newest - self.wait - time
            rows = np.flatnonzero(late_by > 0)
            late, by = row[rows], late_by[rows]
            rows = np.flatnonzero(late_by <= 0)
            rows = _take(rows, _by_time(user[rows], time[rows]))
            user, row, time, kind = user[rows], row[rows], time[rows], kind[rows]

        # Difference, and a flag on each session's last row. Rows above the watermark are cut off:
        # an earlier one can still come between them.
        last = _last(user)
        newest = np.flatnonzero(last)
        known = np.maximum(_take(time, newest), _of(state.ended, _take(user, newest)))
        known = np.full(len(known), _FOREVER) if eof else known - self.wait
        watermark[_take(user, newest) - low] = known
        ripe = time <= np.repeat(known, np.diff(newest, prepend=-1))
        last[:-1] |= time[1:] - time[:-1] > self.gap
        if state.texts is None:
            last[:-1] |= ripe[:-1] > ripe[1:]
        end = np.flatnonzero(last)
        start = _first(end)
        columns = {"user": user, "time": time, "kind": kind, "row": row}
        sessions = {
            "user": _take(user, start),
            "start": _take(time, start),
            "end": _take(time, end),
        }
        closed = sessions["end"] < _take(watermark, sessions["user"] - low) - self.gap
        done = np.flatnonzero(closed)

        # Segmented sums.
        if state.texts is None:
            sessions |= _count(kind, last)
            origin = _take(row, start)
            carried = np.flatnonzero(origin < len(opened))
            _add(sessions, carried, _take(opened, _take(origin, carried)))
            stays = np.flatnonzero(~closed & _take(ripe, start))
            finished, still, rest = _at(sessions, done), _at(sessions, stays), ~ripe
        else:
            sizes = end - start + 1
            rest = np.repeat(~closed, sizes)
            gone = np.flatnonzero(~rest)
            counts = _attribute(kind[gone], sizes[done], state.texts.take(arrow(row[gone])))
            finished, still = _at(sessions, done) | counts, {}
        return {"row": late, "by": by}, finished, still, _at(columns, np.flatnonzero(rest))


def _of(ended: Array, user: Array) -> Array | int:
    """The time that each user had reached at the end of the input, where there was one."""
    if not len(ended):
        return _NEVER
    return _take(np.append(ended, _NEVER), np.minimum(user, len(ended)))


def _known(state: _State) -> int:
    """So many rows are worth a round: with the more, the fewer rows take part again and again."""
    rows = len(state.rows["user"])
    return max(rows if state.texts is not None else 2 * rows, len(state.users))


def _grown(table: Array, users: int) -> Array:
    """The table with a row for each user; it grows by half at least, so that this costs little."""
    if users <= len(table):
        return table
    # What is spare takes up no memory until it is written to.
    grown = np.zeros((users + users // 2, *table.shape[1:]), table.dtype)
    grown[: len(table)] = table
    return grown


def _count(kind: Array, last: Array) -> Arrays:
    """Count each session's rows where a click goes to the latest search before it.

    `last` flags each session's last row. `kind`, in what comes back, is that of the row as which
    the session enters the next round.
    """
    begins = np.ones(len(kind), bool)
    begins[1:] = last[:-1]
    start = np.flatnonzero(begins)
    told = np.flatnonzero(begins | (kind >= _CLICK))  # what else there is, only counts as an event
    kind, begins = _take(kind, told), _take(begins, told)
    first = np.flatnonzero(begins)
    after = np.append(first, len(told))[1:]
    head = _take(kind, first)

    is_click, is_search = kind == _CLICK, kind == _SEARCH
    unclicked = is_search | (kind == _NEW_SEARCH)
    gained = is_click & ~begins
    gained[1:] &= unclicked[:-1]
    searches, clicks, searches_clicked = _sums([is_search, is_click, gained], after)
    searched = (searches > 0) | (head > _NO_SEARCH)
    state = np.where(searched, _CLICKED_SEARCH, _NO_SEARCH)
    state = np.where(_take(unclicked, after - 1), _NEW_SEARCH, state)

    # Clicks are orphans where nothing but the session's beginning stands before them.
    orphans = np.zeros(len(first), np.int64)
    second = _take(np.append(is_click & ~begins, False), first + 1)
    few = np.flatnonzero((second | (head == _CLICK)) & (head <= _NO_SEARCH))
    search = np.append(np.flatnonzero(kind > _NO_SEARCH), len(kind))
    until = np.minimum(search[np.searchsorted(search, first[few])], after[few])
    orphans[few] = until - first[few] - (head[few] != _CLICK)
    return {
        "kind": state,
        "events": np.diff(start, append=len(last)),
        "searches": searches,
        "clicks": clicks,
        "searches_clicked": searches_clicked,
        "orphan_clicks": orphans,
    }


def _add(sessions: Arrays, carried: Array, before: Array) -> None:
    """Add to the sessions at `carried` what is known of them `before`, in rows as in _TABLE."""
    for number, name in enumerate(COUNTS, 2):
        sessions[name][carried] += before[:, number]
    sessions["events"][carried] -= 1  # the row as which it came
    sessions["start"][carried] = before[:, 0]


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


def _new_state(schema: pa.Schema, shards: int) -> _State:
    names = [name for name in _TEXTS if name in schema.names]
    texts = None
    if {"items", "query_id"} & set(names):
        # Not by way of a schema's empty_table(), which would import pandas.
        texts = pa.Table.from_arrays([pa.nulls(0, _TEXTS[name]) for name in names], names)
    number = pa.types.is_integer(schema.field("user").type)
    rows: Arrays = {"user": _EMPTY, "time": _EMPTY, "kind": np.zeros(0, np.uint8)}
    users = pa.nulls(0, pa.int64() if number else pa.string())
    table = np.zeros((0, len(_TABLE)), np.int64)
    return _State(shards, users, np.zeros(0, np.uint8), table, rows, texts)


def _by_user(user: Array, users: int) -> Iterator[tuple[Array, Array]]:
    """Users, numbers below `users`, in order, and the rows where they stood, in blocks.

    A user's rows stay in their order, in one block, which is so small that what is made of it fits
    the processor's cache. Of numbers of 16 bits numpy finds a stable order by a radix sort, several
    times faster than it sorts longer ones, whatever the processor.
    """
    # First by the high bits alone, so that each block is sorted by the low ones in the cache.
    shift = min(16, max(users.bit_length() - 8, 0))
    high = (user >> shift).astype(np.uint8 if users >> shift < 256 else np.uint16)
    rows = np.argsort(high, kind="stable") if shift else np.arange(len(user))
    ends = np.cumsum(np.bincount(high)) if shift else np.array([len(user)])
    begin = first = 0
    while first < len(ends):
        last = int(np.searchsorted(ends, begin + _BLOCK))
        last = min(max(last, first + 1), first + (1 << 16 >> shift), len(ends))
        row, begin = rows[begin : ends[last - 1]], int(ends[last - 1])
        if len(row):
            mine = _take(user, row)
            order = np.argsort((mine - (first << shift)).astype(np.uint16), kind="stable")
            yield _take(mine, order), _take(row, order)
        first = last


def _last(user: Array) -> Array:
    """Flags on rows: is this one the last of its user?"""
    last = np.ones(len(user), bool)
    np.not_equal(user[1:], user[:-1], out=last[:-1])
    return last


def _first(last: Array) -> Array:
    """The first row of each stretch, from the last ones."""
    return np.append(0, last[:-1] + 1)[: len(last)]


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


def _sums(flags: Sequence[Array], after: Array) -> list[Array]:
    """How many of each of three flags stretches have, each stretch up to where `after` says."""
    bits = len(flags[0]).bit_length()
    if not len(after) or 3 * bits > 63:
        sums = [np.append(0, np.cumsum(flag, dtype=np.int64)) for flag in flags]
        return [np.diff(_take(one, after), prepend=0) for one in sums]
    # Three counts in one number, so that one sum does for all.
    code = flags[0].view(np.uint8) | flags[1].view(np.uint8) << 1 | flags[2].view(np.uint8) << 2
    each = np.array([sum((i >> n & 1) << n * bits for n in range(3)) for i in range(8)])
    total = np.diff(_take(np.cumsum(_take(each, code)), after - 1), prepend=0)
    return [total >> n * bits & (1 << bits) - 1 for n in range(3)]


def _column(parts: Iterable[Array], dtype: Any = np.int64) -> Array:
    return np.concatenate([np.zeros(0, dtype), *parts], dtype=dtype, casting="unsafe")


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _at(columns: Arrays, rows: Array) -> Arrays:
    return {name: _take(column, rows) for name, column in columns.items()}


def _take(values: Array, rows: Array) -> Array:
    """`values[rows]`, of rows that are there: numpy is twice as fast where it needn't look."""
    return values.take(rows, axis=0, mode="clip")


def _compact(rows: Any) -> Any:
    """A copy without what the rows were cut from, which pickling would take along."""
    if rows is None:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    reader = pa.ipc.open_stream(sink.getvalue())
    return reader.read_all() if isinstance(rows, pa.Table) else reader.read_next_batch()


def _late(arrived: Iterable[pa.RecordBatch], row: Array, late_by: Array) -> Out:
    """The rows of the arrived batches that are late, and by how much."""
    out, first = [], 0
    for batch in arrived:
        rows = slice(*np.searchsorted(row, [first, first + len(batch)]))
        if len(row[rows]):
            columns = batch.take(arrow(row[rows] - first)).columns
            columns.append(arrow(late_by[rows]).view(pa.duration("us")))
            schema = batch.schema.append(pa.field("late_by", pa.duration("us")))
            out.append(("late", pa.RecordBatch.from_arrays(columns, schema=schema)))
        first += len(batch)
    return out


class _Numbers:
    """Numbers for users: each one's place among all that were ever seen."""

    def __init__(self) -> None:
        self.low = 0
        self.places = np.zeros(0, np.int32)
        """The place of each user from `low` on, where many whole numbers in a row are users; else
        Arrow's hash table, several times slower, is made anew each time."""

    def number(self, users: pa.Array, columns: list[pa.Array]) -> tuple[Array, pa.Array]:
        """The number of each row's user, and the users, to which new ones are added."""
        chunks = [_plain(column) for column in columns]
        if len({chunk.type for chunk in (users, *chunks)}) > 1:
            users, *chunks = [_texts(chunk) for chunk in (users, *chunks)]
        arrived = pa.concat_arrays([users[:0], *chunks])
        if len(arrived) and users.type == pa.int64() and self._covers(users, arrived):
            value = view(arrived, np.int64) - self.low
            number = _take(self.places, value)
            new = np.flatnonzero(number < 0)
            if len(new):
                fresh = np.zeros(len(self.places), bool)
                fresh[value[new]] = True
                added = np.flatnonzero(fresh)
                self.places[added] = np.arange(len(users), len(users) + len(added))
                users = arrow(np.append(view(users, np.int64), added + self.low))
                number[new] = self.places[value[new]]
            return number, users
        encoded = pa.concat_arrays([users, arrived]).dictionary_encode()
        return view(encoded.indices, np.int32)[len(users) :], encoded.dictionary

    def _covers(self, users: pa.Array, arrived: pa.Array) -> bool:
        """Whether the places are there, or could be made, from the lowest number to the highest."""
        new, known = view(arrived, np.int64), view(users, np.int64)
        low, high = int(new.min()), int(new.max())
        if self.low <= low and high < self.low + len(self.places):
            return True
        low, high = min(low, int(known.min(initial=low))), max(high, int(known.max(initial=high)))
        if high - low >= 4 * (len(known) + len(new)):
            return False
        self.low, self.places = low, np.full(2 * (high - low + 1), -1, np.int32)
        self.places[known - low] = np.arange(len(known))
        return True


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
    kind = numbers[view(column.indices.cast(pa.int32()), np.int32)]
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
    time = view(column, np.int64)
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
    codes = np.where(truth(encoded.is_valid()), view(encoded.indices, np.int32), np.int64(-1))
    return np.split(codes, np.cumsum([len(chunk) for chunk in chunks])[:-1])


def _sessions(users: pa.Array, next_id: Array, done: Arrays) -> pa.RecordBatch:
    """Closed sessions, by user and time, as they leave; counts up their users' `next_id`."""
    user = done["user"]
    last = np.flatnonzero(_last(user))
    first = _first(last)
    sizes = last - first + 1
    id = np.repeat(_take(next_id, _take(user, first)) - first, sizes) + np.arange(len(user))
    next_id[user[first]] += sizes
    columns = [_texts(users.take(arrow(user))), arrow(id)]
    columns += [arrow(done[name]).view(_MICROSECONDS) for name in ("start", "end")]
    columns += [arrow(done[name]) for name in COUNTS]
    return pa.RecordBatch.from_arrays(columns, schema=SESSIONS)


def view(array: pa.Array, dtype: Any, length: int | None = None) -> Array:
    """An Arrow array's values without a copy: its to_numpy() would import pandas."""
    buffer = array.buffers()[1]
    values = np.frombuffer(buffer, dtype) if buffer else np.zeros(0, dtype)
    return values[array.offset : array.offset + (len(array) if length is None else length)]


def truth(array: pa.Array) -> Array:
    """A column of flags, none of them missing."""
    return view(array.cast(pa.uint8()), np.uint8).astype(bool)


def arrow(values: Array) -> pa.Array:
    """Whole numbers as an Arrow array, without a copy."""
    values = np.ascontiguousarray(values, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


def _micro(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
