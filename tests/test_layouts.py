"""JSON that is not one object per line: arrays, and values in any layout."""

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_files import outcomes
from wording import Like

from searchlogs.events import AppOpen, Event
from searchlogs.logs import values
from searchlogs.logs.border import BadRecord, Skipped
from searchlogs.logs.formats import Read
from searchlogs.logs.lines import MAX_LINE, text_of
from searchlogs.logs.log import Log
from searchlogs.logs.records import read_log
from searchlogs.logs.values import Piece, find_layout, read_values

AT = "2024-01-01T00:00:05Z"
TIME = datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)
FRAMING = Skipped.FRAMING
A, B, C = ({"event": "app_open", "user": user, "time": AT} for user in "abc")
NESTED = {**B, "note": [{**A, "user": "inside"}, {}], "text": '}{ ] , \\ "'}


def opened(user: str) -> tuple[Event, ...]:
    return (AppOpen(user, TIME),)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Read]]:
    def read(data: str | bytes, name: str = "log.json") -> list[Read]:
        data = data if isinstance(data, bytes) else data.encode()
        (tmp_path / name).write_bytes(data)
        reads = list(read_log(Log((str(tmp_path / name),)).open()))
        if "." not in name[4:] and len(data) < MAX_LINE:  # each byte and line is some record's
            assert b"".join(read.raw for read in reads) == data
            lines = data.count(b"\n") + (data[-1:] not in (b"\n", b""))
            assert sum(read.lines for read in reads) == lines
        return reads

    return read


# The outsider: json.dumps, in any layout

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text('ab"\\{}[],:\n é\u2028😀'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a{}"\\\n'), inner),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.text('ab{}"\\', max_size=3), VALUES, max_size=4), max_size=5)
LAYOUTS: list[Callable[[list[str]], str]] = [
    lambda texts: "[" + ",".join(texts) + "]",
    lambda texts: "[\n" + ",\n".join(texts) + "\n]\n",
    lambda texts: " [" + "\r\n,".join(texts) + "]\n",
    lambda texts: "[\n  " + ",\n  ".join(texts) + "\n]",
    lambda texts: "".join(texts),
    lambda texts: "\n".join(texts),
    lambda texts: "\r\n".join(texts) + "\r\n",
    lambda texts: " ".join(texts) + "\n",
]


def pieces(text: str, encoding: str = "utf-8") -> Iterator[tuple[Piece, Any]]:
    """Return what a file holds, each value as JSON."""
    layout, stream = find_layout(text_of("log.json", io.BytesIO(text.encode(encoding))))
    for piece in read_values(stream, layout):
        yield piece, json.loads(piece.raw[: piece.size]) if piece.size else None


@pytest.mark.parametrize("chunk", [values.CHUNK, 7])
@pytest.mark.parametrize("layout", range(len(LAYOUTS)))
@settings(max_examples=60, deadline=None)
@given(
    records=RECORDS,
    indent=st.sampled_from([None, 0, 1, 2, "\t"]),
    ascii=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_records_in_any_layout(
    layout: int,
    chunk: int,
    records: list[Any],
    indent: int | str | None,
    ascii: bool,
    encoding: str,
) -> None:
    texts = [json.dumps(record, indent=indent, ensure_ascii=ascii) for record in records]
    text = LAYOUTS[layout](texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "CHUNK", chunk)
        head = text.encode(encoding) if text else b""
        found, _ = find_layout(text_of("log.json", io.BytesIO(head)))
        if found == "lines":
            assert [json.loads(line) for line in text.split("\n") if line.strip()] == records
            return
        read = list(pieces(text, encoding))
    assert [value for piece, value in read if piece.size] == records
    assert [piece.bad for piece, _ in read] == [None] * len(read)
    assert b"".join(piece.raw for piece, _ in read) == text.encode()


def test_each_layout_gives_the_events_of_json_lines(read: Callable[..., list[Read]]) -> None:
    records = [A, NESTED, C]
    wanted = [opened("a"), opened("b"), opened("c")]
    assert outcomes(read("".join(json.dumps(record) + "\n" for record in records))) == wanted
    for indent in (None, 0, 1, 2, 4, "\t"):
        texts = [json.dumps(record, indent=indent) for record in records]
        for layout in LAYOUTS:
            for name in ("log.json", "log.jsonl", "log.json.gz"):
                text = layout(texts).encode()
                reads = outcomes(read(gzip.compress(text) if "gz" in name else text, name))
                assert [outcome for outcome in reads if outcome is not FRAMING] == wanted


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("", "lines"),
        (" \n\n", "lines"),
        ("[", "array"),
        ("\ufeff\n [", "array"),
        ("{}", "lines"),
        ('{"a": 1}\n{"a": 1}\n', "lines"),
        ("{}\n{\n}\n", "values"),  # a short one may stand on one line among longer ones
        ("{}{}", "values"),
        ("{} {}\n{}", "values"),
        ("{\n}", "values"),
        ("{\n", "lines"),
        ('{"a": nope\n}', "lines"),
        ("{} junk\n{}", "lines"),
        ("{},\n{},\n", "lines"),
        ("{}}\n{}\n", "lines"),
        ("{}{nope}\n{}\n", "lines"),
        ('{}{"a\n{}\n', "lines"),
        ('{"a": {\n{}\n{}\n', "lines"),  # braces that never balance
        ('{"a": "x\n{}\n', "lines"),
        ("junk\n{\n}\n", "lines"),
        ("7\n{\n}\n", "lines"),
        ('"[{"\n', "lines"),
        (' {"a": 1}\r\n{', "lines"),
    ],
)
def test_the_beginning_says_what_layout_it_is(text: str, layout: str) -> None:
    for packed in (text.encode(), gzip.compress(text.encode())):
        found, stream = find_layout(text_of("log.json", io.BytesIO(packed)))
        assert (found, stream.read()) == (layout, text.encode())


