"""Break good logs in many ways, and check that reading them raises nothing and loses nothing.

uv run python tests/bench/fuzz.py [N=100000] [--seed S]
"""

import argparse
import faulthandler
import io
import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from searchlogs.columnar.source import BatchSource
from searchlogs.dataflow import find_sessions
from searchlogs.events import FIELDS, AppOpen, ClickResult, Event, Search
from searchlogs.logs.border import Activity, BadRecord, Border, Reject
from searchlogs.logs.lines import MAGIC, MAX_LINE, UTF_16
from searchlogs.logs.log import Log
from searchlogs.logs.outcomes import MAX_REASON
from searchlogs.logs.records import read_log
from searchlogs.logs.source import LogSource
from searchlogs.logs.tally import Mapped, Tally
from searchlogs.logs.ubi import Ubi
from searchlogs.simulate import simulate

sys.path.append(str(Path(__file__).parents[1]))
from log_files import Row, Table, as_row, csv_text, json_lines, parquet, written

START = datetime(2024, 1, 1, tzinfo=UTC)


def as_ubi(event: Event) -> Row | None:
    """An event as UBI has it, where UBI has it."""
    row: Row = {"client_id": str(event.user), "timestamp": int(event.time.timestamp() * 1000)}
    row["query_id"] = getattr(event, "query_id", None)
    if isinstance(event, Search):
        return {**row, "user_query": event.query, "query_response_hit_ids": ["a", "b"]}
    if isinstance(event, ClickResult):
        row["timestamp"] = event.time.isoformat()
        position = {"ordinal": event.position}
        attributes = {"object": {"object_id": event.item}, "position": position}
        return {
            **row,
            "action_name": "click",
            "session_id": "s",
            "event_attributes": attributes,
        }
    return {**row, "action_name": "page_exit"} if isinstance(event, AppOpen) else None


EVENTS = list(simulate(4, 6, seed=1, disorder=timedelta(seconds=20), query_ids=True))[:16]
ROWS = [as_row(event) for event in EVENTS]
next(row for row in ROWS if "query" in row)["query"] = 'a "b", c\nd; é\t='
UBI = [row for row in map(as_ubi, EVENTS) if row]
UBI[1:1] = [{"index": {"_index": "ubi_queries"}}]
UBI.append({"_index": "ubi_events", "_id": "1", "_source": UBI[-1]})

NASTY: list[Any] = [
    *(None, True, 0, -1, 1, 2**31, 2**63, 10**400, 10**4200, 0.0, -0.0, 1.5, 1e308, 5e-324),
    *("", " ", "\0", "\x1b[31m", "\r\n", "\u202e", "\ufeff", "é" * 200, "x" * 5_000, "=1+1", "-1"),
    *("NaN", "1e999", "9" * 5_000, "[]", "[" * 300, '["a"', "[null]", "2024-01-01", "24:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-03-31T02:30:00"),
    *("2024-01-01T00:00:00Z", "1704067200", "1704067200000.5", "٣", "Infinity", "app_open"),
    *([], {}, [None], [[]], [1, "a", 2.5], {"ordinal": 0}, {"index": -1}, {"": {"": None}}),
    *(["a"] * 1000, {"a": [{"b": [{}]}]}, 1704067200, 1704067200000, -62135596800, 253402300800),
]
BYTES = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\n", b"\r", b"\r\n", b'"', b'""', b",", b";", b"\t", b":"),
    *(b"{", b"}", b"[" * 500, b'{"a":' * 300, b"NaN", b"1e999", b"9" * 5_000, b"\\", b"\\ud800"),
    *(b"\x1b[2J", b"\xed\xa0\x80", b"\xc3", b"x" * 70_000, b"\x1f\x8b", b"PAR1", b"\n\n\n"),
]


