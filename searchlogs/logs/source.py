"""A log as a Bytewax source: its records in one order, all of them counted."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeAlias, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from searchlogs.events import Event
from searchlogs.logs.border import REQUIRED, BadRecord, Ignored, Outcome, Reject, Skipped
from searchlogs.logs.formats import Read
from searchlogs.logs.log import OpenLog
from searchlogs.logs.outcomes import Found
from searchlogs.logs.records import read_log
from searchlogs.logs.words import printable

BATCH = 1_000
"""Records that are read at a time."""

MAX_RAW = 1_000
"""Bytes of a rejected record that are kept."""

MAX_KINDS = 100
"""Kinds of ignored records that are counted by name."""


@dataclass
class Tally:
    """Counts of a log's records, by what became of them."""

    records: int = 0
    gave_events: int = 0
    rejected: int = 0
    duplicates: int = 0
    framing: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    """Number of ignored records, by kind."""
    events: int = 0
    first: datetime | None = None
    """Time of the earliest event."""
    last: datetime | None = None
    """Time of the latest event."""
    lines: int = 0
    """Number of lines that the records took, in formats that have lines."""
    unread: dict[str, int] = field(default_factory=dict)
    """Number of values that the kind of their record does not read, by kind.field in our words."""
    mapped: dict[str, bool] = field(default_factory=dict)
    """Whether any record has a field that was mapped, by our name; empty if none was parsed."""
    activity: dict[str, int] = field(default_factory=dict)
    """Number of actions that are no events but keep sessions open, by the log's name of them. They
    are among the events nevertheless, and their records among those that gave events."""

    def add_events(self, records: int, events: int, first: datetime, last: datetime) -> None:
        """Count records that gave events.

        Args:
            records: Number of records.
            events: Number of events that they gave.
            first: Time of the earliest event.
            last: Time of the latest event.
        """
        self.records += records
        self.gave_events += records
        self.events += events
        self.first = min(first, self.first or first)
        self.last = max(last, self.last or last)

    def add(self, outcome: Outcome) -> None:
        """Count a record, and the events that it gave."""
        if isinstance(outcome, tuple):
            self.add_events(1, len(outcome), outcome[0].time, outcome[0].time)
            self.note(outcome)
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
            count_kind(self.ignored, outcome.kind)

    def note(self, events: tuple[Event, ...]) -> None:
        """Count what a record has besides the events that it gave."""
        if isinstance(events, Found):
            for place in events.unread:
                self.unread[place] = self.unread.get(place, 0) + 1
            if events.activity is not None:
                count_kind(self.activity, events.activity)


def count_kind(kinds: dict[str, int], kind: str, number: int = 1) -> None:
    """Count records by their kind, whose name comes from the log."""
    kind = printable(kind[:81], 80)
    # A broken log can have as many kinds as lines.
    kind = kind if kind in kinds or len(kinds) < MAX_KINDS else "(others)"
    kinds[kind] = kinds.get(kind, 0) + number


class Mapped:
    """The mapped fields of a log, which are looked for in its records.

    Args:
        tally: Where it is noted which of them were found.
        fields: Our names of the fields.
    """

    def __init__(self, tally: Tally, fields: Iterable[str]) -> None:
        self.found = tally.mapped
        self.missing = list(fields)

    def look(self, outcomes: Iterable[Outcome]) -> None:
        """Look for the fields in the records that gave these outcomes."""
        for outcome in outcomes:
            if not self.missing:
                return
            was_parsed = not isinstance(outcome, Skipped)
            if isinstance(outcome, BadRecord):
                was_parsed = outcome.found is not None
            if was_parsed:
                self.note(partial(_has, outcome))

    def note(self, has: Callable[[str], bool]) -> None:
        """Note which fields some parsed records have."""
        for name in self.missing:
            self.found[name] = has(name)
        self.missing = [name for name in self.missing if not self.found[name]]


def _has(outcome: Outcome, name: str) -> bool:
    """Return whether a record has a mapped field."""
    if not isinstance(outcome, tuple):
        return name in (getattr(outcome, "found", None) or ())
    if name in REQUIRED or any(getattr(event, name, None) is not None for event in outcome):
        return True
    if not isinstance(outcome, Found):
        return False
    if name == "id":
        return outcome.id is not None
    return name in outcome.found or any(place.partition(".")[2] == name for place in outcome.unread)


State: TypeAlias = tuple[int, int, bool]
"""Number of records read, a checksum of them, and whether they were all."""

T = TypeVar("T")


class InputChanged(Exception):
    """The log is no longer the one that an earlier, unfinished run has read."""


class Reader(Protocol[T]):
    """A log that is being read."""

    tally: Tally

    @property
    def checksum(self) -> int:
        """Return a checksum of the records that have been read."""

    def read(self, count: int) -> list[T]:
        """Read `count` more records, fewer only at the end, and return what they give."""


@dataclass(frozen=True)
class LogSource(FixedPartitionedSource[Any, State]):
    """A Bytewax source of a log: its events and rejects in arrival order, and its Tally at the end.

    It has one partition, because a log has one order. A resume reads what was read before once
    more, and raises InputChanged if its checksum is not the same.

    Args:
        log: The log.
        watch: Called with the numbers of bytes read and of events made since the last call.
        batch: Records to read at a time; None: as suits the log.
    """

    log: OpenLog
    watch: Callable[[int, int], None] = lambda size, events: None
    batch: int | None = None

    def list_parts(self) -> list[str]:
        """Return the name of the one partition."""
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: State | None) -> "Part[Any]":
        """Begin to read the log, from a state on if there is one.

        Raises:
            InputChanged: The records before that state are not the same.
        """
        reader, batch = self.reader(lambda size: self.watch(size, 0))
        return Part(reader, self.batch or batch, self.watch, resume_state)

    def reader(self, watch: Callable[[int], None]) -> tuple[Reader[Any], int]:
        """Return what reads the log, and the number of records to read at a time."""
        return LogEvents(self.log, watch), BATCH


class Part(StatefulSourcePartition[T | Tally, State]):
    """The partition of a log, whose last item is its Tally.

    Args:
        reader: The log.
        size: Records to read at a time.
        watch: Called with the numbers of bytes read and of events made since the last call.
        resume_state: The state to resume from, or None.

    Raises:
        InputChanged: The records before that state are not the same.
    """

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
                raise InputChanged(f"only {again:,} of the {count:,} records read before are left")
        if reader.checksum != checksum:
            raise InputChanged(f"the first {count:,} records have changed since they were read")
        if self.ended:
            reader.read(1)
        if self.tally.records > count:
            raise InputChanged(
                f"records were added after the first {count:,}, when all sessions had been closed"
            )

    def next_batch(self) -> list[T | Tally]:
        """Return what the next records give; after the last ones also the tally."""
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
        """Return the state to resume from."""
        return self.tally.records, self.reader.checksum, self.ended


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
        self.checksum = 0

    def read(self, count: int) -> list[Event | Reject]:
        """Read `count` more records, fewer only at the end, and return their events and rejects."""
        batch: list[Event | Reject] = []
        records = 0
        outcomes = []
        for read in islice(self.reads, count):
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
