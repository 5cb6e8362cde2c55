"""A log read as record batches and rejects, and all of its records counted."""

import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from searchlogs.columnar.checks import ACTION
from searchlogs.columnar.chunks import Chunk, File, Raw, merged
from searchlogs.columnar.notes import Notes
from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import Array, there, to_flags, to_numpy
from searchlogs.logs.border import BadRecord, Border, Reject
from searchlogs.logs.outcomes import Found, Ignored
from searchlogs.logs.reader import as_reject
from searchlogs.logs.tally import Tally


class Columns:
    """A log that is being read, its columns taken as they stand."""

    def __init__(
        self,
        files: list[File],
        border: Border,
        watch: Callable[[int], None],
        sums: "Checksum | None" = None,
    ) -> None:
        """Start at the first record.

        Args:
            files: The log's files, which all have the same columns.
            border: Rules for reading them.
            watch: Called with the number of bytes read of a file since the last call.
            sums: The checksum to keep; None for a run that can't be resumed.
        """
        self.chunks = merged([file.chunks(watch) for file in files])
        self.left: Chunk | None = None
        self.tally = Tally()
        self.notes = Notes(self.tally, border)
        self.sums = sums

    @property
    def checksum(self) -> int:
        """Checksum of the records that were read, or 0 if none is kept."""
        return 0 if self.sums is None else self.sums.value

    def read(self, count: int) -> list[pa.RecordBatch | Reject]:
        """Return what the next `count` records give: fewer only at the end."""
        batch: list[pa.RecordBatch | Reject] = []
        while count and (chunk := self.left or next(self.chunks, None)):
            chunk, self.left = chunk.cut(count)
            count -= len(chunk.key)
            self._count(chunk)
            if len(chunk.rows):
                names = [name for name in chunk.rows.schema.names if name != ACTION]
                batch.append(chunk.rows.select(names))
            others = [read for _, read in chunk.others if not isinstance(read.outcome, tuple)]
            self.notes.mapped.look(read.outcome for read in others)
            ignored = [
                (place, read.outcome.kind)
                for place, read in chunk.others
                if isinstance(read.outcome, Ignored)
            ]
            self.notes.ignore(chunk.passed.words, chunk.passed.places, chunk.passed.found, ignored)
            for read in others:
                if not isinstance(read.outcome, Ignored):
                    self.tally.add(read.outcome)
                if isinstance(read.outcome, BadRecord):
                    batch.append(as_reject(read, read.outcome, withhold=False))
        return batch

    def _count(self, chunk: Chunk) -> None:
        """Count a chunk's lines and events, and continue the checksum."""
        raw = chunk.raw
        self.tally.lines += len(chunk.key) if raw is None else int(raw.lines.sum())
        if self.sums is not None:
            self.sums.add(chunk)
        if not len(chunk.rows):
            return
        times = to_numpy(chunk.rows["time"], np.int64)
        ends = int(times.min()), int(times.max())
        first, last = (EARLIEST + timedelta(microseconds=end) for end in ends)
        records = int(np.count_nonzero(np.diff(chunk.places, prepend=-1)))
        self.tally.add_events(records, len(chunk.rows), first, last)
        noted = [
            (place, read.outcome) for place, read in chunk.others if isinstance(read.outcome, Found)
        ]
        self.notes.add(chunk.rows, chunk.places, noted)


class Checksum:
    """A checksum of records, which doesn't depend on how they are cut into chunks."""

    def __init__(self) -> None:
        """Start without any record."""
        self.bytes = 0
        """Checksum of the bytes of records, in a format of lines."""
        self.columns: dict[str, int] = {}
        """Checksums of the columns, in a format without."""

    @property
    def value(self) -> int:
        """Checksum of all records so far."""
        if self.columns:
            return zlib.crc32(repr(sorted(self.columns.items())).encode())
        return self.bytes

    def add(self, chunk: Chunk) -> None:
        """Take in more records."""
        if chunk.raw is not None:
            self._add_bytes(chunk.raw)
            return
        if len(chunk.rows):
            for name, column in zip(chunk.rows.schema.names, chunk.rows.columns, strict=True):
                self._add_column(name, column)
        for _, read in chunk.others:
            if not isinstance(read.outcome, tuple):
                self._add("others", read.raw)

    def _add_bytes(self, raw: Raw) -> None:
        """Take in the bytes of records, in as few pieces as possible."""
        ends = np.append(np.flatnonzero(raw.begin[1:] != raw.end[:-1]), len(raw.begin) - 1)
        begins = np.append(0, ends[:-1] + 1)
        data = memoryview(raw.data)
        for begin, end in zip(raw.begin[begins].tolist(), raw.end[ends].tolist(), strict=True):
            self.bytes = zlib.crc32(data[begin:end], self.bytes)

    def _add_column(self, name: str, column: pa.Array) -> None:
        """Take in a column."""
        if pa.types.is_dictionary(column.type):
            column = column.indices
        if name not in ("event", "user", "time"):
            self._add(f"{name} there", to_flags(column.is_valid()))
        if pa.types.is_list(column.type):
            self._add(f"{name} length", _fixed(pc.list_value_length(column)))
            self._add_column(f"one of {name}", pc.list_flatten(column))
        elif pa.types.is_string(column.type):
            offsets = to_numpy(column, np.int32, len(column) + 1)
            self._add(f"{name} length", np.diff(offsets))
            self._add(name, memoryview(column.buffers()[2] or b"")[offsets[0] : offsets[-1]])
        else:
            self._add(name, _fixed(column))

    def _add(self, name: str, data: Any) -> None:
        """Continue one checksum."""
        self.columns[name] = zlib.crc32(data, self.columns.get(name, 0))


def _fixed(column: pa.Array) -> Array:
    """Return the numbers of a column, 0 in place of null."""
    numbers = to_numpy(column, f"i{column.type.bit_width // 8}")
    return np.where(there(column), numbers, 0) if column.null_count else numbers
