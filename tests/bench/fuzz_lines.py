"""Break logs of lines in many ways, and check that blocks give what the border gives of each line.

uv run python tests/bench/fuzz_lines.py [N=100000] [--seed S]

Compared are the events with the types of their users, the rejects, the tally, and the checksums by
which a resume knows the log, after every batch; blocks and batches are of random sizes.
"""

import argparse
import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from tqdm import tqdm

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from fuzz import EVENTS, break_bytes, break_lines, break_rows, fuzz_from_shell
from log_files import Table, as_row

from searchlogs.columnar import jsonl
from searchlogs.columnar.chunks import File
from searchlogs.columnar.flow import to_late
from searchlogs.columnar.lines import LineFile
from searchlogs.columnar.reader import Checksum, Columns
from searchlogs.columnar.sorted import Sorted
from searchlogs.events import FIELDS
from searchlogs.logs.border import Border, Reject
from searchlogs.logs.log import Log
from searchlogs.logs.reader import LogEvents
from searchlogs.logs.schemas import EVENTS as SCHEMA
from searchlogs.logs.words import format_of

FORMATS = ("jsonl", "csv", "tsv")
UNITS: list[str | None] = [None, "s", "ms", "us"]
NAMES = [{}, {}, {}, {"user": "uid", "time": "at", "event": "kind", "position": "rank"}]
KINDS = [
    *[{}] * 5,
    {"search": "search", "click": "click"},
    {"search": "search", "*": "activity"},
    {"click": "activity", "tap": "click"},
]
BORDERS = {
    (unit, number, of_kinds): Border(NAMES[number], KINDS[of_kinds], unit)
    for unit in UNITS
    for number in range(len(NAMES))
    for of_kinds in range(len(KINDS))
}
"""Rules that suit the dialects."""

SHARES = [2, 3, jsonl.SHARE]
"""Values of SHARE. In a log of a few lines, no line is as rare as one in 32."""

OTHERS = [
    Border(zone="Europe/Berlin", first_position=0),
    Border(fields={"item": "query", "query_id": "item"}, kinds={"search": "click"}),
    Border(time_format="%Y-%m-%dT%H:%M:%S%z"),
    Border(time_unit="ms"),
]
"""Rules that suit few logs."""


def as_iso(time: datetime, rng: Random) -> str:
    """A time in one of the shapes that logs have."""
    ends = ["Z", "+00:00", "+05:30", "-01:00", " UTC", "", "+0100", ".5Z", ".123456789Z", ",5Z"]
    return time.strftime("%Y-%m-%d" + rng.choice("TTT t") + "%H:%M:%S") + rng.choice(ends)


