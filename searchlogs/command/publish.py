"""What a flow left becomes the outputs of a run: all of them, or none."""

import csv
import io
import json
import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from searchlogs.columnar.rates import add_rates, is_positive
from searchlogs.command.job import LEAST_USERS, RunFailed
from searchlogs.command.late import LateEvents, Leap, read_late
from searchlogs.command.ordered import MEMORY, Ordered, in_parts
from searchlogs.command.queries import query_table
from searchlogs.durations import Windowing
from searchlogs.logs.flow import ARROW
from searchlogs.logs.rows import Row, from_batch, to_json
from searchlogs.logs.schemas import COUNTED, COUNTS, SEARCHES, SESSIONS
from searchlogs.logs.scratch import Scratch
from searchlogs.logs.stores import Address, Place
from searchlogs.logs.tally import Tally
from searchlogs.logs.words import COMPRESSED, beside, unpacked
from searchlogs.metrics import ratio


class Unaccounted(RunFailed):
    """Records or events are missing from what a flow left, or are there twice.

    Each record that was read gave events, is a reject, repeats another, is of an ignored kind or is
    framing; each event is in a session or late.
    """


@dataclass(frozen=True)
class Summary:
    """What a run found."""

    tally: Tally
    sessions: int
    """Sessions, with and without a search."""
    sessions_searched: int
    sessions_clicked: int
    session_events: int
    requests: int
    """Search records; those of one search have one `query_id`."""
    searches: int
    clicks: int
    clicks_searched: int
    """Clicks in sessions with a search, which alone contribute to a rate."""
    orphan_clicks: int
    absent_query_clicks: int
    """Orphan clicks that name a query which is not in their session."""
    searches_clicked: int
    mean_ctr: float | None
    """The mean of the sessions' click-through rates."""
    late: int
    """Late events."""
    late_by: tuple[timedelta, timedelta] | None
    """How late half of them were at most, and all of them; None without any."""
    reasons: tuple[tuple[str, int], ...]
    """Reasons of rejects, each with its number, the most frequent first."""
    leaps: tuple[Leap, ...] = ()
    """Events that made others late by more than LEAP, those that made most late first."""
    apostrophes: int = 0
    """CSV cells that got an apostrophe, so that no spreadsheet takes them for formulas."""

    @property
    def late_share(self) -> float:
        """Share of events that were late."""
        return self.late / self.tally.events if self.late else 0.0


# Many parameters because they say what is wanted of each output, and tests make `memory` small.
def publish(
    work: Path,
    outputs: Mapping[str, Place],
    *,
    wait: timedelta = Windowing.wait,
    every_session: bool = False,
    least_users: int = LEAST_USERS,
    spreadsheet: bool = False,
    memory: int = MEMORY,
) -> Summary:
    """Write the output files from a flow's work files, and return a summary.

    Files are renamed into place only after all of them are complete. All but the rejects, which
    stay in their order, are sorted by user and then by session or arrival.

    Args:
        work: The flow's file of sessions (x.arrows); the others stand next to it.
        outputs: Where the sessions, late events and rejects go, and searches and queries if they
            are wanted.
        wait: How far behind a user's newest event others were allowed to arrive.
        every_session: Whether sessions without a search are written too.
        least_users: Fewest users of a query that gets a row of its own.
        spreadsheet: Whether cells of CSV that begin like a formula get an apostrophe in front.
        memory: Bytes of rows that are sorted in memory; all others wait on the disk.

    Raises:
        Unaccounted: Records or events are missing.
        OSError: An output could not be written.
    """
    apostrophes = 0

    def write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
        nonlocal apostrophes
        apostrophes += write_rows(batches, schema, path, spreadsheet, memory)

    def write_sessions(path: Path) -> None:
        wanted = found.sessions if every_session else map(_searched, found.sessions)
        write(map(add_rates, wanted), SESSIONS, path)

    def write_queries(path: Path) -> None:
        searches = pa.RecordBatchReader.from_batches(SEARCHES, found.searches)
        table = query_table(searches, least_users, work.parent)
        write(table.to_batches(), table.schema, path)

    with Scratch(work.parent) as scratch:
        sort = partial(Ordered, scratch=scratch, memory=memory)
        found = _read(work, wait, sort, searches=not {"searches", "queries"}.isdisjoint(outputs))
        _check_sums(found)
        writers: dict[str, Callable[[Path], object]] = {
            "sessions": write_sessions,
            "searches": partial(write, found.searches, SEARCHES),
            "queries": write_queries,
            "late": found.late.write,
            # A log that is read in wrong words has as many rejects as lines: they are not loaded.
            "rejects": partial(shutil.copyfile, beside(work, "rejects")),
        }
        # Known by where it comes from: a run that is resumed after a kill overwrites it.
        mark = work.absolute().parent.name
        _write_all({path: writers[what] for what, path in outputs.items()}, mark, work.parent)
        return replace(_summarise(found), apostrophes=apostrophes)


