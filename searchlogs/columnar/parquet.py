"""Parquet files and queries whose columns are taken as they stand, and not record by record.

The rows that validation would take as they are become batches at once. Rows of which that isn't
sure are read one by one, so rejects are the same whichever way a log is read.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from searchlogs.columnar.checks import ACTION, our_columns, sure_rows, there, with_results
from searchlogs.columnar.convert import KIND_WORDS, to_batch
from searchlogs.columnar.notes import Notes
from searchlogs.events import EARLIEST, FIELDS, KINDS, Event
from searchlogs.logs.arrays import Array, from_numpy, take, text_array, to_flags, to_numpy
from searchlogs.logs.border import REQUIRED, BadRecord, Border, Reject, columns_of
from searchlogs.logs.formats import Read
from searchlogs.logs.log import OpenLog
from searchlogs.logs.outcomes import ACTIVITY, Found
from searchlogs.logs.parquet import UNREADABLE, parquet_batches, read_rows
from searchlogs.logs.records import RANKS
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.source import Tally, as_reject
from searchlogs.logs.words import STDIN


def common_columns(opened: OpenLog) -> pa.Schema | None:
    """Return the columns of a log whose columns can be taken as they stand.

    Returns:
        Our names and types, the same for all files; None if the log has to be read record by
        record.
    """
    log, files = opened.log, [path for path, _ in opened.files]
    formats = {format for _, format in opened.files}
    as_they_stand = log.once is None and log.key is None and log.ahead is None and not log.sort
    if type(log.border) is not Border or not as_they_stand:
        return None
    if log.query is not None:
        return our_schema(log.query.schema, log.border)
    if formats != {"parquet"} or STDIN in files:
        return None
    try:
        schemas = [our_schema(pq.read_schema(path), log.border) for path in files]
    except UNREADABLE:
        return None
    return schemas[0] if all(schema == schemas[0] for schema in schemas) else None


def our_schema(schema: pa.Schema, border: Border) -> pa.Schema | None:
    """Return our names and types of a file's columns; None if a value's type isn't ours."""
    found = {}
    for ours in FIELDS:
        theirs = border.theirs(ours)
        is_elsewhere = not {*schema.names}.isdisjoint(columns_of(theirs) - {theirs})
        if is_elsewhere or schema.names.count(theirs) > 1:
            return None
        if theirs in schema.names and not pa.types.is_null(schema.field(theirs).type):
            found[ours] = _type(ours, schema.field(theirs).type, border)
    if None in found.values() or not {*REQUIRED} <= found.keys() or "id" in border.fields:
        return None
    return pa.schema(found)


def _type(ours: str, theirs: pa.DataType, border: Border) -> pa.DataType | None:
    """Return our type of a column of theirs; None if its values have to be read one by one."""
    is_number = pa.types.is_integer(theirs) and theirs != pa.uint64()
    if ours == "user" and is_number:
        return pa.int64()
    if ours == "time":
        has_unit = is_number and border.time_unit is not None and border.time_format is None
        is_local = border.zone is not None and pa.types.is_timestamp(theirs) and theirs.tz is None
        known = has_unit or is_local or _has_zone(theirs)
        return EVENTS.field(ours).type if known else None
    if ours == "position":
        return pa.int64() if is_number or theirs == pa.float64() else None
    if ours == "items":
        listed = pa.types.is_list(theirs) or pa.types.is_large_list(theirs)
        return EVENTS.field(ours).type if listed and _is_text(theirs.value_type) else None
    if pa.types.is_dictionary(theirs):
        theirs = theirs.value_type
    return EVENTS.field(ours).type if _is_text(theirs) else None


def _has_zone(type: pa.DataType) -> bool:
    """Return whether a type is one of timestamps in a time zone that exists."""
    if not pa.types.is_timestamp(type) or type.tz is None:
        return False
    try:
        return pa.lib.string_to_tzinfo(type.tz) is not None
    except (ValueError, KeyError):
        return False


def _is_text(type: pa.DataType) -> bool:
    """Return whether a type is one of text."""
    return type in (pa.string(), pa.large_string())


