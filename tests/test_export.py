"""Logs that are written are read again as the events they were, and as the same bytes."""

import csv
import gzip
import json
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchlogs.events import EARLIEST, LATEST, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs import parquet, ubi
from searchlogs.logs.border import Border
from searchlogs.logs.fields import MAX_POSITION
from searchlogs.logs.formats import WRITERS, write_log
from searchlogs.logs.jsonl import event_record
from searchlogs.logs.log import Log
from searchlogs.logs.records import read_log
from searchlogs.logs.tally import Tally
from searchlogs.logs.times import FIRST_NUMBER
from searchlogs.logs.ubi import Ubi
from searchlogs.logs.words import format_of
from searchlogs.simulate import client_events, simulate

ENDINGS = [".jsonl", ".ndjson", ".json", ".csv", ".tsv"]
ENDINGS = [ending + packed for ending in ENDINGS for packed in ("", ".gz", ".zst")] + [".parquet"]

OURS = Border()
LOGINS = Ubi(kinds={"click": "click", "login": "app_open"})

MICROSECOND = timedelta(microseconds=1)

SIMULATED = list(simulate(60, 200, seed=3, query_ids=True, disorder=timedelta(minutes=2)))


def read(path: Path, border: Border = OURS, format: str | None = None) -> list[Event]:
    """All events of a log without a bad record."""
    tally = Tally()
    events: list[Event] = []
    for record in read_log(Log((str(path),), border, format).open()):
        tally.add(record.outcome)
        if isinstance(record.outcome, tuple):
            events += record.outcome
    assert tally.rejected == 0
    return events


def read_ubi(path: Path) -> list[Event]:
    return read(path, LOGINS, "ubi")


def without_ids(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, ClickResult):
            yield replace(event, query_id=None, position=None)
        else:
            yield event if isinstance(event, AppOpen) else replace(event, query_id=None)


def with_text_users(events: Iterable[Event]) -> list[Event]:
    return [replace(event, user=str(event.user)) for event in events]


def as_ubi_has_them(events: Iterable[Event]) -> list[Event]:
    """The events with their search's time on results, in time order."""
    searched = {event.query_id: event.time for event in events if isinstance(event, Search)}
    told = [
        replace(event, time=searched[event.query_id]) if isinstance(event, Results) else event
        for event in with_text_users(events)
    ]
    return sorted(told, key=in_time)


def in_time(event: Event) -> tuple[datetime, str]:
    """By time, and what happens at the same in an order that doesn't depend on the log's."""
    return event.time, repr(event)


# Whatever UTF-8 can hold, and often what CSV, JSON and terminals stumble over. No NUL: see below.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0")
    | st.sampled_from("\"',;\t\r\n\\\ufeff\u2028\x85\x1b=@[]{}"),
    max_size=8,
) | st.sampled_from(["", "null", "NaN", "007", "[]", '["a"]', '"', "\r", "1e5", "q,\r\n", "\ufeff"])
NAME = TEXT.filter(len)
# UBI writes numbers, and those before 1990 are taken for another unit.
TIME = st.integers(0, (LATEST - FIRST_NUMBER) // MICROSECOND).map(
    lambda n: FIRST_NUMBER + n * MICROSECOND
)
QUERY_ID = st.none() | NAME
POSITION = st.none() | st.integers(1, MAX_POSITION)


def events(users: st.SearchStrategy[int | str]) -> st.SearchStrategy[list[Event]]:
    return st.lists(
        st.builds(AppOpen, users, TIME)
        | st.builds(Search, users, TEXT, TIME, QUERY_ID)
        | st.builds(Results, users, st.lists(NAME, max_size=3).map(tuple), TIME, QUERY_ID)
        | st.builds(ClickResult, users, NAME, TIME, QUERY_ID, POSITION),
        max_size=8,
    )


