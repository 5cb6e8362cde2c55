"""Lines read in blocks: all is as if the border had read each of them, and most of it is not."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from fuzz_lines import compare, fuzz
from hypothesis import given
from hypothesis import strategies as st

from searchlogs.columnar import jsonl
from searchlogs.columnar.columns import LAST
from searchlogs.columnar.jsonl import read_json
from searchlogs.columnar.lines import LineFile
from searchlogs.columnar.reader import Columns
from searchlogs.columnar.source import BatchSource
from searchlogs.columnar.times import number_times, text_times
from searchlogs.events import EARLIEST, Event
from searchlogs.logs.arrays import MICROSECOND, float_array, text_array
from searchlogs.logs.blocks import Block, read_blocks
from searchlogs.logs.border import Border
from searchlogs.logs.formats import write_log
from searchlogs.logs.lines import MAX_LINE, Line, Text, read_lines, text_of
from searchlogs.logs.log import Log
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.source import InputChanged, LogSource
from searchlogs.logs.times import Times
from searchlogs.simulate import simulate

TIME = "2024-01-01T00:00:05Z"
OPEN = f'{{"event":"app_open","user":1,"time":"{TIME}"}}'
CLICK = f'{{"event":"click","user":1,"time":"{TIME}","item":"fido","position":3,"x":{{"a":[1]}}}}'
HEADER = "event,user,time,query,items,item,query_id,position"
CELLS = f"app_open,1,{TIME},,,,,"
FROM_0 = Border(first_position=0)
SHARED = Border(time_unit="s", fields={"query_id": "query"})
LOG: list[Event] = list(simulate(9, 99, seed=1, disorder=timedelta(seconds=30), query_ids=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


def test_a_thousand_broken_logs(folder: Path) -> None:
    total = fuzz(1_000, seed=0, folder=folder)
    assert total["events"] > 2_000 and total["rejected"] > 1_000


# Lines of which Arrow's readers would make something else than the border, each among good ones


def with_field(name: str, value: str) -> str:
    return OPEN[:-1] + f',"{name}":{value}}}'


DEEP = 400
JSON = {
    "two objects": OPEN + OPEN,
    "two objects, a space": f"{OPEN} {OPEN}",
    "an object over two lines": OPEN[:-1] + ',\n"query":"dogs"}',
    "an object over two lines, and two in one": f'{OPEN[:-1]},"x":\n{{"a":[1]}}}}\n{OPEN}{OPEN}',
    "an object that goes on, and two in one": f'{{"x":{{"a":[1]}}\n,{OPEN[1:]}\n{OPEN}{OPEN}',
    "braces over two lines": OPEN[:-1] + ',"x":{}\n}',
    "nothing": "",
    "spaces": "  ",
    "a space in front": f" {OPEN}",
    "a tab behind": f"{OPEN}\t",
    "a carriage return": f"{OPEN}\r",
    "a comma behind": f"{OPEN},",
    "a byte-order mark": f"\ufeff{OPEN}",
    "a key twice": with_field("user", "2"),
    "a key twice, escaped": with_field("us\\u0065r", "2"),
    "another key twice": with_field("x", '1,"x":2'),
    "a key inside twice": with_field("x", '{"a":[1],"a":[2]}'),
    "a new key twice": with_field("new", '1,"new":2'),
    "no number": with_field("x", "NaN"),
    "no number inside": CLICK.replace("[1]", "[NaN]"),
    "infinity inside": CLICK.replace("[1]", "[Infinity]"),
    "many digits": CLICK.replace("[1]", f"[{'9' * 4301}]"),
    "many digits and an exponent": CLICK.replace("[1]", f"[{'9' * 4301}e-4301]"),
    "too large": with_field("x", "1e999"),
    "deep": with_field("x", "[" * DEEP + "]" * DEEP),
    "half a surrogate pair": with_field("query", '"\\ud800"'),
    "a user of text": OPEN.replace(":1,", ':"1",'),
    "a user with a fraction": OPEN.replace(":1,", ":1.5,"),
    "a user of 65 bits": OPEN.replace(":1,", f":{2**64},"),
    "no user": OPEN.replace(":1,", ":null,"),
    "an empty user": OPEN.replace(":1,", ':"",'),
    "a time of text": OPEN.replace(TIME, "noon"),
    "a local time": OPEN.replace("Z", ""),
    "a time before 1970": OPEN.replace("2024", "1969"),
    "a 29th of February": OPEN.replace("2024-01-01", "2023-02-29"),
    "an hour 24": OPEN.replace("T00:", "T24:"),
    "an unknown kind": OPEN.replace("app_open", "tap"),
    "a kind that is a number": OPEN.replace('"app_open"', "1"),
    "a position of 0": CLICK.replace(":3", ":0"),
    "a position with a fraction": CLICK.replace(":3", ":3.5"),
    "a position of text": CLICK.replace(":3", ':"3"'),
    "a position that is true": CLICK.replace(":3", ":true"),
    "no item": CLICK.replace('"fido"', "null"),
    "an empty item": CLICK.replace("fido", ""),
    "an item that is a number": CLICK.replace('"fido"', "7"),
    "items with a hole": with_field("items", '["a",null]').replace("app_open", "results"),
    "items that are numbers": with_field("items", "[1,2]").replace("app_open", "results"),
    "items of a click": CLICK.replace('"position"', '"items":["a"],"position"'),
    "a list": f"[{OPEN}]",
    "text": "dogs",
    "too long": with_field("x", f'"{"x" * MAX_LINE}"'),
}


@pytest.mark.parametrize("line", JSON.values(), ids=JSON)
@pytest.mark.parametrize("block", [100, 1_000, 1 << 19])
def test_a_line_of_json_like_no_other(tmp_path: Path, line: str, block: int) -> None:
    path = tmp_path / "log.jsonl"
    # The layout of a file shows in its first 8 KB, and its keys in its first block.
    for place, end, border in ((0, "\n", Border()), (2, "\r\n", Border()), (120, "\n", FROM_0)):
        lines = [OPEN, CLICK] * max(10, place // 2)
        lines.insert(place, line)
        path.write_text(end.join(lines), newline="")
        compare([str(path)], border, block, batch=40)


CSV = {
    "an odd quote": f'app_open,"1,{TIME},,,,,',
    "a quote inside": f'app_open,a"b,{TIME},,,,,',
    "text behind a quote": f'app_open,"1"2,{TIME},,,,,',
    "text before a quote": f'app_open,1"2",{TIME},,,,,',
    "a space before a quote": f'app_open, "1",{TIME},,,,,',
    "a doubled quote": f'app_open,"a""b",{TIME},,,,,',
    "nothing but quotes": f'app_open,"""""",{TIME},,,,,',
    "a line end in quotes": f'app_open,"a\nb",{TIME},,,,,',
    "empty lines in quotes": f'app_open,"a\n\n\nb",{TIME},,,,,',
    "a carriage return in quotes": f'app_open,"a\rb",{TIME},,,,,',
    "a carriage return": f"app_open,a\rb,{TIME},,,,,",
    "a quote over many lines": 'app_open,"a' + "\n" * 12,
    "nothing": "",
    "one cell fewer": CELLS[:-1],
    "one cell more": CELLS + ",",
    "a delimiter in quotes": f'app_open,"a,b",{TIME},,,,,',
    "a NUL": f"app_open,a\0b,{TIME},,,,,",
    "a byte-order mark": f"\ufeff{CELLS}",
    "a large cell": f"app_open,{'x' * 140_000},{TIME},,,,,",
    "no user": f"app_open,,{TIME},,,,,",
    "a time that is a number": "app_open,1,1704067205,,,,,",
    "a time that is a fraction": "app_open,1,1704067205.5,,,,,",
    "an empty query": f"search,1,{TIME},,,,,",
    "an empty query and an id": f'search,1,{TIME},"",,,q,',
    "items": f'results,1,{TIME},,"[""a"",""b""]",,,',
    "items and another key": f'results,1,{TIME},,"[""a""],""b"":[""c""]",,,',
    "items twice": f'results,1,{TIME},,"[""a""],""items"":[""c""]",,,',
    "two lists of items": f'results,1,{TIME},,"[""a""]}}{{""items"":[""b""]",,,',
    "items that are numbers": f'results,1,{TIME},,"[1,2]",,,',
    "items that are text": f"results,1,{TIME},,a,,,",
    "an object of items": f'results,1,{TIME},,"{{""a"":1}}",,,',
    "items with a hole": f"results,1,{TIME},,[null],,,",
    "items of a search": f'search,1,{TIME},dogs,"[""a""]",,,',
    "a position": f"click,1,{TIME},,,fido,,3",
    "a position with zeros": f"click,1,{TIME},,,fido,,003",
    "a position with an underscore": f"click,1,{TIME},,,fido,,1_0",
    "a position with a fraction": f"click,1,{TIME},,,fido,,3.0",
    "a position with other digits": f"click,1,{TIME},,,fido,,٣",
    "a position of 0": f"click,1,{TIME},,,fido,,0",
}


@pytest.mark.parametrize("line", CSV.values(), ids=CSV)
@pytest.mark.parametrize("block", [50, 300, 1 << 19])
def test_a_line_of_csv_like_no_other(tmp_path: Path, line: str, block: int) -> None:
    result = f'results,1,{TIME},,"[""a""]",,,'
    for place, end, name in ((0, "\r\n", "log.csv"), (2, "\n", "log.tsv"), (20, "\n", "log.csv")):
        lines = [CELLS, result] * 10
        lines.insert(place, line)
        text = end.join([HEADER, *lines])
        path = tmp_path / name
        path.write_text(text if name == "log.csv" else text.replace(",", "\t"), newline="")
        compare([str(path)], SHARED if place else Border(), block, batch=4)


@pytest.mark.parametrize(
    "header", ["", "a,b", '"event,user', HEADER + ",user", "event\tuser\ttime"]
)
@pytest.mark.parametrize("block", [1, 300])
def test_another_header(tmp_path: Path, header: str, block: int) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([header, CELLS, "", CELLS]))
    compare([str(path)], Border(), block, batch=2)
    path.write_text("\n\n" + "\n".join([HEADER, CELLS]))
    compare([str(path)], Border(), block, batch=2)


@pytest.mark.parametrize("wrong", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"])
@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_bytes_that_are_no_text(tmp_path: Path, name: str, wrong: bytes) -> None:
    path = tmp_path / name
    queries = ["dogs"] * 20 + ["??", "dogs", "??"]
    lines = [with_field("query", f'"{query}"') for query in queries]
    if name == "log.csv":
        lines = [HEADER, *[f"app_open,1,{TIME},{query},,,," for query in queries]]
    text = "\n".join(lines).encode()
    path.write_bytes(text.replace(b"??", wrong))
    for block in (1, 500, 1 << 19):  # of which the first shows what keys there are
        assert compare([str(path)], Border(), block, batch=2)["rejected"] == 2


def test_lists_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    nothing = [
        with_field("items", value) for value in ("[]", "[null]", "[null,null]", "[]", "null")
    ]
    for kind in ("app_open", "results"):
        path.write_text("\n".join([OPEN, *nothing] * 3).replace("app_open", kind))
        compare([str(path)], Border(), 1 << 19, batch=100)


def test_several_files_are_merged(tmp_path: Path) -> None:
    """Also if users are numbers in one and text in another."""
    paths = []
    for number, name in enumerate(("a.jsonl", "b.csv", "c.jsonl.gz", "d.tsv")):
        write_log(LOG[number::4], tmp_path / name)
        paths.append(str(tmp_path / name))
    for block, batch in ((1, 3), (500, 7), (1 << 19, 1_000)):
        compare(paths, Border(), block, batch)


def test_types_that_change(tmp_path: Path) -> None:
    """A block of text behind one of numbers, and a first line that is like no other."""
    numbers, texts = ([line.replace(":1,", user) for line in [OPEN, CLICK] * 40]
                      for user in (":7,", ':"7",'))  # fmt: skip
    for lines in (numbers + texts, texts[:1] + numbers, [*numbers, *texts] * 2, numbers * 10):
        path = tmp_path / "log.jsonl"
        path.write_text("\n".join(lines))
        for block in (100, 2_000, 1 << 19):
            compare([str(path)], Border(), block, batch=50)


# What is taken as it stands


def parts(path: Path, border: Border) -> Iterator[tuple[int, int]]:
    """Number of records in each part of a file, and how many of them the border reads."""
    file = LineFile(str(path), path.suffixes[0][1:], border, EVENTS.names)
    with open(path, "rb") as stream:
        text = text_of(str(path), stream)
        for part in (file._json if file.format == "jsonl" else file._csv)(text):
            taken = part.good.sum() + len(part.passed.places)
            yield len(part.good), len(part.good) - int(taken)


def read_one_by_one(path: Path, border: Border | None = None) -> int:
    return sum(doubtful for _, doubtful in parts(path, border or Border()))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "jsonl.gz", "csv.zst"])
def test_a_good_log_is_taken_as_it_stands(tmp_path: Path, ending: str) -> None:
    write_log(LOG, tmp_path / f"log.{ending}")
    assert read_one_by_one(tmp_path / f"log.{ending}") == ("jsonl" not in ending)  # the header


DIALECTS = {
    "text": {"user": "ü"},
    "whole numbers": {"user": 2**62, "item": 7, "items": [1, 2], "query_id": 8},
    "other keys": {"x": None, "y": {"a": [1, 2.5], "b": {"c": None}}, "z": [], "w": "2024-01-01"},
    "an offset": {"time": "2024-01-01 00:00:05.123456+05:30"},
    "nanoseconds": {"time": "2024-01-01T00:00:05.123456789Z"},
    "milliseconds": {"time": 1_704_067_205_123},
    "a fraction of a millisecond": {"time": 1_704_067_205_123.25},
    "a position that is a float": {"position": 3.0},
}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_dialects_are_taken_as_they_stand(tmp_path: Path, dialect: dict[str, object]) -> None:
    row = {"event": "click", "user": 1, "time": TIME, "item": "a", "position": 1}
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([json.dumps(row | dialect)] * 50))
    border = Border(time_unit="ms" if type(dialect.get("time")) in (int, float) else None)
    assert read_one_by_one(path, border) == 0
    compare([str(path)], border, 1_000, batch=7)


def test_a_bad_line_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    bad = [OPEN.replace(":1,", ':"1",'), "{" + OPEN, OPEN[:20], "", with_field("x", "NaN")[:-1]]
    lines = [OPEN, CLICK] * 500
    for place, line in enumerate(bad):
        lines.insert(150 * (place + 1), line)
    path.write_text("\n".join(lines))
    assert read_one_by_one(path) == len(bad)


def test_lines_broken_alike_stop_arrow_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is unlike other lines is not handed to Arrow, which would stop at each."""
    bad = [OPEN.replace('"user":', '"user"::'), OPEN.replace("1,", "true,"), with_field("y", "NaN")]
    path = tmp_path / "log.jsonl"
    good = [
        OPEN.replace(":1,", f":{n % 7},").replace("00:00:05", f"{n % 24:02}:{n % 60:02}:05")
        for n in range(200)
    ]
    path.write_text("\n".join([*[CLICK] * 20, *good, *bad] * 30))
    read = list[bytes]()

    def counted(data: bytes, schema: pa.Schema) -> pa.Table:
        read.append(data)
        return read_json(data, schema)

    monkeypatch.setattr(jsonl, "read_json", counted)
    assert read_one_by_one(path) == len(bad) * 30
    assert len(read) == 3  # to learn the keys, to stop once, and all that is left


