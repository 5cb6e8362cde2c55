"""A log as record batches: the columns of Parquet as they stand, all else through the border.

Columns that the border would take as they are need not become objects first. Where that isn't sure
of a row, the border decides: so its rejects are the same, whichever way a log is read.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bytewax.inputs import FixedPartitionedSource

from searchlogs.events import EARLIEST, LATEST, Event
from searchlogs.export import SCHEMA, WORDS
from searchlogs.files import ROWS, STDIN, UNREADABLE, Read, format_of, parquet_batches, read_rows
from searchlogs.kernel import Array, arrow, truth, view
from searchlogs.logs import FIELDS, KINDS, MAX_POSITION, BadRecord, Border, Reject
from searchlogs.sessions import Late
from searchlogs.source import BATCH, Log, LogEvents, Part, State, Tally, as_reject

Item: TypeAlias = pa.RecordBatch | Reject | Tally

NUMBER = "user_is_number"
"""A column that says which users were whole numbers, where others in the batch were text."""


@dataclass(frozen=True)
class BatchSource(FixedPartitionedSource[Item, State]):
    """A Bytewax source of a log, as LogSource is, whose events come as record batches.

    Their columns are those of `export.SCHEMA` that the log has.
    """

    log: Log
    watch: Callable[[int, int], None] = lambda size, events: None

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: State | None
    ) -> Part[pa.RecordBatch | Reject]:
        schema = columns_as_they_are(self.log)
        if schema is None:
            gathered = _Gathered(self.log, lambda size: self.watch(size, 0))
            return Part(gathered, BATCH, self.watch, resume_state)
        columns = _Columns(self.log, schema, lambda size: self.watch(size, 0))
        return Part(columns, ROWS, self.watch, resume_state)


def columns_as_they_are(log: Log) -> pa.Schema | None:
    """The columns that the log's files have in common; None where the border has to read it all."""
    files = log.files()
    formats = {log.format or format_of(Path(path)) for path in files}
    words_alone = type(log.border) is Border and log.once is None and log.key is None
    if not words_alone or formats != {"parquet"} or STDIN in files:
        return None
    try:
        schemas = [_as_they_are(pq.read_schema(path), log.border) for path in files]
    except UNREADABLE:
        return None
    return schemas[0] if all(schema == schemas[0] for schema in schemas) else None


def _as_they_are(schema: pa.Schema, border: Border) -> pa.Schema | None:
    """How a file's columns come out; None where one must be looked at value by value."""
    found = {}
    for ours in FIELDS:
        theirs = border.theirs(ours)
        if "." in theirs or schema.names.count(theirs) > 1:
            return None
        if theirs in schema.names and not pa.types.is_null(schema.field(theirs).type):
            found[ours] = _type(ours, schema.field(theirs).type)
    if None in found.values() or not {"event", "user", "time"} <= found.keys():
        return None
    return pa.schema(found)


def _type(ours: str, theirs: pa.DataType) -> pa.DataType | None:
    is_number = pa.types.is_integer(theirs) and theirs != pa.uint64()
    if ours == "user" and is_number:
        return pa.int64()
    if ours == "time":
        return SCHEMA.field(ours).type if _has_zone(theirs) else None
    if ours == "position":
        return pa.int64() if is_number or theirs == pa.float64() else None
    if ours == "items":
        listed = pa.types.is_list(theirs) or pa.types.is_large_list(theirs)
        return SCHEMA.field(ours).type if listed and _is_text(theirs.value_type) else None
    if pa.types.is_dictionary(theirs):
        theirs = theirs.value_type
    return SCHEMA.field(ours).type if _is_text(theirs) else None


def _has_zone(type: pa.DataType) -> bool:
    if not pa.types.is_timestamp(type) or type.tz is None:
        return False
    try:
        return pa.scalar(0, type).as_py() is not None
    except ValueError:  # a zone that doesn't exist
        return False


def _is_text(type: pa.DataType) -> bool:
    return type in (pa.string(), pa.large_string())


