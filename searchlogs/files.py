"""Log files of any format, record by record, however broken they are."""

import csv
import io
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from searchlogs.logs import FIELDS, BadRecord, Border, Outcome, Record, Skipped, from_json

MAX_LINE = 1 << 20
"""The longest line that is read, in bytes, so that a broken log can't fill the memory."""

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv"}
FORMATS |= {".parquet": "parquet"}
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PAR1": "parquet"}
STDIN = "-"


class Read(NamedTuple):
    """A record as it was read, and what it gave."""

    file: str
    line: int
    raw: bytes
    outcome: Outcome


def read_file(
    path: str, format: str, border: Border, watch: Callable[[int], None]
) -> Iterator[Read]:
    """Every record of a file, or of standard input; `watch` is told of the bytes that were read."""
    with sys.stdin.buffer if path == STDIN else open(path, "rb") as file:
        before = 0
        for number, (line, raw, outcome) in enumerate(READERS[format](_plain(path, file), border)):
            yield Read(path, line, raw, outcome)
            # Parquet begins at its end.
            if path != STDIN and number % 1_000 == 0 and (here := file.tell()) > before:
                watch(here - before)
                before = here
        if path != STDIN:
            watch(os.path.getsize(path) - before)


def format_of(path: Path) -> str:
    """The format that a file's name says; empty where it says none."""
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    format = FORMATS.get(name.suffix, "")
    return "" if format == "parquet" and name is not path else format


def _plain(path: str, file: BinaryIO) -> BinaryIO:
    """The file's bytes, decompressed where its name says so."""
    compression = COMPRESSED.get(Path(path).suffix)
    if compression is None:
        return file
    return io.BufferedReader(_Unpacked(file, compression))


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, up to the very byte where it breaks off.

    Arrow gives nothing of a read that meets the break, so this one is read again byte by byte. (A
    block that is whole but wrong stays unread.)
    """

    def __init__(self, file: BinaryIO, compression: str) -> None:
        self.file = file
        self.compression = compression
        self.given = 0
        self.broken = False
        self.streams: list[Any] = []
        self._open()

    def _open(self) -> None:
        # The streams before stay, for one that goes would close the file.
        self.streams.append(
            pa.CompressedInputStream(pa.PythonFile(self.file, "r"), self.compression)
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.streams[-1].read(1 if self.broken else len(buffer))
        except OSError as error:
            if self.broken or error.errno is not None:
                raise
            self.broken = True
            self._again()
            data = self.streams[-1].read(1)
        self.given += len(data)
        buffer[: len(data)] = data
        return len(data)

    def _again(self) -> None:
        self.file.seek(0)
        self._open()
        left = self.given
        while left:
            left -= len(self.streams[-1].read(min(left, MAX_LINE)))


Line: TypeAlias = tuple[int, bytes, BadRecord | None]
Row: TypeAlias = tuple[int, bytes, Outcome]


def _lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines with their ends, numbered from 1, and what makes one unreadable."""
    number = 0
    while True:
        number += 1
        raw = rest = b""
        size = 0
        try:
            while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE + 1)):
                raw = raw or rest
                size += len(rest)
        except OSError as error:
            if error.errno is not None:
                raise  # the disk's, not the file's
            what = "is where the file breaks off" if number > 1 else "can't be decompressed"
            yield number, raw, BadRecord(None, f"{what}: {error}")
            return
        if not raw:
            return
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            if kind := next((kind for magic, kind in MAGIC.items() if raw.startswith(magic)), None):
                yield number, raw, BadRecord(None, f"is {kind}, whatever the file's name says")
                return
        if size > MAX_LINE:
            why = BadRecord(None, f"is a line of {size:,} bytes; at most {MAX_LINE:,} are read")
            yield number, raw, why
        else:
            yield number, raw, None


def _json_lines(stream: BinaryIO, border: Border) -> Iterator[Row]:
    for line, raw, bad in _lines(stream):
        outcome: Outcome
        if bad or not raw.strip():
            outcome = bad or Skipped.FRAMING
        else:
            try:
                outcome = border.read(from_json(raw.rstrip(b"\r\n")))
            except BadRecord as error:
                outcome = error
        yield line, raw, outcome


