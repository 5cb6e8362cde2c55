"""What a report is made from: sums over sessions, and what their log adds to them."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from searchlogs.columnar.columns import as_text, plain_users
from searchlogs.columnar.convert import to_events
from searchlogs.columnar.rates import is_positive
from searchlogs.columnar.sessionizer import Sessionizer
from searchlogs.columnar.source import BatchSource
from searchlogs.command.job import ENDINGS, RunFailed
from searchlogs.command.publish import bare_reason
from searchlogs.durations import Windowing
from searchlogs.events import AppOpen, Event
from searchlogs.logs.arrays import MICROSECOND, from_numpy, take, to_numpy
from searchlogs.logs.border import Reject
from searchlogs.logs.log import OpenLog
from searchlogs.logs.outcomes import Activity
from searchlogs.logs.schemas import COUNTED
from searchlogs.logs.tally import Tally
from searchlogs.logs.words import beside, printable, unpacked
from searchlogs.metrics import ratio

SUMMED = ("events", "requests", "searches", "clicks", "searches_clicked", "orphan_clicks")
"""Counts of a session that are summed."""

SESSIONS = pa.schema([COUNTED.field(name) for name in ("user", "start", "end", *SUMMED)])
"""Columns of the sessions that a report reads."""

MOST_EVENTS = 200_000
"""Most events of a log that are looked at one by one; of a larger log, those of some users."""

HOUR = 3_600_000_000
"""Microseconds."""

LATE_GROUPS = {
    "up to 1 minute": 60,
    "up to 1 hour": 3600,
    "up to 1 day": 86400,
    "more than 1 day": math.inf,
}
"""Names under which late events are counted together, with the seconds up to which they are."""


@dataclass
class Sums:
    """Sums over sessions. Those without a search only count in `every`."""

    every: int = 0
    """Number of sessions, with a search or without."""
    counts: Counter[str] = field(default_factory=Counter)
    """Of sessions with a search: their number, that of sessions with a click, and SUMMED."""
    first: int | None = None
    """Start of the first session, in microseconds since 1970."""
    last: int = 0
    """End of the last session, likewise."""
    ctr: list[float] = field(default_factory=list)
    """Sums of the sessions' click-through rates."""
    parts: list[pa.Table] = field(default_factory=list)
    """Searches and searches clicked by user and hour of the day; a pair can be in several parts."""
    rows: int = 0
    """Number of rows of the parts that were not summed up yet."""

    def add(self, sessions: pa.RecordBatch) -> None:
        """Add a batch of sessions, with the columns of SESSIONS."""
        self.every += len(sessions)
        sessions = sessions.filter(is_positive(sessions["searches"]))
        if not len(sessions):
            return
        start, end = (to_numpy(sessions[name], np.int64) for name in ("start", "end"))
        self.first = min(int(start.min()), self.first or int(start.min()))
        self.last = max(int(end.max()), self.last)
        clicked = to_numpy(sessions["searches_clicked"], np.int64)
        self.ctr.append(math.fsum(clicked / to_numpy(sessions["searches"], np.int64)))
        self.counts["sessions"] += len(sessions)
        self.counts["sessions_clicked"] += int(np.count_nonzero(clicked))
        self.counts.update({name: int(pc.sum(sessions[name]).as_py()) for name in SUMMED})
        columns = [sessions["user"], from_numpy(start // HOUR % 24)]
        columns += [sessions[name] for name in ("searches", "searches_clicked")]
        self.parts.append(_by_user_and_hour(pa.Table.from_arrays(columns, PER_HOUR)))
        self.rows += len(self.parts[-1])
        if self.rows > max(1 << 18, 2 * len(self.parts[0])):
            self._sum_up()

    def _sum_up(self) -> pa.Table:
        """Return the parts as one, in which each pair of user and hour is once."""
        table = _by_user_and_hour(pa.concat_tables(self.parts))
        self.parts, self.rows = [table], 0
        return table

    def by_user_and_hour(self) -> pd.DataFrame:
        """Return one row per user and hour of the day, with the columns of PER_HOUR."""
        table: pd.DataFrame = self._sum_up().to_pandas()
        return table.sort_values(["user", "hour"], ignore_index=True)

    @property
    def mean_ctr(self) -> float | None:
        """Mean click-through rate of the sessions with a search."""
        return ratio(math.fsum(self.ctr), self.counts["sessions"])

    def matches(self, other: "Sums") -> bool:
        """Return whether these sums could be over the same sessions, or the same with pseudonyms.

        Sessions without a search don't count, because a run may leave them out.
        """
        mine, theirs = (
            (sums.counts, sums.first, sums.last, sums.by_user_and_hour()["user"].nunique())
            for sums in (self, other)
        )
        return mine == theirs


PER_HOUR = ["user", "hour", "searches", "searches_clicked"]
"""Columns of the sums by user and hour of the day."""


def _by_user_and_hour(table: pa.Table) -> pa.Table:
    sums = [(name, "sum") for name in PER_HOUR[2:]]
    return table.group_by(PER_HOUR[:2]).aggregate(sums).rename_columns(PER_HOUR)


def sum_up(path: Path) -> Sums:
    """Sum up a file of sessions, as a run writes it.

    Raises:
        ValueError: The file is in no known format, holds no sessions, or no session with a search.
        OSError: The file cannot be read.
    """
    ending = unpacked(path).suffix
    if ending not in ENDINGS:
        raise ValueError(
            f"{path}: unknown format; expected a file of sessions whose name ends in "
            f"{', '.join(ENDINGS)}"
        )
    path.open("rb").close()  # if it does not exist, this says so in fewer words than Arrow
    sums = Sums()
    try:
        for batch in _READERS[ending](path):
            sums.add(_typed(batch))
    except pa.ArrowException as error:
        reason = printable(" ".join(str(error).split()), 200)
        found = f", with the columns {', '.join(SESSIONS.names)}; {reason}"
        if _holds_events(path):
            found = "; found events: the command run turns them into sessions"
        raise ValueError(f"{path}: expected sessions, as a run writes them{found}") from None
    if not sums.parts:
        raise ValueError(f"{path}: holds no session with a search, so there is nothing to report")
    return sums


def _holds_events(path: Path) -> bool:
    """Return whether a file looks like a log: it has a column `event`, which sessions have not."""
    with suppress(OSError, pa.ArrowException):
        if unpacked(path).suffix == ".parquet":
            return "event" in pq.read_schema(path).names
        with pa.input_stream(str(path)) as file:
            first_line = file.read(1 << 16).partition(b"\n")[0]
        return re.search(rb"\bevent\b", first_line) is not None
    return False


def _typed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the columns of SESSIONS under their types."""
    names = batch.schema.names
    if missing := [name for name in SESSIONS.names if name not in names]:
        raise pa.ArrowInvalid(f"missing: {', '.join(missing)}")
    columns = []
    for wanted in SESSIONS:
        column = batch[wanted.name]
        if column.null_count:
            raise pa.ArrowInvalid(f"{wanted.name} has rows without a value")
        columns.append(column.cast(wanted.type))
    return pa.RecordBatch.from_arrays(columns, schema=SESSIONS)


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if name in SESSIONS.names]
        yield from file.iter_batches(columns=names)


def _csv(path: Path) -> Iterator[pa.RecordBatch]:
    types = {name: pa.string() for name in ("user", "start", "end")}
    types |= dict.fromkeys(SUMMED, pa.int64())
    options = pyarrow.csv.ConvertOptions(column_types=types)
    lines = pyarrow.csv.ParseOptions(newlines_in_values=True)
    with pyarrow.csv.open_csv(path, parse_options=lines, convert_options=options) as reader:
        yield from reader


def _json_lines(path: Path) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(name, _JSON.get(name, pa.int64())) for name in SESSIONS.names])
    options = pyarrow.json.ParseOptions(schema, unexpected_field_behavior="ignore")
    with pyarrow.json.open_json(path, parse_options=options) as reader:
        yield from reader


_JSON = {name: pa.string() for name in ("user", "start", "end")}
_READERS: dict[str, Callable[[Path], Iterator[pa.RecordBatch]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _json_lines,
}


@dataclass
class Losses:
    """What is in no session: late events by how late they were, and rejects by their reason.

    None if that is not known.
    """

    late: Counter[str] | None = field(default_factory=Counter)
    reasons: Counter[str] | None = field(default_factory=Counter)


def late_group(seconds: float) -> str:
    """Return the name under which events that were so late are counted.

    >>> late_group(61)
    'up to 1 hour'
    """
    return next(name for name, most in LATE_GROUPS.items() if seconds <= most)


def losses_beside(sessions: Path) -> Losses:
    """Read what a run left next to its sessions: late events and rejects."""
    losses = Losses(None, None)
    try:
        with beside(sessions, "late").open(encoding="utf-8") as lines:
            losses.late = Counter(late_group(json.loads(line)["late_by"]) for line in lines)
        with beside(sessions, "rejects").open(encoding="utf-8") as lines:
            rows = map(json.loads, lines)
            losses.reasons = Counter(bare_reason(row["field"], row["reason"]) for row in rows)
    except (OSError, ValueError, LookupError, TypeError):
        pass  # they were moved, or are another program's
    return losses


@dataclass
class Sample:
    """The events of one user in `one_in`, chosen by a checksum of the user's id."""

    most: int = MOST_EVENTS
    """Most events to hold."""
    one_in: int = 1
    batches: list[pa.RecordBatch] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of events."""
        return sum(map(len, self.batches))

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the events of its users; if they get too many, keep those of half the users.

        So the users are the same whatever the size of the batches.
        """
        self.batches += self._chosen([batch])
        while len(self) > self.most and self.one_in < 1 << 32:
            self.one_in *= 2
            self.batches = self._chosen(self.batches)

    def _chosen(self, batches: Iterable[pa.RecordBatch]) -> list[pa.RecordBatch]:
        if self.one_in == 1:
            return list(batches)
        found = []
        for batch in batches:
            users = as_text(plain_users(batch["user"])).dictionary_encode()
            ids = users.dictionary.to_pylist()
            chosen = np.array([crc32(id.encode()) % self.one_in == 0 for id in ids], bool)
            rows = np.flatnonzero(take(chosen, to_numpy(users.indices, np.int32)))
            found += [batch.take(from_numpy(rows))] if len(rows) else []
        return found

    def events(self) -> list[Event]:
        """Return the events, in arrival order; an activity as an AppOpen, which counts alike."""
        events = (event for batch in self.batches for event in to_events(batch))
        return [
            AppOpen(event.user, event.time) if isinstance(event, Activity) else event
            for event in events
        ]


@dataclass
class LogRead:
    """What one reading of a log found."""

    tally: Tally
    sums: Sums = field(default_factory=Sums)
    losses: Losses = field(default_factory=lambda: Losses(Counter(), Counter()))
    sample: Sample = field(default_factory=Sample)
    events: int = 0
    """Number of events that are in sessions."""


def read_log(
    log: OpenLog,
    windowing: Windowing,
    watch: Callable[[int], None] = lambda size: None,
    most: int = MOST_EVENTS,
) -> LogRead:
    """Read a log once: cut it into sessions, and keep the events of some users.

    Args:
        log: The log.
        windowing: The gap and the wait of its sessions.
        watch: Called with the number of bytes read since the last call.
        most: Most events to keep.

    Raises:
        RunFailed: An event is neither in a session nor late.
        OSError: A file cannot be read.
    """
    reader, size = BatchSource(log).reader(watch)
    found = LogRead(reader.tally, sample=Sample(most))
    sessionizer = Sessionizer(windowing.gap, windowing.wait)
    late, reasons = Counter[str](), Counter[str]()

    def take_in(sessions: list[pa.RecordBatch], lates: list[pa.RecordBatch]) -> None:
        for batch in sessions:
            found.sums.add(batch.select(SESSIONS.names))
            found.events += int(pc.sum(batch["events"]).as_py() or 0)
        for batch in lates:
            micros = to_numpy(batch["late_by"], np.int64).tolist()
            late.update(late_group(one * MICROSECOND / timedelta(seconds=1)) for one in micros)

    records = -1
    while records < reader.tally.records:
        records = reader.tally.records
        for item in reader.read(size):
            if isinstance(item, Reject):
                reasons[bare_reason(item.field, item.reason)] += 1
            else:
                out = sessionizer.add(item)
                take_in(out.sessions, out.late)
                found.sample.add(item)
    out = sessionizer.finish()
    take_in(out.sessions, out.late)
    found.losses = Losses(late, reasons)
    if found.events + late.total() != reader.tally.events:
        raise RunFailed(
            f"{reader.tally.events:,} events were made; {found.events:,} are in sessions, "
            f"{late.total():,} late"
        )
    return found
