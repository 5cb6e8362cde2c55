"""Sessions from record batches: columns through numpy in place of objects through Python.

A `Sessionizer` is handed batches of rows, in the order in which they arrived, and gives the
sessions that have closed and the rows that are late. It needs no engine: `operator` makes a Bytewax
operator of it. Rows are collected first. Once there are enough of them, a round cuts them into
sessions, together with what is known of sessions that are still open.

A batch has the columns `event`, `user` and `time`. If a log has `items` or `query_id` too, clicks
are joined to searches by them, and the rows of a session are kept until it closes. If it has
neither, rows are counted in the next round and forgotten.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.attribution import attributed_counts
from searchlogs.columnar.columns import TEXTS, as_text, event_codes, event_times
from searchlogs.columnar.kernel import Arrays, Pieces, Rules, cut
from searchlogs.columnar.pages import NEVER, Page, Part, Waiting
from searchlogs.columnar.users import UserNumbers
from searchlogs.durations import Windowing
from searchlogs.logs.arrays import Array, from_numpy, take, to_stream
from searchlogs.logs.schemas import COUNTED, COUNTS, TIME

LATE_BY = pa.field("late_by", pa.duration("us"))

MAX_ROUND = 1 << 17
"""Most new rows with texts that a round waits for, unless more are known."""


@dataclass(frozen=True)
class Sizes:
    """Sizes that change how fast sessions are found, and not which. Tests use small ones."""

    page: int = 1 << 12
    """Users who are worked on together, a power of 2: Arrow sorts this many by counting."""
    small: int = 1 << 14
    """Rows to collect before users are looked up, which has a price for each batch."""
    round: int | None = None
    """New rows to collect before each round; None: as many as make a round worth its price."""


@dataclass
class Found:
    """What has been found since the last call."""

    sessions: list[pa.RecordBatch] = field(default_factory=list)
    """Closed sessions under COUNTED: one row per session."""
    late: list[pa.RecordBatch] = field(default_factory=list)
    """Late rows, with the columns that they came with, and `late_by`, a duration."""


@dataclass
class State:
    """What is remembered between batches."""

    wait: int
    """The wait, in microseconds, under which `held` was chosen."""
    users: pa.ChunkedArray
    """Every user ever seen; a user's number is the place here."""
    pages: list[Page]
    texts: pa.Table | None
    """What attribution needs of the rows that are kept; None if the log has nothing of it."""
    newest: int = NEVER
    """Newest time of all users: rows not older than this by the wait can't be late."""
    arrived: tuple[pa.RecordBatch, ...] = ()
    """Batches whose users have no numbers yet."""
    held: tuple[pa.RecordBatch, ...] = ()
    """Of the rows that wait for a round, those that may be late; if there are `texts`, all."""
    waiting: tuple[Part, ...] = ()
    """In a snapshot, the rows that wait for a round."""


