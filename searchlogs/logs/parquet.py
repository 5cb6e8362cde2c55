"""Parquet, in both directions."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.events import FIELDS, Event
from searchlogs.logs.border import (
    BadRecord,
    Border,
    Outcome,
    Record,
    duplicate_column,
    read_columns,
)
from searchlogs.logs.jsonl import event_record
from searchlogs.logs.lines import Parsed, batched
from searchlogs.logs.schemas import EVENTS


def read_parquet(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    row = 0
    for names, batch in parquet_batches(stream, border):
        if isinstance(batch, BadRecord):
            yield row + 1, b"", batch
            return
        for start in range(0, len(batch), 10_000):  # as objects, rows take up far more room
            for raw, outcome in read_rows(batch.slice(start, 10_000), names, border):
                row += 1
                yield row, raw, outcome


ROWS = 1 << 16
"""So many rows of Parquet are read at a time, or as many as a row group has."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What Arrow raises where a Parquet file is broken."""


def parquet_batches(
    stream: BinaryIO, border: Border
) -> Iterator[tuple[list[str], pa.RecordBatch | BadRecord]]:
    """The names of all columns, and rows of those that the border looks at.

    Where the file is broken, a BadRecord comes in their place, and nothing after it.
    """
    names: list[str] = []
    began = False
    try:
        schema = pq.read_schema(stream)
        names = schema.names
        paths = [border.theirs(name) for name in FIELDS]
        wanted = {*paths, *(path.split(".")[0] for path in paths)}
        columns = [name for name in dict.fromkeys(names) if name in wanted]
        kind = border.theirs("event")
        few = [field.name for field in schema if field.name == kind and field.type == pa.string()]
        file = pq.ParquetFile(stream, read_dictionary=few, pre_buffer=False, buffer_size=ROWS)
        for group in range(file.num_row_groups):  # so that one that is broken costs no other
            for batch in file.iter_batches(ROWS, [group], columns, use_threads=False):
                began = True
                yield names, batch
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        what = "is where the file breaks off" if began else "is not Parquet"
        yield names, BadRecord(None, f"{what}: {error}")


def read_rows(
    batch: pa.RecordBatch, names: list[str], border: Border
) -> Iterator[tuple[bytes, Outcome]]:
    """The rows of a batch as text, and what they gave; `names` are all columns of their file."""
    twice = duplicate_column(border, names)
    for record in _records(batch):
        if isinstance(record, BadRecord):
            yield b"", record
        else:
            yield repr(record).encode(), twice or read_columns(border, record, names)


def _records(batch: pa.RecordBatch) -> Iterator[Record | BadRecord]:
    """The rows, without what is null.

    pandas writes a hole in a column of whole numbers as NaN, and these as floats.
    """
    columns = [_in_microseconds(column) for column in batch.columns]
    names = batch.schema.names
    if not names:  # zip would make no rows of no columns
        yield from ({} for _ in range(batch.num_rows))
        return
    try:
        values = [column.to_pylist() for column in columns]
    except (ValueError, OverflowError):
        # Text that isn't UTF-8, a time beyond the calendar: some value of some row.
        for row in range(batch.num_rows):
            try:
                yield _whole(names, [column[row].as_py() for column in columns])
            except (ValueError, OverflowError) as error:
                yield BadRecord(None, f"can't be read: {error}")
    else:
        for cells in zip(*values, strict=True):
            yield _whole(names, cells)


def _whole(names: list[str], cells: Iterable[Any]) -> Record:
    return {
        name: int(cell) if type(cell) is float and cell.is_integer() else cell
        for name, cell in zip(names, cells, strict=True)
        if cell is not None and cell == cell
    }


def _in_microseconds(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column


ROW_GROUP = 50_000
"""So many events are a row group of Parquet."""


def write_parquet(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    with pq.ParquetWriter(file, EVENTS) as table:
        for batch in batched(events, ROW_GROUP):
            rows = [
                {**event_record(event), "user": str(event.user), "time": event.time}
                for event in batch
            ]
            table.write_batch(pa.RecordBatch.from_pylist(rows, EVENTS))
