"""`searchlogs.sessionize`: the same as the command, for what each library calls a table."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from loading import loaded
from oracle import oracle
from test_columnar import NOON, TYPES, batch, event, expected
from wording import Like

import searchlogs
from searchlogs.columnar.parquet import our_schema
from searchlogs.command.cli import main
from searchlogs.events import ClickResult, Event, Results, Search
from searchlogs.logs.border import Border
from searchlogs.logs.records import RANKS
from searchlogs.logs.schemas import COUNTED, SESSIONS
from searchlogs.simulate import simulate

NAMES = {"user": "uid", "time": "ts", "position": "rank"}
KINDS = {"search": "querySubmitted", "activity": ["scroll", "filter"], "results": "shown"}
WORDS = {"search": "querySubmitted", "app_open": "scroll", "results": "shown"}


def log() -> pa.Table:
    """A log in words of its own, with late rows, ignored ones, and ones that cannot be read."""
    events = simulate(
        users=12, sessions=60, seed=5, disorder=timedelta(minutes=2), late_share=0.1, query_ids=True
    )
    rows = batch(list(events)).to_pylist()
    for number, row in enumerate(rows):
        row["event"] = WORDS.get(row["event"], row["event"])
        row["title"] = "no field of ours"
        if number % 7 == 0 and row["event"] == "querySubmitted":
            row["items"] = ["a", str(number)]
        if number % 40 == 0:
            row |= [{"user": ""}, {"event": "buy"}, {"time": None}, {"event": None}][number % 3]
    rows[3]["user"], rows[5]["position"], rows[9]["query_id"] = "", 0, ""
    table = pa.Table.from_pylist(rows, pa.schema({**TYPES, "title": pa.string()}))
    return table.rename_columns([NAMES.get(name, name) for name in table.column_names])


LIBRARIES: dict[str, tuple[Callable[[pa.Table], Any], type]] = {
    "pandas": (pa.Table.to_pandas, pd.DataFrame),
    "Polars": (pl.from_arrow, pl.DataFrame),
    "table": (lambda table: table, pa.Table),
    "reader": (lambda table: table.to_reader(100), pa.Table),
    "batch": (lambda table: table.combine_chunks().to_batches()[0], pa.Table),
    "DuckDB": (duckdb.from_arrow, pa.Table),
}


def as_arrow(data: Any) -> pa.Table:
    return data.to_arrow() if isinstance(data, pl.DataFrame) else pa.table(data)


@pytest.mark.parametrize("order", ["time", "arrival"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_it_gives_what_the_command_gives(library: str, order: Any, tmp_path: Path) -> None:
    make, kind = LIBRARIES[library]
    source, out = tmp_path / "log.parquet", tmp_path / "s.parquet"
    pq.write_table(as_arrow(make(log())), source)
    words = "search=querySubmitted,activity=scroll,activity=filter,results=shown"
    line = f"run {source} --out {out} --map user=uid,time=ts,position=rank --all-sessions"
    sort = ["--sort"] if order == "time" else []
    assert main([*line.split(), "--kinds", words, *sort]) == 1
    found = searchlogs.sessionize(make(log()), columns=NAMES, kinds=KINDS, order=order)

    assert {type(found.sessions), type(found.late), type(found.rejects)} == {kind}
    sessions, late, rejects = map(as_arrow, (found.sessions, found.late, found.rejects))
    assert sessions.cast(SESSIONS).equals(pq.read_table(out))
    assert [
        (row["user"], row["time"], row["item"], row["late_by"].total_seconds())
        for row in late.to_pylist()
    ] == [
        (row["user"], datetime.fromisoformat(event["time"]), event.get("item"), row["late_by"])
        for row in lines(out, "late")
        for event in [row["event"]]
    ]
    theirs = lines(out, "rejects")
    assert rejects.to_pylist() == [
        {
            "row": row["line"] - 1,
            "field": row["field"],
            "reason": re.sub(r" \(.*--.*\)", "", row["reason"]),
            "raw": row["raw"],
        }
        for row in theirs
    ]
    assert len(theirs) > 5
    assert found.ignored == {"buy": 3}
    assert bool(len(late)) == (order == "arrival")


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_it_needs_no_engine(library: str, tmp_path: Path) -> None:
    source, out = tmp_path / "log.parquet", tmp_path / "s.parquet"
    pq.write_table(log(), source)
    code = f"""
import pyarrow as pa, pyarrow.parquet as pq, searchlogs
data = pq.read_table({str(source)!r})
if {library!r} == "polars":
    import polars
    data = polars.from_arrow(data)
