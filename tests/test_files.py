import gzip
import io
import json
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz import fuzz
from log_files import as_row, csv_text, json_lines, outcomes, parquet
from wording import Like

from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Border, Skipped
from searchlogs.logs.formats import Read
from searchlogs.logs.lines import MAX_LINE
from searchlogs.logs.log import Log
from searchlogs.logs.outcomes import MAX_REASON
from searchlogs.logs.records import read_log
from searchlogs.logs.words import format_of
from searchlogs.simulate import simulate

TIME = datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)
OPEN = b'{"event": "app_open", "user": "a", "time": "2024-01-01T00:00:05Z"}\n'
OPENED = (AppOpen("a", TIME),)
FRAMING = Skipped.FRAMING
HEADER = b"event,user,time,query,items,item,query_id,position\n"
CSV_OPEN = b"app_open,a,2024-01-01T00:00:05Z,,,,,\n"

FOUR: list[Event] = [
    AppOpen("a", TIME),
    Search("a", 'a "b", c;\n\td', TIME, "q"),
    Results("a", ("fido, the dog", "7", '"'), TIME, "q"),
    ClickResult("a", "7", TIME, "q", 2),
]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Read]]:
    def read(
        name: str, data: bytes, border: Border | None = None, format: str | None = None
    ) -> list[Read]:
        (tmp_path / name).write_bytes(data)
        return list(read_log(Log((str(tmp_path / name),), border or Border(), format).open()))

    return read


def table(**columns: Any) -> bytes:
    """A Parquet file of app_open events, but for the columns given."""
    size = len(next(iter(columns.values())))
    base: dict[str, Any] = {
        "event": ["app_open"] * size,
        "user": ["a"] * size,
        "time": [TIME] * size,
    }
    return to_parquet(pa.table({**base, **columns}))


def to_parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


# Formats

WRITERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "log.jsonl": json_lines,
    "log.ndjson": json_lines,
    "log.json": json_lines,
    "log.csv": csv_text,
    "semicolons.csv": lambda rows: csv_text(rows, ";", "\r\n"),
    "tabs.csv": lambda rows: csv_text(rows, "\t"),
    "log.tsv": lambda rows: csv_text(rows, "\t"),
    "log.parquet": parquet,
    "log.jsonl.gz": lambda rows: gzip.compress(json_lines(rows)),
    "log.jsonl.zst": lambda rows: pa.compress(json_lines(rows), "zstd", asbytes=True),
    "log.csv.gz": lambda rows: gzip.compress(csv_text(rows)),
    "log.csv.zst": lambda rows: pa.compress(csv_text(rows), "zstd", asbytes=True),
}


@pytest.mark.parametrize("name", [name for name in WRITERS if ".tsv" not in name])
def test_each_format_gives_the_same_events(read: Callable[..., list[Read]], name: str) -> None:
    simulated = simulate(5, 20, seed=3, disorder=timedelta(seconds=10), query_ids=True)
    events = FOUR + list(simulated)
    # What CSV holds is text.
    rows = [{**as_row(event), "user": str(event.user)} for event in events]
    reads = read(name, WRITERS[name](rows))
    made = [event for read in reads if isinstance(read.outcome, tuple) for event in read.outcome]
    assert [as_row(event) for event in made] == rows
    assert made[:4] == FOUR
    others = [read.outcome for read in reads if not isinstance(read.outcome, tuple)]
    assert others == [FRAMING] * (1 if "v" in name else 0)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.jsonl", "jsonl"),
        ("a.b.ndjson.gz", "jsonl"),
        ("a.csv.zst", "csv"),
        ("a.tsv", "tsv"),
        ("a.parquet", "parquet"),
        ("a.parquet.gz", ""),  # Parquet compresses itself, and is read from its end
        ("a.gz", ""),
        ("jsonl", ""),
        ("a.txt", ""),
        ("a.jsonl.bak", ""),
    ],
)
def test_the_format_that_a_name_says(name: str, format: str) -> None:
    assert format_of(Path(name)) == format


