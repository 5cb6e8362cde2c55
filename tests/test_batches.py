"""A log read as record batches: the events, rejects and sums that the border makes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchlogs.columnar.convert import to_batch
from searchlogs.columnar.flow import to_late
from searchlogs.columnar.parquet import common_columns
from searchlogs.columnar.source import BatchSource
from searchlogs.events import KINDS, AppOpen, ClickResult, Event, Results, Search
from searchlogs.logs.border import Border, Reject
from searchlogs.logs.formats import write_log
from searchlogs.logs.log import Log
from searchlogs.logs.schemas import EVENTS
from searchlogs.logs.source import InputChanged, LogSource, Part
from searchlogs.logs.tally import Tally
from searchlogs.logs.ubi import Ubi
from searchlogs.simulate import client_events, simulate

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
START = 1_704_110_400_000_000
TEXT, TIME = pa.string(), pa.timestamp("us", "UTC")
LOG = list(simulate(20, 200, seed=1, disorder=timedelta(seconds=30), query_ids=True))


def events_of(batch: pa.RecordBatch) -> list[Event]:
    none = pa.array([timedelta(0)] * len(batch), pa.duration("us"))
    return [late.event for late in to_late(batch.append_column("late_by", none))]


def read(part: Part[Any]) -> tuple[list[Event], list[Reject], Tally]:
    """All that a source gives, in its order."""
    events: list[Event] = []
    rejects: list[Reject] = []
    tallies: list[Tally] = []
    while True:
        try:
            items = part.next_batch()
        except StopIteration:
            break
        for item in items:
            if isinstance(item, pa.RecordBatch):
                events += events_of(item)
            elif isinstance(item, Reject):
                rejects.append(item)
            elif isinstance(item, Tally):
                tallies.append(item)
            else:
                events.append(item)
    (tally,) = tallies
    return events, rejects, tally


def as_typed(events: list[Event]) -> list[tuple[type, Event]]:
    """Events that are equal only where their users are of one type."""
    return [(type(event.user), event) for event in events]


def assert_same(log: Log, batch: int | None = None) -> tuple[list[Event], list[Reject], Tally]:
    events, rejects, tally = read(LogSource(log.open()).build_part("", "log", None))
    found = read(BatchSource(log.open(), batch=batch).build_part("", "log", None))
    assert as_typed(found[0]) == as_typed(events)
    assert found[1] == rejects
    assert repr(found[2]) == repr(tally)  # as it is told: equal times can be of other zones
    return found


# Columns as they stand

COLUMNS: dict[str, tuple[st.SearchStrategy[Any], list[pa.DataType]]] = {
    "event": (
        st.sampled_from([*KINDS, *KINDS, *KINDS, *KINDS, *KINDS, "tap", "", None]),
        [TEXT, pa.large_string(), pa.dictionary(pa.int32(), TEXT)],
    ),
    "user": (
        st.sampled_from(["1", "2", "3", "1", "2", "3", "ü", "", None]),
        [TEXT, pa.large_string(), pa.dictionary(pa.int8(), TEXT)],
    ),
    "time": (
        st.sampled_from([*[START + 10**6 * s for s in range(20)], -1, 0, 7_258_118_400_000_000,
                         7_258_118_400_000_001, 1 << 62, None]),
        [TIME, pa.timestamp("us", "Asia/Tokyo"), pa.timestamp("us", "+05:30")],
    ),
    "query": (st.sampled_from(["dogs", "", "cats", None]), [TEXT, pa.large_string()]),
    "items": (
        st.sampled_from([[], ["a"], ["a", "b"], ["b", "a"], ["a", ""], ["a", None], None]),
        [pa.list_(TEXT), pa.large_list(TEXT), pa.list_(pa.large_string())],
    ),
    "item": (st.sampled_from(["a", "b", "c", "a", "", None]), [TEXT, pa.large_string()]),
    "query_id": (st.sampled_from(["p", "q", "p", None, None, ""]), [TEXT, pa.large_string()]),
    "position": (
        st.sampled_from([1, 2, None, None, 0, -1, 10**9, 10**9 + 1]),
        [pa.int64(), pa.int32(), pa.float64()],
    ),
}  # fmt: skip
NUMBERS = st.sampled_from([1, 2, 1, 2, -3, 2**31 - 1, None])


Columns = dict[str, tuple[st.SearchStrategy[Any], pa.DataType]]


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    """Columns of the types that logs have them in; some may be missing."""
    chosen = {}
    for name, (values, types) in COLUMNS.items():
        if name in ("event", "user", "time") or draw(st.integers(0, 5)):
            chosen[name] = values, draw(st.sampled_from(types))
    if draw(st.booleans()):
        chosen["user"] = NUMBERS, draw(st.sampled_from([pa.int64(), pa.int32()]))
    return chosen


@st.composite
def rows(draw: st.DrawFn, columns: Columns) -> pa.Table:
    size = draw(st.integers(0, 30))
    arrays = {}
    for name, (values, type) in columns.items():
        cells = draw(st.lists(values, min_size=size, max_size=size))
        if type == pa.float64():
            halves = draw(st.lists(st.sampled_from([0, 0, 0.5]), min_size=size, max_size=size))
            cells = [c if c is None else c + half for c, half in zip(cells, halves, strict=True)]
        arrays[name] = pa.array(cells, type)
    return pa.table(arrays)


tables = columns().flatmap(rows)
alike = columns().flatmap(lambda those: st.lists(rows(those), min_size=2, max_size=4))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def written(place: Path, *tables: pa.Table, group: int = 7) -> tuple[str, ...]:
    paths = tuple(str(place / f"{number}.parquet") for number in range(len(tables)))
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path, row_group_size=group)
    return paths


@contextmanager
def small_chunks(rows: int) -> Iterator[None]:
    """Let Parquet files be read so many rows at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("searchlogs.logs.parquet.ROWS", rows)
        yield