def test_a_broken_first_line_leaves_json_lines_as_they_are(read: Callable[..., list[Read]]) -> None:
    good = json.dumps(B) + "\n"
    for broken in ('{"event": "app_op', '{"a": {"b": 1}', '{"a": 1}}', "nonsense", '{"a": 1} x'):
        reads = outcomes(read(f"{broken}\n{good * 2}", "log.jsonl"))
        assert reads == [(1, None, Like("JSON")), opened("b"), opened("b")]


# Broken elements

ELEMENTS = [
    (json.dumps(B).replace('"b"', "b"), "expected value"),
    (json.dumps(B)[:-1] + ",}", "trailing comma"),
    (json.dumps(B).replace("}", ', "x": [}'), "expected value"),
    ("{'a': 'b'}", "key must be a string"),
    ('{"a": NaN}', "expected value"),
    ('{"a": 1, "a": 2}', "twice"),
    ('{"a": {}', "JSON"),  # braces that do not balance
    (json.dumps(B)[:-1], "JSON"),
    (json.dumps(B)[:-2], "JSON"),
    ('{"a": "b\\', "JSON"),
    ("7", "expected an object"),
    ('"a, b"', "expected an object"),
    ("null", "expected an object"),
    ('[{"event": "app_open"}]', "a list"),
    ("nonsense", "JSON"),
]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(("broken", "why"), ELEMENTS)
def test_a_broken_element_costs_no_other(
    read: Callable[..., list[Read]], broken: str, why: str, indent: int | None
) -> None:
    texts = [json.dumps(A, indent=indent), broken, json.dumps(C, indent=indent)]
    lines = ",\n".join(texts)
    [framing, first, bad, last] = outcomes(read(f"[\n{lines}\n]\n"))
    assert (framing, first, last) == (FRAMING, opened("a"), opened("c"))
    assert bad == (3 + texts[0].count("\n"), None, Like(why))


