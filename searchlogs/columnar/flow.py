"""The flow over a log whose items are record batches."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeGuard

import bytewax.operators as op
import pyarrow as pa
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource

from searchlogs.columnar.convert import to_event
from searchlogs.columnar.operator import columnar_sessions
from searchlogs.columnar.source import BatchSource
from searchlogs.durations import Windowing
from searchlogs.logs.flow import NOTHING, Watch, batch_file, is_reject, write_beside
from searchlogs.logs.log import Log, OpenLog
from searchlogs.logs.rows import from_batch
from searchlogs.logs.schemas import COUNTED
from searchlogs.sessions import Late


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

    Args:
        log: The path of a log file, or a Log.
        out: Where the sessions go (x.arrows): a stream of Arrow record batches, which
            `pyarrow.ipc.open_stream` reads, with the columns of `schemas.COUNTED`. Late events,
            rejects and the tally go next to it, as `log_flow` writes them.
        gap: Longest pause within a session, a timedelta or text such as "30m".
        wait: How far behind a user's newest event another may arrive, likewise.
        shards: Number of parts that the users are split into. The engine deals the parts out to
            its workers by a hash, so that it takes many more parts than workers to give each its
            share: 32 for two or four. Keep 1 if one worker is to read and another to sessionize.
        watch: Called with the progress of the run.

    Raises:
        ValueError: The log has no known format, `gap` or `wait` is no duration, or `shards` is no
            whole number from 1.
        OSError: The log does not exist or cannot be read.
    """
    windowing = Windowing(gap, wait)
    opened = OpenLog.of(log)
    out = Path(out)
    flow = Dataflow("search_batches")
    source = BatchSource(opened, lambda size, events: watch(size, events, 0))
    items = op.branch("is_batch", op.input("log", flow, source), _is_batch)
    notes = op.branch("is_reject", items.falses, is_reject)
    found = columnar_sessions("sessions", items.trues, windowing, shards)
    begin = op.input("begin", flow, TestingSource([NOTHING]))

    def watched(batch: pa.RecordBatch) -> pa.RecordBatch:
        watch(0, 0, len(batch))
        return batch

    batch_file("sessions_out", op.map("watched", found.down, watched), begin, out, COUNTED)
    write_beside(out, begin, op.flat_map("late_event", found.late, to_late), notes)
    return flow


def to_late(batch: pa.RecordBatch) -> Iterator[Late]:
    """Yield the late rows of a log as the late events that they were."""
    for row in from_batch(batch):  # not to_pylist, which imports pandas
        event = to_event(row)
        yield Late(str(event.user), event, row["late_by"])


def _is_batch(item: object) -> TypeGuard[pa.RecordBatch]:
    return isinstance(item, pa.RecordBatch)
