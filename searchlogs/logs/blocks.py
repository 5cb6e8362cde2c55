"""Lines of a text file in blocks, for readers that look at many of them at once."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from searchlogs.logs.arrays import Array
from searchlogs.logs.lines import MAX_LINE, Line, Replayed, Text, not_lines, read_lines

BLOCK = 1 << 19
"""Bytes of a block, more or less."""

READ = 1 << 13
"""Bytes that are read at a time: as many as by `read_lines`, for files that break off."""


@dataclass(frozen=True)
class Block:
    """Whole lines, each of at most MAX_LINE bytes; only the last of a file may lack its end."""

    number: int
    """Number of the first line, from 1."""
    data: bytes

    @cached_property
    def ends(self) -> Array:
        """Place behind each line."""
        ends = np.flatnonzero(np.frombuffer(self.data, np.uint8) == ord("\n")) + 1
        is_whole = self.data.endswith(b"\n") or not self.data
        return ends if is_whole else np.append(ends, len(self.data))

    @cached_property
    def begins(self) -> Array:
        """Place of each line's first byte."""
        return np.append(0, self.ends)[: len(self.ends)]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.ends)

    def __getitem__(self, line: int) -> bytes:
        """Return a line, counted from 0, with its end."""
        return self.data[self.begins[line] : self.ends[line]]

    @classmethod
    def joined(cls, blocks: Sequence["Block"]) -> "Block":
        """Return blocks that follow each other as one."""
        whole = cls(blocks[0].number, b"".join(block.data for block in blocks))
        before = np.cumsum([0, *(len(block.data) for block in blocks)])
        ends = [block.ends + size for block, size in zip(blocks, before, strict=False)]
        whole.__dict__["ends"] = np.concatenate(ends)  # known, and not to be looked for again
        return whole

    def split(self, line: int) -> tuple["Block", "Block"]:
        """Return the lines before a line, and that line and those behind it."""
        place = int(self.begins[line]) if line < len(self) else len(self.data)
        before, behind = self.data[:place], self.data[place:]
        return Block(self.number, before), Block(self.number + line, behind)

    def lines(self, first: int = 0) -> Iterator[Line]:
        """Return the lines from `first` on, as `read_lines` does."""
        for line in range(first, len(self)):
            yield self.number + line, self[line], None

    def standing_in(
        self, lines: set[int], line: bytes, first: int = 0, last: int | None = None
    ) -> bytes:
        """Return the lines from `first` to before `last`, with another line in place of some."""
        last = len(self) if last is None else last
        parts, begin = [], int(self.begins[first])
        for number in sorted(number for number in lines if first <= number < last):
            parts += [self.data[begin : self.begins[number]], line]
            begin = int(self.ends[number])
        parts.append(self.data[begin : self.ends[last - 1]])
        if parts[-1] and not parts[-1].endswith(b"\n"):
            parts.append(b"\n")
        return b"".join(parts)

    def not_utf8(self) -> set[int]:
        """Return which lines are not UTF-8."""
        found: set[int] = set()
        start = 0
        while True:
            try:
                str(memoryview(self.data)[start:], "utf-8")
            except UnicodeDecodeError as error:
                line = int(np.searchsorted(self.ends, start + error.start, "right"))
                found.add(line)
                start = int(self.ends[line])
            else:
                return found


def read_blocks(stream: Text, size: int = BLOCK) -> Iterator[Block | Iterator[Line]]:
    """Return the lines that `read_lines` returns, in blocks as long as that is possible.

    The last item gives the others, from where the file breaks off or has a line that is too long.

    Args:
        stream: The file, not from UTF-16.
        size: Bytes of a block, more or less; at most half of MAX_LINE.

    Raises:
        OSError: The disk cannot be read.
    """
    number, held, mark = 1, bytearray(), b""
    while True:
        ended = broken = False
        while not ended and (len(held) < size or (b"\n" not in held and len(held) <= MAX_LINE)):
            try:
                more = stream.read1(min(READ, size))
            except OSError:
                ended = broken = True
            else:
                held += more
                ended = not more
        if number == 1 and held.startswith(BOM_UTF8):
            mark = BOM_UTF8
            del held[: len(mark)]
        end = len(held) if ended and not broken else held.rfind(b"\n") + 1
        is_whole = end <= MAX_LINE and not (number == 1 and (not_lines(held) or not held))
        if end and is_whole:
            with memoryview(held) as view:  # a slice of `held` itself would be one more copy
                block = Block(number, bytes(view[:end]))
            yield block
            number += len(block)
            del held[:end]
            mark = b""
        if broken or not is_whole or len(held) > MAX_LINE:
            rest = Replayed(mark + held, stream)
            yield read_lines(Text(rest), number)
            return
        if ended:
            return