def times(rng: Random, unit: str | None) -> Callable[[datetime], Any]:
    """How a log writes times: most logs in one way."""
    if unit is None:
        return rng.choice(
            [
                lambda time: time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                lambda time: time.isoformat(),
                lambda time: as_iso(time, rng),
            ]
        )
    worth = {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
    fraction = rng.choice([lambda: 0, lambda: rng.choice([0, 0.5, 0.25]), rng.random])
    return lambda time: int(time.timestamp()) * worth + fraction()


EXTRA: list[Any] = [1, 2.5, True, None, "x", "2024-01-01", [], [1, 2], ["a", None], {}, {"a": 1}]
EXTRA += [{"a": {"b": [{"c": 1}, {"d": "x"}]}}, [[1], [2.5]], 1e300, -0.0, 12345678901234567890]


def rows_of(rng: Random, unit: str | None, names: dict[str, str]) -> Table:
    """A log's rows, in one of the dialects of logs."""
    time = times(rng, unit)
    user = rng.choice([lambda user: user, str, lambda user: f"ü{user}", lambda user: user << 60])
    id = rng.choice([lambda id: id, len, lambda id: rng.choice([id, 7, None])])
    item = rng.choice([lambda item: item, len, lambda item: item[:1]])
    position = rng.choice([lambda rank: rank, float, lambda rank: rank - 1, str])
    extra = {f"x{number}": rng.choice(EXTRA) for number in range(rng.choice([0, 0, 1, 3]))}
    rows = []
    for event in rng.sample(EVENTS, rng.choice([1, 2, 5, 10])):
        row = as_row(event)
        row |= {"user": user(row["user"]), "time": time(event.time)}
        for name, change in (("query_id", id), ("item", item), ("position", position)):
            if name in row:
                row[name] = change(row[name])
        if "items" in row:
            row["items"] = [item(one) for one in row["items"]]
        if row["event"] == "search" and rng.random() < 0.2:
            row["items"] = ["a", "b"]
        if rng.random() < 0.1:
            row[rng.choice(FIELDS)] = rng.choice(["x", None, 1, "", 0, [], "2024-01-01T00:00:00Z"])
        for name, value in extra.items():
            if rng.random() < 0.8:
                row[name] = value if rng.random() < 0.9 else rng.choice(EXTRA)
        rows.append({names.get(name, name): value for name, value in row.items()})
    return rows


def as_json(rng: Random, rows: Table) -> bytes:
    """Rows as one or another writer of JSON Lines writes them."""
    settings: dict[str, Any] = {"ensure_ascii": rng.random() < 0.5}
    if rng.random() < 0.5:
        settings["separators"] = (",", ":")
    end = rng.choice(["\n", "\n", "\n", "\r\n"])
    text = end.join(json.dumps(row, **settings) for row in rows) + rng.choice([end, end, ""])
    return text.encode(errors="surrogatepass")


def break_json(rng: Random, data: bytes) -> bytes:
    """Do to a line what is wrong in JSON, or rare."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines[at]
    key = rng.choice([b'"user":1', b'"x0":2', b'"us\\u0065r":3', b'"x":{"a":1,"a":2}', b'"":0'])
    digits = b"9" * rng.choice([20, 309, 4299, 4300, 4301])
    number = rng.choice(
        [digits, digits + b"e-5000", b"0." + digits, b"NaN", b"1e400", b"-0", b"01"]
    )
    deep = rng.choice([2, 150, 199, 200, 201, 400])
    nested = rng.choice([b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep])
    cut = rng.randrange(len(line) + 1)
    changes = [
        line.replace(b"{", b"{" + key + b",", 1),
        line[:-1] + b"," + key + b"}",
        line.replace(b"{", b'{"x0":' + number + b",", 1),
        line.replace(b"{", b'{"position":' + number + b",", 1),
        line.replace(b"{", b'{"x1":' + nested + b",", 1),
        line + rng.choice([b"", b" ", b","]) + line,
        line + rng.choice([b" ", b"\t", b"\r", b"\x0b", b"\0", b"}", b";", b"\xef\xbb\xbf", b"{}"]),
        rng.choice([b" ", b"\t", b"\xef\xbb\xbf", b"\r", b"[", b"\xc2\xa0"]) + line,
        line[:cut] + rng.choice([b"\n", b"\r\n", b"\r", b"\n\n", b"}\n{"]) + line[cut:],
        line.replace(b'":"', rng.choice([b'":"\xff', b'":"\\ud800', b'":"\\u0000', b'":"\t']), 1),
        line.replace(b":", rng.choice([b" : ", b"\r:", b":\f", b"::"]), 1),
        rng.choice([b"", b"{}", b"[]", b"{", b"}", b"null", b"{}{}", b"{},", b'"a"']),
    ]
    lines[at] = rng.choice(changes)
    return b"\n".join(lines)


def as_csv(rng: Random, rows: Table, delimiter: str) -> bytes:
    """Rows as one or another writer of CSV or TSV writes them."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["event"]
    names = names if len(names) > 1 else [*names, "user"]
    rng.shuffle(names)
    text = io.StringIO()
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    if delimiter == "\t":
        quoting = csv.QUOTE_NONE
    end = rng.choice(["\n", "\n", "\r\n"])
    table = csv.DictWriter(
        text,
        names,
        delimiter=delimiter,
        lineterminator=end,
        quoting=quoting,
        quotechar=None if quoting == csv.QUOTE_NONE else '"',
        escapechar="\\",
    )
    table.writeheader()
    for row in rows:
        nested = (list, dict)
        cells = {key: json.dumps(cell) if isinstance(cell, nested) else cell
                 for key, cell in row.items()}  # fmt: skip
        if rng.random() < 0.1:
            cells[rng.choice(names)] = rng.choice(["a\nb", 'a"b', "a,b", "a\r\n\nb", "\n", '"', ""])
        table.writerow(cells)
    return text.getvalue().encode(errors="surrogatepass")


def break_csv(rng: Random, data: bytes) -> bytes:
    """Do to a line what is wrong in CSV, or rare."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines[at]
    cut = rng.randrange(len(line) + 1)
    odd = [
        b'"',
        b'""',
        b'"""',
        b',"',
        b'",',
        b"\r",
        b"\0",
        b"\n",
        b'"\n',
        b'\n"',
        b",",
        b";",
        b"\t",
    ]
    odd += [b"\xff", b"\xef\xbb\xbf", b'"a\n\nb"', b"\\", b'"\r\n"', b" ", b"[", b"]}", b"'"]
    odd += [b'["a"]', b'"[""a""]"', b'"[""a""],""items"":[""b""]"', b'"[1]}{""items"":[2]"', b"[1]"]
    odd += [b'"[""a""],""x"":[""b""]"', b"1e3", b"007", b"+1", b"1_0", b" 1", b"1704067200.5"]
    odd += [b"x" * 140_000, b'"' + b"\n" * 12 + b'"']
    changes = [
        line[:cut] + rng.choice(odd) + line[cut:],
        line[:cut] + rng.choice(odd) + line[cut:],
        rng.choice(odd) + line,
        line + rng.choice(odd),
        line[:cut],
        line + line,
        rng.choice([b"", b"\r", b",", b'"', b'""', b",,,,,,,", b";;"]),
        line.replace(b",", rng.choice([b",", b', "', b',"x",']), 1),
    ]
    cells = line.split(b",")
    cells[rng.randrange(len(cells))] = rng.choice(odd)
    changes.append(b",".join(cells))
    lines[at] = rng.choice(changes)
    return b"\n".join(lines)