found = searchlogs.sessionize(data, columns={NAMES}, kinds={KINDS}, order="arrival")
assert type(found.sessions) is type(found.late) is type(found.rejects) is type(data)
pq.write_table(pa.table(found.sessions), {str(out)!r})
"""
    modules = loaded(code, missing=("bytewax", "pandas"))
    with_engine = searchlogs.sessionize(log(), columns=NAMES, kinds=KINDS, order="arrival")
    assert pq.read_table(out).cast(SESSIONS).equals(with_engine.sessions)
    assert "searchlogs.columnar.table" in modules


def lines(out: Path, what: str) -> list[dict[str, Any]]:
    with out.with_name(f"{out.stem}.{what}.jsonl").open() as file:
        return list(map(json.loads, file))


searches_with_hits = st.lists(
    st.tuples(event, st.lists(st.sampled_from(["fido", "rover"]), max_size=2)),
    min_size=1,
    max_size=30,
)


# Two searches at one time, each with hits that were clicked: no hits may pass over to the other.
@example(
    pairs=[
        (Search(1, "dogs", NOON), ["fido"]),
        (Search(1, "cats", NOON), ["kathy"]),
        (ClickResult(1, "fido", NOON), []),
        (ClickResult(1, "kathy", NOON), []),
    ],
    gap=5,
    wait=1,
)
@given(searches_with_hits, st.integers(0, 8), st.integers(0, 8))
def test_it_agrees_with_the_oracle_in_each_order(
    pairs: list[tuple[Event, list[str]]], gap: int, wait: int
) -> None:
    records, rows = [], []
    for one, hits in pairs:
        events = [replace(one, query_id=None) if getattr(one, "query_id", None) == "" else one]
        (row,) = batch(events).to_pylist()
        if isinstance(one, Search):
            row["items"] = hits
            events.append(Results(one.user, tuple(hits), one.time, events[0].query_id))
        records.append(events)
        rows.append(row)
    table = pa.Table.from_pylist(rows, pa.schema(TYPES))
    seconds = timedelta(seconds=gap), timedelta(seconds=wait)
    for order in ("arrival", "time"):
        if order == "time":
            records.sort(key=lambda events: (events[0].time, RANKS.get(type(events[0]), 0)))
        found = searchlogs.sessionize(table, gap=seconds[0], wait=seconds[1], order=order)
        sessions, late = expected(*oracle([e for events in records for e in events], *seconds))
        assert found.sessions.select(COUNTED.names).to_pylist() == sessions
        assert found.late.to_pylist() == late


def times(**changes: Any) -> pd.DataFrame:
    """A search and a click."""
    columns = {
        "event": ["search", "click"],
        "user": [1, 1],
        "time": pd.to_datetime(["2024-01-01T12:00:05Z", "2024-01-01T12:00:09Z"]),
        "query": ["dogs", None],
        "item": [None, "fido"],
    }
    return pd.DataFrame({**columns, **changes})


@pytest.mark.parametrize(
    ("time", "settings"),
    [
        (pd.to_datetime(["2024-01-01 13:00:05", "2024-01-01 13:00:09"]), {"zone": "Europe/Berlin"}),
        (["2024-01-01 13:00:05", "2024-01-01T12:00:09Z"], {"zone": "Europe/Berlin"}),
        ([1704110405000, 1704110409000], {"time_unit": "ms"}),
        ([1704110405.0, 1704110409.0], {"time_unit": "s"}),
    ],
)
def test_times_of_every_kind(time: Any, settings: dict[str, Any]) -> None:
    found = searchlogs.sessionize(times(time=time), **settings)
    assert found.sessions.equals(searchlogs.sessionize(times()).sessions)
    assert found.sessions["ctr"].tolist() == [1.0]


def test_users_that_pandas_made_floats() -> None:
    """A hole makes floats of whole numbers; what else a float is says the border."""
    users = [1, 1.5, None, 2.0**53 - 1, 2.0**53, -3, float("inf")]
    log = pd.DataFrame({"event": "app_open", "user": users, "time": times()["time"][0]})
    found = searchlogs.sessionize(log)
    assert found.sessions["user"].tolist() == ["-3", "1", "9007199254740991"]
    assert found.rejects["row"].tolist() == [1, 2, 4, 6]
    assert found.rejects["reason"][0] == Like("whole number; found 1.5")


def test_local_times_are_those_that_occurred_once() -> None:
    """As a column they are what each is by itself."""
    local = [
        datetime(2024, month, day) + timedelta(minutes=7 * step)
        for month, day in [(3, 31), (10, 27), (7, 1)]
        for step in range(60)
    ]
    many = pd.DataFrame({"event": "app_open", "user": range(len(local)), "time": local})
    as_column = searchlogs.sessionize(many, zone="Europe/Berlin")
    one_by_one = searchlogs.sessionize(
        many.assign(time=many["time"].astype("str")), zone="Europe/Berlin"
    )
    assert len(as_column.rejects) == 16
    assert as_column.sessions.equals(one_by_one.sessions)
    assert as_column.rejects["row"].tolist() == one_by_one.rejects["row"].tolist()


def test_numbers_out_of_range_are_rejects() -> None:
    numbers = [-1, 631151999, 631152000, 7258118400, 7258118401, 1 << 62]
    log = pd.DataFrame({"event": "app_open", "user": range(6), "time": numbers})
    found = searchlogs.sessionize(log, time_unit="s")
    assert found.sessions["user"].tolist() == ["2", "3"]
    assert found.rejects["row"].tolist() == [0, 1, 4, 5]
    assert not found.rejects["reason"].str.contains("--").any()


def test_the_defaults_are_those_of_the_command() -> None:
    time = pd.to_datetime(["2024-01-01T12:00:00Z", "2024-01-01T12:30:00Z"])
    assert len(searchlogs.sessionize(times(time=time)).sessions) == 1
    assert len(searchlogs.sessionize(times(time=time), gap="29m59s").sessions) == 2
    back = times(time=time[::-1])
    assert len(searchlogs.sessionize(back, order="arrival").late) == 1
    assert len(searchlogs.sessionize(back, order="arrival", wait="30m").late) == 0


WRONG: dict[str, tuple[Callable[[], Any], dict[str, Any], type[Exception], str]] = {
    "no such column": (
        lambda: times().rename(columns={"user": "uid"}),
        {},
        ValueError,
        "user: no such column…uid…columns={'user'",
    ),
    "twice": (
        lambda: pd.concat([times(), times()[["item"]]], axis=1),
        {},
        ValueError,
        "item: two columns",
    ),
    "no rows": (lambda: times()[:0], {}, ValueError, "without rows"),
    "no columns": (pd.DataFrame, {}, ValueError, "event: no such column"),
    "local": (
        lambda: times(time=pd.to_datetime(["2024-01-01", "2024-01-02"])),
        {},
        ValueError,
        "time: …timestamp[…zone",
    ),
    "numbers": (lambda: times(time=[1, 2]), {}, ValueError, "time: …int64…time_unit"),
    "a unit": (lambda: times(time=[1, 2]), {"time_unit": "s"}, ValueError, "time: not between…1"),
    "local text": (
        lambda: times(time=["2024-01-01 10:00", "2024-01-01 11:00"]),
        {},
        ValueError,
        "none of the 2 rows…time: no UTC offset…(set zone to",
    ),
    "text": (lambda: times(time=["a", "b"]), {}, ValueError, "none of the 2 rows…time: …'a'"),
    "mixed": (lambda: times(user=[1, "a"]), {}, TypeError, "data: …user"),
    "lists": (lambda: times(user=[[1], [2]]), {}, ValueError, "user: expected…[1]"),
    "kind": (lambda: times(event="open"), {}, ValueError, "event: …'open'…kinds="),
    "no kind": (lambda: times(event=None), {}, ValueError, "event: missing"),
    "ignored": (
        lambda: times(event="buy"),
        {"kinds": {"click": "open"}},
        ValueError,
        "event: none of the 2 rows…'buy'",
    ),
    "our kind": (times, {"kinds": {"clik": "open"}}, ValueError, "kind: …click…'clik'"),
    "kind twice": (times, {"kinds": {"click": "a", "search": ["a"]}}, ValueError, "kinds: 'a'"),
    "a word": (times, {"kinds": {"click": 2}}, TypeError, "kinds: …2"),
    "our name": (times, {"columns": {"usr": "uid"}}, ValueError, "columns: …user…'usr'"),
    "a name": (times, {"columns": {"user": 0}}, TypeError, "columns: …0"),
    "no dict": (times, {"columns": ["user"]}, TypeError, "columns: expected a dict…['user']"),
    "order": (times, {"order": "user"}, ValueError, "order: …'user'"),
    "gap": (times, {"gap": "30"}, ValueError, "gap: …'30'"),
    "zone": (times, {"zone": "Berlin"}, ValueError, "zone: …'Berlin'"),
    "lazy": (lambda: pl.from_pandas(times()).lazy(), {}, TypeError, "data: …LazyFrame…collect"),
    "a path": (lambda: "log.parquet", {}, TypeError, "data: …str"),
    "a column": (lambda: times()["user"], {}, TypeError, "data: …"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_input_is_one_sentence(name: str) -> None:
    make, settings, kind, message = WRONG[name]
    with pytest.raises(kind) as raised:
        searchlogs.sessionize(make(), **settings)
    assert str(raised.value) == Like(message)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_name_with_a_dot_is_a_column_of_its_own() -> None:
    flat = times().rename(columns={"user": "who.id"})
    nested = times(who=[{"id": 1}, {"id": 1}]).drop(columns="user")
    for log in (flat, nested):
        found = searchlogs.sessionize(log, columns={"user": "who.id"})
        assert found.sessions.equals(searchlogs.sessionize(times()).sessions)


@pytest.mark.parametrize(("columns", "taken"), [(["who.id"], True), (["who.id", "who"], False)])
def test_such_a_column_is_taken_as_it_stands(columns: list[str], taken: bool) -> None:
    types = {name: TYPES[name] for name in ("event", "time")}
    schema = pa.schema(types | dict.fromkeys(columns, pa.int64()))
    assert (our_schema(schema, Border({"user": "who.id"})) is not None) == taken


@pytest.mark.parametrize(
    ("time", "border", "taken"),
    [
        (pa.string(), Border(), True),
        (pa.timestamp("ns"), Border(zone="Europe/Berlin"), True),
        (pa.timestamp("ns"), Border(), False),
        (pa.int64(), Border(time_unit="ms"), True),
        (pa.float64(), Border(time_unit="ms"), True),
        (pa.int64(), Border(), False),
        (pa.int64(), Border(time_unit="ms", time_format="%Y%m%d"), False),
        (pa.string(), Border(time_format="%Y%m%d"), False),
    ],
)
def test_times_that_are_read_as_a_column(time: pa.DataType, border: Border, taken: bool) -> None:
    schema = pa.schema({"event": pa.string(), "user": pa.string(), "time": time})
    assert (our_schema(schema, border) is not None) == taken


def test_other_columns_may_hold_anything() -> None:
    log = times(other=[object(), 1])
    assert len(searchlogs.sessionize(log).sessions) == 1


def test_a_stream_of_batches_is_not_held() -> None:
    rows, held = 5_000, []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(50):
            held.append(pa.total_allocated_bytes())
            time = pa.array([1704110400_000_000 + number * 3600_000_000] * rows)
            columns = {
                "event": pa.array(["search"] * rows),
                "user": pa.array(range(rows)),
                "time": time.cast(pa.timestamp("us")).cast(TYPES["time"]),
                "query": pa.array(["a query of some length " * 4] * rows),
            }
            yield pa.record_batch(columns)

    schema = pa.schema({**TYPES, "user": pa.int64()})
    names = ["event", "user", "time", "query"]
    reader = pa.RecordBatchReader.from_batches(
        pa.schema([schema.field(name) for name in names]), batches()
    )
    found = searchlogs.sessionize(reader, order="arrival")
    assert len(found.sessions) == 50 * rows
    grown = held[-1] - held[5]
    assert grown < 10_000_000  # all rows would take 27 MB, and the sessions as much


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = "import searchlogs, sys; assert not {'pyarrow', 'numpy', 'bytewax'} & {*sys.modules}"
    code += "; assert {'sessionize', '__version__'} <= {*dir(searchlogs)}; searchlogs.sessionize"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="sessionise"):
        searchlogs.sessionise  # type: ignore[attr-defined]  # noqa: B018


CALLER = """
import pandas as pd, polars as pl
from searchlogs import sessionize
reveal_type(sessionize(pd.DataFrame(), gap="30m").sessions)
reveal_type(sessionize(pl.DataFrame(), order="arrival").late)
sessionize(pd.DataFrame(), order="user")
"""


@pytest.mark.slow
def test_a_caller_sees_types(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "caller.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines()[:2] == [
        Like('caller.py:4: note: Revealed type is "pandas.…DataFrame"'),
        Like('caller.py:5: note: Revealed type is "polars.…DataFrame"'),
    ]
    assert Like("caller.py:6: error: …sessionize") == run.stdout.splitlines()[2]
