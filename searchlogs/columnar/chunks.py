"""Consecutive records of a log as columns, with what the border made of the others.

Whatever validation would surely take as it stands becomes rows at once. Records of which that isn't
sure are read one by one, so rejects are the same whichever way a log is read.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from searchlogs.columnar.checks import ACTION, ignored_rows, with_results
from searchlogs.columnar.convert import IS_NUMBER, KIND_WORDS, to_batch
from searchlogs.columnar.notes import holds
from searchlogs.events import KINDS, Event
from searchlogs.logs.arrays import (
    Array,
    flag_array,
    from_numpy,
    one_array,
    take,
    text_array,
    to_numpy,
)
from searchlogs.logs.border import Border
from searchlogs.logs.formats import Read
from searchlogs.logs.log import Log
from searchlogs.logs.records import RANKS
from searchlogs.logs.ubi import Ubi

NEVER = np.int64(np.iinfo(np.int64).min)
"""The newest time of a file of which nothing has been read."""


@dataclass(frozen=True)
class Raw:
    """Bytes of records, in a format of lines."""

    data: bytes
    begin: Array
    """Place of each record's first byte."""
    end: Array
    """Place behind each record."""
    lines: Array
    """Number of lines that each record took."""

    def part(self, rows: slice | Array) -> "Raw":
        """Return some of the records."""
        return Raw(self.data, self.begin[rows], self.end[rows], self.lines[rows])

    def without_bytes(self) -> "Raw":
        """Return the records without their bytes, as if each had none."""
        none = np.zeros(len(self.lines), np.int64)
        return Raw(b"", none, none, self.lines)


@dataclass(frozen=True)
class Passed:
    """Records whose kinds are ignored, and framing."""

    places: Array
    """The place of each record, from 0."""
    words: pa.StringArray
    """The log's name of each one's kind, null for framing."""
    found: frozenset[str] = frozenset()
    """The mapped fields that any of them has."""

    def part(self, begin: int, end: int) -> "Passed":
        """Return the records at some places, which are counted from there on."""
        first, last = np.searchsorted(self.places, (begin, end)).tolist()
        words = self.words.slice(first, last - first)
        return Passed(self.places[first:last] - begin, words, self.found if last > first else NONE)


def in_order(parts: list[Passed]) -> Passed:
    """Return records that are ignored as one, in the order of their places."""
    places = np.concatenate([part.places for part in parts])
    order = np.argsort(places, kind="stable")
    words = pa.concat_arrays([part.words for part in parts]).take(from_numpy(order))
    return Passed(places[order], words, NONE.union(*(part.found for part in parts)))


NONE: frozenset[str] = frozenset()
NOTHING_PASSED = Passed(np.zeros(0, np.int64), text_array([]))
"""No record that is ignored."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive records."""

    rows: pa.RecordBatch
    """The events."""
    places: Array
    """The place of the record that gave each of `rows`, from 0."""
    others: list[tuple[int, Read]]
    """The records that gave none, and those that gave events with notes, with their places."""
    passed: Passed
    """More records that gave none."""
    key: Array
    """For each record the newest time in its file so far, and the kind, by which files are merged.

    A time is in microseconds, times 4, with the rank of the kind added to it.
    """
    raw: Raw | None = None
    """The bytes of the records; None in a format without lines."""

    def cut(self, size: int) -> tuple["Chunk", "Chunk | None"]:
        """Return the first `size` records, and the rest."""
        if size >= len(self.key):
            return self, None
        row = int(np.searchsorted(self.places, size))
        before = [other for other in self.others if other[0] < size]
        after = [(place - size, read) for place, read in self.others[len(before) :]]
        raw, rest = (self.raw and self.raw.part(part) for part in (slice(size), slice(size, None)))
        passed, left = self.passed.part(0, size), self.passed.part(size, len(self.key))
        rows, others = self.rows.slice(0, row), self.rows.slice(row)
        return (
            Chunk(rows, self.places[:row], before, passed, self.key[:size], raw),
            Chunk(others, self.places[row:] - size, after, left, self.key[size:], rest),
        )


@dataclass(frozen=True)
class Maker:
    """Makes chunks of a file's records."""

    names: list[str]
    """Our names of the columns, and ACTION if the log has activities."""

    def chunk(
        self,
        columns: pa.RecordBatch | None,
        good: Array,
        reads: Iterable[Read],
        newest: np.int64,
        raw: Raw | None = None,
        passed: Passed = NOTHING_PASSED,
    ) -> Chunk:
        """Return a chunk.

        Args:
            columns: The records under our names and types; None if all are read one by one.
            good: Whether each record is surely an event as it stands.
            reads: What the border makes of each of the others.
            newest: Last key of the file's chunk before.
            raw: The bytes of the records, in a format of lines.
            passed: Those that are surely ignored, and not read.
        """
        places = np.flatnonzero(good)
        doubtful = ~good
        doubtful[passed.places] = False
        columns = self.rows([]) if columns is None else columns
        if len(places) < len(columns):
            columns = columns.take(from_numpy(places))
        columns, places = with_results(columns, places)
        others: list[tuple[int, Read]] = []
        events: list[tuple[int, Event]] = []
        for place, read in zip(np.flatnonzero(doubtful).tolist(), reads, strict=True):
            if isinstance(read.outcome, tuple):
                events += [(place, event) for event in read.outcome]
            if type(read.outcome) is not tuple:
                others.append((place, read))
        if events:
            places = np.append(places, [place for place, _ in events])
            order = np.argsort(places, kind="stable")
            columns = joined([columns, self.rows([event for _, event in events])])
            columns, places = columns.take(from_numpy(order)), places[order]
        key = np.full(len(good) + 1, newest)
        key[places[::-1] + 1] = due_times(columns)[
            ::-1
        ]  # of a record that gave two events, the first's
        return Chunk(columns, places, others, passed, np.maximum.accumulate(key)[1:], raw)

    def rows(self, events: list[Event]) -> pa.RecordBatch:
        """Return events that were read one by one as rows; their notes are kept elsewhere."""
        rows = to_batch(events)
        if ACTION in self.names:
            rows = rows.append_column(ACTION, text_array([None] * len(events)))
        return rows.select([*self.names, *({IS_NUMBER} & {*rows.schema.names})])


