"""A log read as events and rejects, and all of its records counted."""

import zlib
from collections.abc import Callable
from itertools import islice
from typing import Protocol, TypeVar

from searchlogs.events import Event
from searchlogs.logs.formats import Read
from searchlogs.logs.log import OpenLog
from searchlogs.logs.outcomes import BadRecord, Found, Reject
from searchlogs.logs.records import read_log
from searchlogs.logs.tally import Mapped, Tally

BATCH = 1_000
"""Records that are read at a time."""

MAX_RAW = 1_000
"""Bytes of a rejected record that are kept."""

T = TypeVar("T")


class Reader(Protocol[T]):
    """A log that is being read."""

    tally: Tally

    @property
    def checksum(self) -> int:
        """Return a checksum of the records that have been read, or 0 if none is kept."""

    def read(self, count: int) -> list[T]:
        """Read `count` more records, fewer only at the end, and return what they give."""


class LogEvents:
    """A Reader of a log, as events and rejects.

    Args:
        log: The log.
        watch: Called with the number of bytes read since the last call.
    """

    def __init__(self, log: OpenLog, watch: Callable[[int], None]) -> None:
        self.reads = read_log(log, watch)
        self.withhold = log.log.key is not None
        self.tally = Tally()
        self.mapped = Mapped(self.tally, log.log.border.mapped)
        self.is_summed = log.resumable
        self.checksum = 0

    def read(self, count: int) -> list[Event | Reject]:
        """Read `count` more records, fewer only at the end, and return their events and rejects."""
        batch: list[Event | Reject] = []
        records = 0
        outcomes = []
        for read in islice(self.reads, count):
            if self.is_summed:
                self.checksum = zlib.crc32(read.raw, self.checksum)
            self.tally.lines += read.lines
            outcomes.append(read.outcome)
            if isinstance(read.outcome, tuple):
                records += 1
                batch += read.outcome
                if type(read.outcome) is Found:
                    self.tally.note(read.outcome)
                continue
            self.tally.add(read.outcome)
            if isinstance(read.outcome, BadRecord):
                batch.append(as_reject(read, read.outcome, self.withhold))
        self.mapped.look(outcomes)
        times = [item.time for item in batch if not isinstance(item, Reject)]
        if times:
            self.tally.add_events(records, len(times), min(times), max(times))
        return batch


def as_reject(read: Read, bad: BadRecord, withhold: bool) -> Reject:
    """Return a bad record as a reject, without the record's bytes if they are withheld."""
    raw = read.raw[:MAX_RAW].decode(errors="backslashreplace").rstrip("\r\n")
    shown = "withheld" if withhold else raw
    return Reject(read.file, read.line, bad.field, bad.reason, shown)
