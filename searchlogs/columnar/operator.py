"""A Bytewax operator that sessionizes record batches: a thin shell around `Sessionizer`."""

from dataclasses import dataclass

import bytewax.operators as op
import numpy as np
import pyarrow as pa
from bytewax.dataflow import Stream, operator
from bytewax.operators import StatefulBatchLogic

from searchlogs.columnar.columns import as_text, plain_users
from searchlogs.columnar.sessionizer import Found, Sessionizer, State
from searchlogs.durations import Windowing
from searchlogs.logs.arrays import from_numpy, to_numpy

Tagged = tuple[str, pa.RecordBatch]
"""A batch, and the name of the stream by which it leaves: "down" or "late"."""


@dataclass(frozen=True)
class ColumnarOut:
    """The streams that leave `columnar_sessions`."""

    down: Stream[pa.RecordBatch]
    """Closed sessions, under `schemas.COUNTED`: one row per session."""

    late: Stream[pa.RecordBatch]
    """Rows that arrived too late for any session, with `late_by`, a duration."""


@operator
def columnar_sessions(
    step_id: str,
    up: Stream[pa.RecordBatch],
    windowing: Windowing,
    shards: int = 1,
) -> ColumnarOut:
    """Group rows into sessions, as `session_window` with `replay_clock(wait)` groups events.

    The sessions are the same whatever the batches; when a session leaves is not. State belongs to
    a shard: a flow can be resumed with more workers or fewer, but neither with another number of
    shards nor with a shorter wait.

    Args:
        step_id: Name of the step, unique in its flow.
        up: Batches of rows, in the order in which they arrived.
        windowing: The gap and the wait.
        shards: Number of parts that the users are split into, which the engine deals out to the
            workers.

    Returns:
        Sessions in `down`, late rows in `late`.

    Raises:
        ValueError: `shards` is not a whole number from 1.
    """
    if type(shards) is not int or shards < 1:
        raise ValueError(f"shards: expected a whole number from 1; found {shards!r}")
    keyed = op.flat_map("shard", up, lambda batch: split(batch, shards))
    tagged = op.stateful_batch(
        "sessionize", keyed, lambda state: ShardLogic(windowing, shards, state)
    )
    return ColumnarOut(
        op.filter_map("down", tagged, lambda out: out[1][1] if out[1][0] == "down" else None),
        op.filter_map("late", tagged, lambda out: out[1][1] if out[1][0] == "late" else None),
    )


@dataclass(frozen=True)
class Shard:
    """What is stored of one shard."""

    shards: int
    """Total number of shards."""
    state: State | None


class ShardLogic(StatefulBatchLogic[pa.RecordBatch, Tagged, Shard]):
    """What Bytewax calls with the batches of one shard: a `Sessionizer`."""

    def __init__(self, windowing: Windowing, shards: int, stored: Shard | None) -> None:
        """Start anew, or from what was stored.

        Raises:
            ValueError: It was stored with another number of shards, or with a longer wait.
        """
        if stored is not None and stored.shards != shards:
            raise ValueError(
                f"shards: a run can only go on with the same number; "
                f"found {shards}, after {stored.shards}"
            )
        self.shards = shards
        state = stored.state if stored else None
        self.sessionizer = Sessionizer(windowing.gap, windowing.wait, state)

    def on_batch(self, values: list[pa.RecordBatch]) -> tuple[list[Tagged], bool]:
        """Return what batches have closed, and that the shard's state is to be kept."""
        out = [tagged for batch in values for tagged in _tagged(self.sessionizer.add(batch))]
        return out, self.RETAIN

    def on_eof(self) -> tuple[list[Tagged], bool]:
        """Return what closes at the end of the input."""
        return _tagged(self.sessionizer.finish()), self.RETAIN

    def snapshot(self) -> Shard:
        """Return what is to be stored."""
        return Shard(self.shards, self.sessionizer.snapshot())


def split(batch: pa.RecordBatch, shards: int) -> list[tuple[str, pa.RecordBatch]]:
    """Split a batch by user.

    Returns:
        Pairs of a shard's number, as text, and its rows; the same in every process.
    """
    if shards == 1:
        return [("0", batch)]
    users = plain_users(batch["user"]).dictionary_encode()
    text = as_text(users.dictionary)
    starts = to_numpy(text, np.int32, len(text) + 1)
    data = text.buffers()[2]
    bytes_ = np.frombuffer(data or b"", np.uint8)[starts[0] : starts[-1]].astype(np.uint64)
    starts = starts - starts[0]
    lengths = np.diff(starts)
    # Each user's bytes as the digits of a number, modulo 2⁶⁴, whose high bits are well mixed.
    place = np.arange(len(bytes_)) - np.repeat(starts[:-1], lengths)
    weights = np.cumprod(np.full(max(lengths, default=0) + 1, 0x9E3779B97F4A7C15, np.uint64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum((bytes_ + np.uint64(1)) * weights[place])])
    hashes = (sums[starts[1:]] - sums[starts[:-1]]) * weights[0]
    shard = ((hashes >> np.uint64(33)) % np.uint64(shards))[to_numpy(users.indices, np.int32)]
    rows = [(i, np.flatnonzero(shard == i)) for i in range(shards)]
    return [(str(i), batch.take(from_numpy(row))) for i, row in rows if len(row)]


def _tagged(found: Found) -> list[Tagged]:
    """Return what was found with the names of the streams by which it leaves."""
    down = [("down", sessions) for sessions in found.sessions]
    return [*down, *(("late", rows) for rows in found.late)]
