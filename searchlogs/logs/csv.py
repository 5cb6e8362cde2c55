"""CSV and TSV: a reader of their records, and a writer of events.

The first record is the header. Cells are separated by commas, semicolons or tabs when read; by tabs
in a file whose name ends in .tsv, else by commas, when written. Lists are JSON arrays.
"""

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
from searchlogs.logs.jsonl import compact_json, event_record, not_utf8
from searchlogs.logs.lines import Line, Parsed, read_lines, write_text
from searchlogs.logs.words import COMPRESSED


class _Feed:
    """Lines for the csv module, which takes as many as a record has; they can be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.lines = lines
        self.back: deque[Line] = deque()
        self.taken: list[Line] = []
        self.size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else next(self.lines)
        # Else a quote that is never closed would take in the rest of the file.
        if self.taken and (line[2] or self.size > MAX_QUOTED):
            self.back.appendleft(line)
            raise StopIteration
        self.taken.append(line)
        self.size += len(line[1])
        return line[1].decode(errors="surrogateescape")

    def record(self, delimiter: str) -> list[str] | BadRecord | None:
        """Return the cells of the next record, whose lines are then `taken`; None at the end."""
        self.taken, self.size = [], 0
        try:
            cells = next(csv.reader(self, delimiter=delimiter, strict=True))
        except StopIteration:
            return None
        except csv.Error as error:
            self.give_back(1)
            return self.taken[0][2] or BadRecord(None, f"not valid CSV: {error}")
        raw = b"".join(raw for _, raw, _ in self.taken)
        return self.taken[0][2] or _why_not_text(raw) or cells

    def give_back(self, keep: int) -> None:
        """Give back the lines taken, except the first `keep`."""
        self.back.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]


MAX_QUOTED = 1 << 16
"""Longest CSV record over several lines, in bytes."""


def read_csv(stream: BinaryIO, border: Border) -> Iterator[Parsed]:
    """Return the records of a CSV file; its header and empty lines are framing."""
    feed = _Feed(read_lines(stream))
    header: list[str] | None = None
    duplicate: BadRecord | None = None
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
            header, duplicate = cells, duplicate_column(border, cells)
            yield line, raw, missing_column(border, cells) or Skipped.FRAMING
        else:
            yield line, raw, duplicate or _outcome(border, header, cells)


def _delimiter(feed: _Feed, needed: set[str]) -> str:
    """Return the delimiter under which the header has the columns needed; else the comma."""
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
        return BadRecord(None, not_utf8(raw, error))
    return BadRecord(None, "contains a NUL byte") if b"\0" in raw else None


def _outcome(border: Border, header: list[str], cells: list[str]) -> Outcome:
    if not header:
        return BadRecord(None, "the header could not be read")
    if len(cells) != len(header):
        reason = f"expected {len(header)} cells, as in the header; found {len(cells)}"
        return BadRecord(None, reason)
    # An empty cell is no value; only a query may be empty.
    query = border.theirs("query")
    record = {name: cell for name, cell in zip(header, cells, strict=True) if cell or name == query}
    return read_columns(border, record, header)


def write_csv(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    """Write events as CSV, or as TSV if `path` ends so, compressed if its ending says so.

    Raises:
        ValueError: A text holds a NUL character.
    """
    name = path.with_suffix("") if path.suffix in COMPRESSED else path
    delimiter = "\t" if name.suffix == ".tsv" else ","
    write_text(_csv_lines(events, delimiter), file, path)


def _csv_lines(events: Iterable[Event], delimiter: str) -> Iterator[str]:
    cells = io.StringIO()
    # Python 3.11 quotes a carriage return only where lines end in one.
    table = csv.DictWriter(cells, FIELDS, delimiter=delimiter, lineterminator="\r\n")
    table.writeheader()
    for event in events:
        yield _drain(cells)
        record = event_record(event)
        if isinstance(event, Results):
            record["items"] = compact_json(event.items)
        table.writerow(record)
    yield _drain(cells)


def _drain(cells: io.StringIO) -> str:
    """Return the row in the buffer, and empty it."""
    row = cells.getvalue().removesuffix("\r\n")
    cells.seek(0)
    cells.truncate()
    if "\0" in row:
        raise ValueError(f"CSV cannot hold NUL characters (JSON Lines can); found {shorten(row)}")
    return row + "\n"
