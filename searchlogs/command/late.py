"""The late events that a flow left, as a run publishes them: by user, in memory that stays small.

A log without an order can have as many late events as lines. Their lines stay on disk.
"""

import json
import mmap
from array import array
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import MICROSECOND, Array

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


@dataclass(frozen=True)
class LateEvents:
    """The late events in a file of their rows, as arrays of what is to be known of each."""

    path: Path
    users: list[str]
    """All users, in order."""
    user: Array
    """Of each event the place of its user."""
    late_by: Array
    """How late each event was, in microseconds."""
    newest: Array
    """Time of the event that made it late by more than LEAP, likewise since 1970; else -1."""
    ends: Array
    """Where the row of each event ends in the file."""

    def __len__(self) -> int:
        """Return the number of late events."""
        return len(self.user)

    def write(self, path: Path) -> None:
        """Write the rows by user, those of one user in arrival order."""
        with path.open("wb") as out:
            if not len(self):  # an empty file cannot be mapped
                return
            begins = np.concatenate([[0], self.ends[:-1]])
            with (
                self.path.open("rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as rows,
            ):
                for place in np.argsort(self.user, kind="stable"):
                    out.write(rows[begins[place] : self.ends[place]])

    def waits(self) -> tuple[timedelta, timedelta] | None:
        """Return how late half of the events were at most, and all of them; None without any."""
        if not len(self):
            return None
        half = (len(self) - 1) // 2
        by_half = int(np.partition(self.late_by, half)[half])
        return by_half * MICROSECOND, int(self.late_by.max()) * MICROSECOND

    def leaps(self) -> tuple[Leap, ...]:
        """Return the events that made others late by more than LEAP, the worst first."""
        far = self.newest >= 0
        pairs = np.stack([self.user[far], self.newest[far]], axis=1)
        pairs, numbers = np.unique(pairs, axis=0, return_counts=True)
        users, times = pairs.T
        worst = np.lexsort((users, times, -numbers))[:MAX_LEAPS]
        return tuple(
            Leap(
                self.users[users[place]],
                EARLIEST + int(times[place]) * MICROSECOND,
                int(numbers[place]),
            )
            for place in worst
        )


def read_late(path: Path, wait: timedelta) -> LateEvents:
    """Read a file of late events.

    Args:
        path: Its rows are those of `rows.late_row`, as JSON Lines.
        wait: How far behind a user's newest event others were allowed to arrive.
    """
    places: dict[str, int] = {}
    user, late_by, newest, ends = (array("q") for _ in range(4))
    end = 0
    with path.open("rb") as file:
        for line in file:
            row = json.loads(line)
            late = timedelta(seconds=row["late_by"])
            user.append(places.setdefault(row["user"], len(places)))
            late_by.append(late // MICROSECOND)
            time = -1
            if late > LEAP:
                it = datetime.fromisoformat(row["event"]["time"])
                time = (it + late + wait - EARLIEST) // MICROSECOND
            newest.append(time)
            ends.append(end := end + len(line))
    users = sorted(places)
    order = np.empty(len(users), np.int64)
    order[[places[name] for name in users]] = np.arange(len(users))
    numbers = [np.frombuffer(part, np.int64) for part in (late_by, newest, ends)]
    return LateEvents(path, users, order[np.frombuffer(user, np.int64)], *numbers)
