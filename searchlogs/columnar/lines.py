"""Files of lines in chunks: block by block where that is possible, else record by record."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from searchlogs.columnar.chunks import NEVER, NOTHING_PASSED, Chunk, Maker, Passed, Raw
from searchlogs.columnar.csv import CsvLines
from searchlogs.columnar.jsonl import JsonLines
from searchlogs.columnar.ubi import UbiLines
from searchlogs.logs.arrays import Array, from_numpy
from searchlogs.logs.blocks import BLOCK, Block, read_blocks
from searchlogs.logs.border import Border
from searchlogs.logs.csv import CsvRows
from searchlogs.logs.formats import Read
from searchlogs.logs.jsonl import read_json, read_line
from searchlogs.logs.lines import Line, Parsed, Text, batched, read_lines, text_of
from searchlogs.logs.reader import BATCH
from searchlogs.logs.stores import open_place, size_read
from searchlogs.logs.ubi import Ubi
from searchlogs.logs.values import find_layout
from searchlogs.logs.words import STDIN

AT_ONCE = 4
"""Number of blocks of JSON that are joined into one, because much of the work is per block."""

LINES = frozenset({"jsonl", "csv", "tsv"})
"""Formats whose files can be read so."""


class _Part(NamedTuple):
    """Consecutive records, as a Maker takes them."""

    columns: pa.RecordBatch | None
    good: Array
    reads: Iterable[Read]
    raw: Raw
    passed: Passed = NOTHING_PASSED


@dataclass(frozen=True)
class LineFile:
    """A file of lines, read in chunks."""

    path: str
    format: str
    border: Border
    names: list[str]
    """Our names of the columns, and ACTION if the log has activities."""
    backslash: bool = False
    """Whether cells of CSV and TSV have backslash escapes."""
    block: int = BLOCK
    """Bytes that are looked at together, more or less."""

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is called with the number of bytes read each time."""
        maker = Maker(self.names)
        newest, before = NEVER, 0
        with sys.stdin.buffer if self.path == STDIN else open_place(self.path) as file:
            text = text_of(self.path, file)  # held until the file is closed
            for part in (self._json if self.format == "jsonl" else self._csv)(text):
                columns, good, reads, raw, passed = part
                chunk = maker.chunk(columns, good, reads, newest, raw, passed)
                newest = chunk.key[-1]
                yield chunk
                if self.path != STDIN and (here := file.tell()) > before:
                    watch(here - before)
                    before = here
            if self.path != STDIN:
                watch(size_read(self.path, file) - before)

    def _json(self, text: Text) -> Iterator[_Part]:
        """Yield the records of a JSON file, of which only JSON Lines come in blocks."""
        layout, stream = find_layout(text)
        if layout != "lines" or text.from_utf_16 or self.border.time_format is not None:
            yield from self._by_record(read_json(stream, self.border))
            return
        reader = _json_reader(self.border, self.names)
        blocks = read_blocks(stream, self.block)
        for block in _larger(blocks):
            if isinstance(block, Block):
                none = None, np.zeros(len(block), bool), NOTHING_PASSED
                columns, good, passed = reader.columns(block) or none
                raw = Raw(block.data, block.begins, block.ends, np.ones(len(block), np.int64))
                doubtful = ~good
                doubtful[passed.places] = False
                yield _Part(columns, good, self._json_lines(block, doubtful), raw, passed)
            else:
                yield from self._by_record(
                    (number, raw, bad or read_line(raw, self.border), 1)
                    for number, raw, bad in block
                )

    def _json_lines(self, block: Block, doubtful: Array) -> Iterator[Read]:
        """Read lines of a block one by one."""
        for place in np.flatnonzero(doubtful).tolist():
            line = block[place]
            yield Read(self.path, block.number + place, line, read_line(line, self.border))

    def _csv(self, text: Text) -> Iterator[_Part]:
        """Yield the records of a CSV or TSV file."""
        rows = CsvRows(self.border, self.format == "csv", self.backslash)
        border = self.border
        if text.from_utf_16 or self.backslash or border.nested or border.time_format is not None:
            yield from self._by_record(rows.read_all(read_lines(text)))
            return
        reader = CsvLines(self.border, self.names, rows)
        blocks = read_blocks(text, self.block)
        block = next(blocks, None)
        while isinstance(block, Block) and rows.is_plain:
            following = next(blocks, None)
            records, left = _odd_records(block, reader, following is None)
            whole, rest = block.split(left)
            if len(whole):
                yield self._csv_part(whole, records, reader)
            block = following
            if len(rest) and isinstance(following, Block):
                block = Block(rest.number, rest.data + following.data)
            elif len(rest):
                blocks = chain([following] if following else [], blocks)
                block = rest
                break
        if block is not None:
            yield from self._by_record(rows.read_all(_lines(chain([block], blocks))))

    def _csv_part(self, block: Block, records: dict[int, Parsed], reader: CsvLines) -> _Part:
        """Return a block of which some records, by their first line, have been read."""
        begins = np.ones(len(block), bool)
        for line, (_, _, _, lines) in records.items():
            begins[line + 1 : line + lines] = False
        first = np.flatnonzero(begins)
        odd = {*records, *np.flatnonzero(~begins).tolist()}
        columns, good, passed = None, np.zeros(len(block), bool), NOTHING_PASSED
        if len(odd) < len(block):
            columns, good, passed = reader.columns(block, odd)
        taken = np.diff(first, append=len(block))
        raw = Raw(block.data, block.begins[first], block.ends[first + taken - 1], taken)
        good = good[first]
        doubtful = ~good
        doubtful[places := np.searchsorted(first, passed.places)] = False
        if columns is not None and len(first) < len(block):
            columns = columns.take(from_numpy(first))

        def read() -> Iterator[Read]:
            for line in first[doubtful].tolist():
                record = records.get(line) or reader.rows.read_first(block.lines(line))
                assert record is not None  # there is a line
                yield Read(self.path, *record)

        return _Part(columns, good, read(), raw, replace(passed, places=places))

    def _by_record(self, records: Iterable[Parsed]) -> Iterator[_Part]:
        """Yield records that the border has read."""
        for some in batched(records, BATCH):
            ends = np.cumsum([len(raw) for _, raw, _, _ in some])
            lines = np.array([lines for _, _, _, lines in some])
            data = b"".join(raw for _, raw, _, _ in some)
            reads = [Read(self.path, *record) for record in some]
            raw = Raw(data, np.append(0, ends[:-1]), ends, lines)
            yield _Part(None, np.zeros(len(some), bool), reads, raw)