def with_kinds(kinds: list[str], name: str) -> str:
    if name == "log.jsonl":
        return "\n".join(OPEN.replace("app_open", kind) for kind in kinds)
    return "\n".join([HEADER, *(CELLS.replace("app_open", kind) for kind in kinds)])


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_ignored_kinds_are_counted_as_they_stand(tmp_path: Path, name: str) -> None:
    """Their names too, of which a broken log has too many, in the order of the lines."""
    path = tmp_path / name
    kinds = ["tap", "search", "app_open", "scroll\u202e", "", *(f"k{n}" for n in range(150)), "tap"]
    path.write_text(with_kinds(["app_open", *kinds, *reversed(kinds)], name))
    border = Border(kinds={"app_open": "app_open", "view": "search"})
    header_and_empty = 3 if name == "log.csv" else 0
    assert read_one_by_one(path, border) == header_and_empty
    for block, batch in ((100, 3), (1_000, 40), (1 << 19, 1_000)):
        compare([str(path)], border, block, batch)


@pytest.mark.parametrize(
    "kinds", [{}, {"app_open": "app_open", "*": "activity"}, {"app_open": "search"}]
)
def test_what_is_no_ignored_kind(tmp_path: Path, kinds: dict[str, str]) -> None:
    for name in ("log.jsonl", "log.csv"):
        path = tmp_path / name
        path.write_text(with_kinds(["app_open", "tap", "results", "click", "tap"] * 9, name))
        compare([str(path)], Border(kinds=kinds), 1 << 19, batch=10)