@st.composite
def visits(draw: st.DrawFn) -> list[Event]:
    """Events that searches with ids led to, in any order."""
    found: list[Event] = []
    for query_id in draw(st.lists(NAME, unique=True, max_size=4)):
        user, items = draw(NAME), draw(st.lists(NAME, max_size=3))
        found.append(Search(user, draw(TEXT), draw(TIME), query_id))
        if draw(st.booleans()):
            found.append(Results(user, tuple(items), draw(TIME), query_id))
        found += [ClickResult(user, item, draw(TIME), query_id, draw(POSITION)) for item in items]
        found.append(AppOpen(user, draw(TIME)))
    return draw(st.permutations(found))


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=40)
@given(events=events(NAME))
def test_any_text_comes_back(ending: str, events: list[Event]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"log{ending}")
        if ".tsv" in ending:
            events = [without_ends_of_cells(event) for event in events]
        assert write_log(events, path) == len(events)
        assert read(path) == events


def without_ends_of_cells(event: Event) -> Event:
    """The event without what ends a cell or a line in TSV, which has no quotes to hold it."""
    values = {part.name: getattr(event, part.name) for part in fields(event)}
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = re.sub("[\t\r\n]", "_", value)
    return type(event)(**values)


@pytest.mark.parametrize(("end", "name"), [("\t", "tab"), ("\r", "carriage"), ("\n", "newline")])
def test_a_cell_that_tsv_can_not_hold_is_named(tmp_path: Path, end: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"^query: .*{name}.*; found 'a"):
        write_log([Search("1", f"a{end}b", EARLIEST)], tmp_path / "log.tsv")
    assert not list(tmp_path.iterdir())