class _Gathered:
    """A log that the border reads, its events gathered into batches."""

    def __init__(self, log: Log, watch: Callable[[int], None]) -> None:
        if log.key is None:  # a pseudonym is given to an event
            log = replace(log, border=replace(log.border, make=_ROWS))
        self.events = LogEvents(log, watch)
        self.tally = self.events.tally

    @property
    def checksum(self) -> int:
        return self.events.checksum

    def read(self, count: int) -> list[pa.RecordBatch | Reject]:
        items = self.events.read(count)
        rejects = [item for item in items if isinstance(item, Reject)]
        events = [item for item in items if not isinstance(item, Reject)]
        return [to_batch(events), *rejects] if events else [*rejects]


def to_batch(events: Sequence[Any], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """Events, or Rows, under `export.SCHEMA` unless told otherwise; whole numbers stay users."""
    rows = [event if type(event) is Row else _row_of(event) for event in events]
    cells = zip(*rows, strict=True) if rows else [()] * len(FIELDS)
    columns: dict[str, Sequence[Any]] = dict(zip(FIELDS, cells, strict=True))
    wanted = SCHEMA if schema is None else schema
    types = dict(zip(wanted.names, wanted.types, strict=True))
    if schema is None:
        users = columns["user"]
        kinds = set(map(type, users))
        if kinds == {int} and max(users) < 1 << 63 and min(users) >= -(1 << 63):
            types["user"] = pa.int64()
        elif int in kinds:
            columns["user"] = list(map(str, users))
            columns[NUMBER] = [type(user) is int for user in users]
            types[NUMBER] = pa.bool_()
    words = pa.DictionaryArray.from_arrays(pa.array(columns["event"], pa.int8()), _WORDS)
    arrays = [
        words if name == "event" else pa.array(columns[name], type) for name, type in types.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(types))


class Row(NamedTuple):
    """An event under FIELDS: what stands in for it where it only goes into a batch."""

    event: int
    user: int | str
    time: datetime
    query: str | None = None
    items: tuple[str, ...] | None = None
    item: str | None = None
    query_id: str | None = None
    position: int | None = None


def _row_of(event: Event) -> Row:
    values: list[Any] = [getattr(event, name, None) for name in Row._fields[1:]]
    return Row(_CODES[WORDS[type(event)]], *values)


_CODES = {kind: code for code, kind in enumerate(KINDS)}
_ROWS = {kind: partial(Row, code) for kind, code in _CODES.items()}
_WORDS = pa.array(list(KINDS))


def to_late(batch: pa.RecordBatch) -> Iterator[Late]:
    """Rows that `columnar_sessions` lets out as late, as the late events that they were."""
    for row in batch.to_pylist():
        kind = KINDS[row["event"]]
        values = {part.name: row[part.name] for part in fields(kind) if part.name in row}
        if row.get(NUMBER):
            values["user"] = int(values["user"])
        if "items" in values:
            values["items"] = tuple(values["items"])
        yield Late(str(values["user"]), kind(**values), row["late_by"])


@dataclass(frozen=True)
class _Chunk:
    """Some records that follow each other."""

    rows: pa.RecordBatch
    """Those that gave an event."""
    places: Array
    """Where each of `rows` stands, from 0."""
    others: list[tuple[int, Read]]
    """Those that gave none, and where each stands."""
    key: Array
    """Of each record the newest time in its file so far: in the order of these are files merged."""

    def cut(self, size: int) -> tuple["_Chunk", "_Chunk | None"]:
        """So many records, and the rest."""
        if size >= len(self.key):
            return self, None
        row = int(np.searchsorted(self.places, size))
        before = [other for other in self.others if other[0] < size]
        after = [(place - size, read) for place, read in self.others[len(before) :]]
        return (
            _Chunk(self.rows.slice(0, row), self.places[:row], before, self.key[:size]),
            _Chunk(self.rows.slice(row), self.places[row:] - size, after, self.key[size:]),
        )


class _Columns:
    """A log of Parquet files that is being read, its columns taken as they stand."""

    def __init__(self, log: Log, schema: pa.Schema, watch: Callable[[int], None]) -> None:
        self.chunks = _merged([_read(path, log.border, schema, watch) for path in log.files()])
        self.left: _Chunk | None = None
        self.tally = Tally()
        self.sums: dict[str, int] = {}

    @property
    def checksum(self) -> int:
        return zlib.crc32(repr(sorted(self.sums.items())).encode()) if self.sums else 0

    def read(self, count: int) -> list[pa.RecordBatch | Reject]:
        batch: list[pa.RecordBatch | Reject] = []
        while count and (chunk := self.left or next(self.chunks, None)):
            chunk, self.left = chunk.cut(count)
            count -= len(chunk.key)
            if len(chunk.rows):
                batch.append(chunk.rows)
                times = pc.min_max(chunk.rows["time"]).as_py()
                first, last = (times[which].replace(tzinfo=UTC) for which in ("min", "max"))
                self.tally.add_events(len(chunk.rows), len(chunk.rows), first, last)
                for name, column in zip(chunk.rows.schema.names, chunk.rows.columns, strict=True):
                    self._sum(name, column)
            for _, read in chunk.others:
                self.tally.add(read.outcome)
                self._add("others", read.raw)
                if isinstance(read.outcome, BadRecord):
                    batch.append(as_reject(read, read.outcome, withhold=False))
        return batch

    def _sum(self, name: str, column: pa.Array) -> None:
        """Go on with the checksums of a column: the same, however its rows come in batches."""
        if pa.types.is_dictionary(column.type):
            column = column.indices
        if name not in ("event", "user", "time"):
            self._add(f"{name} there", truth(column.is_valid()))
        if pa.types.is_list(column.type):
            self._add(f"{name} length", _fixed(pc.list_value_length(column)))
            self._sum(f"one of {name}", pc.list_flatten(column))
        elif pa.types.is_string(column.type):
            offsets = view(column, np.int32, len(column) + 1)
            self._add(f"{name} length", np.diff(offsets))
            self._add(name, memoryview(column.buffers()[2] or b"")[offsets[0] : offsets[-1]])
        else:
            self._add(name, _fixed(column))

    def _add(self, name: str, data: Any) -> None:
        self.sums[name] = zlib.crc32(data, self.sums.get(name, 0))


def _fixed(column: pa.Array) -> Array:
    """The numbers of a column, 0 where there is none."""
    width = column.type.bit_width // 8
    return view(column.fill_null(0) if column.null_count else column, f"i{width}")


def _merged(files: list[Iterator[_Chunk]]) -> Iterator[_Chunk]:
    """Files by the time of each one's next event, as source.Log merges them; ties as given.

    That is the order of the newest time of each so far: what is older than it comes right behind.
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


def _interleaved(parts: list[_Chunk]) -> _Chunk:
    """Chunks as one, in the order of their keys; ties as they stand."""
    key = np.concatenate([part.key for part in parts])
    order = np.argsort(key, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    begins = np.cumsum([0, *(len(part.key) for part in parts)])[:-1]
    places = [part.places + begin for part, begin in zip(parts, begins, strict=True)]
    place = rank[np.concatenate(places)]
    rows = np.argsort(place)
    others = [
        (int(rank[begin + place]), read)
        for part, begin in zip(parts, begins, strict=True)
        for place, read in part.others
    ]
    others.sort(key=lambda other: other[0])
    batch = pa.concat_batches([part.rows for part in parts]).take(arrow(rows))
    return _Chunk(batch, place[rows], others, key[order])


def _read(
    path: str, border: Border, schema: pa.Schema, watch: Callable[[int], None]
) -> Iterator[_Chunk]:
    """Every record of a Parquet file; `watch` is told of the bytes that were read."""
    row, newest = 0, np.int64(np.iinfo(np.int64).min)
    with open(path, "rb") as file:
        before = 0
        for names, batch in parquet_batches(file, border):
            if isinstance(batch, BadRecord):
                others = [(0, Read(path, row + 1, b"", batch))]
                nothing = to_batch([], schema)
                yield _Chunk(nothing, np.zeros(0, np.int64), others, np.array([newest]))
            elif len(batch):
                chunk = _as_chunk(batch, path, row, names, border, schema, newest)
                row, newest = row + len(batch), chunk.key[-1]
                yield chunk
            if (here := file.tell()) > before:  # Parquet begins at its end
                watch(here - before)
                before = here
        watch(os.path.getsize(path) - before)


def _as_chunk(
    batch: pa.RecordBatch,
    path: str,
    row: int,
    names: list[str],
    border: Border,
    schema: pa.Schema,
    newest: np.int64,
) -> _Chunk:
    """Rows of a file from `row` on, which counts from 0."""
    try:
        columns = _renamed(batch, border, schema)
        columns.validate(full=True)  # text may be no UTF-8
        good = _sure(columns)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        columns, good = to_batch([], schema), np.zeros(len(batch), bool)
    places = np.flatnonzero(good)
    others = []
    if len(places) < len(batch):
        columns = columns.take(arrow(places)) if len(columns) else columns
        doubtful = np.flatnonzero(~good)
        found = read_rows(batch.take(arrow(doubtful)), names, border)
        events = []
        for place, (raw, outcome) in zip(doubtful.tolist(), found, strict=True):
            if isinstance(outcome, tuple):
                events.append((place, outcome[0]))
            else:
                others.append((place, Read(path, row + 1 + place, raw, outcome)))
        if events:
            places = np.append(places, [place for place, _ in events])
            more = to_batch([event for _, event in events], schema)
            columns = pa.concat_batches([columns, more]).take(arrow(np.argsort(places)))
            places.sort()
    key = np.full(len(batch) + 1, newest)
    key[places + 1] = view(columns["time"], np.int64)
    return _Chunk(columns, places, others, np.maximum.accumulate(key)[1:])


def _renamed(batch: pa.RecordBatch, border: Border, schema: pa.Schema) -> pa.RecordBatch:
    """The columns under our names and in our types; the kinds of events in our words."""
    columns = []
    for field in schema:
        column = batch[border.theirs(field.name)]
        if field.name == "event":
            column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
            words = column.dictionary.to_pylist()
            kinds = list(KINDS)
            ours = [
                kinds.index(kind) if (kind := border.ours.get(word)) else None for word in words
            ]
            column = pa.array(ours, pa.int8()).take(column.indices)
            column = pa.DictionaryArray.from_arrays(column, _WORDS)
        elif pa.types.is_floating(column.type):
            # pandas writes a hole among whole numbers as NaN; what is none becomes 0, and no rank.
            whole = pc.equal(column, pc.floor(column))
            column = pc.if_else(pc.is_nan(column), None, pc.if_else(whole, column, 0.0))
            column = column.cast(field.type, safe=False)
        else:
            options = pc.CastOptions(field.type, allow_time_truncate=True)
            column = column.cast(options=options)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _sure(columns: pa.RecordBatch) -> Array:
    """Which rows the border takes for events, as they are."""
    kinds, user, time = (columns[name] for name in ("event", "user", "time"))
    code = view(kinds.indices, np.int8)
    when = view(time, np.int64)
    good = _there(kinds) & _there(time) & (when >= 0) & (when <= _LAST)
    good &= _filled(user) if pa.types.is_string(user.type) else _there(user)

    def needs(kind: str, name: str, has: Callable[[pa.Array], Array]) -> None:
        mine = code == _CODES[kind]
        good[mine] &= has(columns[name])[mine] if name in columns.schema.names else False

    needs("search", "query", _there)
    needs("results", "items", _all_filled)
    needs("click", "item", _filled)
    if "query_id" in columns.schema.names:
        id = columns["query_id"]
        good &= (code == _CODES["app_open"]) | _filled(id) | ~_there(id)
    if "position" in columns.schema.names:
        position = columns["position"]
        rank = view(position, np.int64)
        ranked = (rank >= 1) & (rank <= MAX_POSITION)
        good &= (code != _CODES["click"]) | ranked | ~_there(position)
    return good


_LAST = (LATEST - EARLIEST) // timedelta(microseconds=1)


def _there(column: pa.Array) -> Array:
    return truth(column.is_valid())


def _filled(texts: pa.Array) -> Array:
    return _there(texts) & (np.diff(view(texts, np.int32, len(texts) + 1)) > 0)


def _all_filled(lists: pa.Array) -> Array:
    good = _there(lists)
    parents = view(pc.list_parent_indices(lists), np.int64)
    good[parents[~_filled(pc.list_flatten(lists))]] = False
    return good