BORDERS = [
    Border(),
    Border(kinds={"search": "search", "click": "click", "app_open": "results"}),
    Border(fields={"item": "query", "query_id": "item"}, kinds={"tap": "search"}),
    Border(first_position=0),
    Border(kinds={"*": "activity"}),
    Border({"query": "item", "item": "query"}, {"tap": "activity", "search": "search"}),
    Border({"position": "rank", "query_id": "qid"}),
]


@given(tables, st.sampled_from(BORDERS), st.integers(1, 12), st.integers(1, 12))
def test_a_file_gives_what_the_border_gives(
    place: Path, table: pa.Table, border: Border, rows: int, group: int
) -> None:
    log = Log(written(place, table, group=group), border)
    assert common_columns(log.open()) is not None
    with small_chunks(rows):
        assert_same(log, rows)


@settings(max_examples=50)
@given(alike, st.integers(1, 12), st.integers(1, 12))
def test_files_are_merged_as_their_lines_are(
    place: Path, several: list[pa.Table], rows: int, group: int
) -> None:
    log = Log(written(place, *several, group=group))
    assert common_columns(log.open()) is not None
    with small_chunks(rows):
        assert_same(log, rows)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("user", b"\xff"),
        ("query", b"\xff"),
        ("item", b"\xc3"),
        ("event", b"sear\xffch"),
        ("time", 1 << 62),
        ("time", -(1 << 62)),
    ],
)
def test_what_python_can_not_read(place: Path, column: str, value: Any) -> None:
    """In a batch with such a row, the border looks at all of them."""
    rows = to_batch(LOG[:20])
    cells = {name: rows[name].to_pylist() for name in rows.schema.names}
    types = {name: rows.schema.field(name).type for name in rows.schema.names}
    if column == "time":
        types["time"] = pa.timestamp("ms", "UTC")
        values = pa.array([value, *range(1, 20)]).cast(types["time"])
    else:
        texts = [str(cell or "x").encode() for cell in cells[column]]
        values = pa.array([value, *texts[1:]], pa.binary()).view(TEXT)
        types["user"] = TEXT
    table = pa.table({
        name: values if name == column
        else pa.array(map(str, cells["user"]), TEXT) if name == "user"
        else pa.array(cells[name], TEXT if name == "event" else types[name])
        for name in cells
    })  # fmt: skip
    log = Log(written(place, table))
    assert common_columns(log.open()) is not None
    events, rejects, _ = assert_same(log)
    assert rejects and len(events) + len(rejects) == 20


def test_nanoseconds_are_cut(place: Path) -> None:
    nanos = pa.array([START * 1_000 + 999, -1, 5], pa.timestamp("ns", "UTC"))
    table = pa.table({"event": ["app_open"] * 3, "user": [1, 2, 3], "time": nanos})
    log = Log(written(place, table))
    assert common_columns(log.open()) is not None
    events, _, _ = assert_same(log)
    assert events[0] == AppOpen(1, NOON)


def test_a_broken_file(place: Path) -> None:
    write_log(LOG, place / "whole.parquet")
    data = bytearray((place / "whole.parquet").read_bytes())
    for name, content in {
        "cut.parquet": data[:-10],
        "empty.parquet": b"",
        "text.parquet": b"dogs\n",
    }.items():
        (place / name).write_bytes(content)
        _, rejects, _ = assert_same(Log((str(place / name),)))
        assert len(rejects) == 1
    table = pq.read_table(place / "whole.parquet")
    pq.write_table(table, place / "b.parquet", row_group_size=300, use_dictionary=False)
    group = pq.ParquetFile(place / "b.parquet").metadata.row_group(1)
    data = bytearray((place / "b.parquet").read_bytes())
    at = group.column(2).data_page_offset
    data[at : at + 40] = b"\xff" * 40
    (place / "b.parquet").write_bytes(data)
    log = Log((str(place / "b.parquet"),))
    assert common_columns(log.open()) is not None
    events, rejects, _ = assert_same(log)
    assert (len(events), rejects[0].line) == (300, 301)
    assert "truncated" in rejects[0].reason