TAP = OPEN.replace("app_open", "tap")
BY_NAME = Border(fields={"position": "rank", "query": "q"}, kinds={"app_open": "app_open"})


@pytest.mark.parametrize(
    "lines",
    [
        [OPEN, f" {TAP}".replace("tap", "odd"), TAP],
        [OPEN, TAP, TAP.replace(":1,", ':"1",').replace("tap", "odd"), TAP.replace("tap", "flip")],
        [OPEN, TAP[:-1] + ',"rank":2}'],
        [OPEN, TAP[:-1] + ',"rank":"2","q":"dogs"}'],
        [OPEN, TAP[:-1] + ',"q":""}'],
        [OPEN, TAP[:-1] + ',"rank":null,"q":null}'],
    ],
)
def test_ignored_kinds_of_odd_lines_and_with_mapped_fields(
    tmp_path: Path, lines: list[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines * 30))
    for block, batch in ((300, 7), (1 << 19, 50)):
        compare([str(path)], BY_NAME, block, batch)


def test_a_line_with_too_few_cells_has_no_kind(tmp_path: Path) -> None:
    """An empty cell is a missing text, but an empty one in a column that may hold a query."""
    (tmp_path / "log.csv").write_text("query,user,time\n" + f"scroll,1,{TIME}\na,b\n" * 20)
    border = Border(fields={"event": "query"}, kinds={"click": "click"})
    total = compare([str(tmp_path / "log.csv")], border, 1 << 19, batch=40)
    assert total["rejected"] == 20