@dataclass(frozen=True)
class Chunk:
    """Consecutive records."""

    rows: pa.RecordBatch
    """The events."""
    places: Array
    """The place of the record that gave each of `rows`, from 0."""
    others: list[tuple[int, Read]]
    """The records that gave none, and those that gave events with notes, with their places."""
    key: Array
    """For each record the newest time in its file so far, and the kind, by which files are merged.

    A time is in microseconds, times 4, with the rank of the kind added to it.
    """

    def cut(self, size: int) -> tuple["Chunk", "Chunk | None"]:
        """Return the first `size` records, and the rest."""
        if size >= len(self.key):
            return self, None
        row = int(np.searchsorted(self.places, size))
        before = [other for other in self.others if other[0] < size]
        after = [(place - size, read) for place, read in self.others[len(before) :]]
        return (
            Chunk(self.rows.slice(0, row), self.places[:row], before, self.key[:size]),
            Chunk(self.rows.slice(row), self.places[row:] - size, after, self.key[size:]),
        )


class Columns:
    """A log of Parquet files, or of a query, that is being read, its columns as they stand."""

    def __init__(self, opened: OpenLog, schema: pa.Schema, watch: Callable[[int], None]) -> None:
        """Start at the first record.

        Args:
            opened: The log.
            schema: Its columns, as `common_columns` returns them.
            watch: Called with the number of bytes read of a file since the last call.
        """
        has_activities = ACTIVITY in opened.log.border.kinds.values()
        taken = schema.append(pa.field(ACTION, pa.string())) if has_activities else schema
        border, query = opened.log.border, opened.log.query
        streams = [(path, _batches(path, border, watch)) for path, _ in opened.files]
        if query is not None:
            streams = [(query.name, query.batches(border))]
        chunks = [Chunks(name, border, taken).of(batches) for name, batches in streams]
        self.chunks = _merged(chunks)
        self.left: Chunk | None = None
        self.tally = Tally()
        self.notes = Notes(self.tally, opened.log.border)
        self.names = schema.names
        self.sums: dict[str, int] = {}

    @property
    def checksum(self) -> int:
        """Checksum of the records that were read."""
        return zlib.crc32(repr(sorted(self.sums.items())).encode()) if self.sums else 0

    def read(self, count: int) -> list[pa.RecordBatch | Reject]:
        """Return what the next `count` records give: fewer only at the end."""
        batch: list[pa.RecordBatch | Reject] = []
        while count and (chunk := self.left or next(self.chunks, None)):
            chunk, self.left = chunk.cut(count)
            count -= len(chunk.key)
            self.tally.lines += len(chunk.key)
            if len(chunk.rows):
                batch.append(chunk.rows.select(self.names))
                times = to_numpy(chunk.rows["time"], np.int64)
                ends = int(times.min()), int(times.max())
                first, last = (EARLIEST + timedelta(microseconds=end) for end in ends)
                records = int(np.count_nonzero(np.diff(chunk.places, prepend=-1)))
                self.tally.add_events(records, len(chunk.rows), first, last)
                noted = [
                    (place, read.outcome)
                    for place, read in chunk.others
                    if isinstance(read.outcome, Found)
                ]
                self.notes.add(chunk.rows, chunk.places, noted)
                for name, column in zip(chunk.rows.schema.names, chunk.rows.columns, strict=True):
                    self._sum(name, column)
            others = [read for _, read in chunk.others if not isinstance(read.outcome, tuple)]
            self.notes.mapped.look(read.outcome for read in others)
            for read in others:
                self.tally.add(read.outcome)
                self._add("others", read.raw)
                if isinstance(read.outcome, BadRecord):
                    batch.append(as_reject(read, read.outcome, withhold=False))
        return batch

    def _sum(self, name: str, column: pa.Array) -> None:
        """Continue the checksums of a column, which don't depend on the size of batches."""
        if pa.types.is_dictionary(column.type):
            column = column.indices
        if name not in ("event", "user", "time"):
            self._add(f"{name} there", to_flags(column.is_valid()))
        if pa.types.is_list(column.type):
            self._add(f"{name} length", _fixed(pc.list_value_length(column)))
            self._sum(f"one of {name}", pc.list_flatten(column))
        elif pa.types.is_string(column.type):
            offsets = to_numpy(column, np.int32, len(column) + 1)
            self._add(f"{name} length", np.diff(offsets))
            self._add(name, memoryview(column.buffers()[2] or b"")[offsets[0] : offsets[-1]])
        else:
            self._add(name, _fixed(column))

    def _add(self, name: str, data: Any) -> None:
        """Continue one checksum."""
        self.sums[name] = zlib.crc32(data, self.sums.get(name, 0))


def _fixed(column: pa.Array) -> Array:
    """Return the numbers of a column, 0 in place of null."""
    numbers = to_numpy(column, f"i{column.type.bit_width // 8}")
    return np.where(there(column), numbers, 0) if column.null_count else numbers