def test_standard_input(tmp_path: Path) -> None:
    script = "\n".join(
        [
            "from searchlogs.logs.log import Log",
            "from searchlogs.logs.records import read_log",
            "for read in read_log(Log(('-',), format='csv').open()):",
            "    print(read.file, read.line, read.outcome)",
        ]
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        input=HEADER + CSV_OPEN + b"x",
        capture_output=True,
        check=True,
    )
    first, second, third = run.stdout.decode().splitlines()
    assert (first[:4], second[:14], third[:4]) == ("- 1 ", "- 2 (AppOpen(u", "- 3 ")


# Lines of JSON


def test_a_bad_line_costs_no_other(read: Callable[..., list[Read]]) -> None:
    bad = [b'{"event": "app_open"', b"\xff\xfe", b"nonsense", b'{"a":1,"a":2}', b"\0", b"[" * 9_999]
    reads = read("log.jsonl", OPEN + b"".join(line + b"\n" + OPEN for line in bad))
    assert [read.outcome for read in reads[::2]] == [OPENED] * 7
    assert outcomes(reads)[1::2] == [
        (2, None, Like("truncated…EOF while parsing an object, at byte 20")),
        (4, None, Like("UTF-8: byte 0xff at 1")),
        (6, None, Like("not…JSON: expected ident, at byte 2")),
        (8, None, Like('twice; found "a"')),
        (10, None, Like("JSON…NUL…byte 1")),
        (12, None, Like("not…JSON: recursion limit exceeded, at byte 202")),
    ]
    assert [read.raw for read in reads[1::2]] == [line + b"\n" for line in bad]


def test_a_last_line_without_an_end(read: Callable[..., list[Read]]) -> None:
    assert outcomes(read("log.jsonl", OPEN + OPEN.rstrip())) == [OPENED] * 2
    assert outcomes(read("log.jsonl", OPEN + OPEN[:-5])) == [
        OPENED,
        (2, None, Like("truncated…EOF while parsing a string, at byte 62")),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
def test_empty_lines_are_framing(read: Callable[..., list[Read]], end: bytes, mark: bytes) -> None:
    line = OPEN.rstrip()
    reads = read("log.jsonl", mark + line + end + end + b"  \t" + end + line + end)
    assert outcomes(reads) == [OPENED, FRAMING, FRAMING, OPENED]
    assert [read.line for read in reads] == [1, 2, 3, 4]
    assert outcomes(read("log.jsonl", mark + end + line + end)) == [FRAMING, OPENED]


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.jsonl.gz", "log.csv.zst"])
def test_an_empty_file_has_no_records(read: Callable[..., list[Read]], name: str) -> None:
    data = WRITERS[name.replace(".csv.zst", ".jsonl.zst")]([]) if "." in name[4:] else b""
    assert read(name, b"") == []
    assert read(name, data) == []


def test_a_byte_order_mark_alone(read: Callable[..., list[Read]]) -> None:
    assert outcomes(read("log.jsonl", b"\xef\xbb\xbf")) == [FRAMING]
    assert outcomes(read("log.csv", b"\xef\xbb\xbf")) == [FRAMING]


def test_utf_16_is_read(read: Callable[..., list[Read]]) -> None:
    for name, text in (("log.jsonl", OPEN * 2), ("log.csv", HEADER + CSV_OPEN * 2)):
        lines = outcomes(read(name, text.decode().encode("utf-16")))
        assert lines[-2:] == [OPENED, OPENED]
        cut_off = outcomes(read(name, text.decode().encode("utf-16")[:-3]))
        assert cut_off[-2] == OPENED and cut_off[-1][1] is None


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_a_line_may_be_long_but_not_too_long(read: Callable[..., list[Read]], name: str) -> None:
    csv = name == "log.csv"
    head = HEADER if csv else b""
    good = CSV_OPEN if csv else OPEN
    fits = good.rstrip() + b" " * (MAX_LINE - len(good)) + b"\n"
    reads = outcomes(read(name, head + good + fits + b" " + fits + good))
    reads = reads[1:] if csv else reads
    assert reads[0] == OPENED
    if not csv:
        assert reads[1] == OPENED
    why = f"{MAX_LINE:,} bytes; found {MAX_LINE + 1:,}"
    assert reads[2] == (3 + csv, None, Like(why))
    assert reads[3:] == [OPENED]


def test_a_line_of_50_megabytes_takes_little_memory(tmp_path: Path) -> None:
    names = ["log.jsonl", "log.csv", "log.jsonl.gz", "log.csv.zst"]
    line = b'"' + b"x" * 50_000_000 + b"\n"
    for name in names:
        data = (HEADER + line + CSV_OPEN) if "csv" in name else (OPEN + line + OPEN)
        if name.endswith("gz"):
            data = gzip.compress(data, 1)
        if name.endswith("zst"):
            data = pa.compress(data, "zstd", asbytes=True)
        (tmp_path / name).write_bytes(data)
    for name in names:
        tracemalloc.start()
        reads = [type(read.outcome) for read in read_log(Log((str(tmp_path / name),)).open())]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert reads[1:] == [BadRecord, tuple]
        assert peak < 10_000_000


# Not what its name says

PARQUET = table(user=["a"])


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("log.jsonl", PARQUET, "parquet…name"),
        ("log.csv", b"\xef\xbb\xbf" + PARQUET, "parquet…name"),
        ("log.jsonl.gz", gzip.compress(gzip.compress(OPEN)), "gzip…compressed"),
        ("log.jsonl.gz", gzip.compress(OPEN)[:5], "not be decompressed: Truncated compressed"),
        ("log.parquet", OPEN, "not…Parquet: Parquet magic bytes not found in footer. Either"),
        ("log.parquet", gzip.compress(PARQUET), "not…Parquet: Parquet magic bytes not found in"),
        ("log.parquet", b"", "not…Parquet: Parquet file size is 0 bytes"),
        ("log.parquet", PARQUET[:-1], "not…Parquet: Parquet magic bytes not found in footer"),
        ("log.parquet", PARQUET[:9], "not…Parquet: Parquet magic bytes not found in footer"),
        ("log.parquet", b"PAR1" + b"\xff" * 50 + b"\xff\xff\0\0PAR1", "not…Parquet: "),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,  # a gzip has its hour in it
)
def test_a_file_that_is_not_what_its_name_says(
    read: Callable[..., list[Read]], name: str, data: bytes, why: str
) -> None:
    [(line, field, reason)] = outcomes(read(name, data))
    assert (line, field) == (1, None)
    assert reason == Like(why)


