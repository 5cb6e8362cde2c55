"""The same sessions from record batches: columns through numpy instead of objects through Python.

Items of the stream are `pyarrow.RecordBatch`: rows in the order in which they arrived, with columns
of COLUMNS, the first three always. A log that has neither `items` nor `query_id` needs no row once
it is counted; in one that has either, the rows of open sessions are kept until they close.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bytewax.operators import StatefulBatchLogic

from searchlogs.columnar.kernel import (
    NUMBERS,
    PAGE,
    PAGE_BITS,
    Array,
    Arrays,
    Pieces,
    arrow,
    at,
    cut,
    stable_order,
    take,
    view,
)
from searchlogs.columnar.users import UserNumbers, texts
from searchlogs.events import EARLIEST, LATEST
from searchlogs.logs.schemas import COUNTED, COUNTS, TIME

_BLOCK = 1 << 16
"""So many rows at the most are worked on together: of them, all fits the processor's cache."""
_LITTLE = 1 << 14
"""Batches of fewer rows are put together first, as each costs something."""
_NEVER = -(1 << 62)
_EMPTY = np.zeros(0, np.int64)
_TEXTS = {"query_id": pa.string(), "item": pa.string(), "items": pa.list_(pa.string())}


@dataclass(frozen=True)
class _Page:
    """What one shard remembers of PAGE users. Arrays are replaced, never changed."""

    open: Array
    """A byte a user: as what kind of row the user's open session, which has all events so far at or
    below the watermark, takes part in the next round; 0 where there is none."""
    span: Array
    """Two rows: that session's start and end."""
    counts: Array
    """A row for each of COUNTS."""
    next: Array
    """The id of each user's next session that closes."""
    rows: Arrays
    """Rows kept as they are, each user's by time: above their watermark, or awaiting attribution.
    """
    ended: Array
    """Each user's newest time, where the input had an end: all sessions closed, but what would have
    been late still is."""


@dataclass
class _State:
    """What one shard remembers."""

    shards: int
    """Of how many it is one."""
    wait: int
    """Of which rows may be late, it was found out for this wait."""
    users: pa.ChunkedArray
    """Every user ever seen: a user's number is the place here."""
    pages: list[_Page]
    texts: pa.Table | None
    """Of rows that are kept, what attribution looks at; None where the log has nothing of it."""
    newest: int = _NEVER
    """The newest time of all users: a row that isn't older than this by the wait can't be late."""
    arrived: tuple[pa.RecordBatch, ...] = ()
    """Batches whose users have no numbers yet."""
    held: tuple[pa.RecordBatch, ...] = ()
    """Of what waits for a round, the rows that may be late; all, where there are `texts`."""
    waiting: "tuple[_Part, ...]" = ()
    """In a snapshot, what waits for a round."""


_COLUMNS = {"user": np.uint16, "time": np.int64, "kind": np.uint8, "row": np.int64}
"""Of rows that wait or are kept. `row` is the place among the rows that are held, or else -1."""

_Part: TypeAlias = tuple[Arrays, Array]
"""Rows by page, and where each page in them ends; `row` only where one of them is held."""


class _Waiting:
    """Rows that wait for a round, so that those of a page are found at once."""

    def __init__(self, parts: Iterable[_Part] = ()) -> None:
        self.parts = list(parts)
        self.size = sum(len(columns["user"]) for columns, _ in self.parts)
        # What holds the parts, round after round, as it takes time to get memory that is new: so
        # many are full, and so many rows of the one after them.
        self.buffers: list[Arrays] = []
        self.full = self.used = 0

    def add(self, number: Array, time: Array, kind: Array, row: Array | None, pages: int) -> None:
        """Take up to _BLOCK more rows, of the users with these numbers."""
        if self.buffers and self.used + len(number) > len(self.buffers[self.full]["time"]):
            self.full, self.used = self.full + 1, 0
        if self.full == len(self.buffers):
            room = _BLOCK << min(len(self.buffers), 3)  # large ones are had in larger pages
            self.buffers.append({name: np.empty(room, type) for name, type in _COLUMNS.items()})
        new = {"user": (number & (PAGE - 1)).astype(np.uint16), "time": time, "kind": kind}
        if row is not None:
            new["row"] = row
        place = slice(self.used, self.used + len(number))
        part = {name: self.buffers[self.full][name][place] for name in new}
        page = (number >> PAGE_BITS).astype(np.uint8 if pages <= 256 else np.uint16)
        order = stable_order(page) if pages > 1 else np.arange(len(page))
        for name, column in new.items():
            column.take(order, mode="clip", out=part[name])
        self.parts.append((part, np.searchsorted(take(page, order), np.arange(pages), "right")))
        self.size += len(number)
        self.used += len(number)

    def of(self, page: int) -> dict[str, list[Array]]:
        """The columns of a page's rows, part by part, in the order in which they arrived."""
        found: list[Arrays] = []
        for columns, ends in self.parts:
            if page < len(ends) and (end := ends[page]) > (begin := ends[page - 1] if page else 0):
                found.append({name: column[begin:end] for name, column in columns.items()})
        if any("row" in part for part in found):
            for part in found:
                part.setdefault("row", np.full(len(part["user"]), -1))
        return {name: [part[name] for part in found] for name in found[0]} if found else {}

    def clear(self) -> None:
        self.parts.clear()
        self.size = self.full = self.used = 0

    def snapshot(self) -> tuple[_Part, ...]:
        return tuple(
            ({name: column.copy() for name, column in columns.items()}, ends)
            for columns, ends in self.parts
        )