def test_ignored_kinds_of_several_files_are_merged(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]
    for number, path in enumerate(paths):
        lines = [
            line.replace(":05Z", f":{second:02}Z").replace("tap", f"tap{second}")
            for second in range(number, 60, 2)
            for line in (OPEN, TAP, TAP)
        ]
        Path(path).write_text("\n".join(lines))
    for block, batch in ((300, 7), (1 << 19, 5), (1 << 19, 1_000)):
        compare(paths, BY_NAME, block, batch)


def test_a_key_that_comes_late_costs_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*[OPEN] * 300, CLICK]))
    assert read_one_by_one(path) == 0


def test_a_first_line_like_no_other_costs_one_more(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([OPEN.replace(":1,", ':"1",'), *[OPEN] * 300]))
    assert read_one_by_one(path) == 2
    compare([str(path)], Border(), 1 << 19, batch=100)


def test_first_lines_like_no_others_cost_one_block(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([*[OPEN.replace(":1,", ':"1",')] * 3_000, *[OPEN] * 80_000]))
    (first, doubtful), *others = parts(path, Border())
    assert doubtful == first and others and not any(doubtful for _, doubtful in others)


def test_keys_that_are_data_are_left_to_the_border(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(with_field(f"x{number}", "1") for number in range(1_500)))
    assert read_one_by_one(path) == 1_500
    compare([str(path)], Border(), 1 << 19, batch=1_000)