def test_packing_is_known_by_the_first_bytes(read: Callable[..., list[Read]]) -> None:
    for name in ("log.jsonl", "log.jsonl.gz", "log.jsonl.zst"):
        for data in (OPEN, gzip.compress(OPEN), pa.compress(OPEN, "zstd", asbytes=True)):
            assert outcomes(read(name, data)) == [OPENED]


def test_json_in_a_csv_file_and_the_other_way_round(read: Callable[..., list[Read]]) -> None:
    for line, field, reason in outcomes(read("log.csv", OPEN * 3)):
        what = "no such column" if line == 1 else "missing"
        assert field == "event"
        assert reason == Like(f'{what}…; found the columns {{"event": "app_open", ')
    reasons = outcomes(read("log.jsonl", HEADER + CSV_OPEN))
    assert [reason[2] for reason in reasons] == [Like("not…JSON:")] * 2


def test_a_compressed_parquet_file(read: Callable[..., list[Read]]) -> None:
    [(_, _, reason)] = outcomes(read("log.parquet.gz", gzip.compress(PARQUET), format="parquet"))
    assert reason == Like("not…Parquet: ")


# Compressed files that break off


def lines_of_many_users(count: int) -> bytes:
    return b"".join(OPEN.replace(b'"a"', str(hash((i, i)) % 10**12).encode()) for i in range(count))


@pytest.mark.parametrize("cut", [-1, -9, -1000])
def test_a_truncated_gzip_gives_all_that_is_in_it(
    read: Callable[..., list[Read]], cut: int
) -> None:
    data = lines_of_many_users(5_000)
    packed = gzip.compress(data)[:cut]
    there = zlib.decompressobj(31).decompress(packed)
    reads = read("log.jsonl.gz", packed)
    *good, (line, field, reason) = outcomes(reads)
    assert all(isinstance(outcome, tuple) for outcome in good)
    assert len(good) == there.count(b"\n") > 4_000
    assert b"".join(read.raw for read in reads[:-1]) == there[: there.rindex(b"\n") + 1]
    assert (line, field) == (len(good) + 1, None)
    assert reason == Like("truncated here: Truncated compressed stream")


