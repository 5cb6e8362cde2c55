"""A log as a Bytewax source: its files in one order, and every record accounted for."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeAlias, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from searchlogs.events import Event
from searchlogs.logs.border import BadRecord, Ignored, Outcome, Reject, Skipped
from searchlogs.logs.formats import Read
from searchlogs.logs.log import OpenLog
from searchlogs.logs.records import read_log
from searchlogs.logs.words import printable

BATCH = 1_000
"""So many records are read at a time."""

MAX_RAW = 1_000
"""So many bytes of a rejected record are kept."""

MAX_KINDS = 100
"""So many kinds of ignored records are counted by name."""


@dataclass
class Tally:
    """What became of a log's records."""

    records: int = 0
    gave_events: int = 0
    rejected: int = 0
    duplicates: int = 0
    framing: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    """Records of kinds that don't count, by kind."""
    events: int = 0
    first: datetime | None = None
    """Time of the earliest event."""
    last: datetime | None = None
    """Time of the latest event."""

    def add_events(self, records: int, events: int, first: datetime, last: datetime) -> None:
        """Count more records that gave events, and these, from the earliest to the latest."""
        self.records += records
        self.gave_events += records
        self.events += events
        self.first = min(first, self.first or first)
        self.last = max(last, self.last or last)

    def add(self, outcome: Outcome) -> None:
        """Count one more record, and the events that it gave."""
        if isinstance(outcome, tuple):
            self.add_events(1, len(outcome), outcome[0].time, outcome[0].time)
            return
        self.records += 1
        if isinstance(outcome, BadRecord):
            self.rejected += 1
        elif outcome is Skipped.DUPLICATE:
            self.duplicates += 1
        elif outcome is Skipped.FRAMING:
            self.framing += 1
        else:
            assert isinstance(outcome, Ignored)
            # The log says the kinds, and a broken one says as many as it has lines.
            kind = printable(outcome.kind[:81], 80)
            kind = kind if kind in self.ignored or len(self.ignored) < MAX_KINDS else "(others)"
            self.ignored[kind] = self.ignored.get(kind, 0) + 1


State: TypeAlias = tuple[int, int, bool]
"""How many records were read, a checksum of them, and whether there were no more."""

Item: TypeAlias = Event | Reject | Tally
T = TypeVar("T")


class InputChanged(Exception):
    """The log is not the one that an earlier, unfinished run had read."""


class Reader(Protocol[T]):
    """A log that is being read."""

    tally: Tally

    @property
    def checksum(self) -> int:
        """Of the records that were read."""

    def read(self, count: int) -> list[T]:
        """What so many more records give: fewer only where there are no more."""


@dataclass(frozen=True)
class LogSource(FixedPartitionedSource[Item, State]):
    """A Bytewax source of a log: its events and rejects in arrival order, and at last its Tally.

    One partition, as a log has one order. A resume reads what was read again, up to where the run
    stood, and raises InputChanged unless a checksum says that it is the same. `watch` is told of
    the bytes read of files, and of the events they gave.
    """

    log: OpenLog
    watch: Callable[[int, int], None] = lambda size, events: None

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(
        self, step_id: str, for_part: str, resume_state: State | None
    ) -> "Part[Event | Reject]":
        reader = LogEvents(self.log, lambda size: self.watch(size, 0))
        return Part(reader, BATCH, self.watch, resume_state)


class Part(StatefulSourcePartition[T | Tally, State]):
    """The one partition of a log, read so many records at a time; at last comes its Tally."""

    def __init__(
        self,
        reader: Reader[T],
        size: int,
        watch: Callable[[int, int], None],
        resume_state: State | None,
    ) -> None:
        self.reader, self.size, self.watch = reader, size, watch
        self.tally = reader.tally
        count, checksum, self.ended = resume_state or (0, 0, False)
        while (again := self.tally.records) < count:
            reader.read(min(size, count - again))
            if self.tally.records == again:
                raise InputChanged(f"of {count:,} records that had been read, {again:,} are there")
        if reader.checksum != checksum:
            raise InputChanged(f"the first {count:,} records are not those that had been read")
        if self.ended:
            reader.read(1)
        if self.tally.records > count:
            raise InputChanged(
                f"it goes on after the {count:,} records at whose end all sessions were closed"
            )

    def next_batch(self) -> list[T | Tally]:
        if self.ended:
            raise StopIteration
        records, events = self.tally.records, self.tally.events
        batch: list[T | Tally] = [*self.reader.read(self.size)]
        self.watch(0, self.tally.events - events)
        if self.tally.records - records < self.size:
            self.ended = True
            batch.append(self.tally)
        return batch

    def snapshot(self) -> State:
        return self.tally.records, self.reader.checksum, self.ended


class LogEvents:
    """A log that is being read as events and rejects."""

    def __init__(self, log: OpenLog, watch: Callable[[int], None]) -> None:
        self.reads = read_log(log, watch)
        self.withhold = log.log.key is not None
        self.tally = Tally()
        self.checksum = 0

    def read(self, count: int) -> list[Event | Reject]:
        batch: list[Event | Reject] = []
        records = 0
        for read in islice(self.reads, count):
            self.checksum = zlib.crc32(read.raw, self.checksum)
            if isinstance(read.outcome, tuple):
                records += 1
                batch += read.outcome
                continue
            self.tally.add(read.outcome)
            if isinstance(read.outcome, BadRecord):
                batch.append(as_reject(read, read.outcome, self.withhold))
        times = [item.time for item in batch if not isinstance(item, Reject)]
        if times:
            self.tally.add_events(records, len(times), min(times), max(times))
        return batch


def as_reject(read: Read, bad: BadRecord, withhold: bool) -> Reject:
    """A bad record as it is kept; what it holds is not, where that is withheld."""
    raw = read.raw[:MAX_RAW].decode(errors="backslashreplace").rstrip("\r\n")
    raw = "withheld" if withhold else raw
    return Reject(read.file, read.line, bad.field, bad.reason, raw)