class _Feed:
    """Lines for the csv module, which takes as many as a record has, and can give back some."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.lines = lines
        self.back: deque[Line] = deque()
        self.taken: list[Line] = []
        self.size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else next(self.lines)
        # A quote that nothing closes would else take in the rest of the file.
        if self.taken and (line[2] or self.size > MAX_QUOTED):
            self.back.appendleft(line)
            raise StopIteration
        self.taken.append(line)
        self.size += len(line[1])
        return line[1].decode(errors="surrogateescape")

    def record(self, delimiter: str) -> list[str] | BadRecord | None:
        """The cells of the next record, whose lines are then `taken`; None at the end."""
        self.taken, self.size = [], 0
        try:
            cells = next(csv.reader(self, delimiter=delimiter, strict=True))
        except StopIteration:
            return None
        except csv.Error as error:
            self.give_back(1)
            return self.taken[0][2] or BadRecord(None, f"is not CSV: {error}")
        raw = b"".join(raw for _, raw, _ in self.taken)
        return self.taken[0][2] or _why_not_text(raw) or cells

    def give_back(self, keep: int) -> None:
        self.back.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]


MAX_QUOTED = 1 << 16
"""The longest CSV record over several lines, in bytes."""


def _csv(stream: BinaryIO, border: Border) -> Iterator[Row]:
    feed = _Feed(_lines(stream))
    header: list[str] | None = None
    twice: BadRecord | None = None
    delimiter = ","
    while True:
        if header is None:
            delimiter = _delimiter(feed, {border.theirs(name) for name in NEEDED})
        cells = feed.record(delimiter)
        if cells is None:
            return
        line = feed.taken[0][0]
        raw = b"".join(raw for _, raw, _ in feed.taken)
        if isinstance(cells, BadRecord):
            header = header or []
            yield line, raw, cells
        elif not cells:
            yield line, raw, Skipped.FRAMING
        elif header is None:
            header, twice = cells, _twice(border, cells)
            yield line, raw, _not_there(border, cells) or Skipped.FRAMING
        else:
            yield line, raw, twice or _cells(border, header, cells)


NEEDED = ("event", "user", "time")
"""What every event has."""


def _delimiter(feed: _Feed, needed: set[str]) -> str:
    """The one under which the columns that every event needs are there; else the comma."""
    for delimiter in ",;\t":
        header = feed.record(delimiter)
        feed.give_back(0)
        if isinstance(header, list) and needed <= set(header):
            return delimiter
    return ","


def _why_not_text(raw: bytes) -> BadRecord | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return BadRecord(None, f"is not UTF-8: byte 0x{raw[error.start]:02x} at {error.start + 1}")
    return BadRecord(None, "holds a NUL byte") if b"\0" in raw else None


def _cells(border: Border, header: list[str], cells: list[str]) -> Outcome:
    if not header:
        return BadRecord(None, "stands under a header that can't be read")
    if len(cells) != len(header):
        return BadRecord(None, f"has {len(cells)} cells where the header has {len(header)}")
    # An empty cell is no value; only a query may be empty.
    query = border.theirs("query")
    record = {name: cell for name, cell in zip(header, cells, strict=True) if cell or name == query}
    return _read(border, record, header)


def _not_there(border: Border, columns: list[str]) -> BadRecord | None:
    """Why these can't be the columns: a first record is no header, and must not pass for one."""
    for name in map(border.theirs, NEEDED):
        if not {name, name.split(".")[0]} & set(columns):
            return BadRecord(name, f"is no column here; found the columns {', '.join(columns)}")
    return None


def _twice(border: Border, columns: list[str]) -> BadRecord | None:
    for name in map(border.theirs, FIELDS):
        if columns.count(name) > 1:
            return BadRecord(name, "is the name of two columns")
    return None


def _read(border: Border, record: Record, columns: list[str]) -> Outcome:
    try:
        return border.read(record)
    except BadRecord as bad:
        if bad.field is None or {bad.field, bad.field.split(".")[0]} & set(columns):
            return bad
        return BadRecord(bad.field, f"{bad.reason}; found the columns {', '.join(columns)}")


def _parquet(stream: BinaryIO, border: Border) -> Iterator[Row]:
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
    twice = _twice(border, names)
    for record in _records(batch):
        if isinstance(record, BadRecord):
            yield b"", record
        else:
            yield repr(record).encode(), twice or _read(border, record, names)


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


READERS: dict[str, Callable[[BinaryIO, Border], Iterator[Row]]] = {
    "jsonl": _json_lines,
    "ubi": _json_lines,
    "csv": _csv,
    "parquet": _parquet,
}
