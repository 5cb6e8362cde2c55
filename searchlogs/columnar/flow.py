"""The flow over a log whose items are record batches."""

import os
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import bytewax.operators as op
import pyarrow as pa
from bytewax.dataflow import Dataflow
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import TestingSource

from searchlogs.columnar.convert import to_late
from searchlogs.columnar.operator import columnar_sessions
from searchlogs.columnar.source import BatchSource
from searchlogs.durations import Windowing
from searchlogs.logs.flow import NOTHING, GuardedPart, Watch, is_reject, prepared, write_lines
from searchlogs.logs.log import Log, OpenLog
from searchlogs.logs.rows import late_row
from searchlogs.logs.schemas import COUNTED


def columnar_flow(
    log: str | Path | Log | OpenLog,
    out: str | Path,
    *,
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
    shards: int = 1,
    watch: Watch = lambda size, events, sessions: None,
) -> Dataflow:
    """Assemble the flow for logs that outgrow objects: as `log_flow`, but its items are batches.

    `out` (x.arrows) is a stream of Arrow record batches, which `pyarrow.ipc.open_stream` reads: a
    row a session, of `columnar.SESSIONS`. Beside it stands what `log_flow` leaves there, but for
    searches. The users are split over `shards`, which the engine deals out to the workers by a
    hash: so it takes many more than workers to give each its share (32 for two or four). One is
    best where splitting doesn't pay: one worker reads, another one has all sessions.

    Raises a ValueError or an OSError where there is no such log, or no such duration or number.
    """
    windowing = Windowing(gap, wait)
    opened, outs = prepared(log, out)
    flow = Dataflow("search_batches")
    source = BatchSource(opened, lambda size, events: watch(size, events, 0))
    items = op.branch("is_batch", op.input("log", flow, source), _is_batch)
    notes = op.branch("is_reject", items.falses, is_reject)
    found = columnar_sessions("sessions", items.trues, windowing, shards)
    nothing = op.input("begin", flow, TestingSource([NOTHING]))
    write = partial(write_lines, nothing, outs)

    def watched(batch: pa.RecordBatch) -> tuple[str, pa.RecordBatch]:
        watch(0, 0, len(batch))
        return "", batch

    none = pa.RecordBatch.from_pylist([], COUNTED)
    begin = op.map("no_sessions", nothing, lambda _: ("", none))
    batches = op.merge("all_sessions", begin, op.map("some_sessions", found.down, watched))
    op.output("sessions_out", batches, _BatchSink(outs["sessions"]))
    write("late", op.flat_map("late_event", found.late, to_late), late_row)
    write("rejects", notes.trues, asdict)
    write("tally", notes.falses, asdict)
    return flow


class _BatchSink(FixedPartitionedSink[pa.RecordBatch, int]):
    """Write record batches to a file, as a stream of Arrow."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def list_parts(self) -> list[str]:
        return [self.path.name]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        return GuardedPart(_Batches(self.path, resume_state or 0), for_part)


class _Batches(StatefulSinkPartition[pa.RecordBatch, int]):
    def __init__(self, path: Path, size: int) -> None:
        self.file = path.open("ab")
        self.file.seek(size)
        self.file.truncate()

    def write_batch(self, values: list[pa.RecordBatch]) -> None:
        if self.file.tell() == 0:
            self.file.write(values[0].schema.serialize())
        for batch in values:
            self.file.write(batch.serialize())
        self.file.flush()
        os.fsync(self.file.fileno())

    def snapshot(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


def _is_batch(item: object) -> TypeGuard[pa.RecordBatch]:
    return isinstance(item, pa.RecordBatch)
