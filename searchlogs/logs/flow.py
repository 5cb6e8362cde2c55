"""The flow over a log, whose items are events, and the files that a flow over a log leaves."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar

import bytewax.operators as op
import pyarrow as pa
from bytewax.dataflow import Dataflow, Stream, operator
from bytewax.operators import BranchOut
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import TestingSource

from searchlogs.durations import Windowing
from searchlogs.events import Event
from searchlogs.logs.arrays import trimmed
from searchlogs.logs.border import Activity, Reject
from searchlogs.logs.log import Log, OpenLog
from searchlogs.logs.rows import Row, late_row, search_rows, session_row, to_batch, to_json
from searchlogs.logs.schemas import COUNTED, SEARCHES
from searchlogs.logs.source import LogSource
from searchlogs.logs.words import beside
from searchlogs.sessions import Late, Session, replay_clock, session_window

T = TypeVar("T")

Watch: TypeAlias = Callable[[int, int, int], None]
"""Called with the bytes read, the events made and the sessions closed since the last call."""

ARROW = ".arrows"
"""Ending of a file that holds a stream of Arrow record batches."""

ROWS = 1 << 15
"""Most rows of a record batch in such a file."""


def log_flow(
    log: str | Path | Log | OpenLog,
    out: str | Path,
    *,
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
    searches: bool = False,
    watch: Watch = lambda size, events, sessions: None,
) -> Dataflow:
    """Assemble the flow for logs: events in, sessions out.

    Existing files are overwritten. Sessions without a search are written too.

    Args:
        log: The path of a log file, or a Log.
        out: Where the sessions go. A name that ends in .arrows gets a stream of Arrow record
            batches, which `pyarrow.ipc.open_stream` reads, with the columns of `schemas.COUNTED`;
            any other gets JSON Lines, with those of `schemas.SESSIONS`. The late events
            (x.late.jsonl), the rejects (x.rejects.jsonl) and the counts of all records
            (x.tally.jsonl) go next to it.
        gap: Longest pause within a session, a timedelta or text such as "30m".
        wait: How far behind a user's newest event another may arrive, likewise.
        searches: Whether to write the searches too, to x.searches.jsonl or x.searches.arrows, with
            the columns of `schemas.SEARCHES`.
        watch: Called with the progress of the run.

    Raises:
        ValueError: The log has no known format, or `gap` or `wait` is no duration.
        OSError: The log does not exist or cannot be read.
    """
    windowing = Windowing(gap, wait)
    opened = OpenLog.of(log)
    out = Path(out)
    flow = Dataflow("search_log")
    source = LogSource(opened, lambda size, events: watch(size, events, 0))
    items = op.branch("is_event", op.input("log", flow, source), is_event)
    notes = op.branch("is_reject", items.falses, is_reject)
    windows = session_window("sessions", items.trues, replay_clock(windowing.wait), windowing.gap)
    begin = op.input("begin", flow, TestingSource([NOTHING]))

    def watched(session: Session) -> Row:
        watch(0, 0, 1)
        return session_row(session)

    if out.suffix == ARROW:
        rows = op.flat_map_batch(
            "session_batch", windows.down, lambda found: [to_batch(map(watched, found), COUNTED)]
        )
        batch_file("sessions_out", rows, begin, out, COUNTED)
    else:
        write_lines("sessions", windows.down, watched, begin, out)
    write_beside(out, begin, windows.late, notes)
    if searches:
        found = op.flat_map("search", windows.down, search_rows)
        path = beside(out, "searches")
        if out.suffix == ARROW:
            rows = op.flat_map_batch("search_batch", found, lambda rows: [to_batch(rows, SEARCHES)])
            batch_file("searches_out", rows, begin, path.with_suffix(ARROW), SEARCHES)
        else:
            write_lines("searches", found, dict, begin, path)
    return flow


def write_beside(
    out: Path, begin: Stream[Any], late: Stream[Late], notes: BranchOut[Reject, Any]
) -> None:
    """Write late events, and the rejects and the tally in `notes`, as JSON Lines next to `out`."""
    write_lines("late", late, late_row, begin, beside(out, "late"))
    write_lines("rejects", notes.trues, _reject_row, begin, beside(out, "rejects"))
    write_lines("tally", notes.falses, asdict, begin, beside(out, "tally"))


def _reject_row(reject: Reject) -> Row:
    """Return a reject as a row: asdict would copy each value."""
    return {name: getattr(reject, name) for name in Reject.__slots__}


def write_lines(
    name: str, up: Stream[T], row: Callable[[T], Row], begin: Stream[Any], path: Path
) -> None:
    """Write items as JSON Lines, in steps of this name."""
    # A file has one writer, whatever the key.
    lines = op.map(f"{name}_line", up, lambda item: (name, f"{to_json(row(item))}\n"))
    line_file(f"{name}_out", lines, begin, path)


NOTHING = ("", "")
"""A line with its key, as a file's writer takes it, that writes nothing."""


