"""A Bytewax operator that sessionizes record batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import bytewax.operators as op
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bytewax.dataflow import Dataflow, Stream, operator
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.testing import TestingSink, TestingSource, run_main

from searchlogs.columnar.kernel import arrow, view
from searchlogs.columnar.sessionizer import _BLOCK, ShardLogic
from searchlogs.columnar.users import plain_users, texts
from searchlogs.durations import Windowing
from searchlogs.events import FIELDS
from searchlogs.logs.schemas import COUNTED


@dataclass(frozen=True)
class ColumnarOut:
    """The streams that leave `columnar_sessions`."""

    down: Stream[pa.RecordBatch]
    """A row a closed session: `user`, `session`, `start`, `end` and COUNTS."""

    late: Stream[pa.RecordBatch]
    """The rows that arrived too late for any session, and `late_by`, a duration."""


@operator
def columnar_sessions(
    step_id: str,
    up: Stream[pa.RecordBatch],
    windowing: Windowing,
    shards: int = 1,
) -> ColumnarOut:
    """Group rows into sessions, as `session_window` with `replay_clock(wait)` groups events.

    The answers are the same, whatever the batches; when a session leaves is not. The users are
    split over `shards`, which the engine deals out to the workers. State belongs to a shard: a flow
    can be resumed with more workers or fewer, but not with another number of shards, nor with a
    shorter wait.

    Raises where `gap` or `wait` is not a timedelta from 0 to 366 days, and where `shards` is not a
    whole number from 1.
    """
    if type(shards) is not int or shards < 1:
        raise ValueError(f"shards must be a whole number from 1; got {shards!r}")
    keyed = op.flat_map("shard", up, lambda batch: split(batch, shards))
    tagged = op.stateful_batch(
        "sessionize", keyed, lambda state: ShardLogic(windowing.gap, windowing.wait, state, shards)
    )
    return ColumnarOut(
        op.filter_map("down", tagged, lambda out: out[1][1] if out[1][0] == "down" else None),
        op.filter_map("late", tagged, lambda out: out[1][1] if out[1][0] == "late" else None),
    )


def sessionize_batches(
    batches: Iterable[pa.RecordBatch],
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
    shards: int = 1,
) -> tuple[pa.Table, pa.Table]:
    """Run record batches, in the order in which they arrived, through `columnar_sessions`.

    Returns the sessions, by user and id, and the late rows, by user and then as they arrived.
    """
    batches = list(batches)
    down: list[pa.RecordBatch] = []
    late: list[pa.RecordBatch] = []
    flow = Dataflow("sessionize_batches")
    out = columnar_sessions(
        "sessions", op.input("inp", flow, TestingSource(batches)), Windowing(gap, wait), shards
    )
    op.output("down", out.down, TestingSink(down))
    op.output("late", out.late, TestingSink(late))
    run_main(flow)
    schema = batches[0].schema if batches else pa.schema([])
    sessions = pa.Table.from_batches(down, COUNTED)
    lates = pa.Table.from_batches(late, schema.append(pa.field("late_by", pa.duration("us"))))
    if late:
        lates = lates.take(pc.sort_indices(texts(lates["user"])))  # stable: each user's in order
    return sessions.sort_by([("user", "ascending"), ("session", "ascending")]), lates


@dataclass(frozen=True)
class ParquetSource(FixedPartitionedSource[pa.RecordBatch, int]):
    """Read a Parquet file in the order of its rows, in batches, as one resumable partition.

    Of `columns`, those are read that the file has.
    """

    path: str
    columns: Sequence[str] = FIELDS
    batch_size: int = 1 << 16

    def list_parts(self) -> list[str]:
        return [str(self.path)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_ParquetPart":
        return _ParquetPart(self, resume_state or 0)


class _ParquetPart(StatefulSourcePartition[pa.RecordBatch, int]):
    def __init__(self, source: ParquetSource, done: int) -> None:
        self.done = done
        columns = [name for name in pq.read_schema(source.path).names if name in source.columns]
        kinds = [name for name in columns if name == "event"]
        # Row groups can be large: they are read piece by piece.
        self.file = pq.ParquetFile(
            source.path, read_dictionary=kinds, pre_buffer=False, buffer_size=_BLOCK
        )
        groups = [self.file.metadata.row_group(i).num_rows for i in range(self.file.num_row_groups)]
        ends = np.cumsum(groups, dtype=np.int64)
        first = int(np.searchsorted(ends, done, "right"))
        self.skip = done - int(ends[first - 1]) if first else done
        self.batches = self.file.iter_batches(
            source.batch_size, range(first, len(groups)), columns, use_threads=False
        )

    def next_batch(self) -> list[pa.RecordBatch]:
        batch = next(self.batches)
        fresh = batch.slice(self.skip)
        self.skip -= len(batch) - len(fresh)
        self.done += len(fresh)
        return [fresh] if len(fresh) else []

    def snapshot(self) -> int:
        return self.done

    def close(self) -> None:
        self.file.close()


def split(batch: pa.RecordBatch, shards: int) -> list[tuple[str, pa.RecordBatch]]:
    """Split a batch by user: (number of the shard, its rows), the same in every process."""
    if shards == 1:
        return [("0", batch)]
    users = plain_users(batch["user"]).dictionary_encode()
    text = texts(users.dictionary)
    starts = view(text, np.int32, len(text) + 1)
    data = text.buffers()[2]
    bytes_ = np.frombuffer(data or b"", np.uint8)[starts[0] : starts[-1]].astype(np.uint64)
    starts = starts - starts[0]
    lengths = np.diff(starts)
    # Each user's bytes as the digits of a number, modulo 2⁶⁴, whose high bits are well mixed.
    place = np.arange(len(bytes_)) - np.repeat(starts[:-1], lengths)
    weights = np.cumprod(np.full(max(lengths, default=0) + 1, 0x9E3779B97F4A7C15, np.uint64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum((bytes_ + np.uint64(1)) * weights[place])])
    hashes = (sums[starts[1:]] - sums[starts[:-1]]) * weights[0]
    shard = ((hashes >> np.uint64(33)) % np.uint64(shards))[view(users.indices, np.int32)]
    rows = [(i, np.flatnonzero(shard == i)) for i in range(shards)]
    return [(str(i), batch.take(arrow(row))) for i, row in rows if len(row)]