@pytest.mark.parametrize(("broken", "why"), ELEMENTS[:6])
def test_a_broken_element_whose_braces_balance_costs_no_other_in_its_line(
    read: Callable[..., list[Read]], broken: str, why: str
) -> None:
    a, c = json.dumps(A), json.dumps(C)
    assert outcomes(read(f"[{a},{broken},{c}]")) == [
        *(FRAMING, opened("a"), (1, None, Like(why)), opened("c")),
    ]
    assert outcomes(read(a + a + broken + c)) == [
        *(opened("a"), opened("a"), (1, None, Like(why)), opened("c")),
    ]


def test_nothing_inside_of_a_broken_element_is_an_event(read: Callable[..., list[Read]]) -> None:
    pretty = json.dumps([A, NESTED, C], indent=2)
    for old, new in (('"b"', '"b'), ('"b"', "b"), ('"note": [', '"note": ["')):
        reads = outcomes(read(pretty.replace(old, new, 1)))
        assert reads[0] is FRAMING
        assert reads[1::2] == [opened("a"), opened("c")]
        assert reads[2][:2] == (7, None)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("[,{A}]", [Like("before ','")]),
        ("[{A},]", [Like("before ']'")]),
        ("[{A},,{B}]", [Like("before ','")]),
        ("[{A} {B}\n{C}]", [Like("comma before this")]),
        ("[{A}", [Like("] to close the array of line 1")]),
        ("[{A},\n", [Like("] to close the array of line 1")]),
        ("[{A}, {", [Like("truncated JSON")]),
        ("[", [Like("] to close the array of line 1")]),
        ("[{A}]}", [Like("not valid JSON")]),
        ("[{A}]\n{B}\n", [Like("outside of the array")]),
        ("[{A}]\n]", [Like("not valid JSON")]),
        ("[[{A}]]", [Like("a list, not an object")]),
        ("[{A}}, {B}]", [Like("not valid JSON")]),
        ("{A}{A},{B}", [Like("not valid JSON…','")]),
        ("{A}{A} junk\n{B}", [Like("not valid JSON…'junk'")]),
        ("{A}{A}[{B}]", [Like("a list, not an object")]),
        ("{A}{A}}}{B}", [Like("not valid JSON…'}}'")]),
    ],
)
def test_what_stands_between_values(
    read: Callable[..., list[Read]], text: str, reasons: list[Like]
) -> None:
    for name, record in zip("ABC", (A, B, C), strict=True):
        text = text.replace(f"{{{name}}}", json.dumps(record))
    found = outcomes(read(text))
    assert [outcome[2] for outcome in found if len_of(outcome) == 3] == reasons
    if "outside" in repr(reasons):
        assert opened("b") not in found


def len_of(outcome: Any) -> int:
    return len(outcome) if isinstance(outcome, tuple) else 0


def test_arrays_may_follow_each_other(read: Callable[..., list[Read]]) -> None:
    line = json.dumps([A, B]) + "\n"
    good = [opened("a"), opened("b")]
    assert outcomes(read(line * 2)) == [FRAMING, *good, *good]
    assert outcomes(read("[]\n[ ]")) == [FRAMING]


# Bounded memory


@pytest.mark.parametrize("layout", ["array", "values"])
@pytest.mark.parametrize("fill", ["text", "objects"])
def test_a_value_that_is_too_large_costs_no_other(
    read: Callable[..., list[Read]], layout: str, fill: str
) -> None:
    inside = (
        '"' + '{]\\" ' * 400_000 + '"' if fill == "text" else "[" + '{"a":[]},' * 300_000 + "0]"
    )
    large = json.dumps(B)[:-1] + ', "more": ' + inside + "}"
    a, c = json.dumps(A, indent=1), json.dumps(C)
    text = f"[{a},{large},\n{c}]" if layout == "array" else f"{a}{large}\n{c}"
    *_, first, bad, last = read(text)
    assert (first.outcome, last.outcome) == (opened("a"), opened("c"))
    [(line, field, reason)] = outcomes([bad])
    assert (line, field, last.line) == (5, None, 6)
    assert reason == Like(f"a value of at most {MAX_LINE:,} bytes; found {len(large):,}")
    assert len(bad.raw) <= MAX_LINE + 2