def test_a_truncated_zstd(read: Callable[..., list[Read]]) -> None:
    data = lines_of_many_users(5_000)
    packed = pa.compress(data, "zstd", asbytes=True)
    reads = read("log.jsonl.zst", packed[:-1000])
    *good, (_, _, reason) = outcomes(reads)
    # In zstd the last block, of up to 128 KiB, is lost as a whole.
    assert len(data) - sum(len(read.raw) for read in reads) <= (1 << 17) + len(OPEN) * 2
    assert len(good) > 1_000
    assert reason == Like("truncated here: Truncated compressed stream")


def test_a_gzip_whose_checksum_is_wrong(read: Callable[..., list[Read]]) -> None:
    packed = bytearray(gzip.compress(OPEN * 100))
    packed[-6] ^= 1
    # What such a block says is nothing to rely on.
    assert outcomes(read("log.jsonl.gz", bytes(packed))) == [
        (1, None, Like("not be decompressed: zlib inflate failed: incorrect data check"))
    ]


def test_a_gzip_of_several_parts(read: Callable[..., list[Read]]) -> None:
    packed = gzip.compress(OPEN) + gzip.compress(OPEN[:20]) + gzip.compress(OPEN[20:])
    assert outcomes(read("log.jsonl.gz", packed)) == [OPENED] * 2


# CSV


def csv_rows(*rows: bytes, header: bytes = b"event,user,time,query\n") -> bytes:
    return header + b"".join(rows)


def search(query: bytes) -> bytes:
    return b"search,a,2024-01-01T00:00:05Z," + query + b"\n"


def searched(query: str) -> tuple[Event, ...]:
    return (Search("a", query, TIME),)


@pytest.mark.parametrize(
    ("cell", "query"),
    [
        (b"dogs", "dogs"),
        (b"", ""),  # of all cells, this one may be empty
        (b'""', ""),
        (b'"a, b"', "a, b"),
        (b'"a ""b"" c"', 'a "b" c'),
        (b'12" vinyl', '12" vinyl'),
        (b'"a\nb"', "a\nb"),
        (b'"a\r\n\r\nb"', "a\r\n\r\nb"),
        (b" a ", " a "),
        ("é\u2028ß".encode(), "é\u2028ß"),
        (b"=1+1", "=1+1"),
        (b"NULL", "NULL"),
    ],
)
def test_a_query_in_a_cell(read: Callable[..., list[Read]], cell: bytes, query: str) -> None:
    reads = read("log.csv", csv_rows(search(cell), search(b"next")))
    assert outcomes(reads) == [FRAMING, searched(query), searched("next")]
    assert reads[1].raw == search(cell)
    assert [read.line for read in reads] == [1, 2, 3 + cell.count(b"\n")]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("quote", [b"", b'"'])
@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
def test_a_header(
    read: Callable[..., list[Read]], mark: bytes, end: bytes, quote: bytes, delimiter: bytes
) -> None:
    names = [b"time", b"more", b"event", b"user"]
    row = [b"2024-01-01T00:00:05Z", b"1.5", b"app_open", b"a"]
    lines = [delimiter.join(quote + cell + quote for cell in cells) + end for cells in (names, row)]
    # The name .tsv says that there are no quotes, and that tabs separate.
    names_of_files = ("log.csv", "log.tsv") if delimiter == b"\t" and not quote else ("log.csv",)
    for name in names_of_files:
        reads = read(name, mark + lines[0] + lines[1] + end + lines[1])
        assert outcomes(reads) == [FRAMING, OPENED, FRAMING, OPENED]
        assert [read.line for read in reads] == [1, 2, 3, 4]
    # Empty lines, or what is no cell at all, may come first.
    assert outcomes(read("log.csv", end + lines[0] + lines[1])) == [FRAMING, FRAMING, OPENED]


