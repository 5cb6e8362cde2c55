"""The records of a log in one order: files merged, or sorted, by time; duplicates marked."""

import heapq
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from searchlogs.durations import UNITS
from searchlogs.events import EARLIEST, ClickResult, Results, Search
from searchlogs.logs.border import BadRecord, Skipped
from searchlogs.logs.formats import Read, read_file, read_query
from searchlogs.logs.log import OpenLog
from searchlogs.logs.outcomes import Found, with_events
from searchlogs.logs.pseudonyms import pseudonymiser
from searchlogs.logs.scratch import Scratch

RUN = 50_000
"""Most records that are sorted in memory at a time."""

RUN_BYTES = 1 << 26
"""Bytes of records after which fewer of them are."""

BLOCK = 100
"""Most records of a sorted run that are in memory while runs are merged."""

BLOCK_BYTES = 1 << 16
"""Bytes of records after which fewer of them are."""

FIRST = datetime.min.replace(tzinfo=UTC)
"""Place of records that give no event: before all that do."""

RANKS = {Search: 1, Results: 2, ClickResult: 3}
"""Order of kinds of event at one time; all other kinds come first."""

NEIGHBOURS = 5
"""Number of records on either side with which a record's time is compared."""


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
        if log.query is not None:
            return [read_query(log.query, log.border)]
        return [
            read_file(path, format, log.border, watch, backslash=log.backslash)
            for path, format in opened.files
        ]

    if log.border.reads_twice:
        deque(chain.from_iterable(files(lambda size: None)), maxlen=0)
    reads: Iterator[Read]
    if log.is_sorted:
        reads = _sorted(chain.from_iterable(files(watch)), run, opened.scratch)
    else:
        reads = heapq.merge(*files(watch), key=_due)
    if log.ahead is not None:
        reads = _without_leaps(reads, log.ahead, log.border.theirs("time"))
    if log.once is not None:
        reads = _first_of_each(reads, log.once)
    return reads if log.key is None else _pseudonymous(reads, log.key)


def _due(read: Read) -> tuple[datetime, int]:
    """Return when a record is due: one that gives no event has no time, and comes at once."""
    if not isinstance(read.outcome, tuple):
        return FIRST, 0
    event = read.outcome[0]
    return event.time, RANKS.get(type(event), 0)


def _sorted(reads: Iterable[Read], size: int, folder: Path | None) -> Iterator[Read]:
    """Sort records by when they are due, ties as they stand; sorted runs wait on the disk."""
    with Scratch(folder) as scratch:
        runs: list[Iterable[Read]] = []
        for run, full in _parts(reads, size, RUN_BYTES):
            run.sort(key=_due)
            runs.append(_on_disk(run, scratch) if full else run)
        yield from heapq.merge(*runs, key=_due)


def _parts(reads: Iterable[Read], count: int, size: int) -> Iterator[tuple[list[Read], bool]]:
    """Split records into lists, and say of each whether it is full: by its length or its bytes."""
    part: list[Read] = []
    held = 0
    for read in reads:
        part.append(read)
        held += len(read.raw)
        if len(part) == count or held >= size:
            yield part, True
            part, held = [], 0
    if part:
        yield part, False


def _on_disk(run: list[Read], scratch: Scratch) -> Iterator[Read]:
    """Put a run aside in blocks, and return what reads it again."""
    blocks = (block for block, _ in _parts(run, BLOCK, BLOCK_BYTES))
    places = [scratch.put(pickle.dumps(block, pickle.HIGHEST_PROTOCOL)) for block in blocks]
    return chain.from_iterable(pickle.loads(scratch.get(place)) for place in places)


def _without_leaps(reads: Iterable[Read], bound: timedelta, field: str) -> Iterator[Read]:
    """Reject records whose time is more than `bound` ahead of the records around them.

    Their time is the upper median of up to five before and five after, of all users, as in
    `live.limits.limit_future`. Records that give no event do not wait for their neighbours.
    """
    before: deque[datetime] = deque(maxlen=NEIGHBOURS)
    waiting: deque[tuple[datetime, Read]] = deque()

    def judged() -> Read:
        time, read = waiting.popleft()
        times = sorted([*before, *(later for later, _ in waiting)])
        before.append(time)
        leap = time - times[len(times) // 2] if times else timedelta(0)
        if leap <= bound:
            return read
        reason = f"{_rounded(leap)} ahead of the records around it; found {time}"
        return read._replace(outcome=BadRecord(field, reason))

    for read in reads:
        if not isinstance(read.outcome, tuple):
            yield read
            continue
        waiting.append((read.outcome[0].time, read))
        if len(waiting) > NEIGHBOURS:
            yield judged()
    while waiting:
        yield judged()


def _rounded(leap: timedelta) -> str:
    """Return a duration in whole units of its size, as alike reasons are counted together."""
    for unit, length in (("years", timedelta(days=365.2425)), *LONG_UNITS.items()):
        if leap >= 2 * length:
            return f"{leap // length} {unit}"
    return f"{leap.total_seconds():g} seconds"


LONG_UNITS = {name: UNITS[name[0]] for name in ("days", "hours", "minutes")}


def _first_of_each(reads: Iterable[Read], wait: timedelta) -> Iterator[Read]:
    """Mark records as duplicates if they repeat one of their user, unless they are late.

    A record that has an id repeats one with the same id, any other one with the same events.
    """
    newest: dict[str, datetime] = {}
    memory: dict[str, tuple[dict[object, datetime], int]] = {}
    for read in reads:
        events = read.outcome
        if isinstance(events, tuple):
            user, time = str(events[0].user), events[0].time
            newest[user] = max(time, newest.get(user, EARLIEST))
            horizon = newest[user] - wait
            if time >= horizon:
                known, limit = memory.get(user, ({}, 8))
                if len(known) >= limit:  # seldom, so that it costs little: forget late ones
                    known = {one: seen for one, seen in known.items() if seen >= horizon}
                    limit = 8 + 2 * len(known)
                one = events.key if isinstance(events, Found) else events
                seen = known.get(one, FIRST)
                if seen >= horizon:
                    read = read._replace(outcome=Skipped.DUPLICATE)
                known[one] = max(time, seen)
                memory[user] = known, limit
        yield read


def _pseudonymous(reads: Iterable[Read], key: bytes) -> Iterator[Read]:
    """Give users pseudonyms, and withhold what bad records quote."""
    pseudonymise = pseudonymiser(key)
    for read in reads:
        if isinstance(read.outcome, tuple):
            events = map(pseudonymise, read.outcome)
            read = read._replace(outcome=with_events(read.outcome, events))
        elif isinstance(read.outcome, BadRecord):
            read = read._replace(outcome=read.outcome.withheld())
        yield read
