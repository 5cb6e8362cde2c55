"""What a run publishes: which rows, in which order, as which bytes; and all of it, or nothing."""

import csv
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from wording import Like

from searchlogs.columnar.rates import add_rates
from searchlogs.command import publish as results
from searchlogs.command.ordered import MEMORY
from searchlogs.command.publish import Summary, Unaccounted, publish
from searchlogs.events import AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import BadRecord, Border, Reject
from searchlogs.logs.flow import ROWS, _serialized
from searchlogs.logs.jsonl import from_json
from searchlogs.logs.rows import from_batch, late_row, search_rows, session_row, to_batch, to_json
from searchlogs.logs.schemas import COUNTED, COUNTS, SEARCHES, SESSION_RATES, SESSIONS
from searchlogs.logs.tally import Tally
from searchlogs.logs.words import beside
from searchlogs.metrics import RATES, Counts, example, rate
from searchlogs.sessions import Late, Session

COLUMNS = [
    *("user", "session", "start", "end", "events", "requests", "searches", "clicks"),
    "searches_clicked",
    *("orphan_clicks", "absent_query_clicks", "clicks_per_search", "ctr"),
]


def second(number: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=number)


def write_batches(path: Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
    """As a flow does it: a batch of each two rows."""
    rows = list(rows)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for start in range(0, len(rows), 2):
            stream.write_batch(to_batch(rows[start : start + 2], schema))


def leave(
    work: Path,
    sessions: Iterable[Session],
    late: Iterable[Late] = (),
    rejects: Iterable[Reject] = (),
    **tally: Any,
) -> None:
    """What `log_flow` leaves of these; the tally counts them right, unless told otherwise."""
    sessions, late, rejects = list(sessions), list(late), list(rejects)
    events = sum(len(session.events) for session in sessions) + len(late)
    counts = Tally(events + len(rejects), events, len(rejects), events=events)
    counts.first, counts.last = second(0), second(99.5)
    for name, value in tally.items():
        setattr(counts, name, value)
    write_batches(work, map(session_row, sessions), COUNTED)
    searches = (row for session in sessions for row in search_rows(session))
    write_batches(beside(work, "searches").with_suffix(".arrows"), searches, SEARCHES)
    for name, rows in {
        "late": map(late_row, late),
        "rejects": map(asdict, rejects),
        "tally": [asdict(counts)],
    }.items():
        text = "".join(to_json(row) + "\n" for row in rows)
        beside(work, name).write_text(text, encoding="ascii")


def asked(folder: Path, ending: str) -> dict[str, Path]:
    out = {"sessions": folder / f"s{ending}", "searches": folder / f"q{ending}"}
    return out | {"late": folder / "s.late.jsonl", "rejects": folder / "s.rejects.jsonl"}


def searched(user: int | str, id: int, query: str, at: float = 0) -> Session:
    return Session(str(user), id, (Search(user, query, second(at)),))


IDLE = Session("7", 0, (AppOpen(7, second(1)), ClickResult(7, "news", second(2))))
SESSION_LIST = [
    searched(10, 1, "b", 50),
    searched(9, 0, "a"),
    searched(10, 0, "a"),
    IDLE,
    example(),
    searched(10, 10, "d", 70),
    searched(10, 2, "c", 60),
]
LATE_LIST = [
    Late("9", Search(9, "z", second(1)), timedelta(seconds=2.5)),
    Late("10", AppOpen(10, second(5)), timedelta(microseconds=1)),
    Late("9", ClickResult(9, "a", second(0), "q", 3), timedelta(seconds=1)),
]
REJECT_LIST = [
    Reject("x.jsonl", 4, "user", "must be text; found 1.5", '{"user":1.5}'),
    Reject("x.jsonl", 5, None, "is cut off: at byte 7", "{"),
    Reject("x.jsonl", 9, "user", "must be text; found 2.5", '{"user":2.5}'),
]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder as a flow left it."""
    (tmp_path / "flow").mkdir()
    work = tmp_path / "flow" / "sessions.arrows"
    leave(work, SESSION_LIST, LATE_LIST, REJECT_LIST)
    return work


# Rows


def test_a_session_is_a_row() -> None:
    assert session_row(example()) == {
        "user": "1",
        "session": 0,
        "start": second(5),
        "end": second(15),
        "events": 6,
        "requests": 2,
        "searches": 2,
        "clicks": 2,
        "searches_clicked": 1,
        "orphan_clicks": 0,
        "absent_query_clicks": 0,
        "clicks_per_search": 1.0,
        "ctr": 0.5,
    }


def test_a_session_without_a_search_has_no_rates() -> None:
    row = session_row(IDLE)
    assert (row["clicks"], row["orphan_clicks"]) == (1, 1)
    assert row["clicks_per_search"] is row["ctr"] is None


def test_what_is_counted_is_all_but_the_rates() -> None:
    assert COUNTED.names == COLUMNS[:-2] and (*COUNTED.names, *SESSION_RATES) == (*SESSIONS.names,)
    assert COLUMNS[4:-2] == [*COUNTS]


def test_rates_of_a_table_are_those_of_metrics() -> None:
    random = Random(3)
    names = [part.name for part in fields(Counts)]
    floats = ("reciprocal_sum", "seconds_sum")
    every = [
        Counts(
            **{
                name: random.choice(
                    [0, random.random() * 9 if name in floats else random.randrange(9)]
                )
                for name in names
            }
        )
        for _ in range(500)
    ]
    columns = {name: [getattr(counts, name) for counts in every] for name in names}
    table = add_rates(pa.record_batch(columns), RATES)
    assert table.schema.names == [*names, *RATES]
    for name in RATES:
        rates = [rate(name, counts) for counts in every]
        assert table[name].to_pylist() == rates
        assert None in rates and len(set(rates)) > 20
    assert add_rates(pa.record_batch(columns)).schema.names == [*names, *SESSION_RATES]


def test_a_search_is_a_row() -> None:
    events: tuple[Event, ...] = (
        Search(1, "dogs", second(0), "q1"),
        Results(1, ("fido", "rover"), second(1), "q1"),
        Search(1, "cats", second(2), "q2"),
        ClickResult(1, "rover", second(3), "q1"),
        ClickResult(1, "unseen", second(4.5), "q1"),
        ClickResult(1, "fido", second(5), "q1", position=7),
        Search(1, "birds", second(6)),
        Results(1, (), second(7)),
    )
    first, cats, birds = search_rows(Session("1", 4, events))
    assert list(first) == SEARCHES.names
    assert list(first.values()) == [
        *("1", 4, 0, second(0), "dogs", "q1", 1, 2),
        *(["rover", "unseen", "fido"], [2, None, 7], 3.0),
    ]
    assert list(cats.values()) == ["1", 4, 1, second(2), "cats", "q2", 1, None, [], [], None]
    assert list(birds.values()) == ["1", 4, 2, second(6), "birds", None, 1, 0, [], [], None]


def test_rows_come_back_from_a_batch() -> None:
    sessions = [{name: session_row(example())[name] for name in COUNTED.names}]
    searches = search_rows(example())
    assert list(from_batch(to_batch(sessions, COUNTED))) == sessions
    assert list(from_batch(to_batch(searches, SEARCHES))) == searches
    lateness = pa.array([timedelta(days=1, microseconds=1), None], pa.duration("us"))
    table = pa.table({"late_by": lateness, "kind": pa.array(["a", None]).dictionary_encode()})
    (batch,) = table.to_batches()
    assert list(from_batch(batch)) == batch.to_pylist()


def test_a_late_event_is_a_row() -> None:
    assert late_row(LATE_LIST[2]) == {
        "user": "9",
        "event": {
            "event": "click",
            "user": 9,
            "time": "2024-01-01T00:00:00.000Z",
            "item": "a",
            "query_id": "q",
            "position": 3,
        },
        "late_by": 1.0,
    }


def test_a_line_is_ascii() -> None:
    text = "\x1b[2J \u202e ü 🐕 \u2028\n"
    line = to_json({"query": text})
    assert line.isascii() and line.isprintable()
    assert json.loads(line) == {"query": text}


# What is published


def test_rows_are_sorted_and_those_without_a_search_left_out(work: Path, tmp_path: Path) -> None:
    outputs = asked(tmp_path, ".jsonl")
    publish(work, outputs)
    rows = [json.loads(line) for line in outputs["sessions"].read_text().splitlines()]
    assert [(row["user"], row["session"]) for row in rows] == [
        *(("1", 0), ("10", 0), ("10", 1), ("10", 2), ("10", 10), ("9", 0)),
    ]
    rows = [json.loads(line) for line in outputs["searches"].read_text().splitlines()]
    assert [(row["user"], row["session"], row["search"]) for row in rows] == [
        *(("1", 0, 0), ("1", 0, 1), ("10", 0, 0), ("10", 1, 0), ("10", 2, 0), ("10", 10, 0)),
        ("9", 0, 0),
    ]
    late = [json.loads(line) for line in outputs["late"].read_text().splitlines()]
    assert [(row["user"], row["late_by"]) for row in late] == [("10", 1e-6), ("9", 2.5), ("9", 1.0)]
    rejects = outputs["rejects"].read_text().splitlines()
    assert [Reject(**json.loads(line)) for line in rejects] == REJECT_LIST


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_every_session_on_request(work: Path, tmp_path: Path, ending: str) -> None:
    outputs = {"sessions": tmp_path / f"s{ending}"}
    publish(work, outputs, every_session=True)
    assert "7" in [row["user"] for row in read(outputs["sessions"])]
    publish(work, outputs)
    assert "7" not in [row["user"] for row in read(outputs["sessions"])]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow", f"s{ending}"]


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return list(csv.DictReader(file, strict=True))
        return [json.loads(line) for line in file]


def test_json_lines(tmp_path: Path) -> None:
    work = tmp_path / "sessions.arrows"
    leave(work, [IDLE, example()])
    publish(work, {"sessions": tmp_path / "s.jsonl"}, every_session=True)
    assert (tmp_path / "s.jsonl").read_bytes() == (
        b'{"user": "1", "session": 0, "start": "2024-01-01T00:00:05+00:00", '
        b'"end": "2024-01-01T00:00:15+00:00", "events": 6, "requests": 2, "searches": 2, '
        b'"clicks": 2, "searches_clicked": 1, "orphan_clicks": 0, "absent_query_clicks": 0, '
        b'"clicks_per_search": 1.0, "ctr": 0.5}\n'
        b'{"user": "7", "session": 0, "start": "2024-01-01T00:00:01+00:00", '
        b'"end": "2024-01-01T00:00:02+00:00", "events": 2, "requests": 0, "searches": 0, '
        b'"clicks": 1, "searches_clicked": 0, "orphan_clicks": 1, "absent_query_clicks": 0, '
        b'"clicks_per_search": null, "ctr": null}\n'
    )


def test_csv(tmp_path: Path) -> None:
    work = tmp_path / "sessions.arrows"
    leave(work, [IDLE, example()])
    outputs = {"sessions": tmp_path / "s.csv", "searches": tmp_path / "q.csv"}
    publish(work, outputs, every_session=True)
    assert (tmp_path / "s.csv").read_bytes().splitlines() == [
        ",".join(COLUMNS).encode(),
        b"1,0,2024-01-01T00:00:05+00:00,2024-01-01T00:00:15+00:00,6,2,2,2,1,0,0,1.0,0.5",
        b"7,0,2024-01-01T00:00:01+00:00,2024-01-01T00:00:02+00:00,2,0,0,1,0,1,0,,",
    ]
    assert (tmp_path / "q.csv").read_bytes().splitlines()[1:] == [
        b'1,0,0,2024-01-01T00:00:05+00:00,dogs,,1,3,"[""rover"", ""fido""]","[2, 1]",3.0',
        b"1,0,1,2024-01-01T00:00:14+00:00,dogs that purr,,1,0,[],[],",
    ]
    assert b"\r" not in (tmp_path / "s.csv").read_bytes()


def test_parquet_has_the_documented_schema(work: Path, tmp_path: Path) -> None:
    outputs = asked(tmp_path, ".parquet")
    publish(work, outputs)
    assert pq.read_schema(outputs["sessions"]).equals(SESSIONS)
    assert pq.read_schema(outputs["searches"]).equals(SEARCHES)
    assert SESSIONS.names == COLUMNS
    (row,) = (row for row in read(outputs["sessions"]) if row["user"] == "1")
    assert row == session_row(example())
    assert read(outputs["searches"])[:2] == search_rows(example())


HARD = [
    *("", " ", "a,b", 'a "quoted" word', "two\nlines", "a\rb", "a\r\nb", "a\tb", "\\n", "'"),
    "ü 🐕",
    *("nul \0 inside", "\x1b[31mred", "\u2028", "\ufeff", "null", "true", "1e5", "0012"),
    *("2024-01-01T00:00:00+00:00", "[1, 2]", "{}", "x" * 100_000),
]  # fmt: skip
FORMULAS = ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", "=", "\n=1"]
FORMULAS += ["\uff1d1", "\uff0b1", "\uff0d1", "\uff20A"]  # full-width


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_any_text_comes_back(tmp_path: Path, ending: str) -> None:
    texts = HARD + FORMULAS
    work = tmp_path / "sessions.arrows"
    leave(work, [searched(text or "none", id, text) for id, text in enumerate(texts)])
    outputs = asked(tmp_path, ending)
    publish(work, outputs)
    rows = read(outputs["searches"])
    assert {int(row["session"]): row["query"] for row in rows} == dict(enumerate(texts))
    users = {int(row["session"]): row["user"] for row in read(outputs["sessions"])}
    assert users == {id: text or "none" for id, text in enumerate(texts)}


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula_for_a_spreadsheet(tmp_path: Path, text: str) -> None:
    work = tmp_path / "sessions.arrows"
    events = (Search(text, text, second(9), text), ClickResult(text, text, second(0), text))
    leave(work, [Session(text, 0, events)])
    assert publish(work, asked(tmp_path, ".csv")).apostrophes == 0
    (row,) = read(tmp_path / "q.csv")
    assert [row[name] for name in ("user", "query", "query_id")] == [text] * 3
    assert publish(work, asked(tmp_path, ".csv"), spreadsheet=True).apostrophes == 4
    (row,) = read(tmp_path / "s.csv")
    assert row["user"] == f"'{text}"
    (row,) = read(tmp_path / "q.csv")
    assert [row[name] for name in ("user", "query", "query_id")] == [f"'{text}"] * 3
    assert json.loads(row["clicked"]) == [text]
    assert row["seconds_to_first_click"] == "-9.0"  # a number is no formula


@pytest.mark.parametrize("text", ["", " =1", "a=1", "'=1", "1", "[-1]", "0-1"])
def test_other_cells_are_left_alone_for_a_spreadsheet(tmp_path: Path, text: str) -> None:
    work = tmp_path / "sessions.arrows"
    leave(work, [searched(text or "none", 0, text)])
    assert publish(work, asked(tmp_path, ".csv"), spreadsheet=True).apostrophes == 0
    assert read(tmp_path / "q.csv")[0]["query"] == text


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_an_apostrophe_is_for_csv_alone(tmp_path: Path, ending: str) -> None:
    work = tmp_path / "sessions.arrows"
    leave(work, [searched("=1", 0, "=1")])
    outputs = asked(tmp_path, ending) | {"sessions": tmp_path / "s.csv"}
    assert publish(work, outputs, spreadsheet=True).apostrophes == 1
    assert read(outputs["searches"])[0]["query"] == "=1"


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_no_session_is_a_table_too(tmp_path: Path, ending: str) -> None:
    work = tmp_path / "sessions.arrows"
    leave(work, [], first=None, last=None)
    outputs = asked(tmp_path, ending)
    summary = publish(work, outputs)
    assert read(outputs["sessions"]) == read(outputs["searches"]) == []
    if ending == ".csv":
        assert outputs["sessions"].read_text() == ",".join(COLUMNS) + "\n"
    if ending == ".parquet":
        assert pq.read_schema(outputs["sessions"]).equals(SESSIONS)
    assert (summary.sessions, summary.searches, summary.mean_ctr) == (0, 0, None)
    assert (outputs["late"].read_bytes(), outputs["rejects"].read_bytes()) == (b"", b"")


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_the_order_of_the_flows_lines_shows_nowhere(tmp_path: Path, ending: str) -> None:
    sessions = [searched(user, id, f"query {id}") for user in range(20) for id in range(40)]
    found = set()
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        Random(seed).shuffle(sessions)
        leave(folder / "sessions.arrows", sessions)
        outputs = asked(folder, ending)
        # How much is sorted at a time shows nowhere either, but in the row groups of Parquet.
        memory = MEMORY if ending == ".parquet" else 2_000 << 4 * seed
        summary = publish(folder / "sessions.arrows", outputs, memory=memory)
        found.add((repr(summary), *(path.read_bytes() for path in outputs.values())))
    assert len(found) == 1


def test_memory_does_not_grow_with_rejects(work: Path, tmp_path: Path) -> None:
    """A log that is read in wrong words has as many as it has lines."""
    leave(work, [], rejects=[Reject("x", 1, "user", "is missing", "r" * 1_000)] * 10_000)
    tracemalloc.start()
    try:
        summary = publish(work, asked(tmp_path, ".csv"))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert summary.reasons == (("user: is missing", 10_000),)
    assert (tmp_path / "s.rejects.jsonl").stat().st_size > 10_000_000
    assert most < 1_000_000


def test_memory_hardly_grows_with_late_events(work: Path, tmp_path: Path) -> None:
    """A log without an order has nearly as many as lines."""
    many = [
        Late(str(n % 7), Search(n % 7, "q" * 500, second(-n)), timedelta(n)) for n in range(9_999)
    ]
    leave(work, [], many)
    tracemalloc.start()
    try:
        summary = publish(work, asked(tmp_path, ".csv"), memory=1 << 20)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (summary.late, summary.late_by) == (9_999, (timedelta(4_999), timedelta(9_998)))
    late = (tmp_path / "s.late.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in late] == [
        json.loads(to_json(late_row(one))) for one in sorted(many, key=lambda one: one.user)
    ]
    assert (tmp_path / "s.late.jsonl").stat().st_size > 5_000_000
    assert most < 4_000_000


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_memory_does_not_grow_with_sessions(tmp_path: Path, ending: str) -> None:
    """Arrow's, as an allocator counts it: of 40 batches no more than a few are held at a time."""
    work, size = tmp_path / "sessions.arrows", 2_000
    leave(work, [])
    users = pa.array([f"user {n * 7919 % size}" for n in range(size)])
    with pa.OSFile(str(work), "wb") as file, pa.ipc.new_stream(file, COUNTED) as stream:
        for id in range(40):
            row = {**session_row(searched("", id, "")), "user": users}
            columns = [
                row[name] if name == "user" else [row[name]] * size for name in COUNTED.names
            ]
            arrays = [
                pa.array(column, one.type) for column, one in zip(columns, COUNTED, strict=True)
            ]
            stream.write_batch(batch := pa.record_batch(arrays, schema=COUNTED))
    text = beside(work, "tally")
    text.write_text(to_json(asdict(Tally(40 * size, 40 * size, events=40 * size))) + "\n")
    before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(pool)
    try:
        summary = publish(work, {"sessions": tmp_path / f"s{ending}"}, memory=4 * batch.nbytes)
    finally:
        pa.set_memory_pool(before)
    assert (summary.sessions, summary.mean_ctr) == (40 * size, 0.0)
    assert pool.max_memory() < 15 * batch.nbytes
    rows = [(row["user"], int(row["session"])) for row in read(tmp_path / f"s{ending}")]
    assert rows == sorted((user, id) for user in users.to_pylist() for id in range(40))


def test_the_summary(work: Path, tmp_path: Path) -> None:
    assert publish(work, {"sessions": tmp_path / "s.csv"}) == Summary(
        tally=Tally(19, 16, 3, events=16, first=second(0), last=second(99.5)),
        sessions=7,
        sessions_searched=6,
        sessions_clicked=1,
        session_events=13,
        requests=7,
        searches=7,
        clicks=3,
        clicks_searched=2,  # not the one of the session without a search
        orphan_clicks=1,
        absent_query_clicks=0,
        searches_clicked=1,
        mean_ctr=0.5 / 6,
        late=3,
        late_by=(timedelta(seconds=1), timedelta(seconds=2.5)),
        reasons=(("user: must be text", 2), ("is cut off: at byte 7", 1)),
    )


def test_events_that_made_others_late_by_more_than_a_day(work: Path, tmp_path: Path) -> None:
    wait, day = timedelta(seconds=10), timedelta(days=1)

    def late(user: str, at: float, newest: datetime) -> Late:
        return Late(user, AppOpen(user, second(at)), newest - wait - second(at))

    far, further = second(0) + 40 * day, datetime(2099, 1, 1, 0, 0, 0, 250, UTC)
    by_a_day = late("d", 5, second(15) + day)
    those = [
        *(late("a", at, further) for at in (1, 2.5, 3)),
        *(late("b", at, far) for at in (1, 2)),
        late("a", 4, far),
        late("c", 1, far),
        by_a_day,
    ]
    assert by_a_day.late_by == day
    leave(work, [], those)
    summary = publish(work, {"sessions": tmp_path / "s.csv"}, wait=wait)
    assert summary.leaps == (("a", further, 3), ("b", far, 2), ("a", far, 1))
    assert summary.late_share == 1.0
    leave(work, [], [by_a_day])
    assert publish(work, {"sessions": tmp_path / "s.csv"}, wait=wait).leaps == ()


def test_reasons_are_told_together_whatever_was_found(tmp_path: Path) -> None:
    border = Border(zone="Europe/Berlin")
    reasons = []
    for read, time in [
        *((Border(), f"2024-01-01T12:00:0{n}.{n}") for n in range(9)),
        *((Border(), number) for number in (1704110400, 1704110401.5, "17041104")),
        *((Border(), text) for text in ("noon", "a; found b", "2024-01-01 12:00:70Z", "\n", [])),
        *((Border(), f"{year}-01-01T00:00:00Z") for year in (1969, 2201)),
        *((border, f"2024-10-27T02:{n}0:00") for n in range(6)),
        *((border, f"2024-03-31T02:{n}0:00") for n in range(6)),
    ]:
        with pytest.raises(BadRecord) as bad:
            read.read({"event": "app_open", "user": 1, "time": time})
        reasons.append((bad.value.field, bad.value.reason))
    for raw in (b"{", b'{"a"', b'["x"', b'{"a":1}}', b"{}{", b"\xff", b'{"a":"\xfe"}'):
        with pytest.raises(BadRecord) as bad:
            from_json(raw)
        reasons.append((bad.value.field, bad.value.reason))
    work = tmp_path / "sessions.arrows"
    leave(work, [], rejects=[Reject("x", 1, field, why, "") for field, why in reasons])
    assert publish(work, {"sessions": tmp_path / "s.csv"}).reasons == (
        (Like("time: …offset…--zone"), 9),
        (Like("time: …twice in Europe/Berlin"), 6),
        (Like("time: …never…in Europe/Berlin"), 6),
        (Like("time: …ISO 8601"), 5),
        (Like("time: …--time-unit"), 3),
        (Like("time: …1970-01-01 to 2200-01-01"), 2),
        (Like("truncated JSON: EOF while parsing an object"), 2),
        (Like("not…JSON: trailing characters"), 2),
        (Like("UTF-8"), 2),
        (Like("truncated JSON: EOF while parsing a list"), 1),
    )


# All or nothing


@pytest.mark.parametrize(
    ("tally", "words"),
    [
        ({"records": 20}, "20 records were read; 19 are accounted for"),
        ({"records": 18}, "18 records were read; 19 are accounted for"),
        ({"gave_events": 15}, "19 records were read; 18 are accounted for"),
        ({"duplicates": 1}, "19 records were read; 20 are accounted for"),
        ({"framing": 2}, "19 records were read; 21 are accounted for"),
        ({"ignored": {"a": 1, "b": 2}}, "19 records were read; 22 are accounted for"),
        ({"events": 17}, "17 events were made; 13 are in sessions, 3 late"),
        ({"events": 15}, "15 events were made; 13 are in sessions, 3 late"),
    ],
)
def test_a_sum_that_does_not_hold(
    work: Path, tmp_path: Path, tally: dict[str, Any], words: str
) -> None:
    leave(work, SESSION_LIST, LATE_LIST, REJECT_LIST, **tally)
    with pytest.raises(Unaccounted) as error:
        publish(work, asked(tmp_path, ".csv"))
    assert str(error.value) == words
    assert [path.name for path in tmp_path.iterdir()] == ["flow"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("", "16 events were made; 12 are in sessions, 3 late"),
        ("late", "16 events were made; 13 are in sessions, 2 late"),
        ("rejects", "19 records were read; 18 are accounted for"),
        ("tally", "expected one tally; found 0"),
    ],
)
def test_a_line_that_is_lost(work: Path, tmp_path: Path, what: str, words: str) -> None:
    if what:
        path = beside(work, what)
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    else:
        write_batches(work, map(session_row, SESSION_LIST[1:]), COUNTED)
    with pytest.raises(Unaccounted) as error:
        publish(work, asked(tmp_path, ".csv"))
    assert words in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["flow"]