def test_a_header_with_line_ends_in_it(read: Callable[..., list[Read]]) -> None:
    header = b'event;"note\n(free, ""text"")";user;time\r\n'
    reads = read("log.csv", header + b"app_open;;a;2024-01-01T00:00:05Z\r\n")
    assert outcomes(reads) == [FRAMING, OPENED]
    assert [read.line for read in reads] == [1, 3]
    odd = b'a,"b\nc"\n1,2\n'
    assert outcomes(read("log.csv", odd)) == [
        (1, "event", Like("no such column…; found the columns a, b\\nc")),
        (3, "event", Like("missing; found the columns a, b\\nc")),
    ]


def test_a_header_of_very_many_names(read: Callable[..., list[Read]]) -> None:
    header = b"a," * 100_000 + b"b\n"
    [first, (_, field, reason), cells] = outcomes(read("log.csv", header * 2 + b"1,2\n"))
    assert (first[1], field) == ("event", "event")
    assert len(reason) == MAX_REASON
    assert cells == (3, None, Like("100001 cells…found 2"))


def test_cells(read: Callable[..., list[Read]]) -> None:
    clicks = [
        b"click,7,2024-01-01T00:00:05Z,,,fido,q,3\n",
        b'results,a,2024-01-01T00:00:05Z,,"[""a, b"", 7]",,,\n',
        b"results,a,2024-01-01T00:00:05Z,,[],,,\n",
        b"results,a,2024-01-01T00:00:05Z,,a|b,,,\n",
        b"results,a,2024-01-01T00:00:05Z,,,,,\n",
        b"click,,2024-01-01T00:00:05Z,,,fido,,\n",
        b"click,a,2024-01-01T00:00:05Z,,,fido,,first\n",
        b"app_open,a\n",
        b",,,,,,,\n",
        b"app_open,a,2024-01-01T00:00:05Z,,,,,,\n",
    ]
    items = Like("list…JSON array…found 'a|b'")
    position = Like("whole number from 1…found 'first'")
    assert outcomes(read("log.csv", HEADER + b"".join(clicks)))[1:] == [
        (ClickResult("7", "fido", TIME, "q", 3),),
        (Results("a", ("a, b", "7"), TIME),),
        (Results("a", (), TIME),),
        (5, "items", items),
        (6, "items", "missing"),
        (7, "user", "missing"),
        (8, "position", position),
        (9, None, Like("8 cells…found 2")),
        (10, "event", "missing"),
        (11, None, Like("8 cells…found 9")),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (search(b'"a" b'), "not…CSV: ',' expected after '\"'"),
        (search(b'"open'), "not…CSV: ',' expected after '\"'"),
        (search(b"a\rb"), "not…CSV: new-line character seen in unquoted field - do you need to"),
        (search(b"x" * 200_000), "not…CSV: field larger than field limit (131072)"),
        (search(b"a\0b"), "NUL byte"),
        (search(b"\xff"), "UTF-8: byte 0xff at 31"),
        (search(b"\xed\xa0\x80"), "UTF-8: byte 0xed at 31"),
        (b"\n", ""),
    ],
)
def test_a_bad_csv_line_costs_no_other(
    read: Callable[..., list[Read]], line: bytes, reason: str
) -> None:
    good = search(b'"a\nb"')
    reads = read("log.csv", csv_rows(good, line, good, good))
    assert [read.outcome for read in (reads[1], *reads[3:])] == [searched("a\nb")] * 3
    assert [read.line for read in reads] == [1, 2, 4, 5, 7]
    assert reads[2].raw == line
    if reason:
        assert outcomes(reads)[2][2] == Like(reason)


def test_a_quote_that_nothing_closes_costs_one_line(read: Callable[..., list[Read]]) -> None:
    for rest in (3, 5_000):
        data = csv_rows(search(b"a"), search(b'"open'), search(b"b") * rest)
        reads = outcomes(read("log.csv", data))
        assert reads[:2] == [FRAMING, searched("a")]
        assert reads[2] == (3, None, Like("not…CSV: the quote that opens in line 3 is not closed"))
        assert reads[3:] == [searched("b")] * rest


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_quoted_cell_has_at_most_ten_lines(read: Callable[..., list[Read]], end: bytes) -> None:
    ten = read("log.csv", csv_rows(search(b'"' + b"x" + (end + b"x") * 9 + b'"'), search(b"a")))
    assert outcomes(ten)[2] == searched("a") and len(ten) == 3
    assert [one.lines for one in ten] == [1, 10, 1]
    eleven = csv_rows(search(b'"' + b"x" + (end + b"x") * 10 + b'"'), search(b"a"))
    reads = read("log.csv", eleven)
    assert outcomes(reads)[1] == (2, None, Like("line 2 is not closed within 10 lines"))
    assert [one.line for one in reads] == list(range(1, 14))
    assert all(isinstance(one.outcome, BadRecord) for one in reads[1:-1])
    assert reads[-1].outcome == searched("a")


