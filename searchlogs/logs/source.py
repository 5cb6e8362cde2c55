"""A log as a Bytewax source: its records in one order, all of them counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from searchlogs.logs.log import OpenLog
from searchlogs.logs.reader import BATCH, LogEvents, Reader
from searchlogs.logs.tally import Tally

State: TypeAlias = tuple[int, int, bool]
"""Number of records read, a checksum of them, and whether they were all."""

T = TypeVar("T")


class InputChanged(Exception):
    """The log is no longer the one that an earlier, unfinished run has read."""


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