def case(rng: Random, unit: str | None, names: dict[str, str], format: str) -> bytes:
    """A log, most often a broken one."""
    rows = rows_of(rng, unit, names)
    if rng.random() < 0.2:
        rows = break_rows(rng, rows)
    if format == "jsonl":
        data, break_format = as_json(rng, rows), break_json
    else:
        delimiter = rng.choice(",,,;\t") if format == "csv" else "\t"
        data, break_format = as_csv(rng, rows, delimiter), break_csv
    for chance, change in ((0.4, break_format), (0.2, break_lines), (0.2, break_bytes)):
        if rng.random() < chance and data:
            data = change(rng, data)
    return (b"\xef\xbb\xbf" if rng.random() < 0.05 else b"") + data


Given = tuple[list[Any], list[Reject], list[int], str]
"""Events with the types of their users, rejects, checksums, and the tally."""


def given(reader: Any, batch: int) -> Given:
    """All that a reader gives."""
    events: list[Any] = []
    rejects: list[Reject] = []
    sums: list[int] = []
    zero = timedelta(0)
    while True:
        before = reader.tally.records
        for item in reader.read(batch):
            if isinstance(item, Reject):
                rejects.append(item)
            elif isinstance(item, pa.RecordBatch):
                late = pa.array([zero] * len(item), pa.duration("us"))
                events += [one.event for one in to_late(item.append_column("late_by", late))]
            else:
                events.append(item)
        sums.append(reader.checksum)
        if reader.tally.records - before < batch:
            typed = [(type(event.user), event) for event in events]
            return typed, rejects, sums, repr(reader.tally)


def compare(
    paths: list[str],
    border: Border,
    block: int,
    batch: int,
    run: int | None = None,
    share: int = jsonl.SHARE,
) -> Counter[str]:
    """Read a log in both ways; return what became of its records, by lines and by blocks.

    With `run`, records are sorted by time, so many bytes of them in memory. Of JSON, one line in
    `share` may be left to the border.

    Raises an AssertionError if they differ.
    """
    names = [*SCHEMA.names, *(["action"] if "activity" in border.kinds.values() else [])]
    files: list[File] = [
        LineFile(path, format_of(Path(path)), border, names, block=block) for path in paths
    ]
    counts: Counter[str] = Counter()
    log = Log(tuple(paths), border, sort=run is not None)
    one_by_one = LogEvents(log.open(), lambda size: None)
    expected = given(one_by_one, batch)
    for summed in (True,) if run is None else (True, False):
        read = files if run is None else [Sorted(files, None, run, piece=5, keeps_bytes=summed)]
        blocks = Columns(read, border, lambda size: None, Checksum() if summed else None)
        with patch.object(jsonl, "SHARE", share):
            found = given(blocks, batch)
        for what, one, other in zip(
            ("events", "rejects", "sums", "tally"), expected, found, strict=True
        ):
            assert one == other or (what == "sums" and not summed), f"{what}:\n{one}\n{other}"
    counts["records"] = one_by_one.tally.records
    counts["events"] = one_by_one.tally.events
    counts["rejected"] = one_by_one.tally.rejected
    return counts


def fuzz(
    count: int,
    seed: int,
    folder: Path,
    formats: Sequence[str] | None = None,
    progress: bool = False,
) -> Counter[str]:
    """Compare so many broken logs, and say what became of all their records."""
    total: Counter[str] = Counter()
    for number in tqdm(range(count), disable=not progress or None):
        rng = Random(f"{seed} {number}")
        unit, of_names, of_kinds = (
            rng.choice(UNITS),
            *map(rng.randrange, (len(NAMES), len(KINDS))),
        )
        border = BORDERS[unit, of_names, of_kinds]
        border = rng.choice(OTHERS) if rng.random() < 0.1 else border
        endings = rng.sample(formats or FORMATS, 1) * rng.choice([1, 1, 1, 2])
        paths = []
        for file, ending in enumerate(endings):
            data = case(rng, unit, NAMES[of_names], ending)
            packing = rng.choice([""] * 8 + ["gz", "zst"])
            if packing:
                data = pa.compress(data, codec={"gz": "gzip", "zst": "zstd"}[packing], asbytes=True)
                data = break_bytes(rng, data) if rng.random() < 0.5 else data
            paths.append(str(folder / f"{file}.{ending}{packing and '.'}{packing}"))
            Path(paths[-1]).write_bytes(data)
        block, batch = rng.choice([20, 100, 300, 1_000, 1 << 19]), rng.choice([1, 3, 7, 1_000])
        run, share = rng.choice([None, None, 100, 1 << 25]), rng.choice(SHARES)
        try:
            total += compare(paths, border, block, batch, run, share)
        except Exception as error:
            raise AssertionError(f"number {number} of seed {seed}: {border}") from error
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", dest="formats", action="append", choices=FORMATS)
    fuzz_from_shell(parser, fuzz)