def test_a_header_that_cannot_be_read(read: Callable[..., list[Read]]) -> None:
    under = Like("header…not be read")
    assert outcomes(read("log.csv", b"event,user,time,\xff\n" + search(b"a") * 2)) == [
        (1, None, Like("UTF-8: byte 0xff at 17")),
        (2, None, under),
        (3, None, under),
    ]


@pytest.mark.parametrize("line", [OPEN, CSV_OPEN], ids=["JSON", "no header"])
def test_a_record_does_not_pass_for_a_header(read: Callable[..., list[Read]], line: bytes) -> None:
    """Else a file of one record would be read as a header, and nothing be wrong with it."""
    [(number, field, reason)] = outcomes(read("log.csv", line))
    assert (number, field) == (1, "event")
    assert reason == Like("no such column…; found the columns ")


def test_a_column_that_is_not_there(read: Callable[..., list[Read]]) -> None:
    assert outcomes(read("log.csv", b"event,uid,ts\nsearch,a,b\n"))[1] == (
        2,
        "user",
        Like("missing; found the columns event, uid, ts"),
    )
    dotted = Border(fields={"user": "u.id"})
    data = b"event,u.id,time\napp_open,%s,2024-01-01T00:00:05Z\n"
    assert outcomes(read("log.csv", data % b"a", dotted)) == [FRAMING, OPENED]
    assert outcomes(read("log.csv", data % b"", dotted))[1] == (2, "u.id", "missing")
    assert outcomes(read("log.csv", b"event,time\napp_open,b\n", dotted))[1] == (
        2,
        "u.id",
        Like("missing; found the columns event, time"),
    )


def test_a_name_that_two_columns_have(read: Callable[..., list[Read]]) -> None:
    twice = b"event,user,time,note,user,note\napp_open,a,2024-01-01T00:00:05Z,,b,\n"
    assert outcomes(read("log.csv", twice))[1] == (2, "user", Like("two columns"))
    other = b"event,user,time,note,note\napp_open,a,2024-01-01T00:00:05Z,,\n"
    assert outcomes(read("log.csv", other))[1] == OPENED
    columns = [pa.array([name]) for name in ("app_open", "a", "b", TIME.isoformat())]
    both = pa.Table.from_arrays(columns, ["event", "user", "user", "time"])
    assert outcomes(read("log.parquet", to_parquet(both))) == [(1, "user", Like("two columns"))]


# Parquet


@pytest.mark.parametrize(
    ("times", "border"),
    [
        (pa.array([TIME], pa.timestamp("us", "UTC")), None),
        (pa.array([TIME], pa.timestamp("ms", "Europe/Berlin")), None),
        (pa.array([1704067205 * 10**9 + 999], pa.timestamp("ns", "UTC")), None),
        (pa.array([1704067205 * 10**9 + 999], pa.timestamp("ns", "+01:30")), None),
        (pa.array([datetime(2024, 1, 1, 1, 0, 5)]), Border(zone="Europe/Berlin")),
        (pa.array([pd.Timestamp("2024-01-01T01:00:05")]), Border(zone="Europe/Berlin")),
        (pa.array(["2024-01-01T00:00:05Z"]), None),
        (pa.array(["2024-01-01T00:00:05Z"]).dictionary_encode(), None),
        (pa.array(["2024-01-01T00:00:05Z"], pa.large_string()), None),
        (pa.array([1704067205]), Border(time_unit="s")),
        (pa.array([1704067205000.0]), Border(time_unit="ms")),
        (pa.array(["1704067205"]), Border(time_unit="s")),
    ],
)
def test_parquet_times(
    read: Callable[..., list[Read]], times: pa.Array, border: Border | None
) -> None:
    reads = read("log.parquet", table(time=times), border)
    assert outcomes(reads) == [OPENED]
    event = reads[0].outcome[0]  # type: ignore[index]
    assert type(event.time) is datetime and event.time.tzinfo is UTC