def _merged(files: list[Iterator[Chunk]]) -> Iterator[Chunk]:
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
        yield _interleaved(parts) if len(parts) > 1 else parts[0]


def _interleaved(parts: list[Chunk]) -> Chunk:
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
    batch = pa.concat_batches([part.rows for part in parts]).take(from_numpy(rows))
    return Chunk(batch, place[rows], others, key[order])


def _batches(
    path: str, border: Border, watch: Callable[[int], None]
) -> Iterator[tuple[list[str], pa.RecordBatch | BadRecord]]:
    """Read the batches of a Parquet file; `watch` is called with the bytes read each time."""
    with open(path, "rb") as file:
        before = 0
        for batch in parquet_batches(file, border):
            yield batch
            if (here := file.tell()) > before:  # reading starts at the end, with the footer
                watch(here - before)
                before = here
        watch(os.path.getsize(path) - before)


@dataclass(frozen=True)
class Chunks:
    """What makes chunks of a stream of record batches."""

    name: str
    """Name of the stream, for rejects."""
    border: Border
    schema: pa.Schema
    """Its columns, under our names and types."""
    as_they_stand: bool = True
    """Whether its columns may be taken as they stand; else every row is read by itself."""

    def of(
        self, batches: Iterable[tuple[list[str], pa.RecordBatch | BadRecord]]
    ) -> Iterator[Chunk]:
        """Yield all records of the batches, each of which comes with the stream's column names."""
        row, newest = 0, np.int64(np.iinfo(np.int64).min)
        for names, batch in batches:
            if isinstance(batch, BadRecord):
                others = [(0, Read(self.name, row + 1, b"", batch))]
                nothing = self._as_rows([])
                yield Chunk(nothing, np.zeros(0, np.int64), others, np.array([newest]))
            elif len(batch):
                chunk = self._chunk(batch, names, row, newest)
                row, newest = row + len(batch), chunk.key[-1]
                yield chunk

    def _chunk(self, batch: pa.RecordBatch, names: list[str], row: int, newest: np.int64) -> Chunk:
        """Return rows, of which the first is number `row` of the file, counted from 0."""
        columns, good = self._as_rows([]), np.zeros(len(batch), bool)
        if self.as_they_stand:
            with suppress(pa.ArrowInvalid, UnicodeDecodeError):
                taken = our_columns(batch, self.border, self.schema)
                taken.validate(full=True)  # text may not be UTF-8
                columns, good = taken, sure_rows(taken)
        places = np.flatnonzero(good)
        others = []
        if len(places) < len(batch):
            columns = columns.take(from_numpy(places)) if len(columns) else columns
        columns, places = with_results(columns, places)
        doubtful = np.flatnonzero(~good)
        if len(doubtful):
            found = read_rows(batch.take(from_numpy(doubtful)), names, self.border)
            events = []
            for place, (raw, outcome) in zip(doubtful.tolist(), found, strict=True):
                if isinstance(outcome, tuple):
                    events += [(place, event) for event in outcome]
                if type(outcome) is not tuple:
                    others.append((place, Read(self.name, row + 1 + place, raw, outcome)))
            if events:
                places = np.append(places, [place for place, _ in events])
                more = self._as_rows([event for _, event in events])
                order = np.argsort(places, kind="stable")
                columns = pa.concat_batches([columns, more]).take(from_numpy(order))
                places = places[order]
        key = np.full(len(batch) + 1, newest)
        key[places[::-1] + 1] = due_times(columns)[
            ::-1
        ]  # of a record that gave two events, the first's
        return Chunk(columns, places, others, np.maximum.accumulate(key)[1:])

    def _as_rows(self, events: list[Event]) -> pa.RecordBatch:
        """Return events that were read one by one as rows; their notes are kept elsewhere."""
        names = [name for name in self.schema.names if name != ACTION]
        rows = to_batch(events, pa.schema([self.schema.field(name) for name in names]))
        if ACTION in self.schema.names:
            rows = rows.append_column(ACTION, text_array([None] * len(events)))
        return rows


def due_times(rows: pa.RecordBatch) -> Array:
    """Return the time and the rank of each event as one number, by which events are ordered."""
    rank = take(RANK_OF, to_numpy(rows["event"].indices, np.int8))
    return 4 * to_numpy(rows["time"], np.int64) + rank


RANK_OF = np.array(
    [RANKS.get(KINDS[word], 0) if word in KINDS else 0 for word in KIND_WORDS.to_pylist()]
)
"""Rank of each kind of event at one time, by its code."""
