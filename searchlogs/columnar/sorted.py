"""Files whose records are sorted by time: in runs, of which all but the last wait on the disk."""

import pickle
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from searchlogs.columnar.chunks import (
    NEVER,
    Chunk,
    File,
    Passed,
    Raw,
    due_times,
    interleaved,
    merged,
)
from searchlogs.logs.arrays import from_numpy, to_numpy, to_stream
from searchlogs.logs.scratch import Place, Scratch

RUN = 1 << 24
"""Bytes of records that are sorted in memory at a time."""

PIECE = 2_000
"""Records of a sorted run that are in memory while runs are merged."""

OBJECT = 1_000
"""Bytes, more or less, that a record takes which was read one by one, besides its own."""


class Sorted:
    """Files as one, whose records come in the order of their times, ties as they stand.

    Args:
        files: The files.
        folder: Where to keep what does not fit into memory; None: the system's temporary files.
        run: Bytes of records to sort in memory.
        piece: Records of a run to have in memory while runs are merged.
        keeps_bytes: Whether chunks keep the bytes of their records, which only a checksum needs.
    """

    def __init__(
        self,
        files: Iterable[File],
        folder: Path | None,
        run: int = RUN,
        piece: int = PIECE,
        keeps_bytes: bool = True,
    ) -> None:
        self.files, self.folder, self.run, self.piece = files, folder, run, piece
        self.keeps_bytes = keeps_bytes

    def chunks(self, watch: Callable[[int], None]) -> Iterator[Chunk]:
        """Yield all records; `watch` is called with the number of bytes read each time."""
        with Scratch(self.folder) as scratch:
            runs: list[Iterator[Chunk]] = []
            chunks = chain.from_iterable(file.chunks(watch) for file in self.files)
            for parts, is_full in self._parts(chunks):
                pieces = _pieces(_by_time(parts), self.piece)
                parts.clear()  # their memory is needed for the next ones
                if is_full:
                    pieces = _again(scratch, [scratch.put(_packed(piece)) for piece in pieces])
                runs.append(pieces)
            yield from merged(runs)

    def _parts(self, chunks: Iterable[Chunk]) -> Iterator[tuple[list[Chunk], bool]]:
        """Split chunks into lists, and say of each whether it is full."""
        part: list[Chunk] = []
        held = 0
        for chunk in chunks:
            held += _size(chunk)
            if not self.keeps_bytes and chunk.raw is not None:
                chunk = replace(chunk, raw=chunk.raw.without_bytes())
            part.append(chunk)
            if held >= self.run:
                yield part, True
                part, held = [], 0
        if part:
            yield part, False


def _by_time(parts: list[Chunk]) -> Chunk:
    """Return chunks as one, in the order of their times; first come records without events."""
    keyed = []
    for chunk in parts:
        key = np.full(len(chunk.key), NEVER)
        key[chunk.places[::-1]] = due_times(chunk.rows)[::-1]  # the first of two events
        keyed.append(replace(chunk, key=key))
    chunk = interleaved(keyed)
    assert chunk.raw is not None
    return replace(chunk, raw=_gathered(chunk.raw) if chunk.raw.data else chunk.raw)


def _size(chunk: Chunk) -> int:
    """Return the bytes of a chunk's records; those that were read one by one take more memory."""
    assert chunk.raw is not None
    return int(chunk.raw.end[-1] - chunk.raw.begin[0]) + OBJECT * len(chunk.others)


def _gathered(raw: Raw) -> Raw:
    """Return records with their bytes in one piece, in their order.

    Args:
        raw: Records whose bytes follow each other, in some order.
    """
    stored = np.lexsort((raw.end, raw.begin))
    offsets = np.append(raw.begin[stored], raw.end.max()).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(raw.data)]
    place = np.empty(len(stored), np.int64)
    place[stored] = np.arange(len(stored))
    bytes_ = pa.Array.from_buffers(pa.binary(), len(stored), buffers).take(from_numpy(place))
    begins = to_numpy(bytes_, np.int32, len(stored) + 1).astype(np.int64)
    return Raw(bytes_.buffers()[2].to_pybytes(), begins[:-1], begins[1:], raw.lines)


def _pieces(chunk: Chunk, size: int) -> Iterator[Chunk]:
    """Yield the parts of a chunk."""
    assert chunk.raw is not None
    others = 0
    for begin in range(0, len(chunk.key), size):
        end = begin + size
        first, last = np.searchsorted(chunk.places, (begin, end)).tolist()
        before, others = others, bisect_left(chunk.others, end, others, key=lambda other: other[0])
        yield Chunk(
            chunk.rows.slice(first, last - first),
            chunk.places[first:last] - begin,
            [(place - begin, read) for place, read in chunk.others[before:others]],
            chunk.passed.part(begin, end),
            chunk.key[begin:end],
            chunk.raw.part(slice(begin, end)),
        )


def _packed(chunk: Chunk) -> bytes:
    """Return a piece as bytes, without what its arrays share with others."""
    raw, passed = chunk.raw, chunk.passed
    assert raw is not None
    low, high = int(raw.begin[0]), int(raw.end[-1])
    part = Raw(raw.data[low:high], raw.begin - low, raw.end - low, raw.lines)
    words = pa.RecordBatch.from_arrays([passed.words], ["words"])
    batches = [to_stream(chunk.rows), to_stream(words)]
    rest = chunk.places, chunk.others, passed.places, passed.found, chunk.key, part
    return pickle.dumps((batches, rest), pickle.HIGHEST_PROTOCOL)


def _again(scratch: Scratch, places: Iterable[Place]) -> Iterator[Chunk]:
    """Yield the pieces that wait on the disk."""
    for place in places:
        batches, rest = pickle.loads(scratch.get(place))
        rows, words = (pa.ipc.open_stream(batch).read_next_batch() for batch in batches)
        rows_at, others, passed, found, key, raw = rest
        yield Chunk(rows, rows_at, others, Passed(passed, words["words"], found), key, raw)