OFFSET = "offset…--zone"
NAME = "text…whole number…found "


@pytest.mark.parametrize(
    ("columns", "field", "reason"),
    [
        ({"time": pa.array([TIME.replace(tzinfo=None)])}, "time", OFFSET),
        ({"time": pa.array([1704067205])}, "time", "--time-unit"),
        ({"time": pa.array([19_000], pa.date32())}, "time", "ISO 8601"),
        ({"time": pa.array([5], pa.time64("ns"))}, "time", "ISO 8601"),
        ({"time": pa.array([10**15], pa.timestamp("s", "UTC"))}, None, "not be read: "),
        ({"time": pa.array([-1], pa.timestamp("s", "UTC"))}, "time", "1970-01-01 to"),
        ({"time": pa.nulls(1)}, "time", "missing"),
        ({"user": pa.array([float("nan")])}, "user", "missing"),
        ({"user": pa.array([1.5])}, "user", f"{NAME}1.5"),
        ({"user": pa.array([True])}, "user", f"{NAME}True"),
        ({"user": pa.array([b"\xff"])}, "user", f"{NAME}b'\\xff'"),
        ({"user": pa.array([["a"]])}, "user", f"{NAME}['a']"),
        ({"user": pa.array([{"id": 1}])}, "user", f"{NAME}{{'id': 1}}"),
        ({"user": pa.array([""])}, "user", f"{NAME}''"),
        ({"event": pa.array(["Search"])}, "event", "app_open, search, "),
        ({"event": pa.nulls(1)}, "event", "missing"),
    ],
)
def test_bad_parquet_values(
    read: Callable[..., list[Read]], columns: dict[str, pa.Array], field: str | None, reason: str
) -> None:
    [(line, found, text)] = outcomes(read("log.parquet", table(**columns)))
    assert (line, found) == (1, field)
    assert text == Like(reason)


def test_parquet_users_and_holes(read: Callable[..., list[Read]]) -> None:
    users = pa.array([7, None, -1], pa.int64())
    assert outcomes(read("log.parquet", table(user=users))) == [
        (AppOpen(7, TIME),),
        (2, "user", "missing"),
        (AppOpen(-1, TIME),),
    ]
    # A column of numbers with a hole in it, as pandas writes it.
    clicks = table(
        event=["click", "click"],
        item=["a", "b"],
        position=[3.0, float("nan")],
        query_id=["q", None],
    )
    assert outcomes(read("log.parquet", clicks)) == [
        (ClickResult("a", "a", TIME, "q", 3),),
        (ClickResult("a", "b", TIME),),
    ]


def test_one_value_that_cannot_be_read_costs_no_other(read: Callable[..., list[Read]]) -> None:
    buffers = pa.array(["a", "??", "b"]).buffers()
    broken = bytearray(buffers[2])
    broken[1] = 0xFF
    users = pa.StringArray.from_buffers(3, buffers[1], pa.py_buffer(bytes(broken)))
    reads = outcomes(read("log.parquet", table(user=users)))
    assert [reads[0], reads[2]] == [OPENED, (AppOpen("b", TIME),)]
    assert reads[1][:2] == (2, None)
    assert reads[1][2] == Like("not be read: 'utf-8' codec can't decode byte 0xff")


def test_parquet_columns(read: Callable[..., list[Read]]) -> None:
    nested = {"user": [{"id": "a", "more": 1}], "unused": [b"\xff"]}
    border = Border(fields={"user": "user.id"})
    assert outcomes(read("log.parquet", table(**nested), border)) == [OPENED]
    flat = pa.table({"event": ["app_open"], "user.id": ["a"], "time": [TIME]})
    assert outcomes(read("log.parquet", to_parquet(flat), border)) == [OPENED]
    assert outcomes(read("log.parquet", table(user=["a"]), Border(fields={"user": "uid"}))) == [
        (1, "uid", Like("missing; found the columns event, user, time"))
    ]
    # Even where no column is of use, no row goes unmentioned.
    other = to_parquet(pa.table({"a": [1, 2, 3]}))
    assert outcomes(read("log.parquet", other)) == [
        (row, "event", Like("missing; found the columns a")) for row in (1, 2, 3)
    ]
    assert read("log.parquet", to_parquet(pa.table({"a": pa.array([], pa.int64())}))) == []


