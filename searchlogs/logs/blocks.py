"""Lines of a text file in blocks, for readers that look at many of them at once."""

from codecs import BOM_UTF8
from collections.abc import Iterator
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
        return ends if self.data.endswith(b"\n") else np.append(ends, len(self.data))

    @cached_property
    def begins(self) -> Array:
        """Place of each line's first byte."""
        return np.append(0, self.ends[:-1])

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.ends)

    def __getitem__(self, line: int) -> bytes:
        """Return a line, counted from 0, with its end."""
        return self.data[self.begins[line] : self.ends[line]]


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
                more = stream.read1(READ)
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
            block = Block(number, bytes(held[:end]))
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