class Sessionizer:
    """Find the sessions of record batches, batch by batch.

    Sessions and late rows are those of `session_window` with `replay_clock(wait)`, whatever the
    size of the batches. A closed session leaves with one of the next rounds, or at the end.

    >>> from searchlogs.columnar.convert import to_batch
    >>> from searchlogs.simulate import client_events
    >>> sessionizer = Sessionizer("30m", "1m")
    >>> sessionizer.add(to_batch(client_events())).sessions
    []
    >>> [len(sessions) for sessions in sessionizer.finish().sessions]
    [2]
    """

    def __init__(
        self,
        gap: timedelta | str,
        wait: timedelta | str,
        state: State | None = None,
        sizes: Sizes = Sizes(),
    ) -> None:
        """Start anew, or where an earlier one stood.

        Args:
            gap: The longest pause within a session: a timedelta, or text such as "30m".
            wait: How far the watermark is behind the newest event of a user.
            state: A snapshot of the earlier one, taken with the same sizes.
            sizes: How many rows and users to work on at a time.

        Raises:
            TypeError: `gap` or `wait` is neither a timedelta nor text.
            ValueError: A duration is out of range, or the wait is shorter than that of `state`.
        """
        windowing = Windowing(gap, wait)
        self.gap, self.wait = _micros(windowing.gap), _micros(windowing.wait)
        if state is not None and state.wait > self.wait:
            was = timedelta(microseconds=state.wait)
            raise ValueError(
                f"wait: a run can only go on with the same wait or a longer one; "
                f"found {windowing.wait}, after {was}"
            )
        self.sizes = sizes
        # glibc gives freed arrays back to the system, and each new page of memory costs a fault.
        # Once it has seen one this large freed, it keeps them: 5 to 10 % of the time, measured.
        np.empty((1 << 25) - (1 << 16), np.uint8)
        self.state = replace(state, wait=self.wait, pages=[*state.pages]) if state else None
        self.waiting = Waiting(sizes.page, state.waiting if state else ())
        self.known = sum(map(len, state.pages)) if state else 0
        self.numbers = UserNumbers()
        self.names: dict[int, pa.Array] = {}

    def add(self, batch: pa.RecordBatch) -> Found:
        """Take in a batch, and return what it has closed.

        Raises:
            TypeError: A column has a type that can't be read.
            ValueError: A column holds a null, another word for a kind, or a time out of range.
        """
        if self.state is None:
            self.state = _new_state(batch.schema, self.wait)
        state = self.state
        state.arrived += (batch,)
        arrived, due = sum(map(len, state.arrived)), self._round_size(state)
        if arrived >= min(self.sizes.small, due - self.waiting.size):
            self._take_in(state)
        return self._round(state, eof=False) if self.waiting.size >= due else Found()

    def finish(self) -> Found:
        """Close all sessions, as the input ends here, and return them."""
        if self.state is None:
            return Found()
        self._take_in(self.state, now=True)
        return self._round(self.state, eof=True)

    def snapshot(self) -> State | None:
        """Return what is remembered, which later batches don't change; None before the first."""
        if self.state is None:
            return None
        state = self.state
        return replace(
            state,
            pages=list(state.pages),
            arrived=tuple(map(_compact, state.arrived)),
            held=tuple(map(_compact, state.held)),
            waiting=self.waiting.parts,
        )

    def _round_size(self, state: State) -> int:
        """Return the number of new rows to collect before the next round.

        A round looks at all users, and what is known takes part in it again. If new rows are many
        times as many, the price of an event doesn't depend on the number of users.
        """
        if self.sizes.round is not None:
            return self.sizes.round
        users = len(state.users)
        if max(users, self.known) <= 1_000:  # cheap in any case, and sessions leave sooner
            return max(users, self.known, 1)
        if state.texts is None:
            return max(2 * users, 10 * self.known)
        # Texts take up memory, most of all while a round finds out what belongs together.
        return max(min(2 * users, MAX_ROUND), self.known + min(self.known, MAX_ROUND))

    def _take_in(self, state: State, now: bool = False) -> None:
        """Put the rows that have arrived where they wait, if it pays or has to be done now."""
        if not state.arrived:
            return
        found = self.numbers.number(state.users, [batch["user"] for batch in state.arrived], now)
        if found is None:
            return
        numbers, state.users = found
        if len(state.arrived) > 1 and len({batch.schema for batch in state.arrived}) == 1:
            state.arrived = (pa.concat_batches(state.arrived),)
        pages = -(-len(state.users) // self.sizes.page)
        while len(state.pages) < pages:
            state.pages.append(Page.new(self.sizes.page, state.texts is not None))
        held = sum(map(len, state.held))
        for batch in state.arrived:
            number, numbers = numbers[: len(batch)], numbers[len(batch) :]
            rows = {"time": event_times(batch), "kind": event_codes(batch)}
            hold = self._to_hold(state, rows["time"])
            if len(hold):
                rows["row"] = np.full(len(batch), -1)
                rows["row"][hold] = np.arange(held, held + len(hold))
                held += len(hold)
                whole = len(hold) == len(batch)
                state.held += (batch if whole else batch.take(from_numpy(hold)),)
            self.waiting.add(number, rows, pages)
        state.arrived = ()

    def _to_hold(self, state: State, time: Array) -> Array:
        """Return which rows of a batch to hold as they came: at least those that may be late."""
        if state.texts is not None or not len(time):
            return np.arange(len(time))
        newest: Any = state.newest
        if (time[1:] < time[:-1]).any():
            newest = np.maximum(np.maximum.accumulate(time), newest)
        state.newest = max(int(np.max(newest)), int(time[-1]))
        return np.flatnonzero(time < newest - self.wait)

    def _round(self, state: State, eof: bool) -> Found:
        """Cut what waits and what is known into sessions, page by page."""
        found = Found()
        late, kept = [], [np.zeros(0, np.int64)]
        before, keeps_rows = 0, state.texts is not None
        if state.texts is not None:
            before = len(state.texts)
            # Each page would put them together for itself.
            state.texts = _texts_of(state.texts, state.held).combine_chunks()
        rules = Rules(self.gap, self.wait, keeps_rows)
        for number, page in enumerate(state.pages):
            new = self.waiting.of(number)
            if not (new or eof or keeps_rows):
                continue
            if before and new:
                new["row"] = [row + before for row in new["row"]]
            rows, carried = page.join(new)
            if not len(rows["user"]):
                continue
            pieces = cut(rows, carried, rules, page.ended, eof)
            late.append(pieces.late)
            page = page.after(pieces, eof)
            if len(pieces.closed["user"]):
                names = self._names(state, number)
                closed = _with_counts(pieces, state.texts)
                found.sessions.append(_sessions(names, page.next_id, closed))
            if keeps_rows:
                kept.append(page.rows["row"])
                end = sum(map(len, kept))
                page.rows["row"] = np.arange(end - len(kept[-1]), end)
            state.pages[number] = page
        found.late = _late(state.held, before, late)
        if state.texts is not None:
            state.texts = state.texts.take(from_numpy(np.concatenate(kept)))
        state.held = ()
        self.waiting = Waiting(self.sizes.page)
        self.known = sum(map(len, state.pages))
        return found

    def _names(self, state: State, page: int) -> pa.Array:
        """Return the users of a page as text."""
        users = state.users.slice(page * self.sizes.page, self.sizes.page)
        if len(self.names.get(page, ())) < len(users):
            self.names[page] = pa.concat_arrays(as_text(users).chunks)
        return self.names[page]


def sessionize_batches(
    batches: Iterable[pa.RecordBatch],
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
) -> tuple[pa.Table, pa.Table]:
    """Find the sessions of record batches that are all there.

    Args:
        batches: The batches, in the order in which their rows arrived.
        gap: The longest pause within a session: a timedelta, or text such as "30m".
        wait: How far the watermark is behind the newest event of a user.

    Returns:
        The sessions under COUNTED, by user and id; and the late rows with `late_by`, a duration,
        by user and then as they arrived.

    Raises:
        TypeError: A duration or a column has a type that can't be read.
        ValueError: A duration is out of range, or a column holds what it can't.
    """
    sessionizer = Sessionizer(gap, wait)
    sessions: list[pa.RecordBatch] = []
    late: list[pa.RecordBatch] = []
    schema = pa.schema([])
    for batch in batches:
        schema = schema if len(schema) else batch.schema
        found = sessionizer.add(batch)
        sessions += found.sessions
        late += found.late
    rest = sessionizer.finish()
    late_rows = pa.Table.from_batches([*late, *rest.late], schema.append(LATE_BY))
    if len(late_rows):  # a stable sort: each user's rows stay in order
        late_rows = late_rows.take(pc.sort_indices(as_text(late_rows["user"])))
    table = pa.Table.from_batches([*sessions, *rest.sessions], COUNTED)
    return table.sort_by([("user", "ascending"), ("session", "ascending")]), late_rows


def _new_state(schema: pa.Schema, wait: int) -> State:
    """Return what is remembered before the first batch, which has this schema."""
    names = [name for name in TEXTS if name in schema.names]
    texts = None
    if {"items", "query_id"} & set(names):
        # A schema's empty_table() would import pandas.
        texts = pa.Table.from_arrays([pa.nulls(0, TEXTS[name]) for name in names], names)
    is_number = pa.types.is_integer(schema.field("user").type)
    users = pa.chunked_array([], pa.int64() if is_number else pa.string())
    return State(wait, users, [], texts)


def _with_counts(pieces: Pieces, texts: pa.Table | None) -> Arrays:
    """Return closed sessions with their counts."""
    if texts is None:
        return pieces.closed
    kind, row = (pieces.closed_rows[name] for name in ("kind", "row"))
    return pieces.closed | attributed_counts(kind, pieces.sizes, row, texts)


def _sessions(names: pa.Array, next_id: Array, closed: Arrays) -> pa.RecordBatch:
    """Return closed sessions, by user and time, under COUNTED, and count up `next_id`."""
    user = closed["user"].astype(np.intp)
    first = np.flatnonzero(np.append(True, user[1:] != user[:-1]))
    sizes = np.diff(first, append=len(user))
    mine = take(user, first)
    id = np.repeat(take(next_id, mine) - first, sizes) + np.arange(len(user))
    next_id[mine] += sizes.astype(next_id.dtype)
    columns = [names.take(from_numpy(user)), from_numpy(id)]
    columns += [from_numpy(closed[name]).view(TIME) for name in ("start", "end")]
    columns += [from_numpy(closed[name]) for name in COUNTS]
    return pa.RecordBatch.from_arrays(columns, schema=COUNTED)


def _late(held: Iterable[pa.RecordBatch], first: int, late: list[Arrays]) -> list[pa.RecordBatch]:
    """Return the held rows that are late, and by how much; `first` is the number of the first."""
    if not late:
        return []
    row, by = (np.concatenate([part[name] for part in late]) for name in ("row", "by"))
    order = np.argsort(row)
    row, by = row[order], by[order]
    out = []
    for batch in held:
        mine = slice(*np.searchsorted(row, [first, first + len(batch)]))
        if len(row[mine]):
            columns = batch.take(from_numpy(row[mine] - first)).columns
            columns.append(from_numpy(by[mine]).view(LATE_BY.type))
            schema = batch.schema.append(LATE_BY)
            out.append(pa.RecordBatch.from_arrays(columns, schema=schema))
        first += len(batch)
    return out


def _texts_of(kept: pa.Table, arrived: Iterable[pa.RecordBatch]) -> pa.Table:
    """Return what attribution needs of rows that were kept, and of new ones."""
    names = kept.column_names
    columns = ([batch[name].cast(TEXTS[name]) for name in names] for batch in arrived)
    return pa.concat_tables([kept, *(pa.Table.from_arrays(c, names) for c in columns)])


def _compact(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return a copy without what the rows were cut from, which pickling would take along."""
    return pa.ipc.open_stream(to_stream(rows)).read_next_batch()


def _micros(duration: timedelta) -> int:
    """Return a duration in microseconds."""
    return duration // timedelta(microseconds=1)
