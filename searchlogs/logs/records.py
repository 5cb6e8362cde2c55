"""The records of a log in one order: files merged by time, duplicates marked."""

import heapq
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from tempfile import TemporaryFile

from searchlogs.events import EARLIEST, Event
from searchlogs.logs.border import BadRecord, Skipped
from searchlogs.logs.formats import Read, read_file
from searchlogs.logs.log import OpenLog
from searchlogs.logs.pseudonyms import pseudonymiser

RUN = 200_000
"""Records that are sorted in memory at a time."""

FIRST = datetime.min.replace(tzinfo=UTC)
"""Place of records that give no event: before all that do."""


def read_log(
    opened: OpenLog, watch: Callable[[int], None] = lambda size: None, *, run: int = RUN
) -> Iterator[Read]:
    """Read every record of a log, in arrival order.

    Args:
        opened: The log.
        watch: Called with the number of bytes read from its files since the last call.
        run: Number of records to sort in memory, if the log must be sorted.

    Returns:
        The records, each with what it gave.
    """
    log = opened.log

    def files(watch: Callable[[int], None]) -> list[Iterator[Read]]:
        return [
            read_file(path, format, log.border, watch, backslash=log.backslash)
            for path, format in opened.files
        ]

    if log.border.reads_twice:
        deque(chain.from_iterable(files(lambda size: None)), maxlen=0)
    reads: Iterator[Read]
    if log.format == "ubi":
        reads = _by_time(files(watch), run)
    else:
        reads = heapq.merge(*files(watch), key=_due)
    if log.once is not None:
        reads = _first_of_each(reads, log.once)
    return reads if log.key is None else _pseudonymous(reads, log.key)


def _due(read: Read) -> datetime:
    """Return when a record is due: one that gives no event has no time, and comes at once."""
    return read.outcome[0].time if isinstance(read.outcome, tuple) else FIRST


def _by_time(files: list[Iterator[Read]], size: int) -> Iterator[Read]:
    """Sort records by time, ties as they stand; sorted runs wait on disk to be merged."""
    runs: list[Iterable[tuple[datetime, int, Read]]] = []
    run: list[tuple[datetime, int, Read]] = []
    for number, read in enumerate(chain.from_iterable(files)):
        run.append((_due(read), number, read))
        if len(run) == size:
            runs.append(_on_disk(sorted(run)))
            run = []
    for _, _, read in heapq.merge(*runs, sorted(run)):
        yield read


def _on_disk(run: list[tuple[datetime, int, Read]]) -> Iterator[tuple[datetime, int, Read]]:
    """Store a run in a file, and return what reads it again."""
    file = TemporaryFile()  # noqa: SIM115 (open until it has been read)
    for item in run:
        pickle.dump(item, file)
    file.seek(0)

    def read(size: int) -> Iterator[tuple[datetime, int, Read]]:
        with file:
            for _ in range(size):
                yield pickle.load(file)

    return read(len(run))


def _first_of_each(reads: Iterable[Read], wait: timedelta) -> Iterator[Read]:
    """Mark records as duplicates if they repeat one of their user, unless they are late."""
    newest: dict[str, datetime] = {}
    memory: dict[str, tuple[set[tuple[Event, ...]], int]] = {}
    for read in reads:
        events = read.outcome
        if isinstance(events, tuple):
            user, time = str(events[0].user), events[0].time
            newest[user] = max(time, newest.get(user, EARLIEST))
            if newest[user] - time <= wait:
                known, limit = memory.get(user, (set(), 8))
                if len(known) >= limit:  # seldom, so that it costs little: forget late ones
                    known = {old for old in known if newest[user] - old[0].time <= wait}
                    limit = 8 + 2 * len(known)
                if events in known:
                    read = read._replace(outcome=Skipped.DUPLICATE)
                known.add(events)
                memory[user] = known, limit
        yield read


def _pseudonymous(reads: Iterable[Read], key: bytes) -> Iterator[Read]:
    """Give users pseudonyms, and withhold what bad records quote."""
    pseudonymise = pseudonymiser(key)
    for read in reads:
        if isinstance(read.outcome, tuple):
            read = read._replace(outcome=tuple(map(pseudonymise, read.outcome)))
        elif isinstance(read.outcome, BadRecord):
            read = read._replace(outcome=read.outcome.withheld())
        yield read
