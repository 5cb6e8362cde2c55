"""What a run over a log leaves: rows of sessions and searches, late events, rejects, two sums."""

import csv
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq

from searchlogs.command.options import LEAST_USERS
from searchlogs.command.queries import query_table
from searchlogs.logs.rows import SEARCHES, SESSIONS, WANTED, Row, beside, to_json
from searchlogs.logs.source import Tally
from searchlogs.metrics import RATES


class Unaccounted(Exception):
    """A sum of law 2 doesn't hold: something was lost."""


@dataclass(frozen=True)
class Summary:
    """What a run found."""

    tally: Tally
    sessions: int
    """Sessions, those without a search too."""
    sessions_searched: int
    sessions_clicked: int
    session_events: int
    searches: int
    clicks: int
    clicks_searched: int
    """Clicks in sessions with a search, which alone contribute to a rate."""
    orphan_clicks: int
    searches_clicked: int
    mean_ctr: float | None
    """The mean of the sessions' click-through rates."""
    late_by: tuple[timedelta, ...]
    """How late each late event was, in ascending order."""
    reasons: tuple[tuple[str, int], ...]
    """Why records were rejected, how often each, the most frequent first."""


def publish(
    lines: Path,
    outputs: dict[str, Path],
    *,
    every_session: bool = False,
    least_users: int = LEAST_USERS,
) -> Summary:
    """Make what a flow left in and beside `lines` into `outputs`, and sum up.

    `lines` are `log_flow`'s, or (.arrows) the batches of `columnar_flow`.

    `outputs` says where sessions, late and rejects go, and searches and queries, if at all; all
    but the rejects are sorted. None has its name until all are whole. Raises Unaccounted where a
    sum of law 2 doesn't hold.
    """
    read = _read_batches if lines.suffix == ".arrows" else _read
    sessions = read(lines, SESSIONS, ["user", "session"])
    by_user = sorted(
        ((json.loads(line), line) for line in _lines(beside(lines, "late"))),
        key=lambda parsed: str(parsed[0]["user"]),
    )
    late = [line for _, line in by_user]
    reasons = Counter(map(_why, _lines(beside(lines, "rejects"))))
    tallies = list(map(_tally, _lines(beside(lines, "tally"))))
    if len(tallies) != 1:
        raise Unaccounted(f"of a log there is one tally; here are {len(tallies)}")
    (tally,) = tallies
    _check_sums(tally, _sum(sessions, "events"), len(late), reasons.total())
    searched = sessions.filter(pc.greater(sessions["searches"], 0))

    whole: list[tuple[Path, Path]] = []
    try:
        for what, path in outputs.items():
            # Known by where it comes from: a run that goes on after a kill writes over it.
            aside = path.with_name(f".{path.name}.{lines.absolute().parent.name}{path.suffix}")
            whole.append((aside, path))
            if what == "sessions":
                write_table(sessions if every_session else searched, aside)
            elif what in ("searches", "queries"):
                order = ["user", "session", "search"]
                searches = _read(beside(lines, "searches"), SEARCHES, order)
                by_query = what == "queries"
                write_table(query_table(searches, least_users) if by_query else searches, aside)
            elif what == "late":
                aside.write_text("".join(late), encoding="ascii")
            else:  # as they arrived; a log that is read in wrong words has as many as lines
                shutil.copyfile(beside(lines, "rejects"), aside)
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
        for aside, path in reversed(whole):  # the sessions last: who sees them sees all
            aside.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # where a disk is full, nothing else says it
        raise
    finally:
        for aside, _ in whole:
            aside.unlink(missing_ok=True)

    return Summary(
        tally=tally,
        sessions=sessions.num_rows,
        sessions_searched=searched.num_rows,
        sessions_clicked=sessions.filter(pc.greater(sessions["searches_clicked"], 0)).num_rows,
        session_events=_sum(sessions, "events"),
        searches=_sum(sessions, "searches"),
        clicks=_sum(sessions, "clicks"),
        clicks_searched=_sum(searched, "clicks"),
        orphan_clicks=_sum(sessions, "orphan_clicks"),
        searches_clicked=_sum(sessions, "searches_clicked"),
        mean_ctr=pc.mean(searched["ctr"]).as_py(),
        late_by=tuple(sorted(timedelta(seconds=row["late_by"]) for row, _ in by_user)),
        reasons=tuple(reasons.most_common()),
    )


def _read(path: Path, schema: pa.Schema, order: list[str]) -> pa.Table:
    if path.stat().st_size == 0:  # which Arrow takes for broken
        return schema.empty_table()
    # A line must fit into a block, and a query may be as long as the longest line that is read.
    blocks = pyarrow.json.ReadOptions(block_size=1 << 25)
    parse = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    try:
        table = pyarrow.json.read_json(path, read_options=blocks, parse_options=parse)
    except pa.ArrowInvalid as error:
        raise Unaccounted(f"{path}: it is not as the run wrote it: {error}") from None
    return table.sort_by([(column, "ascending") for column in order])


def _read_batches(path: Path, schema: pa.Schema, order: list[str]) -> pa.Table:
    try:
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_stream(file).read_all()
    except (pa.ArrowException, OSError) as error:
        raise Unaccounted(f"{path}: it is not as the run wrote it: {error}") from None
    for name in WANTED:
        part, whole = (table[count].cast(pa.float64()) for count in RATES[name])
        searched = pc.greater(table["searches"], 0)  # as in metrics.rate
        table = table.append_column(name, pc.divide(part, pc.if_else(searched, whole, None)))
    return table.cast(schema).sort_by([(column, "ascending") for column in order])


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="ascii") as file:
        yield from file


def _why(reject: str) -> str:
    row = json.loads(reject)
    reason = re.sub("(; found |, at byte |: byte ).*", "", row["reason"])
    return f"{row['field']}: {reason}" if row["field"] else str(reason)


def _tally(line: str) -> Tally:
    row = json.loads(line)
    for time in ("first", "last"):
        row[time] = row[time] and datetime.fromisoformat(row[time])
    return Tally(**row)


def _sum(table: pa.Table, column: str) -> int:
    return int(pc.sum(table[column]).as_py() or 0)


def _check_sums(tally: Tally, session_events: int, late: int, rejects: int) -> None:
    found = tally.gave_events + rejects + tally.duplicates + tally.framing
    found += sum(tally.ignored.values())
    if found != tally.records:
        raise Unaccounted(f"{tally.records:,} records were read, {found:,} are accounted for")
    if session_events + late != tally.events:
        raise Unaccounted(
            f"{tally.events:,} events were made; {session_events:,} are in sessions, {late:,} late"
        )


def write_table(table: pa.Table, path: Path) -> None:
    """Write rows as JSON Lines, CSV or Parquet, as the path's ending says."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            # Python 3.11 quotes a carriage return only where lines end in one.
            out = SimpleNamespace(write=lambda row: file.write(row.removesuffix("\r\n") + "\n"))
            writer = csv.writer(out, lineterminator="\r\n")
            writer.writerow(table.column_names)
            writer.writerows(map(_cell, row.values()) for row in _rows(table))
        else:
            file.writelines(to_json(row) + "\n" for row in _rows(table))


def _rows(table: pa.Table) -> Iterator[Row]:
    for batch in table.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def _cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return json.dumps(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


FORMULA = ("=", "+", "-", "@", "\t", "\r")
