"""Parquet: a reader of its records, and a writer of events."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.events import Event
from searchlogs.logs.border import (
    BadRecord,
    Border,
    Outcome,
    Record,
    columns_of,
    duplicate_column,
    read_columns,
)
from searchlogs.logs.cells import PLAIN, plain
from searchlogs.logs.jsonl import event_record
from searchlogs.logs.lines import Parsed, batched
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.sizes import batch_rows


def read_parquet(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    """Return the records of a Parquet file: its rows, numbered from 1."""
    return records_of(parquet_batches(stream, border), border)


def records_of(
    batches: Iterable[tuple[list[str], pa.RecordBatch | BadRecord]], border: Border
) -> Iterator[Parsed]:
    """Return the rows of batches as records, numbered from 1.

    Args:
        batches: Batches of rows, as `parquet_batches` returns them.
        border: Rules for reading them.
    """
    row = 0
    for names, batch in batches:
        if isinstance(batch, BadRecord):
            yield row + 1, b"", batch, 1
            return
        for start in range(0, len(batch), 10_000):  # rows take far more memory as objects
            for raw, outcome in read_rows(batch.slice(start, 10_000), names, border):
                row += 1
                yield row, raw, outcome, 1


ROWS = 1 << 16
"""Rows of Parquet that are read at a time, unless a row group has fewer."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)
"""Errors of Arrow for a Parquet file that is broken."""


def parquet_batches(
    stream: BinaryIO, border: Border
) -> Iterator[tuple[list[str], pa.RecordBatch | BadRecord]]:
    """Return the batches of a Parquet file, with the columns that the border needs.

    Args:
        stream: The file.
        border: Rules for reading its records.

    Returns:
        Pairs: the names of all columns of the file, and a batch of rows. If the file is broken, or
        would take too much memory, a BadRecord takes the place of a batch, and is the last.

    Raises:
        OSError: The disk cannot be read.
    """
    names: list[str] = []
    began = False
    try:
        schema = pq.read_schema(stream)
        names = schema.names
        wanted = set().union(*map(columns_of, border.names))
        columns = [name for name in dict.fromkeys(names) if name in wanted]
        kind = border.theirs("event")
        few = [field.name for field in schema if field.name == kind and field.type == pa.string()]
        file = pq.ParquetFile(stream, read_dictionary=few, pre_buffer=False, buffer_size=ROWS)
        for group in range(file.num_row_groups):
            rows = batch_rows(stream, file.metadata, group, columns, ROWS)
            if isinstance(rows, BadRecord):
                yield names, rows
                return
            for batch in file.iter_batches(rows, [group], columns, use_threads=False):
                began = True
                yield names, batch
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        what = "the file is truncated here" if began else "not valid Parquet"
        yield names, BadRecord(None, f"{what}: {error}")


def read_rows(
    batch: pa.RecordBatch, names: list[str], border: Border
) -> Iterator[tuple[bytes, Outcome]]:
    """Return the rows of a batch as text, and what they gave.

    Args:
        batch: The rows.
        names: All columns of their file.
        border: Rules for reading them.
    """
    duplicate = duplicate_column(border, names)
    for record in _records(batch):
        if isinstance(record, BadRecord):
            yield b"", record
        else:
            yield repr(record).encode(), duplicate or read_columns(border, record, names)


def _records(batch: pa.RecordBatch) -> Iterator[Record | BadRecord]:
    """Return the rows without their nulls.

    pandas writes a column of whole numbers with a hole in it as floats, and the hole as NaN.
    """
    columns = [_in_microseconds(column) for column in batch.columns]
    names = batch.schema.names
    if not names:  # zip would make no rows of no columns
        yield from ({} for _ in range(batch.num_rows))
        return
    try:
        values = [column.to_pylist(**MAPS) for column in columns]
    except (ValueError, OverflowError, KeyError):
        # Some value is text that is not UTF-8, a time beyond the calendar, or a map with a key
        # that occurs twice.
        for row in range(batch.num_rows):
            try:
                yield _whole(names, [column[row].as_py(**MAPS) for column in columns])
            except (ValueError, OverflowError, KeyError) as error:
                yield BadRecord(None, f"could not be read: {error}")
    else:
        for cells in zip(*values, strict=True):
            yield _whole(names, cells)


MAPS: Any = {"maps_as_pydicts": "strict"}
"""How Arrow is to return maps: as objects, each key of which occurs once."""


def _whole(names: list[str], cells: Iterable[Any]) -> Record:
    return {
        name: cell if type(cell) in PLAIN else plain(cell)
        for name, cell in zip(names, cells, strict=True)
        if cell is not None and cell == cell
    }


def _in_microseconds(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column


ROW_GROUP = 50_000
"""Events per row group of a Parquet file."""


def write_parquet(
    events: Iterable[Event], file: BinaryIO, path: Path, *, row_group: int = ROW_GROUP
) -> None:
    """Write events as Parquet, under the schema `rows.EVENTS`: users become text.

    Args:
        events: The events.
        file: A binary file to write to.
        path: Its name.
        row_group: Events per row group, which are held in memory.
    """
    with pq.ParquetWriter(file, EVENTS) as table:
        for batch in batched(events, row_group):
            rows = [
                {**event_record(event), "user": str(event.user), "time": event.time}
                for event in batch
            ]
            table.write_batch(pa.RecordBatch.from_pylist(rows, EVENTS))