@pytest.mark.parametrize(
    "settings",
    [
        {"border": Border(fields={"id": "query_id"})},
        {"once": timedelta(minutes=1)},
        {"key": b"k" * 32},
        {"ahead": timedelta(days=1)},
    ],
)
def test_other_wishes_need_the_border(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "log.jsonl"
    write_log(LOG, path)
    assert isinstance(BatchSource(Log((str(path),)).open()).reader(print)[0], Columns)
    reader, _ = BatchSource(Log((str(path),), **settings).open()).reader(print)
    assert not isinstance(reader, Columns)


# On from where it was


def assert_it_goes_on(log: Log, events: list[Event], batch: int) -> None:
    """Check that the state is the same whichever engine read before, and that the log is known."""
    source, other = BatchSource(log.open(), batch=batch), LogSource(log.open(), batch=batch)
    whole, by_lines = (one.build_part("", "log", None) for one in (source, other))
    while not whole.ended:
        whole.next_batch()
        by_lines.next_batch()
        state = whole.snapshot()
        assert state == by_lines.snapshot()
        resumed = source.build_part("", "log", state)
        assert resumed.tally == whole.tally
    write_log([*events[1:2], *events[:1], *events[2:]], log.paths[0], format=log.format)
    with pytest.raises(InputChanged):
        source.build_part("", "log", state)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "csv.gz"])