def test_what_pandas_writes_is_taken_as_it_stands(place: Path) -> None:
    """Holes among positions make them floats; a column of nothing has no type."""
    rows = [dict(zip(EVENTS.names, row.values(), strict=True)) for row in to_batch(LOG).to_pylist()]
    frame = pd.DataFrame(rows).assign(query_id=None)
    assert frame["position"].dtype == float
    frame.to_parquet(place / "pandas.parquet")
    log = Log((str(place / "pandas.parquet"),))
    schema = common_columns(log.open())
    assert schema is not None and "query_id" not in schema.names
    assert len(assert_same(log)[0]) == len(LOG)


def changed(**columns: pa.Array) -> pa.Table:
    table = pa.Table.from_batches([to_batch(LOG[:50])])
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    return table


@pytest.mark.parametrize(
    "table",
    [
        changed(user=pa.array(np.arange(50.0))),
        changed(time=pa.array(["2024-01-01T00:00:00Z"] * 50)),
    ],
)
def test_users_as_floats_and_times_as_text_are_columns_too(place: Path, table: pa.Table) -> None:
    log = Log(written(place, table))
    assert common_columns(log.open()) is not None
    assert_same(log)


@pytest.mark.parametrize(
    "table",
    [
        changed(user=pa.array(np.arange(50), pa.uint64())),
        changed(time=pa.array([START] * 50, pa.timestamp("us"))),
        changed(time=pa.array([START] * 50, pa.timestamp("us", "Mars/Olympus"))),
        changed(items=pa.array([[1]] * 50)),
        changed(item=pa.array([1] * 50)),
        changed(position=pa.array(["1"] * 50)),
        changed().drop_columns(["user"]),
        changed().rename_columns([*EVENTS.names[:3], "event", *EVENTS.names[4:]]),
    ],
)
def test_other_columns_the_border_reads(place: Path, table: pa.Table) -> None:
    log = Log(written(place, table))
    assert common_columns(log.open()) is None
    assert_same(log)


@pytest.mark.parametrize(
    "settings",
    [
        {"border": Ubi()},
        {"border": Border(fields={"user": "a.user"})},
        {"once": timedelta(minutes=1)},
        {"key": b"k" * 32},
        {"format": "csv"},
    ],
)
def test_other_wishes_need_the_border(place: Path, settings: dict[str, Any]) -> None:
    log = Log(written(place, changed()), **settings)
    assert common_columns(log.open()) is None
    assert_same(log)


def test_files_of_different_columns_the_border_reads(place: Path) -> None:
    users = pa.array([str(event.user) for event in LOG[:50]])
    log = Log(written(place, changed(), changed(user=users)))
    assert common_columns(log.open()) is None
    assert_same(log)
    write_log(LOG, place / "1.jsonl")
    assert_same(Log((written(place, changed())[0], str(place / "1.jsonl"))))


# Events gathered


@pytest.mark.parametrize(
    "users", [[1, 2], ["1", "2"], [1, "1", "ü"], [2**70, 5], ["1", -(2**63), 2**63 - 1]]
)
def test_gathered_events_keep_their_users(users: list[int | str]) -> None:
    events: list[Event] = [AppOpen(user, NOON) for user in users]
    events += [ClickResult(user, "fido", NOON, "q", 3) for user in users]
    assert as_typed(events_of(to_batch(events))) == as_typed(events)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "jsonl.gz", "parquet"])
def test_every_format(tmp_path: Path, ending: str) -> None:
    write_log(LOG, tmp_path / f"log.{ending}")
    events, _, _ = assert_same(Log((str(tmp_path / f"log.{ending}"),)))
    assert len(events) == len(LOG)