def test_parquet_rows_are_numbered_and_shown(read: Callable[..., list[Read]]) -> None:
    size = 25_000
    reads = read("log.parquet", table(user=list(range(size))))
    assert [read.line for read in reads] == list(range(1, size + 1))
    assert [read.outcome[0].user for read in reads] == list(range(size))  # type: ignore[index]
    assert reads[7].raw.startswith(b"{'event': 'app_open', 'user': 7, 'time': datetime")


def test_a_parquet_file_that_breaks_off(read: Callable[..., list[Read]]) -> None:
    size = 40_000
    file = io.BytesIO()
    whole = pa.table(
        {
            "event": pa.array(["app_open"] * size),
            "user": pa.array(range(size)),
            "time": pa.array([TIME] * size),
        }
    )
    pq.write_table(whole, file, row_group_size=10_000, use_dictionary=False)
    data = bytearray(file.getvalue())
    at = pq.ParquetFile(file).metadata.row_group(2).column(1).data_page_offset
    data[at : at + 40] = b"\xff" * 40
    *good, (line, field, reason) = outcomes(read("log.parquet", bytes(data)))
    assert [events[0].user for events in good] == list(range(len(good)))
    assert len(good) >= 10_000
    assert (line, field) == (len(good) + 1, None)
    assert reason == Like("truncated here: ")


# All together


def test_progress_comes_to_the_size_of_each_file(tmp_path: Path) -> None:
    rows = [as_row(event) for event in FOUR] * 2_000
    sizes = []
    for name, write in WRITERS.items():
        path = tmp_path / name
        path.write_bytes(write(rows))
        told: list[int] = []
        assert len(list(read_log(Log((str(path),)).open(), told.append))) >= 8_000
        assert sum(told) == path.stat().st_size
        assert min(told) >= 0
        sizes.append(len(told))
    assert max(sizes) > 5


def test_a_disk_that_fails_is_not_the_logs_fault(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(OSError):
        list(read_log(Log((str(tmp_path / "gone.jsonl"),)).open()))


def test_a_thousand_broken_logs(tmp_path: Path) -> None:
    total = fuzz(1_000, seed=0, folder=tmp_path)
    for count in (total.gave_events, total.rejected, total.ignored["all"], total.framing):
        assert count > 300
    assert total.duplicates > 5


def test_lines_read_back(read: Callable[..., list[Read]]) -> None:
    reads = read("log.jsonl", OPEN + json.dumps({"event": "search"}).encode())
    assert [(Path(read.file).name, read.line, read.raw) for read in reads] == [
        ("log.jsonl", 1, OPEN),
        ("log.jsonl", 2, b'{"event": "search"}'),
    ]


def test_whole_numbers_that_pandas_made_floats(read: Callable[..., list[Read]]) -> None:
    """One hole in a column of them is enough."""
    columns = {"user": pa.array([24.0, None, 2.0**53 - 1]), "time": pa.array([TIME] * 3)}
    first, hole, last = read("log.parquet", table(**columns, event=pa.array(["app_open"] * 3)))
    assert isinstance(hole.outcome, BadRecord)
    users = [read.outcome[0].user for read in (first, last)]  # type: ignore[index]
    assert users == [24, 2**53 - 1] and {type(user) for user in users} == {int}


def test_a_column_whose_name_is_no_text(read: Callable[..., list[Read]]) -> None:
    broken = table(time=[TIME], näme=["x"]).replace("ä".encode(), b"\xff\xff")
    [(line, field, reason)] = outcomes(read("log.parquet", broken))
    assert (line, field) == (1, None)
    assert reason == Like("not…Parquet: 'utf-8' codec can't decode")
