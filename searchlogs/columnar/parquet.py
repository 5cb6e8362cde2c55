"""Parquet files whose columns are taken as they stand, and not record by record."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.columnar.checks import ACTION, our_columns, sure_rows
from searchlogs.columnar.chunks import NEVER, Chunk, Maker, as_they_stand
from searchlogs.events import FIELDS
from searchlogs.logs.arrays import Array, from_numpy
from searchlogs.logs.border import REQUIRED, BadRecord, Border
from searchlogs.logs.formats import Read
from searchlogs.logs.log import OpenLog
from searchlogs.logs.parquet import UNREADABLE, parquet_batches, read_rows
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.words import STDIN


def common_columns(opened: OpenLog) -> pa.Schema | None:
    """Return the columns of a log whose columns can be taken as they stand.

    Returns:
        Our names and types, the same for all files; None if the log has to be read record by
        record.
    """
    files = [path for path, _ in opened.files]
    formats = {format for _, format in opened.files}
    if not as_they_stand(opened.log) or formats != {"parquet"} or STDIN in files:
        return None
    try:
        schemas = [_our_schema(pq.read_schema(path), opened.log.border) for path in files]
    except UNREADABLE:
        return None
    return schemas[0] if all(schema == schemas[0] for schema in schemas) else None


def _our_schema(schema: pa.Schema, border: Border) -> pa.Schema | None:
    """Return our names and types of a file's columns; None if a value's type isn't ours."""
    found = {}
    for ours in FIELDS:
        theirs = border.theirs(ours)
        if schema.names.count(theirs) > 1:
            return None
        if theirs in schema.names and not pa.types.is_null(schema.field(theirs).type):
            found[ours] = _type(ours, schema.field(theirs).type)
    if None in found.values() or not {*REQUIRED} <= found.keys():
        return None
    return pa.schema(found)


def _type(ours: str, theirs: pa.DataType) -> pa.DataType | None:
    """Return our type of a column of theirs; None if its values have to be read one by one."""
    is_number = pa.types.is_integer(theirs) and theirs != pa.uint64()
    if ours == "user" and is_number:
        return pa.int64()
    if ours == "time":
        return EVENTS.field(ours).type if _has_zone(theirs) else None
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
class ParquetFile:
    """A Parquet file, read in chunks."""

    path: str
    border: Border
    schema: pa.Schema
    """Its columns, under our names and types, and ACTION if the log has activities."""

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is called with the number of bytes read each time."""
        maker = Maker(self.schema.names)
        row, newest = 0, NEVER
        with open(self.path, "rb") as file:
            before = 0
            for names, batch in parquet_batches(file, self.border):
                if isinstance(batch, BadRecord):
                    broken = Read(self.path, row + 1, b"", batch)
                    yield maker.chunk(None, np.zeros(1, bool), [broken], newest)
                elif len(batch):
                    chunk = self._chunk(maker, batch, names, row, newest)
                    row, newest = row + len(batch), chunk.key[-1]
                    yield chunk
                if (here := file.tell()) > before:  # reading starts at the end, with the footer
                    watch(here - before)
                    before = here
            watch(os.path.getsize(self.path) - before)

    def _chunk(
        self, maker: Maker, batch: pa.RecordBatch, names: list[str], row: int, newest: np.int64
    ) -> Chunk:
        """Return rows, of which the first is number `row` of the file, counted from 0."""
        try:
            ours = [name for name in self.schema.names if name != ACTION]
            theirs = {name: batch[self.border.theirs(name)] for name in ours}
            columns = our_columns(theirs, self.border, self.schema)
            columns.validate(full=True)  # text may not be UTF-8
            good = sure_rows(columns)
        except (pa.ArrowInvalid, UnicodeDecodeError):
            columns, good = None, np.zeros(len(batch), bool)
        return maker.chunk(columns, good, self._read(batch, names, row, ~good), newest)

    def _read(
        self, batch: pa.RecordBatch, names: list[str], row: int, doubtful: Array
    ) -> Iterator[Read]:
        """Read rows of a batch one by one."""
        places = np.flatnonzero(doubtful)
        if len(places):
            rows = read_rows(batch.take(from_numpy(places)), names, self.border)
            for place, (raw, outcome) in zip(places.tolist(), rows, strict=True):
                yield Read(self.path, row + 1 + place, raw, outcome)
