"""Text in other dresses: TSV, cells over lines, backslashes, UTF-16, and packed files."""

import codecs
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from log_files import outcomes
from wording import Like

from searchlogs.events import AppOpen, Event, Search
from searchlogs.logs.border import BadRecord, Skipped
from searchlogs.logs.csv import MAX_LINES, MAX_QUOTED
from searchlogs.logs.formats import Read
from searchlogs.logs.log import Log
from searchlogs.logs.records import read_log

TIME = datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)
OPEN = b'{"event": "app_open", "user": "a", "time": "2024-01-01T00:00:05Z"}\n'
OPENED = (AppOpen("a", TIME),)
FRAMING = Skipped.FRAMING
HEADER = b"event,user,time,query,items,item,query_id,position\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Read]]:
    def read(name: str, data: bytes, **options: Any) -> list[Read]:
        (tmp_path / name).write_bytes(data)
        return list(read_log(Log((str(tmp_path / name),), **options).open()))

    return read


def searched(query: str) -> tuple[Event, ...]:
    return (Search("a", query, TIME),)


def csv_rows(*rows: bytes) -> bytes:
    return b"event,user,time,query\n" + b"".join(rows)


def search(query: bytes) -> bytes:
    return b"search,a,2024-01-01T00:00:05Z," + query + b"\n"


# Cells over lines


@pytest.mark.parametrize("quotes", [1, 2])
def test_a_cell_has_at_most_ten_lines(read: Callable[..., list[Read]], quotes: int) -> None:
    """A record of several such cells may have more."""
    header = b"event,user,time,query,note\n"
    cell = b'"' + b"\n" * (MAX_LINES - 1) + b'"'
    record = b"search,a,2024-01-01T00:00:05Z," + b",".join([cell] * quotes + [b""] * (2 - quotes))
    reads = read("log.csv", header + record + b"\n" + record + b"\n")
    assert outcomes(reads) == [FRAMING, *[searched("\n" * 9)] * 2]
    assert [read.lines for read in reads] == [1, *[1 + quotes * 9] * 2]
    why = Like(f"the quote that opens in line {2 + (quotes - 1) * 9} is not closed within 10 lines")
    longer = record[: record.rindex(b'\n"')] + b"\n\n" + record[record.rindex(b'\n"') + 1 :]
    reads = read("log.csv", header + longer + b"\n" + search(b"a,b"))
    assert outcomes(reads)[1] == (2, None, why)
    assert reads[-1].outcome == searched("a")
    assert [read.line for read in reads][:3] == [1, 2, 3]  # the next line is read on its own
    assert b"".join(read.raw for read in reads) == header + longer + b"\n" + search(b"a,b")


def test_a_quote_in_a_quoted_cell_does_not_open_another(read: Callable[..., list[Read]]) -> None:
    cell = b'"""a""\n' + b'""b""\n' * 8 + b'c"'
    assert outcomes(read("log.csv", csv_rows(search(cell))))[1] == searched(
        '"a"\n' + '"b"\n' * 8 + "c"
    )
    longer = cell.replace(b"c", b'""c""\n')
    assert outcomes(read("log.csv", csv_rows(search(longer))))[1] == (
        2,
        None,
        Like("opens in line 2 is not closed within 10 lines"),
    )