def test_a_run_goes_on_where_it_was(tmp_path: Path, ending: str) -> None:
    write_log(LOG, tmp_path / f"log.{ending}")
    assert_it_goes_on(Log((str(tmp_path / f"log.{ending}"),)), LOG, batch=50)


# Blocks


def lines_of(stream: Text, size: int) -> Iterator[Line]:
    for block in read_blocks(stream, size):
        if isinstance(block, Block):
            assert all(len(block[line]) <= MAX_LINE for line in range(len(block)))
        yield from block.lines() if isinstance(block, Block) else block


def as_found(lines: Iterator[Line]) -> list[tuple[int, bytes, str | None]]:
    return [(number, raw, bad and bad.reason) for number, raw, bad in lines]


PIECES = [b"\n", b"\r\n", b"a", b"\xef\xbb\xbf", b"{}", b"\x1f\x8b", b"PAR1", b"\0", b"\xff" * 20]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join), st.integers(1, 20))
def test_blocks_hold_the_lines(data: bytes, size: int) -> None:
    found = as_found(lines_of(Text(io.BytesIO(data)), size))  # type: ignore[arg-type]
    assert found == as_found(read_lines(Text(io.BytesIO(data))))  # type: ignore[arg-type]


@pytest.mark.parametrize("long", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 2 * MAX_LINE])
@pytest.mark.parametrize("before", [0, 1, 1 << 19])
def test_a_line_that_is_too_long(long: int, before: int) -> None:
    data = b"b" * before + b"\n" + b"x" * (long - 1) + b"\na\n" + b"y" * 10
    found = as_found(lines_of(Text(io.BytesIO(data)), 1 << 19))  # type: ignore[arg-type]
    assert found == as_found(read_lines(Text(io.BytesIO(data))))  # type: ignore[arg-type]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf"])
