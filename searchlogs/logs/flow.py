"""The flow over a log: events in, sessions out."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar

import bytewax.operators as op
from bytewax.connectors.files import DirSink
from bytewax.dataflow import Dataflow, Stream, operator
from bytewax.outputs import StatefulSinkPartition
from bytewax.testing import TestingSource

from searchlogs.durations import Windowing
from searchlogs.events import Event
from searchlogs.logs.border import Reject
from searchlogs.logs.log import Log, OpenLog
from searchlogs.logs.rows import beside, late_row, search_rows, session_row, to_json
from searchlogs.logs.source import LogSource
from searchlogs.sessions import Session, replay_clock, session_window

T = TypeVar("T")

Watch: TypeAlias = Callable[[int, int, int], None]
"""What is told how a run gets on: of the bytes read, the events made, the sessions closed since."""


def log_flow(
    log: str | Path | Log | OpenLog,
    out: str | Path,
    *,
    gap: timedelta | str = Windowing.gap,
    wait: timedelta | str = Windowing.wait,
    searches: bool = False,
    watch: Watch = lambda size, events, sessions: None,
) -> Dataflow:
    """Assemble the flow for logs: a file, or a Log, in; its sessions out, a line of JSON for each.

    Beside `out` (x.jsonl) it leaves the late events (x.late.jsonl), the rejects (x.rejects.jsonl),
    what became of all records (x.tally.jsonl), and with `searches` the searches
    (x.searches.jsonl). `gap` and `wait` are timedeltas, or such as "30m". What is there already is
    overwritten. A session that has no search is a line too.

    Raises a ValueError or an OSError where there is no such log, or no such duration.
    """
    windowing = Windowing(gap, wait)
    opened, outs = prepared(log, out, searches)
    flow = Dataflow("search_log")
    source = LogSource(opened, lambda size, events: watch(size, events, 0))
    items = op.branch("is_event", op.input("log", flow, source), is_event)
    notes = op.branch("is_reject", items.falses, is_reject)
    windows = session_window("sessions", items.trues, replay_clock(windowing.wait), windowing.gap)
    nothing = op.input("begin", flow, TestingSource([NOTHING]))
    write = partial(write_lines, nothing, outs)

    def watched(session: Session) -> dict[str, Any]:
        watch(0, 0, 1)
        return session_row(session)

    write("sessions", windows.down, watched)
    write("late", windows.late, late_row)
    write("rejects", notes.trues, asdict)
    write("tally", notes.falses, asdict)
    if searches:
        write("searches", op.flat_map("search", windows.down, search_rows), dict)
    return flow


def prepared(
    log: str | Path | Log | OpenLog,
    out: str | Path,
    searches: bool = False,
) -> tuple[OpenLog, dict[str, Path]]:
    """What a flow over a log is told, read and checked, and where all that it leaves goes."""
    out = Path(out)
    beside_it = ("late", "rejects", "tally", *["searches"] * searches)
    return OpenLog.of(log), {"sessions": out} | {name: beside(out, name) for name in beside_it}


def write_lines(
    nothing: Stream[Any],
    outs: Mapping[str, Path],
    what: str,
    up: Stream[Any],
    row: Callable[[Any], dict[str, Any]],
) -> None:
    # A file has one writer, whatever the key.
    lines = op.map(f"{what}_line", up, lambda item: (what, f"{to_json(row(item))}\n"))
    line_file(f"{what}_out", lines, nothing, outs[what])


NOTHING = ("", "")
"""A line with its key, such as a file is written from, which leaves nothing there."""


@operator
def line_file(step_id: str, up: Stream[Any], begin: Stream[Any], path: Path) -> None:
    """Write lines to a file, which is opened, and anew, when NOTHING comes by `begin`.

    So each snapshot knows the file. A sink by itself opens its file at its first line: what a
    killed run had written since the last snapshot would stay, if it gives no such line any more.
    """
    op.output("file", op.merge("lines", begin, up), _LineSink(path))


class _LineSink(DirSink):
    """FileSink, but for a full disk, and for a folder that is moved between two runs."""

    def __init__(self, path: Path) -> None:
        # FileSink keeps the whole path as the key of its state, a folder's sink the name alone.
        super().__init__(path.absolute().parent, 1, lambda number, total: path.name, end="")

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        return GuardedPart(super().build_part(step_id, for_part, resume_state), for_part)


@dataclass
class GuardedPart(StatefulSinkPartition[T, int]):
    part: StatefulSinkPartition[T, int]
    name: str

    def write_batch(self, values: list[T]) -> None:
        try:
            self.part.write_batch(values)
        except OSError as error:
            error.filename = self.name
            raise

    def snapshot(self) -> int:
        return self.part.snapshot()

    def close(self) -> None:
        # Where writing fails, so does this; and the engine, failing already, would end the process
        # without a word. What was written before has long been on the disk.
        with suppress(OSError):
            self.part.close()


def is_event(item: object) -> TypeGuard[Event]:
    return isinstance(item, Event)


def is_reject(item: object) -> TypeGuard[Reject]:
    return isinstance(item, Reject)