def test_a_record_of_many_lines_is_no_longer_than_it_may(read: Callable[..., list[Read]]) -> None:
    line = b"x" * (MAX_QUOTED // 8 - 100)
    long = b'"' + b"\n".join([line] * 8) + b'"'
    assert outcomes(read("log.csv", csv_rows(search(long)))) == [
        FRAMING,
        searched(long[1:-1].decode()),
    ]
    longer = b'"' + b"\n".join([line * 2] * 8) + b'"'
    reads = read("log.csv", csv_rows(search(longer), search(b"a")))
    assert [read.line for read in reads] == list(range(1, 11))
    assert reads[-1].outcome == searched("a")
    assert outcomes(reads)[1][2] == Like("opens in line 2 is not closed within 65,536 bytes")
    assert all(isinstance(read.outcome, BadRecord) for read in reads[1:-1])


# TSV


def tsv(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in ("event\tuser\ttime\tquery\titem", *rows)).encode()


SOUGHT = "search\ta\t2024-01-01T00:00:05Z\t"


@pytest.mark.parametrize(
    "query", ['"blue kettle', 'screen 27"', '"a"', '""', '"', "'", "a,b;c", "\\t"]
)
@pytest.mark.parametrize("end", ["", "\r"])
def test_a_quote_in_tsv_is_a_character(
    read: Callable[..., list[Read]], query: str, end: str
) -> None:
    row = f"{SOUGHT}{query}\t{end}"
    for name in ("log.tsv", "log.tsv.gz"):
        reads = read(name, tsv(row, row))
        assert outcomes(reads) == [FRAMING, searched(query), searched(query)]
        assert [read.lines for read in reads] == [1, 1, 1]


def test_only_the_name_says_that_quotes_are_characters(read: Callable[..., list[Read]]) -> None:
    data = tsv(f'{SOUGHT}"a ""b"""\t')
    assert outcomes(read("log.tsv", data))[1] == searched('"a ""b"""')
    assert outcomes(read("log.csv", data))[1] == searched('a "b"')
    assert outcomes(read("log.csv", data, format="tsv"))[1] == searched('"a ""b"""')
    assert outcomes(read("log.tsv", data, format="csv"))[1] == searched('a "b"')


def test_tsv_that_is_none(read: Callable[..., list[Read]]) -> None:
    quoted = b'"event"\t"user"\t"time"\n"app_open"\t"a"\t"b"\n'
    assert outcomes(read("log.tsv", quoted))[0] == (1, "event", Like("quotes…--format csv…columns"))
    commas = outcomes(read("log.tsv", csv_rows()))
    assert commas[0] == (
        1,
        "event",
        Like("no such column…; found the columns event,user,time,query"),
    )
    assert outcomes(read("log.tsv", tsv(f"{SOUGHT}a", f"{SOUGHT}a\tb\tc")))[1:] == [
        (2, None, Like("5 cells…found 4")),
        (3, None, Like("5 cells…found 6")),
    ]


# Backslashes


@pytest.mark.parametrize(
    ("cell", "query"),
    [
        (rb'"a \"b\""', 'a "b"'),
        (rb"a\,b", "a,b"),
        (rb'"a,\\"', "a,\\"),
        (rb"\\n", "\\n"),
        (rb"\n\t\r\b\0\Z", "\n\t\r\b\0\x1a"),
        (b"a\\\nb", "a\nb"),
        (b'"a\\\nb\nc"', "a\nb\nc"),
        ("\\q\\'\\é".encode(), "q'é"),
        (rb"N\N", "NN"),
    ],
)
def test_backslash_escapes(read: Callable[..., list[Read]], cell: bytes, query: str) -> None:
    data = csv_rows(search(cell), search(b"next"))
    reads = read("log.csv", data, backslash=True)
    assert outcomes(reads) == [FRAMING, searched(query), searched("next")]
    if b'"' not in cell:
        row = SOUGHT.encode() + cell + b"\t\n"
        assert outcomes(read("log.tsv", tsv() + row, backslash=True))[1] == searched(query)


def test_what_backslashes_cannot_do(read: Callable[..., list[Read]]) -> None:
    data = csv_rows(
        search(rb"\N"), search(rb'"a ""b"""'), search(b"a\\\n" * 11 + b"b"), search(b"c")
    )
    reads = outcomes(read("log.csv", data, backslash=True))
    assert reads[1:3] == [(2, "query", "missing"), (3, None, Like("not…CSV: ',' expected after"))]
    assert reads[3] == (4, None, Like("not…CSV…the cell…in line 4 is not closed within 10 lines"))
    assert reads[-1] == searched("c")
    with pytest.raises(ValueError, match="backslash: expected a log in CSV or TSV; found jsonl"):
        read("log.jsonl", OPEN, backslash=True)


# UTF-16

WIDE = "search,a,2024-01-01T00:00:05Z,Größe 😀,,,,\n"
MARKS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("packed", [False, True])
def test_utf_16_is_read_if_its_first_bytes_say_so(
    read: Callable[..., list[Read]], encoding: str, packed: bool
) -> None:
    def written(text: str) -> bytes:
        data = MARKS[encoding] + text.encode(encoding)
        return gzip.compress(data) if packed else data

    wide = searched("Größe 😀")
    assert outcomes(read("log.csv", written(HEADER.decode() + WIDE * 2))) == [FRAMING, wide, wide]
    record = {"event": "search", "user": "a", "time": TIME.isoformat(), "query": "Größe 😀"}
    for layout in (json.dumps(record), json.dumps(record, ensure_ascii=False, indent=1)):
        reads = read("log.json", written(f"{layout}\r\n{layout}"))
        assert outcomes(reads) == [wide, wide]
        assert b"".join(read.raw for read in reads).decode() == f"{layout}\r\n{layout}"


@pytest.mark.parametrize("encoding", MARKS)
def test_broken_utf_16_costs_its_line(read: Callable[..., list[Read]], encoding: str) -> None:
    mark, line = MARKS[encoding], WIDE.encode(encoding)
    head = mark + HEADER.decode().encode(encoding)
    assert outcomes(read("log.csv", head + line + line[:-1])) == [
        FRAMING,
        searched("Größe 😀"),
        (3, None, Like("truncated here…half a character of UTF-16")),
    ]
    half = WIDE.replace("😀", "\ud83d").encode(encoding, "surrogatepass")
    assert outcomes(read("log.csv", head + half + line)) == [
        FRAMING,
        (2, None, Like("UTF-16: half a surrogate pair, at character 37")),
        searched("Größe 😀"),
    ]
    cut = json.dumps({"event": "app_open"}, indent=1).encode(encoding)
    assert outcomes(read("log.json", mark + cut + cut[:-1]))[1:] == [
        (3, None, Like("truncated here…half a character of UTF-16"))
    ]


@pytest.mark.parametrize("encoding", MARKS)
def test_utf_16_without_its_mark_is_asked_about(
    read: Callable[..., list[Read]], encoding: str
) -> None:
    for name, text in (("log.csv", HEADER.decode() + WIDE), ("log.jsonl", OPEN.decode() * 2)):
        for _, _, reason in outcomes(read(name, text.encode(encoding)))[:2]:
            assert reason == Like("NUL byte…is it UTF-16 without a byte-order mark?")


def test_utf_32_is_not_taken_for_utf_16(read: Callable[..., list[Read]]) -> None:
    data = codecs.BOM_UTF32_LE + OPEN.decode().encode("utf-32-le")
    assert outcomes(read("log.jsonl", data))[0] == (1, None, Like("UTF-8: byte 0xff at 1…NUL"))


# Packed files


@pytest.mark.parametrize("name", ["log.jsonl", "log", "log.gz", "log.zst", "log.jsonl.gz"])
def test_packing_is_told_by_the_first_bytes(read: Callable[..., list[Read]], name: str) -> None:
    zstd = pa.compress(OPEN * 3, "zstd", asbytes=True)
    for data in (OPEN * 3, gzip.compress(OPEN * 3), zstd, codecs.BOM_UTF8 + OPEN * 3):
        assert outcomes(read(name, data, format="jsonl")) == [OPENED] * 3
    whole = gzip.compress(OPEN * 3)
    assert outcomes(read(name, whole[:-1], format="jsonl"))[-1][2] == Like("truncated here")


def test_a_packed_standard_input(tmp_path: Path) -> None:
    """It cannot be read again where it breaks off."""
    script = "\n".join(
        [
            "from searchlogs.logs.log import Log",
            "from searchlogs.logs.records import read_log",
            "for read in read_log(Log(('-',), format='jsonl').open()):",
            "    print(read.line, read.outcome)",
        ]
    )
    whole = gzip.compress(OPEN * 3)
    for data, last in ((whole, "3 (AppOpen("), (whole[:-9], "1 (None, 'could not be decompressed")):
        run = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True)
        assert run.stderr == b""
        assert run.stdout.decode().splitlines()[-1].startswith(last)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("log.jsonl.gz", gzip.compress(b"PAR1"), "parquet…name"),
        (
            "log.jsonl.gz",
            b"\0" + OPEN,
            "not be decompressed: zlib inflate failed: incorrect header",
        ),
        ("log.csv.zst", b"\xff" + HEADER, "not be decompressed: ZSTD decompress failed: Unknown"),
    ],
    ids=["parquet", "gzip", "zstd"],
)
def test_a_name_decides_about_what_is_no_text(
    read: Callable[..., list[Read]], name: str, data: bytes, why: str
) -> None:
    [(line, field, reason)] = outcomes(read(name, data))
    assert (line, field, reason) == (1, None, Like(why))