@dataclass
class _Totals:
    """Sums over sessions, the same in whatever order they come."""

    every: Counter[str] = field(default_factory=Counter)
    """The number of sessions, of those with a click on a search's result, and each count's sum."""
    searched: Counter[str] = field(default_factory=Counter)
    """The same of the sessions with a search."""
    ctr: Counter[float] = field(default_factory=Counter)
    """Number of sessions with each click-through rate."""

    def watch(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield batches of sessions as they are, and count them."""
        for batch in batches:
            searched = _searched(batch)
            for sums, rows in ((self.every, batch), (self.searched, searched)):
                sums["sessions"] += len(rows)
                sums["clicked"] += _sum(is_positive(rows["searches_clicked"]))
                sums.update({name: _sum(rows[name]) for name in COUNTS})
            found = pc.value_counts(add_rates(searched, ["ctr"])["ctr"])
            values, numbers = (found.field(name).to_pylist() for name in ("values", "counts"))
            self.ctr.update(dict(zip(values, numbers, strict=True)))
            yield batch

    @property
    def mean_ctr(self) -> float | None:
        """The mean click-through rate of the sessions with a search."""
        return ratio(math.fsum(rate * n for rate, n in self.ctr.items()), self.ctr.total())


@dataclass(frozen=True)
class _Found:
    """What a flow left."""

    sessions: Ordered
    """All sessions, without their rates, by user and session."""
    totals: _Totals
    searches: Ordered
    """All searches, by user, session and number; none unless they are wanted."""
    late: LateEvents
    reasons: Counter[str]
    """The number of rejects for each reason."""
    tally: Tally


def _read(work: Path, wait: timedelta, sort: Callable[..., Ordered], searches: bool) -> _Found:
    """Read a flow's work files; `sort` puts their rows in order."""
    tallies = list(map(_tally, _lines(beside(work, "tally"))))
    if len(tallies) != 1:
        raise Unaccounted(f"{beside(work, 'tally')}: expected one tally; found {len(tallies)}")
    totals = _Totals()
    sessions = sort(totals.watch(_batches(work, COUNTED)), ["user", "session"])
    found = _batches(beside(work, "searches").with_suffix(ARROW), SEARCHES)
    return _Found(
        sessions,
        totals,
        sort(found if searches else (), ["user", "session", "search"]),
        read_late(beside(work, "late"), wait, sort),
        Counter(map(_reason, _lines(beside(work, "rejects")))),
        tallies[0],
    )


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Read a stream of record batches."""
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
            if stream.schema != schema:
                raise pa.ArrowInvalid(f"found {stream.schema.names}")
            yield from stream
    except (pa.ArrowException, OSError) as error:
        raise Unaccounted(f"{path}: is not as the run wrote it: {error}") from None


def _searched(sessions: pa.RecordBatch) -> pa.RecordBatch:
    """Return the sessions with a search."""
    return sessions.filter(is_positive(sessions["searches"]))


def _sum(values: pa.Array) -> int:
    return int(pc.sum(values).as_py() or 0)


def _check_sums(found: _Found) -> None:
    """Raise Unaccounted unless each record, and each event, is accounted for."""
    tally, rejects = found.tally, found.reasons.total()
    accounted = tally.gave_events + rejects + tally.duplicates + tally.framing
    accounted += sum(tally.ignored.values())
    if accounted != tally.records:
        raise Unaccounted(f"{tally.records:,} records were read; {accounted:,} are accounted for")
    inside, late = found.totals.every["events"], len(found.late)
    if inside + late != tally.events:
        raise Unaccounted(
            f"{tally.events:,} events were made; {inside:,} are in sessions, {late:,} late"
        )


def _write_all(writers: Mapping[Place, Callable[[Path], object]], mark: str, folder: Path) -> None:
    """Write files aside, named by `mark`, and rename them when all are complete, in reverse.

    So whoever sees the first of them, the sessions, sees all. Those that go to a store wait in
    `folder`, and are removed from the store if another cannot be put there.
    """
    complete: list[tuple[Path, Place]] = []
    try:
        for path, write in writers.items():
            ending = path.name.removeprefix(unpacked(path).stem)  # which is its format
            if isinstance(path, Path):
                aside = path.with_name(f".{path.name}.{mark}{ending}")
            else:
                aside = folder / f"{len(complete)}{ending}"
            complete.append((aside, path))
            write(aside)
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
        _rename(complete[::-1])
    except OSError as error:
        # If a disk is full, nothing else names it.
        error.filename = error.filename or str(path if isinstance(path, Path) else folder)
        raise
    finally:
        for aside, _ in complete:
            aside.unlink(missing_ok=True)


def _rename(complete: Iterable[tuple[Path, Place]]) -> None:
    """Give complete files their names; after an error nothing is left of those in a store."""
    put: list[Address] = []
    try:
        for aside, path in complete:
            if isinstance(path, Path):
                aside.replace(path)
                continue
            existed = path.exists()  # what could not be overwritten is not removed
            put += [path] * (not existed)
            path.put(aside)
            put += [path] * existed
    except BaseException:
        for address in put:
            with suppress(OSError):
                address.remove()
        raise


def _summarise(found: _Found) -> Summary:
    """Return what a run found, in numbers."""
    every, searched = found.totals.every, found.totals.searched
    return Summary(
        tally=found.tally,
        sessions=every["sessions"],
        sessions_searched=searched["sessions"],
        sessions_clicked=every["clicked"],
        session_events=every["events"],
        requests=every["requests"],
        searches=every["searches"],
        clicks=every["clicks"],
        clicks_searched=searched["clicks"],
        orphan_clicks=every["orphan_clicks"],
        absent_query_clicks=every["absent_query_clicks"],
        searches_clicked=every["searches_clicked"],
        mean_ctr=found.totals.mean_ctr,
        late=len(found.late),
        late_by=found.late.waits(),
        leaps=found.late.leaps(),
        reasons=tuple(found.reasons.most_common()),
    )


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="ascii") as file:
        yield from file


def _reason(reject: str) -> str:
    row = json.loads(reject)
    return bare_reason(row["field"], row["reason"])


def bare_reason(field: str | None, reason: str) -> str:
    """Return why a record was rejected, without what it held."""
    reason = re.sub("(; found |, at byte |: byte ).*", "", reason)
    return f"{field}: {reason}" if field else reason


def _tally(line: str) -> Tally:
    row = json.loads(line)
    for time in ("first", "last"):
        row[time] = row[time] and datetime.fromisoformat(row[time])
    return Tally(**row)


def write_rows(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    path: Path,
    spreadsheet: bool = False,
    memory: int = MEMORY,
) -> int:
    """Write rows as JSON Lines, CSV or Parquet, by the ending of the path.

    Args:
        batches: The rows.
        schema: Their columns.
        path: The file. Text is compressed if its name ends in .gz or .zst.
        spreadsheet: Whether text in CSV that begins like a formula gets an apostrophe in front.
        memory: Bytes of rows after which a row group of Parquet ends before its time.

    Returns:
        The number of cells that got one.
    """
    apostrophes = 0
    if path.suffix == ".parquet":
        # Times hardly ever repeat, so a dictionary of them would only cost time and space.
        repeated = [
            f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
            for field in schema
            if not pa.types.is_timestamp(field.type)
        ]
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeated) as parquet:
            for group in in_parts(batches, memory, GROUP):
                parquet.write_table(group)
        return apostrophes
    with _text_file(path) as file:
        if unpacked(path).suffix == ".csv":
            # Python 3.11 quotes a carriage return only if lines end in one.
            out = SimpleNamespace(write=lambda row: file.write(row.removesuffix("\r\n") + "\n"))
            writer = csv.writer(out, lineterminator="\r\n")
            writer.writerow(schema.names)
            for row in _rows(batches):
                cells = [_cell(value) for value in row.values()]
                if spreadsheet:
                    risky = [place for place, cell in enumerate(cells) if is_formula(cell)]
                    apostrophes += len(risky)
                    for place in risky:
                        cells[place] = f"'{cells[place]}"
                writer.writerow(cells)
        else:
            file.writelines(to_json(row) + "\n" for row in _rows(batches))
    return apostrophes


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    """Open a text file for writing, compressed if the ending of its name says so."""
    compression = COMPRESSED.get(path.suffix)
    if compression is None:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    with path.open("wb") as packed:
        # Arrow's gzip has no time and no name in its header: the same rows are the same bytes.
        stream = pa.CompressedOutputStream(pa.PythonFile(packed, "w"), compression)
        with stream, io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
            yield text


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    for batch in batches:
        for start in range(0, len(batch), 10_000):
            yield from from_batch(batch.slice(start, 10_000))


def _cell(value: object) -> object:
    """Return a value as a CSV cell."""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, list) else value


def is_formula(cell: object) -> bool:
    """Return whether a spreadsheet would take a cell for a formula. Numbers are none."""
    return isinstance(cell, str) and cell.startswith(FORMULA)


GROUP = 1 << 16
"""Most rows of a row group in Parquet."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of text that spreadsheets take for a formula; the last four are full-width."""
