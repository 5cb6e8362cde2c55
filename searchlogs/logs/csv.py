"""CSV and TSV: readers of their records, and writers of events.

The first record is the header. Lists are JSON arrays. CSV has cells that may be quoted; commas,
semicolons or tabs separate them when they are read, commas when they are written. TSV has no
quoting: a tab ends a cell, a line end ends a record, and a quote is a character.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from searchlogs.events import FIELDS, Event, Results, shorten
from searchlogs.logs.border import (
    BadRecord,
    Border,
    Outcome,
    Skipped,
    duplicate_column,
    missing_column,
    read_columns,
)
from searchlogs.logs.jsonl import compact_json, event_record, not_utf8, nul
from searchlogs.logs.lines import Line, Parsed, read_lines, write_text
from searchlogs.logs.words import KEEPING

MAX_LINES = 10
"""Most lines of one cell. A longer one is taken for a quote that nothing closes."""

MAX_QUOTED = 1 << 16
"""Longest CSV record over several lines, in bytes."""


@dataclass(frozen=True)
class _Style:
    """How cells are written."""

    quotes: bool
    backslash: bool

    @cached_property
    def options(self) -> dict[str, Any]:
        """Return the options of the csv module, but for the delimiter."""
        options: dict[str, Any] = {"strict": True}
        if self.backslash:
            options |= {"escapechar": "\\", "doublequote": False}
        return options if self.quotes else {**options, "quoting": csv.QUOTE_NONE}

    def line(self, text: str) -> str:
        """Return a line for the csv module, with stand-ins for the letters after backslashes.

        The module takes each character after a backslash as it is, so that n for a line end would
        become an n.
        """
        if not self.backslash or "\\" not in text:
            return text
        return _ESCAPE.sub(lambda found: "\\" + _STAND_INS.get(found[1], found[1]), text)

    def values(self, cells: list[str]) -> Sequence[str | None]:
        """Return cells of the csv module without stand-ins; a null becomes None."""
        if not self.backslash:
            return cells
        null = _STAND_INS["N"]
        return [None if cell == null else cell.translate(_MEANINGS) for cell in cells]

    def is_valid(self, text: str, delimiter: str) -> bool:
        """Return whether each quote that opens a cell ends it too.

        Without a quote in front of a quote, the csv module takes any text after a closing one.
        """
        if not (self.quotes and self.backslash and '"' in text):
            return True
        bare = rf"(?:[^{delimiter}\\\r\n]++|\\.)*{KEEPING}"
        cell = rf'(?:"(?:[^"\\]++|\\.)*{KEEPING}"|(?!"){bare})'
        record = rf"{cell}(?:{delimiter}{cell})*{KEEPING}[\r\n]*"
        return re.fullmatch(record, text, re.DOTALL) is not None

    def closes(self, text: str) -> bool:
        """Return whether a line that begins in a quoted cell holds the quote that ends it."""
        rest = _ESCAPE.sub("", text) if self.backslash else text.replace('""', "")
        return '"' in rest


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a", "N": "N"}
"""Characters that letters after a backslash stand for, as MySQL and Hive write them."""

# Surrogates that no decoded line holds: the bytes of a line give those from U+DC80 on.
_STAND_INS = {letter: chr(0xD800 + ord(letter)) for letter in _LETTERS}
_MEANINGS = {ord(_STAND_INS[letter]): meaning for letter, meaning in _LETTERS.items()}


class _Feed:
    """Lines for the csv module, which takes as many as a record has; they can be given back."""

    def __init__(self, lines: Iterator[Line], style: _Style) -> None:
        self.lines = lines
        self.style = style
        self.back: deque[Line] = deque()
        self._begin()

    def _begin(self) -> None:
        self.taken: list[Line] = []
        self.size = 0
        self.opened = 0
        """Which of the lines taken holds the beginning of the cell that is not closed yet."""
        self.stopped = ""

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else next(self.lines, None)
        if self.taken and (stop := self._why_stop(line)):
            # Else a quote that is never closed would take in the rest of the file.
            if line is not None:
                self.back.appendleft(line)
            self.stopped = stop
            raise StopIteration
        if line is None:
            raise StopIteration
        self.taken.append(line)
        self.size += len(line[1])
        return self.style.line(line[1].decode(errors="surrogateescape"))

    def _why_stop(self, line: Line | None) -> str:
        """Return why a cell that is not closed cannot go on in a line, or an empty string."""
        last = len(self.taken) - 1
        if last and self.style.closes(self.taken[last][1].decode(errors="replace")):
            self.opened = last
        if line is None:
            return "before the end of the file"
        if line[2]:
            return "before a line that cannot be read"
        if len(self.taken) - self.opened >= MAX_LINES:
            return f"within {MAX_LINES} lines"
        return f"within {MAX_QUOTED:,} bytes" if self.size > MAX_QUOTED else ""

    def record(self, delimiter: str) -> list[str] | BadRecord | None:
        """Return the cells of the next record, whose lines are then `taken`; None at the end."""
        self._begin()
        try:
            cells = next(csv.reader(self, delimiter=delimiter, **self.style.options))
        except StopIteration:
            return None
        except csv.Error as error:
            why = str(error)
            if self.stopped:
                line, raw, _ = self.taken[self.opened]
                quoted = self.style.quotes and b'"' in raw
                what = "the quote that opens" if quoted else "the cell that begins"
                why = f"{what} in line {line} is not closed {self.stopped}"
            self.give_back(1)
            return self.taken[0][2] or BadRecord(None, f"not valid CSV: {why}")
        raw = b"".join(raw for _, raw, _ in self.taken)
        if bad := self.taken[0][2] or _why_not_text(raw):
            return bad
        if not self.style.is_valid(raw.decode(), delimiter):
            self.give_back(1)
            return BadRecord(None, f"not valid CSV: '{delimiter}' expected after '\"'")
        return cells

    def give_back(self, keep: int) -> None:
        """Give back the lines taken, except the first `keep`."""
        self.back.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]


class CsvRows:
    """What reads the records of a CSV or TSV file, and remembers its header.

    Args:
        border: Rules for reading the records.
        quotes: Whether cells may be quoted, as in CSV and not in TSV.
        backslash: Whether a backslash in front of a character takes its meaning away, instead of a
            quote in front of a quote.
    """

    def __init__(self, border: Border, quotes: bool, backslash: bool = False) -> None:
        self.border, self.style = border, _Style(quotes, backslash)
        self.delimiters = ",;\t" if quotes else "\t"
        self.delimiter = self.delimiters[0]
        self.header: list[str] | None = None
        """Names of the columns; None before the header, empty if it could not be read."""
        self.bad_header: BadRecord | None = None
        """What is wrong with the header."""
        self.duplicate: BadRecord | None = None
        """Why no record can be read, if two columns are one field."""

    @property
    def is_plain(self) -> bool:
        """Return whether records can be read by their columns, unless there was no header yet."""
        return self.header is None or (
            bool(self.header) and self.bad_header is None and self.duplicate is None
        )

    def read_first(self, lines: Iterator[Line]) -> Parsed | None:
        """Return the record with which some lines begin; None if there are none."""
        return self._read(_Feed(lines, self.style))

    def _read(self, feed: _Feed) -> Parsed | None:
        """Return the next record; None at the end."""
        if self.header is None:
            self.delimiter = _delimiter(feed, self.delimiters, self.border)
        cells = feed.record(self.delimiter)
        if cells is None:
            return None
        outcome: Outcome
        if isinstance(cells, BadRecord):
            self.header = self.header or []
            outcome = cells
        elif not cells:
            outcome = Skipped.FRAMING
        elif self.header is None:
            self.header = [name or "" for name in self.style.values(cells)]
            self.duplicate = duplicate_column(self.border, self.header)
            self.bad_header = _why_no_header(self.style, self.border, self.header)
            outcome = self.bad_header or Skipped.FRAMING
        else:
            values = self.style.values(cells)
            outcome = self.duplicate or _outcome(self.border, self.header, values)
        raw = b"".join(raw for _, raw, _ in feed.taken)
        return feed.taken[0][0], raw, outcome, len(feed.taken)

    def read_all(self, lines: Iterator[Line]) -> Iterator[Parsed]:
        """Return the records of lines, which begin with a record."""
        feed = _Feed(lines, self.style)
        while (record := self._read(feed)) is not None:
            yield record


def read_csv(stream: BinaryIO, border: Border, backslash: bool = False) -> Iterator[Parsed]:
    """Return the records of a CSV file; its header and empty lines are framing.

    Args:
        stream: The file.
        border: Rules for reading its records.
        backslash: Whether cells have backslash escapes, as in CsvRows.
    """
    return CsvRows(border, True, backslash).read_all(read_lines(stream))


def read_tsv(stream: BinaryIO, border: Border, backslash: bool = False) -> Iterator[Parsed]:
    """Return the records of a TSV file, as `read_csv` does of a CSV file."""
    return CsvRows(border, False, backslash).read_all(read_lines(stream))


def _delimiter(feed: _Feed, delimiters: str, border: Border) -> str:
    """Return the delimiter under which the header has the columns needed; else the first."""
    for delimiter in delimiters:
        header = feed.record(delimiter)
        feed.give_back(0)
        if isinstance(header, list) and missing_column(border, header) is None:
            return delimiter
    return delimiters[0]


def _why_not_text(raw: bytes) -> BadRecord | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return BadRecord(None, not_utf8(raw, error))
    return BadRecord(None, nul(raw)) if b"\0" in raw else None


def _why_no_header(style: _Style, border: Border, header: list[str]) -> BadRecord | None:
    bad = missing_column(border, header)
    if bad is None or style.quotes:
        return bad
    if missing_column(border, [name.strip('"') for name in header]) is None:
        return BadRecord(bad.field, f"in quotes, which TSV lacks (set --format csv); {bad.reason}")
    return bad


def _outcome(border: Border, header: list[str], cells: Sequence[str | None]) -> Outcome:
    if not header:
        return BadRecord(None, "the header could not be read")
    if len(cells) != len(header):
        reason = f"expected {len(header)} cells, as in the header; found {len(cells)}"
        return BadRecord(None, reason)
    # An empty cell is no value; only a query may be empty.
    queries = border.query_columns
    record = {
        name: cell
        for name, cell in zip(header, cells, strict=True)
        if cell or (name in queries and cell is not None)
    }
    return read_columns(border, record, header)


def write_csv(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    """Write events as CSV, compressed if the ending of `path` says so.

    Raises:
        ValueError: A text holds a NUL character.
    """
    write_text(_csv_lines(events), file, path)


def _csv_lines(events: Iterable[Event]) -> Iterator[str]:
    cells = io.StringIO()
    # Python 3.11 quotes a carriage return only where lines end in one.
    table = csv.DictWriter(cells, FIELDS, lineterminator="\r\n")
    table.writeheader()
    for event in events:
        yield _drain(cells)
        table.writerow(_record(event))
    yield _drain(cells)


def _record(event: Event) -> dict[str, object]:
    record = event_record(event)
    if isinstance(event, Results):
        record["items"] = compact_json(event.items)
    return record


def _drain(cells: io.StringIO) -> str:
    """Return the row in the buffer, and empty it."""
    row = cells.getvalue().removesuffix("\r\n")
    cells.seek(0)
    cells.truncate()
    if "\0" in row:
        raise ValueError(f"CSV cannot hold NUL characters (JSON Lines can); found {shorten(row)}")
    return row + "\n"


def write_tsv(events: Iterable[Event], file: BinaryIO, path: Path) -> None:
    """Write events as TSV, compressed if the ending of `path` says so.

    Raises:
        ValueError: A text holds a character that TSV, which has no quoting, cannot hold.
    """
    write_text(_tsv_lines(events), file, path)


def _tsv_lines(events: Iterable[Event]) -> Iterator[str]:
    yield "\t".join(FIELDS) + "\n"
    for event in events:
        record = _record(event)
        cells = [str(record.get(name, "")) for name in FIELDS]
        for name, cell in zip(FIELDS, cells, strict=True):
            for character, called in NOT_IN_TSV.items():
                if character in cell:
                    raise ValueError(
                        f"{name}: TSV cannot hold a {called} (JSON Lines can); "
                        f"found {shorten(cell)}"
                    )
        yield "\t".join(cells) + "\n"


NOT_IN_TSV = {"\t": "tab", "\n": "newline", "\r": "carriage return", "\0": "NUL character"}
"""Characters that a cell of TSV cannot hold."""