@given(events=events(st.integers() | NAME))
def test_json_keeps_users_that_are_numbers(events: list[Event]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "log.jsonl")
        write_log(events, path)
        assert read(path) == events  # 1 is not "1"


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@settings(max_examples=40)
@given(events=visits())
def test_any_text_comes_back_from_ubi(ending: str, events: list[Event]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"log.ndjson{ending}")
        assert write_log(events, path, "ubi") == len(events)
        assert sorted(read_ubi(path), key=in_time) == as_ubi_has_them(events)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_simulated_log_comes_back_in_its_order(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{ending}"
    assert write_log(iter(SIMULATED), str(path)) == len(SIMULATED) > 1_000
    same = SIMULATED if "json" in ending else with_text_users(SIMULATED)
    assert read(path) == same


def test_a_simulated_log_comes_back_from_ubi(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    assert write_log(SIMULATED, path, "ubi") == len(SIMULATED)
    again = read_ubi(path)
    assert sorted(again, key=in_time) == as_ubi_has_them(SIMULATED)
    assert [event.time for event in again] == sorted(event.time for event in again)


def test_without_ids_ubi_joins_results_to_the_search_before(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    write_log(simulate(60, 200, seed=3), path, "ubi")
    assert "query_id" not in path.read_text()
    bare = without_ids(as_ubi_has_them(list(simulate(60, 200, seed=3, query_ids=True))))
    assert sorted(read_ubi(path), key=in_time) == sorted(bare, key=in_time)


@pytest.mark.parametrize("ending", [*ENDINGS, "ubi", "ubi.gz", "ubi.zst"])
def test_the_same_log_is_the_same_bytes(ending: str, tmp_path: Path) -> None:
    def bytes_of(name: str, seed: int) -> bytes:
        path = tmp_path / (name + ending)
        write_log(simulate(seed=seed, query_ids=True), path, "ubi" if "ubi" in ending else None)
        return path.read_bytes()

    assert bytes_of("a", seed=1) == bytes_of("b", seed=1) != bytes_of("a", seed=2)
    assert len(list(tmp_path.iterdir())) == 2


def test_json_lines_leave_out_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_log([*client_events()[:3], AppOpen("ü", EARLIEST + MICROSECOND)], path)
    assert path.read_bytes().decode().split("\n") == [
        '{"event":"search","user":1,"time":"2024-01-01T00:00:05.000Z","query":"dogs"}',
        '{"event":"results","user":1,"time":"2024-01-01T00:00:06.000Z",'
        '"items":["fido","rover","buddy"]}',
        '{"event":"click","user":1,"time":"2024-01-01T00:00:07.000Z","item":"rover"}',
        '{"event":"app_open","user":"ü","time":"1970-01-01T00:00:00.000001Z"}',
        "",
    ]


def test_a_record_is_what_json_can_hold() -> None:
    for event in SIMULATED:
        record = event_record(event)
        assert json.loads(json.dumps(record)) == record
        assert OURS.read(record) == (event,)


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_csv_is_what_other_readers_read(ending: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{ending}.gz"
    query = 'x,"y"' if ending == ".tsv" else 'x,\t"y"\r\n\rz'
    nasty = [Search("a", query, EARLIEST), Search("a", "", EARLIEST)]
    write_log([*nasty, *client_events()], path)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_NONE if ending == ".tsv" else csv.QUOTE_MINIMAL
        rows = list(csv.DictReader(file, delimiter=delimiter, quoting=quoting))
    assert list(rows[0]) == [
        *("event", "user", "time", "query", "items", "item", "query_id", "position")
    ]
    assert [row["query"] for row in rows[:3]] == [query, "", "dogs"]
    assert json.loads(rows[3]["items"]) == ["fido", "rover", "buddy"]


def test_parquet_has_one_schema_for_all_logs(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    write_log([], path)
    types = duckdb.execute("describe from read_parquet(?)", [str(path)]).fetchall()
    assert [column[:2] for column in types] == [
        ("event", "VARCHAR"),
        ("user", "VARCHAR"),
        ("time", "TIMESTAMP WITH TIME ZONE"),
        ("query", "VARCHAR"),
        ("items", "VARCHAR[]"),
        ("item", "VARCHAR"),
        ("query_id", "VARCHAR"),
        ("position", "BIGINT"),
    ]


@pytest.mark.parametrize("ending", [*ENDINGS, "ubi"])
def test_a_log_of_no_events_is_one(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{ending}"
    format = "ubi" if ending == "ubi" else None
    assert write_log([], path, format) == 0
    assert read(path, LOGINS if format else OURS, format) == []


def ubi_lines(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    for index, record in zip(lines[::2], lines[1::2], strict=True):
        yield json.loads(index)["index"]["_index"], json.loads(record)


def test_ubi_is_what_the_plugin_and_browsers_write(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    time = datetime(2024, 1, 1, tzinfo=UTC)
    log: list[Event] = [
        AppOpen(1, time),
        Search(1, "dogs", time, "q1"),
        Results(1, ("fido", "rover"), time, "q1"),
        ClickResult(1, "rover", time, "q1", 2),
    ]
    assert write_log(log, path, "ubi") == 4
    told = {
        "application": "searchlogs",
        "session_id": "1-2024-01-01T00:00:00.000Z",
        "client_id": "1",
        "timestamp": "2024-01-01T00:00:00.000Z",
    }
    rover = {
        "object": {"object_id": "rover", "object_id_field": "item"},
        "position": {"ordinal": 2},
    }
    query = {
        "application": "searchlogs",
        "query_id": "q1",
        "client_id": "1",
        "user_query": "dogs",
        "query_attributes": {},
        "query_response_hit_ids": ["fido", "rover"],
        "query_response_id": "q1-response",
        "timestamp": 1704067200000,
    }

    def action(name: str, message_type: str, **rest: object) -> tuple[str, dict[str, object]]:
        return "ubi_events", {**told, "action_name": name, "message_type": message_type, **rest}

    assert list(ubi_lines(path)) == [
        ("ubi_queries", query),
        action("login", "INFO"),
        action("on_search", "QUERY", query_id="q1", message="dogs"),
        action("product_hover", "INFO", query_id="q1", event_attributes=rover),
        action("click", "CONVERSION", query_id="q1", event_attributes=rover),
    ]


def test_ubi_comes_batch_by_batch(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    write_log(SIMULATED, path, "ubi")
    indices = [index for index, _ in ubi_lines(path)]
    assert len(indices) > ubi.BATCH + 100
    for start in range(0, len(indices), ubi.BATCH):
        batch = indices[start : start + ubi.BATCH]
        assert batch == sorted(batch, reverse=True)
    assert indices != sorted(indices, reverse=True)


def test_ubi_says_which_events_are_of_one_visit(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    write_log(SIMULATED, path, "ubi")
    ids = {record.get("session_id") for index, record in ubi_lines(path) if index == "ubi_events"}
    assert len(ids) == 200
    # And so a log can be read with sessions for users.
    sessions = read(path, Ubi(fields={"user": "session_id"}), "ubi")
    assert {event.user for event in sessions} <= ids
    kinds = Counter(map(type, SIMULATED))
    del kinds[AppOpen]
    assert Counter(map(type, sessions)) == kinds


def test_a_visit_ends_with_a_pause_longer_than_30_minutes(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    minutes = [0, 20, 50, 40, 80, 110 + 1 / 60_000, 100, 120]
    write_log(
        [AppOpen(n, noon + timedelta(minutes=m)) for m in minutes for n in (0, 1)], path, "ubi"
    )
    ids = [record["session_id"] for _, record in ubi_lines(path)]
    first, second = "-2024-01-01T12:00:00.000Z", "-2024-01-01T13:50:00.001Z"
    assert ids == [user + first for _ in range(5) for user in "01"] + [
        user + second for _ in range(3) for user in "01"
    ]


def test_ubi_does_not_invent_searches(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    time = datetime(2024, 1, 1, tzinfo=UTC)
    second = timedelta(seconds=1)
    first_search = Search("a", "without results", time + second)
    second_search = Search("a", "with two pages", time + 2 * second)
    page = Results("a", ("z",), time + 3 * second)
    pages_of_none = Results("a", ("x", "y"), time), Results("a", ("w",), time + 4 * second)
    log: list[Event] = [pages_of_none[0], first_search, second_search, page, pages_of_none[1]]
    assert write_log(log, path, "ubi") == 5
    assert read_ubi(path) == [first_search, second_search, replace(page, time=second_search.time)]
    shown = [
        record["event_attributes"]["object"]["object_id"]  # type: ignore[index]
        for _, record in ubi_lines(path)
        if record.get("action_name") == "impression"
    ]
    assert shown == ["x", "y", "w"]


def test_ubi_forgets_what_waits_longest(tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    searches = [Search(str(n), "dogs", FIRST_NUMBER, f"q{n}") for n in range(5)]
    newest_first = [
        Results(s.user, ("fido",), FIRST_NUMBER, s.query_id) for s in reversed(searches)
    ]
    with path.open("wb") as file:
        ubi.write_ubi([*searches, *newest_first], file, path, held=3)
    again = read_ubi(path)
    assert [event for event in again if isinstance(event, Results)] == newest_first[:3]
    assert {event for event in again if isinstance(event, Search)} == set(searches)


@pytest.mark.parametrize(
    ("name", "format", "error", "message"),
    [
        ("log", None, ValueError, r"log: .*\.jsonl, .*\.gz or \.zst.*format"),
        ("log.xlsx", None, ValueError, r"name that ends in \.jsonl"),
        ("log.gz", None, ValueError, r"name that ends in \.jsonl"),
        ("log.parquet.gz", None, ValueError, r"name that ends in \.jsonl"),
        ("log.csv", "excel", ValueError, "format to one of jsonl, csv, .*parquet, ubi"),
        ("log.gz", "parquet", ValueError, r"remove the ending \.gz"),
        ("none/log.csv", None, FileNotFoundError, r"none/log\.csv: there is no folder .*none"),
        ("folder.csv", None, IsADirectoryError, r"folder\.csv is a folder"),
    ],
)
def test_where_no_log_can_be_no_event_is_taken(
    name: str, format: str | None, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    events = iter(client_events())
    with pytest.raises(error, match=message):
        write_log(events, tmp_path / name, format)
    assert len(list(events)) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


HEAVY = {"numpy", "pandas", "pyarrow", "bytewax"}
UBI = "from searchlogs.logs.ubi import Ubi; "


@pytest.mark.parametrize(
    ("what", "loaded"),
    [
        ("import searchlogs.logs.words", set()),
        ("import searchlogs.logs.log", set()),
        ("write('log.jsonl')", set()),
        ("write('log.csv')", set()),
        ("write('log.ndjson', 'ubi')", set()),
        ("write('log.jsonl'); read('log.jsonl')", set()),
        ("write('log.csv'); read('log.csv')", set()),
        (UBI + "write('log.ndjson', 'ubi'); read('log.ndjson', Ubi(), 'ubi')", set()),
        ("write('log.jsonl.gz')", {"pyarrow"}),
        ("write('log.parquet')", {"pyarrow"}),
    ],
)
def test_what_loads_arrow(what: str, loaded: set[str], tmp_path: Path) -> None:
    """Only Parquet and compression need it, and it takes longer to load than most logs to read."""
    code = f"""
import sys

def write(path, *format):
    from searchlogs.logs.formats import write_log
    from searchlogs.simulate import client_events
    assert write_log(client_events(), path, *format) == 7

def read(path, *how):
    from searchlogs.logs.log import Log
    from searchlogs.logs.records import read_log
    assert len(list(read_log(Log((path,), *how).open()))) >= 7

{what}
print(*{HEAVY}.intersection(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert loaded <= set(done.stdout.split())
    assert loaded or not done.stdout.split()


def test_a_log_loads_no_pydantic_before_it_is_made() -> None:
    code = "import sys, searchlogs.logs.log; print('pydantic_core' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("ending", [".jsonl", ".csv.gz", ".parquet", "ubi"])
def test_memory_does_not_grow_with_events(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{ending}"
    write = WRITERS["ubi" if ending == "ubi" else format_of(path)]
    if ending == ".parquet":
        write = partial(parquet.write_parquet, row_group=1_000)
    taken = count()

    def written(events: Iterable[Event]) -> None:
        with path.open("wb") as file:
            write((event for event, _ in zip(events, taken, strict=False)), file, path)

    written(SIMULATED)  # so that the libraries are loaded
    before = next(taken)
    tracemalloc.start()
    written(islice(cycle(SIMULATED), 10_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert next(taken) - before > 10_000
    assert peak < 2_500_000  # bytes: a few hundred for each event, were they held


@pytest.mark.parametrize("ending", [*ENDINGS, "ubi"])
def test_what_breaks_off_leaves_what_was_there(ending: str, tmp_path: Path) -> None:
    def broken() -> Iterator[Event]:
        yield from SIMULATED
        raise KeyboardInterrupt

    path = tmp_path / f"log{ending}"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_log(broken(), path, "ubi" if ending == "ubi" else None)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


@pytest.mark.parametrize("ending", [*ENDINGS, "ubi"])
def test_text_that_is_no_text_is_refused(ending: str, tmp_path: Path) -> None:
    events = [Search("a", "half of \ud83d", EARLIEST)]
    with pytest.raises(ValueError, match=r"log.*: UTF-8 .*half of \\ud83d'"):
        write_log(events, tmp_path / f"log{ending}", "ubi" if ending == "ubi" else None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_csv_can_not_hold_nul(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{ending}"
    events: list[Event] = [Search("a", "\0", EARLIEST), Results("a", ("\0",), EARLIEST)]
    if "sv" in ending:
        with pytest.raises(ValueError, match=r"[CT]SV .* NUL character"):
            write_log(events, path)
    else:
        write_log(events, path)
        assert read(path) == events
