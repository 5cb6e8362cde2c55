"""A log as a Bytewax source: its files in one order, and every record accounted for."""

import heapq
import pickle
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol, TypeAlias, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from searchlogs.events import EARLIEST, Event, printable
from searchlogs.files import COMPRESSED, FORMATS, STDIN, Read, format_of, read_file
from searchlogs.logs import BadRecord, Border, Ignored, Outcome, Reject, Skipped
from searchlogs.privacy import pseudonymiser
from searchlogs.ubi import Ubi

BATCH = 1_000
"""So many records are read at a time."""

RUN = 200_000
"""So many records are sorted in memory."""

MAX_RAW = 1_000
"""So many bytes of a rejected record are kept."""

MAX_KINDS = 100
"""So many kinds of ignored records are counted by name."""


@dataclass(frozen=True)
class Log:
    """Log files, in the order given; several are merged by the time of each one's next event.

    `format` is jsonl, csv, parquet or ubi; None goes by each file's name. Records of UBI are sorted
    by time, as its exports have no order. With `once`, the wait, an event that repeats one of its
    user exactly is dropped, unless it is late: those a window drops anyway. With a `key` users have
    pseudonyms, and what rejects held is withheld.
    """

    paths: tuple[str, ...]
    border: Border = field(default_factory=Border)
    format: str | None = None
    once: timedelta | None = None
    key: bytes | None = field(default=None, repr=False)

    def files(self) -> list[str]:
        """The files, folders opened up: what in them, and in folders in them, has a name that
        says a format and isn't hidden, by name.

        Raises a ValueError or an OSError where there is nothing to read.
        """
        files: list[str] = []
        for path in self.paths:
            if path == STDIN:
                if self.format in (None, "parquet"):
                    raise ValueError("standard input: --format must say jsonl, csv or ubi")
                files.append(path)
            elif Path(path).is_dir():
                logs, _ = _inside(path)
                files += logs
                if not logs:
                    raise ValueError(f"{path}: nothing in it ends in {_ENDINGS}")
            elif self.format is None and not format_of(Path(path)):
                _check_file(path)  # if it isn't there, that comes first
                raise ValueError(
                    f"{path}: a name must end in {_ENDINGS}, or --format must say what it is"
                )
            else:
                _check_file(path)
                files.append(path)
        return files

    def passed_over(self) -> list[str]:
        """The files in its folders that are hidden, or whose names say no format: not read."""
        folders = [path for path in self.paths if path != STDIN and Path(path).is_dir()]
        return [file for folder in folders for file in _inside(folder)[1]]

    def records(self, watch: Callable[[int], None] = lambda size: None) -> Iterator[Read]:
        """Every record, in arrival order; `watch` is told of the bytes read of files."""
        paths = self.files()
        if isinstance(self.border, Ubi) and self.border.by_session:
            if STDIN in paths:
                raise ValueError("standard input can't be read twice, as session_id needs")
            deque(chain.from_iterable(self._read(paths, lambda size: None)), maxlen=0)
        files = self._read(paths, watch)
        reads = _by_time(files) if self.format == "ubi" else _merged(files)
        if self.once is not None:
            reads = _first_of_each(reads, self.once)
        return reads if self.key is None else _pseudonymous(reads, self.key)

    def _read(self, paths: list[str], watch: Callable[[int], None]) -> list[Iterator[Read]]:
        formats = [self.format or format_of(Path(path)) for path in paths]
        return [
            read_file(path, format, self.border, watch)
            for path, format in zip(paths, formats, strict=True)
        ]


def _inside(folder: str) -> tuple[list[str], list[str]]:
    """The logs in a folder and in those in it, by name, and the files that are none.

    What is hidden, by a dot, is none: another run's own files are, and an editor's.
    """
    logs: list[str] = []
    others: list[str] = []
    for file in sorted(file for file in Path(folder).rglob("*") if not file.is_dir()):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        (others if hidden or not format_of(file) else logs).append(str(file))
    return logs, others


def _check_file(path: str) -> None:
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"{path}: it is a pipe or a device, which - reads, as standard input")
    open(path, "rb").close()


_ENDINGS = f"{', '.join(FORMATS)}, or one of these and {' or '.join(COMPRESSED)}"


def _merged(files: list[Iterator[Read]]) -> Iterator[Read]:
    """What gives no event has no time, and comes as soon as it is met."""
    if len(files) == 1:
        yield from files[0]
        return
    coming: list[tuple[datetime, int, Read]] = []

    def advance(number: int) -> Iterator[Read]:
        for read in files[number]:
            if isinstance(read.outcome, tuple):
                heapq.heappush(coming, (read.outcome[0].time, number, read))
                return
            yield read

    for number in range(len(files)):
        yield from advance(number)
    while coming:
        _, number, read = heapq.heappop(coming)
        yield read
        yield from advance(number)


def _by_time(files: list[Iterator[Read]]) -> Iterator[Read]:
    """Ties as they stand; what gives no event first. Sorted runs wait on disk to be merged."""
    runs: list[Iterable[tuple[datetime, int, Read]]] = []
    run: list[tuple[datetime, int, Read]] = []
    for number, read in enumerate(chain.from_iterable(files)):
        events = read.outcome
        run.append((events[0].time if isinstance(events, tuple) else EARLIEST, number, read))
        if len(run) == RUN:
            runs.append(_on_disk(sorted(run)))
            run = []
    for _, _, read in heapq.merge(*runs, sorted(run)):
        yield read


def _on_disk(run: list[tuple[datetime, int, Read]]) -> Iterator[tuple[datetime, int, Read]]:
    file = TemporaryFile()  # noqa: SIM115 (open as long as something reads on)
    for item in run:
        pickle.dump(item, file)
    file.seek(0)

    def read(size: int) -> Iterator[tuple[datetime, int, Read]]:
        with file:
            for _ in range(size):
                yield pickle.load(file)

    return read(len(run))


def _first_of_each(reads: Iterable[Read], wait: timedelta) -> Iterator[Read]:
    newest: dict[str, datetime] = {}
    memory: dict[str, tuple[set[tuple[Event, ...]], int]] = {}
    for read in reads:
        events = read.outcome
        if isinstance(events, tuple):
            user, time = str(events[0].user), events[0].time
            newest[user] = max(time, newest.get(user, EARLIEST))
            if newest[user] - time <= wait:
                known, limit = memory.get(user, (set(), 8))
                if len(known) >= limit:  # seldom, so that it costs little: forget what is late now
                    known = {one for one in known if newest[user] - one[0].time <= wait}
                    limit = 8 + 2 * len(known)
                if events in known:
                    read = read._replace(outcome=Skipped.DUPLICATE)
                known.add(events)
                memory[user] = known, limit
        yield read


def _pseudonymous(reads: Iterable[Read], key: bytes) -> Iterator[Read]:
    pseudonymise = pseudonymiser(key)
    for read in reads:
        if isinstance(read.outcome, tuple):
            read = read._replace(outcome=tuple(map(pseudonymise, read.outcome)))
        elif isinstance(read.outcome, BadRecord):
            read = read._replace(outcome=read.outcome.withheld())
        yield read


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

    log: Log
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

    def __init__(self, log: Log, watch: Callable[[int], None]) -> None:
        self.reads = log.records(watch)
        self.withhold = log.key is not None
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