@operator
def line_file(step_id: str, up: Stream[Any], begin: Stream[Any], path: Path) -> None:
    """Write lines to a file, which is created, or emptied, when NOTHING comes by `begin`.

    So each snapshot knows the file. A sink by itself opens its file at its first line: what a
    killed run had written since the last snapshot would stay if the resumed run has no such line.
    """
    op.output("file", op.merge("lines", begin, up), _FileSink(path, str.encode))


@operator
def batch_file(
    step_id: str, up: Stream[Any], begin: Stream[Any], path: Path, schema: pa.Schema
) -> None:
    """Write record batches to a file, as a stream of Arrow; see `line_file` for `begin`."""
    none = op.map("none", begin, lambda _: to_batch([], schema))
    batches = op.map("key", op.merge("batches", none, up), lambda batch: ("", batch))
    head = schema.serialize().to_pybytes()
    op.output("file", batches, _FileSink(path, _serialized, head))


class _FileSink(FixedPartitionedSink[T, int]):
    """Write items to one file, in a folder that may be moved between two runs."""

    def __init__(self, path: Path, encode: Callable[[T], bytes], head: bytes = b"") -> None:
        self.path, self.encode, self.head = path.absolute(), encode, head

    def list_parts(self) -> list[str]:
        # The key of its state, of which FileSink makes the whole path.
        return [self.path.name]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_FilePart[T]":
        return _FilePart(self, resume_state or 0)


class _FilePart(StatefulSinkPartition[T, int]):
    """The file, which a full disk is reported with."""

    def __init__(self, sink: _FileSink[T], size: int) -> None:
        self.sink = sink
        self.file = sink.path.open("ab")
        self.file.seek(size)
        self.file.truncate()

    def write_batch(self, values: list[T]) -> None:
        try:
            if self.file.tell() == 0:
                self.file.write(self.sink.head)
            self.file.writelines(map(self.sink.encode, values))
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            error.filename = self.sink.path.name
            raise

    def snapshot(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        # If writing failed, so does this, and the engine, failing already, would end the process
        # without a message. What was written before is on the disk.
        with suppress(OSError):
            self.file.close()


def _serialized(batch: pa.RecordBatch) -> bytes:
    """Return a batch as a stream of Arrow holds it, in parts: it may be all that were open."""
    parts = (batch.slice(start, ROWS) for start in range(0, len(batch) or 1, ROWS))
    return b"".join(trimmed(part).serialize().to_pybytes() for part in parts)


def is_event(item: object) -> TypeGuard[Event]:
    """Return whether an item of a log's source is an event, or an activity, which goes for one."""
    return isinstance(item, Event | Activity)


def is_reject(item: object) -> TypeGuard[Reject]:
    """Return whether an item of a log's source is a reject."""
    return isinstance(item, Reject)