Out = list[tuple[str, pa.RecordBatch]]


class ShardLogic(StatefulBatchLogic[pa.RecordBatch, tuple[str, pa.RecordBatch], _State | None]):
    """The sessions of one shard's users; what leaves is tagged as "down" or "late".

    Rows that arrive are put by page of users; once they are worth it, a round looks through what
    waits and what is known, page by page.
    """

    def __init__(
        self, gap: timedelta, wait: timedelta, resume: _State | None = None, shards: int = 1
    ) -> None:
        if resume is not None and resume.shards != shards:
            raise ValueError(f"shards were {resume.shards} when this was stored; now {shards}")
        if resume is not None and resume.wait > _micro(wait):
            was = timedelta(microseconds=resume.wait)
            raise ValueError(f"wait was {was} when this was stored; {wait} is shorter")
        self.gap, self.wait, self.shards = _micro(gap), _micro(wait), shards
        # Each page of memory that is new costs a microsecond or two. glibc keeps for itself what is
        # freed in pieces as large as one that it has seen freed, up to 32 MB.
        np.empty((1 << 25) - (1 << 16), np.uint8)
        self.state = replace(resume, wait=self.wait, pages=[*resume.pages]) if resume else None
        self.waiting = _Waiting(resume.waiting if resume else ())
        self.known = _known(resume) if resume else 0
        self.numbers = UserNumbers()
        self.names: dict[int, pa.Array] = {}

    def on_batch(self, values: list[pa.RecordBatch]) -> tuple[Out, bool]:
        out: Out = []
        for batch in values:
            if self.state is None:
                self.state = _new_state(batch.schema, self.shards, self.wait)
            state = self.state
            state.arrived += (batch,)
            arrived, due = sum(map(len, state.arrived)), self._due(state)
            if arrived >= min(_LITTLE, due - self.waiting.size):
                self._take_in(state)
            if self.waiting.size >= due:
                out += self._round(state, eof=False)
        return out, self.RETAIN

    def on_eof(self) -> tuple[Out, bool]:
        if self.state is None:
            return [], self.RETAIN
        self._take_in(self.state, now=True)
        return self._round(self.state, eof=True), self.RETAIN

    def snapshot(self) -> _State | None:
        if self.state is None:
            return None
        state = self.state
        return replace(
            state,
            pages=list(state.pages),
            arrived=tuple(map(_compact, state.arrived)),
            held=tuple(map(_compact, state.held)),
            waiting=self.waiting.snapshot(),
        )

    def _due(self, state: _State) -> int:
        """So many rows are worth a round.

        It looks at all users, and what is known takes part again: with many times as many rows
        that are new, the cost of an event doesn't depend on the number of users.
        """
        users = len(state.users)
        if max(users, self.known) <= 1_000:  # costs little either way, and sessions leave sooner
            return max(users, self.known, 1)
        again = 10 if state.texts is None else 2  # texts take up memory
        return max(2 * users, again * self.known)

    def _take_in(self, state: _State, now: bool = False) -> None:
        """Put the rows that arrived where they wait."""
        if not state.arrived:
            return
        found = self.numbers.number(state.users, [b["user"] for b in state.arrived], now)
        if found is None:
            return
        numbers, state.users = found
        if len(state.arrived) > 1 and len({batch.schema for batch in state.arrived}) == 1:
            state.arrived = (pa.concat_batches(state.arrived),)
        pages = -(-len(state.users) // PAGE)
        new = [_new_page(state.texts is not None) for _ in range(len(state.pages), pages)]
        state.pages += new
        held = sum(map(len, state.held))
        for batch in state.arrived:
            number, numbers = numbers[: len(batch)], numbers[len(batch) :]
            time, kind, row = _times(batch), _kinds(batch), None
            hold = self._to_hold(state, time)
            if len(hold):
                row = np.full(len(batch), -1)
                row[hold] = np.arange(held, held + len(hold))
                held += len(hold)
                state.held += (batch.take(arrow(hold)) if len(hold) < len(batch) else batch,)
            for begin in range(0, len(batch), _BLOCK):
                some = slice(begin, begin + _BLOCK)
                rows = None if row is None else row[some]
                self.waiting.add(number[some], time[some], kind[some], rows, pages)
        state.arrived = ()

    def _to_hold(self, state: _State, time: Array) -> Array:
        """Which rows of a batch will be needed as they came: those that may be late, at least."""
        if state.texts is not None or not len(time):
            return np.arange(len(time))
        newest: Any = state.newest
        if (time[1:] < time[:-1]).any():
            newest = np.maximum(np.maximum.accumulate(time), newest)
        state.newest = max(int(np.max(newest)), int(time[-1]))
        return np.flatnonzero(time < newest - self.wait)

    def _round(self, state: _State, eof: bool) -> Out:
        """Find the sessions of the users of new rows; let out those that have closed."""
        out: Out = []
        late = [{"row": _EMPTY, "by": _EMPTY}]
        before, kept = 0, [_EMPTY]
        if state.texts is not None:
            before = len(state.texts)
            state.texts = _texts_of(state.texts, state.held)
        for number, page in enumerate(state.pages):
            new = self.waiting.of(number)
            if not (new or eof or state.texts is not None):
                continue
            if before and new:
                new["row"] = [row + before for row in new["row"]]
            rows, opened = _joined(page, new)
            if not len(rows["user"]):
                continue
            rows = at(rows, stable_order(rows["user"]))
            pieces = cut(rows, opened, self.gap, self.wait, page.ended, eof, state.texts)
            late.append(pieces.late)
            page = _after(page, pieces, eof)
            if len(pieces.closed["user"]):
                out.append(
                    ("down", _sessions(self._names(state, number), page.next, pieces.closed))
                )
            if state.texts is not None:
                kept.append(page.rows["row"])
                end = sum(map(len, kept))
                page.rows["row"] = np.arange(end - len(kept[-1]), end)
            state.pages[number] = page
        row, by = (np.concatenate([part[name] for part in late]) for name in ("row", "by"))
        order = np.argsort(row)
        out += _late(state.held, row[order] - before, by[order])
        if state.texts is not None:
            state.texts = state.texts.take(arrow(np.concatenate(kept)))
        state.held = ()
        self.waiting.clear()
        self.known = _known(state)
        return out

    def _names(self, state: _State, page: int) -> pa.Array:
        """The users of a page as text."""
        users = state.users.slice(page * PAGE, PAGE)
        if len(self.names.get(page, ())) < len(users):
            self.names[page] = pa.concat_arrays(texts(users).chunks)
        return self.names[page]


def _known(state: _State) -> int:
    """How many rows would take part in a round, if there were no new ones."""
    rows = (len(page.rows["user"]) + np.count_nonzero(page.open) for page in state.pages)
    return int(sum(rows))


def _joined(page: _Page, new: dict[str, list[Array]]) -> tuple[Arrays, Arrays]:
    """What takes part in a round, each user's rows as they arrived; what the open sessions had.

    An open session takes part as one row, at its last time; kept rows stand after it, and new ones
    after those.
    """
    user = np.flatnonzero(page.open)
    opened = {name: take(row, user) for name, row in zip(COUNTS, page.counts, strict=True)}
    opened["start"] = take(page.span[0], user)
    first = {"user": user.astype(np.uint16), "time": take(page.span[1], user)}
    first["kind"] = take(page.open, user)
    kept = page.rows
    if "row" in new or "row" in kept:
        first["row"] = np.full(len(user), -1)
        kept = {"row": np.full(len(kept["user"]), -1)} | kept
    rows = {name: np.concatenate([first[name], kept[name], *new.get(name, ())]) for name in first}
    return rows, opened


def _after(page: _Page, pieces: Pieces, eof: bool) -> _Page:
    """What is remembered after a round."""
    open, span, counts, ended = np.zeros_like(page.open), page.span, page.counts, page.ended
    if pieces.still:
        still = pieces.still
        if still["events"].max(initial=0) >> 32:
            raise OverflowError(f"a session has {still['events'].max():,} events: 2³² are too many")
        span, counts = span.copy(), counts.copy()
        user = still["user"].astype(np.intp)
        open[user] = still["kind"]
        for column, name in zip([*span, *counts], ("start", "end", *COUNTS), strict=True):
            column[user] = still[name]
    if eof:
        user, newest = pieces.newest
        ended = ended.copy() if len(ended) else np.full(PAGE, _NEVER)
        ended[user] = newest
    rows = {name: pieces.rest[name] for name in page.rows}
    return _Page(open, span, counts, page.next.copy(), rows, ended)


def _new_page(texts: bool) -> _Page:
    names = [name for name in _COLUMNS if texts or name != "row"]
    return _Page(
        open=np.zeros(PAGE, np.uint8),
        span=np.zeros((2, PAGE), np.int64),
        counts=np.zeros((len(COUNTS), PAGE), np.uint32),
        next=np.zeros(PAGE, np.uint32),
        rows={name: np.zeros(0, _COLUMNS[name]) for name in names},
        ended=_EMPTY,
    )


def _new_state(schema: pa.Schema, shards: int, wait: int) -> _State:
    names = [name for name in _TEXTS if name in schema.names]
    texts = None
    if {"items", "query_id"} & set(names):
        # Not by way of a schema's empty_table(), which would import pandas.
        texts = pa.Table.from_arrays([pa.nulls(0, _TEXTS[name]) for name in names], names)
    number = pa.types.is_integer(schema.field("user").type)
    users = pa.chunked_array([], pa.int64() if number else pa.string())
    return _State(shards, wait, users, [], texts)


def _sessions(names: pa.Array, next_id: Array, done: Arrays) -> pa.RecordBatch:
    """Closed sessions, by user and time, as they leave; counts up their users' `next_id`."""
    user = done["user"].astype(np.intp)
    first = np.flatnonzero(np.append(True, user[1:] != user[:-1]))
    sizes = np.diff(first, append=len(user))
    mine = take(user, first)
    id = np.repeat(take(next_id, mine) - first, sizes) + np.arange(len(user))
    next_id[mine] += sizes.astype(next_id.dtype)
    columns = [names.take(arrow(user)), arrow(id)]
    columns += [arrow(done[name]).view(TIME) for name in ("start", "end")]
    columns += [arrow(done[name]) for name in COUNTS]
    return pa.RecordBatch.from_arrays(columns, schema=COUNTED)


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


def _compact(rows: Any) -> Any:
    """A copy without what the rows were cut from, which pickling would take along."""
    if rows is None:
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    reader = pa.ipc.open_stream(sink.getvalue())
    return reader.read_all() if isinstance(rows, pa.Table) else reader.read_next_batch()


def _kinds(batch: pa.RecordBatch) -> Array:
    column = batch["event"]
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    kinds = column.dictionary.to_pylist()
    numbers = arrow(np.array([NUMBERS.get(kind, 255) for kind in kinds], np.uint8))
    if column.null_count:
        raise ValueError(f"event is missing in {column.null_count} rows")
    kind = view(pc.take(numbers, column.indices, boundscheck=False), np.uint8)
    if (kind == 255).any():
        wrong = kinds[column.indices[int(np.argmax(kind == 255))].as_py()]
        raise ValueError(f"event must be one of {', '.join(NUMBERS)}; got {wrong!r}")
    return kind


def _times(batch: pa.RecordBatch) -> Array:
    column = batch["time"]
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        raise TypeError(f"time must be a timestamp with a time zone; got {column.type}")
    if column.null_count:
        raise ValueError(f"time is missing in {column.null_count} rows")
    column = column.cast(options=pc.CastOptions(TIME, allow_time_truncate=True))
    time = view(column, np.int64)
    if len(time) and not (time.min() >= 0 and time.max() <= _micro(LATEST - EARLIEST)):
        raise ValueError(f"time must be between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    return time


def _texts_of(kept: pa.Table, arrived: Iterable[pa.RecordBatch]) -> pa.Table:
    names = kept.column_names
    columns = ([batch[name].cast(_TEXTS[name]) for name in names] for batch in arrived)
    return pa.concat_tables([kept, *(pa.Table.from_arrays(c, kept.schema.names) for c in columns)])


def _micro(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