def test_a_log_of_nothing_but_bad_lines(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n" * 5)
    assert len(assert_same(Log((str(tmp_path / "log.jsonl"),)))[1]) == 5
    (tmp_path / "log.jsonl").write_text("")
    assert assert_same(Log((str(tmp_path / "log.jsonl"),))) == ([], [], Tally())


# On from where it was


@settings(max_examples=50)
@given(tables, st.integers(1, 9), st.integers(1, 12), st.integers(1, 12), st.data())
def test_it_goes_on_where_it_was(
    place: Path, table: pa.Table, rows: int, group: int, other: int, data: st.DataObject
) -> None:
    """Also where the file was written anew meanwhile, with other groups of rows, and has grown."""
    log = Log(written(place, table, table, group=group))
    before: list[Any] = []
    with small_chunks(rows):
        whole = read(BatchSource(log.open(), batch=rows).build_part("", "log", None))
        part = BatchSource(log.open(), batch=rows).build_part("", "log", None)
        for _ in range(data.draw(st.integers(0, 2 * len(table) // rows))):
            before += part.next_batch()
        state = part.snapshot()
        again = Log(written(place, table, table, group=other))
        read_on = read(BatchSource(again.open(), batch=rows).build_part("", "log", state))
    events = [e for item in before if isinstance(item, pa.RecordBatch) for e in events_of(item)]
    rejects = [item for item in before if isinstance(item, Reject)]
    assert events + read_on[0] == whole[0]
    assert rejects + read_on[1] == whole[1]
    assert read_on[2] == whole[2]


CHANGES: dict[str, Callable[[list[Event]], list[Event]]] = {
    "another user": lambda events: [AppOpen(99, events[0].time), *events[1:]],
    "another order": lambda events: [events[1], events[0], *events[2:]],
    "a query": lambda events: [
        Search(e.user, "cats", e.time) if isinstance(e, Search) else e for e in events
    ],
    "items": lambda events: [
        Results(e.user, ("rover", "fido"), e.time) if isinstance(e, Results) else e for e in events
    ],
    "other borders of items": lambda events: [
        Results(e.user, (e.items[0] + e.items[1][0], e.items[1][1:], *e.items[2:]), e.time)
        if isinstance(e, Results)
        else e
        for e in events
    ],
    "fewer": lambda events: events[:5],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_log_is_noticed(
    tmp_path: Path, change: Callable[[list[Event]], list[Event]]
) -> None:
    events = list(client_events())
    write_log(events, tmp_path / "log.parquet")
    log = Log((str(tmp_path / "log.parquet"),))
    part = BatchSource(log.open()).build_part("", "log", None)
    part.next_batch()
    state = part.snapshot()
    BatchSource(log.open()).build_part("", "log", state)
    assert change(events) != events
    write_log(change(events), tmp_path / "log.parquet")
    with pytest.raises(InputChanged):
        BatchSource(log.open()).build_part("", "log", state)


def test_a_file_that_goes_on_is_noticed(tmp_path: Path) -> None:
    """Even where it goes on with a record that counts for nothing."""
    border = Border(kinds={kind: kind for kind in KINDS})
    path = tmp_path / "log.parquet"
    log = Log((str(path),), border)
    table = changed()
    pq.write_table(table, path)
    part = BatchSource(log.open()).build_part("", "log", None)
    read(part)
    state = part.snapshot()
    assert state == (50, state[1], True)
    tap = changed(event=pa.array(["tap"] * 50)).slice(0, 1)
    pq.write_table(pa.concat_tables([table.cast(tap.schema), tap]), path)
    with pytest.raises(InputChanged, match="added after the first 50"):
        BatchSource(log.open()).build_part("", "log", state)


def test_progress_comes_to_the_size_of_the_files(place: Path) -> None:
    told: list[tuple[int, int]] = []
    log = Log(written(place, changed(), changed()))
    read(
        BatchSource(log.open(), lambda size, events: told.append((size, events))).build_part(
            "", "", None
        )
    )
    sizes = sum(Path(path).stat().st_size for path in log.paths)
    assert (sum(size for size, _ in told), sum(events for _, events in told)) == (sizes, 100)


def test_lines_of_all_kinds(tmp_path: Path) -> None:
    """What most lines have takes a short way; whatever else is the same as on the long one."""
    users = ["1", "-5", '"a"', '"ü"', str(2**63), str(-(2**63)), "9" * 4_400, '"\\ud800"', '""']
    times = ["2024-01-01T12:00:00Z", "2024-01-01T13:00:00.5+01:00", "1969-12-31T23:59:59Z"]
    kinds = [
        '"app_open"',
        '"search", "query": "dogs", "query_id": 7',
        '"results", "items": ["fido", 5]',
        '"click", "item": "fido", "position": 3',
        '"click", "item": "fido", "position": 0',
    ]
    lines = [
        f'{{"event": {kind}, "user": {user}, "time": "{time}"}}'
        for kind in kinds
        for user in users
        for time in times
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    for log in (
        Log((str(tmp_path / "log.jsonl"),)),
        Log((str(tmp_path / "log.jsonl"),), once=timedelta(hours=1)),
        Log((str(tmp_path / "log.jsonl"),), key=b"k" * 32),
    ):
        events, rejects, _ = assert_same(log)
        assert len(events) > 30 and len(rejects) > 50
