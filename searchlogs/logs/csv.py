"""CSV and TSV, in both directions."""

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from searchlogs.events import FIELDS, Event, Results, shorten
from searchlogs.logs.border import (
    REQUIRED,
    BadRecord,
    Border,
    Outcome,
    Skipped,
    duplicate_column,
    missing_column,
    read_columns,
)
from searchlogs.logs.jsonl import compact_json, event_record
from searchlogs.logs.lines import Line, Parsed, read_lines, write_text
from searchlogs.logs.words import COMPRESSED


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
        return self.taken[0][2] or why_not_text(raw) or cells

    def give_back(self, keep: int) -> None:
        self.back.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]


MAX_QUOTED = 1 << 16
"""The longest CSV record over several lines, in bytes."""


def read_csv(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    feed = _Feed(read_lines(stream))
    header: list[str] | None = None
    twice: BadRecord | None = None
    delimiter = ","
    while True:
        if header is None:
            delimiter = _delimiter(feed, {border.theirs(name) for name in REQUIRED})
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
            header, twice = cells, duplicate_column(border, cells)
            yield line, raw, missing_column(border, cells) or Skipped.FRAMING
        else:
            yield line, raw, twice or _cells(border, header, cells)


def _delimiter(feed: _Feed, needed: set[str]) -> str:
    """The one under which the columns that every event needs are there; else the comma."""
    for delimiter in ",;\t":
        header = feed.record(delimiter)
        feed.give_back(0)
        if isinstance(header, list) and needed <= set(header):
            return delimiter
    return ","


def why_not_text(raw: bytes) -> BadRecord | None:
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
    return read_columns(border, record, header)


def write_csv(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    delimiter = "\t" if name.suffix == ".tsv" else ","
    write_text(_csv_lines(events, delimiter), file, path)


def _csv_lines(events: Iterable[Event], delimiter: str) -> Iterator[str]:
    cells = io.StringIO()
    # Python 3.11 quotes a carriage return only where lines end in one.
    table = csv.DictWriter(cells, FIELDS, delimiter=delimiter, lineterminator="\r\n")
    table.writeheader()
    for event in events:
        yield _taken(cells)
        record = event_record(event)
        if isinstance(event, Results):
            record["items"] = compact_json(event.items)
        table.writerow(record)
    yield _taken(cells)


def _taken(cells: io.StringIO) -> str:
    row = cells.getvalue().removesuffix("\r\n")
    cells.seek(0)
    cells.truncate()
    if "\0" in row:
        raise ValueError(f"CSV can't hold a NUL character, JSON Lines can: {shorten(row)}")
    return row + "\n"