def _larger(blocks: Iterable[Block | Iterator[Line]]) -> Iterator[Block | Iterator[Line]]:
    """Return the same lines in larger blocks, for what does much for each of them."""
    held: list[Block] = []
    for block in blocks:
        if isinstance(block, Block):
            held.append(block)
        if held and (len(held) == AT_ONCE or not isinstance(block, Block)):
            yield Block.joined(held)
            held = []
        if not isinstance(block, Block):
            yield block
    if held:
        yield Block.joined(held)


def _json_reader(border: Border, names: list[str]) -> JsonLines | UbiLines:
    """Return what makes columns of blocks of JSON Lines."""
    return UbiLines(border, names) if isinstance(border, Ubi) else JsonLines(border, names)


def _odd_records(block: Block, reader: CsvLines, is_last: bool) -> tuple[dict[int, Parsed], int]:
    """Read the records of a block that may take several lines, and the header.

    Returns:
        The records, by their first line, and the number of lines before one that may go on in the
        next block.
    """
    rows = reader.rows
    records: dict[int, Parsed] = {}
    header, free = rows.header, 0
    odd = iter(range(len(block)) if header is None else sorted(reader.odd(block)))
    while (line := next((line for line in odd if line >= free), None)) is not None:
        lines = block.lines(line)
        record = rows.read_first(lines)
        if record is None or (next(lines, None) is None and not is_last):
            rows.header = header
            return records, line
        records[line] = record
        free = line + record[3]
        if header is None and rows.header is not None:
            if not rows.is_plain:
                return records, free
            header, odd = rows.header, iter(sorted(reader.odd(block)))
    return records, len(block)


def _lines(parts: Iterable[Block | Iterator[Line]]) -> Iterator[Line]:
    """Return the lines of blocks."""
    for part in parts:
        yield from part.lines() if isinstance(part, Block) else part
