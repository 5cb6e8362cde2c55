"""Rows in order, however many: sorted runs wait on the disk and are merged, block by block."""

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import pyarrow as pa

from searchlogs.logs.arrays import trimmed
from searchlogs.logs.scratch import Place, Scratch

MEMORY = 1 << 24
"""Bytes of rows that are sorted at a time."""

BLOCKS = 1 << 6
"""Number of blocks that a run of MEMORY is put aside in, and most runs that are merged at a time:
one block of each is in memory."""

Run: TypeAlias = tuple[pa.Schema, list[Place]]
"""Rows in order: where their blocks wait."""


class Ordered:
    """Rows in the order of some of their columns, which can be read again and again."""

    def __init__(
        self,
        batches: Iterable[pa.RecordBatch],
        columns: list[str],
        scratch: Scratch,
        memory: int = MEMORY,
    ) -> None:
        """Put the rows aside in sorted runs.

        Args:
            batches: The rows, in any order.
            columns: The columns that give the order, without nulls: text by its characters.
            scratch: Where the rows wait, open for as long as they are read.
            memory: Bytes of rows that are sorted at a time.
        """
        self._columns = columns
        self._scratch = scratch
        self._count = 0
        runs: list[Run] = []
        for table in in_parts(batches, memory):
            runs.append(self._put(self._sorted(table), memory // BLOCKS))
            self._count += table.num_rows
        while len(runs) > BLOCKS:
            groups = [runs[start : start + BLOCKS] for start in range(0, len(runs), BLOCKS)]
            runs = [self._put(self._merged(group), memory // BLOCKS) for group in groups]
        self._runs = runs

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._count

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        return self._merged(self._runs)

    def _merged(self, runs: list[Run]) -> Iterator[pa.RecordBatch]:
        """Merge runs: of each one's block, the rows up to where the first of the blocks ends."""
        held = [(block, rest) for rest in map(self._get, runs) for block in [next(rest)]]
        while held:
            bound = min(self._key(block, len(block) - 1) for block, _ in held)
            ready, left = [], []
            for block, rest in held:
                end = self._end(block, bound)
                ready.append(block.slice(0, end))
                following = block.slice(end) if end < len(block) else next(rest, None)
                if following is not None:
                    left.append((following, rest))
            held = left
            yield from ready if len(ready) == 1 else self._sorted(pa.Table.from_batches(ready))

    def _sorted(self, table: pa.Table) -> list[pa.RecordBatch]:
        """Return rows in order, in one piece."""
        by = [(name, "ascending") for name in self._columns]
        return list(table.sort_by(by).combine_chunks().to_batches())

    def _put(self, rows: Iterable[pa.RecordBatch], size: int) -> Run:
        """Put rows that are in order aside in blocks of about so many bytes."""
        places = []
        for batch in rows:
            most = max(1, len(batch) * size // max(1, batch.nbytes))
            for start in range(0, len(batch), most):
                block = trimmed(batch.slice(start, most))
                places.append(self._scratch.put(memoryview(block.serialize())))
        return batch.schema, places

    def _get(self, run: Run) -> Iterator[pa.RecordBatch]:
        """Yield the blocks of a run."""
        schema, places = run
        for place in places:
            yield pa.ipc.read_record_batch(pa.py_buffer(self._scratch.get(place)), schema)

    def _key(self, block: pa.RecordBatch, row: int) -> tuple[object, ...]:
        """Return what gives a row its place."""
        return tuple(block[name][row].as_py() for name in self._columns)

    def _end(self, block: pa.RecordBatch, bound: tuple[object, ...]) -> int:
        """Return how many rows of a block come no later than `bound`."""
        return bisect_right(range(len(block)), bound, key=lambda row: self._key(block, row))


def in_parts(
    batches: Iterable[pa.RecordBatch], size: int, rows: int = sys.maxsize
) -> Iterator[pa.Table]:
    """Split rows into tables.

    Args:
        batches: The rows.
        size: Bytes of rows after which a table ends.
        rows: Number of rows after which it ends, if that comes first.
    """
    part: list[pa.RecordBatch] = []
    count = held = 0
    for batch in batches:
        while len(batch):
            head = batch.slice(0, rows - count)
            batch = batch.slice(len(head))
            part.append(head)
            count += len(head)
            held += head.nbytes
            if count == rows or held >= size:
                yield pa.Table.from_batches(part)
                part, count, held = [], 0, 0
    if part:
        yield pa.Table.from_batches(part)
