"""The late events that a flow left, as a run publishes them: by user, in memory that stays small.

A log without an order can have as many late events as lines. Their lines stay on disk.
"""

import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, groupby
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from searchlogs.command.ordered import Ordered
from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import MICROSECOND
from searchlogs.logs.rows import Row, to_batch

LEAP = timedelta(days=1)
"""Longest time by which events may be late without the one that made them late being named."""

MAX_LEAPS = 3
"""Most such events that are named."""


class Leap(NamedTuple):
    """An event far ahead of later ones of its user, which it made late."""

    user: str
    time: datetime
    late: int
    """Number of events that it made late."""


LATE = pa.schema(
    {
        "user": pa.string(),
        "number": pa.int64(),
        "late_by": pa.int64(),
        "newest": pa.int64(),
        "row": pa.string(),
    }
)
"""Columns of the late events: of each its user, its number in arrival order, how late it was, in
microseconds, the time of the event that made it late by more than LEAP, likewise since 1970 (else
-1), and its row, a line of JSON."""

READ = 1 << 16
"""Bytes of rows that are read at a time."""


@dataclass(frozen=True)
class LateEvents:
    """The late events that a flow left."""

    rows: Ordered
    """By user, those of one user in arrival order, with the columns of LATE."""
    late_by: Ordered
    """How late they were, in order."""

    def __len__(self) -> int:
        """Return the number of late events."""
        return len(self.rows)

    def write(self, path: Path) -> None:
        """Write the rows by user, those of one user in arrival order."""
        with path.open("w", encoding="ascii", newline="") as out:
            for batch in self.rows:
                out.writelines(batch["row"].to_pylist())

    def waits(self) -> tuple[timedelta, timedelta] | None:
        """Return how late half of the events were at most, and all of them; None without any."""
        half = (len(self) - 1) // 2
        found = 0
        by_half = longest = None
        for batch in self.late_by:
            values = batch["late_by"]
            if found <= half < found + len(values):
                by_half = values[half - found].as_py() * MICROSECOND
            longest = values[-1].as_py() * MICROSECOND
            found += len(values)
        return None if by_half is None or longest is None else (by_half, longest)

    def leaps(self) -> tuple[Leap, ...]:
        """Return the events that made others late by more than LEAP, the worst first."""
        # They come one after the other: a user's newest event is never older than it was before.
        found = (
            Leap(user, EARLIEST + newest * MICROSECOND, sum(1 for _ in those))
            for (user, newest), those in groupby(self._far())
        )
        return tuple(heapq.nsmallest(MAX_LEAPS, found, lambda leap: (-leap.late, leap.time)))

    def _far(self) -> Iterator[tuple[str, int]]:
        """Yield the user and the newest time of each event that was late by more than LEAP."""
        for batch in self.rows:
            pairs = zip(batch["user"].to_pylist(), batch["newest"].to_pylist(), strict=True)
            yield from ((user, newest) for user, newest in pairs if newest >= 0)


def read_late(path: Path, wait: timedelta, sort: Callable[..., Ordered]) -> LateEvents:
    """Read a file of late events.

    Args:
        path: Its rows are those of `rows.late_row`, as JSON Lines.
        wait: How far behind a user's newest event others were allowed to arrive.
        sort: Puts batches in the order of some columns.
    """
    rows = sort(_batches(path, wait), ["user", "number"])
    return LateEvents(rows, sort((batch.select(["late_by"]) for batch in rows), ["late_by"]))


def _batches(path: Path, wait: timedelta) -> Iterator[pa.RecordBatch]:
    numbers = count()
    with path.open(encoding="ascii", newline="\n") as file:
        while lines := file.readlines(READ):
            yield to_batch((_late(line, next(numbers), wait) for line in lines), LATE)


def _late(line: str, number: int, wait: timedelta) -> Row:
    """Return a late event as a row of LATE."""
    row = json.loads(line)
    late_by = timedelta(seconds=row["late_by"])
    newest = -1
    if late_by > LEAP:
        time = datetime.fromisoformat(row["event"]["time"])
        newest = (time + late_by + wait - EARLIEST) // MICROSECOND
    return {
        "user": row["user"],
        "number": number,
        "late_by": late_by // MICROSECOND,
        "newest": newest,
        "row": line,
    }