def test_a_file_that_breaks_off(mark: bytes) -> None:
    noise = Random(1).randbytes(2_000).hex().encode()
    data = gzip.compress(mark + b"\n".join([OPEN.encode()] * 20 + [noise] * 5), mtime=0)
    for cut in range(0, len(data), 7):
        one, other = (text_of("log.jsonl.gz", io.BytesIO(data[:cut])) for _ in range(2))
        assert as_found(lines_of(one, 500)) == as_found(read_lines(other))


# Times


def border_time(value: object, unit: str | None = None) -> int | None:
    try:
        return (Times(unit).read(value) - EARLIEST) // MICROSECOND
    except ValueError:
        return None


DATES = st.datetimes(datetime(1969, 1, 1), datetime(2201, 1, 1)).map(str)
SHAPES = st.builds(
    lambda date, t, cut, ending: date[:10] + t + date[11:cut] + ending,
    DATES,
    st.sampled_from("TTT t"),
    st.sampled_from([26, 23, 19, 19, 20, 21, 16]),
    st.sampled_from(
        ["Z", "Z", "+00:00", "-23:59", "+24:00", "+05:30", "", "z", " Z", "123Z", "+0100"]
    ),
)


@given(st.lists(st.one_of(SHAPES, st.none(), st.text(max_size=3)), min_size=1, max_size=30))
def test_times_are_those_of_the_border(texts: list[str | None]) -> None:
    assert_the_borders(texts)


def assert_the_borders(texts: list[str | None]) -> None:
    """Times that are sure are those that the border reads; those from 2200 on it refuses later."""
    times, good = text_times(text_array(texts))
    for text, time, sure in zip(texts, times.tolist(), good.tolist(), strict=True):
        if sure and 0 <= time <= LAST:
            assert border_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T23:59:59Z",
        "2023-01-09 20:00:09.123+01:00",
        "2199-11-30T19:09:00.123456789-00:30",
    ],
)
def test_times_with_one_other_character(text: str) -> None:
    new = [*"0123456789-+:;./TZ ,", "", "٣", "é", "00"]
    others = [text[:at] + one + text[at + 1 :] for at in range(len(text)) for one in new]
    assert_the_borders([*others])


@given(
    st.one_of(
        st.floats(allow_nan=True),
        st.integers(0, 8 * 10**15).map(float),
        st.decimals(0, 8 * 10**9, places=7).map(float),
        st.decimals(0, 8 * 10**12, places=4).map(float),
    ),
    st.sampled_from(["s", "ms", "us"]),
)
def test_numbers_are_those_of_the_border(number: float, unit: str) -> None:
    times, good = number_times(float_array([number]), unit)
    if good[0]:
        assert border_time(number, unit) == times[0]
        assert border_time(Decimal(repr(number)), unit) == times[0]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_texts_between_two_microseconds(unit: str) -> None:
    """A cell of CSV has more decimals than a float holds."""
    random = Random(1)
    shift = {"s": 0, "ms": 3, "us": 6}[unit]
    texts = []
    for base in (1_700_000_000, 3_000_000_000, 5_000_000_000):
        for _ in range(1_000):
            digits = f"{base}{random.randrange(10**9):09d}"
            texts.append(f"{digits[: 10 + shift]}.{digits[10 + shift :]}")
    times, good = number_times(float_array(list(map(float, texts))), unit)
    for text, time, sure in zip(texts, times.tolist(), good.tolist(), strict=True):
        assert not sure or border_time(text, unit) == time


def test_most_times_are_sure() -> None:
    texts = ["2024-02-29T23:59:59Z", "2024-02-29 23:59:59.5+01:00", "2199-12-31T00:00:00.123456Z"]
    assert text_times(text_array(texts))[1].all()
    now = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    for unit, worth in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        numbers = [now * worth, (now + 0.123456) * worth]
        assert number_times(float_array(numbers), unit)[1].all()