def test_an_array_in_one_line_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    count, large = 2_000, json.dumps({**A, "note": "x" * 7_000})
    path.write_text(f"[{','.join([large] * count)}]")
    assert path.stat().st_size > 10 * MAX_LINE
    tracemalloc.start()
    events = sum(read.outcome == opened("a") for read in read_log(Log((str(path),)).open()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert events == count
    assert peak < 6 * MAX_LINE


def test_a_string_that_nothing_closes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text("[" + json.dumps(A) + ',{"event": "' + "x{" * 10_000_000)
    tracemalloc.start()
    reads = list(read_log(Log((str(path),)).open()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [type(read.outcome) for read in reads[:3]] == [Skipped, tuple, BadRecord]
    assert peak < 8 * MAX_LINE


def test_lines_without_their_last_brace_take_no_longer_each(
    read: Callable[..., list[Read]],
) -> None:
    """Each would otherwise be looked for to the end of what is in memory."""
    lines = ",\n".join([json.dumps(A)[:-1]] * 3_000 + [json.dumps(C)])
    reads = outcomes(read(f"[\n{lines}\n]"))
    assert len(reads) == 3_002
    assert reads[-1] == opened("c")
    assert {type(outcome) for outcome in reads[1:-1]} == {tuple}


class Drops(io.RawIOBase):
    """A file that gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.file.readinto(memoryview(buffer)[:1])


def test_the_layout_of_a_file_that_comes_in_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    """All looks at its beginning take as long as a few at all of it."""
    looks = []
    look = values._layout

    def counted(head: bytes, whole: bool = False) -> Any:
        looks.append(len(head))
        return look(head, whole)

    monkeypatch.setattr(values, "_layout", counted)
    data = b'{"a": "' + b"x" * 20_000
    layout, stream = find_layout(Drops(data))  # type: ignore[arg-type]
    assert (layout, stream.read()) == ("lines", data)
    assert sum(looks) < 4 * len(data)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 9])
def test_a_packed_or_wide_text_may_come_in_drops(size: int) -> None:
    text = "[1, 2, 3]"[:size]
    for data in (text.encode(), gzip.compress(text.encode()), text.encode("utf-16")):
        assert text_of("-", Drops(data)).read() == text.encode()  # type: ignore[arg-type]


@pytest.mark.parametrize(("before", "layout"), [(9, "values"), (9_000, "lines")])
def test_the_layout_depends_on_the_file_alone(before: int, layout: str) -> None:
    """A pipe that is slow gives a line at a time, where a disk gives all of a file."""
    data = b'{"a": 1}\n' * before + b'{\n"a": 2}\n' + b'{"a": 3}\n' * 9_000
    sources = [
        io.BytesIO(data),
        Drops(data),
        gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data))),
    ]
    for source in sources:
        found, stream = find_layout(text_of("log.json", source))  # type: ignore[arg-type]
        assert (found, stream.read()) == (layout, data)


def test_a_truncated_gzip_is_read_in_few_pieces() -> None:
    data = json.dumps({"text": list(range(20_000))}).encode()
    packed = gzip.compress(data)
    text = text_of("log.json.gz", io.BytesIO(packed[: len(packed) // 2]))
    pieces = []
    with pytest.raises(OSError):
        while piece := text.read1(1 << 18):
            pieces.append(piece)
    found = b"".join(pieces)
    assert len(found) > len(data) // 4 and data.startswith(found)
    assert len(pieces) < 20


def test_a_truncated_gzip_in_an_array(read: Callable[..., list[Read]]) -> None:
    records = [{**A, "user": str(hash((i, i)))} for i in range(5_000)]
    packed = gzip.compress(json.dumps(records, indent=1).encode())[:-1000]
    reads = outcomes(read(packed, "log.json.gz"))
    assert 4_000 < len(reads) < 5_000
    *complete, half, rest = reads[1:]
    assert [half[2], rest[2]] == [Like("truncated here")] * 2
    assert {len_of(outcome) for outcome in complete} == {1}
