"""Files of lines in chunks: block by block where that is possible, else record by record."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from searchlogs.columnar.chunks import NEVER, Chunk, Maker, Raw
from searchlogs.columnar.jsonl import JsonLines
from searchlogs.logs.arrays import Array
from searchlogs.logs.blocks import BLOCK, Block, read_blocks
from searchlogs.logs.border import Border
from searchlogs.logs.formats import Read
from searchlogs.logs.jsonl import read_json, read_line
from searchlogs.logs.lines import Parsed, Text, batched, text_of
from searchlogs.logs.source import BATCH
from searchlogs.logs.values import find_layout
from searchlogs.logs.words import STDIN

LINES = frozenset({"jsonl"})
"""Formats whose files can be read so."""


@dataclass(frozen=True)
class LineFile:
    """A file of lines, read in chunks."""

    path: str
    format: str
    border: Border
    names: list[str]
    """Our names of the columns, and ACTION if the log has activities."""
    block: int = BLOCK
    """Bytes that are looked at together, more or less."""

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is called with the number of bytes read each time."""
        reader, maker = JsonLines(self.border, self.names), Maker(self.names)
        newest, before = NEVER, 0
        with sys.stdin.buffer if self.path == STDIN else open(self.path, "rb") as file:
            text = text_of(self.path, file)  # held until the file is closed
            for part in self._parts(text):
                if isinstance(part, Block):
                    chunk = self._of_block(part, reader, maker, newest)
                else:
                    chunk = self._of_records(part, maker, newest)
                newest = chunk.key[-1]
                yield chunk
                if self.path != STDIN and (here := file.tell()) > before:
                    watch(here - before)
                    before = here
            if self.path != STDIN:
                watch(os.path.getsize(self.path) - before)

    def _of_block(self, block: Block, reader: JsonLines, maker: Maker, newest: np.int64) -> Chunk:
        columns, good = reader.columns(block) or (None, np.zeros(len(block), bool))
        raw = Raw(block.data, block.begins, block.ends, np.ones(len(block), np.int64))
        return maker.chunk(columns, good, self._read(block, ~good), newest, raw)

    def _read(self, block: Block, doubtful: Array) -> Iterator[Read]:
        """Read lines of a block one by one."""
        for place in np.flatnonzero(doubtful).tolist():
            line = block[place]
            yield Read(self.path, block.number + place, line, read_line(line, self.border))

    def _of_records(self, records: list[Parsed], maker: Maker, newest: np.int64) -> Chunk:
        ends = np.cumsum([len(raw) for _, raw, _, _ in records])
        lines = np.array([lines for _, _, _, lines in records])
        data = b"".join(raw for _, raw, _, _ in records)
        raw = Raw(data, np.append(0, ends[:-1]), ends, lines)
        reads = [Read(self.path, *record) for record in records]
        return maker.chunk(None, np.zeros(len(reads), bool), reads, newest, raw)

    def _parts(self, text: Text) -> Iterator[Block | list[Parsed]]:
        """Return the records of a JSON file, of which only JSON Lines come in blocks."""
        layout, stream = find_layout(text)
        if layout != "lines" or text.from_utf_16 or self.border.time_format is not None:
            yield from batched(read_json(stream, self.border), BATCH)
            return
        for part in read_blocks(stream, self.block):
            if isinstance(part, Block):
                yield part
            else:
                yield from batched(((number, raw, bad or read_line(raw, self.border), 1)
                                    for number, raw, bad in part), BATCH)  # fmt: skip