def due_times(rows: pa.RecordBatch) -> Array:
    """Return the time and the rank of each event as one number, by which events are ordered."""
    rank = take(RANK_OF, to_numpy(rows["event"].indices, np.int8))
    return 4 * to_numpy(rows["time"], np.int64) + rank


RANK_OF = np.array(
    [RANKS.get(KINDS[word], 0) if word in KINDS else 0 for word in KIND_WORDS.to_pylist()]
)
"""Rank of each kind of event at one time, by its code."""


def joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return batches as one; users become text if some are and others are not."""
    batches = [batch for batch in batches if len(batch)] or batches[:1]
    if len({batch.schema for batch in batches}) > 1:
        batches = [_with_text_users(batch) for batch in batches]
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _with_text_users(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose users are text, with the column that says which were numbers."""
    names = [name for name in batch.schema.names if name != IS_NUMBER]
    users = batch["user"]
    was_number = pa.types.is_integer(users.type)
    flags = flag_array([was_number] * len(batch))
    if IS_NUMBER in batch.schema.names:
        flags = batch[IS_NUMBER]
    columns = [users.cast(pa.string()) if name == "user" else batch[name] for name in names]
    return pa.RecordBatch.from_arrays([*columns, flags], [*names, IS_NUMBER])


def as_they_stand(log: Log) -> bool:
    """Return whether nothing is wanted of a log for which each record has to be looked at."""
    border = log.border
    asks_for_more = log.once is not None or log.key is not None or log.ahead is not None
    is_known = type(border) is Border or (
        type(border) is Ubi and not border.reads_twice and "results" not in border.kinds.values()
    )
    return is_known and not (asks_for_more or "id" in border.fields)


def passed_rows(words: pa.StringArray, table: pa.Table, border: Border) -> Passed:
    """Return the records that surely are ignored.

    Args:
        words: The kind of each record, in the log's words; null where it is not sure.
        table: The records, under the log's names.
        border: Rules for reading them.
    """
    is_ignored = ignored_rows(words, border)
    places = np.flatnonzero(is_ignored)
    if not len(places):
        return NOTHING_PASSED
    found = {
        ours
        for ours, theirs in border.mapped.items()
        if theirs in table.column_names and (is_ignored & holds(one_array(table[theirs]))).any()
    }
    return Passed(places, words.take(from_numpy(places)), frozenset(found))


class File(Protocol):
    """A file whose records come in chunks."""

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is called with the number of bytes read each time."""


def merged(files: list[Iterator[Chunk]]) -> Iterator[Chunk]:
    """Merge files by the key of each one's next event; equal keys in the order given.

    That is the order of each one's largest key so far: an older record follows right behind it.
    """
    heads = [next(file, None) for file in files]
    while present := [(head.key[-1], number) for number, head in enumerate(heads) if head]:
        until, its = min(present)
        parts = []
        for number, head in enumerate(heads):
            if head:
                side: Any = "right" if number <= its else "left"
                size = int(np.searchsorted(head.key, until, side))
                if size:
                    part, heads[number] = head.cut(size)
                    parts.append(part)
                    heads[number] = heads[number] or next(files[number], None)
        yield interleaved(parts) if len(parts) > 1 else parts[0]


def interleaved(parts: list[Chunk]) -> Chunk:
    """Return chunks as one, in the order of their keys; equal keys keep their order."""
    key = np.concatenate([part.key for part in parts])
    order = np.argsort(key, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    begins = np.cumsum([0, *(len(part.key) for part in parts)])[:-1]
    places = [part.places + begin for part, begin in zip(parts, begins, strict=True)]
    place = rank[np.concatenate(places)]
    rows = np.argsort(place, kind="stable")  # a record may have given two events
    others = [
        (int(rank[begin + place]), read)
        for part, begin in zip(parts, begins, strict=True)
        for place, read in part.others
    ]
    others.sort(key=lambda other: other[0])
    batch = joined([part.rows for part in parts]).take(from_numpy(rows))
    raw = _joined_raw([part.raw for part in parts if part.raw is not None])
    passed = in_order(
        [
            replace(part.passed, places=rank[part.passed.places + begin])
            for part, begin in zip(parts, begins, strict=True)
        ]
    )
    return Chunk(batch, place[rows], others, passed, key[order], raw and raw.part(order))


def _joined_raw(parts: list[Raw]) -> Raw | None:
    """Return the bytes of chunks as one; None in a format without lines."""
    if not parts:
        return None
    data, begin, end = [], [], []
    size = 0
    for part in parts:
        low, high = int(part.begin.min()), int(part.end.max())
        data.append(part.data[low:high])
        begin.append(part.begin + (size - low))
        end.append(part.end + (size - low))
        size += high - low
    lines = np.concatenate([part.lines for part in parts])
    return Raw(b"".join(data), np.concatenate(begin), np.concatenate(end), lines)
