"""Record batches, of Parquet files and queries, whose columns are taken as they stand."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.columnar.checks import ACTION, our_columns, sure_rows
from searchlogs.columnar.chunks import NEVER, Chunk, Maker, as_they_stand
from searchlogs.events import FIELDS
from searchlogs.logs.arrays import Array, from_numpy
from searchlogs.logs.border import REQUIRED, BadRecord, Border, columns_of
from searchlogs.logs.formats import Read
from searchlogs.logs.log import OpenLog
from searchlogs.logs.parquet import UNREADABLE, parquet_batches, read_rows
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.sql import Query
from searchlogs.logs.stores import PARQUET_BLOCKS, open_place, size_read
from searchlogs.logs.words import STDIN


def common_columns(opened: OpenLog) -> pa.Schema | None:
    """Return the columns of a log whose columns can be taken as they stand.

    Returns:
        Our names and types, the same for all files; None if the log has to be read record by
        record.
    """
    files = [path for path, _ in opened.files]
    formats = {format for _, format in opened.files}
    border = opened.log.border
    if not as_they_stand(opened.log) or opened.log.is_sorted or border.nested:
        return None  # UBI has nested names as well
    if opened.log.query is not None:
        return our_schema(opened.log.query.schema, opened.log.border)
    if formats != {"parquet"} or STDIN in files:
        return None
    try:
        schemas = [our_schema(_schema_of(path), opened.log.border) for path in files]
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return None
    return schemas[0] if all(schema == schemas[0] for schema in schemas) else None


def _schema_of(path: str) -> pa.Schema:
    """Return the columns of a Parquet file."""
    with open_place(path) as file:
        return pq.read_schema(file)


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
    if None in found.values() or not {*REQUIRED} <= found.keys():
        return None
    return pa.schema(found)


def _type(ours: str, theirs: pa.DataType, border: Border) -> pa.DataType | None:
    """Return our type of a column of theirs; None if its values have to be read one by one."""
    is_number = pa.types.is_integer(theirs) and theirs != pa.uint64()
    if ours == "user" and (is_number or theirs == pa.float64()):
        return pa.int64()
    if ours == "time":
        return EVENTS.field(ours).type if _is_time(theirs, border) else None
    if ours == "position":
        return pa.int64() if is_number or theirs == pa.float64() else None
    if ours == "items":
        listed = pa.types.is_list(theirs) or pa.types.is_large_list(theirs)
        return EVENTS.field(ours).type if listed and _is_text(theirs.value_type) else None
    if pa.types.is_dictionary(theirs):
        theirs = theirs.value_type
    return EVENTS.field(ours).type if _is_text(theirs) else None


def _is_time(type: pa.DataType, border: Border) -> bool:
    """Return whether a border can read times of a type as a column."""
    if pa.types.is_timestamp(type):
        return _has_zone(type) if type.tz is not None else border.zone is not None
    if border.time_format is not None:
        return False
    is_number = (pa.types.is_integer(type) and type != pa.uint64()) or type == pa.float64()
    return (is_number and border.time_unit is not None) or _is_text(type)


def _has_zone(type: pa.DataType) -> bool:
    """Return whether the time zone of timestamps exists."""
    try:
        return pa.lib.string_to_tzinfo(type.tz) is not None
    except (ValueError, KeyError):
        return False


def _is_text(type: pa.DataType) -> bool:
    """Return whether a type is one of text."""
    return type in (pa.string(), pa.large_string())


Batch = tuple[list[str], pa.RecordBatch | BadRecord]
"""The names of all columns of a stream, and a batch of rows with those that are read."""


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file, read in chunks."""

    path: str
    border: Border
    schema: pa.Schema
    """Its columns, under our names and types, and ACTION if the log has activities."""

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is called with the number of bytes read each time."""
        return Chunks(self.path, self.border, self.schema).of(self._batches(watch))

    def _batches(self, watch: Callable[[int], None]) -> Iterator[Batch]:
        with open_place(self.path, PARQUET_BLOCKS) as file:
            before = 0
            for batch in parquet_batches(file, self.border):
                yield batch
                if (here := file.tell()) > before:  # reading starts at the end, with the footer
                    watch(here - before)
                    before = here
            watch(size_read(self.path, file) - before)


@dataclass(frozen=True)
class QueryRows:
    """The rows of a query, read in chunks."""

    query: Query
    border: Border
    schema: pa.Schema
    """Its columns, under our names and types, and ACTION if the log has activities."""

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is not called, as no bytes are read."""
        chunks = Chunks(self.query.name, self.border, self.schema)
        return chunks.of(self.query.batches(self.border))


@dataclass(frozen=True)
class Chunks:
    """Makes chunks of a stream of record batches."""

    name: str
    """Name of the stream, for rejects."""
    border: Border
    schema: pa.Schema
    """Its columns, under our names and types, and ACTION if the log has activities."""
    as_they_stand: bool = True
    """Whether its columns may be taken as they stand; else every row is read by itself."""

    def of(self, batches: Iterable[Batch]) -> Iterator[Chunk]:
        """Yield all records of the batches."""
        maker = Maker(self.schema.names)
        row, newest = 0, NEVER
        for names, batch in batches:
            if isinstance(batch, BadRecord):
                broken = Read(self.name, row + 1, b"", batch)
                yield maker.chunk(None, np.zeros(1, bool), [broken], newest)
            elif len(batch):
                columns, good = self._columns(batch)
                reads = self._read(batch, names, row, ~good)
                chunk = maker.chunk(columns, good, reads, newest)
                row, newest = row + len(batch), chunk.key[-1]
                yield chunk

    def _columns(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch | None, Array]:
        """Return columns under our names and types, and which rows surely are events."""
        if self.as_they_stand:
            with suppress(pa.ArrowInvalid, UnicodeDecodeError):
                ours = [name for name in self.schema.names if name != ACTION]
                theirs = {name: batch[self.border.theirs(name)] for name in ours}
                columns = our_columns(theirs, self.border, self.schema)
                columns.validate(full=True)  # text may not be UTF-8
                return columns, sure_rows(columns)
        return None, np.zeros(len(batch), bool)

    def _read(
        self, batch: pa.RecordBatch, names: list[str], row: int, doubtful: Array
    ) -> Iterator[Read]:
        """Read rows of a batch one by one."""
        places = np.flatnonzero(doubtful)
        if len(places):
            rows = read_rows(batch.take(from_numpy(places)), names, self.border)
            for place, (raw, outcome) in zip(places.tolist(), rows, strict=True):
                yield Read(self.name, row + 1 + place, raw, outcome)