def break_bytes(rng: Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(5):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(out):
                out[at] = rng.randrange(256)
            case 2:
                del out[at : at + rng.choice([1, 2, 10, 200])]
            case 3:
                out[at:at] = rng.choice(BYTES)
            case _:
                here = rng.randrange(len(out) + 1)
                out[at:at] = out[here : here + rng.choice([1, 10, 200])]
    return bytes(out)


def break_lines(rng: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    cut = rng.randrange(len(lines[at]) + 1)
    match rng.randrange(7):
        case 0:
            lines.insert(other, lines[at])
        case 1:
            lines[at], lines[other] = lines[other], lines[at]
        case 2:
            lines[at] = lines[at][:cut]
        case 3:
            lines[at] = lines[at][:cut] + lines[other][rng.randrange(len(lines[other])) :]
        case 4:
            del lines[at:]
            lines.append(data[: rng.randrange(50)])
        case 5:
            lines[at] = lines[at].decode(errors="replace").encode(rng.choice(["utf-16", "utf-32"]))
        case _:
            del lines[at]
    return b"".join(lines)


def break_rows(rng: Random, rows: Table) -> Table:
    rows = json.loads(json.dumps(rows))
    for _ in range(rng.choice([1, 1, 3, 10])):
        row = inside = rng.choice(rows)
        while row:
            inside, name = row, rng.choice(list(row))
            if not isinstance(row := row[name], dict) or rng.random() < 0.3:
                match rng.randrange(6):
                    case 0:
                        del inside[name]
                    case 1:
                        inside[rng.choice(["", "x", "a.b", *FIELDS])] = inside.pop(name)
                    case 2:
                        inside[name] = [deepcopy(row)] * rng.randrange(3)
                    case 3:
                        rng.choice(rows)[name] = deepcopy(row)
                    case _:
                        inside[name] = deepcopy(rng.choice(NASTY))
                break
    return rows


COLUMNS: list[Callable[[Random, int], pa.Array]] = [
    lambda rng, size: pa.nulls(size),
    lambda rng, size: pa.array([rng.choice([0, 1, -1, 2**62]) for _ in range(size)]),
    lambda rng, size: pa.array([rng.choice([0.0, float("nan"), 1e308]) for _ in range(size)]),
    lambda rng, size: pa.array([rng.choice([b"a", b"\xff\xfe", b""]) for _ in range(size)]),
    lambda rng, size: pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()).take(
        pa.array([0] * size)
    ),
    lambda rng, size: pa.array(
        [rng.choice(["a", "", None]) for _ in range(size)]
    ).dictionary_encode(),
    lambda rng, size: pa.array([rng.choice([None, [], ["a", None]]) for _ in range(size)]),
    lambda rng, size: pa.array([{"a": None, "b": START}] * size),
    lambda rng, size: pa.array([True] * size),
    lambda rng, size: pa.array([rng.getrandbits(48)] * size, pa.timestamp("s")),
    *(
        lambda rng, size, unit=unit, zone=zone: pa.array(
            [rng.getrandbits(63) - 2**62 for _ in range(size)], pa.timestamp(unit, zone)
        )
        for unit in ("ms", "us", "ns")
        for zone in (None, "UTC", "Europe/Berlin", "+01:30")
    ),
    lambda rng, size: pa.array([19_000] * size, pa.date32()),
    lambda rng, size: pa.array([rng.getrandbits(40)] * size, pa.time64("ns")),
    lambda rng, size: pa.array([rng.getrandbits(62)] * size, pa.duration("ns")),
    lambda rng, size: pa.array([[("a", 1)]] * size, pa.map_(pa.string(), pa.int64())),
    lambda rng, size: pa.array([1] * size, pa.decimal128(38, 0)),
    lambda rng, size: pa.array([[rng.getrandbits(63)]] * size, pa.list_(pa.timestamp("ns"))),
]


def break_table(rng: Random, rows: Table) -> bytes:
    table = pq.read_table(io.BytesIO(parquet(rows)))
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(table.num_columns)
        match rng.randrange(5):
            case 0 if table.num_columns > 1:
                table = table.remove_column(at)
            case 1:
                names = table.column_names
                names[at] = rng.choice(["", "x", "a.b", *FIELDS])
                table = table.rename_columns(names)
            case _:
                column = rng.choice(COLUMNS)(rng, table.num_rows)
                table = table.set_column(at, table.column_names[at], column)
    return written(table)


BORDERS = [
    Border(),
    Border(zone="Europe/Berlin"),
    Border(time_unit="s"),
    Border(zone="Pacific/Apia", time_unit="us"),
    Border(fields={"user": "query_id", "item": "a.b", "time": "event"}),
    Border(kinds={"search": "search", "page_exit": "app_open"}),
    Border(kinds={"click": "click"}, fields={"event": "query"}, zone="UTC"),
    Border(kinds={"*": "activity"}, fields={"query": "item|query", "id": "query_id"}),
    Border(first_position=0, time_format="%Y-%m-%dT%H:%M:%S%z"),
]
UBIS = [
    Ubi,
    lambda: Ubi(fields={"user": "session_id"}),
    lambda: Ubi(zone="Asia/Tokyo", first_position=0),
    lambda: Ubi(kinds={"page_exit": "click", "click": "click"}, time_unit="s"),
]
ENDINGS = ["jsonl", "csv", "ssv", "tsv", "parquet", "ubi", "json", "jsonl.gz", "csv.zst", "ubi.gz"]


def json_layout(rng: Random, rows: Table) -> bytes:
    """An array, or values one after the other."""
    indent = rng.choice([None, 0, 1, 2, "\t"])
    if rng.random() < 0.5:
        return json.dumps(rows, indent=indent).encode()
    between = rng.choice(["", " ", "\n"])
    return between.join(json.dumps(row, indent=indent) for row in rows).encode()


def case(rng: Random, folder: Path) -> Log:
    """A log in a file of `folder`, most often a broken one, and a way to read it."""
    ending = rng.choice(ENDINGS)
    kind, _, packed = ending.partition(".")
    rows = UBI if kind == "ubi" else ROWS
    if rng.random() < 0.4:
        rows = break_rows(rng, rows)
    try:
        data = {
            "jsonl": json_lines,
            "ubi": json_lines,
            "json": lambda rows: json_layout(rng, rows),
            "csv": csv_text,
            "ssv": lambda rows: csv_text(rows, ";", "\r\n"),
            "tsv": lambda rows: csv_text(rows, "\t"),
            "parquet": lambda rows: break_table(rng, ROWS) if rng.random() < 0.5 else parquet(ROWS),
        }[kind](rows)
    except (ValueError, pa.ArrowException, KeyError):
        data = json_lines(rows)  # what no CSV or Parquet file can be made of
    if kind != "parquet" and rng.random() < 0.6:
        data = break_lines(rng, data)
    if rng.random() < (0.5 if kind == "parquet" else 0.4):
        data = break_bytes(rng, data)
    if packed:
        data = pa.compress(data, codec={"gz": "gzip", "zst": "zstd"}[packed], asbytes=True)
        if rng.random() < 0.5:
            data = break_bytes(rng, data)
    name = {"ssv": "csv", "ubi": "jsonl"}.get(kind, kind) + (packed and f".{packed}")
    (folder / f"log.{name}").write_bytes(data)
    border = rng.choice(UBIS)() if kind == "ubi" else rng.choice(BORDERS)
    once = rng.choice([None, timedelta(0), timedelta(minutes=1)])
    return Log((str(folder / f"log.{name}"),), border, "ubi" if kind == "ubi" else None, once)


def check(log: Log, windows: bool) -> Tally:
    """Read a log, and cut it into sessions if it is its turn, as that takes longer.

    Raises an AssertionError where something is lost, or a reason is no reason.
    """
    tally, told = Tally(), [0]
    reads = list(read_log(log.open(), told.append))
    for read in reads:
        tally.add(read.outcome)
        tally.lines += read.lines
        if isinstance(read.outcome, BadRecord):
            reason = read.outcome.reason
            assert 0 < len(reason) <= MAX_REASON, reason
            assert reason.isprintable(), reason
    Mapped(tally, log.border.mapped).look(read.outcome for read in reads)
    became = tally.gave_events + tally.rejected + tally.duplicates + tally.framing
    assert tally.records == became + sum(tally.ignored.values()) == len(reads), tally

    path = Path(log.paths[0])
    data = path.read_bytes()
    assert sum(told) == len(data)
    text = data.removeprefix(b"\xef\xbb\xbf")
    # Records of UTF-16 are kept as UTF-8.
    is_text = path.suffix in (".jsonl", ".json", ".csv", ".tsv")
    plain = is_text and not text.startswith((*MAGIC, *UTF_16))
    if plain and len(data) <= MAX_LINE:
        # Every byte is some record's, and so is every line.
        assert b"".join(read.raw for read in sorted(reads, key=lambda read: read.line)) == text
        lines = text.count(b"\n") + (text[-1:] not in (b"\n", b""))
        assert sum(read.lines for read in reads) == lines

    part = LogSource(log.open()).build_part("", "log", None)
    items: list[Any] = []
    while not part.ended:
        items += part.next_batch()
    whole = items.pop()
    assert whole.lines == sum(read.lines for read in reads)
    # What is counted of fields, the records themselves do not tell.
    tally = replace(tally, lines=whole.lines, unread=whole.unread, mapped=whole.mapped)
    assert whole == tally
    rejects = [item for item in items if isinstance(item, Reject)]
    assert len(rejects) == tally.rejected
    assert len(items) == tally.rejected + tally.events
    for reject in rejects:
        json.dumps(asdict(reject), ensure_ascii=False).encode()
    if windows or path.suffix == ".parquet":
        batches = BatchSource(log.open()).build_part("", "log", None)
        found: list[Any] = []
        while not batches.ended:
            found += batches.next_batch()
        assert found.pop() == tally
        assert [item for item in found if isinstance(item, Reject)] == rejects
        assert sum(len(item) for item in found if not isinstance(item, Reject)) == tally.events
    if windows:
        events = [
            AppOpen(item.user, item.time) if isinstance(item, Activity) else item
            for item in items
            if not isinstance(item, Reject)
        ]
        sessions, late = find_sessions(events)
        assert sum(len(session.events) for session in sessions) + len(late) == tally.events
    return tally


def fuzz(count: int, seed: int, folder: Path, progress: bool = False) -> Tally:
    """Check so many broken logs, and say what became of all their records."""
    total = Tally()
    for number in tqdm(range(count), disable=not progress or None):
        rng = Random(f"{seed} {number}")
        for old in folder.iterdir():
            old.unlink()
        log = case(rng, folder)
        try:
            tally = check(log, windows=number % 20 == 0)
        except Exception as error:
            raise AssertionError(f"number {number} of seed {seed}: {log}") from error
        for name in ("records", "gave_events", "rejected", "duplicates", "framing"):
            setattr(total, name, getattr(total, name) + getattr(tally, name))
        total.ignored["all"] = total.ignored.get("all", 0) + sum(tally.ignored.values())
    return total


def fuzz_from_shell(parser: argparse.ArgumentParser, fuzz: Callable[..., Any]) -> None:
    """Check as many logs as the command line says, and keep the one that fails."""
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = vars(parser.parse_args())
    faulthandler.enable()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        print(fuzz(folder=folder, progress=True, **options))
    except AssertionError:
        traceback.print_exc()
        sys.exit(f"the log is in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    fuzz_from_shell(argparse.ArgumentParser(description=__doc__), fuzz)