def test_two_tallies_are_one_too_many(work: Path, tmp_path: Path) -> None:
    tally = beside(work, "tally")
    tally.write_text(tally.read_text() * 2)
    with pytest.raises(Unaccounted, match="one tally; found 2"):
        publish(work, asked(tmp_path, ".csv"))


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"{", b'{"user": "1"}\n', "cut", "searches"])
def test_a_file_that_another_wrote(work: Path, tmp_path: Path, content: bytes | str) -> None:
    if content == "cut":
        content = work.read_bytes()[:-100]
    elif content == "searches":
        content = beside(work, "searches").with_suffix(".arrows").read_bytes()
    assert isinstance(content, bytes)
    work.write_bytes(content)
    with pytest.raises(Unaccounted) as error:
        publish(work, asked(tmp_path, ".csv"))
    assert str(error.value).startswith(f"{work}: is not as the run wrote it: ")
    assert [path.name for path in tmp_path.iterdir()] == ["flow"]


@pytest.mark.parametrize("step", range(4))
def test_where_one_output_fails_none_has_its_name(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    outputs = asked(tmp_path, ".parquet")
    outputs["sessions"].write_text("an earlier one")
    synced = 0

    def full(number: int) -> None:
        nonlocal synced
        synced += 1
        if synced > step:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        publish(work, outputs)
    assert error.value.filename == str([*outputs.values()][step])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow", "s.parquet"]
    assert outputs["sessions"].read_text() == "an earlier one"


def test_outputs_get_their_names_when_all_are_whole_and_the_sessions_last(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        if not named:
            asides = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
            assert len(asides) == 4
            pq.read_table(next(path for path in asides if "s.parquet" in path.name))
        named.append(target.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    publish(work, asked(tmp_path, ".parquet"))
    assert named == ["s.rejects.jsonl", "s.late.jsonl", "q.parquet", "s.parquet"]


def test_what_a_killed_run_left_aside_is_written_over(work: Path, tmp_path: Path) -> None:
    left = tmp_path / ".s.csv.flow.csv"
    left.write_text("half")
    publish(work, {"sessions": tmp_path / "s.csv"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow", "s.csv"]


def test_a_large_batch_is_left_in_parts() -> None:
    """At the end of a log all sessions that are open close in one."""
    batch = pa.record_batch({"id": pa.array(range(2 * ROWS + 1))})
    stream = pa.ipc.open_stream(batch.schema.serialize().to_pybytes() + _serialized(batch))
    parts = list(stream)
    assert [len(part) for part in parts] == [ROWS, ROWS, 1]
    assert pa.Table.from_batches(parts).combine_chunks().to_batches() == [batch]


def test_beside() -> None:
    assert beside(Path("a/b.c.parquet"), "late") == Path("a/b.c.late.jsonl")


def test_tables_are_written_by_their_ending(tmp_path: Path) -> None:
    rows = pa.record_batch({"a": [1, None], "b": ["x", "=y"]})
    for ending, expected in {
        ".csv": b"a,b\n1,x\n,=y\n",
        ".jsonl": b'{"a": 1, "b": "x"}\n',
    }.items():
        results.write_rows([rows], rows.schema, tmp_path / f"t{ending}")
        assert (tmp_path / f"t{ending}").read_bytes().startswith(expected)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks have other units elsewhere")
def test_memory_does_not_grow_with_the_log() -> None:
    script = Path(__file__).parent / "bench" / "memory.py"
    command = [sys.executable, script, "--events", "200000,1200000", "--only", "JSON Lines"]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    small, large = map(int, table.splitlines()[-1].split("|")[2:4])
    assert large < small + 80  # MB; the lines alone take 140
